"""The group level reads derivatives alone; its numbers are those of SciPy, statsmodels and plain counting."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from output_folder import BAD, write_output
from scipy.stats import pearsonr
from statsmodels.stats.multitest import fdrcorrection

from pydra_diffconn.bids.pages.group import write_group
from pydra_diffconn.bids.pages.measures import Set, discriminability, qcfc_edges, sets_of
from pydra_diffconn.bids.pages.results import results
from pydra_diffconn.files import tables


@pytest.fixture
def out(tmp_path):
    return write_output(tmp_path, people=6, figures=True)


def test_qcfc_is_scipys_over_people_and_its_fdr_statsmodels(out):
    (one,) = sets_of(results(out))
    found = qcfc_edges(one)
    rows, columns = np.triu_indices(len(one.names), 1)
    people = sorted({result.participant for result in one.results})
    mine = [[n for n, result in enumerate(one.results) if result.participant == name] for name in people]
    assert len(people) == 6 and len(one.results) == 10
    motion = [np.mean(one.motion[runs]) for runs in mine]
    for place, edge in enumerate(one.connectomes[:, rows, columns].T):
        r, p = pearsonr([np.mean(np.arctanh(edge[runs])) for runs in mine], motion)
        assert found["r"][place] == pytest.approx(r, abs=1e-10) and found["p"][place] == pytest.approx(p, abs=1e-10)
    np.testing.assert_allclose(found["q"], fdrcorrection(found["p"])[1], atol=1e-12)


class Scanned:
    """A run of a person who moved so much."""

    def __init__(self, participant, motion):
        self.participant, self.sidecar = participant, {"MeanFramewiseDisplacement": motion}


def alike(rng, people, sessions, share, size):
    """Return numbers of runs, person by person, of which a share of the variance is the person's own."""
    own = np.repeat(rng.standard_normal((people, size)), sessions, axis=0)
    return np.sqrt(share) * own + np.sqrt(1 - share) * rng.standard_normal((people * sessions, size))


def unrelated(rng, people, sessions, parcels=14):
    """Return runs whose edges have nothing to do with motion, though a person's own are alike in both."""
    rows, columns = np.triu_indices(parcels, 1)
    connectomes = np.zeros((people * sessions, parcels, parcels))
    connectomes[:, rows, columns] = np.tanh(0.3 * alike(rng, people, sessions, 0.6, len(rows)))
    motion = np.exp(0.3 * alike(rng, people, sessions, 0.9, 1)[:, 0])
    scanned = [Scanned(f"sub-{n // sessions:02d}", value) for n, value in enumerate(motion)]
    names = tuple(f"p{n}" for n in range(parcels))
    return Set("36P", "Demo", "MNI", "pearson", scanned, names, connectomes + connectomes.swapaxes(1, 2))


@pytest.mark.parametrize("people", [4, 30])
@pytest.mark.parametrize("sessions", [1, 2, 4])
def test_runs_of_one_person_are_no_independent_evidence(rng, people, sessions):
    found = [qcfc_edges(unrelated(rng, people, sessions))["p"] for _ in range(60)]
    assert np.mean(np.less(found, 0.05)) == pytest.approx(0.05, abs=0.015)


def test_over_two_people_there_is_no_qcfc(rng):
    with pytest.raises(ValueError, match="QC-FC is a correlation over people; 2, expected at least 3"):
        qcfc_edges(unrelated(rng, 2, 4))


@pytest.mark.slow
def test_the_page_of_two_people_says_so(tmp_path):
    out = write_output(tmp_path, people=2, sessions=4)
    page = write_group(out).read_text(encoding="utf-8")
    assert "2 people; QC-FC is a correlation over people, and needs at least 3" in page
    assert not list(out.glob("*qcfc.tsv"))
    assert not {"edges_p05", "self_others_gap"} & set(pd.read_table(out / "group_strategies.tsv"))


