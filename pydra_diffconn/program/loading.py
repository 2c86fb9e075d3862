"""Files for runs, each read once whatever the number of runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydra_diffconn import files
from pydra_diffconn.declare.argument import Argument
from pydra_diffconn.numerics.aligned import stacked
from pydra_diffconn.program.spool import Loaded
from pydra_diffconn.workflow.graph import Gathered, Input, Item, Reference, Source, Spread, Step


def load(argument: Argument, given: Any, mask: Any, main: Any, cache: Loaded) -> tuple[Any, Any]:
    """Read or convert one argument; the same value for the same purpose once, whatever the number of runs.

    Runs that share an array go on sharing it: what differs from run to run is told by identity.
    """
    if isinstance(given, list | tuple) and argument.role == "data":
        loaded = [load(argument, value, mask, main, cache)[0] for value in given]
        key = ("stack", *map(id, loaded))
        if key not in cache:
            cache[key] = (stacked(loaded), loaded)
        return cache[key][0], None
    if not files.is_file(given):
        key = ("converted", id(given), argument.whole)
        if not isinstance(given, np.ndarray):
            return files.load_argument(argument, given, mask, main)
        if key not in cache:  # what was given is kept, too, or another array could have its number
            cache[key] = (files.load_argument(argument, given, mask, main)[0], given)
        return cache[key][0], None
    mask_key = mask.tobytes() if isinstance(mask, np.ndarray) else str(mask)
    where = None if main is None else main.key
    named = argument.name if len(argument.dims.split()) == 1 else ""
    key = (
        str(given),
        argument.dims,
        named,
        argument.incomplete,
        argument.columns,
        argument.whole,
        mask_key,
        where,
    )
    if key not in cache:
        loaded, space = files.load_argument(argument, given, mask, main)
        cache[key] = (cache.spool.keep(loaded) if isinstance(loaded, np.ndarray) else loaded), space
    return cache[key]


def name_of(source: Source, step: Step, argument: str) -> str:
    """Name an array after the input or output that it comes from."""
    if isinstance(source, Item | Gathered | Spread):
        return name_of(source.source, step, argument)
    if isinstance(source, Input):
        return source.name
    return f"{source.path}.{source.field}" if isinstance(source, Reference) else f"{step.path}.{argument}"
