"""The page of the documentation that says what is done with each kind of input: `python tests/boundary/page.py` writes it."""

from pathlib import Path

from rows import ROWS, Row

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "inputs.md"
HEAD = """# What may be given

Each line is carried out by a test. *Accepted* gives the numbers as they are; *converted* gives the same numbers as
float64 of the same values; *warned about* gives numbers, and says once what is odd; *refused* is one error that names the
file or the field, what was expected and what to do.
"""


def page() -> str:
    """Return the page, in Markdown."""
    parts = [HEAD]
    for kind in dict.fromkeys(row.kind for row in ROWS):
        lines = [_line(row) for row in ROWS if row.kind == kind]
        parts.append("\n".join([f"## {kind.capitalize()}", "", "| Given | Outcome | Told |", "|-|-|-|", *lines]) + "\n")
    return "\n".join(parts)


def _line(row: Row) -> str:
    told = row.told.replace("\\", "").replace("|", " / ").replace(".*", " ... ") if row.told else ""
    return f"| {row.what.replace('|', '&#124;')} | {row.outcome} | {told} |"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
