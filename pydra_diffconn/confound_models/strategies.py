"""Confound strategies as small files: which regressors, and which settings of the processing go with them.

description = "..."
model = "24P + wm + csf"        # a confound formula, or:
cite = ["power2014"]

[nilearn]                       # the arguments of nilearn's `load_confounds`, which then selects the columns
strategy = ["motion", "wm_csf"]

[processing]                    # settings that differ from the defaults; the command line has the last word
fd_threshold = 0.2
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any

FILES = "named"


@dataclass(frozen=True)
class Strategy:
    """What is removed from a run."""

    name: str
    description: str = ""
    model: str = ""
    """A confound formula; empty for no regression."""
    nilearn: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `nilearn.interfaces.fmriprep.load_confounds`, in place of a formula."""
    components: str = ""
    """"nonaggressive": the noise components of an ICA are removed first, by their own part of a fit of all;
    "aggressive": their courses are regressors like others."""
    ica: str = "aroma"
    """Whose files say which components are noise: "aroma" or "tedana"."""
    bold: str = "preproc"
    """Which image of a run is used: its entity `desc`."""
    processing: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the processing that go with it."""
    cite: tuple[str, ...] = ()


def names() -> list[str]:
    """Return the names of the strategies that come with the package."""
    folder = resources.files(__package__).joinpath(FILES)
    return sorted(one.name.removesuffix(".toml") for one in folder.iterdir() if one.name.endswith(".toml"))


def strategy(name: str | Path) -> Strategy:
    """Return a strategy by its name, or of a file of one's own (`*.toml`).

    Raises
    ------
    ValueError
        With the nearest names; with the file and the key if it holds something unknown.

    >>> strategy("36P").model
    '36P'
    """
    text = str(name)
    if not text.endswith(".toml"):
        if text not in names():
            near = ", ".join(difflib.get_close_matches(text, names(), cutoff=0.4)) or ", ".join(names())
            raise ValueError(
                f"there is no strategy {text!r} (the nearest are {near}); give one of "
                "`diffconn strategy list`, or the path of a file of your own, NAME.toml"
            )
        path = resources.files(__package__).joinpath(FILES, f"{text}.toml")
        return _read(path.read_text(encoding="utf-8"), text, f"strategy {text}")
    if not Path(text).is_file():
        raise ValueError(f"{text}: there is no such file; expected a strategy, such as model = '24P + wm + csf'")
    return _read(Path(text).read_text(encoding="utf-8"), Path(text).stem, text)


def _read(text: str, name: str, where: str) -> Strategy:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{where} is no TOML: {error}") from None
    known = {one.name for one in fields(Strategy)} - {"name"}
    unknown = sorted(set(found) - known)
    if unknown:
        near = ", ".join(difflib.get_close_matches(unknown[0], known)) or ", ".join(sorted(known))
        raise ValueError(f"{where}: unknown key {unknown[0]!r} (the nearest are {near})")
    if found.get("model") and found.get("nilearn"):
        raise ValueError(f"{where} has a model and nilearn's arguments; give one of them")
    for key, known_values in (("components", ("nonaggressive", "aggressive")), ("ica", ("aroma", "tedana"))):
        if key in found and found[key] not in known_values:
            told = " or ".join(map(repr, known_values))
            raise ValueError(f"{where}: {key} = {found[key]!r}; expected {told}, or leave it out")
    if "tedana" in (found.get("nilearn") or {}).get("strategy", ()):
        raise ValueError(
            f"{where}: nilearn reads tedana's folder alone, and drops all else; give components = 'aggressive' and "
            "ica = 'tedana', with any model"
        )
    for key, kind in (("description", str), ("model", str), ("nilearn", dict), ("bold", str), ("processing", dict)):
        if not isinstance(found.get(key, kind()), kind):
            raise ValueError(f"{where}: {key} = {found[key]!r}; expected {'a table' if kind is dict else 'text'}")
    return Strategy(name, **{**found, "cite": tuple(found.get("cite", ()))})
