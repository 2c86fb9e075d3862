"""A workflow of XCP-D's interfaces is swapped by itself, and gives the same numbers, fused too."""

import pickle

import interfaces
import jax
import nibabel as nib
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from diffconn_xcpd.blocks import CorrelateKept
from diffconn_xcpd.equivalents import EQUIVALENTS
from diffconn_xcpd.steps import CoveredAtlas
from nipype.interfaces.utility import IdentityInterface

from pydra_diffconn import Learn, fuse, proposals, swap
from pydra_diffconn.equivalents import registered
from pydra_diffconn.testing import Case, check_block

FRAMES, TR, SHAPE = 100, 2.0, (4, 3, 2)
SERIES = np.random.default_rng(3).standard_normal((20, 4))
CASES = [
    Case(
        CorrelateKept,
        {"timeseries": SERIES, "kept": (np.arange(20) % 5 > 0).astype(float)},
        lambda timeseries, kept: np.corrcoef(timeseries[kept > 0].T),
        "numpy.corrcoef",
    )
]


@pytest.fixture(autouse=True)
def double_precision():
    with jax.enable_x64(True):
        yield


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    voxels = int(np.prod(SHAPE))
    series = np.cumsum(rng.standard_normal((FRAMES, voxels)), axis=0) + rng.standard_normal((FRAMES, voxels)) + 500
    labels, inside = np.arange(voxels) // 6 + 1, np.arange(voxels) % 6 < 5
    image = {"bold": series.T.reshape(*SHAPE, FRAMES), "atlas": labels.reshape(SHAPE), "mask": inside.reshape(SHAPE)}
    for name, data in image.items():
        made = nib.Nifti1Image(data.astype("f4" if name == "bold" else "i2"), np.diag([3, 3, 3, 1.0]))
        made.header.set_zooms((3, 3, 3, TR)[: data.ndim])
        made.to_filename(tmp_path / f"{name}.nii.gz")
    brain = nib.cifti2.BrainModelAxis.from_mask(np.ones(voxels), "CORTEX_LEFT")
    nib.Cifti2Image(series.astype("f4"), (nib.cifti2.SeriesAxis(0, TR, FRAMES), brain)).to_filename(
        tmp_path / "bold.dtseries.nii"
    )
    names = {int(label): (f"region{label}", (1, 0, 0, 1)) for label in np.unique(labels)}
    axis = nib.cifti2.LabelAxis(["atlas"], {0: ("???", (0, 0, 0, 0)), **names})
    nib.Cifti2Image(labels[None].astype("i4"), (axis, brain)).to_filename(tmp_path / "atlas.dlabel.nii")
    pd.DataFrame({"index": list(names), "label": [name for name, _ in names.values()]}).to_csv(
        tmp_path / "labels.tsv", sep="\t", index=False
    )
    pd.DataFrame(rng.standard_normal((FRAMES, 3)), columns=list("abc")).to_csv(
        tmp_path / "confounds.tsv", sep="\t", index=False
    )
    censored = np.isin(np.arange(FRAMES), [0, 1, 30, 31, 32, 60, 98, 99])
    pd.DataFrame({"framewise_displacement": censored.astype(int)}).to_csv(tmp_path / "mask.tsv", sep="\t", index=False)
    return tmp_path


def postprocess(folder, kind):
    """XCP-D's steps in its order, on a volume or on a CIFTI run."""
    flow, inputs = (
        pe.Workflow("xcpd", base_dir=folder / "work"),
        pe.Node(IdentityInterface(["bold", "tmask"]), "inputnode"),
    )
    volume = kind == "nifti"
    inputs.inputs.bold = str(folder / ("bold.nii.gz" if volume else "bold.dtseries.nii"))
    inputs.inputs.tmask = str(folder / "mask.tsv")
    band = {"TR": TR, "bandpass_filter": True, "low_pass": 0.1, "high_pass": 0.02, "filter_order": 2}
    denoise = (interfaces.DenoiseNifti if volume else interfaces.DenoiseCifti)(
        confounds_tsv=folder / "confounds.tsv", **band
    )
    atlas = {
        "atlas": folder / ("atlas.nii.gz" if volume else "atlas.dlabel.nii"),
        "atlas_labels": folder / "labels.tsv",
    }
    parcels = (interfaces.NiftiParcellate if volume else interfaces.CiftiParcellate)(**atlas)
    if volume:
        denoise.inputs.mask = parcels.inputs.mask = folder / "mask.nii.gz"
    made = [
        pe.Node(one, name)
        for one, name in ((denoise, "denoise"), (interfaces.Censor(), "censor"), (parcels, "parcels"))
    ]
    denoise, censor, parcels = made
    connect = pe.Node(interfaces.TSVConnect(), "connect")
    flow.connect([(inputs, denoise, [("bold", "preprocessed_bold"), ("tmask", "temporal_mask")])])
    flow.connect([(inputs, censor, [("tmask", "temporal_mask")]), (inputs, connect, [("tmask", "temporal_mask")])])
    flow.connect(denoise, "denoised_interpolated_bold", censor, "in_file")
    flow.connect(censor, "out_file", parcels, "filtered_file" if volume else "data_file")
    flow.connect(parcels, "timeseries", connect, "timeseries")
    return flow


