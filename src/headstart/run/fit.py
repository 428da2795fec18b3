"""``hs.fit``: the route from top to bottom."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError, OutputExistsError, UnknownNameError
from headstart.run.run_folder import RESULT, RunFolder
from headstart.run.settings import FitSettings, parse_budget
from headstart.tasks.registry import get_task
from headstart.types import Progress, silent

if TYPE_CHECKING:
    from headstart.bundle.model import Model
    from headstart.data.audit import Audit
    from headstart.data.problem import Problem
    from headstart.selection.leaderboard import Leaderboard
    from headstart.types import Dataset

_LIBRARIES = {"image": "timm", "text": "transformers", "audio": "transformers", "video": "timm", "mixed": "timm"}
"""What takes seconds to import and is needed for a modality's backbones."""

_NEEDED_LATER = ("headstart.run.route", "sklearn.svm", "sklearn.neural_network", "sklearn.manifold")
"""What every run imports sooner or later."""

RUNS = Path("runs")
"""Where runs go that were given no output folder."""


@dataclass(frozen=True, eq=False)
class Run:
    """What :func:`fit` hands over.

    Args:
        out: the run's folder: report.html, model_card.md, leaderboard.csv, run.json, bundle/.
        result: the content of run.json.
        leaderboard: every contender with its scores, or None for a run that was only read back.
    """

    out: Path
    result: dict[str, Any]
    leaderboard: Leaderboard

    @property
    def verdict(self) -> str:
        """One sentence: whether transfer helped, by how much, and what it saved."""
        return str(self.result["verdict"]["sentence"])

    @cached_property
    def model(self) -> Model:
        """The saved model, loaded from its bundle."""
        from headstart.bundle.load import load_bundle

        return load_bundle(self.out)

    def predict(self, examples: Sequence[Any]) -> NDArray[Any]:
        """(n,) answers for raw examples: class names, numbers, tuples of label names, or True where anomalous."""
        return self.model.predict(examples)

    def predict_proba(self, examples: Sequence[Any]) -> NDArray[np.float64]:
        """(n, n_classes) calibrated probabilities of raw examples; not of numbers or anomalies."""
        return self.model.predict_proba(examples)


