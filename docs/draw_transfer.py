"""What each method does on two moons: ``python docs/draw_transfer.py`` writes ``docs/transfer/pictures/NAME.svg``.

Circles are source rows, crosses target rows, coloured by class; the left half shows the line of a model of the source
alone, the right half that of the method, both where target rows lie. The figures are accuracies on the target.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.metaestimators import available_if
from transfer_moons import (
    Labels,
    Problem,
    Rows,
    columns_problem,
    few_labels_problem,
    moved_problem,
    part_problem,
    plane_problem,
    scaled_problem,
    shares_problem,
    swapped_problem,
    third_column_problem,
    turned_problem,
)
from transfer_networks import head2toe_picture, moving_picture, regulariser_picture, table_picture
from transfer_picture import Picture, draw

FOLDER = Path(__file__).parent / "transfer" / "pictures"


def pictures() -> dict[str, Callable[[], Picture]]:
    """Each method's name and what makes its picture."""
    from headstart.strategies.feature.registry import ALIGNMENTS, FEATURE_METHODS
    from headstart.strategies.instance.registry import INSTANCE_METHODS, WEIGHTINGS
    from headstart.training.moving.registry import MOVING
    from headstart.training.regularisers.registry import REGULARISERS

    made: dict[str, Callable[[], Picture]] = {}
    for name in ALIGNMENTS.names():
        made[name] = lambda name=name: _alignment(ALIGNMENTS, name)
    for name in WEIGHTINGS.names():
        made[name] = lambda name=name: _weighting(WEIGHTINGS, name)
    for name in FEATURE_METHODS.names():
        made[name] = lambda name=name: _feature_method(FEATURE_METHODS, name)
    for name in INSTANCE_METHODS.names():
        made[name] = lambda name=name: _instance_method(INSTANCE_METHODS, name)
    for name in ("label_mapping", "regular_transfer_lc", "regular_transfer_logistic", "regular_transfer_lr"):
        made[name] = lambda name=name: _parameter_method(name)
    made["stacked_source"] = lambda: _parameter_method("stacked_source")
    made["safe_transfer"] = _safe
    made["head2toe"] = head2toe_picture
    made["table_transfer"] = table_picture
    for name in MOVING.names():
        made[name] = lambda name=name: moving_picture(name)
    for name in REGULARISERS.names():
        made[name] = lambda name=name: regulariser_picture(name)
    return made


def _curve() -> Any:
    from sklearn.svm import SVC

    return SVC(C=10.0)


def _straight() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression()


