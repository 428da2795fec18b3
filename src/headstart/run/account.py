"""What a finished run leaves behind: run.json, leaderboard.csv, the report and the model card."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.evaluation.domains import domain_scores
from headstart.evaluation.label_audit import outliers
from headstart.evaluation.metric_names import is_error, shown_name, shown_score
from headstart.report import record as page
from headstart.report.model_card import write_model_card
from headstart.report.page import write_page
from headstart.run.accounts.task_account import account_of
from headstart.run.augmented_examples import augmented_examples
from headstart.run.judged_model import JudgedModel, thumb
from headstart.run.part_contributions import part_rows
from headstart.run.run_folder import RESULT
from headstart.run.source_account import source_part, source_result
from headstart.selection.leaderboard import Leaderboard
from headstart.types import Score
from headstart.whole_file import write_whole

if TYPE_CHECKING:
    from headstart.run.fit import Run
    from headstart.run.route import Route

MOST_OUTLIERS = 12


def finish(route: Route) -> Run:
    """Write everything; run.json last, because it says that the run is done."""
    from headstart.run.fit import Run

    board = route.leaderboard()
    judged = JudgedModel(route)
    parts = part_rows(route)
    source = source_part(route) if route.target is None else route.target.part
    record = replace(
        report_record(route, board, judged),
        parts=_shown_parts(route, parts),
        source=source,
        augmented=augmented_examples(route),
    )
    folder = route.folder.path
    write_whole(folder / "leaderboard.csv", board.to_csv())
    write_page(record, folder / "report.html")
    write_model_card(record, folder / "model_card.md")
    result = _result(route, board, judged) | {"parts": [asdict(part) for part in parts]} | source_result(source)
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


def _result(route: Route, board: Leaderboard, judged: JudgedModel) -> dict[str, Any]:
    """The content of run.json; everything that depends on time stands under "cost"."""
    classes, verdict = route.field.classes, route.judged.verdict
    records = board.to_records()
    costs = {
        row["name"]: {key: row.pop(key) for key in ("encode_seconds", "fit_seconds", "peak_bytes")}
        for row in records["rows"]
    }
    account = account_of(route.task.name)
    return {
        "format_version": 1,
        "identity": route.folder.identity,
        "verdict": asdict(verdict),
        "handed_over": route.handed_over.name,
        "task": route.task.name,
        "classes": list(classes),
        "metric": route.field.metric,
        "metrics": account.figures(route, judged),
        "rule": judged.rule,
        "split": route.data.parts.rule,
        **account.result(route, judged),
        "leaderboard": records,
        "labels_saved": route.saved.sentence,
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


def report_record(route: Route, board: Leaderboard, judged: JudgedModel) -> page.ReportRecord:
    """Everything the page shows."""
    from headstart import __version__

    metric = route.field.metric
    parts = account_of(route.task.name).parts(route, judged)
    notes = _notes(route, parts.pop("calibration_note"))
    headline = route.judged.scores[route.handed_over.name]
    cards = [route.library.backbone(name).card for name in route.handed_over.recipe.backbones]
    return page.ReportRecord(
        title=route.folder.path.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
        verdict_sentence=route.judged.verdict.sentence,
        verdict_kind=route.judged.verdict.outcome,
        metric=shown_name(metric),
        score=shown_score(metric, headline),
        higher_is_better=not is_error(metric),
        facts=_facts(route),
        leaderboard=_board(board),
        classes=route.field.classes,
        curves=_curves(route),
        labels_saved=route.saved.sentence,
        outliers=_outliers(route),
        findings=_findings(route),
        guesses=route.found.guesses,
        sizes=_sizes(route),
        domains=_domains(route, judged),
        cost=_cost(route),
        command=_command(route),
        notes=notes,
        backbone=cards[0] if cards else None,
        folder=str(route.folder.path),
        task=route.task.name,
        pipeline_tag=route.task.pipeline_tag,
        **parts,
    )


def _facts(route: Route) -> tuple[tuple[str, str], ...]:
    data = route.data
    choices = {name: route.library.encoded(name).choice for name in route.handed_over.recipe.backbones}
    runtimes = sorted({f"{choice.runtime} {choice.precision}" for choice in choices.values()})
    return (
        ("Labelled rows", f"{len(data.dataset):,}"),
        ("Learnt from", f"{len(data.parts.train):,}"),
        ("Tested on", f"{len(data.parts.test):,}" if len(data.parts.test) else "cross-validation"),
        *((("Classes", f"{len(route.field.classes)}"),) if route.field.classes else ()),
        ("Features", route.handed_over.recipe.name),
        ("Head", route.handed_over.choice.winner.head),
        ("Runtime", ", ".join(runtimes) or "torch fp32"),
        ("Seconds", f"{route.seconds():.0f}"),
    )


def _board(board: Leaderboard) -> tuple[page.LeaderboardRow, ...]:
    def shown(score: Score | None) -> Score | None:
        return None if score is None else shown_score(board.metric, score)

    return tuple(
        page.LeaderboardRow(
            name=row.name,
            kind="transfer" if row.kind == "transfer" else "baseline" if row.name == row.head else "untransferred",
            backbone=row.backbone,
            head=row.head,
            cv=shown_score(board.metric, row.cv),
            test=shown(row.test),
            seconds=row.encode_seconds + row.fit_seconds,
            rule=row.test.rule if row.test else row.cv.rule,
            is_winner=row.is_handed_over,
        )
        for row in board
    )


def _curves(route: Route) -> tuple[page.Curve, ...]:
    found = dict(zip((route.winner.name, route.untransferred.name), route.curves, strict=True))
    transferred = "" if route.winner is route.untransferred else route.winner.name
    sign = -1.0 if is_error(route.field.metric) else 1.0
    shown = []
    for name, curve in found.items():
        ends = (curve.low, curve.high) if sign > 0 else (-curve.high, -curve.low)
        shown.append(page.Curve(name, curve.sizes, sign * curve.mean, *ends, is_transferred=name == transferred))
    return tuple(shown)


def _shown_parts(route: Route, parts: tuple[page.PartRow, ...]) -> tuple[page.PartRow, ...]:
    """Scores with the metric's own sign; what is lost stays: more is worse."""
    metric = route.field.metric
    return tuple(replace(part, alone=None if part.alone is None else shown_score(metric, part.alone)) for part in parts)