def test_discriminability_is_counted(rng):
    connectomes, person = rng.standard_normal((7, 5, 5)), np.array([0, 0, 1, 1, 2, 2, 2])
    connectomes = connectomes + 2 * rng.standard_normal((3, 5, 5))[person]
    rows, columns = np.triu_indices(5, 1)
    edges, won, count = connectomes[:, rows, columns], 0.0, 0
    for i in range(7):
        for j in range(7):
            if i == j or person[i] != person[j]:
                continue
            for k in np.flatnonzero(person != person[i]):
                near, far = (np.linalg.norm(edges[i] - edges[n]) for n in (j, k))
                won, count = won + (near < far), count + 1
    # each pair counts alike, whatever the number of others
    assert discriminability(connectomes, person) == pytest.approx(won / count, abs=0.03)
    assert np.isnan(discriminability(connectomes[:3], np.arange(3)))


@pytest.mark.slow
def test_the_page_says_who_was_left_out_and_escapes(out):
    page = write_group(out).read_text(encoding="utf-8")
    assert "<script>" not in page and BAD not in page and "&lt;script&gt;" in page and "no minutes left" in page
    assert 'src="http' not in page and "@import" not in page and "<link" not in page and len(page) < 3e6
    table = pd.read_table(out / "group_strategies.tsv")
    assert table["runs"].tolist() == [10] and table["people"].tolist() == [6]
    assert set(json.loads((out / "group_strategies.json").read_text())) == set(table)


@pytest.mark.slow
def test_strategies_are_compared(tmp_path):
    out = write_output(tmp_path, people=5, strategies=("24P", "36P"))
    write_group(out)
    assert pd.read_table(out / "group_strategies.tsv")["strategy"].tolist() == ["24P", "36P"]


def as_partial(path):
    """Let a Pearson connectome be called a partial one."""
    path.rename(path.with_name(path.name.replace("pearsoncorrelation", "partialcorrelation")))


@pytest.mark.slow
def test_other_kinds_of_connectomes_are_compared_and_none_is_dropped_in_silence(tmp_path):
    out = write_output(tmp_path, people=5)
    for path in sorted(out.rglob("*pearsoncorrelation_relmat.*")):
        as_partial(path)
    odd = next(out.rglob("sub-02_ses-1*_relmat.tsv"))
    odd.write_text(odd.read_text().replace(tables.read_matrix(odd)[1][1], "other"))
    page = write_group(out, tangent=True).read_text(encoding="utf-8")
    table = pd.read_table(out / "group_strategies.tsv")
    assert table["connectome"].tolist() == ["partial correlation"] and table["runs"].tolist() == [7]
    assert list(out.glob("group_*_stat-partialcorrelation_qcfc.tsv")) and len(list(out.rglob("*tangent*.tsv"))) == 7
    assert "1 runs have other parcels" in page and "sub-02_ses-1" in page


@pytest.mark.slow
def test_a_parcel_that_some_run_lacks_takes_no_part(tmp_path):
    out = write_output(tmp_path, people=5, missing=(2,))
    write_group(out, tangent=True)
    (one,) = sets_of(results(out))
    edges = qcfc_edges(one)
    without = (edges["parcel1"] == one.names[2]) | (edges["parcel2"] == one.names[2])
    assert edges["r"].isna().tolist() == without.tolist()
    tangent = tables.read_matrix(one.results[0].relmat("tangent"))[0]
    assert np.isnan(tangent[2]).all() and np.isfinite(np.delete(np.delete(tangent, 2, 0), 2, 1)).all()


@pytest.mark.slow
def test_tangents_are_nilearns(tmp_path):
    from nilearn.connectome import ConnectivityMeasure

    out = write_output(tmp_path, people=4)
    write_group(out, tangent=True)
    (one,) = sets_of(results(out))
    series = [result.series()[0] for result in one.results]
    theirs = ConnectivityMeasure(kind="tangent", standardize=False).fit_transform(series)
    for result, expected in zip(one.results, theirs, strict=True):
        np.testing.assert_allclose(tables.read_matrix(result.relmat("tangent"))[0], expected, atol=1e-5)


def test_without_the_participant_level_it_says_so(tmp_path):
    told = subprocess.run(
        [sys.executable, "-m", "pydra_diffconn.cli", "run", tmp_path, tmp_path / "x", "group"],
        capture_output=True,
        text=True,
    )
    assert told.returncode == 2 and "run the level `participant` into it first" in told.stderr
