"""The losses, each once: type checkers, editors and `lazy_loader` read them here."""

import typing

import pydra_diffconn.declare.loss
import pydra_diffconn.declare.schedules

from .communities import Connectopy as Connectopy
from .communities import Eigenmaps as Eigenmaps
from .communities import Modularity as Modularity
from .covariance import DetCorrelation as DetCorrelation
from .covariance import LogDetCorrelation as LogDetCorrelation
from .covariance import MultivariateKurtosis as MultivariateKurtosis
from .harmonized import Harmonized as Harmonized
from .harmonizing import Harmonize as Harmonize
from .held_out import HeldOutPrediction as HeldOutPrediction
from .held_out import predicted as predicted
from .identifiability import Identifiability as Identifiability
from .identifiability import identification_accuracy as identification_accuracy
from .identifiability import self_others_gap as self_others_gap
from .information import Bregman as Bregman
from .information import Entropy as Entropy
from .information import JensenShannon as JensenShannon
from .information import KullbackLeibler as KullbackLeibler
from .parcellation import Equilibrium as Equilibrium
from .parcellation import Homogeneity as Homogeneity
from .parcellation import SecondMoment as SecondMoment
from .prediction import BinaryCrossEntropy as BinaryCrossEntropy
from .prediction import ConstraintViolation as ConstraintViolation
from .prediction import Distance as Distance
from .prediction import Hinge as Hinge
from .prediction import LogDeviation as LogDeviation
from .prediction import MeanSquaredError as MeanSquaredError
from .prediction import Norm as Norm
from .prediction import OutOfRange as OutOfRange
from .prediction import SoftmaxCrossEntropy as SoftmaxCrossEntropy
from .quality_control import BatchCorrelation as BatchCorrelation
from .quality_control import DistanceDependence as DistanceDependence
from .quality_control import QcFc as QcFc
from .quality_control import SignalLost as SignalLost
from .spatial import Compactness as Compactness
from .spatial import Dispersion as Dispersion
from .spatial import HemisphereTether as HemisphereTether
from .spatial import Tether as Tether
from .states import StateBetween as StateBetween
from .states import StateLikelihood as StateLikelihood
from .states import StateWithin as StateWithin
from .temporal import Bimodal as Bimodal
from .temporal import Smoothness as Smoothness

Loss = pydra_diffconn.declare.loss.Loss
Sum = pydra_diffconn.declare.loss.Sum
scheme = pydra_diffconn.declare.loss.scheme
schedules = pydra_diffconn.declare.schedules

def __getattr__(name: str) -> typing.Any: ...  # those of plugins
