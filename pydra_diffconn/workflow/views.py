"""What a foreign task is: its class, or the one call of a library that its function makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from pydra_diffconn.declare.equivalent import View, given_options


def views(task: Any) -> Iterator[View]:
    """Yield as what an equivalent may know a task: its class, its function, and the one call that the function makes.

    Raises
    ------
    ValueError
        If the function uses a known package, but not in one call alone.
    """
    given = given_options(task)
    yield View(task, f"{type(task).__module__}:{type(task).__qualname__}", given)
    function = getattr(task, "function", None)
    if function is None:
        return
    yield View(task, f"{function.__module__}:{function.__qualname__}", given)
    from pydra_diffconn.workflow import one_call

    call = one_call.one_call(function, given)
    if call is None:
        return
    options: dict[str, Any] = {"returned": call.form, "read": False}
    names = {}
    for name, value in call.arguments.items():
        if isinstance(value, one_call.One) != (call.form == "first") and isinstance(value, one_call.One):
            raise ValueError(f"its function returns a list or stack for {name}, a list of one")
        value = value.element if isinstance(value, one_call.One) else value
        if isinstance(value, one_call.Field):
            if getattr(task, value.name) is attrs.NOTHING:
                continue
            options[name], names[name] = getattr(task, value.name), value.name
            options["read"] = options["read"] or value.read
        else:
            options[name] = value.value if isinstance(value, one_call.Literal) else value
    yield View(task, call.identity, options, names)