def _bent() -> Any:
    """What tells the domains apart where one lies in the middle of the other."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures

    return make_pipeline(PolynomialFeatures(2), _straight())


KERNEL = {"kernel": "rbf", "n_components": 10, "regularization": 0.1}
SETTINGS: dict[str, dict[str, Any]] = {
    "bda": KERNEL,
    "jda": KERNEL,
    "tca": {"n_components": 2},
    "tjm": {"n_components": 2},
    "mida": {"n_components": 2},
    "coral": {"regularization": 0.0},
    "gfk": {"n_components": 2},
    "subspace_alignment": {"n_components": 2},
    "scl": {"n_pivots": 2, "n_components": 2, "scale": 5.0},
    "msda": {"n_layers": 5, "corruption": 0.8},
    "sinkhorn": {"entropy": 0.02},
    "minibatch_transport": {"entropy": 0.02},
    "class_transport": {"entropy": 0.02},
}
PROBLEMS: dict[str, Callable[[], Problem]] = {
    **dict.fromkeys(("jda", "bda"), moved_problem),
    **dict.fromkeys(("tca", "tjm", "mida"), third_column_problem),
    **dict.fromkeys(("standardise", "conditional_statistics"), scaled_problem),
    **dict.fromkeys(("gfk", "subspace_alignment"), plane_problem),
    **dict.fromkeys(("scl", "msda"), columns_problem),
    **dict.fromkeys(("feature_augmentation", "pred"), few_labels_problem),
}
"""Of alignments: each stands before the kind of shift that it was made for; the others before moons that are turned."""


def _alignment(members: Any, name: str) -> Picture:
    from headstart.strategies.feature.aligned import Aligned

    alignment = members.make(name, **SETTINGS.get(name, {}))
    return Picture(PROBLEMS.get(name, turned_problem)(), _curve(), Aligned(_curve(), alignment))


def _weighting(members: Any, name: str) -> Picture:
    from headstart.strategies.instance.reweighted import Reweighted

    weighting = members.make(name, **({"classifier": _bent()} if name == "discriminative" else {}))
    if weighting.needs_target_labels:
        return Picture(few_labels_problem(), _curve(), Reweighted(_curve(), weighting))
    problem = shares_problem() if weighting.needs_source_labels else part_problem()
    return Picture(problem, _straight(), Reweighted(_straight(), weighting))


def _feature_method(members: Any, name: str) -> Picture:
    return Picture(turned_problem(), _curve(), members.make(name))


def _instance_method(members: Any, name: str) -> Picture:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if name == "robust_bias_aware":
        return Picture(part_problem(), _straight(), members.make(name, classifier=_bent()))
    base: Any = _curve()
    if name.endswith("_r2"):
        base = DecisionTreeRegressor(max_depth=4, random_state=0)
    elif name == "transfer_tree":
        base = DecisionTreeClassifier(max_depth=4, random_state=0)
    elif name == "transfer_forest":
        base = RandomForestClassifier(20, max_depth=5, random_state=0)
    return Picture(few_labels_problem(), base, members.make(name, estimator=base))


class FromTarget:
    """Fits a parameter method to the labelled target rows alone; the source has been learnt before.

    Args:
        make: from a fitted source model to the method.
        source: that model, not fitted.
    """

    def __init__(self, make: Callable[[Any], Any], source: Any) -> None:
        self.make, self.source = make, source

    def fit(self, X: Rows, y: Labels, *, X_target: Rows, y_target: NDArray[Any]) -> FromTarget:
        """Learn the source, then the target's labelled rows."""
        known = np.array([label is not None for label in y_target])
        self.model_ = self.make(self.source.fit(X, y)).fit(X_target[known], y_target[known].astype(np.int64))
        return self

    def predict(self, X: Rows) -> NDArray[Any]:
        """What the method says of target rows."""
        found: NDArray[Any] = self.model_.predict(X)
        return found

    @available_if(lambda self: hasattr(self.model_, "predict_proba"))
    def predict_proba(self, X: Rows) -> Rows:
        """Its probabilities of target rows."""
        found: Rows = self.model_.predict_proba(X)
        return found


def _parameter_method(name: str) -> Picture:
    from importlib import import_module

    from sklearn.frozen import FrozenEstimator
    from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier

    module = import_module(f"headstart.strategies.parameter.{name}")
    found = next(v for k, v in vars(module).items() if k.replace("_", "").lower() == name.replace("_", ""))
    bases = {"regular_transfer_lr": LinearRegression, "regular_transfer_lc": RidgeClassifier}
    base = bases.get(name, LogisticRegression)()
    problem = swapped_problem() if name == "label_mapping" else few_labels_problem()
    if name == "stacked_source":
        return Picture(problem, base, FromTarget(lambda source: found(_straight(), FrozenEstimator(source)), base))
    return Picture(problem, base, FromTarget(lambda source: found(FrozenEstimator(source)), base))


def _safe() -> Picture:
    from headstart.strategies.safe_transfer import SafeTransfer

    problem = few_labels_problem(20)
    return Picture(problem, _curve(), SafeTransfer(_curve(), ["coral", "optimal_transport"], calibrate=False))


def main(names: list[str]) -> None:
    """Write the pictures of ``names``, or all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = pictures()
    for name in names or made:
        drawn = draw(name, made[name]())
        (FOLDER / f"{name}.svg").write_text(drawn.svg, encoding="utf-8")
        before, after = drawn.accuracies
        sys.stdout.write(f"{name:26s} {before:.2f} -> {after:.2f}  {len(drawn.svg)} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1:])
