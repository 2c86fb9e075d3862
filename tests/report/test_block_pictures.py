"""The pictures on the blocks' pages: each block has one, and every panel shows something."""

from typing import Annotated

import numpy as np
import pytest
from jaxtyping import Array, Float

from pydra_diffconn import Parameter, block, blocks, constraints
from pydra_diffconn.report import block_figures


def data_of(axes):
    """Return what is drawn in axes, as arrays."""
    drawn = [line.get_ydata() for line in axes.lines] + [image.get_array() for image in axes.images]
    drawn += [points.get_offsets() for points in axes.collections]
    return [*drawn, [bar.get_height() for bar in axes.patches], [bar.get_width() for bar in axes.patches]]


@pytest.mark.parametrize("name", blocks.__all__)
def test_each_block_is_drawn_and_no_panel_is_empty(name):
    figure = block_figures.draw(getattr(blocks, name))
    assert figure.axes
    for axes in figure.axes:
        shown = [np.asarray(values, dtype=float) for values in data_of(axes) if len(values)]
        assert all(np.isfinite(values[~np.isnan(values)]).all() and not np.isnan(values).all() for values in shown)
        assert any(np.ptp(values[~np.isnan(values)]) > 0 or values.size == 1 for values in shown), axes.get_title()


@block.define(outputs=["louder"])
def Louder(
    loudness: Float[Array, "places"],
    gain: Annotated[float, Parameter(constraints.positive, help="factor")] = 2.0,
) -> Float[Array, "places"]:
    """Multiply by a gain."""
    return loudness * gain


def test_a_block_whose_input_has_no_example_has_no_picture():
    assert block_figures.draw(Louder) is None


def test_a_censored_frame_is_filled_in_the_picture():
    (axes,) = block_figures.draw(blocks.Interpolate).axes
    before, after = (line.get_ydata() for line in axes.lines)
    assert np.abs(before[60] - after[60]) > 3 and before[30] == after[30]
