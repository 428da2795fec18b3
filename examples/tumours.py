"""A table: 569 tumours in 30 measurements (scikit-learn's breast cancer data)."""

from __future__ import annotations

from packaged import DEMOS, fit_and_predict
from sklearn.datasets import load_breast_cancer


def main() -> None:
    """Write the table, fit, and predict it."""
    DEMOS.mkdir(parents=True, exist_ok=True)
    data = load_breast_cancer(as_frame=True)
    table = data.data.assign(diagnosis=data.target_names[data.target])
    table.to_csv(DEMOS / "tumours.csv", index=False)
    fit_and_predict(DEMOS / "tumours.csv", DEMOS / "tumours", DEMOS / "tumours.csv")


if __name__ == "__main__":
    main()
