"""The way over an accelerator against NumPy's, torch's processor in the accelerator's place; and tensors as rows."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import headstart as hs
from headstart.strategies._mathematics import accelerator
from headstart.strategies._mathematics.accelerator import computing_on, fetched, from_tensor, is_tensor, placed
from headstart.strategies._mathematics.fourier import RandomFourier
from headstart.strategies._mathematics.hessians import LowRankHessian
from headstart.strategies._mathematics.kernels import KERNELS, Kernel
from headstart.strategies._mathematics.nystrom import Nystrom
from headstart.strategies._mathematics.transport import sinkhorn
from headstart.strategies.feature.meda import MEDA
from headstart.strategies.feature.registry import ALIGNMENTS
from headstart.strategies.instance.registry import WEIGHTINGS
from headstart.strategies.instance.robust_bias_aware import RobustBiasAware
from headstart.strategies.instance.tradaboost import TrAdaBoost
from headstart.strategies.source_selection import SourceSelection

RBF = {"kernel": "rbf", "gamma": 0.1, "n_components": 4}


def _domains(dtype=np.float64, n=300, m=260):
    rng = np.random.default_rng(0)
    centres = 2 * rng.standard_normal((3, 6))
    y = np.arange(n) % 3
    source, target = centres[y] + rng.standard_normal((n, 6)), centres[y[:m]] + rng.standard_normal((m, 6)) + 0.8
    return source.astype(dtype), y, target.astype(dtype)


@pytest.fixture
def visits(monkeypatch):
    """Shapes of the arrays that went over."""
    shapes, tensor = [], torch.tensor

    def counted(values, **settings):
        shapes.append(values.shape)
        return tensor(values, **settings)

    monkeypatch.setattr(torch, "tensor", counted)
    return shapes


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("coral", {}),
        ("linear_monge", {}),
        ("tca", {"n_components": 4}),
        ("tca", RBF),
        ("tca", RBF | {"n_landmarks": 60}),
        ("tca", RBF | {"n_landmarks": 60, "approximation": "fourier"}),
        ("tca", RBF | {"kernel": "polynomial"}),
        ("jda", RBF),
        ("sinkhorn", {}),
        ("sinkhorn", {"relaxation": 1.0}),
        ("minibatch_transport", {"batch_size": 100}),
        ("class_transport", {}),
    ],
)
def test_alignments_are_the_same_there(name, settings, dtype, visits):
    source, y, target = _domains(dtype)

    def images():
        found = ALIGNMENTS.make(name, **settings).fit(source, target, y_source=y)
        return found.transform_source(source), found.transform_target(target)

    expected = images()
    assert not visits
    with computing_on("cpu"):
        found = images()
    assert visits
    for here, there in zip(expected, found, strict=True):
        assert isinstance(there, np.ndarray)
        assert there.dtype == dtype
        signs = np.where((here * there).sum(axis=0) < 0, -1, 1)  # an eigenvector has two
        np.testing.assert_allclose(signs * there, here, atol=1e-9 if dtype == np.float64 else 2e-3)


@pytest.mark.parametrize("solver", ["dense", "nystrom"])
def test_kernel_mean_matching_is_the_same_there(solver, visits):
    source, _, target = _domains()
    settings = {"solver": solver, "n_landmarks": 80}
    here = WEIGHTINGS.make("kmm", **settings).fit(source, target)
    assert not visits
    with computing_on("cpu"):
        there = WEIGHTINGS.make("kmm", **settings).fit(source, target)
    assert visits
    assert there.objective_ == pytest.approx(here.objective_, rel=1e-9)
    np.testing.assert_allclose(there.weights_, here.weights_, atol=1e-6)


def test_solves_with_features_that_lie_there_are_the_same():
    rng = np.random.default_rng(0)
    features, diagonal, vector = rng.standard_normal((90, 7)).astype(np.float32), rng.random(90), rng.random(90)
    here = LowRankHessian(features, diagonal)
    with computing_on("cpu"):
        there = LowRankHessian(placed(features, 0, dtype=np.float64), diagonal)
    assert is_tensor(there.features)
    np.testing.assert_allclose(there.times(vector), here.times(vector), rtol=1e-12)
    np.testing.assert_allclose(there.solver(diagonal)(vector), here.solver(diagonal)(vector), rtol=1e-9)


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels_and_features_take_tensors(kernel):
    source, _, target = _domains()
    function, rows = Kernel(kernel, 0.1), torch.tensor(source)
    features = [Nystrom.of(function, target, 50)]
    features += [RandomFourier.of(function, 6, 40)] if kernel == "rbf" else []
    for here, there in [
        (function(source, target), function(rows, target)),
        *((of(source), of(rows)) for of in features),
    ]:
        assert is_tensor(there)
        np.testing.assert_allclose(fetched(there), here, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("entropy", [0.01, 1.0])
def test_potentials_are_the_same_there(entropy):
    source, _, target = _domains()
    costs = np.square(source[:, None] - target).sum(axis=2)
    here = sinkhorn(costs, entropy * costs.mean())
    with computing_on("cpu"):
        there = sinkhorn(costs, entropy * costs.mean(), start=np.zeros(len(target)))
    for first, second in zip(here, there, strict=True):
        np.testing.assert_allclose(second, first, atol=1e-8 * costs.mean())


def test_only_large_work_goes_there_and_only_where_there_is_room(monkeypatch):
    rows = np.zeros((4, 2))
    monkeypatch.setattr(accelerator, "_is_there", lambda: True)
    monkeypatch.setattr(accelerator, "_device_with_room", lambda n_bytes: "cpu" if n_bytes <= 64 else None)
    assert placed(rows, accelerator.LARGE_WORK - 1) is rows
    assert is_tensor(placed(rows, accelerator.LARGE_WORK))
    assert placed(np.zeros((5, 2)), accelerator.LARGE_WORK).shape == (5, 2)
    assert not is_tensor(placed(np.zeros((5, 2)), accelerator.LARGE_WORK))
    monkeypatch.setattr(accelerator, "_is_there", lambda: False)
    assert placed(rows, accelerator.LARGE_WORK) is rows


def test_without_an_accelerator_torch_is_not_imported():
    lines = """
