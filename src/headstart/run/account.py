"""What a finished run leaves behind: run.json, leaderboard.csv, the report and the model card."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.calibration import reliability_curve
from headstart.evaluation.calibration_interval import calibration_error_score
from headstart.evaluation.domains import domain_scores
from headstart.evaluation.feature_plane import feature_plane
from headstart.evaluation.intervals import bootstrap
from headstart.evaluation.label_audit import outliers, suspicious_labels
from headstart.evaluation.metrics import metrics
from headstart.report import record as page
from headstart.report.model_card import write_model_card
from headstart.report.page import write_page
from headstart.run.part_contributions import part_rows
from headstart.run.prepared import units
from headstart.run.run_folder import RESULT
from headstart.selection.leaderboard import Leaderboard
from headstart.types import Score
from headstart.whole_file import write_whole

if TYPE_CHECKING:
    from headstart.run.fit import Run
    from headstart.run.route import Route

MOST_ERRORS, MOST_SUSPICIOUS, MOST_OUTLIERS = 24, 24, 12


def finish(route: Route) -> Run:
    """Write everything; run.json last, because it says that the run is done."""
    from headstart.run.fit import Run

    board = route.leaderboard()
    judged = _Judged(route)
    parts = part_rows(route)
    label_rows, _ = suspicious_labels(route.field.codes, route.handed_over.proba, n_most=MOST_SUSPICIOUS)
    record = replace(report_record(route, board, judged, label_rows), parts=parts)
    folder = route.folder.path
    write_whole(folder / "leaderboard.csv", board.to_csv())
    write_page(record, folder / "report.html")
    write_model_card(record, folder / "model_card.md")
    result = _result(route, board, judged, label_rows) | {"parts": [asdict(part) for part in parts]}
    write_whole(folder / RESULT, json.dumps(_plain(result), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return Run(folder, result, board)


def _plain(value: Any) -> Any:
    """JSON knows no nan: an undefined figure is null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


class _Judged:
    """Probabilities of the handed-over model on the judged rows, before and after temperature scaling."""

    def __init__(self, route: Route) -> None:
        self.rows, self.codes = route.judged.rows, route.judged.codes
        self.before: NDArray[np.float64] = route.judged.proba[route.handed_over.name]
        self.after = route.calibration.transform(self.before)
        self.groups = units(route.data.groups[self.rows])
        self.rule = route.judged.rule

    def confusion(self, n_classes: int) -> NDArray[np.int64]:
        """(n_classes, n_classes) counts: rows are true classes, columns predicted ones."""
        flat = np.bincount(self.codes * n_classes + self.after.argmax(1), minlength=n_classes**2)
        return flat.reshape(n_classes, n_classes)

    def score(self, metric: str) -> Score:
        """The metric with its interval, after temperature scaling."""
        return bootstrap(metric, self.codes, self.after, groups=self.groups, rule=self.rule)


def _result(route: Route, board: Leaderboard, judged: _Judged, label_rows: NDArray[np.int64]) -> dict[str, Any]:
    """The content of run.json; everything that depends on time stands under "cost"."""
    classes, verdict = route.field.classes, route.judged.verdict
    records = board.to_records()
    costs = {
        row["name"]: {key: row.pop(key) for key in ("encode_seconds", "fit_seconds", "peak_bytes")}
        for row in records["rows"]
    }
    figures = metrics(judged.codes, judged.after, classes)
    figures["ece_before_temperature"] = reliability_curve(judged.codes, judged.before).ece
    return {
        "format_version": 1,
        "identity": route.folder.identity,
        "verdict": asdict(verdict),
        "handed_over": route.handed_over.name,
        "classes": list(classes),
        "metric": route.field.metric,
        "metrics": figures,
        "rule": judged.rule,
        "split": route.data.parts.rule,
        "temperature": route.calibration.temperature_,
        "leaderboard": records,
        "labels_saved": route.saved.sentence,
        "suspicious_labels": [str(route.data.dataset.ids[route.data.parts.train[row]]) for row in label_rows],
        "unreadable": {
            str(route.found.dataset.ids[row]): route.audited.problem[row]
            for row in np.flatnonzero(~route.audited.readable)
        },
        "n_unlabelled": route.data.n_unlabelled,
        "domains": [asdict(row) for row in _domains(route, judged)],
        "findings": [asdict(finding) for finding in route.data.findings],
        "guesses": [asdict(guess) for guess in route.found.guesses],
        "cost": {"seconds": route.seconds(), "stages": route.stages, "contenders": costs},
    }


