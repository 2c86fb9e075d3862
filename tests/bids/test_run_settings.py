"""Settings and strategies: what is unknown or cannot be is one clear error; strategies take the field's columns."""

import pytest

from pydra_diffconn.bids.design import design_of
from pydra_diffconn.bids.fmriprep import runs
from pydra_diffconn.bids.job import Job, custom_confounds
from pydra_diffconn.bids.settings import Settings, settings
from pydra_diffconn.confound_models import strategies


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lowpass": 0.1}, "there is no setting 'lowpass'.*low_pass"),
        ({"order": "spm"}, "expected one of 'xcpd', 'nilearn', 'simultaneous'"),
        ({"high_pass": 0.1}, "high_pass = 0.1 Hz is not below low_pass = 0.08 Hz"),
        ({"min_coverage": 50}, "expected 0 to 1"),
        ({"fd_threshold": -1}, "expected a number, 0 or more"),
        ({"fd_threshold": True}, "expected a number"),
        ({"dummy_scans": "four"}, "expected a number of frames, or 'auto'"),
        ({"fd_threshold_final": 0.4}, "fd_threshold_final = 0.4 mm is not below fd_threshold = 0.3"),
        ({"exceeds": "all"}, "needs both thresholds"),
        ({"exceeds": "most"}, "expected one of 'any', 'all'"),
        ({"custom_confounds": "nowhere"}, "custom_confounds = 'nowhere' is no folder"),
        ({"head_radius": "small"}, "head_radius = 'small'; expected a number"),
        ({"before": 1.5}, "expected a whole number"),
        ({"motion_filter": "lp"}, "needs band_stop_min"),
        ({"connectomes": ("covariance",)}, "there is no 'covariance'"),
    ],
)
def test_what_cannot_be_is_refused(given, said):
    with pytest.raises(ValueError, match=f"file.toml: .*{said}"):
        settings(given, "file.toml")


def test_zero_and_none_turn_off():
    off = Settings(high_pass=0, low_pass="none", fd_threshold=0, motion_filter="none")
    assert (off.high_pass, off.low_pass, off.fd_threshold, off.motion_filter) == (None, None, None, None)


COUNTS = {
    "none": 0, "gsr_only": 1, "6P": 6, "8P": 8, "9P": 9, "24P": 24, "24P_gsr": 25, "26P": 26, "27P": 27, "32P": 32,
    "36P": 36, "36P_scrubbed": 36, "simple": 24 + 2, "scrubbing": 24 + 8,
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in strategies.names() if "aroma" not in name and "tedana" not in name])
def test_each_strategy_takes_its_columns(study, name):
    func = study / "sub-01" / "ses-2" / "func"
    (table,), (bold,) = func.glob("*_timeseries.tsv"), func.glob("*_bold.nii.gz")
    found = design_of(strategies.strategy(name), table, table.with_suffix(".json"), bold)
    cosines = sum(column.startswith("cosine") for column in found)
    assert found.isna().sum().sum() == 0
    if name in COUNTS:
        assert len(found.columns) - cosines == COUNTS[name]
    if name.startswith("acompcor"):
        assert cosines == 4 and ("global_signal" in found) == name.endswith("gsr")


@pytest.mark.parametrize("name", ["9P", "none", "simple"])
def test_a_table_of_ones_own_is_added_to_every_strategy(study, tmp_path, name):
    func = study / "sub-01" / "ses-2" / "func"
    (table,), (bold,) = func.glob("*_timeseries.tsv"), func.glob("*_bold.nii.gz")
    rows = len(table.read_text().splitlines()) - 1
    own = tmp_path / table.name
    own.write_text("\n".join(["pulse", *(str(number % 7) for number in range(rows))]) + "\n")
    given = strategies.strategy(name), table, table.with_suffix(".json"), bold, 4
    found = design_of(*given, custom=own)
    assert list(found) == [*design_of(*given), "pulse"]
    assert found["pulse"].tolist()[:3] == [4, 5, 6]


def test_the_table_of_ones_own_is_found_by_the_name_of_the_runs(study, tmp_path):
    run = next(one for one in runs(study) if one.confounds is not None)
    job = Job(run, strategies.strategy("9P"), Settings(custom_confounds=str(tmp_path)), ())
    with pytest.raises(ValueError, match=f"of {run.confounds.name} .* holds none"):
        custom_confounds(job)
    (tmp_path / "sub").mkdir()
    first = tmp_path / "sub" / f"{run.source}_desc-physio_timeseries.tsv"
    first.write_text("pulse\n1\n")
    assert custom_confounds(job) == first
    first.with_name(f"{run.source}_desc-other_timeseries.tsv").write_text("pulse\n1\n")
    with pytest.raises(ValueError, match="holds several"):
        custom_confounds(job)
    first.with_name(run.confounds.name).write_text("pulse\n1\n")
    assert custom_confounds(job) == first.with_name(run.confounds.name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modle = '24P'", "unknown key 'modle'.*model"),
        ("model = '24P'\n[nilearn]\nstrategy = ['motion']", "give one of them"),
        ("model = ", "is no TOML"),
        ("components = 'soft'", "expected 'nonaggressive' or 'aggressive'"),
        ("ica = 'gift'", "expected 'aroma' or 'tedana'"),
        ("[nilearn]\nstrategy = ['high_pass', 'tedana']", "drops all else; give components = 'aggressive'"),
        ("processing = 3", "expected a table"),
    ],
)
def test_a_file_of_ones_own_is_checked(tmp_path, text, said):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        strategies.strategy(path)


def test_an_unknown_strategy_names_the_nearest(tmp_path):
    with pytest.raises(ValueError, match=r"no strategy '36' .*36P"):
        strategies.strategy("36")
    with pytest.raises(ValueError, match="no such file"):
        strategies.strategy(tmp_path / "absent.toml")
    (tmp_path / "mine.toml").write_text("model = 'csf'\n[processing]\nfd_threshold = 0.2\n")
    mine = strategies.strategy(tmp_path / "mine.toml")
    assert (mine.name, mine.model, mine.processing) == ("mine", "csf", {"fd_threshold": 0.2})
