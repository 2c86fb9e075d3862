"""The text of a table: its names, as they are written, and its rows of cells.

Names are never read as values: `NA`, `1.10` and `01` are names. Pandas would change all three.
"""

from __future__ import annotations

import csv
import functools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydra_diffconn.files.opening import FileError, text_of

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
MISSING = frozenset(
    ["", "n/a", "N/A", "NA", "<NA>", "#N/A", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "None"]
)  # what stands for a missing value, where values stand
MANY_DECIMALS = 4  # more than any name has
QUOTE = '"'
SIGNS = ("\t", ",", ";")
EXPECTED = "a table with a line of names, such as a TSV"


@dataclass(frozen=True)
class Text:
    """A table before its cells mean anything."""

    path: Path
    names: tuple[str, ...]
    lines: list[str]
    """Below the names."""
    sign: str
    """What parts the cells."""

    @functools.cached_property
    def rows(self) -> list[list[str]]:
        """The cells of each line; only where numbers cannot be read as they are, since it takes the longest."""
        return _cells(self.lines, self.sign, self.path)

    def column(self, place: int) -> list[str]:
        return [row[place] for row in self.rows]


def read_text(path: str | Path) -> Text:
    """Split a table into names and cells, all of them text; every row has as many cells as there are names."""
    path = Path(path)
    lines = lines_of(path)
    sign = _sign(path, lines)
    (names,) = _cells(lines[:1], sign, path)
    text = Text(path, tuple(names), lines[1:], sign)
    if not text.lines:
        raise FileError(f"{path} has a header of {len(names)} names, but no rows")
    _require_rows(text)
    return text


def lines_of(path: Path) -> list[str]:
    """Return the lines of a text, which must all end; blank ones at the end are left out."""
    text = text_of(path, EXPECTED)
    if not text or text.isspace():
        raise FileError(f"{path} is empty; expected {EXPECTED}")
    if not text.endswith("\n"):
        raise FileError(
            f"{path}: the last line does not end, as if the file had been cut; copy it again, or if nothing is missing "
            "add a newline at its end"
        )
    return text.rstrip("\n").split("\n")


def _sign(path: Path, lines: Sequence[str]) -> str:
    """Return what parts the cells: what the file's ending says or, where that is nowhere, what is found instead."""
    own = "," if path.name.lower().removesuffix(".gz").endswith(".csv") else "\t"
    for sign in (own, *SIGNS):
        count = lines[0].count(sign)
        if count and all(line.count(sign) == count for line in lines[1:3]):
            return sign
    return own


def _cells(lines: Sequence[str], sign: str, path: Path) -> list[list[str]]:
    if not any(QUOTE in line for line in lines):
        return [line.split(sign) for line in lines]
    try:
        return list(csv.reader([line + "\n" for line in lines], delimiter=sign, strict=True))
    except csv.Error as error:
        raise FileError(f"{path}: a quotation mark is not closed ({error}); expected {EXPECTED}") from None


def _require_rows(text: Text) -> None:
    quoted = any(QUOTE in line for line in text.lines)
    counts = map(len, text.rows) if quoted else (line.count(text.sign) + 1 for line in text.lines)
    for number, count in enumerate(counts, start=2):
        if count != len(text.names):
            blank = " (it is blank)" if not text.lines[number - 2].strip() else ""
            raise FileError(
                f"{text.path}: line {number} has {count} cells{blank}, the header {len(text.names)} names; expected as "
                "many"
            )


def require_names(text: Text) -> None:
    """Refuse a table whose first line is no header, or whose names are empty or not unique."""
    path, names = text.path, text.names
    if is_data(names, text):
        raise FileError(
            f"{path}: the first line holds numbers ({names[0]}, ...), like the lines below it; expected a header with "
            "names"
        )
    if not all(name.strip() for name in names):
        place = next(number for number, name in enumerate(names, start=1) if not name.strip())
        raise FileError(f"{path}: column {place} has no name; name it, or leave it out (pandas: to_csv(index=False))")
    require_unique(names, str(path))


def require_unique(names: Sequence[str], where: str) -> None:
    """Refuse names of which two are equal, or that no table can hold."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise FileError(f"{where}: the name {twice[0]!r} is there twice; names must differ: rename one")
    for name in names:
        if any(sign in name for sign in "\t\n\r\0"):
            raise FileError(f"{where}: the name {name!r} holds a tab or a line break, which no table can; rename it")


def is_data(first: Sequence[str], text: Text, skipped: int = 0) -> bool:
    """Say whether the names of a table, after those `skipped`, are a row of numbers like those below, and no header.

    Names may be numbers, too: regions called 1, 2, 3 or 1.1, 1.10, 01.
    """
    cells = [cell.strip() for cell in first]
    numbers = [cell for cell in cells if NUMBER.fullmatch(cell)]
    if not numbers or not all(cell in MISSING or NUMBER.fullmatch(cell) for cell in cells):
        return False
    if len(numbers) < len(cells) or len(set(cells)) < len(cells):
        return True
    if any(_no_name(cell) for cell in cells) or (len(cells) == 1 and "." in cells[0]):
        return True
    if any(re.fullmatch(r"0\d+", cell) for cell in cells):  # nobody writes the number 1 as 01
        return False
    rows = [row[skipped:] for row in text.rows]
    whole = all(_decimals(cell) == 0 for row in rows for cell in row)
    counted = [cells == [str(first + place) for place in range(len(cells))] for first in (0, 1)]
    if any(counted) and not whole and cells != ["0"]:
        return False
    if any(float(cell) == 0 for cell in cells):  # 0 is what lies outside all regions
        return True
    return all(_fits(cell, [row[place] for row in rows]) for place, cell in enumerate(cells))


def _no_name(cell: str) -> bool:
    return cell[0] in "+-" or "e" in cell.lower() or (_decimals(cell) or 0) >= MANY_DECIMALS


def _decimals(cell: str) -> int | None:
    """Return how many digits stand behind the point; None if that is not how the cell is written."""
    cell = cell.strip()
    if not NUMBER.fullmatch(cell) or "e" in cell.lower():
        return None
    return len(cell.partition(".")[2])


def _fits(cell: str, column: Sequence[str]) -> bool:
    """Say whether a cell is written like those below it."""
    below = [count for one in column if (count := _decimals(one)) is not None]
    own = _decimals(cell)
    return bool(below) and own is not None and min(below) <= own <= max(below)
