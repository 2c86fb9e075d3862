"""What stands for Nipype's own algorithms and its interface of nilearn: workflows of blocks, with tables as theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from fileformats.generic import File
from pydra.compose import python, workflow

from pydra_diffconn.blocks import CompCor, Detrend, Dvars, FramewiseDisplacement, Parcellate, TemporalSnr
from pydra_diffconn.declare.equivalent import Equivalent, Step, refuse, setting, without_effect
from pydra_diffconn.declare.task import Data

FIGURES = ("save_plot", "figdpi", "figsize", "figformat", "series_tr")


def _numbers(values: Any, ndmin: Literal[0, 2] = 0) -> np.ndarray:
    """Return an output of a block, which is an array, or a table where a file was given."""
    return values if isinstance(values, np.ndarray) else np.loadtxt(str(values), skiprows=1, ndmin=ndmin)


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


@python.define(outputs=["motion"])
def ReadMotion(in_file: File, source: str) -> np.ndarray:
    """Read the motion parameters of a tool, without names, as translations (mm) and rotations (radians)."""
    from nipype.utils.misc import normalize_mc_params

    return np.array([normalize_mc_params(row[:], source) for row in np.atleast_2d(np.loadtxt(str(in_file)))])[:, :6]


@python.define(outputs={"out_file": File})
def ChangesAsText(values: Any, name: str, header: str = "") -> Any:
    """Write what belongs to changes from frame to frame, which the first frame has not, as Nipype writes it."""
    read = _numbers(values)
    path = Path(name).absolute()
    np.savetxt(path, read[1:], fmt="%.10g", header=header, comments="")
    return File(path)


@python.define(outputs={"components_file": File})
def ComponentsAsText(values: Any, header: str) -> Any:
    """Write components under the names that Nipype gives them."""
    read = _numbers(values, 2)
    path = Path("components_file.txt").absolute()
    names = [f"{header}{number:02d}" for number in range(read.shape[1])]
    np.savetxt(path, read, fmt="%.10f", delimiter="\t", header="\t".join(names), comments="")
    return File(path)


@python.define(outputs={"mask": File})
def OneMask(mask_files: Any, index: int = 0) -> Any:
    """Return the one mask of a list."""
    found = _listed(mask_files)
    if len(found) != 1 and index == 0:
        raise ValueError(f"mask_files are {len(found)} masks; there is no equivalent for merging them: give one")
    return File(str(found[index]))


@python.define(outputs={"labels": File})
def NamedLabels(label_files: Any, class_labels: list) -> Any:
    """Put names beside an image of labels, in ascending order of its numbers."""
    import nibabel as nib

    found = _listed(label_files)
    image: Any = nib.load(str(found[0]))
    numbers = [int(one) for one in np.unique(np.asanyarray(image.dataobj)) if one > 0]
    if len(found) != 1 or image.ndim != 3 or max(numbers, default=0) < 2:
        raise ValueError("label_files are maps, not one image of labels; use ProjectMaps")
    if len(numbers) != len(class_labels):
        raise ValueError(f"class_labels has {len(class_labels)} names for {len(numbers)} labels of {found[0]}")
    path = Path("labels.nii.gz").absolute()
    nib.save(image, path)
    lines = [f"{number}\t{name}" for number, name in zip(numbers, class_labels, strict=True)]
    path.with_name("labels.tsv").write_text("\n".join(["index\tname", *lines]) + "\n", encoding="utf-8")
    return File(path)


@workflow.define(outputs={"out_file": File})
def PowerDisplacement(in_file: File, parameter_source: str, radius: float = 50.0):
    """Displacement from frame to frame, of the motion parameters of a tool."""
    read = workflow.add(ReadMotion(in_file=in_file, source=parameter_source), name="read")
    moved = workflow.add(FramewiseDisplacement(motion=read.motion, radius=radius), name="displacement")
    text = ChangesAsText(values=moved.framewise_displacement, name="fd_power_2012.txt", header="FramewiseDisplacement")
    return workflow.add(text, name="write").out_file


@workflow.define(outputs={"out_std": File, "out_nstd": File})
def DvarsAsText(in_file: Data, in_mask: Data, intensity_normalization: float = 1000.0):
    """DVARS of the voxels in a mask, standardised and not."""
    made = workflow.add(Dvars(timeseries=in_file, mask=in_mask, intensity=intensity_normalization), name="dvars")
    standardised = workflow.add(ChangesAsText(values=made.std_dvars, name="dvars_std.tsv"), name="write_std")
    raw = workflow.add(ChangesAsText(values=made.dvars, name="dvars_nstd.tsv"), name="write_nstd")
    return standardised.out_file, raw.out_file


@workflow.define(outputs={"components_file": File})
def Components(realigned_file: Data, mask_files: Any, num_components: int = 6, degree: int = 1, index: int = 0):
    """Principal components of the voxels in a mask, after a polynomial was removed; their signs are arbitrary."""
    mask = workflow.add(OneMask(mask_files=mask_files, index=index), name="mask").mask
    series = workflow.add(Detrend(timeseries=realigned_file, degree=degree), name="detrend").timeseries
    found = workflow.add(CompCor(timeseries=series, tissue=mask, components=num_components), name="components")
    return workflow.add(ComponentsAsText(values=found.confounds, header="aCompCor"), name="write").components_file


@python.define(outputs={"run": File})
def OneRun(in_file: Any) -> Any:
    """Return the one run of a list."""
    found = _listed(in_file)
    if len(found) != 1:
        raise ValueError(f"in_file are {len(found)} images; there is no equivalent for several: put them into one")
    return File(str(found[0]))


@python.define(outputs={"image": File})
def MapImage(values: Any, like: File, name: str) -> Any:
    """Write a number for each voxel of a run, an array or an image, as an image of this name."""
    import nibabel as nib

    run: Any = nib.load(str(like))
    made: Any = values if isinstance(values, np.ndarray) else nib.load(str(values))
    read = np.asarray(getattr(made, "dataobj", made))
    header = run.header.copy()
    header.set_data_dtype(np.float32)
    path = Path(name).absolute()
    nib.save(nib.Nifti1Image(read.reshape(run.shape[:3]).astype(np.float32), run.affine, header), path)
    return File(path)


@workflow.define(outputs={"tsnr_file": File, "mean_file": File, "stddev_file": File, "detrended_file": Data})
def Snr(in_file: Any, detrend: bool = False):
    """Mean, standard deviation and their ratio, as images."""
    run = workflow.add(OneRun(in_file=in_file), name="run").run
    series = workflow.add(Detrend(timeseries=run, keep_mean=True), name="detrend").timeseries if detrend else run
    made = workflow.add(TemporalSnr(timeseries=series), name="snr")
    images = [
        workflow.add(MapImage(values=getattr(made, field), like=run, name=f"{name}.nii.gz"), name=f"write_{name}").image
        for field, name in (("tsnr", "tsnr"), ("mean", "mean"), ("deviation", "stdev"))
    ]
    return (*images, series)


@workflow.define(outputs={"out_file": Data})
def Signals(in_file: Data, label_files: Any, class_labels: list, detrend: bool = False):
    """Mean series of the regions of a label image."""
    labels = workflow.add(NamedLabels(label_files=label_files, class_labels=class_labels), name="labels").labels
    series = workflow.add(Detrend(timeseries=in_file), name="detrend").timeseries if detrend else in_file
    return workflow.add(Parcellate(timeseries=series, labels=labels), name="parcellate").timeseries


def framewise_displacement(options: dict[str, Any]) -> Step:
    """Return what Nipype's FramewiseDisplacement is."""
    refuse(options, {"normalize": "it divides by the repetition time; the displacement is in mm"})
    without_effect(options, *FIGURES)
    source = setting(options, "parameter_source")
    if source == "NIPY":
        raise ValueError("there is no equivalent for parameter_source = 'NIPY'")
    fields = {"in_file": "in_file", "radius": "radius", "out_file": "out_file"}
    return PowerDisplacement(parameter_source=source), fields


