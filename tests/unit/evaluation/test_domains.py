import numpy as np
import pytest

from headstart.errors import InputError, UnknownNameError
from headstart.evaluation.domains import domain_scores
from headstart.evaluation.intervals import bootstrap

CODES = np.tile([0, 1], 30)
PROBA = np.eye(2)[CODES] * 0.6 + 0.2
DOMAINS = np.array(["poly"] * 20 + ["mono"] * 30 + [None] * 10, dtype=object)


def test_each_domain_has_its_own_score_and_interval():
    proba = PROBA.copy()
    proba[:8] = proba[:8, ::-1]
    found = domain_scores("accuracy", CODES, proba, DOMAINS, rule="told")
    assert [(row.domain, row.n) for row in found.rows] == [("mono", 30), ("poly", 20)]
    assert found.rows[1].score == bootstrap("accuracy", CODES[:20], proba[:20], rule="told")
    assert found.rows[1].score.value == pytest.approx(0.6)
    assert found.worst is found.rows[1]


def test_groups_go_with_their_rows():
    groups = np.arange(60) // 2
    found = domain_scores("macro_f1", CODES, PROBA, DOMAINS, groups=groups)
    assert found.rows[0].score == bootstrap("macro_f1", CODES[20:50], PROBA[20:50], groups=groups[20:50])


def test_an_undefined_score_is_not_the_worst():
    codes = CODES.copy()
    codes[20:50] = 0
    found = domain_scores("roc_auc", codes, PROBA, DOMAINS)
    assert np.isnan(found.rows[0].score.value)
    assert found.worst is found.rows[1]
    assert domain_scores("accuracy", CODES, PROBA, [None] * 60).worst is None


def test_what_cannot_be_is_refused():
    with pytest.raises(UnknownNameError, match="got 'f1'"):
        domain_scores("f1", CODES, PROBA, DOMAINS)
    with pytest.raises(InputError, match="one domain a row, got 59 for 60 rows"):
        domain_scores("accuracy", CODES, PROBA, DOMAINS[1:])
