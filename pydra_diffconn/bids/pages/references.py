"""What can be cited: the entries of references.bib, as BibTeX, as short citations, and as a list."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CITED = re.compile(r"@(\w+)")


@dataclass(frozen=True)
class Reference:
    """An entry of the bibliography."""

    key: str
    bibtex: str
    fields: dict[str, str]

    @property
    def short(self) -> str:
        """First author and year, as they stand in a text."""
        authors = self.fields["author"].split(" and ")
        names = [author.strip("{}").partition(",")[0] for author in authors]
        two = len(names) == 2 and names[1] != "others"
        told = " and ".join(names) if two else names[0] + (" et al." if len(names) > 1 else "")
        return f"{told} {self.fields['year']}"

    @property
    def line(self) -> str:
        """The whole reference as a line of a list."""
        fields = self.fields
        authors = fields["author"].strip("{}").replace(" and others", " et al.").replace(" and ", "; ")
        where = fields.get("journal") or fields.get("booktitle") or fields["howpublished"]
        place = " ".join(filter(None, [where, fields.get("volume"), fields.get("pages", "").replace("--", "–")]))  # noqa: RUF001
        doi = f" doi:{fields['doi']}" if "doi" in fields else ""
        return f"{authors} ({fields['year']}). {fields['title']}. {place}.{doi}"


@functools.cache
def references() -> dict[str, Reference]:
    """Return every entry by its key."""
    text = Path(__file__).with_name("references.bib").read_text(encoding="utf-8")
    found = {}
    for entry in re.split(r"\n(?=@)", text):
        key = entry.partition("{")[2].partition(",")[0]
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},?$", entry, re.MULTILINE))
        found[key] = Reference(key, entry.strip() + "\n", fields)
    return found


def cited(text: str) -> list[Reference]:
    """Return the entries that a text cites as `[@key; @key]`, in the order of the bibliography."""
    keys = set(CITED.findall(text))
    return [one for key, one in references().items() if key in keys]


def cite(keys: Iterable[str]) -> str:
    """Return a citation as Pandoc reads it; keys that are not in the bibliography are left out.

    >>> cite(["power2012", "unheard"])
    ' [@power2012]'
    """
    known = [f"@{key}" for key in keys if key in references()]
    return f" [{'; '.join(known)}]" if known else ""


def readable(text: str) -> str:
    """Return a text with its citations as people read them.

    >>> readable("Displacement [@power2012].")
    'Displacement (Power et al. 2012).'
    """

    def spelt(group: re.Match[str]) -> str:
        return f"({'; '.join(references()[key].short for key in CITED.findall(group[0]))})"

    return re.sub(r"\[@\w+(?:; @\w+)*\]", spelt, text)
