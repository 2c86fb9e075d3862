"""What is learned from a folder: losses by name, and what is reported of people who took no part."""

from __future__ import annotations

from typing import Any

from pydra_diffconn import scores
from pydra_diffconn.learning.scoring import Score
from pydra_diffconn.losses import held_out, identifiability, quality_control

NAMES = ("identifiability", "prediction", "qcfc")


def loss_and_scores(name: str, retention: float = 1.0) -> tuple[Any, list[Score]]:
    """Return what is minimised, and what is reported of held-out runs.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    retention : float
        For "qcfc": the weight of what must be kept.
    """
    if name == "identifiability":
        return identifiability.Identifiability("connectome"), [scores.self_others_gap(), scores.recognised()]
    if name == "prediction":
        return held_out.HeldOutPrediction("connectome", folds=None), [scores.absolute_error()]
    if name == "qcfc":
        loss = quality_control.QcFc("connectome") + retention * quality_control.SignalLost("connectome")
        return loss, [scores.qcfc(), scores.retained()]
    raise ValueError(f"loss = {name!r}; expected one of {', '.join(NAMES)}")
