"""What depends on nothing that varies, and products with a matrix that all runs share."""

from __future__ import annotations

from collections.abc import Collection

from pydra_diffconn.program.plan import Plan, Planned, inputs_of, main_argument
from pydra_diffconn.program.planning.space_first import reduces_space
from pydra_diffconn.program.run import Run
from pydra_diffconn.program.wires import FromArray, FromParameter, FromStep, Wire, arrays_of


def independent(made: Plan, arrays: Collection[str] = (), parameters: Collection[str] = ()) -> list[Planned]:
    """Return what depends on none of these arrays and parameters, in order."""
    found: dict[str, Planned] = {}
    for one in made.planned:
        if all(_is_free(wire, found, arrays, parameters) for wire in inputs_of(one)):
            found[one.path] = one
    return list(found.values())


def shared_products(made: Plan, run: Run, arrays: Collection[str], parameters: Collection[str]) -> list[Planned]:
    """Return the steps that multiply one of these arrays of a run by a matrix over space that all runs share.

    The products of all runs are then one, which comes nearer to the machine's limit than one after the other.
    """
    free = {one.path for one in independent(made, arrays, parameters)}
    return [one for one in made.planned if _is_shared_product(one, run, free, arrays, parameters)]


def _is_shared_product(
    one: Planned, run: Run, free: Collection[str], arrays: Collection[str], parameters: Collection[str]
) -> bool:
    main = main_argument(one.step)
    series = one.wires[main]
    others = [wire for name, wire in one.wires.items() if name != main]
    over_space = [a for a in one.step.declaration.arguments.values() if a.name != main and a.dims.endswith(" space")]
    return (
        reduces_space(one.step)
        and bool(over_space)
        and run.counts[one.path] is None
        and isinstance(series, FromArray)
        and series.name in arrays
        and series.index is None
        and series.spaces is None
        and all(_is_free(wire, free, arrays, parameters) for wire in others)
    )


def _is_free(wire: Wire, known: Collection[str], arrays: Collection[str], parameters: Collection[str]) -> bool:
    if isinstance(wire, FromParameter):
        return wire.name not in parameters
    return wire.path in known if isinstance(wire, FromStep) else not any(name in arrays for name in arrays_of(wire))
