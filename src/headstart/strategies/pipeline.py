"""Steps before a strategy that see the target's rows too."""

from __future__ import annotations

import inspect
from typing import Any, Self

from sklearn import config_context
from sklearn.pipeline import Pipeline, _final_estimator_has, _name_estimators
from sklearn.utils.metaestimators import available_if

from headstart.errors import InputError
from headstart.strategies._mathematics.accelerator import from_tensor
from headstart.strategies.unlabelled import target_rows

TO_LAST = ("X_target", "y_target", "sample_domain", "sample_weight")
"""What ``fit`` hands to the last step."""


def make_pipeline(*steps: Any) -> TransferPipeline:
    """A scikit-learn pipeline whose ``fit`` takes ``X_target``: what the earlier steps do to ``X`` they do to it too.

    scikit-learn's own pipeline would hand the target's rows to the last step as they are, past a scaler. The three
    settings that make it do otherwise are made here (``transform_input``, the requests of the last step, and metadata
    routing), the last without switching anything on for other estimators.

    Args:
        steps: transformers, and at the end a strategy (``Aligned``, ``Reweighted``, ``SafeTransfer``, ...).

    Raises:
        InputError: there are no steps, or the last takes no ``X_target``.

    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import StandardScaler
    >>> import headstart as hs
    >>> list(hs.make_pipeline(StandardScaler(), hs.Aligned(LogisticRegression(), hs.Coral())).named_steps)
    ['standardscaler', 'aligned']
    """
    if not steps:
        raise InputError("make_pipeline needs steps, got none. End with a strategy such as Aligned.")
    if "X_target" not in _keywords(steps[-1], "fit"):
        what = f"make_pipeline needs a last step whose fit takes X_target, got {type(steps[-1]).__name__}"
        raise InputError(f"{what}. Wrap it in Aligned, Reweighted or SafeTransfer.")
    _request(steps[-1])
    return TransferPipeline(_name_estimators(steps), transform_input=["X_target"])


class TransferPipeline(Pipeline):  # type: ignore[misc]
    """What :func:`make_pipeline` makes; everything but ``fit``, and that tensors are rows too, is scikit-learn's."""

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Fit the earlier steps to the source, take both domains through them, and fit the last.

        Args:
            X: (n, d) source rows, or raw examples.
            y: (n,) their targets.
            params: ``X_target``, perhaps in an ``Unlabelled``, ``y_target``, ``sample_domain`` and ``sample_weight``,
                as the last step takes them.

        Raises:
            InputError: another argument, or one that names a step and would go past the steps before it.
        """
        self._check_names(params)
        given = {name: value for name, value in params.items() if value is not None}
        if len(self.steps) > 1:
            before, X = Pipeline(self.steps[:-1]), from_tensor(X)
            X = before.fit_transform(X, y)
            if "X_target" in given:
                given["X_target"] = before.transform(target_rows(given["X_target"]))
        if self.steps[-1][1] != "passthrough":
            self.steps[-1][1].fit(X, y, **given)
        return self

    @available_if(_final_estimator_has("predict"))  # type: ignore[untyped-decorator]
    def predict(self, X: Any, **params: Any) -> Any:
        """The last step's predictions for (n, d) rows."""
        return super().predict(from_tensor(X), **params)

    @available_if(_final_estimator_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, **params: Any) -> Any:
        """The last step's probabilities for (n, d) rows."""
        return super().predict_proba(from_tensor(X), **params)

    @available_if(_final_estimator_has("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any, **params: Any) -> Any:
        """The last step's decision values for (n, d) rows."""
        return super().decision_function(from_tensor(X), **params)

    def _check_names(self, params: dict[str, Any]) -> None:
        past = sorted(name for name in params if "__" in name)
        if past:
            plain = past[0].split("__", 1)[1]
            what = f"The pipeline needs {plain} without a step's name, got {past[0]!r}"
            raise InputError(f"{what}, which would go past the steps before it. Pass {plain}=...")
        unknown = sorted(set(params) - set(TO_LAST))
        if unknown:
            raise InputError(f"The pipeline needs arguments out of {list(TO_LAST)}, got {unknown}. Correct the names.")

    def __sklearn_is_fitted__(self) -> bool:
        """True once the last step is fitted."""
        from sklearn.exceptions import NotFittedError
        from sklearn.utils.validation import check_is_fitted

        try:
            check_is_fitted(self.steps[-1][1])
        except NotFittedError:
            return False
        return True


def _request(step: Any) -> None:
    """Where somebody else has switched metadata routing on, the step asks for what it takes."""
    with config_context(enable_metadata_routing=True):
        for method in ("fit", "predict", "predict_proba", "decision_function", "score"):
            ask = getattr(step, f"set_{method}_request", None)
            taken = [name for name in TO_LAST if name in _keywords(step, method)]
            if ask is not None and taken:
                ask(**dict.fromkeys(taken, True))


def _keywords(step: Any, method: str) -> set[str]:
    found = getattr(step, method, None)
    return set(inspect.signature(found).parameters) if found is not None else set()
