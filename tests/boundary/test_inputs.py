"""What the table of inputs says is what happens."""

import warnings
from collections import Counter

import numpy as np
import page
import pytest
from rows import ROWS, Row

from pydra_diffconn import files

OUTCOMES = ("accepted", "converted", "warned about", "refused")


def values(found):
    """Return what is compared: the numbers of an image that is still on disk are read."""
    return files.read_series(found) if isinstance(found, files.ImageSeries) else found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_kind_of_input_has_the_outcome_that_is_told(row: Row, tmp_path):
    if row.outcome == "refused":
        with pytest.raises((ValueError, FileNotFoundError), match=row.told) as raised:
            values(row.make(tmp_path)[0])
        if row.kind == "statistics":  # where: the block, as the test of these says
            return
        files_or_fields = [*(path.name for path in tmp_path.rglob("*")), tmp_path.name, "mask"]
        assert any(name in str(raised.value) for name in files_or_fields)
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        found, right = row.make(tmp_path)
        found = values(found)
    told = [str(one.message) for one in caught if one.category is UserWarning]
    told = [one for one in told if "degrees of freedom" not in one or row.kind == "statistics"]  # runs are short here
    if row.outcome == "warned about":
        assert len(told) == 1
        with pytest.warns(UserWarning, match=row.told):
            warnings.warn(told[0], stacklevel=1)
    else:
        assert not told
    if isinstance(right, np.ndarray):
        np.testing.assert_allclose(found, right, rtol=1e-6)
    else:
        assert found == right


def test_rows_have_a_name_and_an_outcome_of_their_own():
    assert {row.outcome for row in ROWS} == set(OUTCOMES)
    assert max(Counter(row.name for row in ROWS).values()) == 1
    assert all(row.told for row in ROWS if row.outcome in ("warned about", "refused"))


def test_the_page_on_inputs_says_what_the_tests_do():
    assert page.PAGE.read_text(encoding="utf-8") == page.page(), "write it anew: python tests/boundary/page.py"
