"""A small folder as fMRIPrep writes it, simulated: `diffconn demo --bids DIR`, for trying the folder way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pydra_diffconn.demo.fmriprep_tables import confounds
from pydra_diffconn.generators.scans import Head, Scan, head, scan

SPACE = "space-MNI152NLin2009cAsym_res-2"
TR = 2.0
NETWORKS = ("Visual", "Motor", "Salience", "Default")
SESSIONS = ("1", "2")
FAULTS = {
    "noconfounds": "no table of confounds",
    "othermask": "a brain mask on another grid",
    "unequal": "a table of confounds that is one row short",
    "uncovered": "a brain mask outside of the atlas",
    "truncated": "an image that was written by half",
}
"""People that `faults` adds, and what is wrong with each."""


@dataclass(frozen=True)
class Person:
    """Who is scanned."""

    label: str
    age: float
    sex: str
    site: str
    connectome: np.ndarray
    restless: float


def write_folder(
    folder: Path, people: int = 4, frames: int = 200, seed: int = 0, faults: bool = False, progress: bool = False
) -> Path:
    """Write a folder of fMRIPrep derivatives: some people, two sessions each, and what is hidden in them.

    Parameters
    ----------
    folder : path
        New or empty.
    people, frames : int
        How many, and the length of a run at a repetition time of 2 s.
    seed : int
        The same seed gives the same numbers.
    faults : bool
        Whether further people are written, with a fault each (`FAULTS`).

    Raises
    ------
    ValueError
        If the folder holds something already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; give a new folder")
    if people < 1 or frames < 60:
        raise ValueError(f"{people} people and {frames} frames; expected at least 1 and 60")
    place = head()
    drawn = [_person(np.random.default_rng([seed, number]), f"{number:02d}") for number in range(1, people + 1)]
    wrong = [_person(np.random.default_rng([seed, 1000 + n]), name) for n, name in enumerate(FAULTS)] if faults else []
    folder.mkdir(parents=True, exist_ok=True)
    _describe(folder, [*drawn, *wrong], seed)
    _write_atlas(folder, place)
    for number, one in enumerate([*drawn, *wrong]):
        for session in SESSIONS if number < people else SESSIONS[:1]:
            rng = np.random.default_rng([seed, number + 1, int(session)])
            unsteady = 2 if session == "1" else 0
            made = scan(rng, place, one.connectome, frames, TR, one.restless, unsteady)
            _write_run(folder, place, one, session, made, progress)
        if number >= people:
            _spoil(folder, one.label)
    return folder


def _person(rng: np.random.Generator, label: str) -> Person:
    """Draw a person: a connectome that is part the group's and part their own, in which age shows in one network."""
    parcels = 24
    network = np.arange(parcels) * len(NETWORKS) // parcels
    age = float(np.round(rng.uniform(20, 70), 1))
    strength = np.where(np.arange(len(NETWORKS)) == 3, 1.1 - 0.012 * (age - 20), 0.9)
    shared = np.eye(len(NETWORKS))[network] * strength[network][:, None]
    own = 0.6 * rng.standard_normal((parcels, 5))
    covariance = shared @ shared.T + own @ own.T + 0.8 * np.eye(parcels)
    size = np.sqrt(np.diag(covariance))
    restless = float(np.exp(rng.normal(-0.2, 0.5)))
    return Person(
        label,
        age,
        str(rng.choice(["F", "M"])),
        str(rng.choice(["A", "B"])),
        covariance / np.outer(size, size),
        restless,
    )


def _describe(folder: Path, people: Sequence[Person], seed: int) -> None:
    _json(folder / "dataset_description.json", {
        "Name": "fMRIPrep - fMRI PREProcessing workflow, simulated",
        "BIDSVersion": "1.4.0",
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "fMRIPrep", "Version": "24.1.1", "Description": "simulated by pydra-diffconn"}],
        "License": "CC0",
    })  # fmt: skip
    rows = [{"participant_id": f"sub-{one.label}", "age": one.age, "sex": one.sex, "site": one.site} for one in people]
    pd.DataFrame(rows).to_csv(folder / "participants.tsv", sep="\t", index=False)
    _json(folder / "participants.json", {
        "age": {"Description": "age", "Units": "years"},
        "sex": {"Description": "sex", "Levels": {"F": "female", "M": "male"}},
        "site": {"Description": "scanner"},
    })  # fmt: skip
    truth = folder / "truth"
    truth.mkdir()
    for one in people:
        table = pd.DataFrame(one.connectome, index=parcel_names(), columns=parcel_names())
        table.to_csv(truth / f"sub-{one.label}_connectome.tsv", sep="\t", index_label="name")
    _json(truth / "truth.json", {
        "Seed": seed,
        "What": "the correlation of the parcels' signals, the same in both sessions of a person",
        "Age": "weakens the connections within the network Default",
        "Restlessness": {f"sub-{one.label}": round(one.restless, 4) for one in people},
        "Faults": {f"sub-{one.label}": FAULTS[one.label] for one in people if one.label in FAULTS},
    })  # fmt: skip


