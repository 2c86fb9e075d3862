import json
import shutil
from pathlib import Path

import nilearn.interfaces.fmriprep as fmriprep
import numpy as np
import pandas as pd
import pytest
from examples import examples
from fileformats.generic import File
from hypothesis import given
from hypothesis import strategies as st
from nilearn.interfaces.fmriprep import load_confounds
from pydra.compose import workflow

from pydra_diffconn import Learn, fuse
from pydra_diffconn.blocks import GateConfounds, RegressConfounds
from pydra_diffconn.confound_models import ConfoundModel, confound_design
from pydra_diffconn.confound_models.grammar import MODELS, design
from pydra_diffconn.files.tables import read_table

NILEARN = Path(fmriprep.__file__).parent / "data"
FULL = {"motion": "full", "wm_csf": "full", "global_signal": "full"}
BASIC = {"strategy": ("motion", "wm_csf", "global_signal"), "motion": "basic"}


@pytest.fixture
def as_fmriprep(tmp_path):
    """Give a confounds table (and its JSON file) the names under which nilearn finds them; return image and table."""

    def place(table):
        image = tmp_path / "sub-01_task-rest_space-MNI152NLin2009cAsym_desc-preproc_bold.nii.gz"
        image.touch()
        named = tmp_path / "sub-01_task-rest_desc-confounds_timeseries.tsv"
        shutil.copy(table, named)
        if table.with_suffix(".json").exists():
            shutil.copy(table.with_suffix(".json"), named.with_suffix(".json"))
        return str(image), named

    return place


def assert_equal_to_nilearn(image, found, **settings):
    """The table holds derivatives and squares as fMRIPrep made them, with about eight digits."""
    expected, _ = load_confounds(image, demean=False, **settings)
    assert sorted(found.columns) == sorted(expected.columns)
    for name, column in found.columns.items():
        np.testing.assert_allclose(column, expected[name], atol=1e-6 * np.abs(expected[name]).max(), err_msg=name)


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("24P", {"strategy": ("motion",), "motion": "full"}),
        ("36P", {"strategy": ("motion", "wm_csf", "global_signal"), **FULL}),
        ("9P", BASIC),
        (
            "dd1(rps) + (wm + csf)^^2 + cosine*",
            {"strategy": ("motion", "wm_csf", "high_pass"), "motion": "derivatives", "wm_csf": "power2"},
        ),
    ],
)
def test_common_models_equal_nilearns_on_a_real_table(shared, real_table, as_fmriprep, model, settings):
    image, table = as_fmriprep(real_table)
    assert_equal_to_nilearn(image, confound_design(table, model), **settings)


def test_an_older_table_gives_the_models_its_columns_allow(shared, as_fmriprep):
    image, table = as_fmriprep(
        shared / "confounds_real" / "ds000228_sub-pixar123_task-pixar_desc-confounds_regressors.tsv"
    )
    assert_equal_to_nilearn(image, confound_design(table, "9P"), **BASIC)
    assert len(confound_design(table, "36P").columns) == 36


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("n_{{5;acc;Mask=combined}}", {"compcor": "anat_combined", "n_compcor": 5}),
        ("{{acc;Mask=combined;Retained=True}}", {"compcor": "anat_combined", "n_compcor": "all"}),
        ("n_{{3;acc;Mask=CSF,WM}}", {"compcor": "anat_separated", "n_compcor": 3}),
        ("n_{{4;tcc}}", {"compcor": "temporal", "n_compcor": 4}),
    ],
)
def test_component_models_equal_nilearns(as_fmriprep, model, settings):
    image, table = as_fmriprep(NILEARN / "test_desc-confounds_regressors.tsv")
    found = confound_design(table, f"{model} + cosine*", table.with_suffix(".json"))
    assert_equal_to_nilearn(image, found, strategy=("compcor", "high_pass"), **settings)


def test_components_are_taken_up_to_a_share_of_the_variance():
    table = pd.read_csv(NILEARN / "test_desc-confounds_regressors.tsv", sep="\t")
    metadata = json.loads((NILEARN / "test_desc-confounds_regressors.json").read_text())
    for percent in (1, 10, 30):
        names = list(design(f"v_{{{{{percent};acc;Mask=CSF}}}}", table, metadata).columns)
        explained = [metadata[name]["CumulativeVarianceExplained"] for name in names]
        assert explained[-1] >= percent / 100 and all(share < percent / 100 for share in explained[:-1])


