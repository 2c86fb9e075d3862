"""What a page shows of learning: the same run by the values before, the filter's true gain, the fit's loss."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from pydra_diffconn.bids import app, jobs, learned_figures
from pydra_diffconn.bids.job import prepare
from pydra_diffconn.bids.learned import learned_settings
from pydra_diffconn.bids.pages.subject import write_subject
from pydra_diffconn.bids.process import process
from pydra_diffconn.bids.settings import Settings
from pydra_diffconn.declare.learned import LearnedParameter, save_parameters

TR = 2.0


@pytest.fixture
def parameters(tmp_path):
    folder = tmp_path / "fit"
    folder.mkdir()
    names = {"low_pass": (0.15, 0.1, "Hz"), "fd_threshold": (0.5, 0.3, "mm")}
    block = ("pydra_diffconn:BandPass", "1")
    save_parameters(
        folder,
        [LearnedParameter(f"run.{k}", v, s, u, "positive", *block, (f"run.{k}",)) for k, (v, s, u) in names.items()],
    )
    rows = "\n".join(f"{step}\t{1 / (step + 1)}\t{'n/a' if step % 2 else 2}\t0.1" for step in range(900))
    (folder / "history.tsv").write_text(f"step\tloss\tvalidation\tseconds\n{rows}\n")
    return folder


def job_of(study, parameters, tmp_path, **given):
    request = app.Request(
        study, tmp_path / "out", participants=("01",), strategies=("9P",), parameters=parameters,
        given={"min_time": 60.0, **given},
    )  # fmt: skip
    return app.plan(request).jobs[0]


def test_the_start_is_the_same_run_by_the_values_before_learning(study, parameters, tmp_path):
    from pydra_diffconn.bids import computing

    job = job_of(study, parameters, tmp_path, connectomes=("partial",))
    assert (job.settings.low_pass, job.at_start.low_pass) == (0.15, 0.1) and len(job.history) < 300
    assert jobs.understood(jobs.described(job)) == job
    for name in ("a", "c"):
        (tmp_path / name).mkdir()
    found = computing.compute(prepare(job), job.atlases[0], tmp_path / "a" / "b")
    classical = replace(job, settings=job.at_start, learned={})
    plain = computing.compute(prepare(classical), job.atlases[0], tmp_path / "c" / "d")
    np.testing.assert_allclose(found.at_start, plain.connectomes["partial"], atol=1e-6)
    assert plain.at_start is None and np.abs(found.at_start - found.connectomes["partial"]).max() > 0.01


@pytest.mark.slow
def test_the_page_shows_both_connectomes_the_filter_and_the_loss(study, parameters, tmp_path):
    job = job_of(study, parameters, tmp_path)
    row = process(job, tmp_path / "made")
    assert row["status"] == "done", row["reason"]
    names = {path.name.partition("_desc-")[2].removesuffix("_bold.svg") for path in tmp_path.rglob("*.svg")}
    assert {"versus", "response", "loss"} <= names
    request = app.Request(
        study, tmp_path / "out", ("01",), ("1",), strategies=("9P",), parameters=parameters, given={"min_time": 60.0}
    )
    app.participant(request, worker="debug")
    page = write_subject(tmp_path / "out", "01").read_text(encoding="utf-8")
    for title in ("Before and after learning", "Frequency response", "Loss"):
        assert page.count(f">{title}<") == 1
    (path,) = (tmp_path / "out" / "sub-01").rglob("*_timeseries.json")
    assert json.loads(path.read_text())["Processing"]["learned"]["run.fd_threshold"]["start"] == 0.3


@pytest.mark.parametrize(("high_pass", "low_pass"), [(0.01, 0.1), (None, 0.08), (0.02, None), (None, None)])
def test_the_response_is_the_filters_gain(high_pass, low_pass):
    found = learned_figures.response(Settings(high_pass=high_pass, low_pass=low_pass), TR)
    impulse = np.zeros(2 * 4096)
    impulse[4096] = 1.0
    edges = [edge for edge in (high_pass, low_pass) if edge is not None]
    if edges:
        kind = "bandpass" if len(edges) == 2 else "highpass" if high_pass else "lowpass"
        sections = butter(2, edges if len(edges) == 2 else edges[0], kind, fs=1 / TR, output="sos")
        impulse = sosfiltfilt(sections, impulse, padlen=0)
    measured = np.abs(np.fft.rfft(impulse))
    at = np.linspace(0, 0.5 / TR, learned_figures.FREQUENCIES)
    np.testing.assert_allclose(found, np.interp(at, np.fft.rfftfreq(len(impulse), TR), measured), atol=1e-3)


def test_a_projection_keeps_its_band_alone():
    found = learned_figures.response(Settings(order="simultaneous", high_pass=0.05, low_pass=0.1), TR)
    at = np.linspace(0, 0.5 / TR, learned_figures.FREQUENCIES)
    assert set(found) == {0.0, 1.0} and (at[found == 1] >= 0.05).all() and (at[found == 1] <= 0.1).all()


def test_missing_parcels_stay_grey(rng):
    matrix = rng.standard_normal((6, 6))
    matrix[2] = matrix[:, 2] = np.nan
    assert learned_figures.versus(matrix, 2 * matrix, "r").startswith("<svg")
    empty = np.full((3, 3), np.nan)
    assert learned_figures.versus(empty, empty, "r").startswith("<svg")


def test_a_history_that_is_none_is_told(parameters):
    assert len(learned_settings(parameters)[1]["history"]) == 225
    (parameters / "history.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(ValueError, match=r"history.tsv is no history of a fit.*expected columns step, loss"):
        learned_settings(parameters)
    (parameters / "history.tsv").unlink()
    assert learned_settings(parameters)[1]["history"] == ()
