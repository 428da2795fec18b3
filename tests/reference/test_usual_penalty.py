"""The usual penalty of the kernel methods: the same map however often each row stands there, and in whatever unit."""

import numpy as np
import pytest
from scipy.linalg import eigh
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier

from headstart.strategies.feature.bda import BDA
from headstart.strategies.feature.jda import JDA
from headstart.strategies.feature.tca import TCA
from headstart.strategies.feature.tjm import TJM

GUESSER = KNeighborsClassifier(1)  # that repeated rows don't change
METHODS = [
    TCA(4),
    TCA(4, penalty="weights"),
    JDA(4, classifier=GUESSER),
    JDA(4, classifier=GUESSER, penalty="weights"),
    BDA(4, classifier=GUESSER, balance=0.3),
    TJM(4, n_rounds=4),
]


def _domains(n=60, m=48, d=9):
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((3, d))
    y, z = np.arange(n) % 3, np.arange(m) % 3
    return centres[y] + rng.standard_normal((n, d)), y, centres[z] + rng.standard_normal((m, d)) + 0.7


def _image(method, source, y, target, rows):
    """The (n, k) image of ``rows``, about its mean and turned to one sign."""
    image = clone(method).fit(source, target, y_source=y).transform_target(rows)
    image = image - image.mean(axis=0)
    return image * np.sign(image[np.abs(image).argmax(axis=0), np.arange(image.shape[1])])


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_repeated_rows_change_nothing(method):
    source, y, target = _domains()
    once = _image(method, source, y, target, target)
    often = _image(method, np.tile(source, (20, 1)), np.tile(y, 20), np.tile(target, (20, 1)), target)
    np.testing.assert_allclose(often, once, atol=1e-5)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_the_unit_of_the_rows_changes_nothing(method):
    source, y, target = _domains()
    np.testing.assert_allclose(
        _image(method, 100 * source, y, 100 * target, 100 * target),
        _image(method, source, y, target, target),
        atol=1e-5,
    )


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_number_is_taken_as_it_is(method):
    source, y, target = _domains()
    fixed = clone(method).set_params(regularization=3000.0)
    once = _image(fixed, source, y, target, target)
    often = _image(fixed, np.tile(source, (20, 1)), np.tile(y, 20), np.tile(target, (20, 1)), target)
    assert np.abs(often - once).max() > 0.01


@pytest.mark.parametrize("penalty", ["coefficients", "weights"])
def test_it_is_the_share_of_the_trace_of_the_dense_constraint(penalty):
    source, _, target = _domains()
    rows, k = np.concatenate([source, target]), 4
    inputs = rows @ rows.T if penalty == "coefficients" else rows
    e = np.concatenate([np.full(len(source), 1 / len(source)), np.full(len(target), -1 / len(target))])
    centred = inputs - inputs.mean(axis=0)
    spread = centred.T @ centred
    gap = inputs.T @ e / np.linalg.norm(e)
    gains, vectors = eigh(spread, np.outer(gap, gap) + 1e-4 * np.trace(spread) * np.eye(len(spread)))
    vectors = vectors[:, ::-1][:, :k]
    expected = centred @ (vectors / np.linalg.norm(vectors, axis=0))
    image = TCA(k, penalty=penalty, scaling="length").fit(source, target).transform_source(rows)
    if penalty == "coefficients":  # K has a null space, where the vectors' lengths are of no account
        expected = expected / np.linalg.norm(expected, axis=0)
        image = (image - image.mean(axis=0)) / np.linalg.norm(image - image.mean(axis=0), axis=0)
    signs = np.sign((expected * image).sum(axis=0))
    image = image - image.mean(axis=0)
    factor = image.std() / expected.std()
    np.testing.assert_allclose(image, factor * signs * expected, atol=1e-8)
