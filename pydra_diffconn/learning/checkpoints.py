"""Saving a fit in progress, so that one that was killed goes on to the very same numbers."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

TOLD = "fit"  # name of the JSON among the arrays
NUMBERS = ("number", "best", "best_number", "scale", "failures", "history")  # what of a state goes into the JSON


class Checkpoint:
    """A folder with the state of one fit: arrays in safetensors, the rest beside them in JSON; never a pickle.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    fingerprint : str
        Of the inputs, targets, loss, start values and settings; a folder that holds another fit's state is refused.
    every : int
        Steps between saves; at most one save a second, besides the last.
    """

    def __init__(self, folder: str | Path, fingerprint: str, every: int = 1) -> None:
        self.folder, self.fingerprint, self.every = Path(folder), fingerprint, every
        self.saved = -np.inf
        self.baseline: dict[str, float] = {}

    @property
    def path(self) -> Path:
        return self.folder / "checkpoint.safetensors"

    def save_if_due(self, state: Any, baseline: dict[str, float], last: bool = False) -> None:
        """Save at the chosen steps, but not more than once a second."""
        if last or (state.number % self.every == 0 and time.monotonic() - self.saved > 1):
            self.save(state, baseline)

    def save(self, state: Any, baseline: dict[str, float]) -> None:
        """Write the state; a reader sees the old file or the new one, never a part."""
        import jax
        from safetensors.numpy import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        leaves = jax.tree.leaves(_arrays(state))
        told = {
            "fingerprint": self.fingerprint,
            "baseline": baseline,
            **{name: getattr(state, name) for name in NUMBERS},
        }
        temporary = self.path.with_suffix(".part")
        tensors = {str(number): np.array(leaf, order="C") for number, leaf in enumerate(leaves)}
        # as bytes among the arrays: the header of the file, where metadata go, may not grow with the history
        save_file({**tensors, TOLD: np.frombuffer(json.dumps(told).encode(), np.uint8)}, temporary)
        os.replace(temporary, self.path)
        self.saved = time.monotonic()

    def load(self, like: Any) -> Any:
        """Return the saved state, built like the given one, or None if there is none yet.

        Raises
        ------
        ValueError
            If the folder holds the state of another fit.
        """
        import jax
        import jax.numpy as jnp
        from safetensors import safe_open

        if not self.path.exists():
            return None
        with safe_open(self.path, framework="numpy") as file:
            told = json.loads(file.get_tensor(TOLD).tobytes()) if TOLD in file.keys() else {}  # noqa: SIM118
            if told.get("fingerprint") != self.fingerprint:
                raise ValueError(
                    f"{self.path} belongs to a fit of other inputs, targets, loss, parameters or settings; give "
                    "another checkpoint folder, or delete this one"
                )
            leaves, structure = jax.tree.flatten(_arrays(like))
            saved = [jnp.asarray(file.get_tensor(str(n)), jnp.asarray(leaf).dtype) for n, leaf in enumerate(leaves)]
        values, optimizer, good, best_values = jax.tree.unflatten(structure, saved)
        self.baseline = told.pop("baseline")
        del told["fingerprint"]
        return replace(like, values=values, optimizer=optimizer, good=tuple(good), best_values=best_values, **told)


def _arrays(state: Any) -> list[Any]:
    return [state.values, state.optimizer, list(state.good), state.best_values]


def fingerprint(*parts: Any) -> str:
    """Return a hash of arrays, numbers, text, tasks, functions with all that they reach.

    Raises
    ------
    ValueError
        If a part has no content that can be hashed, so that another fit's state could be taken for this one's.
    """
    from pydra.utils.hash import hash_function

    try:
        return hash_function(list(parts))
    except Exception as error:  # Pydra has no error of its own for what it cannot hash
        raise ValueError(
            f"a checkpoint must know what belongs to it, but {error}; give the loss, the optimizer and the targets "
            "as functions and arrays, or fit without a checkpoint"
        ) from error
