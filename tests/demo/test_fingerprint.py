"""The main job as the README tells it: its numbers, on people never seen, and what it leaves behind."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from pydra_diffconn.cli.main import main
from pydra_diffconn.declare.learned import load_parameters
from pydra_diffconn.demo import fingerprint, sample
from pydra_diffconn.files.tables import read_matrix

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Return the folder that README's command writes, and what it says."""
    folder = tmp_path_factory.mktemp("demo")
    shown = CliRunner().invoke(main, ["demo", "-o", str(folder)])
    assert shown.exit_code == 0, shown.output
    return folder, shown.output


@pytest.mark.slow
def test_the_readme_says_what_is_measured(demo):
    table = pd.read_table(demo[0] / "comparison.tsv").set_index("score")
    recognised, gap = table.loc[fingerprint.RECOGNISED], table.loc[fingerprint.GAP]
    text = " ".join(README.read_text(encoding="utf-8").split())
    told = re.search(r"Pearson correlation (\d+) %, .*? best of (\d+) .*? (\d+) %, .*? learned (\d+) %", text)
    assert told, "README does not say how many windows are recognised"
    pearson, count, classical, learned = map(int, told.groups())
    assert count == int(np.prod([len(values) for values in fingerprint.GRID.values()]))
    found = [100 * recognised[name] for name in ("Pearson", "classical", "learned")]
    np.testing.assert_allclose(found, [pearson, classical, learned], atol=2.5)
    told = re.search(r"interval (\S+) to (\S+) points", text)
    interval = [float(one.replace("\u2212", "-")) for one in told.groups()]
    np.testing.assert_allclose([100 * recognised["low"], 100 * recognised["high"]], interval, atol=3)
    told = re.search(r"gap between self and others, (\d\.\d+) against (\d\.\d+)", text)
    np.testing.assert_allclose([gap["learned"], gap["classical"]], [float(one) for one in told.groups()], atol=0.15)
    # what learning is said to add, it adds in this run as well
    assert gap["low"] > 0


@pytest.mark.slow
def test_its_folder_is_a_data_set_with_a_page_that_hides_nothing(demo):
    folder, said = demo
    page = (folder / "report.html").read_text(encoding="utf-8")
    for part in ("On people never seen", "Weights of parcels", "The other learned values", "Apache-2.0", "<svg"):
        assert part in page
    assert not re.search(r"(src|href)=.https?:|url\(.?https?:|@import", page)  # nothing is loaded from elsewhere
    assert "best of 112 classical pipelines" in page and "best of 112 classical pipelines" in said
    assert len(page) < 3e6
    assert json.loads((folder / "dataset_description.json").read_text())["DatasetType"] == "derivative"
    matrices = sorted(folder.glob("sub-*/ses-*/func/*_desc-learned_stat-fisherz_relmat.tsv"))
    assert len(matrices) == 2 * len(sample.people())
    matrix, names = read_matrix(matrices[0])
    count = len(sample.parcels())
    assert matrix.shape == (count, count) and len(names) == count and np.allclose(matrix, matrix.T, atol=1e-5)
    assert f"atlas-{count}parc" in matrices[0].name
    learned = {one.name for one in load_parameters(folder / "fit")}
    sidecar = json.loads(matrices[0].with_suffix(".json").read_text())
    assert {*sidecar["Parameters"], "weights"} == learned


def test_nobody_is_scored_by_what_saw_them():
    people = np.repeat(np.arange(4), 4)
    targets = {"person": people, "session": np.tile([1, 1, 2, 2], 4)}
    rng = np.random.default_rng(0)
    own = rng.standard_normal((4, 8, 8))[people]
    connectomes = own + np.swapaxes(own, 1, 2) + 100.0 * np.ones((8, 8))
    tested = np.flatnonzero(people < 2)
    right = fingerprint._recognised({"connectome": connectomes}, targets, tested)
    assert right.tolist() == [1.0] * 8
    # the reference is of the others: to change a tested window changes what is subtracted from no window
    changed = connectomes.copy()
    changed[tested[0]] += rng.standard_normal((8, 8))
    before, after = (fingerprint._similarity({"connectome": one}, tested) for one in (connectomes, changed))
    np.testing.assert_array_equal(before[1:, 1:], after[1:, 1:])