A, B = np.array([1.0, 2, 4, 7]), np.array([0.0, 3, -1, 0.5])
TABLE = {"a": A, "b": B, "c (mm)": A}


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("a + b + a", {"a": A, "b": B}),
        ("d1(a)", {"a_derivative1": [np.nan, 1, 2, 3]}),
        ("dd2(a)", {"a": A, "a_derivative1": [np.nan, 1, 2, 3], "a_derivative2": [np.nan, np.nan, 1, 1]}),
        ("d0-1(a)", {"a": A, "a_derivative1": [np.nan, 1, 2, 3]}),
        ("d{0,2}(a)", {"a": A, "a_derivative2": [np.nan, np.nan, 1, 1]}),
        ("a^2", {"a_power2": A**2}),
        ("a^^2", {"a": A, "a_power2": A**2}),
        ("b^2-3", {"b_power2": B**2, "b_power3": B**3}),
        ("b^{1, 3}", {"b": B, "b_power3": B**3}),
        ("d1(a)^2", {"a_derivative1_power2": [np.nan, 1, 4, 9]}),
        ("d1(a^2)", {"a_power2_derivative1": [np.nan, 3, 12, 33]}),
        ("1_[>=0.5](b)", {"b>=0.5": [0, 1, 0, 1]}),
        ("1_[<1.5](d1(a))", {"a_derivative1<1.5": [0, 1, 0, 0]}),
        ("[NOT] 1_[>0](b)", {"not_b>0": [1, 0, 1, 0]}),
        ("1_[>1](a) [AND] 1_[>0](b)", {"a>1_and_b>0": [0, 1, 0, 1]}),
        ("1_[>5](a) [OR] 1_[>1](b) [AND] 1_[>1](a)", {"a>5_or_b>1_and_a>1": [0, 1, 0, 1]}),
        ("[SCATTER](1_[>0](b))", {"spike_0001": [0, 1, 0, 0], "spike_0003": [0, 0, 0, 1]}),
        (" ( a+( b ) )^2 ", {"a_power2": A**2, "b_power2": B**2}),
        ("`c (mm)`^2", {"c (mm)_power2": A**2}),
        ("d5(a)", {"a_derivative5": np.full(4, np.nan)}),
    ],
)
def test_a_formula_means_what_it_says(formula, expected):
    found = design(formula, TABLE).columns
    assert list(found) == list(expected)
    for name, column in expected.items():
        np.testing.assert_array_equal(found[name], column)


def test_columns_know_their_term():
    assert design("a + (b + a)^^2 + [SCATTER](1_[>99](a)) + b^3", TABLE).terms == [0, 1, 1, 1, 3]


def test_metadata_select_columns():
    metadata = {f"aroma_motion_0{n}": {"MotionNoise": n > 1} for n in range(3)}
    table = dict.fromkeys(metadata, A)
    assert list(design("{{aroma;MotionNoise=True}}", table, metadata).columns) == ["aroma_motion_02"]
    assert list(design("aroma", table).columns) == list(metadata)


@pytest.mark.parametrize("model", MODELS)
def test_models_have_as_many_columns_as_their_names_say(shared, real_table, model):
    assert len(confound_design(real_table, model).columns) == int(model[:-1])


@pytest.mark.parametrize(
    ("formula", "message", "position"),
    [
        ("a + q", "has no column 'q'", 5),
        ("a +", "the end where a column", 4),
        ("(a + b", "this '\\(' is not closed", 1),
        ("a b", "unexpected 'b'", 3),
        ("a % b", "'%' is no part of a confound formula", 3),
        ("d1 a", "has no column 'd1'", 1),
        ("a^0", "does not name orders of 1 to 9", 2),
        ("d10(a)", "does not name orders of 0 to 9", 1),
        ("a [AND] b", "which is not all 0 and 1", 3),
        ("[SCATTER] a", "expected '\\(' after '\\[SCATTER\\]'", 11),
        ("{{a;Mask=CSF}}", "give the JSON file beside the table", 1),
        ("n_{{a}}", r"expected n_\{\{number;columns;Field=value\}\}", 1),
        ("a + 24P", "no column 'trans_x' .* position 6 of the model 24P", 6),
    ],
)
def test_an_error_names_the_place(formula, message, position):
    with pytest.raises(ValueError, match=message) as raised:
        design(formula, TABLE)
    assert f"position {position}" in str(raised.value)
    assert str(raised.value).splitlines()[-1] == " " * (position + 1) + "^"