def compute_dvars(options: dict[str, Any]) -> Step:
    """Return what Nipype's ComputeDVARS is; voxels without variance are always left out."""
    without_effect(options, *FIGURES, "save_std", "save_nstd", "save_vxstd", "save_all", "variance_tol")
    if not setting(options, "remove_zerovariance", True):
        raise ValueError("there is no equivalent for remove_zerovariance = False: such voxels are left out")
    fields = ("in_file", "in_mask", "intensity_normalization", "out_std", "out_nstd")
    return DvarsAsText(), {name: name for name in fields}


def comp_cor(options: dict[str, Any]) -> Step:
    """Return what Nipype's ACompCor is with one mask."""
    refuse(
        options,
        {
            "variance_threshold": "the number of components would follow from the data; give num_components",
            "merge_method": "masks are not merged; give the merged one",
            "use_regress_poly": "give pre_filter",
        },
    )
    if setting(options, "ignore_initial_volumes", 0):
        raise ValueError("there is no equivalent for ignore_initial_volumes; leave them out before")
    without_effect(options, "save_pre_filter", "save_metadata", "failure_mode", "mask_names", "components_file")
    without_effect(options, "header_prefix", "high_pass_cutoff", "repetition_time")
    pre_filter, degree = setting(options, "pre_filter", "polynomial"), setting(options, "regress_poly_degree", 1)
    if pre_filter == "cosine":
        raise ValueError(
            "there is no equivalent for pre_filter = 'cosine': it leaves out the last cosine up to the cut-off"
        )
    if "mask_files" not in options:
        raise ValueError("there is no equivalent for CompCor without mask_files")
    count = setting(options, "num_components", 6)
    if not isinstance(count, int):
        raise ValueError(f"there is no equivalent for num_components = {count!r}; give a number")
    made = Components(
        num_components=count,
        degree=degree if pre_filter == "polynomial" else 0,
        index=setting(options, "mask_index", 0),
    )
    return made, {name: name for name in ("realigned_file", "mask_files", "components_file")}


