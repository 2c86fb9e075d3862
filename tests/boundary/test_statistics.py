"""What cannot be is one error, or one warning, in the same words however it comes."""

import numpy as np
import pytest
from making import given
from statistics_that_cannot_be import IMPOSSIBLE, around, call

from pydra_diffconn import fuse

WAYS = {
    "a task": lambda one: given(one.block, **{**one.given, **one.changed}),
    "a program": lambda one: fuse(around(one.block, {**one.given, **one.changed})),
    "a call": call,
}


def _calls(one):
    """Say whether a program can be called with what is changed: numbers that are not learned are part of it."""
    arguments = one.block.declaration.arguments
    return all(isinstance(v, np.ndarray) or arguments[n].role == "parameter" for n, v in one.changed.items())


@pytest.mark.parametrize(
    ("one", "way"),
    [(one, way) for one in IMPOSSIBLE for way in WAYS if way != "a call" or _calls(one)],
    ids=lambda value: getattr(value, "what", value),
)
def test_what_cannot_be_is_told(one, way):
    where = one.block.__name__ if way == "a task" else "step"
    if one.warned:
        with pytest.warns(UserWarning, match=one.told):
            WAYS[way](one)
    else:
        with pytest.raises(ValueError, match=rf"^{where}: .*{one.told}"):
            WAYS[way](one)
