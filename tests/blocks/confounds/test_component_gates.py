"""Gates by number."""

import numpy as np
import pytest

from pydra_diffconn.blocks import ComponentGates
from pydra_diffconn.testing import Case


@pytest.mark.parametrize("columns", [(), (0,), (2, 5)])
def test_numbers_of_no_component_are_refused(columns):
    with pytest.raises(ValueError, match="counted from 1"):
        ComponentGates.check({"columns": columns, "components": np.ones((9, 4))})


def by_hand(components, columns):
    return np.array([float(number + 1 in columns) for number in range(components.shape[1])])


CASES = [Case(ComponentGates, {"components": np.ones((9, 4)), "columns": (2, 4)}, by_hand, "by hand", smooth=())]
