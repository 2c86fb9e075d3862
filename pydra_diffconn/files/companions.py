"""The files that are read along with a file, and so decide on a result as it does."""

from __future__ import annotations

from pathlib import Path

from pydra_diffconn.files.label_tables import table_beside
from pydra_diffconn.files.opening import IMAGES
from pydra_diffconn.files.repetition import sidecar

PAIRS = {".hdr": ".img", ".img": ".hdr"}


def companions(path: Path) -> list[Path]:
    """Return the other half of a pair, the table of names beside an atlas, and the JSON file beside data."""
    name = path.name.lower().removesuffix(".gz")
    if path.is_dir() or not name.endswith((*IMAGES, ".tsv", ".csv")):
        return []
    compressed = path.name[len(name) :]
    ending = name[-4:]
    other = [path.with_name(path.name[: len(name) - 4] + PAIRS[ending] + compressed)] if ending in PAIRS else []
    return [one for one in (*other, table_beside(path), sidecar(path)) if one is not None and one.is_file()]
