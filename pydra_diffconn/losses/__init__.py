"""Losses: callables `loss(outputs, targets) -> scalar` that can be weighted and added.

>>> from pydra_diffconn import losses
>>> loss = losses.Identifiability("connectome") + 0.1 * losses.MeanSquaredError("connectome")
"""

from pydra_diffconn.losses.base import Loss, Sum
from pydra_diffconn.losses.identifiability import Identifiability, identification_accuracy, self_others_gap
from pydra_diffconn.losses.regression import MeanSquaredError

__all__ = ["Identifiability", "Loss", "MeanSquaredError", "Sum", "identification_accuracy", "self_others_gap"]
