"""The steps of XCP-D's post-processing as workflows of blocks, with XCP-D's names of inputs and outputs.

Small tasks at their ends read XCP-D's tables: its temporal mask has 1 for what is censored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from fileformats.generic import File
from pydra.compose import python, workflow

from diffconn_xcpd.blocks import CorrelateKept
from pydra_diffconn.blocks import (
    ButterworthFiltFilt,
    Detrend,
    Interpolate,
    KeepFrames,
    Parcellate,
    RegressConfounds,
    RegressVoxelwise,
)

Data = np.ndarray | File


@python.define(outputs=["kept"])
def KeptFrames(temporal_mask: File, column: str = "framewise_displacement") -> np.ndarray:
    """Read which frames are kept: 1, and 0 for those that are censored."""
    import pandas as pd

    table = pd.read_table(str(temporal_mask))
    if column not in table:
        raise ValueError(f"{temporal_mask} has no column {column!r}; it has {', '.join(table)}")
    return 1.0 - table[column].to_numpy(dtype=float)


@python.define(outputs=["confounds"])
def ReadConfounds(confounds_tsv: File) -> np.ndarray:
    """Read confounds, without those that stand for images of confounds and are missing in all frames."""
    import pandas as pd

    return pd.read_table(str(confounds_tsv)).dropna(axis=1, how="all").to_numpy(dtype=float)


@python.define(outputs={"atlas": File, "coverage": File})
def CoveredAtlas(atlas: File, atlas_labels: File, mask: File | None, min_coverage: float) -> Any:
    """Put the names beside an atlas, and measure which part of each parcel lies in the mask.

    Raises
    ------
    ValueError
        If a parcel is covered by less than the least coverage: XCP-D makes it missing.
    """
    import nibabel as nib
    import pandas as pd

    image = nib.load(str(atlas))
    labels: Any = np.asanyarray(image.dataobj).astype(int)
    inside = np.ones(labels.shape, bool) if mask is None else np.asanyarray(nib.load(str(mask)).dataobj) > 0
    table = pd.read_table(str(atlas_labels), index_col="index").drop(index=0, errors="ignore").sort_index()
    parts = [float(inside[labels == index].mean()) if np.any(labels == index) else 0.0 for index in table.index]
    if few := [name for name, part in zip(table["label"], parts, strict=True) if part < min_coverage]:
        raise ValueError(
            f"{', '.join(map(str, few))} of {atlas} are covered by less than {min_coverage:g}; they would be missing, "
            "and so would their edges: give an atlas without them, or lower min_coverage"
        )
    ending = "".join(one for one in Path(str(atlas)).suffixes if one[1:].isalpha())
    written, coverage = Path(f"atlas{ending}").absolute(), Path("coverage.tsv").absolute()
    nib.save(image, written)
    table.reset_index()[["index", "label"]].rename(columns={"label": "name"}).to_csv(
        written.with_name("atlas.tsv"), sep="\t", index=False
    )
    pd.DataFrame({"coverage": parts}, index=table["label"]).to_csv(coverage, sep="\t", index_label="Node")
    return File(written), File(coverage)


@workflow.define(outputs={"denoised_interpolated_bold": Data})
def Denoise(
    preprocessed_bold: Data,
    temporal_mask: File,
    TR: float,
    confounds_tsv: File | None = None,
    confounds_images: Any = None,
    low_pass: float | None = None,
    high_pass: float | None = None,
    filter_order: int = 2,
    mask: Data | None = None,
    denoised: bool = True,
    filtered: bool = True,
):
    """Interpolate censored frames, detrend, filter, and remove equally treated confounds fitted on the kept frames."""
    kept = workflow.add(KeptFrames(temporal_mask=temporal_mask), name="kept").kept

    def prepared(series: Any, name: str, **settings: Any) -> Any:
        filled = Interpolate(
            timeseries=series, frame_weights=kept, method="spline", boundary="not-a-knot", ends="hold", **settings
        )
        series = workflow.add(filled, name=f"interpolate{name}").timeseries
        if denoised:
            series = workflow.add(Detrend(timeseries=series, **settings), name=f"detrend{name}").timeseries
        if not filtered:
            return series
        how = {"order": filter_order, "padtype": "constant", "padlen": "longest", **settings}
        band = ButterworthFiltFilt(timeseries=series, tr=TR, low=high_pass, high=low_pass, **how)
        return workflow.add(band, name=f"filter{name}").timeseries

    series = prepared(preprocessed_bold, "", mask=mask)
    if not denoised:
        return series
    read = workflow.add(ReadConfounds(confounds_tsv=confounds_tsv), name="read")
    confounds = prepared(read.confounds, "_confounds")
    how: Any = {"confounds": confounds, "frame_weights": kept, "intercept": False, "mask": mask}
    if not confounds_images:
        return workflow.add(RegressConfounds(timeseries=series, **how), name="regress").timeseries
    # one image after the other, what those before explain taken out of it, too: the least squares of all together
    before: list[Any] = []
    for number, image in enumerate(confounds_images):
        own = prepared(image, f"_image{number}", mask=mask)
        for other, earlier in enumerate(before):
            step = RegressVoxelwise(timeseries=own, voxel_confounds=earlier, **how)
            own = workflow.add(step, name=f"image{number}_without_{other}").timeseries
        before.append(own)
        regress = RegressVoxelwise(timeseries=series, voxel_confounds=own, **how)
        series = workflow.add(regress, name=f"regress_image{number}").timeseries
    return series


@workflow.define(outputs={"out_file": Data})
def Censored(in_file: Data, temporal_mask: File):
    """Leave the censored frames out."""
    kept = workflow.add(KeptFrames(temporal_mask=temporal_mask), name="kept").kept
    return workflow.add(KeepFrames(timeseries=in_file, frame_weights=kept), name="keep").timeseries


@workflow.define(outputs={"timeseries": Data, "coverage": File})
def Parcels(filtered_file: Data, atlas: File, atlas_labels: File, mask: File | None = None, min_coverage: float = 0.5):
    """Average each parcel of an atlas with a table of its names."""
    covered = CoveredAtlas(atlas=atlas, atlas_labels=atlas_labels, mask=mask, min_coverage=min_coverage)
    named = workflow.add(covered, name="covered")
    step = Parcellate(timeseries=filtered_file, labels=named.atlas, mask=mask)
    return workflow.add(step, name="parcellate").timeseries, named.coverage


@workflow.define(outputs={"correlations": Data})
def Connect(timeseries: Data, temporal_mask: File | None = None, censored: bool = False):
    """Correlate all pairs of parcels on the kept frames."""
    kept = workflow.add(KeptFrames(temporal_mask=temporal_mask), name="kept").kept if censored else None
    return workflow.add(CorrelateKept(timeseries=timeseries, kept=kept), name="correlate").correlations
