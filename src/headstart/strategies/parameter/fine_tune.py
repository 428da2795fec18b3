"""Fine-tuning: begins with a pretrained backbone and moves what is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from headstart.deadline import Deadline
from headstart.strategies.parameter._tuning_answers import scores_of
from headstart.strategies.parameter._tuning_begin import begin_network, check_settings, target_of
from headstart.strategies.parameter._tuning_part import TuningPart, example_weights, raw_examples
from headstart.strategies.parameter._tuning_run import Outcome, TuningRun
from headstart.strategies.parameter._tuning_state import State, model_from_state, state_of
from headstart.strategies.parameter._tuning_target import ClassTarget, NumberTarget

if TYPE_CHECKING:
    from headstart.training.checkpoint import Checkpoint
    from headstart.training.history import History
    from headstart.training.rule import Plan
    from headstart.training.settings import TrainSettings
    from headstart.training.trunk import Trunk
    from headstart.training.tuned import Tuned


def _is_classifier(model: FineTune) -> bool:
    return model.task == "classification"


class FineTune(BaseEstimator):  # type: ignore[misc]
    """A backbone and a head trained together on raw examples, from where a probe of the frozen features ends.

    The head is first brought as far as the frozen features allow (LP-FT); then the weights that ``trainable`` names
    move. Where a held-out part says that moving them made nothing better, the trunk stays as it was, and the head is
    that of a probe on all examples.

    Args:
        backbone: a name that ``headstart backbones list`` shows, of a backbone with a module; ``name@random`` to
            begin from scratch; a folder; a :class:`~headstart.backbones.backbone.Backbone`; a torch module of one's
            own (see :func:`~headstart.training.own_backbone.own_backbone`); or a fitted ``FineTune``, or its state, to
            go on from. scikit-learn clones what is fitted into what is not: wrap it in ``FrozenEstimator``
            inside cross-validation.
        trainable: what moves, a name of ``training/moving/``: "linear_probe", "last_blocks", "full", "norms", "lora",
            ..., or an object of it with settings. By default everything, lower blocks less: what is general stays.
        head: "linear", "mlp", "dense" or "cosine".
        pooling: "mean": positions as the backbone pools them; "attention", of pictures: as a learnt query weighs them.
        regulariser: None, a name of ``training/regularisers/``, or a penalty with settings.
        augmentation: what becomes of examples in training, from the second epoch on: "none", or names of
            ``training/augmentation/`` joined by "+". Of pictures "flip", "crop_flip", "trivial_augment",
            "rand_augment", "mixup", "cutmix"; of texts "token_dropout", "span_dropout"; of sounds "spec_augment",
            "sound_mixing", "mixup", "cutmix". "auto": what
            :func:`~headstart.training.augmentation.policy.auto_of` says.
        head_first: False to begin with a head that knows nothing; such a start yields to whatever is better.
        epochs: most passes over the examples. None here and below: by :func:`~headstart.training.rule.plan`.
        learning_rate: highest rate.
        batch_size: examples of a step.
        weight_decay: decay of matrices.
        resolution: side of pictures in pixels. None: the weights' own, or less for convolutions on small pictures.
        batch_norm: running statistics of batch norms: "frozen", "own" (they move with their layer's weights), "moving"
            or "re-estimated". None: "own" from scratch, else "frozen", as few examples spoil what many have told.
        smoothing: label smoothing.
        ema_decay: decay of the moving average of the weights, or None.
        validation_fraction: share of the examples that judges; without 20 such examples all epochs are run.
        patience: epochs without a better loss on them before it stops, or None.
        max_seconds: time for the fit, or None.
        checkpoint: a folder; killed and run again with the same data and settings it goes on. None: nothing is kept.
        task: "classification" or "regression".
        precision: what training computes in: "fp32", "bf16", or "auto", which is the faster one, by
            :func:`~headstart.training.precision.precision_for`. Weights, losses and predictions are float32 either way.
        device: of torch; None: an accelerator where there is one.
        cache: of the features that the head begins with, and of the activations of a frozen lower part, which is run
            once; as in :class:`headstart.Encoder`.
        random_state: seed of everything.

    Attributes:
        classes_: (n_classes,) labels, of a classifier.
        network_: the trained :class:`~headstart.training.tuned.Tuned`.
        plan_: what the rule said for these examples.
        augmentation_: names of what the examples went through.
        history_: of the training, or None where the head alone was solved for.
        is_tuned_: False where the first weights were kept.
        start_loss_: validation loss of the first weights; None without validation.
        valid_loss_: that of the weights that were kept.
        border_: what activations of a frozen lower part take in the cache, or None where it was not used.

    Source: Kumar et al., Fine-tuning can distort pretrained features, ICLR 2022; rates by depth: Howard and Ruder, ACL
    2018.
    """

    name = "fine_tune"
    classes_: NDArray[Any]
    network_: Tuned
    trunk_: Trunk
    plan_: Plan
    target_: ClassTarget | NumberTarget
    history_: History | None

    def __init__(
        self,
        backbone: Any = "efficientnet_lite0",
        *,
        trainable: Any = "layer_decay",
        head: str = "linear",
        pooling: str = "mean",
        regulariser: Any = None,
        augmentation: str = "none",
        head_first: bool = True,
        epochs: int | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        weight_decay: float | None = None,
        resolution: int | None = None,
        batch_norm: str | None = None,
        smoothing: float = 0.0,
        ema_decay: float | None = None,
        validation_fraction: float = 0.15,
        patience: int | None = 5,
        max_seconds: float | None = None,
        checkpoint: str | Path | None = None,
        task: str = "classification",
        precision: str = "auto",
        device: str | None = None,
        cache: bool | str | Path = True,
        random_state: int = 0,
    ) -> None:
        self.backbone = backbone
        self.trainable = trainable
        self.head = head
        self.pooling = pooling
        self.regulariser = regulariser
        self.augmentation = augmentation
        self.head_first = head_first
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.resolution = resolution
        self.batch_norm = batch_norm
        self.smoothing = smoothing
        self.ema_decay = ema_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.max_seconds = max_seconds
        self.checkpoint = checkpoint
        self.task = task
        self.precision = precision
        self.device = device
        self.cache = cache
        self.random_state = random_state

    def fit(
        self,
        X: Sequence[Any],
        y: Any,
        *,
        X_valid: Sequence[Any] | None = None,
        y_valid: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
    ) -> Self:
        """Train on n raw examples and (n,) labels or numbers.

        Args:
            X: paths, arrays, strings, ...: what the backbone's modality has.
            y: (n,) labels.
            X_valid: examples that judge, instead of a part of ``X``.
            y_valid: their labels.
            sample_weight: (n,) weights of at least 0, or None.
            class_weight: None, "balanced", or a dict from label to weight.

        Raises:
            InputError: an example, a label or a setting makes no sense; told before the first epoch.
            UnknownNameError: no such backbone, head, augmentation, regulariser or way to move.
        """
        deadline = Deadline.after(self.max_seconds)
        check_settings(self)
        examples = raw_examples(X)
        self.target_ = target_of(self.task, y, len(examples))
        encoded = self.target_.encoded(y, len(examples))
        whole = TuningPart(examples, encoded, example_weights(sample_weight, class_weight, y, encoded))
        begun = begin_network(self, self.target_, whole, X_valid, y_valid)
        self._take_over(begun.network, begun.trunk, begun.plan)
        settings = self._settings()
        outcome = self._run(
            begun.fitting, begun.held, settings, deadline, begun.checkpoint, is_head_done=begun.is_head_solved
        )
        if not outcome.is_tuned and self.head_first and X_valid is None and begun.held is not None:
            begun.start_on(whole)  # what judged is not needed for that any more
        self.history_, self.is_tuned_ = outcome.history, outcome.is_tuned
        self.start_loss_, self.valid_loss_, self.border_ = outcome.start_loss, outcome.valid_loss, outcome.border
        return self

    def partial_fit(self, X: Sequence[Any], y: Any, classes: Any = None, *, sample_weight: Any = None) -> Self:
        """Go on from the present weights: one pass over the examples at an even rate. The optimizer begins anew.

        Args:
            X: n raw examples.
            y: (n,) labels.
            classes: all labels there will ever be; needed in the first call of a classifier.
            sample_weight: (n,) or None.

        Raises:
            InputError: a label is none of the classes, or as :meth:`fit`.
        """
        check_settings(self)
        examples = raw_examples(X)
        is_first, is_head_done = not hasattr(self, "network_"), False
        if is_first:
            self.target_ = target_of(self.task, y, len(examples), classes=classes)
        encoded = self.target_.encoded(y, len(examples))
        part = TuningPart(examples, encoded, example_weights(sample_weight, None, y, encoded))
        if is_first:
            begun = begin_network(self, self.target_, part, None, None, is_split=False)
            self._take_over(begun.network, begun.trunk, begun.plan)
            is_head_done = begun.is_head_solved
        settings = replace(self._settings(), epochs=1, warmup=0.0, floor=1.0, patience=None, ema_decay=None)
        deadline = Deadline.after(self.max_seconds)
        outcome = self._run(part, None, settings, deadline, is_head_done=is_head_done)
        self.history_, self.is_tuned_ = outcome.history, True
        return self

    @available_if(_is_classifier)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Sequence[Any]) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        scores = self._scores(X)
        assert isinstance(self.target_, ClassTarget), "classes have probabilities"
        return self.target_.probabilities(scores)

    def predict(self, X: Sequence[Any]) -> NDArray[Any]:
        """(n,) most probable label of each example, or the number."""
        scores = self._scores(X)
        if isinstance(self.target_, NumberTarget):
            return self.target_.numbers(scores)
        return np.asarray(self.classes_[self.target_.probabilities(scores).argmax(axis=1)])

    def score(self, X: Sequence[Any], y: Any, sample_weight: Any = None) -> float:
        """Accuracy, or R2 of numbers."""
        from sklearn.metrics import accuracy_score, r2_score

        rate = accuracy_score if self.task == "classification" else r2_score
        return float(rate(np.asarray(y), self.predict(X), sample_weight=sample_weight))

    def to_state(self) -> State:
        """The fitted model as JSON-able settings and plain arrays, the trunk's weights among them.

        Settings that are objects, such as a penalty, are told by name alone; of a module of one's own the weights are
        kept, and :meth:`from_state` must be given the module.
        """
        check_is_fitted(self)
        return state_of(self)

    @classmethod
    def from_state(cls, info: dict[str, Any], arrays: dict[str, NDArray[Any]], *, backbone: Any = None) -> Self:
        """The model that :meth:`to_state` described.

        Args:
            info: settings.
            arrays: weights.
            backbone: the module, where it was one of one's own.

        Raises:
            InputError: it is the state of something else, of another architecture, or of a head of another size.
        """
        model: Self = model_from_state(cls, info, arrays, backbone)
        return model

    def __sklearn_is_fitted__(self) -> bool:
        """True once there is a network."""
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        """Rows are raw examples; classifier or regressor, as the task says."""
        from sklearn.utils import ClassifierTags, RegressorTags

        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string = False, True
        tags.target_tags.required = True
        if self.task == "classification":
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        else:
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        return tags

    def _take_over(self, network: Tuned, trunk: Trunk, plan: Plan) -> None:
        self.network_, self.trunk_, self.plan_ = network, trunk, plan
        if isinstance(self.target_, ClassTarget):
            self.classes_ = self.target_.classes

    def _run(
        self,
        fitting: TuningPart,
        held: TuningPart | None,
        settings: TrainSettings,
        deadline: Deadline,
        checkpoint: Checkpoint | None = None,
        *,
        is_head_done: bool,
    ) -> Outcome:
        from headstart.training.augmentation.policy import policy_of

        self.augmentation_ = policy_of(self.augmentation, self.trunk_.card, len(fitting)).name
        return TuningRun(
            network=self.network_,
            trunk=self.trunk_,
            target=self.target_,
            fitting=fitting,
            held=held,
            trainable=self.trainable,
            regulariser=self.regulariser,
            augmentation=self.augmentation_,
            batch_norm=self.batch_norm or ("own" if self.trunk_.card.weights == "random" else "frozen"),
            smoothing=self.smoothing,
            settings=settings,
            batch_size=self.batch_size or self.plan_.batch_size,
            deadline=deadline,
            checkpoint=checkpoint,
            cache=self.cache,
            is_head_done=is_head_done,
            is_start_learnt=self.head_first,
        ).run()

    def _scores(self, X: Sequence[Any]) -> Any:
        check_is_fitted(self)
        return scores_of(self.network_, self.trunk_, raw_examples(X), self.target_.n_outputs)

    def _settings(self) -> TrainSettings:
        from headstart.training.settings import TrainSettings

        plan = self.plan_
        return TrainSettings(
            epochs=plan.epochs if self.epochs is None else self.epochs,
            learning_rate=plan.learning_rate if self.learning_rate is None else self.learning_rate,
            weight_decay=plan.weight_decay if self.weight_decay is None else self.weight_decay,
            warmup=plan.warmup,
            ema_decay=self.ema_decay,
            precision=self.precision,
            patience=self.patience,
            random_state=self.random_state,
        )
