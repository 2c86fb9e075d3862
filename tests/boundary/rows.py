"""What is accepted, converted, warned about and refused, by kind of input: each row is carried out by a test.

The table in the documentation is made from these rows.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from making import (
    FRAMES,
    GRID,
    LABELS,
    RUN,
    SERIES,
    as_json,
    brain,
    cifti,
    column_names,
    drawn,
    given,
    label_axis,
    labels,
    parcels,
    rows,
    seconds,
    surface,
    table,
    text,
    volume,
)
from statistics_that_cannot_be import IMPOSSIBLE, Impossible

from pydra_diffconn.blocks import (
    BandPass,
    Correlation,
    Detrend,
    Dvars,
    FisherZ,
    FramewiseDisplacement,
    Parcellate,
    ProjectMaps,
    RegressConfounds,
)
from pydra_diffconn.confound_models import confound_design
from pydra_diffconn.files import tables

Made = Callable[[Path], tuple[Any, Any]]
"""Given an empty folder, return what comes out and what is right."""


@dataclass(frozen=True)
class Row:
    """One line of the table of inputs."""

    kind: str
    what: str
    outcome: str
    """`accepted`, `converted`, `warned about` or `refused`."""
    make: Made
    told: str = ""
    """A pattern in the error or the warning."""

    @property
    def name(self) -> str:
        return f"{self.kind}: {self.what}"


def read(name: str, content: str | bytes, right: Any = SERIES) -> Made:
    """Return what reads a table of series with this content."""
    return lambda folder: (given(Correlation, timeseries=text(folder / name, content))["timeseries"], right)


def named(names: list[str], array: np.ndarray = SERIES) -> Made:
    return lambda folder: (
        column_names(Correlation, timeseries=table(folder, names="\t".join(names), array=array)),
        names,
    )


BODY, HEAD = rows(SERIES), "a\tb\tc\n"
TABLES = [
    Row("table", "TSV with a line of names", "accepted", read("t.tsv", HEAD + BODY)),
    Row("table", "CSV", "accepted", read("t.csv", "a,b,c\n" + rows(SERIES, ","))),
    Row("table", "compressed, .tsv.gz", "accepted", read("t.tsv.gz", gzip.compress((HEAD + BODY).encode()))),
    Row("table", "an ending in capitals, .TSV", "accepted", read("T.TSV", HEAD + BODY)),
    Row("table", "semicolons or commas in place of tabs", "converted", read("t.tsv", "a;b;c\n" + rows(SERIES, ";"))),
    Row("table", "lines that end as on Windows", "converted", read("t.tsv", (HEAD + BODY).replace("\n", "\r\n"))),
    Row("table", "a byte order mark", "converted", read("t.tsv", b"\xef\xbb\xbf" + (HEAD + BODY).encode())),
    Row("table", "UTF-16 with a byte order mark", "converted", read("t.tsv", (HEAD + BODY).encode("utf-16"))),
    Row("table", "quoted cells", "converted", read("t.csv", '"a","b","c"\n' + rows(SERIES, ","))),
    Row("table", "blank lines at the end", "converted", read("t.tsv", HEAD + BODY + "\n\n")),
    Row("table", "plain numbers, .1D, .txt, .par, .mat", "accepted", read("t.1D", "# AFNI\n" + rows(SERIES, " "))),
    Row("table", "a NumPy file, .npy", "accepted", lambda f: _numpy(f, SERIES)),
    Row("table", "n/a, NA, NaN or nothing between two tabs: a missing value", "converted",
        lambda f: (tables.read_table(text(f / "t.tsv", "a\tb\nn/a\t1\n\t2\nNA\t3\nNaN\t4\n"))[0][:, 0], np.full(4, np.nan))),
    Row("table", "True and False", "converted",
        lambda f: (tables.read_table(text(f / "t.tsv", "a\nTrue\nfalse\n"))[0][:, 0], np.array([1.0, 0]))),
    Row("table", "no line of names", "refused", read("t.tsv", BODY), "t.tsv: the first line holds numbers .* header"),
    Row("table", "no line of names, rounded to two decimals", "refused",
        read("t.tsv", "0.12\t-0.30\n0.25\t1.75\n"), "header"),
    Row("table", "no line of names, one column that begins with 0", "refused", read("t.tsv", "0.0\n0.1234\n"), "header"),
    Row("table", "no line of names, n/a in the first row", "refused", read("t.tsv", "n/a\t0.1\n0.25\t1.75\n"), "header"),
    Row("table", "a last line that does not end", "refused", read("t.tsv", HEAD + BODY[:-3]), "does not end"),
    Row("table", "a blank line between others", "refused", read("t.tsv", HEAD + "1\t2\t3\n\n1\t2\t3\n"), "line 3 .*blank"),
    Row("table", "rows of other length than the header", "refused", read("t.tsv", "a\tb\n" + BODY), "line 2 has 3 cells"),
    Row("table", "a column without name, such as pandas' index", "refused",
        read("t.csv", ",a\n0,1.5\n1,2.5\n"), "column 1 has no name"),
    Row("table", "blanks in place of tabs", "refused", read("t.tsv", "a b c\n" + rows(SERIES, " ")), "tabs, no blanks"),
    Row("table", "decimal commas", "refused", read("t.tsv", HEAD + BODY.replace(".", ",")), "write a point, no comma"),
    Row("table", "decimal commas in plain numbers", "refused", read("t.txt", "0,5 1,5\n2,5 3,5\n"), "write a point"),
    Row("table", "text where numbers stand", "refused", read("t.tsv", "a\tb\n1\tx\n"), "column 'b' is not numeric .line 2"),
    Row("table", "a header alone", "refused", read("t.tsv", HEAD), "but no rows"),
    Row("table", "no content", "refused", read("t.tsv", ""), "t.tsv is empty"),
    Row("table", "a web page", "refused", read("t.tsv", "<!DOCTYPE html>\n<html></html>\n"), "is a web page"),
    Row("table", "binary data", "refused", read("t.tsv", b"PK\x03\x04\x00\x00"), "t.tsv"),
    Row("table", "plain numbers of other length in one line", "refused", read("t.1D", "1 2 3\n1 2\n"), "line 2 has 2"),
    Row("table", "a spreadsheet, .xlsx, or another kind of file", "refused", read("t.xlsx", b"PK"), "kind that is not read"),
    Row("table", "a folder", "refused", lambda f: (given(Correlation, timeseries=f), 0), "is a folder"),
    Row("table", "a file that is not there", "refused", lambda f: (given(Correlation, timeseries=f / "no.tsv"), 0),
        "no.tsv does not exist"),
    Row("table", "a compressed file that is cut", "refused",
        read("t.tsv.gz", gzip.compress((HEAD + BODY).encode())[:-20]), "truncated or damaged"),
    Row("table", "a pickle in a NumPy file", "refused", lambda f: _numpy(f, np.array([{}], dtype=object)), "t.npy"),
]  # fmt: skip


def _numpy(folder: Path, array: np.ndarray) -> tuple[Any, Any]:
    np.save(folder / "t.npy", array)
    return given(Correlation, timeseries=folder / "t.npy")["timeseries"], array


NAMES = [
    Row("names", "words that stand for a missing value elsewhere: NA, None, nan", "accepted", named(["NA", "None", "nan"])),
    Row("names", "True, blanks, letters of any script", "accepted", named(["True", " a b", "ä"])),
    Row("names", "numbers: 1.1, 1.10, 01", "accepted", named(["1.1", "1.10", "01"])),
    Row("names", "numbers: 1.1, 1.10, 2.0", "accepted", named(["1.1", "1.10", "2.0"])),
    Row("names", "1, 2, 3 as of parcels without names", "accepted", named(["1", "2", "3"])),
    Row("names", "two that are equal", "refused", named(["V1", "V1", "V2"]), "'V1' is there twice"),
    Row("names", "a tab or a line break in a name", "refused",
        lambda f: (column_names(Detrend, timeseries=text(f / "t.csv", '"a\tb",c\n1,2\n3,4\n'), degree=1), 0), "tab or a line"),
]  # fmt: skip


def matrix(order: list[int], first: str = "Node") -> Made:
    r = np.corrcoef(SERIES.T)

    def make(folder: Path) -> tuple[Any, Any]:
        lines = [f"{'abc'[n]}\t" + "\t".join(map(str, r[n].tolist())) for n in order]
        path = text(folder / "r.tsv", "\n".join([f"{first}\ta\tb\tc", *lines]) + "\n")
        return given(FisherZ, connectome=path)["connectome"], r

    return make


def half(array: np.ndarray) -> Made:
    return lambda f: (given(FisherZ, connectome=text(f / "r.tsv", HEAD + rows(array)))["connectome"], array)


MATRICES = [
    Row("matrix", "rows with the names of the columns", "accepted", matrix([0, 1, 2])),
    Row("matrix", "rows in another order than the columns", "converted", matrix([2, 0, 1])),
    Row("matrix", "a first column under another name or none", "accepted", matrix([0, 1, 2], "")),
    Row("matrix", "no names of rows", "accepted", half(np.corrcoef(SERIES.T))),
    Row("matrix", "no header, symmetric", "refused",
        lambda f: (tables.read_matrix(text(f / "r.tsv", rows(np.corrcoef(SERIES.T)))), 0), "expected a header"),
    Row("matrix", "no header, whole numbers", "refused",
        lambda f: (tables.read_matrix(text(f / "r.tsv", "0\t1\t2\n1\t0\t3\n2\t3\t0\n")), 0), "expected a header"),
    Row("matrix", "a row that has no column", "refused",
        lambda f: (tables.read_matrix(text(f / "r.tsv", "Node\ta\tb\na\t1\t0\nc\t0\t1\n")), 0), "row 'c' has no column"),
    Row("matrix", "more rows than columns", "refused",
        lambda f: (tables.read_matrix(text(f / "r.tsv", "a\tb\n1\t0\n0\t1\n0\t0\n")), 0), "expected a square"),
    Row("matrix", "one triangle alone", "refused", half(np.tril(np.corrcoef(SERIES.T))), "lower triangle alone"),
]  # fmt: skip

MOTION = ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]
MOVED = drawn(FRAMES, 6, seed=3) * 0.01


def motion(order: list[str], more: tuple[str, ...] = ()) -> Made:
    def make(folder: Path) -> tuple[Any, Any]:
        body = np.column_stack([MOVED[:, [MOTION.index(n) for n in order]], *(np.zeros(FRAMES) for _ in more)])
        path = table(folder, names="\t".join([*order, *more]), array=body)
        return given(FramewiseDisplacement, motion=path)["motion"], MOVED

    return make


def regressors(names: list[str]) -> Made:
    def make(folder: Path) -> tuple[Any, Any]:
        body = drawn(200, len(names))
        path = table(folder, "sub-01_desc-confounds_timeseries.tsv", "\t".join(names), body)
        return given(RegressConfounds, timeseries=drawn(200, 2), confounds=path)["confounds"], body

    return make


CONFOUNDS = [
    Row("confounds", "motion parameters in any order", "accepted", motion(MOTION[3:] + MOTION[:3])),
    Row("confounds", "motion parameters out of a whole table", "accepted", motion(MOTION[::-1], ("csf", "dvars"))),
    Row("confounds", "a motion parameter that is not there", "refused", motion(MOTION[:5], ("rot_zz",)), "nearest are rot_zz"),
    Row("confounds", "motion without names (.par, .1D): programs differ in their order", "refused",
        lambda f: (given(FramewiseDisplacement, motion=text(f / "m.par", rows(MOVED, " "))), 0), "does not name its columns"),
    Row("confounds", "regressors that were chosen", "accepted", regressors([*MOTION, "csf"])),
    Row("confounds", "regressors and one measure of quality", "warned about", regressors([*MOTION, "rmsd"]), "ConfoundModel"),
    Row("confounds", "more than 100 regressors", "warned about", regressors([f"x{n}" for n in range(101)]), "all 101 columns"),
    Row("confounds", "a whole confounds table as regressors", "refused",
        regressors([*MOTION, "dvars", "framewise_displacement"]), "whole confounds table: 8 columns"),
]  # fmt: skip

COMPONENTS = [f"{kind}_comp_cor_{n:02d}" for kind in "acw" for n in range(3)]
OLD = [f"a_comp_cor_{n:02d}" for n in range(6)]
TOLD = {n: {"Method": "aCompCor", "Mask": {"a": "combined", "c": "CSF", "w": "WM"}[n[0]]} for n in COMPONENTS}
TOLD_OLD = {n: {"Method": "aCompCor", "Mask": "WM" if int(n[-2:]) < 3 else "CSF"} for n in OLD}


def model(names: list[str], formula: str, right: list[str], metadata: Any = None) -> Made:
    def make(folder: Path) -> tuple[Any, Any]:
        told = None if metadata is None else as_json(folder / "t.json", metadata)
        source = table(folder, names="\t".join(names), array=drawn(FRAMES, len(names)))
        return list(confound_design(source, formula, told).columns), right

    return make


TWO = "n_{{2;acc;Mask=CSF,WM}}"
MODELS = [
    Row("confound model", "components of fMRIPrep 1.4 to 20.2, told apart by metadata", "accepted",
        model(OLD, TWO, [OLD[0], OLD[1], OLD[3], OLD[4]], TOLD_OLD)),
    Row("confound model", "components of fMRIPrep 21 and later", "accepted",
        model(COMPONENTS, TWO, ["c_comp_cor_00", "c_comp_cor_01", "w_comp_cor_00", "w_comp_cor_01"], TOLD)),
    Row("confound model", "components of one tissue by its shorthand, in any release", "accepted",
        model(OLD, "wcc", OLD[:3], TOLD_OLD)),
    Row("confound model", "metadata as a list of columns", "accepted",
        model(OLD, TWO, [OLD[0], OLD[1], OLD[3], OLD[4]], [{"Name": n, **m} for n, m in TOLD_OLD.items()])),
    Row("confound model", "metadata as a list of mappings by name", "accepted",
        model(OLD, TWO, [OLD[0], OLD[1], OLD[3], OLD[4]], [{n: m} for n, m in TOLD_OLD.items()])),
    Row("confound model", "outliers and cosines that this run has none of", "accepted",
        model(MOTION, "rps + motion_outlier* + non_steady_state_outlier* + cosine* + motion_outlier00", MOTION)),
    Row("confound model", "spikes of outliers that this run has none of", "accepted",
        model(MOTION, "rps + [SCATTER](motion_outlier*) + d1(cosine*)", MOTION)),
    Row("confound model", "a misspelt column", "refused", model(MOTION, "rps + cosinee*", []), "no column 'cosinee\\*'"),
    Row("confound model", "a column that is not there", "refused", model(MOTION, "rps + csf", []), "the nearest are"),
    Row("confound model", "metadata that are no JSON", "refused",
        lambda f: (confound_design({"a": SERIES[:, 0]}, "a", text(f / "b.json", "{")), 0), "b.json is no JSON"),
    Row("confound model", "metadata of another kind", "refused", model(OLD, TWO, [], [1, 2]), "names no column"),
]  # fmt: skip


def series_of(path: Path) -> np.ndarray:
    opened = given(Detrend, timeseries=path, degree=1)["timeseries"]
    return opened


FLAT = RUN.reshape(-1, FRAMES).T


def image(name: str, right: np.ndarray = FLAT, **how: Any) -> Made:
    return lambda f: (series_of(volume(f / name, **how)), right)


def with_header(start: int, content: bytes) -> Made:
    def make(folder: Path) -> tuple[Any, Any]:
        path = volume(folder / "x.nii")
        raw = bytearray(path.read_bytes())
        raw[start : start + len(content)] = content
        return series_of(text(path, bytes(raw))), FLAT

    return make


def changed(name: str, change: Callable[[bytes], bytes]) -> Made:
    def make(folder: Path) -> tuple[Any, Any]:
        path = volume(folder / name)
        return series_of(text(path, change(path.read_bytes()))), FLAT

    return make


WHOLE = (RUN * 10).astype("i2")
IMAGES = [
    Row("image", "NIfTI of floats, .nii and .nii.gz", "accepted", image("x.nii.gz")),
    Row("image", "an ending in capitals", "accepted", image("x.NII.GZ")),
    Row("image", "whole numbers with a scale", "converted",
        lambda f: (series_of(volume(f / "x.nii", WHOLE, slope=0.5)), WHOLE.reshape(-1, FRAMES).T * 0.5)),
    Row("image", "whole numbers with a scale, compressed", "converted",
        lambda f: (series_of(volume(f / "x.nii.gz", WHOLE, slope=0.5)), WHOLE.reshape(-1, FRAMES).T * 0.5)),
    Row("image", "other order of bytes", "converted", image("x.nii", data=RUN.astype(">f4"))),
    Row("image", "a scale that is no number counts as none", "converted", with_header(112, np.float32(np.nan).tobytes())),
    Row("image", "one frame in 4D", "accepted",
        lambda f: (given(ProjectMaps, timeseries=volume(f / "x.nii", RUN[..., :1]), maps=np.ones((1, 24)))["timeseries"],
                   FLAT[:1])),
    Row("image", "FreeSurfer's .mgz; results are NIfTI", "converted", image("x.mgz", kind=nib.MGHImage)),
    Row("image", "the pair .hdr and .img; results are .nii", "converted",
        lambda f: (series_of(volume(f / "x.img", kind=nib.Nifti1Pair).with_suffix(".hdr")), FLAT)),
    Row("image", "complex numbers", "refused", image("x.nii", data=RUN.astype("c8")), "x.nii holds complex numbers"),
    Row("image", "colours", "refused",
        image("x.nii", data=np.zeros(RUN.shape, [("R", "u1"), ("G", "u1"), ("B", "u1")])), "x.nii holds R, G, B"),
    Row("image", "three dimensions where a run is expected", "refused", image("x.nii", data=RUN[..., 0]), "a 4D run"),
    Row("image", "an affine without volume", "refused", with_header(280, bytes(48)), "places its voxels nowhere"),
    Row("image", "a value that is not finite", "refused",
        image("x.nii", data=np.where(RUN[0, 0, 0, 5] == RUN, np.inf, RUN)), "1 values that are not finite, the first in frame 5"),
    Row("image", "cut", "refused", changed("x.nii", lambda raw: raw[:-5]), "its header says"),
    Row("image", "cut, compressed", "refused", changed("x.nii.gz", lambda raw: raw[:-9]), "truncated or damaged"),
    Row("image", "longer than its header says", "refused", changed("x.nii", lambda raw: raw + b"0000"), "its header says"),
    Row("image", "longer than its header says, compressed", "refused",
        changed("x.nii.gz", lambda raw: gzip.compress(gzip.decompress(raw) + b"0000")), "more than its header says"),
    Row("image", "a pair without its .img", "refused",
        lambda f: (volume(f / "x.img", kind=nib.Nifti1Pair).unlink(), series_of(f / "x.hdr")), "x.hdr"),
    Row("image", "a web page", "refused", lambda f: (series_of(text(f / "x.nii.gz", "<html>")), 0), "not an image that can"),
    Row("image", "an image where a table is expected", "refused",
        lambda f: (given(RegressConfounds, timeseries=SERIES, confounds=volume(f / "x.nii")), 0), "expected a table"),
]  # fmt: skip

INSIDE = np.zeros(GRID, bool)
INSIDE[1:, 1:3] = True
WITHIN = FLAT[:, INSIDE.reshape(-1)]


def masked(mask: Any, right: np.ndarray = WITHIN) -> Made:
    def make(folder: Path) -> tuple[Any, Any]:
        chosen = mask(folder) if callable(mask) else mask
        return given(Detrend, timeseries=volume(folder / "x.nii"), mask=chosen, degree=1)["timeseries"], right

    return make


MASKS = [
    Row("mask", "an array of truth values", "accepted", masked(INSIDE)),
    Row("mask", "0 and 1, an array", "accepted", masked(INSIDE.astype(float))),
    Row("mask", "0 and 1, a file", "accepted", masked(lambda f: volume(f / "m.nii.gz", INSIDE.astype("u1")))),
    Row("mask", "a file with a fourth dimension of 1", "accepted",
        masked(lambda f: volume(f / "m.nii", INSIDE[..., None].astype("u1")))),
    Row("mask", "NaN outside", "refused", masked(np.where(INSIDE, 1.0, np.nan)), "mask holds .* not finite"),
    Row("mask", "probabilities, labels or 255", "refused", masked(INSIDE * 255), "other than 0 and 1, such as 255"),
    Row("mask", "a file of probabilities", "refused",
        masked(lambda f: volume(f / "m.nii", INSIDE * np.float32(0.5))), "m.nii holds .* such as 0.5"),
    Row("mask", "another order of axes", "refused", masked(INSIDE.T.copy()), r"mask has shape \(2, 4, 3\)"),
    Row("mask", "one long array", "refused", masked(INSIDE.reshape(-1)), r"mask has shape \(24,\)"),
    Row("mask", "another affine", "refused", masked(lambda f: volume(f / "m.nii", INSIDE.astype("u1"), np.diag([2, 2, 2, 1]))),
        "different affines"),
    Row("mask", "nothing inside", "refused", masked(np.zeros(GRID)), "mask is empty"),
    Row("mask", "a surface for a volume", "refused", masked(lambda f: surface(f / "s.gii")), "s.gii is no volume"),
    Row("mask", "for a table, CIFTI, GIFTI or an array", "refused",
        lambda f: (given(Detrend, timeseries=table(f), mask=INSIDE, degree=1), 0), "a mask chooses among the voxels"),
]  # fmt: skip


def atlas(path_of: Callable[[Path], Path], right: np.ndarray = LABELS) -> Made:
    def make(folder: Path) -> tuple[Any, Any]:
        return given(Parcellate, timeseries=volume(folder / "x.nii"), labels=path_of(folder))["labels"], right.reshape(
            -1
        )

    return make


def called(names: str | None, right: list[str] | None = None, ending: str = ".tsv") -> Made:
    return lambda f: (
        column_names(Parcellate, timeseries=volume(f / "x.nii"), labels=labels(f, names, ending=ending)),
        right or ["a", "b", "c"],
    )


ATLASES = [
    Row("labels", "whole numbers in an image of floats", "converted", atlas(lambda f: labels(f, data=LABELS.astype("f8")))),
    Row("labels", "gaps and negative numbers", "accepted", atlas(lambda f: labels(f, data=LABELS * 7 - 7), LABELS * 7 - 7)),
    Row("labels", "a fourth dimension of 1", "accepted", atlas(lambda f: labels(f, data=LABELS[..., None]))),
    Row("labels", "a table of one column", "accepted",
        atlas(lambda f: text(f / "l.tsv", "label\n" + "".join(f"{n}\n" for n in LABELS.reshape(-1))))),
    Row("labels", "fractions", "refused", atlas(lambda f: labels(f, data=LABELS + np.float32(0.5))), "no integers"),
    Row("labels", "several maps", "refused", atlas(lambda f: labels(f, data=np.stack([LABELS] * 2, -1))), "several maps"),
    Row("labels", "another resolution", "refused", atlas(lambda f: labels(f, data=LABELS[:2])), "resample_to_img"),
    Row("labels", "another place", "refused", atlas(lambda f: volume(f / "l.nii", LABELS, np.diag([3, 3, 3, 1]))), "affines"),
    Row("labels", "of a surface for a volume", "refused",
        atlas(lambda f: surface(f / "l.gii", LABELS.reshape(-1).astype("i4"), intent="NIFTI_INTENT_LABEL")), "same kind"),
    Row("names of labels", "a table beside the image, BIDS", "accepted", called("index\tname\n1\ta\n2\tb\n3\tc\n")),
    Row("names of labels", "in another order, with the background and more", "accepted",
        called("index\tname\n3\tc\n0\tnone\n1\ta\n9\tz\n2\tb\n")),
    Row("names of labels", "a table of FreeSurfer beside the image", "accepted",
        called("#No. Label R G B A\n0 Unknown 0 0 0 0\n1 a 1 2 3 0\n2 b 1 2 3 0\n3 c 1 2 3 0\n", ending=".txt")),
    Row("names of labels", "commas in place of tabs", "converted", called("index,name\n1,a\n2,b\n3,c\n")),
    Row("names of labels", "a row without number", "converted", called("index\tname\n1\ta\n2\tb\nn/a\tq\n3\tc\n")),
    Row("names of labels", "NA, None, 1.10", "accepted", called("index\tname\n1\tNA\n2\tNone\n3\t1.10\n", ["NA", "None", "1.10"])),
    Row("names of labels", "a label without name keeps its number", "warned about",
        called("index\tname\n1\ta\n2\tb\n", ["a", "b", "3"]), "no name for 1 of 3 labels"),
    Row("names of labels", "a table without the columns index and name", "warned about",
        called("ROI\tcolour\n1\tx\n", ["1", "2", "3"]), "no columns 'index' and 'name'"),
    Row("names of labels", "a number twice", "refused", called("index\tname\n1\ta\n2\tb\n2\tx\n3\tc\n"), "x_dseg.tsv: the label 2"),
    Row("names of labels", "a name twice", "refused", called("index\tname\n1\ta\n2\ta\n3\tc\n"), "'a' is there twice"),
    Row("names of labels", "of another atlas", "refused", called("index\tname\n11\ta\n12\tb\n"), "names none of the 3 labels"),
    Row("names of labels", "a number with a fraction", "refused", called("index\tname\n1.5\ta\n"), "no whole number"),
]  # fmt: skip

WALL = np.where(np.arange(3) == 2, np.nan, SERIES)
PLACES = np.array([1, 1, 0])


def parcellated(series: Callable[[Path], Path], maps: Any, right: Any = None) -> Made:
    def make(folder: Path) -> tuple[Any, Any]:
        chosen = maps(folder) if callable(maps) else maps
        values = given(Parcellate, timeseries=series(folder), labels=chosen)
        return values["labels"], PLACES if right is None else right

    return make


def left(folder: Path, data: np.ndarray = SERIES) -> Path:
    return surface(folder / "hemi-L_bold.func.gii", data, "CortexLeft")


def dtseries(folder: Path, data: np.ndarray = SERIES) -> Path:
    return cifti(folder / "x.dtseries.nii", seconds(), data)


def side(name: str, structure: str, **how: Any) -> Callable[[Path], Path]:
    how = {"intent": "NIFTI_INTENT_LABEL", "data": PLACES.astype("i4"), **how}
    return lambda f: surface(f / name, structure=structure, **how)


def dlabel(names: dict[int, str] | None = None, maps: int = 1, places: Any = None) -> Callable[[Path], Path]:
    axis = label_axis(names or {0: "???", 1: "one"}, maps)
    return lambda f: cifti(f / "l.dlabel.nii", axis, np.stack([PLACES] * maps), places)


SURFACES = [
    Row("surface", "NaN in places of no parcel (medial wall), GIFTI", "accepted", parcellated(lambda f: left(f, WALL), PLACES)),
    Row("surface", "NaN in places of no parcel, CIFTI", "accepted", parcellated(lambda f: dtseries(f, WALL), PLACES)),
    Row("surface", "NaN in a parcel", "refused", parcellated(lambda f: left(f, WALL), np.array([1, 1, 2])), "in parcels"),
    Row("surface", "NaN for a step that takes all places together", "refused",
        lambda f: (given(Dvars, timeseries=left(f, WALL)), 0), "medial wall"),
    Row("surface", "labels of the same side", "accepted", parcellated(left, side("L.label.gii", "CortexLeft"))),
    Row("surface", "labels of the other side", "refused", parcellated(left, side("R.label.gii", "CortexRight")),
        "R.label.gii is of CortexRight"),
    Row("surface", "labels of the other side, told by the name alone", "refused",
        parcellated(left, side("atlas_hemi-R.label.gii", "")), "is of CortexRight"),
    Row("surface", "a surface's geometry as a run", "refused",
        lambda f: (series_of(surface(f / "s.gii", intent="NIFTI_INTENT_POINTSET")), 0), "holds a surface"),
    Row("surface", "several maps of labels, GIFTI", "refused",
        parcellated(left, side("L.label.gii", "", data=np.stack([PLACES] * 2).astype("i4"))), "holds 2 maps"),
    Row("surface", "labels of the same brain models, CIFTI", "accepted", parcellated(dtseries, dlabel())),
    Row("surface", "labels of other brain models, CIFTI", "refused", parcellated(dtseries, dlabel(places=brain(3, "RIGHT"))),
        "different brain models"),
    Row("surface", "several maps of labels, CIFTI", "refused", parcellated(dtseries, dlabel(maps=2)), "holds 2 maps .map 0"),
    Row("surface", "a series as labels, CIFTI", "refused", parcellated(dtseries, dtseries), "holds a series"),
    Row("surface", "maps as a run, CIFTI", "refused",
        lambda f: (series_of(cifti(f / "x.dscalar.nii", nib.cifti2.ScalarAxis(["a", "b"]), SERIES[:2])), 0), "holds maps"),
    Row("surface", "names of parcels in a ptseries", "accepted",
        lambda f: (column_names(Correlation, timeseries=cifti(f / "x.ptseries.nii", seconds(), SERIES, parcels(["NA", "1.0", "c"]))),
                   ["NA", "1.0", "c"])),
    Row("surface", "names in the label file's own table", "accepted",
        lambda f: (column_names(Parcellate, timeseries=left(f), labels=side("L.label.gii", "CortexLeft", names=("???", "one"))(f)),
                   ["one"])),
    Row("surface", "a tab in a name of a dlabel", "refused",
        lambda f: (column_names(Parcellate, timeseries=dtseries(f), labels=dlabel({0: "?", 1: "a\tb"})(f)), 0), "holds a tab"),
]  # fmt: skip


def timed(path_of: Callable[[Path], Path], tr: float = 2.0) -> Made:
    return lambda f: (given(BandPass, timeseries=path_of(f), tr=tr, low=0.05, high=0.1)["tr"], tr)


def beside(content: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        as_json(folder / "x.json", content)
        return volume(folder / "x.nii.gz")

    return make


TIMES = [
    Row("tr", "equal to the header's, to one in a thousand", "accepted", timed(lambda f: volume(f / "x.nii", tr=1.9999))),
    Row("tr", "equal to a header in milliseconds", "accepted", timed(lambda f: volume(f / "x.nii", tr=2000, unit="msec"))),
    Row("tr", "a header of 0, or without unit", "accepted", timed(lambda f: volume(f / "x.nii", tr=1, unit="unknown"))),
    Row("tr", "equal to FreeSurfer's TimeStep in milliseconds", "accepted",
        timed(lambda f: surface(f / "x.func.gii", meta={"TimeStep": "2000.0"}))),
    Row("tr", "other than the header of a NIfTI", "warned about", timed(lambda f: volume(f / "x.nii", tr=0.8)), "2 s, .* 0.8 s"),
    Row("tr", "other than the header of a CIFTI", "warned about",
        timed(lambda f: cifti(f / "x.dtseries.nii", seconds(0.8))), "says 0.8 s"),
    Row("tr", "other than TimeStep of a GIFTI", "warned about",
        timed(lambda f: surface(f / "x.func.gii", meta={"TimeStep": "0.8"})), "TimeStep"),
    Row("tr", "other than the JSON file beside", "warned about", timed(beside({"RepetitionTime": 0.8})), "RepetitionTime in"),
    Row("tr", "in milliseconds", "refused", timed(lambda f: volume(f / "x.nii", tr=2.0), 2000.0), "not in milliseconds"),
]  # fmt: skip


def impossible(one: Impossible) -> Made:
    return lambda f: (given(one.block, **{**one.given, **one.changed}) and one.what, one.what)


STATISTICS = [
    Row("statistics", one.what, "warned about" if one.warned else "refused", impossible(one), one.told)
    for one in IMPOSSIBLE
]

ROWS: list[Row] = [
    *TABLES, *NAMES, *MATRICES, *CONFOUNDS, *MODELS, *IMAGES, *MASKS, *ATLASES, *SURFACES, *TIMES, *STATISTICS,
]  # fmt: skip
