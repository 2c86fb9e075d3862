"""Whether `tr` is what the files say of the time between frames: two statements of one thing are compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydra_diffconn.files import gifti
from pydra_diffconn.files.opening import FileError, json_of
from pydra_diffconn.files.spaces import Space
from pydra_diffconn.warn import warn

TOLERANCE = 1e-3  # relative; headers hold single precision, and some scanners round
THOUSAND = 1000.0


def check_repetition_time(values: dict[str, Any], spaces: Iterable[Space | None]) -> None:
    """Warn where `tr` is not what a file or the JSON beside it states; refuse milliseconds.

    A header may be wrong, so that `tr` counts; but both numbers are told. A file that states 0 or no unit knows none.

    Parameters
    ----------
    values : dict
        A block's arguments by name.
    spaces : iterable of Space
        Where its series came from.
    """
    tr = values.get("tr")
    if not isinstance(tr, int | float) or not tr > 0:
        return
    for space in filter(None, spaces):
        for where, stated in statements(space):
            if any(math.isclose(tr, one, rel_tol=TOLERANCE) for one in stated):
                continue
            told = f"tr = {tr:g} s, but {where} says {stated[0]:g} s"
            if math.isclose(tr, THOUSAND * stated[0], rel_tol=TOLERANCE):
                raise FileError(f"{told}; give tr in seconds, not in milliseconds")
            warn(f"{told}; one of them is wrong: give the right tr, or mend the file")


def statements(space: Space) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Yield who states a repetition time, and the seconds that this may mean."""
    if space.tr is not None:
        yield f"the header of {space.source}", (space.tr,)
    if space.kind == "gifti" and (step := gifti.time_step(space.template)) is not None:
        yield f"TimeStep in {space.source}", (step, step / THOUSAND)
    beside = sidecar(space.source)
    if beside is not None:
        try:
            found = json_of(beside)
        except ValueError as error:
            warn(f"{error}; its RepetitionTime is not compared with tr")
            return
        stated = found.get("RepetitionTime") if isinstance(found, dict) else None
        if isinstance(stated, int | float) and not isinstance(stated, bool) and stated > 0:
            yield f"RepetitionTime in {beside}", (float(stated),)


def sidecar(path: Path) -> Path | None:
    """Return the JSON file beside a file: the same name without its ending, or up to the first point."""
    name = path.name.removesuffix(".gz")
    stems = (name.rpartition(".")[0], name.partition(".")[0])
    found = (path.with_name(f"{stem}.json") for stem in stems if stem)
    return next((one for one in found if one.is_file()), None)
