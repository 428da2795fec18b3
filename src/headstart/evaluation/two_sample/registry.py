"""Two-sample tests of rows by name: one file a test, found by file name."""

from __future__ import annotations

from headstart.members import Members

ROW_TESTS = Members("headstart.evaluation.two_sample", "two-sample test", among=("classifier", "energy", "mmd"))
"""Take (n, d) and (m, d) rows: ``test(source, target) -> TwoSample``."""
