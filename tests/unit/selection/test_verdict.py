import json
from dataclasses import asdict

import numpy as np
import pytest

from headstart.errors import InputError
from headstart.evaluation.intervals import Difference
from headstart.evaluation.metrics import score
from headstart.selection.verdict import Rival, choose_hand_over, judge

CODES = np.tile([0, 1], 100)


def right(share, seed=0):
    """Probabilities that are right for so many of the rows."""
    is_right = np.random.default_rng(seed).permutation(200) < share * 200
    said = np.where(is_right, CODES, 1 - CODES)
    return np.where(said[:, None] == np.arange(2), 0.8, 0.2)


def rival(name, share, seed=0):
    proba = right(share, seed)
    return Rival(name, proba, score("accuracy", CODES, proba))


def verdict(with_transfer, without, handed_over, **more):
    told = {"rule": "honest: test part, read once", "where": "on 200 test photographs, read once"} | more
    rivals = rival("lite0 / logistic", with_transfer), rival("lite0@random / ridge", without, 1)
    return judge("accuracy", CODES, *rivals, handed_over=handed_over, **told)


def test_help_is_told_with_figures_and_what_it_saved():
    found = verdict(0.9, 0.7, "transfer", saved="21 labels with transfer do the work of 200 without.")
    assert found.outcome == "helped"
    assert found.handed_over == "transfer"
    assert found.difference.value == pytest.approx(0.2)
    low, high = found.difference.low, found.difference.high
    assert found.sentence == (
        "Transfer helped: accuracy 0.900 with lite0 / logistic against 0.700 for the best untransferred model "
        f"(lite0@random / ridge), a paired difference of +0.200 [{low:+.3f}, {high:+.3f}] on 200 test photographs, "
        "read once; 21 labels with transfer do the work of 200 without."
    )
    assert str(found) == found.sentence


def test_a_tie_is_called_a_tie_and_the_cheaper_model_is_handed_over():
    found = verdict(0.8, 0.79, "untransferred", saved="never said")
    assert found.outcome == "tie"
    assert found.sentence.startswith("It is a tie: ")
    assert found.sentence.endswith("The cheaper untransferred model is handed over.")
    assert "never said" not in found.sentence


def test_hurt_is_called_hurt():
    found = verdict(0.6, 0.9, "untransferred")
    assert found.outcome == "hurt"
    assert found.sentence.startswith("Transfer hurt: ")
    assert found.sentence.endswith("The untransferred model is handed over.")


@pytest.mark.parametrize(
    ("with_transfer", "without", "handed_over", "said"),
    [
        (0.9, 0.7, "untransferred", "saw no clear gain and these rows say otherwise"),
        (0.8, 0.79, "transfer", "saw a clear gain that these rows do not confirm"),
        (0.6, 0.9, "transfer", "these rows say the opposite"),
    ],
)
def test_rows_that_disagree_with_the_choice_are_said_to_and_do_not_change_it(with_transfer, without, handed_over, said):
    found = verdict(with_transfer, without, handed_over)
    assert said in found.sentence
    assert found.handed_over == handed_over


def test_a_difference_over_repeats_is_taken_as_given():
    found = verdict(0.9, 0.7, "transfer", difference=Difference(0.2, -0.1, 0.5), where="over 15 validation parts")
    assert found.outcome == "tie"
    assert "+0.200 [-0.100, +0.500] over 15 validation parts" in found.sentence


def test_an_undefined_difference_is_called_unknown():
    found = verdict(0.9, 0.7, "untransferred", difference=Difference(*[float("nan")] * 3))
    assert found.outcome == "unknown"
    assert "Nothing can be measured: accuracy is undefined" in found.sentence
    nothing = np.zeros(200, dtype=int)
    assert choose_hand_over("average_precision", nothing, np.arange(200.0), -np.arange(200.0)) == "transfer"


def test_errors_are_told_as_errors():
    y = np.linspace(0, 10_000, 200)
    near, far = Rival("lite0 / ridge_regression", y + 3, -3.0), Rival("columns / constant", y + 700, -700.0)
    found = judge("neg_mae", y, near, far, handed_over="transfer", rule="", where="on 200 test rows")
    assert found.outcome == "helped"
    assert found.sentence.startswith("Transfer helped: MAE 3.000 with lite0 / ridge_regression against 700.000")
    assert "a paired difference of -697.000 [-" in found.sentence
    assert "(less is better)" in found.sentence
    assert found.difference.value == pytest.approx(697)


@pytest.mark.parametrize(
    ("with_transfer", "without", "side"),
    [(0.9, 0.7, "transfer"), (0.8, 0.79, "untransferred"), (0.6, 0.9, "untransferred")],
)
def test_the_choice_is_for_transfer_only_where_it_clearly_gains(with_transfer, without, side):
    assert choose_hand_over("accuracy", CODES, right(with_transfer), right(without, 1)) == side


def test_the_choice_looks_at_groups():
    codes = np.zeros(400, dtype=int)
    good, bad = np.tile([0.9, 0.1], (400, 1)), np.tile([0.9, 0.1], (400, 1))
    bad[:60] = [0.1, 0.9]
    assert choose_hand_over("accuracy", codes, good, bad) == "transfer"
    assert choose_hand_over("accuracy", codes, good, bad, groups=np.arange(400) // 20) == "untransferred"


def test_a_verdict_goes_into_json():
    assert json.loads(json.dumps(asdict(verdict(0.9, 0.7, "transfer"))))["outcome"] == "helped"


def test_a_side_that_is_none_is_refused():
    with pytest.raises(InputError, match="'transfer' or 'untransferred', got 'both'"):
        verdict(0.9, 0.7, "both")
