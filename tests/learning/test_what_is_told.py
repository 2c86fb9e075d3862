"""What a comparison says: nothing of too few groups, no word on a score that is no number, and where the start stood."""

import numpy as np
import pytest

from pydra_diffconn import Score
from pydra_diffconn.learning.comparison import Comparison
from pydra_diffconn.learning.scoring import CLASSICAL, LEARNED, START, compared_of, require_scores


def said_of(start, classical, learned, groups=12, higher=True, score=None):
    """Return the comparison of three pipelines whose held-out runs score these numbers, a little apart."""
    apart = 0.01 * np.random.default_rng(0).standard_normal(groups)
    computed = {
        name: [{"value": value + apart}] for name, value in ((START, start), (CLASSICAL, classical), (LEARNED, learned))
    }
    score = score or Score("r", of_runs=lambda outputs, targets, tested: outputs["value"][tested], higher=higher)
    one = compared_of(score, computed, None, [list(range(groups))], list(range(groups)), 0)
    return Comparison([one], [], groups, 5)


@pytest.mark.parametrize("groups", [2, 5])
def test_of_too_few_groups_nothing_is_said(groups):
    found = said_of(0.1, 0.2, 0.5, groups)
    assert found.compared[0].helped is None
    assert found.sentence.startswith("Too few groups to say whether learning helped")


def test_enough_groups_are_told():
    assert said_of(0.1, 0.2, 0.5, 6).sentence.startswith("Learning helped")
    assert said_of(0.1, 0.2, 0.5, 6, higher=False).sentence.startswith("Learning did harm")


def test_a_start_that_was_as_good_is_told():
    assert said_of(0.92, 0.85, 0.91).sentence.endswith("with its start values, not learned, has 0.92.")
    assert "start values" not in said_of(0.5, 0.85, 0.91).sentence
    assert said_of(0.1, 0.5, 0.2, higher=False).sentence.endswith("not learned, has 0.1.")


def test_a_score_that_is_no_number_is_refused():
    score = Score("bad", of_runs=lambda outputs, targets, tested: np.full(len(tested), np.nan))
    with pytest.raises(ValueError, match="the score 'bad' is nan of the pipeline 'start'"):
        said_of(0.1, 0.2, 0.5, score=score)


def test_a_score_of_one_number_for_all_runs_is_refused():
    score = Score("mean", of_runs=lambda outputs, targets, tested: outputs["value"].mean())
    with pytest.raises(ValueError, match=r"gives shape \(\) of 12 held-out runs; expected a number for each"):
        said_of(0.1, 0.2, 0.5, score=score)


def test_a_score_without_a_function_is_refused():
    with pytest.raises(ValueError, match="'empty' has neither of_runs= nor together="):
        require_scores([Score("empty")])
