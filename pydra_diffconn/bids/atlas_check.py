"""Whether an atlas can be used, and what is missing: its image, its names, and how it lies on a run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.bids.atlas import Atlas, names_in, present_labels, read_atlas, repeated
from pydra_diffconn.bids.atlas_files import MNI, AtlasFile, fetched
from pydra_diffconn.bids.derivatives import entities_of
from pydra_diffconn.bids.fitted_atlas import fit_atlas
from pydra_diffconn.files.volumes import load_image
from pydra_diffconn.warn import heard

Finding = tuple[str, str]
"""Its state (`ok`, `note`, or `mend` where the atlas cannot be used so), and what was found."""
SHOWN = 6  # names in one line; all of what is hardly covered has lines of its own
KINDS = {"nifti": "a volume", "cifti": "CIFTI"}


def check(found: AtlasFile) -> Iterator[Finding]:
    """Tell what there is of an atlas: image, labels, names, space, places."""
    try:
        found = fetched(found)
        labels = present_labels(found.image)
    except (ValueError, OSError) as error:
        yield "mend", str(error)
        return
    yield "ok", f"{len(labels)} parcels, labels {_numbers(labels)}"
    yield from _names(found, labels)
    yield "ok", f"called {found.name} in names of files"
    if found.space is None:
        yield "note", "the name says no space (space-, tpl-), so it is taken for that of any run"
    elif found.space == MNI:
        yield "note", f"in {MNI}, it is not known in which template; runs in each are parcellated by it"
    else:
        yield "ok", f"in {found.space}{f', cohort {found.cohort}' if found.cohort else ''}"
    yield "ok", _places(load_image(found.image), found.kind)


def check_run(found: AtlasFile, bold: Path, mask: Path | None, min_coverage: float = 0.5) -> Iterator[Finding]:
    """Tell how an atlas lies on a run: its kind, space and grid, and which parcels have too little data."""
    space, kind = of_run(bold)
    if not found.suits(space, kind):
        here, there = (KINDS[one] for one in (found.kind, kind))
        yield "mend", f"it is {here} in {found.space}, {bold.name} {there} in {space}; they do not go together"
        return
    try:
        atlas = read_atlas(found)
        with tempfile.TemporaryDirectory() as folder:
            fitted = fit_atlas(atlas, bold, mask, min_coverage, Path(folder))
    except (ValueError, OSError) as error:
        yield "mend", str(error)
        return
    yield "ok", f"{bold.name}: {_places(load_image(bold), kind)}"
    if fitted.resampled:
        yield "note", "the run has another grid: each of its voxels takes the label at its centre"
    yield from _coverage(atlas, fitted.coverage, min_coverage)


def of_run(bold: Path) -> tuple[str | None, str]:
    """Return the space that a run's name says, and its kind."""
    return entities_of(bold).get("space"), "cifti" if hasattr(load_image(bold).header, "get_axis") else "nifti"


def _coverage(atlas: Atlas, coverage: np.ndarray, min_coverage: float) -> Iterator[Finding]:
    used = (coverage >= min_coverage) & (coverage > 0)
    yield "ok", f"{used.sum()} of {len(used)} parcels have data in at least {min_coverage:.0%} of their places"
    for name, share in zip(np.array(atlas.names)[~used], coverage[~used], strict=True):
        yield "note", f"{name} is left out: {share:.0%} of its places have data"
    partly = used & (coverage < 1)
    if partly.any():
        worst = np.flatnonzero(partly)[np.argsort(coverage[partly])]
        yield (
            "note",
            f"{partly.sum()} have less than all: " + _some([f"{atlas.names[n]} {coverage[n]:.0%}" for n in worst]),
        )


def _names(found: AtlasFile, labels: Sequence[int]) -> Iterator[Finding]:
    """Tell which labels have no name, which names no label, and which are there twice."""
    where = found.table.name if found.table else "the image"
    try:
        with heard() as told:
            known = names_in(found)
    except (ValueError, OSError) as error:
        yield "mend", str(error)
        return
    yield from (("mend", one) for one in told)
    if not known:
        stem = found.image.name.partition(".")[0]
        yield (
            "note",
            f"no names: parcels are called by their numbers; {stem}.tsv with columns index and name gives them",
        )
        return
    unnamed, unused = sorted(set(labels) - set(known)), sorted(set(known) - set(labels))
    if len(unnamed) == len(labels):
        yield "mend", f"{where} names none of the {len(labels)} labels: is it of another atlas?"
        return
    yield "ok", f"{len(known)} names in {where}"
    if unnamed:
        yield "mend", f"{len(unnamed)} labels have no name in {where}: {_some(unnamed)}; add them"
    if unused:
        shown = _some([f"{known[one]} ({one})" for one in unused])
        yield "note", f"{len(unused)} names have no place in the image, and are n/a in every run: {shown}"
    if twice := repeated(known.values()):
        yield "mend", f"{len(twice)} names are there more than once: {_some(twice)}; names must differ"


def _places(image: Any, kind: str) -> str:
    """Return the grid of a volume, or how many grayordinates each structure has."""
    if kind == "cifti":
        places = image.header.get_axis(1)
        parts = [
            f"{name.removeprefix('CIFTI_STRUCTURE_').lower()} {len(one)}" for name, _, one in places.iter_structures()
        ]
        return f"{len(places)} grayordinates: {_some(parts)}"
    size = " x ".join(f"{one:.3g}" for one in np.linalg.norm(image.affine[:3, :3], axis=0))
    return f"a grid of {' x '.join(map(str, image.shape[:3]))} voxels of {size} mm"


def _numbers(labels: Sequence[int]) -> str:
    gaps = labels[-1] - labels[0] + 1 - len(labels)
    return f"{labels[0]} to {labels[-1]}" + (f" with {gaps} numbers left out" if gaps else "")


def _some(items: Sequence[Any]) -> str:
    return ", ".join(map(str, items[:SHOWN])) + (f" and {len(items) - SHOWN} more" if len(items) > SHOWN else "")
