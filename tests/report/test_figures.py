import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from pydra_diffconn import blocks
from pydra_diffconn.report import block_figures, figures

HISTORY = [{"step": n, "loss": 1.0 / (n + 1), "validation": None} for n in range(3)]
DRAWN = {
    "loss": lambda: figures.loss_figure(HISTORY),
    "carpet": lambda: figures.carpet(np.random.default_rng(0).standard_normal((20, 3)), 2.0, "a run"),
    "weights": lambda: figures.weights([0.5, 0.5], [0.1, 0.9], ["one", "other"]),
    "pipelines": lambda: figures.specification_curve([1.0, 2.0], {"band": ["low", "high"]}, [False, True], "loss"),
    "block": lambda: block_figures.draw(blocks.BandPass),
}


@pytest.mark.parametrize("kind", list(DRAWN))
def test_drawing_leaves_matplotlib_as_it_was(kind):
    with matplotlib.rc_context({"font.size": 17.0}):
        before, backend = dict(matplotlib.rcParams), matplotlib.get_backend()
        assert DRAWN[kind]()
        assert dict(matplotlib.rcParams) == before and matplotlib.get_backend() == backend
    assert not plt.get_fignums()


def test_a_figure_is_in_our_style():
    (axes,) = figures.loss_figure(HISTORY).axes
    assert axes.xaxis.label.get_size() == 9 and not axes.spines["top"].get_visible()
