"""The choice of a model for a target without labels: its table, its ties, its guard."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from headstart.errors import InputError
from headstart.evaluation.choose_without_labels import choose_without_labels
from headstart.evaluation.domain_splits import DomainStratifiedKFold
from headstart.evaluation.validators.registry import VALIDATORS, make_validator
from headstart.strategies.feature.aligned import Aligned
from headstart.strategies.feature.coral import Coral
from headstart.strategies.unlabelled import Unlabelled
from headstart.testing.two_domains import two_domains

DATA = two_domains(n_source=90, n_target=60)
X, Y, TARGET = DATA.source, DATA.y_source, DATA.target
PLAIN = LogisticRegression().fit(X, Y)
MOVED = Aligned(LogisticRegression(), Coral()).fit(X, Y, X_target=TARGET)
FLAT = DummyClassifier().fit(X, Y)


def _says(values):
    """A validator that gives each model what ``values`` says, in the order of models."""
    return lambda model, X, y: values[model]


def test_the_table_has_a_line_for_each_model():
    found = choose_without_labels({"plain": PLAIN, "moved": MOVED, "flat": FLAT}, X, Y, TARGET)
    assert [row.name for row in found.candidates] == ["plain", "moved", "flat"]
    assert sorted(row.rank for row in found.candidates) == [1, 2, 3]
    best = next(row for row in found.candidates if row.rank == 1)
    assert found.name == best.name
    assert found.estimator is {"plain": PLAIN, "moved": MOVED}[best.name]
    flat = found.candidates[2]
    assert flat.rank == 3
    assert "for every target row" in flat.guard
    assert np.isnan(flat.mean_rank)
    assert 0 <= found.agreement <= 1
    text = str(found).splitlines()
    assert len(text) == 5
    assert text[3].startswith("   3 flat")
    assert "1 collapsed left out" in text[4]
    scorer = make_validator("circular", X_target=TARGET)
    assert found.candidates[1].values["circular"] == scorer(MOVED, X, Y)


def test_a_tie_goes_to_the_first():
    other = LogisticRegression().fit(X, Y)
    even = {"one": _says({PLAIN: 1.0, other: 2.0}), "two": _says({PLAIN: 2.0, other: 1.0})}
    for order in ([("a", PLAIN), ("b", other)], [("b", other), ("a", PLAIN)]):
        assert choose_without_labels(order, X, Y, TARGET, validators=even).name == order[0][0]
    better = {"one": _says({PLAIN: 1.0, other: 2.0})}
    assert choose_without_labels({"a": PLAIN, "b": other}, X, Y, TARGET, validators=better).name == "b"


def test_a_collapsed_model_is_never_taken_however_it_is_scored():
    high = {"one": _says({PLAIN: 0.0, FLAT: 1e9})}
    for models in ({"plain": PLAIN, "flat": FLAT}, {"flat": FLAT, "plain": PLAIN}):
        found = choose_without_labels(models, X, Y, TARGET, validators=high, source_only=PLAIN)
        assert found.name == "plain"


def test_where_all_have_collapsed_the_first_is_taken_and_told():
    found = choose_without_labels({"a": FLAT, "b": DummyClassifier().fit(X, Y)}, X, Y, TARGET, validators=["entropy"])
    assert found.name == "a"
    assert found.rule == "every model has collapsed: the first is taken"
    assert np.isnan(found.agreement)


def test_with_folds_clones_are_fitted_and_the_chosen_one_on_all_rows():
    models = {"plain": LogisticRegression(), "moved": Aligned(LogisticRegression(), Coral()), "flat": DummyClassifier()}
    found = choose_without_labels(models, X, Y, Unlabelled(TARGET), validators=["circular"], cv=3)
    assert not hasattr(models["plain"], "coef_")
    folds = DomainStratifiedKFold(3)
    domains = np.where(np.arange(90) % 2, "p", "q")
    found = choose_without_labels(
        models, X, Y, TARGET, validators=["source_accuracy"], cv=folds, sample_domain=domains, source_only="plain"
    )
    wanted = cross_val_score(LogisticRegression(), X, Y, groups=domains, cv=folds).mean()
    assert found.candidates[0].values["source_accuracy"] == pytest.approx(wanted)
    assert found.candidates[2].guard.endswith("(in 3 of 3 folds)")
    if found.name == "moved":
        assert found.estimator.adapted_
        assert found.estimator.source_domains_.tolist() == ["p", "q"]
    else:
        np.testing.assert_allclose(found.estimator.coef_, PLAIN.coef_, atol=1e-4)


def test_regressors_are_asked_what_they_can_answer():
    y = X @ [1.0, -2.0, 0.5, 0.0]
    models = {"flat": DummyRegressor().fit(X, y), "line": LinearRegression().fit(X, y)}
    found = choose_without_labels(models, X, y, TARGET, source_only="line")
    assert list(found.candidates[0].values) == ["circular", "importance_weighted"]
    assert found.name == "line"
    assert "for every target row" in found.candidates[0].guard


def test_mean_rank_and_agreement_compare_the_sound():
    models = {"plain": PLAIN, "moved": MOVED, "flat": FLAT}
    found = choose_without_labels(models, X, Y, TARGET, validators=["agreement", "mean_rank"])
    scorer = make_validator("agreement", X_target=TARGET, candidates=[PLAIN, MOVED])
    assert found.candidates[1].values["agreement"] == scorer(MOVED, X)


@pytest.mark.parametrize("name", sorted(set(VALIDATORS.names()) - {"agreement", "mean_rank"}))
def test_searches_over_adapted_models_take_every_validator(name):
    scorer = make_validator(name, X_target=TARGET)
    grid = {"alignment__regularization": [0.01, 1.0]}
    search = GridSearchCV(Aligned(KNeighborsClassifier(), Coral()), grid, scoring=scorer, cv=2, error_score="raise")
    search.fit(X, Y, X_target=Unlabelled(TARGET))
    assert np.isfinite(search.best_score_)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"estimators": []}, "needs estimators, got none"),
        ({"validators": []}, "needs validators, got none"),
        ({"estimators": {"new": LogisticRegression()}}, "needs fitted estimators, got 'new' unfitted"),
        ({"source_only": "other"}, r"needs source_only among \['plain'\], got 'other'"),
        ({"y": None}, "needs the targets"),
    ],
)
def test_what_cannot_be_chosen_gets_one_line(change, word):
    given = {"estimators": {"plain": PLAIN}, "X": X, "y": Y, "X_target": TARGET} | change
    with pytest.raises(InputError, match=word) as told:
        choose_without_labels(given.pop("estimators"), given.pop("X"), given.pop("y"), given.pop("X_target"), **given)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "settings", "word"),
    [
        ("dev", {"loss": "hinge"}, "needs a loss of auto, error, log, squared, got 'hinge'"),
        ("dev", {"n_folds": 1}, "settings above 0"),
        ("importance_weighted", {"loss": "hinge"}, "needs a loss of"),
        ("mixval", {"share": 0.5}, "needs a share between 0.5 and 1, got 0.5"),
        ("soft_neighbourhood_density", {"of": "rows"}, "of='probabilities' or 'features', got 'rows'"),
        ("soft_neighbourhood_density", {"temperature": 0}, "settings above 0, got {'temperature': 0}"),
        ("soft_neighbourhood_density", {"X_target": TARGET[:1]}, "needs 2 rows in X_target, got 1"),
        ("mean_rank", {"candidates": [PLAIN], "validators": []}, "needs at least one validator"),
    ],
)
def test_bad_settings_get_one_line(name, settings, word):
    with pytest.raises(InputError, match=word):
        make_validator(name, **({"X_target": TARGET} | settings))


@pytest.mark.parametrize(
    ("name", "y", "word"),
    [
        ("dev", None, "dev needs the targets of the source rows, got None"),
        ("circular", Y[:5], r"circular needs one target for each of 90 rows, got shape \(5,\)"),
    ],
)
def test_missing_labels_get_one_line(name, y, word):
    with pytest.raises(InputError, match=word):
        make_validator(name, X_target=TARGET)(PLAIN, X, y)