def _outliers(route: Route) -> tuple[page.Thumb, ...]:
    rows, distance = outliers(
        route.library.features(route.pictured.backbones, np.arange(len(route.data.dataset))), n_most=MOST_OUTLIERS
    )
    targets = route.data.dataset.targets
    assert targets is not None
    text = account_of(route.task.name).target_text
    return tuple(thumb(route, row, text(targets[row]), "", far) for row, far in zip(rows, distance, strict=True))


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


def _domains(route: Route, judged: JudgedModel) -> tuple[page.DomainRow, ...]:
    domain = route.data.dataset.domain
    if domain is None:
        return ()
    found = domain_scores(
        route.field.metric, judged.y, judged.after, domain[judged.rows], groups=judged.groups, rule=judged.rule
    )
    return tuple(page.DomainRow(row.domain, row.n, shown_score(found.metric, row.score)) for row in found.rows)


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


_FLAGS = {"budget_seconds": "budget", "backbones": "backbone", "heads": "head", "strategies": "strategy"}


def _command(route: Route) -> str:
    source = route.folder.source or "DATA"
    parts = ["headstart", "fit", source, "--out", str(route.folder.path)]
    defaults = type(route.settings)().identity()
    for key, value in route.settings.identity().items():
        if value == defaults.get(key):
            continue
        flag = "--" + _FLAGS.get(key, key).replace("_", "-")
        for item in value if isinstance(value, list) else [value]:
            parts += [flag] if item is True else [flag, str(item)]
    return shlex.join(parts)


def _notes(route: Route, calibration: str) -> tuple[str, ...]:
    return (
        f"Split: {route.data.parts.rule}.",
        f"Choosing: {len(route.data.folds)}-fold cross-validation on the training rows, whole groups on one side; "
        "the simplest candidate within one standard error of the best.",
        f"Test figures: {route.judged.rule}. Intervals: 95 %, 2,000 bootstrap resamples of rows or groups.",
        calibration,
        "Learning curves: training rows only, scored on held-out folds.",
    )
