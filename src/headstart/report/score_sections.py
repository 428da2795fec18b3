"""What was tried, how it scored, what it cost."""

from __future__ import annotations

from headstart.report.bars import cost_bar
from headstart.report.interval_plot import interval_axis, interval_plot, score_scale
from headstart.report.markup import escape
from headstart.report.number_text import count, duration, figure, interval, percent
from headstart.report.record import CostRow, LeaderboardRow, MetricRow, ReportRecord
from headstart.report.scale import Scale
from headstart.report.section import Section, how_to_read, panel, scrolling, table
from headstart.types import Score

_KINDS = {"transfer": "transfer", "untransferred": "without transfer", "baseline": "baseline"}


def leaderboard_section(record: ReportRecord) -> Section | None:
    """Every candidate with its scores on one scale."""
    rows = record.leaderboard
    if not rows:
        return None
    scale = score_scale([score for row in rows for score in (row.cv, row.test)])
    has_test = any(row.test for row in rows)
    keys = '<span class="key-cv">cross-validation, by which the choice was made</span>'
    keys += '<span class="key-test">test part, read once at the end</span>' if has_test else ""
    test = '<th scope="col" class="number">Test</th>' if has_test else ""
    head = (
        '<tr><th scope="col">Model</th>'
        f'<th scope="col" class="scores"><span class="unseen">{escape(record.metric)}</span>{interval_axis(scale)}</th>'
        f'<th scope="col" class="number">CV</th>{test}<th scope="col" class="number">Time</th></tr>'
    )
    body = "".join(_leaderboard_row(row, scale, has_test) for row in rows)
    markup = (
        f'<p class="legend">{keys}</p><table class="leaderboard">'
        f"<caption>Leaderboard by {escape(record.metric)}</caption><thead>{head}</thead><tbody>{body}</tbody></table>"
    )
    better = "Further right is better." if record.higher_is_better else "Further left is better."
    how = (
        f"Each dot is a score, each bar its 95 % interval. {better} Where the bars of two models overlap widely, the "
        "data do not tell them apart, and the cheaper one is taken."
    )
    body = panel("", scrolling(markup, "Leaderboard"), how_to_read(how), _rules(rows))
    return Section("leaderboard", "Leaderboard", f"What was tried, by {record.metric}.", body)


def metrics_section(record: ReportRecord) -> Section | None:
    """All figures of the model that was handed over."""
    if not record.metrics:
        return None
    rows = [_metric_cells(row) for row in record.metrics]
    body = panel(
        "",
        table(
            ["Figure", "Value", "95 % interval", "How it came about"],
            rows,
            caption="All figures of the model handed over",
            numeric={1, 2},
        ),
    )
    return Section("figures", "All figures", "The model handed over, measured in several ways.", body)


def domains_section(record: ReportRecord) -> Section | None:
    """The headline score within each domain."""
    if not record.domains:
        return None
    scale = score_scale([row.score for row in record.domains])
    rows = [
        [
            escape(row.name),
            interval_plot([(row.score, "is-test")], scale, label=row.name),
            figure(row.score.value),
            interval(row.score),
            count(row.count),
        ]
        for row in record.domains
    ]
    grid = table(
        ["Domain", record.metric, "Value", "95 % interval", "Examples"],
        rows,
        caption=f"{record.metric} by domain",
        numeric={2, 3, 4},
        kind="domains",
    )
    how = "A domain whose bar lies apart from the others is served differently; few examples make a wide bar."
    lead = f"The same model, its {record.metric} within each domain."
    return Section("domains", "By domain", lead, panel("", grid, how_to_read(how)))


def cost_section(record: ReportRecord) -> Section | None:
    """Where the time went."""
    if not record.cost:
        return None
    total = sum(row.seconds for row in record.cost)
    rows = [_cost_cells(i, row) for i, row in enumerate(record.cost)]
    grid = table(["Stage", "Time", "Share", "On what"], rows, caption="Cost by stage", numeric={1, 2})
    lead = f"{duration(total)} in all."
    return Section("cost", "What it cost", lead, panel("", cost_bar(record.cost), grid))


def repeat_section(record: ReportRecord) -> Section | None:
    """How to get the same again, and by which rules figures were chosen."""
    command = f'<pre class="command" tabindex="0"><code>{escape(record.command)}</code></pre>' if record.command else ""
    pairs = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in record.settings.items()
    )
    settings = panel("Settings", f'<dl class="settings">{pairs}</dl>') if pairs else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in record.notes)
    rules = panel("How the figures were chosen", f'<ul class="notes">{notes}</ul>') if notes else ""
    body = (panel("The same again", command) if command else "") + settings + rules
    return Section("repeat", "Repeat it", "", body) if body else None


def _leaderboard_row(row: LeaderboardRow, scale: Scale, has_test: bool) -> str:
    kind = f'<b class="is-{escape(row.kind)}">{escape(_KINDS.get(row.kind, row.kind))}</b>'
    made_of = " · ".join([kind, *(escape(part) for part in (row.backbone, row.head) if part)])
    chip = '<span class="chip is-winner">handed over</span>' if row.is_winner else ""
    marks: list[tuple[Score | None, str]] = [(row.cv, "is-cv"), (row.test, "is-test")]
    test = f'<td class="number" data-label="test">{_score(row.test)}</td>' if has_test else ""
    return (
        f'<tr class="is-{"winner" if row.is_winner else "other"}"><th scope="row">'
        f'<span class="model">{escape(row.name)}</span>{chip}<span class="made-of">{made_of}</span></th>'
        f'<td class="scores">{interval_plot(marks, scale, label=row.name)}</td>'
        f'<td class="number" data-label="cv">{_score(row.cv)}</td>{test}'
        f'<td class="number time" data-label="time">{duration(row.seconds)}</td></tr>'
    )


def _score(score: Score | None) -> str:
    if score is None:
        return '<span class="absent">–</span>'
    return f'{figure(score.value)}<span class="range">{interval(score)}</span>'


def _rules(rows: tuple[LeaderboardRow, ...]) -> str:
    rules: dict[str, list[str]] = {}
    for row in rows:
        rules.setdefault(row.rule, []).append(row.name)
    rules.pop("", None)
    if len(rules) == 1:
        return how_to_read(f"Rule for every line: {next(iter(rules))}.")
    return "".join(how_to_read(f"Rule for {', '.join(names)}: {rule}.") for rule, names in rules.items())


def _metric_cells(row: MetricRow) -> list[str]:
    note = f'<span class="made-of">{escape(row.note)}</span>' if row.note else ""
    kind = "is-oracle" if row.score.rule.startswith("oracle") else "is-honest"
    rule = f'<span class="{kind}">{escape(row.score.rule)}</span>'
    return [f"{escape(row.name)}{note}", figure(row.score.value), interval(row.score), rule]


def _cost_cells(i: int, row: CostRow) -> list[str]:
    square = '<rect width="10" height="10" rx="2"/>'
    key = f'<svg class="key k{i % 8}" aria-hidden="true" width="10" height="10">{square}</svg>'
    return [key + escape(row.stage), duration(row.seconds), percent(row.share), escape(row.detail)]
