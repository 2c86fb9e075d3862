"""Sections in, one HTML page out; knows nothing of the rest of the package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np


@dataclass
class Figure:
    """A figure (our own SVG, or one that `is_drawing`) and what it shows."""

    svg: str
    caption: str = ""
    title: str = ""
    link: str = ""
    """Of a file, relative to the page, where the figure itself is too heavy for it."""


@dataclass
class Section:
    """A part of a page: text (paragraphs by empty lines), a table, figures; any may be missing."""

    title: str
    text: str = ""
    table: dict[str, Any] | None = None
    figures: list[Figure] = field(default_factory=list)
    notes: Sequence[str] = ()
    """What must not be overlooked."""
    code: str = ""
    """BibTeX, folded."""


@dataclass
class Card:
    """One number that matters."""

    value: str
    label: str


@cache
def template(name: str) -> Any:
    """Return a template of this folder, which escapes text."""
    import jinja2

    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    return jinja2.Environment(loader=loader, autoescape=True).get_template(name)


def write_page(
    path: Path,
    title: str,
    lead: str,
    sections: Sequence[Section],
    cards: Sequence[Card] = (),
    notes: Sequence[str] = (),
) -> Path:
    """Write an HTML page without remote parts; text is escaped."""
    page = template("page.html").render(
        title=title, lead=lead, sections=sections, cards=cards, notes=notes, version=version("pydra-diffconn")
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


ACTIVE = ("script", "foreignobject", "iframe", "a", "animate", "set", "handler", "object", "embed")


def is_drawing(svg: str) -> bool:
    """Say whether an SVG text that was read from a file only draws: it runs nothing, and asks for nothing elsewhere.

    >>> is_drawing("<svg><path d='M 0 0'/></svg>"), is_drawing("<svg onload='x()'/>")
    (True, False)
    """
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError:
        return False
    for part in root.iter():
        if str(part.tag).rpartition("}")[2].lower() in ACTIVE:
            return False
        for name, value in part.attrib.items():
            name = name.rpartition("}")[2].lower()
            if name.startswith("on") or (name in ("href", "src") and not value.startswith(("#", "data:image/png"))):
                return False
    return True


def show(value: Any) -> str:
    """Return a value as people read it: four digits, short vectors whole.

    >>> show(0.0131234)
    '0.01312'
    """
    if np.ndim(value) == 0:
        return f"{float(value):.4g}"
    array = np.asarray(value)
    return ", ".join(f"{v:.3g}" for v in array) if array.size <= 8 else f"array {array.shape}"
