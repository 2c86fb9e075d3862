"""The blocks, by name. Each comes from its own module on first use, so that listing them loads no JAX."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydra_diffconn.blocks.alignment import Procrustes as Procrustes
    from pydra_diffconn.blocks.alignment import SharedResponse as SharedResponse
    from pydra_diffconn.blocks.alignment import TransportAlignment as TransportAlignment
    from pydra_diffconn.blocks.amplitude import Alff as Alff
    from pydra_diffconn.blocks.amplitude import Falff as Falff
    from pydra_diffconn.blocks.amplitude import ReHo as ReHo
    from pydra_diffconn.blocks.as_array import AsArray as AsArray
    from pydra_diffconn.blocks.censoring import Censor as Censor
    from pydra_diffconn.blocks.choose import Choose as Choose
    from pydra_diffconn.blocks.combining import CombineConfounds as CombineConfounds
    from pydra_diffconn.blocks.communities import Modularity as Modularity
    from pydra_diffconn.blocks.compcor import CompCor as CompCor
    from pydra_diffconn.blocks.compcor import TissueMean as TissueMean
    from pydra_diffconn.blocks.component_gates import ComponentGates as ComponentGates
    from pydra_diffconn.blocks.confounds import RegressConfounds as RegressConfounds
    from pydra_diffconn.blocks.covariance import ConditionalCorrelation as ConditionalCorrelation
    from pydra_diffconn.blocks.covariance import Correlation as Correlation
    from pydra_diffconn.blocks.covariance import Covariance as Covariance
    from pydra_diffconn.blocks.covariance import FisherZ as FisherZ
    from pydra_diffconn.blocks.covariance import PartialCorrelation as PartialCorrelation
    from pydra_diffconn.blocks.covariance import Precision as Precision
    from pydra_diffconn.blocks.covariance import ShrinkCovariance as ShrinkCovariance
    from pydra_diffconn.blocks.covariance import VectorizeEdges as VectorizeEdges
    from pydra_diffconn.blocks.decomposition import IndependentComponents as IndependentComponents
    from pydra_diffconn.blocks.decomposition import NonnegativeFactors as NonnegativeFactors
    from pydra_diffconn.blocks.decomposition import NormalizedCut as NormalizedCut
    from pydra_diffconn.blocks.decomposition import SparseCodes as SparseCodes
    from pydra_diffconn.blocks.detrending import Detrend as Detrend
    from pydra_diffconn.blocks.edge_series import CoactivationPattern as CoactivationPattern
    from pydra_diffconn.blocks.edge_series import EdgeTimeSeries as EdgeTimeSeries
    from pydra_diffconn.blocks.filtering import BandPass as BandPass
    from pydra_diffconn.blocks.filtering import HighPass as HighPass
    from pydra_diffconn.blocks.filtering import LowPass as LowPass
    from pydra_diffconn.blocks.frequency_gain import FilterBank as FilterBank
    from pydra_diffconn.blocks.frequency_gain import FrequencyGain as FrequencyGain
    from pydra_diffconn.blocks.gating import GateConfounds as GateConfounds
    from pydra_diffconn.blocks.gating import NonAggressiveRegression as NonAggressiveRegression
    from pydra_diffconn.blocks.gradients import AlignGradients as AlignGradients
    from pydra_diffconn.blocks.gradients import ConnectivityGradients as ConnectivityGradients
    from pydra_diffconn.blocks.graph_measures import ClusteringCoefficient as ClusteringCoefficient
    from pydra_diffconn.blocks.graph_measures import Communicability as Communicability
    from pydra_diffconn.blocks.graph_measures import Efficiency as Efficiency
    from pydra_diffconn.blocks.graph_measures import EigenvectorCentrality as EigenvectorCentrality
    from pydra_diffconn.blocks.graph_measures import NodeStrength as NodeStrength
    from pydra_diffconn.blocks.graph_measures import ParticipationCoefficient as ParticipationCoefficient
    from pydra_diffconn.blocks.graphical_lasso import GraphicalLasso as GraphicalLasso
    from pydra_diffconn.blocks.interpolation import Interpolate as Interpolate
    from pydra_diffconn.blocks.interpolation import SpectralInterpolate as SpectralInterpolate
    from pydra_diffconn.blocks.keep_frames import KeepFrames as KeepFrames
    from pydra_diffconn.blocks.lags import LaggedCovariance as LaggedCovariance
    from pydra_diffconn.blocks.lags import LagMaps as LagMaps
    from pydra_diffconn.blocks.lags import LagWeightedCovariance as LagWeightedCovariance
    from pydra_diffconn.blocks.mixtures import SoftKMeans as SoftKMeans
    from pydra_diffconn.blocks.mixtures import VonMisesFisherMixture as VonMisesFisherMixture
    from pydra_diffconn.blocks.motion import Dvars as Dvars
    from pydra_diffconn.blocks.motion import FramewiseDisplacement as FramewiseDisplacement
    from pydra_diffconn.blocks.parcellation import Parcellate as Parcellate
    from pydra_diffconn.blocks.phase import AmplitudeCorrelation as AmplitudeCorrelation
    from pydra_diffconn.blocks.phase import AnalyticSignal as AnalyticSignal
    from pydra_diffconn.blocks.phase import Coherence as Coherence
    from pydra_diffconn.blocks.phase import ImaginaryCoherence as ImaginaryCoherence
    from pydra_diffconn.blocks.phase import PhaseLocking as PhaseLocking
    from pydra_diffconn.blocks.prediction import ConnectomePrediction as ConnectomePrediction
    from pydra_diffconn.blocks.prediction import KernelRidge as KernelRidge
    from pydra_diffconn.blocks.prediction import LogisticRegression as LogisticRegression
    from pydra_diffconn.blocks.projecting import ProjectOut as ProjectOut
    from pydra_diffconn.blocks.recursive_filtering import ButterworthFiltFilt as ButterworthFiltFilt
    from pydra_diffconn.blocks.restore_mean import RestoreMean as RestoreMean
    from pydra_diffconn.blocks.ridge_connectivity import RidgeConnectivity as RidgeConnectivity
    from pydra_diffconn.blocks.running_line import RunningLineFilter as RunningLineFilter
    from pydra_diffconn.blocks.scaling_covariance import CorrelationOfCovariance as CorrelationOfCovariance
    from pydra_diffconn.blocks.shrinkage import GroupShrinkage as GroupShrinkage
    from pydra_diffconn.blocks.shrinkage import LedoitWolf as LedoitWolf
    from pydra_diffconn.blocks.shrinkage import Oas as Oas
    from pydra_diffconn.blocks.smoothing import SmoothSurface as SmoothSurface
    from pydra_diffconn.blocks.smoothing import SmoothVolume as SmoothVolume
    from pydra_diffconn.blocks.soft_maps import IndividualMaps as IndividualMaps
    from pydra_diffconn.blocks.soft_maps import ProjectMaps as ProjectMaps
    from pydra_diffconn.blocks.standardizing import Standardize as Standardize
    from pydra_diffconn.blocks.states import StateCovariance as StateCovariance
    from pydra_diffconn.blocks.states import WindowCovariance as WindowCovariance
    from pydra_diffconn.blocks.support_vectors import SupportVectorMachine as SupportVectorMachine
    from pydra_diffconn.blocks.tangent import SpdMean as SpdMean
    from pydra_diffconn.blocks.tangent import TangentProject as TangentProject
    from pydra_diffconn.blocks.thresholding import AbsoluteThreshold as AbsoluteThreshold
    from pydra_diffconn.blocks.thresholding import DisparityFilter as DisparityFilter
    from pydra_diffconn.blocks.thresholding import SoftThreshold as SoftThreshold
    from pydra_diffconn.blocks.thresholding import SpanningTree as SpanningTree
    from pydra_diffconn.blocks.unit_norm import UnitNorm as UnitNorm
    from pydra_diffconn.blocks.wavelets import WaveletEnergy as WaveletEnergy
    from pydra_diffconn.blocks.wavelets import WaveletPower as WaveletPower
    from pydra_diffconn.blocks.zero_padding import ZeroPaddedBandPass as ZeroPaddedBandPass

_homes = {
    "BandPass": "filtering",
    "HighPass": "filtering",
    "LowPass": "filtering",
    "ButterworthFiltFilt": "recursive_filtering",
    "RunningLineFilter": "running_line",
    "Detrend": "detrending",
    "FrequencyGain": "frequency_gain",
    "FilterBank": "frequency_gain",
    "Interpolate": "interpolation",
    "SpectralInterpolate": "interpolation",
    "ZeroPaddedBandPass": "zero_padding",
    "ProjectOut": "projecting",
    "Censor": "censoring",
    "KeepFrames": "keep_frames",
    "FramewiseDisplacement": "motion",
    "Dvars": "motion",
    "Standardize": "standardizing",
    "UnitNorm": "unit_norm",
    "RestoreMean": "restore_mean",
    "AsArray": "as_array",
    "RegressConfounds": "confounds",
    "Parcellate": "parcellation",
    "Covariance": "covariance",
    "Correlation": "covariance",
    "CorrelationOfCovariance": "scaling_covariance",
    "ShrinkCovariance": "covariance",
    "Precision": "covariance",
    "GraphicalLasso": "graphical_lasso",
    "LedoitWolf": "shrinkage",
    "Oas": "shrinkage",
    "GroupShrinkage": "shrinkage",
    "SpdMean": "tangent",
    "TangentProject": "tangent",
    "PartialCorrelation": "covariance",
    "ConditionalCorrelation": "covariance",
    "VectorizeEdges": "covariance",
    "FisherZ": "covariance",
    "Choose": "choose",
    "StateCovariance": "states",
    "WindowCovariance": "states",
    "Modularity": "communities",
    "SoftThreshold": "thresholding",
    "AbsoluteThreshold": "thresholding",
    "DisparityFilter": "thresholding",
    "SpanningTree": "thresholding",
    "ConnectivityGradients": "gradients",
    "AlignGradients": "gradients",
    "NodeStrength": "graph_measures",
    "ClusteringCoefficient": "graph_measures",
    "ParticipationCoefficient": "graph_measures",
    "Efficiency": "graph_measures",
    "EigenvectorCentrality": "graph_measures",
    "Communicability": "graph_measures",
    "KernelRidge": "prediction",
    "LogisticRegression": "prediction",
    "ConnectomePrediction": "prediction",
    "EdgeTimeSeries": "edge_series",
    "CoactivationPattern": "edge_series",
    "SoftKMeans": "mixtures",
    "VonMisesFisherMixture": "mixtures",
    "NormalizedCut": "decomposition",
    "NonnegativeFactors": "decomposition",
    "IndependentComponents": "decomposition",
    "SparseCodes": "decomposition",
    "GateConfounds": "gating",
    "NonAggressiveRegression": "gating",
    "CombineConfounds": "combining",
    "ComponentGates": "component_gates",
    "TissueMean": "compcor",
    "CompCor": "compcor",
    "ProjectMaps": "soft_maps",
    "IndividualMaps": "soft_maps",
    "RidgeConnectivity": "ridge_connectivity",
    "SmoothVolume": "smoothing",
    "SmoothSurface": "smoothing",
    "Procrustes": "alignment",
    "TransportAlignment": "alignment",
    "SharedResponse": "alignment",
    "Alff": "amplitude",
    "Falff": "amplitude",
    "ReHo": "amplitude",
    "AnalyticSignal": "phase",
    "PhaseLocking": "phase",
    "AmplitudeCorrelation": "phase",
    "Coherence": "phase",
    "ImaginaryCoherence": "phase",
    "LaggedCovariance": "lags",
    "LagWeightedCovariance": "lags",
    "LagMaps": "lags",
    "WaveletPower": "wavelets",
    "WaveletEnergy": "wavelets",
    "SupportVectorMachine": "support_vectors",
}

__all__ = sorted(_homes)


def built_in() -> list[str]:
    """Return the names of the blocks of this package."""
    return sorted(_homes)


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _homes:
        value = getattr(importlib.import_module(f"{__name__}.{_homes[name]}"), name)
    else:
        value = _from_plugin(name)
    globals()[name] = value
    return value


def _from_plugin(name: str) -> Any:
    from pydra_diffconn.plugins import registry

    return registry().find("diffconn_blocks", name, __name__)


def __dir__() -> list[str]:
    from pydra_diffconn.plugins import registry

    return sorted(registry().blocks)