def fit(
    data: Any,
    labels: Any = None,
    *,
    source: Any = None,
    unlabelled: Any = None,
    target: str | None = None,
    target_labels: str = "learn",
    budget: str | float | None = None,
    out: str | Path | None = None,
    metric: str | None = None,
    backbones: Sequence[str] | None = None,
    heads: Sequence[str] | None = None,
    strategies: Sequence[str] | None = None,
    augmentation: str | None = None,
    precision: str = "exact",
    task: str | None = None,
    label: Any = None,
    normal: str | None = None,
    path: str | None = None,
    text: str | None = None,
    modality: str | None = None,
    window: int | None = None,
    horizon: int = 1,
    domain: Any = None,
    group: Any = None,
    split: Any = None,
    time_column: Any = None,
    commercial: bool = False,
    test_fraction: float = 0.2,
    n_folds: int = 5,
    cache: bool | str | Path = True,
    overwrite: bool = False,
    random_state: int = 0,
    progress: Progress = silent,
) -> Run:
    """Read, audit, split, encode once, choose a head, judge honestly, report and save.

    Args:
        data: a folder with one folder a class, a CSV, TSV, Parquet or JSONL table, a DataFrame, or a list of paths,
            texts or arrays.
        labels: (n,) labels beside the data; missing ones None.
        source: labelled data of another domain, as ``data``, which is then the target, labelled or not.
        unlabelled: further data of the target; labels they may have are not read.
        target: instead of these, the name of the target among the domains of ``data``; the others are sources.
        target_labels: "learn"; or "judge": labels of the target are read once, at the end, for judging alone.
        budget: seconds, or text like "10m"; None: a fixed list of candidates.
        out: the run's folder; None: ``runs/NAME`` with the name of the data.
        metric: what is maximised; None: the task's own ("macro_f1", "neg_mae", "mean_average_precision",
            "average_precision"). "accuracy", "balanced_accuracy", "neg_log_loss", "roc_auc"; "neg_rmse", "r2",
            "spearman"; "micro_f1", "subset_accuracy"; "recall_at_5".
        backbones: names to try; None: the embedded ones of the modality that are ready.
        heads: names to try; None: all that are affordable.
        strategies: what is tried beside the heads: trained on raw examples ("fine_tune", "text_lstm",
            "table_transfer", "head2toe"; None: what suits the data where there is a budget, else nothing), or, with a
            source, weightings and alignments ("kmm", "coral"; None: the usual ones).
        augmentation: what becomes of examples in fine-tuning, as in :class:`headstart.FineTune`; None: nothing.
        precision: "exact", "auto" or "bf16"; see :class:`headstart.Encoder`.
        task: "classification", "regression", "multi_label" or "anomaly"; None: guessed from the labels.
        label: column of the labels, or several columns of 0 and 1.
        normal: of anomaly detection, the label that means normal; None: guessed.
        path: column of the paths.
        text: column of the texts.
        modality: "image", "text", "audio", "video", "table", "series" or "mixed"; None: guessed.
        window: steps of a window, for a table whose rows are steps in time; None: the usual.
        horizon: steps ahead of which a number is forecast.
        domain: column of domain names: figures are given for each.
        group: column of group names: rows of one group stay on one side of every split.
        split: column that says train, val or test.
        time_column: column of times: the latest rows are the test part.
        commercial: use only weights whose licence allows commercial use.
        test_fraction: share of the labelled rows that is put aside and read once, at the end.
        n_folds: of the cross-validation that does all the choosing.
        cache: True (the user's), False (none), or the folder of the feature cache.
        overwrite: clear another run's results from ``out``.
        random_state: the seed.
        progress: told of long work.

    Raises:
        HeadstartError: with one line that names the thing, the reason and the remedy.
    """
    from headstart.run.check_wanted import check_wanted
    from headstart.run.read_problem import read_problem

    started = time.monotonic()
    settings = FitSettings(
        budget_seconds=parse_budget(budget),
        metric=metric,
        backbones=tuple(backbones) if backbones is not None else None,
        heads=tuple(heads) if heads is not None else None,
        strategies=tuple(strategies) if strategies is not None else None,
        augmentation=augmentation,
        precision=precision,
        commercial=commercial,
        test_fraction=test_fraction,
        n_folds=n_folds,
        random_state=random_state,
        task=task.replace("-", "_") if task is not None else None,
        normal=normal,
    )
    _check_names(settings)
    roles = {"label": label, "path": path, "text": text, "domain": domain, "group": group, "split": split}
    more: dict[str, Any] = {"window": window, "horizon": horizon, "task": settings.task, "normal": normal}
    problem = read_problem(
        data,
        labels,
        {**roles, "time": time_column, "modality": modality, **more},
        source=source,
        unlabelled=unlabelled,
        target=target,
        target_labels=target_labels,
    )
    dataset = problem.found.dataset
    settings = _for_task(settings, dataset.task)
    check_wanted(problem, settings, has_unlabelled=unlabelled is not None)
    if settings.augmentation is not None:
        from headstart.training.augmentation.policy import check_modality

        check_modality(settings.augmentation, dataset.modality)
    library = _LIBRARIES.get(dataset.modality)
    with _importing(*(["torch", library] if library else []), *_NEEDED_LATER):
        audited = sound(problem, progress)
    identity = {"data": fingerprint(dataset, audited), **settings.identity(), **problem.identity()}
    with _claim(out, data, identity, overwrite) as folder:
        if folder.is_finished:
            return read_run(folder.path)
        from headstart.run.route import Route

        return Route(problem, audited, settings, folder, cache, started, progress).run()


