"""Every validator against plain loops over the formula of its paper."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import friedmanchisquare, rankdata
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headstart.evaluation._cross_fitting import spread_parts, target_probabilities
from headstart.evaluation._row_order import content_order
from headstart.evaluation.label_shift import shifted_shares
from headstart.evaluation.ranks import concordance, ranks
from headstart.evaluation.validators import soft_neighbourhood_density as snd
from headstart.evaluation.validators.mixval import other_class, same_class
from headstart.evaluation.validators.registry import make_validator
from headstart.strategies.feature.aligned import Aligned
from headstart.strategies.feature.coral import Coral
from headstart.strategies.feature.easytl import EasyTL
from headstart.testing.two_domains import two_domains

DATA = two_domains(n_source=70, n_target=50)
X, Y, TARGET = DATA.source, np.array(["b", "c", "a"])[DATA.y_source], DATA.target
HELD = two_domains(n_source=40, n_target=50, random_state=0)


def _models():
    plain = LogisticRegression().fit(X, Y)
    aligned = Aligned(LogisticRegression(), Coral()).fit(X, Y, X_target=TARGET)
    piped = make_pipeline(StandardScaler(), KNeighborsClassifier(7)).fit(X, Y)
    own = EasyTL().fit(X, Y, X_target=TARGET)
    return {"plain": plain, "aligned": aligned, "piped": piped, "own": own}


MODELS = _models()
EACH = pytest.mark.parametrize("name", sorted(MODELS))


def _chances(name):
    return MODELS[name].predict_proba(TARGET)


def _features(name, rows, is_target):
    """The model's own features, by hand."""
    model = MODELS[name]
    if name == "aligned":
        return model.alignment_.transform_target(rows) if is_target else model.alignment_.transform_source(rows)
    if name == "piped":
        return model[0].transform(rows)
    if name == "own":
        names = None if is_target else ["source"] * len(rows)
        return np.asarray(model.decision_function(rows, sample_domain=names)).reshape(len(rows), -1)
    return rows


def _source_labels(name, rows):
    takes = name in ("aligned", "own")
    return MODELS[name].predict(rows, sample_domain=["source"] * len(rows)) if takes else MODELS[name].predict(rows)


@EACH
def test_entropy_and_information(name):
    chances = _chances(name)
    each = [-sum(p * math.log(p) for p in row if p > 0) for row in chances]
    found = make_validator("entropy", X_target=TARGET).estimate(MODELS[name], X, Y)
    assert found.value == pytest.approx(-np.mean(each), rel=1e-12)
    assert found.standard_error == pytest.approx(np.std(each, ddof=1) / math.sqrt(50), rel=1e-12)
    spread = -sum(p * math.log(p) for p in chances.mean(axis=0))
    for diversity in (1.0, 2.5):
        scorer = make_validator("information_maximisation", X_target=TARGET, diversity=diversity)
        assert scorer(MODELS[name], X, Y) == pytest.approx(diversity * spread - np.mean(each), rel=1e-10)


@EACH
def test_nuclear_norm(name):
    chances = _chances(name)
    wanted = np.sqrt(np.maximum(np.linalg.eigvalsh(chances.T @ chances), 0)).sum() / math.sqrt(50 * 3)
    assert make_validator("nuclear_norm", X_target=TARGET)(MODELS[name], X, Y) == pytest.approx(wanted, rel=1e-9)


def test_nuclear_norm_of_sure_and_even_predictions_is_1():
    class Sure:
        classes_ = np.arange(3)

        def predict_proba(self, X):
            return np.eye(3)[np.arange(len(X)) % 3]

    assert make_validator("nuclear_norm", X_target=np.zeros((30, 1)))(Sure(), X) == pytest.approx(1)


def _density_of(rows, temperature):
    """(n,) entropies, pair by pair."""
    found = []
    for i, a in enumerate(rows):
        powers = [
            math.exp(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) / temperature) for b in np.delete(rows, i, 0)
        ]
        shares = [power / sum(powers) for power in powers]
        found.append(-sum(s * math.log(s) for s in shares if s > 0))
    return np.array(found)


