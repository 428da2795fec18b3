"""What is trained on raw examples is tried, saved and asked like everything else."""

import numpy as np
import pytest

import headstart as hs
from headstart.errors import UnknownNameError

FILLER = "the of and to in is it on with as at by".split()


def ordered_words(n, seed=0):
    """Texts that hold the same words; what comes first decides."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for number in range(n):
        words = list(rng.choice(FILLER, 8))
        early, late = sorted(rng.choice(8, 2, replace=False))
        names = ("cat", "dog") if number % 2 else ("dog", "cat")
        words[early], words[late] = names
        texts.append(" ".join(words))
        labels.append(f"{names[0]} first")
    return texts, labels


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    texts, labels = ordered_words(700)
    folder = tmp_path_factory.mktemp("trained")
    return hs.fit(
        texts,
        labels,
        backbones=["glove_50d"],
        strategies=["text_lstm"],
        n_folds=3,
        out=folder / "run",
        cache=folder / "cache",
    )


def test_it_wins_where_order_decides(run):
    row = next(row for row in run.leaderboard if row.is_handed_over)
    assert row.head == "text_lstm"
    assert row.test.value > 0.9
    frozen = next(row for row in run.leaderboard if row.name.startswith("glove_50d /"))
    assert frozen.cv.value < 0.7


def test_the_saved_model_says_the_same(run):
    texts, labels = ordered_words(40, seed=5)
    model = hs.load(run.out)
    proba = model.predict_proba(texts)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert np.mean(model.predict(texts) == np.array(labels)) > 0.9
    one = np.concatenate([model.predict_proba([text]) for text in texts[:5]])
    np.testing.assert_allclose(one, proba[:5], atol=1e-5)


def test_what_cannot_be_read_is_told_in_place(run, tmp_path):
    model = hs.load(run.out)
    found = model.predict_rows(["cat and dog", tmp_path / "none.txt"])
    assert list(found.problems) == [1]
    assert found.labels[1] is None
    assert np.isnan(found.figures[1]).all()
    assert found.labels[0] is not None


def test_the_command_names_it(run):
    assert "--strategy text_lstm" in (run.out / "report.html").read_text()


def test_an_unknown_strategy_is_told_first(tmp_path):
    with pytest.raises(UnknownNameError, match="text_lstm"):
        hs.fit(tmp_path, strategies=["text_lsmt"])