def parcel_names() -> list[str]:
    """Return the names of the atlas' parcels."""
    each = 24 // len(NETWORKS)
    return [f"{name}{number + 1}" for name in NETWORKS for number in range(each)]


def _write_atlas(folder: Path, place: Head) -> None:
    atlas = folder / "atlases" / "atlas-Demo"
    atlas.mkdir(parents=True)
    stem = atlas / f"atlas-Demo_{SPACE}_dseg"
    _image(place.labels.astype(np.int16), place, stem.with_suffix(".nii.gz"))
    table = pd.DataFrame({"index": range(1, 25), "name": parcel_names()})
    table.to_csv(stem.with_suffix(".tsv"), sep="\t", index=False)
    _json(
        stem.with_suffix(".json"), {"Name": "Demo", "Description": "24 parcels of a simulated head", "License": "CC0"}
    )


def _write_run(folder: Path, place: Head, person: Person, session: str, made: Scan, progress: bool) -> None:
    func = folder / f"sub-{person.label}" / f"ses-{session}" / "func"
    func.mkdir(parents=True)
    source = f"sub-{person.label}_ses-{session}_task-rest_run-1"
    stem = func / f"{source}_{SPACE}"
    _image(np.round(made.image).astype(np.int16), place, Path(f"{stem}_desc-preproc_bold.nii.gz"), TR)
    about = {"RepetitionTime": TR, "TaskName": "rest", "SkullStripped": False, "StartTime": 0.0}
    _json(Path(f"{stem}_desc-preproc_bold.json"), about)
    _image(np.round(made.image.mean(axis=3)).astype(np.int16), place, Path(f"{stem}_boldref.nii.gz"))
    _image(place.brain.astype(np.uint8), place, Path(f"{stem}_desc-brain_mask.nii.gz"))
    _json(Path(f"{stem}_desc-brain_mask.json"), {"RawSources": [], "Type": "Brain"})
    table, told = confounds(made, place, TR)
    name = func / f"{source}_desc-confounds_timeseries.tsv"
    table.to_csv(name, sep="\t", index=False, na_rep="n/a", float_format="%.9g")
    _json(name.with_suffix(".json"), told)
    if progress:
        print(f"  {source}: {len(made.moved)} jerks of the head")


def _spoil(folder: Path, label: str) -> None:
    """Put a person's fault into their only run."""
    import nibabel as nib

    func = folder / f"sub-{label}" / "ses-1" / "func"
    (bold,), (mask,) = func.glob("*_bold.nii.gz"), func.glob("*_mask.nii.gz")
    (table,) = func.glob("*_timeseries.tsv")
    image: Any = nib.load(mask)
    inside = np.asarray(image.dataobj)
    if label == "noconfounds":
        table.unlink()
        table.with_suffix(".json").unlink()
    elif label == "othermask":
        nib.Nifti1Image(inside[:-2], image.affine).to_filename(mask)
    elif label == "unequal":
        lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
        table.write_text("".join(lines[:-1]), encoding="utf-8")
    elif label == "uncovered":
        corner = np.zeros_like(inside)
        corner[:2, :2, :2] = 1
        nib.Nifti1Image(corner, image.affine).to_filename(mask)
    elif label == "truncated":
        content = bold.read_bytes()
        bold.write_bytes(content[: len(content) // 2])


def _image(values: np.ndarray, place: Head, path: Path, tr: float | None = None) -> None:
    import nibabel as nib

    image = nib.Nifti1Image(values, place.affine)
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(place.affine, 4)  # 4: MNI
    image.set_qform(place.affine, 4)
    if tr is not None:
        image.header.set_zooms((*image.header.get_zooms()[:3], tr))
    image.to_filename(path)


def _json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