def read_run(out: str | Path) -> Run:
    """A finished run from its folder.

    Raises:
        InputError: there is none.
    """
    from headstart.bundle.manifest import read_json
    from headstart.selection.leaderboard import Leaderboard

    out = Path(out)
    if not (out / RESULT).is_file():
        raise InputError(f"read_run needs the folder of a finished run, got {str(out)!r}. Run: headstart fit")
    result = read_json(out / RESULT)
    return Run(out, result, Leaderboard.from_records(result["leaderboard"]))


def fingerprint(dataset: Dataset, audited: Audit) -> str:
    """Names the data: content, labels and everything else known about each row, in order."""
    digest = hashlib.sha256()
    for row in range(len(dataset)):
        known = (dataset.targets, dataset.domain, dataset.group, dataset.time, dataset.split)
        digest.update(audited.digest[row])
        digest.update(repr([None if column is None else str(column[row]) for column in known]).encode())
    return digest.hexdigest()


@contextmanager
def _importing(*packages: str) -> Iterator[None]:
    """Import what takes seconds while files are decoded, which leaves the interpreter free."""

    def work() -> None:
        for name in packages:
            with suppress(ImportError):
                import_module(name)

    thread = Thread(target=work, name="headstart-import")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _check_names(settings: FitSettings) -> None:
    """Names are checked before any file is read."""
    from headstart.backbones.registry import get_card
    from headstart.evaluation.kinds.kind import known_metrics
    from headstart.evaluation.metrics import check_metric
    from headstart.heads.registry import head_class
    from headstart.strategies.candidates import known_names
    from headstart.strategies.raw_head import RAW_STRATEGIES

    if settings.task is not None:
        get_task(settings.task)
    for name in settings.backbones or ():
        get_card(name)
    for name in settings.heads or ():
        head_class(name)
    known = [*RAW_STRATEGIES.names(), *known_names()]
    for name in settings.strategies or ():
        if name not in known:
            raise UnknownNameError("strategy", name, known)
    if settings.augmentation is not None:
        from headstart.training.augmentation.policy import check_names

        check_names(settings.augmentation)
    if settings.metric is not None and f"neg_{settings.metric}" not in known_metrics():
        check_metric(settings.metric)


def _for_task(settings: FitSettings, task: str) -> FitSettings:
    """The settings with the metric as it is maximised.

    Raises:
        UnknownNameError: the task has no such metric.
        InputError: a head serves another task.
    """
    from headstart.heads.registry import head_class, names

    reported = get_task(task).reported
    for name in settings.heads or ():
        if head_class(name).task != task:
            raise InputError(f"fit needs heads for {task}, got {name!r}. Take some of {', '.join(names(task))}.")
    metric = settings.metric
    if metric is not None and f"neg_{metric}" in reported:
        metric = f"neg_{metric}"
    if metric is not None and metric not in reported:
        raise UnknownNameError(f"metric of {task}", metric, reported)
    return replace(settings, metric=metric)


def sound(problem: Problem, progress: Progress) -> Audit:
    """The audit of data from which something can be learnt."""
    from headstart.data.audit import audit
    from headstart.data.check_trainable import check_trainable

    dataset, is_main = problem.found.dataset, problem.role == problem.main
    check_trainable(dataset.take(is_main))
    audited = audit(dataset, progress=progress)
    audited.require_readable()
    check_trainable(dataset.take(audited.readable & is_main))
    return audited


def _claim(out: str | Path | None, data: Any, identity: dict[str, Any], overwrite: bool) -> RunFolder:
    """The folder that was named; or the first of runs/NAME, runs/NAME-2, ... that is free or this very run's."""
    source = str(data) if isinstance(data, (str, Path)) else ""
    if out is not None:
        return RunFolder(Path(out), identity, source=source, overwrite=overwrite)
    name = Path(data).resolve().stem if source else "data"
    for number in range(1, 1000):
        try:
            return RunFolder(RUNS / (name if number == 1 else f"{name}-{number}"), identity, source=source)
        except OutputExistsError:
            continue
    raise OutputExistsError(f"fit needs a free folder under {RUNS}, got 999 taken ones. Pass out=...")
