"""The blocks, by name. Each comes from its own module on first use, so that listing them loads no JAX."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydra_diffconn.blocks.censoring.censor import Censor as Censor
    from pydra_diffconn.blocks.censoring.interpolate import Interpolate as Interpolate
    from pydra_diffconn.blocks.censoring.interpolate import SpectralInterpolate as SpectralInterpolate
    from pydra_diffconn.blocks.censoring.keep_frames import KeepFrames as KeepFrames
    from pydra_diffconn.blocks.censoring.motion import Dvars as Dvars
    from pydra_diffconn.blocks.censoring.motion import FramewiseDisplacement as FramewiseDisplacement
    from pydra_diffconn.blocks.choose import Choose as Choose
    from pydra_diffconn.blocks.confounds.combining import CombineConfounds as CombineConfounds
    from pydra_diffconn.blocks.confounds.compcor import CompCor as CompCor
    from pydra_diffconn.blocks.confounds.compcor import TissueMean as TissueMean
    from pydra_diffconn.blocks.confounds.component_gates import ComponentGates as ComponentGates
    from pydra_diffconn.blocks.confounds.gating import GateConfounds as GateConfounds
    from pydra_diffconn.blocks.confounds.gating import NonAggressiveRegression as NonAggressiveRegression
    from pydra_diffconn.blocks.confounds.project_out import ProjectOut as ProjectOut
    from pydra_diffconn.blocks.confounds.regression import RegressConfounds as RegressConfounds
    from pydra_diffconn.blocks.connectivity.correlation import ConditionalCorrelation as ConditionalCorrelation
    from pydra_diffconn.blocks.connectivity.correlation import Correlation as Correlation
    from pydra_diffconn.blocks.connectivity.correlation import Covariance as Covariance
    from pydra_diffconn.blocks.connectivity.correlation import FisherZ as FisherZ
    from pydra_diffconn.blocks.connectivity.correlation import PartialCorrelation as PartialCorrelation
    from pydra_diffconn.blocks.connectivity.correlation import Precision as Precision
    from pydra_diffconn.blocks.connectivity.correlation import ShrinkCovariance as ShrinkCovariance
    from pydra_diffconn.blocks.connectivity.correlation import VectorizeEdges as VectorizeEdges
    from pydra_diffconn.blocks.connectivity.edge_series import CoactivationPattern as CoactivationPattern
    from pydra_diffconn.blocks.connectivity.edge_series import EdgeTimeSeries as EdgeTimeSeries
    from pydra_diffconn.blocks.connectivity.graphical_lasso import GraphicalLasso as GraphicalLasso
    from pydra_diffconn.blocks.connectivity.lags import LaggedCovariance as LaggedCovariance
    from pydra_diffconn.blocks.connectivity.lags import LagMaps as LagMaps
    from pydra_diffconn.blocks.connectivity.lags import LagWeightedCovariance as LagWeightedCovariance
    from pydra_diffconn.blocks.connectivity.phase import AmplitudeCorrelation as AmplitudeCorrelation
    from pydra_diffconn.blocks.connectivity.phase import AnalyticSignal as AnalyticSignal
    from pydra_diffconn.blocks.connectivity.phase import Coherence as Coherence
    from pydra_diffconn.blocks.connectivity.phase import ImaginaryCoherence as ImaginaryCoherence
    from pydra_diffconn.blocks.connectivity.phase import PhaseLocking as PhaseLocking
    from pydra_diffconn.blocks.connectivity.ridge import RidgeConnectivity as RidgeConnectivity
    from pydra_diffconn.blocks.connectivity.scaling import CorrelationOfCovariance as CorrelationOfCovariance
    from pydra_diffconn.blocks.connectivity.shrinkage import GroupShrinkage as GroupShrinkage
    from pydra_diffconn.blocks.connectivity.shrinkage import LedoitWolf as LedoitWolf
    from pydra_diffconn.blocks.connectivity.shrinkage import Oas as Oas
    from pydra_diffconn.blocks.connectivity.tangent import SpdMean as SpdMean
    from pydra_diffconn.blocks.connectivity.tangent import TangentProject as TangentProject
    from pydra_diffconn.blocks.filtering.band_pass import BandPass as BandPass
    from pydra_diffconn.blocks.filtering.band_pass import HighPass as HighPass
    from pydra_diffconn.blocks.filtering.band_pass import LowPass as LowPass
    from pydra_diffconn.blocks.filtering.detrend import Detrend as Detrend
    from pydra_diffconn.blocks.filtering.filtfilt import ButterworthFiltFilt as ButterworthFiltFilt
    from pydra_diffconn.blocks.filtering.gain import FilterBank as FilterBank
    from pydra_diffconn.blocks.filtering.gain import FrequencyGain as FrequencyGain
    from pydra_diffconn.blocks.filtering.running_line import RunningLineFilter as RunningLineFilter
    from pydra_diffconn.blocks.filtering.wavelets import WaveletEnergy as WaveletEnergy
    from pydra_diffconn.blocks.filtering.wavelets import WaveletPower as WaveletPower
    from pydra_diffconn.blocks.filtering.zero_padded import ZeroPaddedBandPass as ZeroPaddedBandPass
    from pydra_diffconn.blocks.graphs.communities import Modularity as Modularity
    from pydra_diffconn.blocks.graphs.gradients import AlignGradients as AlignGradients
    from pydra_diffconn.blocks.graphs.gradients import ConnectivityGradients as ConnectivityGradients
    from pydra_diffconn.blocks.graphs.measures import ClusteringCoefficient as ClusteringCoefficient
    from pydra_diffconn.blocks.graphs.measures import Communicability as Communicability
    from pydra_diffconn.blocks.graphs.measures import Efficiency as Efficiency
    from pydra_diffconn.blocks.graphs.measures import EigenvectorCentrality as EigenvectorCentrality
    from pydra_diffconn.blocks.graphs.measures import NodeStrength as NodeStrength
    from pydra_diffconn.blocks.graphs.measures import ParticipationCoefficient as ParticipationCoefficient
    from pydra_diffconn.blocks.graphs.thresholds import AbsoluteThreshold as AbsoluteThreshold
    from pydra_diffconn.blocks.graphs.thresholds import DisparityFilter as DisparityFilter
    from pydra_diffconn.blocks.graphs.thresholds import SoftThreshold as SoftThreshold
    from pydra_diffconn.blocks.graphs.thresholds import SpanningTree as SpanningTree
    from pydra_diffconn.blocks.parcels.alignment import Procrustes as Procrustes
    from pydra_diffconn.blocks.parcels.alignment import SharedResponse as SharedResponse
    from pydra_diffconn.blocks.parcels.alignment import TransportAlignment as TransportAlignment
    from pydra_diffconn.blocks.parcels.label_means import Parcellate as Parcellate
    from pydra_diffconn.blocks.parcels.smoothing import SmoothSurface as SmoothSurface
    from pydra_diffconn.blocks.parcels.smoothing import SmoothVolume as SmoothVolume
    from pydra_diffconn.blocks.parcels.soft_maps import IndividualMaps as IndividualMaps
    from pydra_diffconn.blocks.parcels.soft_maps import ProjectMaps as ProjectMaps
    from pydra_diffconn.blocks.prediction.kernels import ConnectomePrediction as ConnectomePrediction
    from pydra_diffconn.blocks.prediction.kernels import KernelRidge as KernelRidge
    from pydra_diffconn.blocks.prediction.kernels import LogisticRegression as LogisticRegression
    from pydra_diffconn.blocks.prediction.support_vectors import SupportVectorMachine as SupportVectorMachine
    from pydra_diffconn.blocks.series.amplitude import Alff as Alff
    from pydra_diffconn.blocks.series.amplitude import Falff as Falff
    from pydra_diffconn.blocks.series.amplitude import ReHo as ReHo
    from pydra_diffconn.blocks.series.as_array import AsArray as AsArray
    from pydra_diffconn.blocks.series.restore_mean import RestoreMean as RestoreMean
    from pydra_diffconn.blocks.series.standardize import Standardize as Standardize
    from pydra_diffconn.blocks.series.unit_norm import UnitNorm as UnitNorm
    from pydra_diffconn.blocks.states.decomposition import IndependentComponents as IndependentComponents
    from pydra_diffconn.blocks.states.decomposition import NonnegativeFactors as NonnegativeFactors
    from pydra_diffconn.blocks.states.decomposition import NormalizedCut as NormalizedCut
    from pydra_diffconn.blocks.states.decomposition import SparseCodes as SparseCodes
    from pydra_diffconn.blocks.states.mixtures import SoftKMeans as SoftKMeans
    from pydra_diffconn.blocks.states.mixtures import VonMisesFisherMixture as VonMisesFisherMixture
    from pydra_diffconn.blocks.states.windows import StateCovariance as StateCovariance
    from pydra_diffconn.blocks.states.windows import WindowCovariance as WindowCovariance


_homes = {
    "BandPass": "filtering.band_pass",
    "HighPass": "filtering.band_pass",
    "LowPass": "filtering.band_pass",
    "ButterworthFiltFilt": "filtering.filtfilt",
    "RunningLineFilter": "filtering.running_line",
    "Detrend": "filtering.detrend",
    "FrequencyGain": "filtering.gain",
    "FilterBank": "filtering.gain",
    "Interpolate": "censoring.interpolate",
    "SpectralInterpolate": "censoring.interpolate",
    "ZeroPaddedBandPass": "filtering.zero_padded",
    "ProjectOut": "confounds.project_out",
    "Censor": "censoring.censor",
    "KeepFrames": "censoring.keep_frames",
    "FramewiseDisplacement": "censoring.motion",
    "Dvars": "censoring.motion",
    "Standardize": "series.standardize",
    "UnitNorm": "series.unit_norm",
    "RestoreMean": "series.restore_mean",
    "AsArray": "series.as_array",
    "RegressConfounds": "confounds.regression",
    "Parcellate": "parcels.label_means",
    "Covariance": "connectivity.correlation",
    "Correlation": "connectivity.correlation",
    "CorrelationOfCovariance": "connectivity.scaling",
    "ShrinkCovariance": "connectivity.correlation",
    "Precision": "connectivity.correlation",
    "GraphicalLasso": "connectivity.graphical_lasso",
    "LedoitWolf": "connectivity.shrinkage",
    "Oas": "connectivity.shrinkage",
    "GroupShrinkage": "connectivity.shrinkage",
    "SpdMean": "connectivity.tangent",
    "TangentProject": "connectivity.tangent",
    "PartialCorrelation": "connectivity.correlation",
    "ConditionalCorrelation": "connectivity.correlation",
    "VectorizeEdges": "connectivity.correlation",
    "FisherZ": "connectivity.correlation",
    "Choose": "choose",
    "StateCovariance": "states.windows",
    "WindowCovariance": "states.windows",
    "Modularity": "graphs.communities",
    "SoftThreshold": "graphs.thresholds",
    "AbsoluteThreshold": "graphs.thresholds",
    "DisparityFilter": "graphs.thresholds",
    "SpanningTree": "graphs.thresholds",
    "ConnectivityGradients": "graphs.gradients",
    "AlignGradients": "graphs.gradients",
    "NodeStrength": "graphs.measures",
    "ClusteringCoefficient": "graphs.measures",
    "ParticipationCoefficient": "graphs.measures",
    "Efficiency": "graphs.measures",
    "EigenvectorCentrality": "graphs.measures",
    "Communicability": "graphs.measures",
    "KernelRidge": "prediction.kernels",
    "LogisticRegression": "prediction.kernels",
    "ConnectomePrediction": "prediction.kernels",
    "EdgeTimeSeries": "connectivity.edge_series",
    "CoactivationPattern": "connectivity.edge_series",
    "SoftKMeans": "states.mixtures",
    "VonMisesFisherMixture": "states.mixtures",
    "NormalizedCut": "states.decomposition",
    "NonnegativeFactors": "states.decomposition",
    "IndependentComponents": "states.decomposition",
    "SparseCodes": "states.decomposition",
    "GateConfounds": "confounds.gating",
    "NonAggressiveRegression": "confounds.gating",
    "CombineConfounds": "confounds.combining",
    "ComponentGates": "confounds.component_gates",
    "TissueMean": "confounds.compcor",
    "CompCor": "confounds.compcor",
    "ProjectMaps": "parcels.soft_maps",
    "IndividualMaps": "parcels.soft_maps",
    "RidgeConnectivity": "connectivity.ridge",
    "SmoothVolume": "parcels.smoothing",
    "SmoothSurface": "parcels.smoothing",
    "Procrustes": "parcels.alignment",
    "TransportAlignment": "parcels.alignment",
    "SharedResponse": "parcels.alignment",
    "Alff": "series.amplitude",
    "Falff": "series.amplitude",
    "ReHo": "series.amplitude",
    "AnalyticSignal": "connectivity.phase",
    "PhaseLocking": "connectivity.phase",
    "AmplitudeCorrelation": "connectivity.phase",
    "Coherence": "connectivity.phase",
    "ImaginaryCoherence": "connectivity.phase",
    "LaggedCovariance": "connectivity.lags",
    "LagWeightedCovariance": "connectivity.lags",
    "LagMaps": "connectivity.lags",
    "WaveletPower": "filtering.wavelets",
    "WaveletEnergy": "filtering.wavelets",
    "SupportVectorMachine": "prediction.support_vectors",
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
    from pydra_diffconn.plugins.registry import registry

    return registry().find("diffconn_blocks", name, __name__)


def __dir__() -> list[str]:
    from pydra_diffconn.plugins.registry import registry

    return sorted(registry().blocks)
