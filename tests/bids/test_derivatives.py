"""Names, and what the BIDS validator says of a folder."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pydra_diffconn.bids.derivatives import file_name, label_of, write_relmat, write_text

VALIDATOR = Path(sys.executable).with_name("bids-validator-deno")


@pytest.mark.slow
def test_the_validator_finds_no_error(processed):
    out, _ = processed
    told = subprocess.run([VALIDATOR, out, "--json", "--ignoreNiftiHeaders"], capture_output=True, text=True)
    issues = json.loads(told.stdout)["issues"]["issues"]
    assert not [(one["code"], one.get("location")) for one in issues if one["severity"] == "error"]


def test_names_follow_one_table():
    parts = {"source": "sub-01_space-T1w", "atlas": "A"}
    assert file_name("timeseries", **parts) == "sub-01_space-T1w_atlas-A_stat-mean_timeseries.tsv"
    assert file_name("timeseries", **parts, desc="36P") == "sub-01_space-T1w_atlas-A_desc-36P_stat-mean_timeseries.tsv"
    denoised = {"source": "sub-01_space-fsLR_den-91k", "ending": ".dtseries.nii"}
    assert file_name("denoised", **denoised) == "sub-01_space-fsLR_den-91k_desc-denoised_bold.dtseries.nii"
    assert label_of("acompcor_gsr") == "acompcorgsr"


@pytest.mark.parametrize("label", ["../x", "a/b", "a_b", "a b", "ä", ""])
def test_no_label_leaves_the_folder(tmp_path, label):
    with pytest.raises(ValueError, match="no legal BIDS label"):
        write_relmat(tmp_path, {"sub": label}, np.eye(2), ["a", "b"], {}, atlas="A", stat="x")


def test_a_text_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.json"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
