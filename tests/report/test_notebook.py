"""What values show of themselves in a notebook: true, escaped, and without anything from elsewhere."""

import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn import Learn, fit, fuse, losses
from pydra_diffconn.blocks import BandPass, Correlation, Parcellate
from pydra_diffconn.report import notebook


@workflow.define(outputs=["connectome"])
def Shown(bold, labels, tr: float):
    band = workflow.add(BandPass(timeseries=bold, tr=tr, high=Learn(0.1)))
    parcels = workflow.add(Parcellate(timeseries=band.timeseries, labels=labels))
    return workflow.add(Correlation(timeseries=parcels.timeseries)).connectome


@pytest.fixture(scope="module")
def task():
    rng = np.random.default_rng(0)
    bolds = [rng.standard_normal((60, 40)) for _ in range(3)]
    return Shown(labels=np.arange(40) // 8 + 1, tr=2.0).split("bold", bold=bolds)


def test_a_block_shows_its_inputs_with_units_and_ranges():
    shown = BandPass(timeseries=np.zeros((200, 4)), tr=2.0, low=Learn(0.02))._repr_html_()
    for part in ("BandPass", "without shifting phases", "array (200, 4) of float64", "Learn(init=0.02)", "Hz"):
        assert part in shown
    assert "not given" in BandPass()._repr_html_()


def test_a_program_and_its_plan_show_what_runs_where_and_why(task):
    program = fuse(task)
    shown, plan = program._repr_html_(), program.plan_of(program.runs[0])._repr_html_()
    for part in ("Shown: 3 run(s)", "Parcellate before BandPass", "connectome (5, 5)", "BandPass.high", "0.1"):
        assert part in shown
    assert plan.index("Parcellate</td>") < plan.index("BandPass</td>")


def test_a_result_shows_start_and_learned_values_and_the_loss(task):
    result = fit(task, losses.MeanSquaredError("connectome"), np.stack([np.eye(5)] * 3), steps=3, progress=False)
    text = repr(result).splitlines()
    assert text[0].startswith("Result: 3 runs learned from") and len(text) < 8, repr(result)
    assert text[1].split()[0] == result.learned[0].name and "->" in text[1]
    shown = result._repr_html_()
    assert f"{float(result.parameters['BandPass.high']):.4g}" in shown
    assert f"{result.best['training']:.4g}" in shown and "<svg" in shown


def test_text_is_escaped_and_long_values_are_cut():
    shown = notebook.card("<b>", "&", [{"head": ["x"], "rows": [["<script>"]]}], ["<i>"])
    assert "<script>" not in shown and "&lt;script&gt;" in shown and "&lt;b&gt;" in shown
    assert len(notebook.brief("x" * 500)) == 80
