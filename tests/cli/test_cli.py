import json

import numpy as np
import pytest
from click.testing import CliRunner

from pydra_diffconn.cli.main import main
from pydra_diffconn.declare.learned import LearnedParameter, save_parameters


def test_blocks_are_listed_with_their_parameters_and_units():
    shown = CliRunner().invoke(main, ["blocks", "list"])
    assert shown.exit_code == 0 and "pydra_diffconn:BandPass" in shown.output and "low (Hz)" in shown.output


def test_pages_on_blocks_are_written_with_what_was_measured(tmp_path):
    parity = tmp_path / "parity.md"
    parity.write_text("| block | compared with |\n|---|---|\n| HighPass | SciPy | 2e-15 |  |  |\n")
    written = CliRunner().invoke(
        main, ["blocks", "docs", str(tmp_path), "HighPass", "FisherZ", "--parity", str(parity)]
    )
    assert written.exit_code == 0 and "3 pages" in written.output
    page = (tmp_path / "HighPass.md").read_text()
    for part in (
        "![What HighPass does](images/HighPass.png)",
        "| `cutoff` | (0, nyquist), learnable | Hz |",
        "| SciPy | 2e-15",
    ):
        assert part in page
    assert (tmp_path / "images" / "HighPass.png").stat().st_size > 1000
    assert "[FisherZ](FisherZ.md) | Transform" in (tmp_path / "index.md").read_text()


def test_saved_parameters_are_shown_and_a_wrong_folder_is_one_line(tmp_path):
    save_parameters(tmp_path, [LearnedParameter("a.low", 0.02, 0.01, "Hz", "(0, high)", "x:Band", "1", ("a.low",))])
    assert "a.low" in CliRunner().invoke(main, ["show", str(tmp_path)]).output
    (tmp_path / "empty").mkdir()
    wrong = CliRunner().invoke(main, ["show", str(tmp_path / "empty")])
    assert wrong.exit_code == 2 and wrong.output.startswith("Error: ") and "Traceback" not in wrong.output


@pytest.mark.slow
def test_the_demonstration_recognises_unseen_people_better(tmp_path):
    from pydra_diffconn.demo import fingerprint

    outcome = fingerprint.run(tmp_path, steps=12, worker="debug", progress=False)
    assert outcome.learned.gap > outcome.classical.gap + 0.3
    assert outcome.learned.accuracy > outcome.classical.accuracy
    page = outcome.report.read_text()
    for part in ("Held-out score", "Connectome", "Learned parameters", "Loss", "Apache-2.0", "<svg"):
        assert part in page
    assert "http" not in page.replace("http://www.w3.org", "").replace("https://matplotlib.org", "").replace(
        "http://purl.org", ""
    ).replace("http://creativecommons.org", "")
    description = json.loads((tmp_path / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    matrices = list(tmp_path.glob("sub-*/ses-*/func/*_desc-learned_stat-fisherz_relmat.tsv"))
    assert len(matrices) == 76
    from pydra_diffconn.files.tables import read_matrix

    matrix, names = read_matrix(matrices[0])
    assert matrix.shape == (210, 210) and len(names) == 210 and np.allclose(matrix, matrix.T, atol=1e-5)
    sidecar = json.loads(matrices[0].with_suffix(".json").read_text())
    assert sidecar["Parameters"].keys() == outcome.result.parameters.keys()
