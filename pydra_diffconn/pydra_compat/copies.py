"""Copies of files whose name is taken keep their whole ending."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fileformats.core import FileSet


def _install_names_of_copies() -> None:
    """Let a copy of x.nii.gz, where the name is taken, be called `x (1).nii.gz` and not `x.nii (1).gz`."""
    new_path = FileSet._new_copy_path

    def with_whole_ending(self: FileSet, *, stem: str, ext: str, **rest: Any) -> Any:
        inner = Path(stem).suffix
        if ext in (".gz", ".nii", ".gii") and inner[1:].isalpha():  # also of CIFTI and GIFTI: .ptseries.nii, .func.gii
            stem, ext = stem.removesuffix(inner), inner + ext
        return new_path(self, stem=stem, ext=ext, **rest)

    FileSet._new_copy_path = with_whole_ending  # type: ignore[assignment, method-assign]