@EACH
@pytest.mark.parametrize("of", ["probabilities", "features"])
def test_soft_neighbourhood_density(name, of, monkeypatch):
    rows = _chances(name) if of == "probabilities" else _features(name, TARGET, True)
    wanted = _density_of(rows, 0.05)
    settings = {"X_target": TARGET, "of": of}
    found = make_validator("soft_neighbourhood_density", **settings).estimate(MODELS[name], X, Y)
    assert found.value == pytest.approx(wanted.mean(), rel=1e-9)
    monkeypatch.setattr(snd, "ROW_BLOCK", 7)
    monkeypatch.setattr(snd, "COLUMN_BLOCK", 11)
    blocks = make_validator("soft_neighbourhood_density", **settings)(MODELS[name], X, Y)
    assert blocks == pytest.approx(wanted.mean(), rel=1e-9)
    few = make_validator("soft_neighbourhood_density", **settings, n_anchors=13).estimate(MODELS[name], X, Y)
    drawn = wanted[content_order(TARGET, 0)[:13]]
    assert few.value == pytest.approx(drawn.mean(), rel=1e-9)
    assert few.standard_error == pytest.approx(drawn.std(ddof=1) / math.sqrt(13), rel=1e-9)
    assert few.n_rows == 13


def test_the_stated_error_of_few_anchors_is_the_true_one():
    model, misses = MODELS["plain"], []
    whole = make_validator("soft_neighbourhood_density", X_target=TARGET)(model, X, Y)
    for seed in range(200):
        few = make_validator("soft_neighbourhood_density", X_target=TARGET, n_anchors=10, random_state=seed)
        found = few.estimate(model, X, Y)
        misses.append((found.value - whole) / found.standard_error)
    assert 0.6 < np.std(misses) < 1.4  # below 1 as the draw is without replacement
    assert abs(np.mean(misses)) < 0.3


def _ratio(name, source, target, n_folds):
    """Density ratio at each source row, by a classifier fitted without its fold; rows in the order that is drawn."""
    rows = np.concatenate([_features(name, source, False), _features(name, target, True)])
    codes = np.repeat([0, 1], [len(source), len(target)])
    part = spread_parts(codes, n_folds, 0)
    weights = []
    for i in range(len(source)):
        others = part != part[i]
        chance = LogisticRegression(C=0.5).fit(rows[others], codes[others]).predict_proba(rows[i : i + 1])[0, 1]
        n_source, n_target = np.bincount(codes[others])
        weights.append(n_source / n_target * chance / (1 - chance))
    return np.array(weights)


@EACH
@pytest.mark.parametrize("loss", ["error", "log"])
def test_importance_weighting_and_dev(name, loss):
    rows, labels = HELD.source, np.array(["b", "c", "a"])[HELD.y_source]
    order, other = content_order(rows, 0), content_order(TARGET, 0)
    source, y, target = rows[order], labels[order], TARGET[other]
    w = _ratio(name, source, target, 4)
    if loss == "error":
        losses = np.array([float(a != b) for a, b in zip(_source_labels(name, source), y, strict=True)])
    else:
        takes = {"sample_domain": ["source"] * len(source)} if name in ("aligned", "own") else {}
        chances = MODELS[name].predict_proba(source, **takes)
        places = [list(MODELS[name].classes_).index(label) for label in y]
        losses = -np.log(np.maximum(chances[np.arange(len(y)), places], 1e-15))
    settings = {"X_target": TARGET, "classifier": LogisticRegression(C=0.5), "n_folds": 4, "loss": loss}
    ask = {"sample_domain": ["source"] * len(rows)}
    normalised = make_validator("importance_weighted", **settings)(MODELS[name], rows, labels, **ask)
    assert normalised == pytest.approx(-sum(w * losses) / sum(w), rel=1e-6, abs=1e-9)
    plain = make_validator("importance_weighted", **settings, normalised=False)(MODELS[name], rows, labels)
    assert plain == pytest.approx(-np.mean(w * losses), rel=1e-6, abs=1e-9)
    eta = -np.cov(w * losses, w)[0, 1] / np.var(w, ddof=1)
    wanted = -(np.mean(w * losses) + eta * np.mean(w) - eta)
    assert make_validator("dev", **settings)(MODELS[name], rows, labels) == pytest.approx(wanted, rel=1e-6, abs=1e-9)


