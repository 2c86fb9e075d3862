"""What must be kept, added to a loss that is smallest where nothing is left."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydra_diffconn.declare.loss import Loss, Sum
from pydra_diffconn.warn import warn


def with_counterweights(loss: Any, learned: Collection[str]) -> Any:
    """Return a loss that does not want the signal gone, and say what was added to it, or why nothing could be.

    Terms of what is learned, such as a penalty, keep no signal. A loss that is a function is as it is given.

    Parameters
    ----------
    loss : callable
    learned : collection of str
        Names of the learned parameters.
    """
    parts = getattr(loss, "parts", (loss,))
    if not all(isinstance(part, Loss) for part in parts):
        return loss
    scores = [part for part in parts if part.output not in learned]
    if not scores or not all(part.emptied for part in scores):
        return loss
    added = [part.counterweight for part in scores if part.counterweight is not None]
    names = " + ".join(part.label for part in scores)
    told = f"{names} is smallest where no signal is left ({scores[0].emptied})"
    if not added:
        warn(
            f"{told}: learning may censor or regress nearly everything; add what must be kept, such as "
            "losses.SignalLost"
        )
        return loss
    terms = " + ".join(f"{part.label}({part.output!r})" for part in added)
    warn(
        f"{told}: {terms} is added, of the same weight; add it yourself to weigh it otherwise, or leave it out by "
        "alone=True"
    )
    return Sum((*parts, *added))
