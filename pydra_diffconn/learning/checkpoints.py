"""Saving a fit in progress, so that one that was killed goes on to the very same numbers."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files import FileError, checksum, reading
from pydra_diffconn.warn import warn

LEFT_AFTER = 60  # seconds
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
        if not last and (state.number % self.every != 0 or time.monotonic() - self.saved <= 1):
            return
        try:
            self.save(state, baseline)
        except Exception as error:  # a full disk: the fit is worth more than its checkpoint
            self.saved = time.monotonic()
            warn(
                f"{self.path} could not be written ({type(error).__name__}: {error}); the fit goes on, but if it is "
                "stopped it resumes from an older state, if there is one"
            )

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
        # of this process and thread: two fits may save into one folder
        temporary = self.folder / f"{os.getpid()}-{threading.get_ident()}.part"
        tensors = {str(number): np.array(leaf, order="C") for number, leaf in enumerate(leaves)}
        # as bytes among the arrays: the header of the file, where metadata go, may not grow with the history
        tensors[TOLD] = np.frombuffer(json.dumps(told).encode(), np.uint8)
        try:
            save_file(tensors, temporary, metadata={"checksum": _checksum(tensors)})
            os.replace(temporary, self.path)
        finally:
            temporary.unlink(missing_ok=True)
        self.saved = time.monotonic()

    def _forget_parts(self) -> None:
        """Remove what killed processes left; one that still writes does so within seconds."""
        for part in self.folder.glob("*.part"):
            with contextlib.suppress(OSError):
                if time.time() - part.stat().st_mtime > LEFT_AFTER:
                    part.unlink()

    def load(self, like: Any) -> Any:
        """Return the saved state, built like the given one, or None if there is none yet.

        Raises
        ------
        ValueError
            If the folder holds the state of another fit, or a damaged file.
        """
        import jax
        import jax.numpy as jnp
        from safetensors import safe_open

        self._forget_parts()
        if not self.path.exists():
            return None
        with reading(self.path, "the checkpoint of a fit"), safe_open(self.path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            told = json.loads(tensors[TOLD].tobytes()) if TOLD in tensors else {}
            if (file.metadata() or {}).get("checksum") != _checksum(tensors):
                raise FileError(f"{self.path} is damaged: its checksum is another one; delete it to start anew")
            if told.get("fingerprint") != self.fingerprint:
                raise FileError(
                    f"{self.path} belongs to a fit of other inputs, targets, loss, parameters or settings; give "
                    "another checkpoint folder, or delete this one"
                )
            leaves, structure = jax.tree.flatten(_arrays(like))
            saved = [jnp.asarray(tensors[str(n)], jnp.asarray(leaf).dtype) for n, leaf in enumerate(leaves)]
        values, optimizer, good, best_values = jax.tree.unflatten(structure, saved)
        self.baseline = told.pop("baseline")
        del told["fingerprint"]
        return replace(like, values=values, optimizer=optimizer, good=tuple(good), best_values=best_values, **told)


def _arrays(state: Any) -> list[Any]:
    return [state.values, state.optimizer, list(state.good), state.best_values]


def _checksum(tensors: dict[str, np.ndarray]) -> str:
    return checksum(*(part for name in sorted(tensors) for part in (name.encode(), tensors[name].tobytes())))


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
