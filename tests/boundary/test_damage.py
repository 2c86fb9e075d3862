"""Damaged files of every kind: an error that names the file, the same numbers, or what a changed number gives."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from making import (
    LABELS,
    SERIES,
    as_json,
    cifti,
    given,
    labels,
    rows,
    seconds,
    surface,
    table,
    text,
    volume,
)
from rows import TOLD_OLD, TWO

from pydra_diffconn import files
from pydra_diffconn.blocks import Correlation, Detrend, Parcellate
from pydra_diffconn.confound_models import confound_design
from pydra_diffconn.declare.learned import LearnedParameter, load_parameters, save_parameters
from pydra_diffconn.files import tables
from pydra_diffconn.learning.checkpoints import Checkpoint
from pydra_diffconn.learning.state import State
from pydra_diffconn.plugins.authoring import create, entries_of

SEED = 38
PAGE = b"<!DOCTYPE html><html>404</html>"


def put_in(raw: bytes, place: int, rng: np.random.Generator) -> bytes:
    return raw[:place] + rng.bytes(40) + raw[place:]


def changed(raw: bytes, place: int, size: int, rng: np.random.Generator) -> bytes:
    return raw[:place] + rng.bytes(min(size, len(raw) - place)) + raw[place + size :]


DAMAGES: dict[str, Callable[[bytes, int, np.random.Generator], bytes]] = {
    "cut": lambda raw, place, rng: raw[:place],
    "40 bytes put in": put_in,
    "40 bytes left out": lambda raw, place, rng: raw[:place] + raw[place + 40 :],
    "a web page": lambda raw, place, rng: PAGE,
    "a part twice": lambda raw, place, rng: raw[:place] + raw[max(0, place - 300) :],
    "one byte changed": lambda raw, place, rng: changed(raw, place, 1, rng),
    "one bit flipped": lambda raw, place, rng: raw[:place] + bytes([raw[place] ^ 1 << rng.integers(8)]) + raw[place + 1 :],
    "16 bytes changed": lambda raw, place, rng: changed(raw, place, 16, rng),
    "zeros": lambda raw, place, rng: raw[:place] + bytes(min(64, len(raw) - place)) + raw[place + 64 :],
}  # fmt: skip
IN_PLACE = ("one byte changed", "one bit flipped", "16 bytes changed", "zeros")
"""Damages that an uncompressed file cannot notice: they leave it as long as it was."""


@dataclass(frozen=True)
class Kind:
    """How a file of one kind is written and read."""

    name: str
    write: Callable[[Path], Path]
    read: Callable[[Path], object]
    guarded: bool = False
    """Whether a checksum finds every damage."""
    blind: tuple[str, ...] = ()
    """What else it cannot notice: nothing says how many lines a text has."""


def detrended(path: Path) -> object:
    found = given(Detrend, timeseries=path, degree=1)["timeseries"]
    return files.read_series(found) if isinstance(found, files.ImageSeries) else found


def averaged(path: Path) -> object:
    values = given(Parcellate, timeseries=path, labels=labels(path.parent))
    return Parcellate.declaration.streamed(**values)


def run_beside(path: Path) -> Path:
    return volume(path.with_name("run.nii"))


def parameters(folder: Path, name: str) -> Path:
    one = LearnedParameter("a.low", 0.0123, 0.01, "Hz", "positive", "pydra_diffconn:BandPass", "1", ("a.low",))
    weights = LearnedParameter("w", SERIES[0], SERIES[1], "", "simplex", "pydra_diffconn:Choose", "1", ("w",))
    save_parameters(folder / "fit", [one, weights])
    return folder / "fit" / name


def state() -> State:
    return State(
        values={"a": SERIES[0]}, optimizer=SERIES[1], good=(SERIES[2],), best_values=SERIES[3], number=3, best=0.5,
        best_number=2, scale=1.0, failures=0, history=[{"loss": 1.0}],
    )  # fmt: skip


def packaging(folder: Path) -> Path:
    return create("diffconn-some", folder) / "pyproject.toml"


def checkpoint(folder: Path) -> Path:
    made = Checkpoint(folder / "kept", "abc")
    made.save(state(), {"training": 1.0})
    return made.path


def resumed(path: Path) -> object:
    found = Checkpoint(path.parent, "abc").load(state())
    return [np.asarray(found.values["a"]), np.asarray(found.best_values), found.number, found.best, found.history]


TWICE = ("a part twice",)
KINDS = [
    Kind("run.nii", lambda f: volume(f / "x.nii"), detrended),
    Kind("run.nii.gz", lambda f: volume(f / "x.nii.gz"), detrended, guarded=True),
    Kind("run.nii.gz, averaged", lambda f: volume(f / "x.nii.gz"), averaged, guarded=True),
    Kind("run.mgz", lambda f: volume(f / "x.mgz", kind=nib.MGHImage), detrended, guarded=True),
    Kind("labels.nii", labels, lambda p: given(Parcellate, timeseries=run_beside(p), labels=p)["labels"]),
    Kind(
        "mask.nii.gz",
        lambda f: volume(f / "m.nii.gz", (LABELS > 0).astype("u1")),
        lambda p: given(Detrend, timeseries=run_beside(p), mask=p, degree=1)["timeseries"],
        guarded=True,
    ),
    Kind("dtseries.nii", lambda f: cifti(f / "x.dtseries.nii", seconds()), detrended),
    Kind("func.gii", lambda f: surface(f / "x.func.gii"), detrended),
    Kind("tsv", table, lambda p: given(Correlation, timeseries=p)["timeseries"], blind=TWICE),
    Kind("tsv.gz", lambda f: table(f, "t.tsv.gz"), lambda p: given(Correlation, timeseries=p)["timeseries"], guarded=True),
    Kind("1D", lambda f: text(f / "t.1D", rows(SERIES, " ")), lambda p: tables.read_table(p)[0], blind=TWICE),
    Kind("matrix", lambda f: tables.write_matrix(np.corrcoef(SERIES.T), list("abc"), f / "r.tsv"), lambda p: tables.read_matrix(p)),
    Kind("npy", lambda f: np.save(f / "t.npy", SERIES) or f / "t.npy", lambda p: given(Correlation, timeseries=p)["timeseries"]),
    Kind(
        "names.tsv",
        lambda f: labels(f) and text(f / "x_dseg.tsv", "index\tname\n" + "".join(f"{n}\tregion number {n}\n" for n in range(40))),
        lambda p: files.label_names(p.with_suffix(".nii")),
        blind=(*TWICE, "40 bytes left out", "40 bytes put in"),
    ),
    Kind(
        "metadata.json",
        lambda f: as_json(f / "t.json", TOLD_OLD),
        lambda p: list(confound_design(dict.fromkeys(TOLD_OLD, SERIES[:, 0]), TWO, p).columns),
    ),
    Kind("pyproject.toml", packaging, entries_of, blind=tuple(DAMAGES)),  # names no module: told by who asks
    Kind("parameters.safetensors", lambda f: parameters(f, "parameters.safetensors"), load_parameters, guarded=True),
    Kind("parameters.json", lambda f: parameters(f, "parameters.json"), load_parameters, guarded=True),
    Kind("checkpoint", checkpoint, resumed, guarded=True),
]  # fmt: skip


def equal(one: object, other: object) -> bool:
    try:
        np.testing.assert_equal(vars(one) if hasattr(one, "__dict__") else one, other)
    except (AssertionError, ValueError):
        return repr(one) == repr(other)
    return True


def complaints(kind: Kind, folder: Path, count: int) -> list[str]:
    """Damage a file many times; return what was neither told, nor harmless, nor beyond notice."""
    rng = np.random.default_rng(SEED)
    path = kind.write(folder)
    whole = path.read_bytes()
    right = kind.read(path)
    found = []
    for number in range(count):
        damage = list(DAMAGES)[number % len(DAMAGES)]
        place = int(rng.integers(len(whole)))
        path.write_bytes(DAMAGES[damage](whole, place, rng))
        try:
            got = kind.read(path)
        except (ValueError, FileNotFoundError) as error:
            if path.name not in str(error):
                found.append(f"{damage} at {place}: {type(error).__name__}: {error}")
        except Exception as error:
            found.append(f"{damage} at {place}: raw {type(error).__name__}: {error}")
        else:
            noticed = kind.guarded or damage not in (*IN_PLACE, *kind.blind)
            whole_lines = damage == "cut" and kind.blind and whole[place - 1 : place] == b"\n"
            if noticed and not whole_lines and not equal(got, right):
                found.append(f"{damage} at {place}: other numbers")
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damage_is_told_or_harmless(kind, tmp_path):
    assert complaints(kind, tmp_path, 63) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_thousand_damages_are_told_or_harmless(kind, tmp_path):
    assert complaints(kind, tmp_path, 1000) == []


def test_a_value_that_was_changed_in_parameters_is_noticed(tmp_path):
    path = parameters(tmp_path, "parameters.safetensors")
    path.write_bytes(path.read_bytes()[:-8] + np.array([0.5]).tobytes())
    with pytest.raises(ValueError, match=r"parameters.safetensors is damaged"):
        load_parameters(tmp_path / "fit")


def test_parameters_of_two_fits_beside_each_other_are_noticed(tmp_path):
    path = parameters(tmp_path, "parameters.json")
    other = LearnedParameter("a.low", 0.05, 0.01, "Hz", "positive", "pydra_diffconn:BandPass", "1", ("a.low",))
    save_parameters(tmp_path / "other", [other])
    path.write_bytes((tmp_path / "other" / path.name).read_bytes())
    with pytest.raises(ValueError, match="are of different fits"):
        load_parameters(tmp_path / "fit")


def test_compressed_files_are_read_to_their_checksum(tmp_path):
    path = volume(tmp_path / "x.nii.gz")
    raw = bytearray(gzip.compress(gzip.decompress(path.read_bytes()), 0))  # stored as it is: no code to break
    raw[-200] ^= 1
    path.write_bytes(raw)
    for read in (detrended, averaged):
        with pytest.raises(ValueError, match=r"x.nii.gz is truncated or damaged"):
            read(path)