def test_the_control_variate_steadies_dev():
    """Under a covariate shift of known size DEV strays less from the true loss than the plain weighted mean."""
    found = {"dev": [], "importance_weighted": []}
    for seed in range(30):
        rng = np.random.default_rng(seed)
        source, target = rng.standard_normal((150, 1)), rng.standard_normal((150, 1)) + 0.8
        y, z = (np.where(rows[:, 0] + 0.4 * rng.standard_normal(150) > 0.3, 1, 0) for rows in (source, target))
        model = LogisticRegression().fit([[-1.0], [0.4]], [0, 1])
        truth = -np.mean(model.predict(target) != z)
        settings = {"X_target": target, "classifier": LogisticRegression()}
        found["dev"].append(make_validator("dev", **settings)(model, source, y) - truth)
        plain = make_validator("importance_weighted", **settings, normalised=False)
        found["importance_weighted"].append(plain(model, source, y) - truth)
    errors = {name: np.mean(np.square(misses)) for name, misses in found.items()}
    assert errors["dev"] < errors["importance_weighted"]


def test_the_density_ratio_is_that_of_two_gaussians():
    rng = np.random.default_rng(0)
    source, target = rng.standard_normal((4000, 2)), rng.standard_normal((3000, 2)) + [0.7, 0]
    chances = target_probabilities(source, target)[0]
    found = chances / (1 - chances)
    assert np.corrcoef(np.log(found), 0.7 * source[:, 0] - 0.245)[0, 1] > 0.99
    assert found.mean() == pytest.approx(1, abs=0.05)


@EACH
def test_circular(name):
    model, y = MODELS[name], np.array(["b", "c", "a"])[HELD.y_source]
    order, other = content_order(HELD.source, 0), content_order(TARGET, 0)
    rows, labels, target = HELD.source[order], y[order], TARGET[other]
    told = model.predict(target)
    if name == "piped":
        back = clone(model[1]).fit(model[0].transform(target), told).predict(model[0].transform(rows))
    elif name == "plain":
        back = clone(model).fit(target, told).predict(rows)
    else:
        back = clone(model).fit(target, told, X_target=rows).predict(rows)
    found = make_validator("circular", X_target=TARGET).estimate(model, HELD.source, y)
    assert found.value == np.mean(back == labels)
    assert found.n_rows == 40


def test_circular_adapts_on_the_way_back():
    """Far off, only what adapts both ways finds home."""
    target = TARGET + 8
    model = Aligned(LogisticRegression(max_iter=10_000), Coral()).fit(X, Y, X_target=target)
    assert make_validator("circular", X_target=target)(model, X, Y) > 0.8
    plain = LogisticRegression(max_iter=10_000).fit(target, model.predict(target))
    assert np.mean(plain.predict(X) == Y) < 0.6


def test_circular_of_one_class_is_its_share():
    class Constant(LogisticRegression):
        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    assert make_validator("circular", X_target=TARGET)(Constant().fit(X, Y), X, Y) == np.mean(Y == "a")


def test_circular_and_weighting_of_a_regressor():
    y = X @ [1.0, -2.0, 0.5, 0.0]
    model = LinearRegression().fit(X[:30], y[:30] + X[:30, 0] ** 2)
    told = model.predict(TARGET)
    back = LinearRegression().fit(TARGET, told).predict(X)
    found = make_validator("circular", X_target=TARGET)(model, X, y)
    assert found == pytest.approx(-np.mean((back - y) ** 2), rel=1e-9)
    plain = make_validator("source_accuracy", X_target=TARGET)(model, X, y)
    assert plain == pytest.approx(-np.mean((model.predict(X) - y) ** 2), rel=1e-12)
    even = make_validator("importance_weighted", X_target=X, classifier=LogisticRegression(C=1e-9))(model, X, y)
    assert even == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_partners_are_the_next_rows_that_fit(seed):
    codes = np.random.default_rng(seed).integers(0, 1 + seed % 4, size=1 + seed % 9)
    n = len(codes)
    for found, fits in ((same_class(codes), np.equal), (other_class(codes), np.not_equal)):
        for i in range(n):
            following = [j % n for j in range(i + 1, i + n) if fits(codes[j % n], codes[i])]
            assert found[i] == (following[0] if following else -1)


