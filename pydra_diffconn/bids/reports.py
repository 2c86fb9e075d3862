"""Pages of people and of the group."""

from __future__ import annotations

from pathlib import Path


def write_subject(out: Path, participant: str) -> Path:
    """Write the page of a person."""
    return out / f"{participant}.html"
