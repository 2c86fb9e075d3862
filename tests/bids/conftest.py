"""A simulated folder of fMRIPrep derivatives, and what the participant level makes of it."""

import pytest

from pydra_diffconn.bids import app
from pydra_diffconn.demo.folder import write_folder

FRAMES = 130
SHORT = {"min_time": 60.0}


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Two people in two sessions, and one with each fault."""
    return write_folder(tmp_path_factory.mktemp("study") / "fmriprep", people=2, frames=FRAMES, faults=True)


@pytest.fixture(scope="session")
def processed(study, tmp_path_factory):
    """Return the output folder and the lines of the status table."""
    out = tmp_path_factory.mktemp("out") / "connectomes"
    settings = {**SHORT, "dummy_scans": "auto", "connectomes": ("pearson", "partial")}
    return out, app.participant(app.Request(study, out, strategies=("9P",), given=settings), worker="debug")