@examples(50)
@given(st.text(alphabet="ab+^()d12{}[],;> n_", max_size=12))
def test_any_text_is_a_design_or_a_named_error(text):
    try:
        found = design(text, TABLE)
    except ValueError as error:
        assert "at position" in str(error)
    else:
        assert all(column.shape == (4,) for column in found.columns.values())
        assert len(found.terms) == len(found.columns)


@pytest.mark.parametrize("first_row", ["copy_second", "zero"])
def test_the_task_writes_a_table_that_reads_back(shared, real_table, tmp_path, first_row):
    task = ConfoundModel(confounds=real_table, model="dd2(rps) + csf", first_row=first_row)
    found, names = read_table(task(cache_root=tmp_path).confounds)
    expected = confound_design(real_table, "dd2(rps) + csf", first_row=first_row).columns
    assert list(names) == list(expected)
    np.testing.assert_array_equal(found.T, list(expected.values()))
    second = found[:3, names.index("trans_x_derivative2")]
    np.testing.assert_array_equal(second[:2], second[2] if first_row == "copy_second" else 0)


@workflow.define(outputs=["series"])
def Gated(series, confounds: File, gates):
    chosen = workflow.add(ConfoundModel(confounds=confounds, model="dd1(rps) + csf + wm"))
    gated = GateConfounds(timeseries=series, confounds=chosen.confounds, terms=chosen.terms, gates=gates)
    return workflow.add(gated).timeseries


def test_the_gates_of_terms_work_in_a_workflow_alone_and_fused(shared, real_table, tmp_path, rng):
    x, gates = rng.standard_normal((260, 3)), np.array([0.0, 1.0, 0.0])
    columns = confound_design(real_table, "csf").columns
    expected = RegressConfounds.pure(x, np.stack(list(columns.values()), axis=1))
    found = Gated(series=x, confounds=real_table, gates=gates)(cache_root=tmp_path).series
    np.testing.assert_allclose(found, expected, atol=1e-4)
    program = fuse(Gated(series=x, confounds=real_table, gates=Learn(gates)), cache_root=tmp_path)
    np.testing.assert_allclose(program(program.parameters, **program.inputs)["series"], expected, atol=1e-4)


def test_the_task_takes_metadata(tmp_path):
    table = NILEARN / "test_desc-confounds_regressors.tsv"
    task = ConfoundModel(confounds=table, metadata=table.with_suffix(".json"), model="n_{{2;acc;Mask=CSF,WM}}")
    assert read_table(task(cache_root=tmp_path).confounds)[0].shape[1] == 4


def test_columns_of_ones_own_are_named_in_the_formula_or_added_as_they_are(tmp_path):
    own = tmp_path / "physio.tsv"
    own.write_text("pulse\tbreath\nn/a\t1\n5\t2\n7\t4\n6\t8\n")
    found = confound_design(TABLE, "a + dd1(breath)", extra=own)
    assert list(found.columns) == ["a", "breath", "breath_derivative1", "pulse"]
    np.testing.assert_array_equal(found.columns["breath_derivative1"], [1, 1, 2, 4])
    np.testing.assert_array_equal(found.columns["pulse"], [5, 5, 7, 6])
    assert found.terms == [0, 1, 1, 2]
    assert list(confound_design(TABLE, "", extra=own).columns) == ["pulse", "breath"]
    pd.DataFrame(TABLE).to_csv(tmp_path / "confounds.tsv", sep="\t", index=False)
    task = ConfoundModel(confounds=tmp_path / "confounds.tsv", model="a", extra=own)
    assert read_table(task(cache_root=tmp_path / "work").confounds)[1] == ("a", "pulse", "breath")


def test_columns_of_ones_own_that_do_not_fit_are_named(tmp_path):
    with pytest.raises(ValueError, match="the extra table has 3 rows for 4 frames"):
        confound_design(TABLE, "a", extra={"pulse": np.ones(3)})
    with pytest.raises(ValueError, match="the extra table has a column 'a', as the confounds have"):
        confound_design(TABLE, "a", extra={"a": np.ones(4)})


def test_values_missing_later_are_named(tmp_path):
    path = tmp_path / "confounds.tsv"
    path.write_text("a\tb\nn/a\t1\n2\t1\nn/a\t3\n4\t4\n")
    with pytest.raises(ValueError, match=r"confounds.tsv: column 'a' is n/a in frame 2"):
        confound_design(path, "a + b")
    with pytest.raises(ValueError, match=r"confounds.tsv: the table has no column 'c'"):
        confound_design(path, "c")
    with pytest.raises(ValueError, match="nothing in this table fits the model"):
        confound_design({"a": A}, "[SCATTER](1_[>9](a))")