import sys
import numpy as np
from headstart.strategies._mathematics import accelerator
accelerator.DRIVERS, accelerator.LARGE_WORK = (), 0
from headstart.strategies.feature.registry import ALIGNMENTS
from headstart.strategies.instance.registry import WEIGHTINGS
rows = np.random.default_rng(0).standard_normal((60, 3))
for name in ("tca", "coral", "sinkhorn"):
    ALIGNMENTS.make(name).fit(rows, rows + 1).transform_source(rows)
WEIGHTINGS.make("kmm").fit(rows, rows + 1)
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


ESTIMATORS = [
    hs.Aligned(LogisticRegression(), hs.Coral()),
    hs.Reweighted(LogisticRegression(), hs.KMM()),
    hs.SafeTransfer(LogisticRegression(), ["coral"]),
    SourceSelection(LogisticRegression()),
    hs.make_pipeline(StandardScaler(), hs.Aligned(LogisticRegression(), hs.Coral())),
    MEDA(),
    RobustBiasAware(),
    TrAdaBoost(DecisionTreeClassifier(max_depth=2, random_state=0)),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("holder", [lambda rows: rows, hs.Unlabelled], ids=["rows", "held"])
def test_estimators_take_tensors_as_rows(estimator, holder):
    source, y, target = _domains(np.float32)
    known = np.full(len(target), None, dtype=object)
    known[:60] = y[:60]
    given = {"y_target": known} if isinstance(estimator, TrAdaBoost) else {}
    expected = estimator.fit(source, y, X_target=target, **given).predict_proba(target)
    found = estimator.fit(torch.tensor(source), torch.tensor(y), X_target=holder(torch.tensor(target)), **given)
    assert np.array_equal(found.predict_proba(torch.tensor(target)), expected)
    assert np.array_equal(found.predict(torch.tensor(target)), found.predict(target))


@pytest.mark.parametrize("make", [lambda: ALIGNMENTS.make("tca"), lambda: WEIGHTINGS.make("kmm")], ids=["tca", "kmm"])
def test_alignments_and_weightings_take_tensors_and_keep_their_float_type(make):
    source, _, target = _domains(np.float32)
    found, expected = make().fit(torch.tensor(source), torch.tensor(target)), make().fit(source, target)
    if not hasattr(found, "transform_target"):
        assert found.weights_.dtype == np.float32
        assert np.array_equal(found.weights_, expected.weights_)
    else:
        image = found.transform_target(torch.tensor(target))
        assert image.dtype == np.float32
        assert np.array_equal(image, expected.transform_target(target))


def test_half_floats_and_gradients_become_arrays():
    assert from_tensor(torch.ones(2, dtype=torch.bfloat16)).dtype == np.float32
    assert from_tensor(torch.ones(2, dtype=torch.float64, requires_grad=True)).dtype == np.float64
    rows = [[1.0]]
    assert from_tensor(rows) is rows
