"""How tasks are shown: arrays by shape, and a workflow as a tree."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from pydra.utils.general import get_fields


def _install_repr() -> None:
    """Show arrays by shape: Pydra compares each value with its default, which for an array raises, and hides the
    error it was about to report."""
    from pydra.compose import base

    base.Task.__repr__ = base.Outputs.__repr__ = show


def show(task: Any) -> str:
    """Return `Name(field=value, ...)` with what differs from the defaults; large arrays by shape and type."""
    shown = []
    for field in get_fields(task):
        value = getattr(task, field.name)
        if field.name in ("function", "constructor") or value is attrs.NOTHING:
            continue
        if isinstance(value, np.ndarray) and value.size > 8:
            shown.append(f"{field.name}=<array {value.shape} {value.dtype}>")
        elif isinstance(value, list | tuple) and len(value) > 8:
            shown.append(f"{field.name}=<{len(value)} values>")
        elif isinstance(value, np.ndarray | list | tuple) or (value is not field.default and value != field.default):
            shown.append(f"{field.name}={value!r}")
    return f"{type(task).__name__}({', '.join(shown)})"
