"""What stands for a value in a notebook: a title, a few tables, a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.report.page import template


def card(
    title: str,
    lead: str = "",
    tables: Sequence[Mapping[str, Any]] = (),
    notes: Sequence[str] = (),
    svg: str = "",
) -> str:
    """Return HTML for a notebook; text is escaped, the figure is our own.

    Parameters
    ----------
    tables : list of mappings
        Each with a `head` and its `rows`; those without rows are left out.
    """
    return template("card.html").render(title=title, lead=lead, tables=tables, notes=notes, svg=svg)


def brief(value: Any) -> str:
    """Return a value in a few words: an array by its shape, a file by its name.

    >>> brief(np.zeros((200, 4))), brief(0.01)
    ('array (200, 4) of float64', '0.01')
    """
    if isinstance(value, np.ndarray) and value.ndim and value.size > 8:
        return f"array {value.shape} of {value.dtype}"
    path = getattr(value, "fspath", value)
    text = path.name if isinstance(path, Path) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