@EACH
def test_mixval(name):
    rows = TARGET[content_order(TARGET, 0)]
    head = {"aligned": lambda m: m.estimator_, "piped": lambda m: m[1]}.get(name, lambda m: m)(MODELS[name])
    features = rows if name == "own" else _features(name, rows, True)
    told = list(head.predict(features))
    hits = {True: [], False: []}
    for i in range(50):
        for is_same, found in hits.items():
            partner = next((j % 50 for j in range(i + 1, i + 50) if (told[j % 50] == told[i]) == is_same), None)
            if partner is not None:
                mixed = 0.6 * features[i] + 0.4 * features[partner]
                found.append(head.predict(mixed[None])[0] == told[i])
    wanted = (np.mean(hits[True]) + np.mean(hits[False])) / 2
    assert make_validator("mixval", X_target=TARGET, share=0.6)(MODELS[name], X, Y) == pytest.approx(wanted, abs=1e-12)


def test_source_accuracy_is_on_source_rows():
    for name, model in MODELS.items():
        wanted = np.mean(_source_labels(name, X) == Y)
        assert make_validator("source_accuracy", X_target=TARGET)(model, X, Y) == pytest.approx(wanted)


def test_agreement_is_with_the_mean_of_the_candidates():
    mean = np.mean([_chances(name) for name in MODELS], axis=0)
    together = np.array(["a", "b", "c"])[mean.argmax(axis=1)]
    scorer = make_validator("agreement", X_target=TARGET, candidates=MODELS.values())
    for model in MODELS.values():
        assert scorer(model, X) == pytest.approx(np.mean(model.predict(TARGET) == together))


def test_agreement_knows_classes_that_some_candidates_lack():
    two = LogisticRegression().fit(X[Y != "b"], Y[Y != "b"])
    scorer = make_validator("agreement", X_target=TARGET, candidates=[two])
    assert scorer(two, X) == 1
    assert scorer(MODELS["plain"], X) == np.mean(MODELS["plain"].predict(TARGET) == two.predict(TARGET))


def test_mean_rank_is_the_mean_share_left_behind():
    asked = [make_validator(name, X_target=TARGET) for name in ("entropy", "circular", "nuclear_norm")]
    values = np.array([[ask(model, X, Y) for ask in asked] for model in MODELS.values()])
    by_name = make_validator(
        "mean_rank", X_target=TARGET, candidates=MODELS.values(), validators=["entropy", asked[1], "nuclear_norm"]
    )
    for i, model in enumerate(MODELS.values()):
        behind = [(rankdata(column)[i] - 0.5) / len(MODELS) for column in values.T]
        assert by_name(model, X, Y) == pytest.approx(np.mean(behind))


def test_ranks_and_concordance():
    values = np.array([[0.3, 0.1, 0.2], [0.9, 0.1, 0.8], [0.5, 0.7, 0.2], [0.1, 0.0, -np.inf]])
    wanted = np.stack([rankdata(-column) for column in values.T], axis=1)
    np.testing.assert_array_equal(ranks(values), wanted)
    statistic = friedmanchisquare(*wanted).statistic  # of models as treatments, validators as blocks
    assert concordance(values) == pytest.approx(statistic / (3 * (4 - 1)))


def test_shifted_shares_are_the_likeliest():
    rng = np.random.default_rng(0)
    chances, shares = rng.dirichlet([0.4, 0.6], size=80), np.array([0.3, 0.7])

    def surprise(a):
        return -np.log(chances @ (np.array([a, 1 - a]) / shares)).sum()

    best = minimize_scalar(surprise, bounds=(0, 1), method="bounded", options={"xatol": 1e-10}).x
    np.testing.assert_allclose(shifted_shares(chances, shares), [best, 1 - best], atol=1e-5)
    np.testing.assert_allclose(shifted_shares(np.eye(2)[[0, 0, 0, 1]], shares), [0.75, 0.25])
