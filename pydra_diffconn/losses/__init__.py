"""Losses: callables `loss(outputs, targets) -> scalar` that can be weighted and added.

A term reads outputs of the workflow, stacked over runs, or learned parameters, both by name. Weights may follow
`losses.schedules`; `losses.scheme` names the terms. Each family comes from its own module on first use; losses of
plugins are there by their names, too.

>>> from pydra_diffconn import losses
>>> loss = losses.Identifiability("connectome") + 0.1 * losses.MeanSquaredError("connectome")
"""

import importlib
from typing import TYPE_CHECKING, Any

from pydra_diffconn.declare import schedules
from pydra_diffconn.declare.loss import Loss, Sum, scheme

if TYPE_CHECKING:
    from pydra_diffconn.losses.communities import Connectopy as Connectopy
    from pydra_diffconn.losses.communities import Eigenmaps as Eigenmaps
    from pydra_diffconn.losses.communities import Modularity as Modularity
    from pydra_diffconn.losses.covariance import DetCorrelation as DetCorrelation
    from pydra_diffconn.losses.covariance import LogDetCorrelation as LogDetCorrelation
    from pydra_diffconn.losses.covariance import MultivariateKurtosis as MultivariateKurtosis
    from pydra_diffconn.losses.identifiability import Identifiability as Identifiability
    from pydra_diffconn.losses.identifiability import identification_accuracy as identification_accuracy
    from pydra_diffconn.losses.identifiability import self_others_gap as self_others_gap
    from pydra_diffconn.losses.information import Bregman as Bregman
    from pydra_diffconn.losses.information import Entropy as Entropy
    from pydra_diffconn.losses.information import JensenShannon as JensenShannon
    from pydra_diffconn.losses.information import KullbackLeibler as KullbackLeibler
    from pydra_diffconn.losses.parcellation import Equilibrium as Equilibrium
    from pydra_diffconn.losses.parcellation import Homogeneity as Homogeneity
    from pydra_diffconn.losses.parcellation import SecondMoment as SecondMoment
    from pydra_diffconn.losses.prediction import BinaryCrossEntropy as BinaryCrossEntropy
    from pydra_diffconn.losses.prediction import ConstraintViolation as ConstraintViolation
    from pydra_diffconn.losses.prediction import Distance as Distance
    from pydra_diffconn.losses.prediction import Hinge as Hinge
    from pydra_diffconn.losses.prediction import MeanSquaredError as MeanSquaredError
    from pydra_diffconn.losses.prediction import Norm as Norm
    from pydra_diffconn.losses.prediction import OutOfRange as OutOfRange
    from pydra_diffconn.losses.prediction import SoftmaxCrossEntropy as SoftmaxCrossEntropy
    from pydra_diffconn.losses.quality_control import BatchCorrelation as BatchCorrelation
    from pydra_diffconn.losses.quality_control import DistanceDependence as DistanceDependence
    from pydra_diffconn.losses.quality_control import QcFc as QcFc
    from pydra_diffconn.losses.spatial import Compactness as Compactness
    from pydra_diffconn.losses.spatial import Dispersion as Dispersion
    from pydra_diffconn.losses.spatial import HemisphereTether as HemisphereTether
    from pydra_diffconn.losses.spatial import Tether as Tether
    from pydra_diffconn.losses.states import StateBetween as StateBetween
    from pydra_diffconn.losses.states import StateWithin as StateWithin
    from pydra_diffconn.losses.temporal import Bimodal as Bimodal
    from pydra_diffconn.losses.temporal import Smoothness as Smoothness


_homes = {
    "Connectopy": "communities",
    "Eigenmaps": "communities",
    "Modularity": "communities",
    "DetCorrelation": "covariance",
    "LogDetCorrelation": "covariance",
    "MultivariateKurtosis": "covariance",
    "Equilibrium": "parcellation",
    "Homogeneity": "parcellation",
    "SecondMoment": "parcellation",
    "Compactness": "spatial",
    "Dispersion": "spatial",
    "HemisphereTether": "spatial",
    "Tether": "spatial",
    "StateBetween": "states",
    "StateWithin": "states",
    "Identifiability": "identifiability",
    "identification_accuracy": "identifiability",
    "self_others_gap": "identifiability",
    "Bregman": "information",
    "Entropy": "information",
    "JensenShannon": "information",
    "KullbackLeibler": "information",
    "BinaryCrossEntropy": "prediction",
    "ConstraintViolation": "prediction",
    "Distance": "prediction",
    "Hinge": "prediction",
    "MeanSquaredError": "prediction",
    "Norm": "prediction",
    "OutOfRange": "prediction",
    "SoftmaxCrossEntropy": "prediction",
    "BatchCorrelation": "quality_control",
    "DistanceDependence": "quality_control",
    "QcFc": "quality_control",
    "Bimodal": "temporal",
    "Smoothness": "temporal",
}
_modules = set(_homes.values())
__all__ = ["Loss", "Sum", "schedules", "scheme", *_homes]


def __getattr__(name: str) -> Any:
    if name in _modules:
        return importlib.import_module(f"{__name__}.{name}")
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _homes:
        value = getattr(importlib.import_module(f"{__name__}.{_homes[name]}"), name)
    else:
        from pydra_diffconn.plugins.registry import registry

        value = registry().find("diffconn_losses", name, __name__)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    from pydra_diffconn.plugins.registry import registry

    return sorted({*__all__, *registry().named["diffconn_losses"]})