def report_record(
    route: Route, board: Leaderboard, judged: _Judged, label_rows: NDArray[np.int64]
) -> page.ReportRecord:
    """Everything the page shows."""
    from headstart import __version__

    classes, data = route.field.classes, route.data
    headline = route.judged.scores[route.handed_over.name]
    cards = [route.library.backbone(name).card for name in route.handed_over.recipe.backbones]
    return page.ReportRecord(
        title=route.folder.path.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
        verdict_sentence=route.judged.verdict.sentence,
        verdict_kind=route.judged.verdict.outcome,
        metric=route.field.metric,
        score=headline,
        facts=_facts(route),
        leaderboard=_board(board),
        classes=classes,
        confusion=judged.confusion(len(classes)),
        per_class=_per_class(route, judged),
        reliability=_reliability(judged),
        curves=_curves(route),
        labels_saved=route.saved.sentence,
        feature_map=_map(route),
        errors=_errors(route, judged),
        suspicious=_suspicious(route, label_rows),
        outliers=_outliers(route),
        findings=_findings(route),
        guesses=route.found.guesses,
        class_counts={
            "train": np.bincount(route.field.codes, minlength=len(classes)),
            **({"test": np.bincount(judged.codes, minlength=len(classes))} if len(data.parts.test) else {}),
        },
        sizes=_sizes(route),
        domains=_domains(route, judged),
        cost=_cost(route),
        settings=route.settings.identity() | {"temperature": round(route.calibration.temperature_, 4)},
        command=_command(route),
        metrics=_metrics(route, judged),
        notes=_notes(route),
        backbone=cards[0] if cards else None,
        folder=str(route.folder.path),
    )


def _facts(route: Route) -> tuple[tuple[str, str], ...]:
    data = route.data
    choices = {name: route.library.encoded(name).choice for name in route.handed_over.recipe.backbones}
    runtimes = sorted({f"{choice.runtime} {choice.precision}" for choice in choices.values()})
    return (
        ("Labelled rows", f"{len(data.dataset):,}"),
        ("Learnt from", f"{len(data.parts.train):,}"),
        ("Tested on", f"{len(data.parts.test):,}" if len(data.parts.test) else "cross-validation"),
        ("Classes", f"{len(route.field.classes)}"),
        ("Features", route.handed_over.recipe.name),
        ("Head", route.handed_over.choice.winner.head),
        ("Runtime", ", ".join(runtimes)),
        ("Seconds", f"{route.seconds():.0f}"),
    )


def _board(board: Leaderboard) -> tuple[page.LeaderboardRow, ...]:
    return tuple(
        page.LeaderboardRow(
            name=row.name,
            kind="transfer" if row.kind == "transfer" else "baseline" if row.head == "majority" else "untransferred",
            backbone=row.backbone,
            head=row.head,
            cv=row.cv,
            test=row.test,
            seconds=row.encode_seconds + row.fit_seconds,
            rule=row.test.rule if row.test else row.cv.rule,
            is_winner=row.is_handed_over,
        )
        for row in board
    )


def _per_class(route: Route, judged: _Judged) -> tuple[page.ClassRow, ...]:
    counts = judged.confusion(len(route.field.classes))
    rows = zip(route.field.classes, np.diag(counts), counts.sum(1), counts.sum(0), strict=True)
    return tuple(
        page.ClassRow(
            name,
            precision=float(right / max(said, 1)),
            recall=float(right / max(true, 1)),
            f1=float(2 * right / max(true + said, 1)),
            count=int(true),
        )
        for name, right, true, said in rows
    )


def _reliability(judged: _Judged) -> tuple[page.Reliability, ...]:
    found = []
    for name, proba in (("before", judged.before), ("after", judged.after)):
        curve = reliability_curve(judged.codes, proba)
        found.append(page.Reliability(name, curve.centres, curve.confidence, curve.accuracy, curve.counts, curve.ece))
    return tuple(found)


def _curves(route: Route) -> tuple[page.Curve, ...]:
    found = dict(zip((route.winner.name, route.untransferred.name), route.curves, strict=True))
    transferred = "" if route.winner is route.untransferred else route.winner.name
    return tuple(
        page.Curve(name, curve.sizes, curve.mean, curve.low, curve.high, is_transferred=name == transferred)
        for name, curve in found.items()
    )


def _map(route: Route) -> page.FeatureMap:
    """Training rows by the winner's features; wrong is what was wrong out of fold."""
    features = route.field.features(route.winner.recipe)
    xy, rows, method = feature_plane(features, route.field.codes, random_state=route.field.random_state)
    dataset = route.data.dataset.take(route.field.rows[rows])
    wrong = route.winner.proba[rows].argmax(1) != route.field.codes[rows]
    return page.FeatureMap(xy, route.field.codes[rows], wrong, dataset.domain, dataset.ids, method)


def _errors(route: Route, judged: _Judged) -> tuple[page.Thumb, ...]:
    said = judged.after.argmax(1)
    wrong = np.flatnonzero(said != judged.codes)
    wrong = wrong[np.argsort(-judged.after[wrong].max(1), kind="stable")][:MOST_ERRORS]
    classes = route.field.classes
    return tuple(
        _thumb(route, judged.rows[i], classes[judged.codes[i]], classes[said[i]], judged.after[i].max()) for i in wrong
    )