def correlations(flow):
    flow.config["execution"] = {"crashdump_dir": str(flow.base_dir)}
    ran = {node.name: node.result.outputs for node in flow.run().nodes()}
    return pd.read_table(ran["connect"].correlations, index_col=0)


@pytest.mark.parametrize("kind", ["nifti", "cifti"])
def test_every_step_is_swapped_and_gives_the_same_numbers(kind, files):
    flow = postprocess(files, kind)
    found = {one.path: type(one.ours).__name__ for one in proposals(flow) if one.ours is not None}
    assert found == {"denoise": "Denoise", "censor": "Censored", "parcels": "Parcels", "connect": "Connect"}
    expected = correlations(flow)
    swapped = swap(flow)
    ours = correlations(swapped)
    assert list(ours) == list(expected)
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    program = fuse(swapped, {"denoise.high_pass": Learn()})
    fused = program(program.parameters)["connect.correlations"]
    np.testing.assert_allclose(fused, expected, atol=1e-6)
    assert program.parameters == {"denoise.high_pass": 0.02}


@pytest.mark.parametrize("kind", ["nifti", "cifti"])
def test_confounds_that_are_images_are_removed_voxel_by_voxel(kind, files):
    rng, ending = np.random.default_rng(7), "nii.gz" if kind == "nifti" else "dtseries.nii"
    image, images = nib.load(files / f"bold.{ending}"), []
    for number in range(2):
        images.append(files / f"own{number}.{ending}")
        moved = np.asarray(image.dataobj) + 3 * rng.standard_normal(image.shape).cumsum(
            axis=0 if kind == "cifti" else -1
        )
        axes = [image.header.get_axis(n) for n in (0, 1)] if kind == "cifti" else image.affine
        type(image)(moved.astype("f4"), axes).to_filename(images[-1])
    flow = postprocess(files, kind)
    flow.get_node("denoise").inputs.confounds_images = [str(one) for one in images]
    without = correlations(postprocess(files, kind))
    expected, ours = correlations(flow), correlations(swap(flow))
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    assert np.abs(expected - without).to_numpy().max() > 0.01


def test_the_plugin_is_found_and_its_block_keeps_the_contract():
    assert {one.of for one in EQUIVALENTS} <= {one.of for one in registered()}
    for case in CASES:
        check_block(case)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (interfaces.Censor(column="exact_100"), "no equivalent for column = 'exact_100': it censors frames at random"),
    ],
)
def test_what_has_no_equivalent_says_why(made, reason, tmp_path):
    flow = pe.Workflow("flow", base_dir=tmp_path)
    flow.add_nodes([pe.Node(made, "step")])
    assert reason in proposals(flow)[0].reason


def test_a_parcel_that_the_mask_covers_too_little_is_named(files, tmp_path):
    atlas = {"atlas": files / "atlas.nii.gz", "atlas_labels": files / "labels.tsv", "mask": files / "mask.nii.gz"}
    with pytest.raises(Exception, match=r"region1, region2, region3, region4 of .* are covered by less than 0\.9"):
        CoveredAtlas(**atlas, min_coverage=0.9)(worker="debug", cache_root=tmp_path)


def test_its_block_is_an_interface_of_nipype_that_is_pickled_by_name():
    from pydra_diffconn.nipype import CorrelateKept as Interface

    made = pickle.loads(pickle.dumps(Interface(timeseries=SERIES)))
    assert type(made) is Interface
    np.testing.assert_allclose(made.run().outputs.correlations, np.corrcoef(SERIES.T), atol=1e-10)