def tsnr(options: dict[str, Any]) -> Step:
    """Return what Nipype's TSNR is, of one run with or without a linear trend."""
    degree = setting(options, "regress_poly")
    if degree not in (None, 1):
        raise ValueError(f"there is no equivalent for regress_poly = {degree!r}: beyond a line it keeps another mean")
    names = ("in_file", "tsnr_file", "mean_file", "stddev_file", *(["detrended_file"] if degree else []))
    return Snr(detrend=degree is not None), {name: name for name in names}


def signal_extraction(options: dict[str, Any]) -> Step:
    """Return what Nipype's SignalExtraction is for an image of labels."""
    refuse(options, {"include_global": "it adds the mean over all regions; use TissueMean"})
    without_effect(options, "incl_shared_variance")
    made = Signals(detrend=bool(setting(options, "detrend", False)))
    return made, {name: name for name in ("in_file", "label_files", "class_labels", "out_file")}


def despike(options: dict[str, Any]) -> Step:
    """Say why 3dDespike has no equivalent."""
    raise ValueError(
        "there is no equivalent for 3dDespike, whose curve of least absolute deviations has no derivative; put "
        "Despike, which rounds them off, in its place by name"
    )


API = "https://nipype.readthedocs.io/en/latest/api/generated"
EQUIVALENTS = [
    *(
        Equivalent(f"nipype.algorithms.confounds:{name}", make, f"{API}/nipype.algorithms.confounds.html")
        for name, make in (
            ("FramewiseDisplacement", framewise_displacement),
            ("ComputeDVARS", compute_dvars),
            ("CompCor", comp_cor),
            ("ACompCor", comp_cor),
            ("TSNR", tsnr),
        )
    ),
    Equivalent(
        "nipype.interfaces.nilearn:SignalExtraction", signal_extraction, f"{API}/nipype.interfaces.nilearn.html"
    ),
    Equivalent("nipype.interfaces.afni.*:Despike", despike, f"{API}/nipype.interfaces.afni.preprocess.html"),
]