def _suspicious(route: Route, label_rows: NDArray[np.int64]) -> tuple[page.Thumb, ...]:
    classes, proba = route.field.classes, route.handed_over.proba
    return tuple(
        _thumb(route, route.field.rows[i], classes[route.field.codes[i]], classes[proba[i].argmax()], proba[i].max())
        for i in label_rows
    )


def _outliers(route: Route) -> tuple[page.Thumb, ...]:
    rows, distance = outliers(route.library.features(route.winner.recipe.backbones), n_most=MOST_OUTLIERS)
    targets = route.data.dataset.targets
    assert targets is not None
    return tuple(_thumb(route, row, targets[row], "", far) for row, far in zip(rows, distance, strict=True))


def _thumb(route: Route, row: int, truth: str, prediction: str, confidence: float) -> page.Thumb:
    dataset = route.data.dataset
    return page.Thumb(
        dataset.inputs[row], str(dataset.ids[row]), truth, prediction, float(confidence), dataset.modality
    )


def _findings(route: Route) -> tuple[page.AuditFinding, ...]:
    ids = route.found.dataset.ids
    found = [
        page.AuditFinding(f.severity, f.text, len(f.rows), tuple(str(ids[row]) for row in f.rows[:5]))
        for f in route.data.findings
    ]
    return (*found, *(page.AuditFinding("note", note) for note in route.found.notes))


def _sizes(route: Route) -> page.Histogram | None:
    modality = route.audited.modality
    sizes = modality.sizes(route.audited)[route.audited.readable]
    if not len(sizes) or sizes.min() == sizes.max():
        return None
    counts, edges = np.histogram(sizes, bins=min(20, len(np.unique(sizes))))
    return page.Histogram(", ".join(modality.SIZE), edges, counts)


def _domains(route: Route, judged: _Judged) -> tuple[page.DomainRow, ...]:
    domain = route.data.dataset.domain
    if domain is None:
        return ()
    found = domain_scores(
        route.field.metric, judged.codes, judged.after, domain[judged.rows], groups=judged.groups, rule=judged.rule
    )
    return tuple(page.DomainRow(row.domain, row.n, row.score) for row in found.rows)


def _cost(route: Route) -> tuple[page.CostRow, ...]:
    whole = max(route.seconds(), 1e-9)
    n = len(route.data.dataset)
    rows = []
    for stage, seconds in route.stages.items():
        detail = ""
        name = stage.removeprefix("encoding with ")
        if name != stage and name in route.library.seconds:
            encoded = route.library.encoded(name)
            rate = encoded.n_computed / max(seconds, 1e-9)
            detail = f"{encoded.n_computed:,} of {n:,} computed"
            detail += f", {rate:.0f} a second on {encoded.choice.runtime}" if encoded.n_computed else " (cached)"
        rows.append(page.CostRow(stage, seconds, seconds / whole, detail))
    rest = whole - sum(route.stages.values())
    return (*rows, page.CostRow("reading, audit and the rest", max(0.0, rest), max(0.0, rest / whole)))


def _metrics(route: Route, judged: _Judged) -> tuple[page.MetricRow, ...]:
    rows = [page.MetricRow(name, judged.score(name)) for name in route.task.reported]
    for name, proba in (("ECE before temperature", judged.before), ("ECE after temperature", judged.after)):
        error = calibration_error_score(judged.codes, proba, groups=judged.groups, rule=judged.rule)
        rows.append(page.MetricRow(name, error, "15 bins of equal width; lower is better"))
    return tuple(rows)


_FLAGS = {"budget_seconds": "budget", "backbones": "backbone", "heads": "head"}


def _command(route: Route) -> str:
    source = route.folder.source or "DATA"
    parts = ["headstart", "fit", source, "--out", str(route.folder.path)]
    defaults = type(route.settings)().identity()
    for key, value in route.settings.identity().items():
        if value == defaults[key]:
            continue
        flag = "--" + _FLAGS.get(key, key).replace("_", "-")
        for item in value if isinstance(value, list) else [value]:
            parts += [flag] if item is True else [flag, str(item)]
    return shlex.join(parts)


def _notes(route: Route) -> tuple[str, ...]:
    return (
        f"Split: {route.data.parts.rule}.",
        f"Choosing: {len(route.data.folds)}-fold cross-validation on the training rows, whole groups on one side; "
        "the simplest candidate within one standard error of the best.",
        f"Test figures: {route.judged.rule}. Intervals: 95 %, 2,000 bootstrap resamples of rows or groups.",
        "Temperature: fitted to out-of-fold probabilities of training rows.",
        "Learning curves: training rows only, scored on held-out folds.",
    )
