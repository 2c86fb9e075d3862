"""What `diffconn fit` is asked: a TOML file with the data, what is learned, the loss and the classical pipelines."""

from __future__ import annotations

import difflib
import itertools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pydra_diffconn.bids.learned import SETTINGS
from pydra_diffconn.bids.learning import NAMES
from pydra_diffconn.bids.postprocess import KINDS
from pydra_diffconn.declare.parameters import Learn

MOST_CLASSICAL = 500


@dataclass(frozen=True)
class FitConfig:
    """A fit over the runs of a folder."""

    loss: str = "identifiability"
    """One of `NAMES`."""
    target: str = ""
    """Column of participants.tsv, for the loss "prediction"."""
    retention: float = 1.0
    """For the loss "qcfc": the weight of what must be kept."""
    groups: str = "participant_id"
    """Column of participants.tsv whose people never straddle learning and testing: family, site, ..."""
    strategy: str = "36P"
    connectome: str = "pearson"
    """One of `KINDS`; that of `diffconn run` by default."""
    folds: int = 5
    steps: int = 100
    step_size: float = 0.1
    validation: float = 0.2
    """Share of the training groups on which the best values of a fit are chosen; 0 for none."""
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings that are not learned."""
    learn: Mapping[str, Any] = field(default_factory=dict)
    """Of each learned setting: `[low, high]`, or `{start = ..., within = [low, high]}`.

    Learning starts where the setting stands without it, or in the middle of the range if that is not inside.
    """
    classical: Mapping[str, Any] = field(default_factory=dict)
    """The grid of classical pipelines: lists of strategies, connectomes and values of settings."""
    participant_label: tuple[str, ...] = ()
    session_id: tuple[str, ...] = ()
    task_id: tuple[str, ...] = ()
    space: tuple[str, ...] = ()
    atlas: str = ""

    def learnables(self, own: Mapping[str, Any]) -> dict[str, Learn]:
        """Return the marks by setting, of what the settings are where nothing is learned."""
        found = {}
        for name, asked in self.learn.items():
            within = asked.get("within") if isinstance(asked, Mapping) else asked
            start = asked.get("start") if isinstance(asked, Mapping) else None
            if start is None and within and own.get(name) is not None and within[0] < own[name] < within[1]:
                start = own[name]
            elif start is None and within:
                start = (within[0] * within[1]) ** 0.5 if within[0] > 0 else sum(within) / 2
            found[name] = Learn(start, within=tuple(within) if within else None)
        return found

    def grid(self) -> list[dict[str, Any]]:
        """Return the classical pipelines: every combination of the lists."""
        lists = {name: value if isinstance(value, list) else [value] for name, value in self.classical.items()}
        lists.setdefault("strategy", [self.strategy])
        lists.setdefault("connectome", [self.connectome])
        return [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]


def read_config(path: Path) -> FitConfig:
    """Read a configuration; what is unknown or cannot be is one error with the nearest names."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no TOML: {error}") from None
    known = {one.name: one for one in fields(FitConfig)}
    for name in found:
        if name not in known:
            near = ", ".join(difflib.get_close_matches(name, known)) or ", ".join(known)
            raise ValueError(f"{path}: there is no key {name!r} (the nearest are {near})")
    lists = ("participant_label", "session_id", "task_id", "space")
    made: dict[str, Any] = {n: tuple(v if isinstance(v, list) else [v]) if n in lists else v for n, v in found.items()}
    config = FitConfig(**made)
    _check(config, path)
    return config


def _check(config: FitConfig, path: Path) -> None:
    if config.loss not in NAMES:
        raise ValueError(f"{path}: loss = {config.loss!r}; expected one of {', '.join(NAMES)}")
    if config.loss == "prediction" and not config.target:
        raise ValueError(f"{path}: the loss 'prediction' needs target = 'COLUMN', of participants.tsv")
    if not config.learn:
        raise ValueError(f"{path}: nothing to learn; give [learn] with some of {', '.join(SETTINGS)}")
    for name, asked in config.learn.items():
        if name not in SETTINGS:
            near = ", ".join(difflib.get_close_matches(name, SETTINGS)) or ", ".join(SETTINGS)
            raise ValueError(f"{path}: [learn] {name} cannot be learned here (the nearest are {near})")
        within = asked.get("within", [0, 1]) if isinstance(asked, Mapping) else asked
        if not (isinstance(within, list) and len(within) == 2 and within[0] < within[1]):
            raise ValueError(f"{path}: [learn] {name} = {asked!r}; expected [low, high]")
    if "shrinkage" in config.learn and config.connectome == "pearson":
        raise ValueError(f"{path}: [learn] shrinkage is none of a Pearson connectome; give connectome = 'partial'")
    kinds = config.classical.get("connectome", [config.connectome])
    for kind in [config.connectome, *(kinds if isinstance(kinds, list) else [kinds])]:
        if kind not in KINDS:
            raise ValueError(f"{path}: connectome = {kind!r}; expected one of {', '.join(KINDS)}")
    for name in config.classical:
        if name not in ("strategy", "connectome", *SETTINGS):
            raise ValueError(f"{path}: [classical] {name}; expected strategy, connectome, {', '.join(SETTINGS)}")
    if len(config.grid()) > MOST_CLASSICAL:
        raise ValueError(
            f"{path}: [classical] has {len(config.grid())} combinations; expected at most {MOST_CLASSICAL}"
        )
    if not config.folds >= 2:
        raise ValueError(f"{path}: folds = {config.folds}; expected 2 or more")
