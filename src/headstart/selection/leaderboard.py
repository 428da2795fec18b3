"""Every contender with its scores, and how each score came about."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.evaluation.metric_names import shown_name, shown_score
from headstart.types import Score
from headstart.whole_file import write_whole

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LeaderboardRow:
    """One contender.

    Args:
        name: features and head.
        kind: "transfer" or "baseline".
        backbone: names of its backbones, " + " between them.
        head: name of its head.
        settings: of the head.
        cv: the score that chose, on rows it did not learn from.
        test: the score on the test part, for those that read it; None for the others.
        encode_seconds: to make its features in this run.
        fit_seconds: to choose and fit its head.
        peak_bytes: largest resident memory of the process so far.
        is_handed_over: True for the model that was saved.
    """

    name: str
    kind: str
    backbone: str
    head: str
    settings: dict[str, Any]
    cv: Score
    test: Score | None = None
    encode_seconds: float = 0.0
    fit_seconds: float = 0.0
    peak_bytes: int = 0
    is_handed_over: bool = False


@dataclass(frozen=True)
class Leaderboard:
    """Rows, best selection score first.

    Args:
        metric: what the scores are; those of a metric "neg_..." are minus an error, and shown as the error.
        rows: the contenders.
    """

    metric: str
    rows: tuple[LeaderboardRow, ...] = field(default=())

    def __post_init__(self) -> None:
        ordered = sorted(self.rows, key=_place)
        object.__setattr__(self, "rows", tuple(ordered))

    def __iter__(self) -> Iterator[LeaderboardRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def to_records(self) -> dict[str, Any]:
        """JSON-able."""
        return {"metric": self.metric, "rows": [asdict(row) for row in self.rows]}

    @classmethod
    def from_records(cls, records: dict[str, Any]) -> Leaderboard:
        """Back from :meth:`to_records`."""

        def score(entry: dict[str, Any] | None) -> Score | None:
            if not entry:
                return None
            known: dict[str, Any] = {key: float("nan") if value is None else value for key, value in entry.items()}
            return Score(**known)

        rows = [
            LeaderboardRow(**{**row, "cv": score(row["cv"]), "test": score(row["test"])}) for row in records["rows"]
        ]
        return cls(records["metric"], tuple(rows))

    def to_csv(self, path: str | Path | None = None) -> str:
        """Comma-separated text with a header, errors as errors; also written to ``path``, whole or not at all.

        Raises:
            StorageError: the disk is full, or ``path`` may not be written.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_HEADER)
        writer.writerows(_cells(self._shown(row)) for row in self.rows)
        if path is not None:
            write_whole(Path(path), text.getvalue())
        return text.getvalue()

    def to_frame(self) -> pd.DataFrame:
        """A pandas table."""
        import pandas as pd

        return pd.read_csv(io.StringIO(self.to_csv()))

    def _shown(self, row: LeaderboardRow) -> LeaderboardRow:
        """The row with the metric's own sign."""
        test = None if row.test is None else shown_score(self.metric, row.test)
        return replace(row, cv=shown_score(self.metric, row.cv), test=test)

    def __str__(self) -> str:
        lines = [("", "model", f"{shown_name(self.metric)} out of fold", "on test", "seconds")]
        for row in map(self._shown, self.rows):
            mark = "*" if row.is_handed_over else ""
            seconds = f"{row.encode_seconds + row.fit_seconds:.1f}"
            lines.append((mark, row.name, shown(row.cv), shown(row.test), seconds))
        return aligned(lines)

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(index=False))


_HEADER = ["model", "kind", "backbone", "head", "cv", "cv_low", "cv_high", "cv_rule", "test", "test_low", "test_high"]
_HEADER += ["test_rule", "encode_seconds", "fit_seconds", "peak_bytes", "is_handed_over"]


def _place(row: LeaderboardRow) -> tuple[bool, float, str]:
    """Best first, undefined scores last."""
    is_undefined = row.cv.value != row.cv.value
    return (is_undefined, 0.0 if is_undefined else -row.cv.value, row.name)


def _cells(row: LeaderboardRow) -> list[Any]:
    test = [row.test.value, row.test.low, row.test.high, row.test.rule] if row.test else ["", "", "", ""]
    cv = [row.cv.value, row.cv.low, row.cv.high, row.cv.rule]
    costs = [round(row.encode_seconds, 3), round(row.fit_seconds, 3), row.peak_bytes, row.is_handed_over]
    return [row.name, row.kind, row.backbone, row.head, *cv, *test, *costs]


def shown(score: Score | None) -> str:
    """A score for people; nothing where there is none.

    >>> shown(Score(0.5, 0.41234, 0.6, ""))
    '0.500 [0.412, 0.600]'
    """
    if score is None or score.value != score.value:
        return ""
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Columns of text, each as wide as its widest cell."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)
