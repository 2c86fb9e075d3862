"""Losses: callables `loss(outputs, targets) -> scalar` that can be weighted and added.

A term reads outputs of the workflow, stacked over runs, or learned parameters, both by name. Weights may follow
`losses.schedules`; `losses.scheme` names the terms. Each family comes from its own module on first use; losses of
plugins are there by their names, too.

>>> from pydra_diffconn import losses
>>> loss = losses.Identifiability("connectome") + 0.1 * losses.MeanSquaredError("connectome")
"""

import lazy_loader

from pydra_diffconn.declare import schedules as schedules
from pydra_diffconn.declare.loss import Loss as Loss
from pydra_diffconn.declare.loss import Sum as Sum
from pydra_diffconn.declare.loss import scheme as scheme
from pydra_diffconn.plugins.names import beside

_own, _, _names = lazy_loader.attach_stub(__name__, __file__)
__all__ = ["Loss", "Sum", "schedules", "scheme", *_names]
__getattr__, __dir__ = beside(__name__, "diffconn_losses", __all__, _own)
