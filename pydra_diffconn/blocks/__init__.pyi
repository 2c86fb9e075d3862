"""Made from the declarations by `python -m pydra_diffconn.plugins.stubs pydra_diffconn.blocks`; not to be edited."""

import typing

import jax
import pydra.compose.workflow as workflow

import pydra_diffconn.declare.accepted as accepted
import pydra_diffconn.declare.declaration as declared

if not typing.TYPE_CHECKING:  # read by lazy_loader
    from .censoring.censor import Censor as Censor
    from .censoring.cut_ends import CutEnds as CutEnds
    from .censoring.despike import Despike as Despike
    from .censoring.filter_motion import FilterMotion as FilterMotion
    from .censoring.interpolate import Interpolate as Interpolate
    from .censoring.interpolate import SpectralInterpolate as SpectralInterpolate
    from .censoring.keep_frames import KeepFrames as KeepFrames
    from .censoring.mark_frames import MarkFrames as MarkFrames
    from .censoring.motion import Dvars as Dvars
    from .censoring.motion import FramewiseDisplacement as FramewiseDisplacement
    from .censoring.motion import JenkinsonDisplacement as JenkinsonDisplacement
    from .choose import Choose as Choose
    from .confounds.combining import CombineConfounds as CombineConfounds
    from .confounds.compcor import CompCor as CompCor
    from .confounds.compcor import TissueMean as TissueMean
    from .confounds.component_gates import ComponentGates as ComponentGates
    from .confounds.gating import GateConfounds as GateConfounds
    from .confounds.gating import NonAggressiveRegression as NonAggressiveRegression
    from .confounds.project_out import ProjectOut as ProjectOut
    from .confounds.regression import RegressConfounds as RegressConfounds
    from .confounds.voxelwise import RegressVoxelwise as RegressVoxelwise
    from .connectivity.boundary_maps import BoundaryMap as BoundaryMap
    from .connectivity.correlation import ConditionalCorrelation as ConditionalCorrelation
    from .connectivity.correlation import Correlation as Correlation
    from .connectivity.correlation import Covariance as Covariance
    from .connectivity.correlation import FisherZ as FisherZ
    from .connectivity.correlation import PartialCorrelation as PartialCorrelation
    from .connectivity.correlation import Precision as Precision
    from .connectivity.correlation import ShrinkCovariance as ShrinkCovariance
    from .connectivity.correlation import VectorizeEdges as VectorizeEdges
    from .connectivity.dependence import DistanceCorrelation as DistanceCorrelation
    from .connectivity.dependence import MutualInformation as MutualInformation
    from .connectivity.edge_series import CoactivationPattern as CoactivationPattern
    from .connectivity.edge_series import EdgeTimeSeries as EdgeTimeSeries
    from .connectivity.graphical_lasso import GraphicalLasso as GraphicalLasso
    from .connectivity.lags import LaggedCovariance as LaggedCovariance
    from .connectivity.lags import LagMaps as LagMaps
    from .connectivity.lags import LagWeightedCovariance as LagWeightedCovariance
    from .connectivity.phase import AmplitudeCorrelation as AmplitudeCorrelation
    from .connectivity.phase import AnalyticSignal as AnalyticSignal
    from .connectivity.phase import Coherence as Coherence
    from .connectivity.phase import ImaginaryCoherence as ImaginaryCoherence
    from .connectivity.phase import PhaseLocking as PhaseLocking
    from .connectivity.ridge import RidgeConnectivity as RidgeConnectivity
    from .connectivity.scaling import CorrelationOfCovariance as CorrelationOfCovariance
    from .connectivity.seed_maps import DegreeCentrality as DegreeCentrality
    from .connectivity.seed_maps import SeedCorrelation as SeedCorrelation
    from .connectivity.shrinkage import GroupShrinkage as GroupShrinkage
    from .connectivity.shrinkage import LedoitWolf as LedoitWolf
    from .connectivity.shrinkage import Oas as Oas
    from .connectivity.spectra import CrossSpectrum as CrossSpectrum
    from .connectivity.spectra import LaggedCoherence as LaggedCoherence
    from .connectivity.spectra import PhaseLagIndex as PhaseLagIndex
    from .connectivity.tangent import SpdMean as SpdMean
    from .connectivity.tangent import TangentProject as TangentProject
    from .connectivity.weights import WeightEdges as WeightEdges
    from .connectivity.weights import WeightParcels as WeightParcels
    from .filtering.band_pass import BandPass as BandPass
    from .filtering.band_pass import BandStop as BandStop
    from .filtering.band_pass import HighPass as HighPass
    from .filtering.band_pass import LowPass as LowPass
    from .filtering.detrend import Detrend as Detrend
    from .filtering.filtfilt import ButterworthFiltFilt as ButterworthFiltFilt
    from .filtering.gain import FilterBank as FilterBank
    from .filtering.gain import FrequencyGain as FrequencyGain
    from .filtering.running_line import RunningLineFilter as RunningLineFilter
    from .filtering.wavelets import WaveletEnergy as WaveletEnergy
    from .filtering.wavelets import WaveletPower as WaveletPower
    from .filtering.zero_padded import ZeroPaddedBandPass as ZeroPaddedBandPass
    from .graphs.communities import Modularity as Modularity
    from .graphs.gradients import AlignGradients as AlignGradients
    from .graphs.gradients import ConnectivityGradients as ConnectivityGradients
    from .graphs.measures import ClusteringCoefficient as ClusteringCoefficient
    from .graphs.measures import Communicability as Communicability
    from .graphs.measures import Efficiency as Efficiency
    from .graphs.measures import EigenvectorCentrality as EigenvectorCentrality
    from .graphs.measures import NodeStrength as NodeStrength
    from .graphs.measures import ParticipationCoefficient as ParticipationCoefficient
    from .graphs.thresholds import AbsoluteThreshold as AbsoluteThreshold
    from .graphs.thresholds import DisparityFilter as DisparityFilter
    from .graphs.thresholds import SoftThreshold as SoftThreshold
    from .graphs.thresholds import SpanningTree as SpanningTree
    from .groups.combat import ComBat as ComBat
    from .parcels.alignment import Procrustes as Procrustes
    from .parcels.alignment import SharedResponse as SharedResponse
    from .parcels.alignment import TransportAlignment as TransportAlignment
    from .parcels.eigenvariates import ParcelEigenvariates as ParcelEigenvariates
    from .parcels.geodesic import SmoothGeodesic as SmoothGeodesic
    from .parcels.label_means import Parcellate as Parcellate
    from .parcels.local_means import LocalTissueMean as LocalTissueMean
    from .parcels.smoothing import SmoothSurface as SmoothSurface
    from .parcels.smoothing import SmoothVolume as SmoothVolume
    from .parcels.soft_maps import IndividualMaps as IndividualMaps
    from .parcels.soft_maps import ProjectMaps as ProjectMaps
    from .parcels.summaries import SummarizeParcels as SummarizeParcels
    from .prediction.kernels import ConnectomePrediction as ConnectomePrediction
    from .prediction.kernels import KernelRidge as KernelRidge
    from .prediction.kernels import LogisticRegression as LogisticRegression
    from .prediction.support_vectors import SupportVectorMachine as SupportVectorMachine
    from .series.amplitude import Alff as Alff
    from .series.amplitude import Falff as Falff
    from .series.amplitude import ReHo as ReHo
    from .series.as_array import AsArray as AsArray
    from .series.restore_mean import RestoreMean as RestoreMean
    from .series.standardize import Standardize as Standardize
    from .series.standardize import StandardizeRuns as StandardizeRuns
    from .series.temporal_snr import TemporalSnr as TemporalSnr
    from .series.unit_norm import UnitNorm as UnitNorm
    from .states.changing import DynamicCorrelation as DynamicCorrelation
    from .states.changing import EwmaCovariance as EwmaCovariance
    from .states.decomposition import IndependentComponents as IndependentComponents
    from .states.decomposition import NonnegativeFactors as NonnegativeFactors
    from .states.decomposition import NormalizedCut as NormalizedCut
    from .states.decomposition import SparseCodes as SparseCodes
    from .states.hidden_markov import HiddenMarkov as HiddenMarkov
    from .states.mixtures import SoftKMeans as SoftKMeans
    from .states.mixtures import VonMisesFisherMixture as VonMisesFisherMixture
    from .states.windows import StateCovariance as StateCovariance
    from .states.windows import WindowCovariance as WindowCovariance
    from .task.amplitudes import BetaSeries as BetaSeries
    from .task.amplitudes import TaskAmplitudes as TaskAmplitudes
    from .task.design import FirDesign as FirDesign
    from .task.design import GloverDesign as GloverDesign
    from .task.design import SpmDesign as SpmDesign
    from .task.interaction import PsychophysiologicalInteraction as PsychophysiologicalInteraction

__all__ = [
    "AbsoluteThreshold",
    "Alff",
    "AlignGradients",
    "AmplitudeCorrelation",
    "AnalyticSignal",
    "AsArray",
    "BandPass",
    "BandStop",
    "BetaSeries",
    "BoundaryMap",
    "ButterworthFiltFilt",
    "Censor",
    "Choose",
    "ClusteringCoefficient",
    "CoactivationPattern",
    "Coherence",
    "ComBat",
    "CombineConfounds",
    "Communicability",
    "CompCor",
    "ComponentGates",
    "ConditionalCorrelation",
    "ConnectivityGradients",
    "ConnectomePrediction",
    "Correlation",
    "CorrelationOfCovariance",
    "Covariance",
    "CrossSpectrum",
    "CutEnds",
    "DegreeCentrality",
    "Despike",
    "Detrend",
    "DisparityFilter",
    "DistanceCorrelation",
    "Dvars",
    "DynamicCorrelation",
    "EdgeTimeSeries",
    "Efficiency",
    "EigenvectorCentrality",
    "EwmaCovariance",
    "Falff",
    "FilterBank",
    "FilterMotion",
    "FirDesign",
    "FisherZ",
    "FramewiseDisplacement",
    "FrequencyGain",
    "GateConfounds",
    "GloverDesign",
    "GraphicalLasso",
    "GroupShrinkage",
    "HiddenMarkov",
    "HighPass",
    "ImaginaryCoherence",
    "IndependentComponents",
    "IndividualMaps",
    "Interpolate",
    "JenkinsonDisplacement",
    "KeepFrames",
    "KernelRidge",
    "LagMaps",
    "LagWeightedCovariance",
    "LaggedCoherence",
    "LaggedCovariance",
    "LedoitWolf",
    "LocalTissueMean",
    "LogisticRegression",
    "LowPass",
    "MarkFrames",
    "Modularity",
    "MutualInformation",
    "NodeStrength",
    "NonAggressiveRegression",
    "NonnegativeFactors",
    "NormalizedCut",
    "Oas",
    "ParcelEigenvariates",
    "Parcellate",
    "PartialCorrelation",
    "ParticipationCoefficient",
    "PhaseLagIndex",
    "PhaseLocking",
    "Precision",
    "Procrustes",
    "ProjectMaps",
    "ProjectOut",
    "PsychophysiologicalInteraction",
    "ReHo",
    "RegressConfounds",
    "RegressVoxelwise",
    "RestoreMean",
    "RidgeConnectivity",
    "RunningLineFilter",
    "SeedCorrelation",
    "SharedResponse",
    "ShrinkCovariance",
    "SmoothGeodesic",
    "SmoothSurface",
    "SmoothVolume",
    "SoftKMeans",
    "SoftThreshold",
    "SpanningTree",
    "SparseCodes",
    "SpdMean",
    "SpectralInterpolate",
    "SpmDesign",
    "Standardize",
    "StandardizeRuns",
    "StateCovariance",
    "SummarizeParcels",
    "SupportVectorMachine",
    "TangentProject",
    "TaskAmplitudes",
    "TemporalSnr",
    "TissueMean",
    "TransportAlignment",
    "UnitNorm",
    "VectorizeEdges",
    "VonMisesFisherMixture",
    "WaveletEnergy",
    "WaveletPower",
    "WeightEdges",
    "WeightParcels",
    "WindowCovariance",
    "ZeroPaddedBandPass",
]

class _AbsoluteThresholdOutputs(workflow.Outputs):
    connectome: typing.Any

class AbsoluteThreshold(workflow.Task[_AbsoluteThresholdOutputs]):
    """Keep the connections of at least a threshold; the others and the diagonal become zero."""

    Outputs: typing.TypeAlias = _AbsoluteThresholdOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
        threshold: accepted.Number = 0.2,
        softness: accepted.Number = 0.0,
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
        threshold: accepted.Traced = 0.2,
        softness: accepted.Traced = 0.0,
    ) -> jax.Array: ...

class _AlffOutputs(workflow.Outputs):
    alff: typing.Any

class Alff(workflow.Task[_AlffOutputs]):
    """Measure the amplitude of low-frequency fluctuations: twice the mean amplitude of the frequencies in a band."""

    Outputs: typing.TypeAlias = _AlffOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        frame_weights: accepted.Data | None = None,
        low: accepted.Number = 0.01,
        high: accepted.Number = 0.1,
        softness: accepted.Number = 0.0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        low: accepted.Traced = 0.01,
        high: accepted.Traced = 0.1,
        softness: accepted.Traced = 0.0,
    ) -> jax.Array: ...

class _AlignGradientsOutputs(workflow.Outputs):
    gradients: typing.Any

class AlignGradients(workflow.Task[_AlignGradientsOutputs]):
    """Rotate and reflect gradients onto a reference (orthogonal Procrustes, without scaling or shift)."""

    Outputs: typing.TypeAlias = _AlignGradientsOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        gradients: accepted.Data = ...,
        reference: accepted.Data = ...,
    ) -> None: ...
    @staticmethod
    def pure(
        gradients: accepted.Traced,
        reference: accepted.Traced,
    ) -> jax.Array: ...

class _AmplitudeCorrelationOutputs(workflow.Outputs):
    connectome: typing.Any

class AmplitudeCorrelation(workflow.Task[_AmplitudeCorrelationOutputs]):
    """Correlate the envelopes of all pairs (amplitude envelope correlation)."""

    Outputs: typing.TypeAlias = _AmplitudeCorrelationOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _AnalyticSignalOutputs(workflow.Outputs):
    amplitude: typing.Any
    phase: typing.Any

class AnalyticSignal(workflow.Task[_AnalyticSignalOutputs]):
    """Split a narrow-band series into its envelope and its phase, by the Hilbert transform."""

    Outputs: typing.TypeAlias = _AnalyticSignalOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
    ) -> tuple[jax.Array, jax.Array]: ...

class _AsArrayOutputs(workflow.Outputs):
    timeseries: typing.Any

class AsArray(workflow.Task[_AsArrayOutputs]):
    """Return the series in a file as an array; an array stays what it is."""

    Outputs: typing.TypeAlias = _AsArrayOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
    ) -> jax.Array: ...

class _BandPassOutputs(workflow.Outputs):
    timeseries: typing.Any

class BandPass(workflow.Task[_BandPassOutputs]):
    """Keep the frequencies between two cut-offs, without shifting phases."""

    Outputs: typing.TypeAlias = _BandPassOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        low: accepted.Number = 0.01,
        high: accepted.Number = 0.1,
        order: accepted.Number = 2.0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        low: accepted.Traced = 0.01,
        high: accepted.Traced = 0.1,
        order: accepted.Traced = 2.0,
    ) -> jax.Array: ...

class _BandStopOutputs(workflow.Outputs):
    timeseries: typing.Any

class BandStop(workflow.Task[_BandStopOutputs]):
    """Remove the frequencies between two cut-offs, such as those of breathing, without shifting phases."""

    Outputs: typing.TypeAlias = _BandStopOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        low: accepted.Number = 0.2,
        high: accepted.Number = 0.3,
        order: accepted.Number = 2.0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        low: accepted.Traced = 0.2,
        high: accepted.Traced = 0.3,
        order: accepted.Traced = 2.0,
    ) -> jax.Array: ...

class _BetaSeriesOutputs(workflow.Outputs):
    betas: typing.Any

class BetaSeries(workflow.Task[_BetaSeriesOutputs]):
    """Estimate how strong the response of every single trial is; correlated over trials these are a connectome."""

    Outputs: typing.TypeAlias = _BetaSeriesOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        design: accepted.Data = ...,
        conditions: accepted.Data | None = None,
        confounds: accepted.Data | None = None,
        frame_weights: accepted.Data | None = None,
        method: typing.Literal["separate", "all"] | accepted.Lazy = "separate",
        groups: tuple[int, ...] | None | accepted.Lazy | None = None,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        design: accepted.Traced,
        conditions: accepted.Traced | None = None,
        confounds: accepted.Traced | None = None,
        frame_weights: accepted.Traced | None = None,
        method: typing.Literal["separate", "all"] = "separate",
        groups: tuple[int, ...] | None = None,
    ) -> jax.Array: ...

class _BoundaryMapOutputs(workflow.Outputs):
    boundary: typing.Any

class BoundaryMap(workflow.Task[_BoundaryMapOutputs]):
    """Measure at each place how much the profile of connectivity changes towards its neighbours."""

    Outputs: typing.TypeAlias = _BoundaryMapOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        edges: accepted.Data = ...,
        lengths: accepted.Data | None = None,
        frame_weights: accepted.Data | None = None,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        edges: accepted.Traced,
        lengths: accepted.Traced | None = None,
        frame_weights: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _ButterworthFiltFiltOutputs(workflow.Outputs):
    timeseries: typing.Any

class ButterworthFiltFilt(workflow.Task[_ButterworthFiltFiltOutputs]):
    """Filter forwards and backwards with a recursive Butterworth filter, as SciPy and nilearn do."""

    Outputs: typing.TypeAlias = _ButterworthFiltFiltOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        low: accepted.Number | None = 0.01,
        high: accepted.Number | None = 0.1,
        order: int | accepted.Lazy = 5,
        padtype: typing.Literal["odd", "even", "constant", "none"] | accepted.Lazy = "odd",
        padlen: int | typing.Literal["longest"] | None | accepted.Lazy | None = None,
        frame_weights: accepted.Data | None = None,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        low: accepted.Traced | None = 0.01,
        high: accepted.Traced | None = 0.1,
        order: int = 5,
        padtype: typing.Literal["odd", "even", "constant", "none"] = "odd",
        padlen: int | typing.Literal["longest"] | None = None,
        frame_weights: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _CensorOutputs(workflow.Outputs):
    frame_weights: typing.Any

class Censor(workflow.Task[_CensorOutputs]):
    """Weight each frame by its head motion, and other metrics if given: 1 is kept, 0 is censored."""

    Outputs: typing.TypeAlias = _CensorOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        framewise_displacement: accepted.Data = ...,
        threshold: accepted.Number = 0.5,
        softness: accepted.Number = 0.0,
        metrics: accepted.Data | None = None,
        metric_thresholds: accepted.Values | None = None,
        metric_softness: accepted.Values | None = None,
        metric_shares: accepted.Values | None = None,
        before: int | accepted.Lazy = 0,
        after: int | accepted.Lazy = 0,
        min_segment: int | accepted.Lazy = 1,
        straight_through: bool | accepted.Lazy = False,
        exceeds: typing.Literal["any", "all"] | accepted.Lazy = "any",
    ) -> None: ...
    @staticmethod
    def pure(
        framewise_displacement: accepted.Traced,
        threshold: accepted.Traced = 0.5,
        softness: accepted.Traced = 0.0,
        metrics: accepted.Traced | None = None,
        metric_thresholds: accepted.Traced | None = None,
        metric_softness: accepted.Traced | None = None,
        metric_shares: accepted.Traced | None = None,
        before: int = 0,
        after: int = 0,
        min_segment: int = 1,
        straight_through: bool = False,
        exceeds: typing.Literal["any", "all"] = "any",
    ) -> jax.Array: ...

class _ChooseOutputs(workflow.Outputs):
    chosen: typing.Any

class Choose(workflow.Task[_ChooseOutputs]):
    """Mix alternatives of equal shape by weights that sum to one."""

    Outputs: typing.TypeAlias = _ChooseOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        option_1: accepted.Data = ...,
        option_2: accepted.Data = ...,
        weights: accepted.Values | None = None,
        option_3: accepted.Data | None = None,
        option_4: accepted.Data | None = None,
        option_5: accepted.Data | None = None,
        option_6: accepted.Data | None = None,
        option_7: accepted.Data | None = None,
        option_8: accepted.Data | None = None,
        temperature: accepted.Number | None = None,
        key: accepted.Key | None = None,
        hard: bool | accepted.Lazy = False,
    ) -> None: ...
    @staticmethod
    def pure(
        option_1: accepted.Traced,
        option_2: accepted.Traced,
        weights: accepted.Traced | None = None,
        option_3: accepted.Traced | None = None,
        option_4: accepted.Traced | None = None,
        option_5: accepted.Traced | None = None,
        option_6: accepted.Traced | None = None,
        option_7: accepted.Traced | None = None,
        option_8: accepted.Traced | None = None,
        temperature: accepted.Traced | None = None,
        key: accepted.Traced | None = None,
        hard: bool = False,
    ) -> jax.Array: ...

class _ClusteringCoefficientOutputs(workflow.Outputs):
    clustering: typing.Any

class ClusteringCoefficient(workflow.Task[_ClusteringCoefficientOutputs]):
    """Measure how strongly the neighbours of each parcel are connected with each other."""

    Outputs: typing.TypeAlias = _ClusteringCoefficientOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
        kind: typing.Literal["zhang", "onnela"] | accepted.Lazy = "zhang",
        sign: typing.Literal["positive", "negative", "all"] | accepted.Lazy = "positive",
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
        kind: typing.Literal["zhang", "onnela"] = "zhang",
        sign: typing.Literal["positive", "negative", "all"] = "positive",
    ) -> jax.Array: ...

class _CoactivationPatternOutputs(workflow.Outputs):
    coactivation: typing.Any
    active: typing.Any

class CoactivationPattern(workflow.Task[_CoactivationPatternOutputs]):
    """Average the standardised series over the frames in which a seed is active."""

    Outputs: typing.TypeAlias = _CoactivationPatternOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        seed: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        threshold: accepted.Number = 1.0,
        softness: accepted.Number = 0.0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        seed: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        threshold: accepted.Traced = 1.0,
        softness: accepted.Traced = 0.0,
    ) -> tuple[jax.Array, jax.Array]: ...

class _CoherenceOutputs(workflow.Outputs):
    connectome: typing.Any

class Coherence(workflow.Task[_CoherenceOutputs]):
    """Measure the coherence of each pair, its mean over the frequencies of a band."""

    Outputs: typing.TypeAlias = _CoherenceOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        frame_weights: accepted.Data | None = None,
        low: accepted.Number = 0.01,
        high: accepted.Number = 0.1,
        softness: accepted.Number = 0.0,
        length: int | accepted.Lazy = 64,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        low: accepted.Traced = 0.01,
        high: accepted.Traced = 0.1,
        softness: accepted.Traced = 0.0,
        length: int = 64,
    ) -> jax.Array: ...

class _ComBatOutputs(workflow.Outputs):
    features: typing.Any

class ComBat(workflow.Task[_ComBatOutputs]):
    """Take from features what their site adds to them and by how much it stretches them, learned from some subjects."""

    Outputs: typing.TypeAlias = _ComBatOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        features: accepted.Data = ...,
        sites: accepted.Data = ...,
        covariates: accepted.Data | None = None,
        subject_weights: accepted.Data | None = None,
        shrinkage: accepted.Number = 1.0,
        scale: bool | accepted.Lazy = True,
        unseen: typing.Literal["refuse", "unchanged"] | accepted.Lazy = "refuse",
        groups: int | None | accepted.Lazy | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        features: accepted.Traced,
        sites: accepted.Traced,
        covariates: accepted.Traced | None = None,
        subject_weights: accepted.Traced | None = None,
        shrinkage: accepted.Traced = 1.0,
        scale: bool = True,
        unseen: typing.Literal["refuse", "unchanged"] = "refuse",
        groups: int | None = None,
    ) -> jax.Array: ...

class _CombineConfoundsOutputs(workflow.Outputs):
    confounds: typing.Any

class CombineConfounds(workflow.Task[_CombineConfoundsOutputs]):
    """Combine confounds to fewer, better ones: a learnable confound model."""

    Outputs: typing.TypeAlias = _CombineConfoundsOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        confounds: accepted.Data = ...,
        weights: accepted.Values | None = None,
        responses: accepted.Values | None = None,
        thresholds: accepted.Values | None = None,
        leak: accepted.Number = 1.0,
        confounds_2: accepted.Data | None = None,
        confounds_3: accepted.Data | None = None,
        edges: typing.Literal["nearest", "zero"] | accepted.Lazy = "nearest",
        first_row: typing.Literal["copy_second", "zero"] | accepted.Lazy = "copy_second",
    ) -> None: ...
    @staticmethod
    def pure(
        confounds: accepted.Traced,
        weights: accepted.Traced | None = None,
        responses: accepted.Traced | None = None,
        thresholds: accepted.Traced | None = None,
        leak: accepted.Traced = 1.0,
        confounds_2: accepted.Traced | None = None,
        confounds_3: accepted.Traced | None = None,
        edges: typing.Literal["nearest", "zero"] = "nearest",
        first_row: typing.Literal["copy_second", "zero"] = "copy_second",
    ) -> jax.Array: ...

class _CommunicabilityOutputs(workflow.Outputs):
    communicability: typing.Any

class Communicability(workflow.Task[_CommunicabilityOutputs]):
    """Sum over all walks between two parcels, longer ones counting less: exp(scale A)."""

    Outputs: typing.TypeAlias = _CommunicabilityOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
        scale: accepted.Number = 1.0,
        normalize: bool | accepted.Lazy = True,
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
        scale: accepted.Traced = 1.0,
        normalize: bool = True,
    ) -> jax.Array: ...

class _CompCorOutputs(workflow.Outputs):
    confounds: typing.Any

class CompCor(workflow.Task[_CompCorOutputs]):
    """Find the strongest principal components of a tissue's series, as confounds."""

    Outputs: typing.TypeAlias = _CompCorOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tissue: accepted.Values = ...,
        frame_weights: accepted.Data | None = None,
        components: int | accepted.Lazy = 5,
        standardize: bool | accepted.Lazy = True,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tissue: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        components: int = 5,
        standardize: bool = True,
    ) -> jax.Array: ...

class _ComponentGatesOutputs(workflow.Outputs):
    noise: typing.Any

class ComponentGates(workflow.Task[_ComponentGatesOutputs]):
    """Make gates for `NonAggressiveRegression`: 1 for the components of these numbers, 0 for the others."""

    Outputs: typing.TypeAlias = _ComponentGatesOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        components: accepted.Data = ...,
        columns: tuple[int, ...] | accepted.Lazy = ...,
    ) -> None: ...
    @staticmethod
    def pure(
        components: accepted.Traced,
        columns: tuple[int, ...],
    ) -> jax.Array: ...

class _ConditionalCorrelationOutputs(workflow.Outputs):
    connectome: typing.Any

class ConditionalCorrelation(workflow.Task[_ConditionalCorrelationOutputs]):
    """Correlate all pairs of columns given the confounds, which are held constant."""

    Outputs: typing.TypeAlias = _ConditionalCorrelationOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        confounds: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        confounds: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _ConnectivityGradientsOutputs(workflow.Outputs):
    gradients: typing.Any
    eigenvalues: typing.Any

class ConnectivityGradients(workflow.Task[_ConnectivityGradientsOutputs]):
    """Embed parcels by their connection profiles: diffusion maps or Laplacian eigenmaps, largest gradient first."""

    Outputs: typing.TypeAlias = _ConnectivityGradientsOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
        components: int | accepted.Lazy = 10,
        method: typing.Literal["diffusion", "laplacian"] | accepted.Lazy = "diffusion",
        kernel: typing.Literal["normalized_angle", "cosine", "gaussian", "none"] | accepted.Lazy = "normalized_angle",
        sparsity: accepted.Number = 0.9,
        softness: accepted.Number = 0.0,
        width: accepted.Number = 1.0,
        alpha: accepted.Number = 0.5,
        diffusion_time: accepted.Number = 0.0,
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
        components: int = 10,
        method: typing.Literal["diffusion", "laplacian"] = "diffusion",
        kernel: typing.Literal["normalized_angle", "cosine", "gaussian", "none"] = "normalized_angle",
        sparsity: accepted.Traced = 0.9,
        softness: accepted.Traced = 0.0,
        width: accepted.Traced = 1.0,
        alpha: accepted.Traced = 0.5,
        diffusion_time: accepted.Traced = 0.0,
    ) -> tuple[jax.Array, jax.Array]: ...

class _ConnectomePredictionOutputs(workflow.Outputs):
    prediction: typing.Any
    selection: typing.Any

class ConnectomePrediction(workflow.Task[_ConnectomePredictionOutputs]):
    """Predict a number for each subject from the summed edges that go with it (connectome-based predictive modelling)."""

    Outputs: typing.TypeAlias = _ConnectomePredictionOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        features: accepted.Data = ...,
        targets: accepted.Data = ...,
        subject_weights: accepted.Data | None = None,
        threshold: accepted.Number = 0.2,
        softness: accepted.Number = 0.0,
        which: typing.Literal["both", "positive", "negative"] | accepted.Lazy = "both",
    ) -> None: ...
    @staticmethod
    def pure(
        features: accepted.Traced,
        targets: accepted.Traced,
        subject_weights: accepted.Traced | None = None,
        threshold: accepted.Traced = 0.2,
        softness: accepted.Traced = 0.0,
        which: typing.Literal["both", "positive", "negative"] = "both",
    ) -> tuple[jax.Array, jax.Array]: ...

class _CorrelationOutputs(workflow.Outputs):
    connectome: typing.Any

class Correlation(workflow.Task[_CorrelationOutputs]):
    """Correlate all pairs of columns (Pearson), each frame with its weight."""

    Outputs: typing.TypeAlias = _CorrelationOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _CorrelationOfCovarianceOutputs(workflow.Outputs):
    connectome: typing.Any

class CorrelationOfCovariance(workflow.Task[_CorrelationOfCovarianceOutputs]):
    """Divide a covariance by the standard deviations on its diagonal: the correlations of a shrunk estimate."""

    Outputs: typing.TypeAlias = _CorrelationOfCovarianceOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        covariance: accepted.Data = ...,
    ) -> None: ...
    @staticmethod
    def pure(
        covariance: accepted.Traced,
    ) -> jax.Array: ...

class _CovarianceOutputs(workflow.Outputs):
    covariance: typing.Any

class Covariance(workflow.Task[_CovarianceOutputs]):
    """Estimate the covariance of the columns, each frame with its weight."""

    Outputs: typing.TypeAlias = _CovarianceOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        ddof: int | accepted.Lazy = 1,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        ddof: int = 1,
    ) -> jax.Array: ...

class _CrossSpectrumOutputs(workflow.Outputs):
    real: typing.Any
    imaginary: typing.Any

class CrossSpectrum(workflow.Task[_CrossSpectrumOutputs]):
    """Estimate the cross-spectral density of all pairs at each frequency of the segments (Welch)."""

    Outputs: typing.TypeAlias = _CrossSpectrumOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        frame_weights: accepted.Data | None = None,
        length: int | accepted.Lazy = 64,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        length: int = 64,
    ) -> tuple[jax.Array, jax.Array]: ...

class _CutEndsOutputs(workflow.Outputs):
    frame_weights: typing.Any

class CutEnds(workflow.Task[_CutEndsOutputs]):
    """Weight the frames from the first to the last kept one 1, and those before and after 0."""

    Outputs: typing.TypeAlias = _CutEndsOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        frame_weights: accepted.Data = ...,
    ) -> None: ...
    @staticmethod
    def pure(
        frame_weights: accepted.Traced,
    ) -> jax.Array: ...

class _DegreeCentralityOutputs(workflow.Outputs):
    degree: typing.Any

class DegreeCentrality(workflow.Task[_DegreeCentralityOutputs]):
    """Count at every place those with which it correlates more than a threshold, or sum these correlations."""

    Outputs: typing.TypeAlias = _DegreeCentralityOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        threshold: accepted.Number = 0.25,
        softness: accepted.Number = 0.0,
        weighted: bool | accepted.Lazy = False,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        threshold: accepted.Traced = 0.25,
        softness: accepted.Traced = 0.0,
        weighted: bool = False,
    ) -> jax.Array: ...

class _DespikeOutputs(workflow.Outputs):
    timeseries: typing.Any

class Despike(workflow.Task[_DespikeOutputs]):
    """Pull values that are far from a smooth curve nearer to it, each place by itself."""

    Outputs: typing.TypeAlias = _DespikeOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        cut: accepted.Number = 2.5,
        limit: accepted.Number = 4.0,
        smoothness: accepted.Number = 0.05,
        waves: int | None | accepted.Lazy | None = None,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        cut: accepted.Traced = 2.5,
        limit: accepted.Traced = 4.0,
        smoothness: accepted.Traced = 0.05,
        waves: int | None = None,
    ) -> jax.Array: ...

class _DetrendOutputs(workflow.Outputs):
    timeseries: typing.Any

class Detrend(workflow.Task[_DetrendOutputs]):
    """Subtract a polynomial, and cosines up to a cut-off if one is given, fitted together on the weighted frames."""

    Outputs: typing.TypeAlias = _DetrendOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        tr: accepted.Number | None = None,
        degree: int | accepted.Lazy = 1,
        cutoff: accepted.Number | None = None,
        softness: accepted.Number = 0.0,
        terms: int | accepted.Lazy = 64,
        keep_mean: bool | accepted.Lazy = False,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        tr: accepted.Traced | None = None,
        degree: int = 1,
        cutoff: accepted.Traced | None = None,
        softness: accepted.Traced = 0.0,
        terms: int = 64,
        keep_mean: bool = False,
    ) -> jax.Array: ...

class _DisparityFilterOutputs(workflow.Outputs):
    connectome: typing.Any

class DisparityFilter(workflow.Task[_DisparityFilterOutputs]):
    """Keep the connections that are large for at least one of their two parcels (the disparity filter)."""

    Outputs: typing.TypeAlias = _DisparityFilterOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
        significance: accepted.Number = 0.05,
        softness: accepted.Number = 0.0,
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
        significance: accepted.Traced = 0.05,
        softness: accepted.Traced = 0.0,
    ) -> jax.Array: ...

class _DistanceCorrelationOutputs(workflow.Outputs):
    connectome: typing.Any

class DistanceCorrelation(workflow.Task[_DistanceCorrelationOutputs]):
    """Measure how much each pair depends on each other, in whatever way (distance correlation)."""

    Outputs: typing.TypeAlias = _DistanceCorrelationOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _DvarsOutputs(workflow.Outputs):
    dvars: typing.Any
    std_dvars: typing.Any

class Dvars(workflow.Task[_DvarsOutputs]):
    """Measure how much the image changes from the frame before, over all voxels: DVARS, raw and standardised."""

    Outputs: typing.TypeAlias = _DvarsOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        intensity: accepted.Number = 1000.0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        intensity: accepted.Traced = 1000.0,
    ) -> tuple[jax.Array, jax.Array]: ...

class _DynamicCorrelationOutputs(workflow.Outputs):
    connectome: typing.Any
    log_likelihood: typing.Any

class DynamicCorrelation(workflow.Task[_DynamicCorrelationOutputs]):
    """Estimate the correlation in each frame, given those before (dynamic conditional correlation, DCC-GARCH)."""

    Outputs: typing.TypeAlias = _DynamicCorrelationOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        dynamics: accepted.Values | None = None,
        volatility: accepted.Values | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        dynamics: accepted.Traced | None = None,
        volatility: accepted.Traced | None = None,
    ) -> tuple[jax.Array, jax.Array]: ...

class _EdgeTimeSeriesOutputs(workflow.Outputs):
    edge_timeseries: typing.Any
    amplitude: typing.Any

class EdgeTimeSeries(workflow.Task[_EdgeTimeSeriesOutputs]):
    """Multiply the standardised series of all pairs of parcels, frame by frame."""

    Outputs: typing.TypeAlias = _EdgeTimeSeriesOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
    ) -> tuple[jax.Array, jax.Array]: ...

class _EfficiencyOutputs(workflow.Outputs):
    nodal_efficiency: typing.Any
    global_efficiency: typing.Any

class Efficiency(workflow.Task[_EfficiencyOutputs]):
    """Measure how near parcels are over the connections: the mean inverse length of shortest paths."""

    Outputs: typing.TypeAlias = _EfficiencyOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
        softness: accepted.Number = 0.0,
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
        softness: accepted.Traced = 0.0,
    ) -> tuple[jax.Array, jax.Array]: ...

class _EigenvectorCentralityOutputs(workflow.Outputs):
    centrality: typing.Any

class EigenvectorCentrality(workflow.Task[_EigenvectorCentralityOutputs]):
    """Measure how central each parcel is by the centrality of its neighbours: the leading eigenvector."""

    Outputs: typing.TypeAlias = _EigenvectorCentralityOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
    ) -> jax.Array: ...

class _EwmaCovarianceOutputs(workflow.Outputs):
    covariance: typing.Any

class EwmaCovariance(workflow.Task[_EwmaCovarianceOutputs]):
    """Estimate the covariance (or correlation) in each frame, earlier frames counting less and less."""

    Outputs: typing.TypeAlias = _EwmaCovarianceOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        halflife: accepted.Number = 10.0,
        kind: typing.Literal["covariance", "correlation"] | accepted.Lazy = "covariance",
        ddof: int | accepted.Lazy = 1,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        halflife: accepted.Traced = 10.0,
        kind: typing.Literal["covariance", "correlation"] = "covariance",
        ddof: int = 1,
    ) -> jax.Array: ...

class _FalffOutputs(workflow.Outputs):
    falff: typing.Any

class Falff(workflow.Task[_FalffOutputs]):
    """Measure the share that a band has in the amplitudes of all frequencies (fractional ALFF)."""

    Outputs: typing.TypeAlias = _FalffOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        frame_weights: accepted.Data | None = None,
        low: accepted.Number = 0.01,
        high: accepted.Number = 0.1,
        softness: accepted.Number = 0.0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        low: accepted.Traced = 0.01,
        high: accepted.Traced = 0.1,
        softness: accepted.Traced = 0.0,
    ) -> jax.Array: ...

class _FilterBankOutputs(workflow.Outputs):
    bands: typing.Any

class FilterBank(workflow.Task[_FilterBankOutputs]):
    """Split series into bands that share out each frequency: a learnable parcellation of the spectrum."""

    Outputs: typing.TypeAlias = _FilterBankOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        band_shares: accepted.Values = ...,
        frequencies: accepted.Data | None = None,
        tr: accepted.Number | None = None,
        power: typing.Literal[1, 2] | accepted.Lazy = 1,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        band_shares: accepted.Traced,
        frequencies: accepted.Traced | None = None,
        tr: accepted.Traced | None = None,
        power: typing.Literal[1, 2] = 1,
    ) -> jax.Array: ...

class _FilterMotionOutputs(workflow.Outputs):
    motion: typing.Any

class FilterMotion(workflow.Task[_FilterMotionOutputs]):
    """Remove from motion parameters what breathing adds: a band (notch), or all above a cut-off (low-pass)."""

    Outputs: typing.TypeAlias = _FilterMotionOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        motion: accepted.Data = ...,
        tr: accepted.Number = ...,
        low: accepted.Number = 0.1,
        high: accepted.Number | None = None,
        order: int | accepted.Lazy = 2,
    ) -> None: ...
    @staticmethod
    def pure(
        motion: accepted.Traced,
        tr: accepted.Traced,
        low: accepted.Traced = 0.1,
        high: accepted.Traced | None = None,
        order: int = 2,
    ) -> jax.Array: ...

class _FirDesignOutputs(workflow.Outputs):
    design: typing.Any

class FirDesign(workflow.Task[_FirDesignOutputs]):
    """Lay out stimuli frame by frame, so that a regression finds the response itself (finite impulse response)."""

    Outputs: typing.TypeAlias = _FirDesignOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        stimulus: accepted.Data = ...,
        earlier: accepted.Data | None = None,
        delays: tuple[int, ...] | accepted.Lazy = ...,
    ) -> None: ...
    @staticmethod
    def pure(
        stimulus: accepted.Traced,
        earlier: accepted.Traced | None = None,
        delays: tuple[int, ...] = ...,
    ) -> jax.Array: ...

class _FisherZOutputs(workflow.Outputs):
    connectome: typing.Any

class FisherZ(workflow.Task[_FisherZOutputs]):
    """Transform correlations to Fisher's z, the inverse hyperbolic tangent."""

    Outputs: typing.TypeAlias = _FisherZOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
    ) -> jax.Array: ...

class _FramewiseDisplacementOutputs(workflow.Outputs):
    framewise_displacement: typing.Any

class FramewiseDisplacement(workflow.Task[_FramewiseDisplacementOutputs]):
    """Sum the changes of the six motion parameters from the frame before, rotations as arcs on a sphere."""

    Outputs: typing.TypeAlias = _FramewiseDisplacementOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        motion: accepted.Data = ...,
        radius: accepted.Number = 50.0,
        rotation_unit: typing.Literal["radians", "degrees"] | accepted.Lazy = "radians",
    ) -> None: ...
    @staticmethod
    def pure(
        motion: accepted.Traced,
        radius: accepted.Traced = 50.0,
        rotation_unit: typing.Literal["radians", "degrees"] = "radians",
    ) -> jax.Array: ...

class _FrequencyGainOutputs(workflow.Outputs):
    timeseries: typing.Any

class FrequencyGain(workflow.Task[_FrequencyGainOutputs]):
    """Multiply the spectrum of each column by a gain, freely chosen or learned at each frequency."""

    Outputs: typing.TypeAlias = _FrequencyGainOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        gain: accepted.Values | None = None,
        response: accepted.Values | None = None,
        frequencies: accepted.Data | None = None,
        tr: accepted.Number | None = None,
        power: typing.Literal[1, 2] | accepted.Lazy = 1,
        clamp: tuple[tuple[int, float], ...] | accepted.Lazy = ...,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        gain: accepted.Traced | None = None,
        response: accepted.Traced | None = None,
        frequencies: accepted.Traced | None = None,
        tr: accepted.Traced | None = None,
        power: typing.Literal[1, 2] = 1,
        clamp: tuple[tuple[int, float], ...] = ...,
    ) -> jax.Array: ...

class _GateConfoundsOutputs(workflow.Outputs):
    timeseries: typing.Any

class GateConfounds(workflow.Task[_GateConfoundsOutputs]):
    """Subtract what the confounds explain, each as far as its gate is open: a learnable choice of confounds."""

    Outputs: typing.TypeAlias = _GateConfoundsOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        confounds: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        gates: accepted.Values | None = None,
        penalty: accepted.Number = 1.0,
        intercept: bool | accepted.Lazy = True,
        first_row: typing.Literal["copy_second", "zero"] | accepted.Lazy = "copy_second",
        terms: accepted.Data | None = None,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        confounds: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        gates: accepted.Traced | None = None,
        penalty: accepted.Traced = 1.0,
        intercept: bool = True,
        first_row: typing.Literal["copy_second", "zero"] = "copy_second",
        terms: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _GloverDesignOutputs(workflow.Outputs):
    design: typing.Any

class GloverDesign(workflow.Task[_GloverDesignOutputs]):
    """Convolve stimuli with the haemodynamic response of Glover, whose delay and dispersion can be learned."""

    Outputs: typing.TypeAlias = _GloverDesignOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        stimulus: accepted.Data = ...,
        tr: accepted.Number = ...,
        earlier: accepted.Data | None = None,
        delay: accepted.Number = 6.0,
        dispersion: accepted.Number = 0.9,
        undershoot: accepted.Number = 12.0,
        undershoot_dispersion: accepted.Number = 0.9,
        ratio: accepted.Number = 0.48,
        derivatives: typing.Literal["none", "time", "time and dispersion"] | accepted.Lazy = "none",
        lags: int | None | accepted.Lazy | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        stimulus: accepted.Traced,
        tr: accepted.Traced,
        earlier: accepted.Traced | None = None,
        delay: accepted.Traced = 6.0,
        dispersion: accepted.Traced = 0.9,
        undershoot: accepted.Traced = 12.0,
        undershoot_dispersion: accepted.Traced = 0.9,
        ratio: accepted.Traced = 0.48,
        derivatives: typing.Literal["none", "time", "time and dispersion"] = "none",
        lags: int | None = None,
    ) -> jax.Array: ...

class _GraphicalLassoOutputs(workflow.Outputs):
    covariance: typing.Any
    precision: typing.Any

class GraphicalLasso(workflow.Task[_GraphicalLassoOutputs]):
    """Estimate a sparse precision P: the smallest tr(S P) - log det P + penalty sum_{i != j} |P_ij|."""

    Outputs: typing.TypeAlias = _GraphicalLassoOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        covariance: accepted.Data = ...,
        penalty: accepted.Number = 0.1,
    ) -> None: ...
    @staticmethod
    def pure(
        covariance: accepted.Traced,
        penalty: accepted.Traced = 0.1,
    ) -> tuple[jax.Array, jax.Array]: ...

class _GroupShrinkageOutputs(workflow.Outputs):
    covariances: typing.Any

class GroupShrinkage(workflow.Task[_GroupShrinkageOutputs]):
    """Shrink each subject's covariance towards the group: (1 - a) S + a T."""

    Outputs: typing.TypeAlias = _GroupShrinkageOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        covariances: accepted.Data = ...,
        shrinkage: accepted.Values = ...,
        target: accepted.Values | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        covariances: accepted.Traced,
        shrinkage: accepted.Traced,
        target: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _HiddenMarkovOutputs(workflow.Outputs):
    state_weights: typing.Any
    log_likelihood: typing.Any

class HiddenMarkov(workflow.Task[_HiddenMarkovOutputs]):
    """Find how likely each state is in each frame, of a Gaussian hidden Markov model."""

    Outputs: typing.TypeAlias = _HiddenMarkovOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        covariances: accepted.Values = ...,
        transitions: accepted.Values = ...,
        means: accepted.Values | None = None,
        initial: accepted.Values | None = None,
        frame_weights: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        covariances: accepted.Traced,
        transitions: accepted.Traced,
        means: accepted.Traced | None = None,
        initial: accepted.Traced | None = None,
        frame_weights: accepted.Traced | None = None,
    ) -> tuple[jax.Array, jax.Array]: ...

class _HighPassOutputs(workflow.Outputs):
    timeseries: typing.Any

class HighPass(workflow.Task[_HighPassOutputs]):
    """Keep the frequencies above a cut-off (Hz), without shifting phases; the mean is removed."""

    Outputs: typing.TypeAlias = _HighPassOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        cutoff: accepted.Number = 0.01,
        order: accepted.Number = 2.0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        cutoff: accepted.Traced = 0.01,
        order: accepted.Traced = 2.0,
    ) -> jax.Array: ...

class _ImaginaryCoherenceOutputs(workflow.Outputs):
    connectome: typing.Any

class ImaginaryCoherence(workflow.Task[_ImaginaryCoherenceOutputs]):
    """Measure the imaginary part of each pair's coherency, its mean over the frequencies of a band."""

    Outputs: typing.TypeAlias = _ImaginaryCoherenceOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        frame_weights: accepted.Data | None = None,
        low: accepted.Number = 0.01,
        high: accepted.Number = 0.1,
        softness: accepted.Number = 0.0,
        length: int | accepted.Lazy = 64,
        absolute: bool | accepted.Lazy = False,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        low: accepted.Traced = 0.01,
        high: accepted.Traced = 0.1,
        softness: accepted.Traced = 0.0,
        length: int = 64,
        absolute: bool = False,
    ) -> jax.Array: ...

class _IndependentComponentsOutputs(workflow.Outputs):
    sources: typing.Any
    mixing: typing.Any

class IndependentComponents(workflow.Task[_IndependentComponentsOutputs]):
    """Unmix samples into sources that are as independent as possible (FastICA, symmetric, log cosh)."""

    Outputs: typing.TypeAlias = _IndependentComponentsOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        samples: accepted.Data = ...,
        components: int | accepted.Lazy = ...,
        sample_weights: accepted.Data | None = None,
        updates: int | accepted.Lazy = 100,
    ) -> None: ...
    @staticmethod
    def pure(
        samples: accepted.Traced,
        components: int,
        sample_weights: accepted.Traced | None = None,
        updates: int = 100,
    ) -> tuple[jax.Array, jax.Array]: ...

class _IndividualMapsOutputs(workflow.Outputs):
    maps: typing.Any

class IndividualMaps(workflow.Task[_IndividualMapsOutputs]):
    """Make one person's maps from a group's and a deviation from them: in each voxel softmax(log maps + deviation)."""

    Outputs: typing.TypeAlias = _IndividualMapsOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        maps: accepted.Data = ...,
        deviation: accepted.Values | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        maps: accepted.Traced,
        deviation: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _InterpolateOutputs(workflow.Outputs):
    timeseries: typing.Any

class Interpolate(workflow.Task[_InterpolateOutputs]):
    """Replace censored frames by what their kept neighbours suggest; kept frames stay exactly as they are."""

    Outputs: typing.TypeAlias = _InterpolateOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data = ...,
        method: typing.Literal["linear", "spline"] | accepted.Lazy = "linear",
        boundary: typing.Literal["natural", "not-a-knot"] | accepted.Lazy = "natural",
        ends: typing.Literal["hold", "extrapolate"] | accepted.Lazy = "hold",
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced,
        method: typing.Literal["linear", "spline"] = "linear",
        boundary: typing.Literal["natural", "not-a-knot"] = "natural",
        ends: typing.Literal["hold", "extrapolate"] = "hold",
    ) -> jax.Array: ...

class _JenkinsonDisplacementOutputs(workflow.Outputs):
    framewise_displacement: typing.Any

class JenkinsonDisplacement(workflow.Task[_JenkinsonDisplacementOutputs]):
    """Measure how far the points of a sphere move from the frame before: the root of their mean squared way."""

    Outputs: typing.TypeAlias = _JenkinsonDisplacementOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        motion: accepted.Data = ...,
        radius: accepted.Number = 80.0,
        center: tuple[float, float, float] | accepted.Lazy = ...,
        rotation_unit: typing.Literal["radians", "degrees"] | accepted.Lazy = "radians",
    ) -> None: ...
    @staticmethod
    def pure(
        motion: accepted.Traced,
        radius: accepted.Traced = 80.0,
        center: tuple[float, float, float] = ...,
        rotation_unit: typing.Literal["radians", "degrees"] = "radians",
    ) -> jax.Array: ...

class _KeepFramesOutputs(workflow.Outputs):
    timeseries: typing.Any

class KeepFrames(workflow.Task[_KeepFramesOutputs]):
    """Leave out the censored frames, as AFNI's -cenmode KILL does; filters must come before."""

    Outputs: typing.TypeAlias = _KeepFramesOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data = ...,
        frames: tuple[int, ...] | None | accepted.Lazy | None = None,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced,
        frames: tuple[int, ...] | None = None,
    ) -> jax.Array: ...

class _KernelRidgeOutputs(workflow.Outputs):
    prediction: typing.Any

class KernelRidge(workflow.Task[_KernelRidgeOutputs]):
    """Predict a number for each subject by kernel ridge regression on the weighted ones."""

    Outputs: typing.TypeAlias = _KernelRidgeOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        features: accepted.Data = ...,
        targets: accepted.Data = ...,
        subject_weights: accepted.Data | None = None,
        kernel: typing.Literal["linear", "correlation", "rbf"] | accepted.Lazy = "linear",
        penalty: accepted.Number = 1.0,
        gamma: accepted.Number | None = None,
        intercept: bool | accepted.Lazy = True,
    ) -> None: ...
    @staticmethod
    def pure(
        features: accepted.Traced,
        targets: accepted.Traced,
        subject_weights: accepted.Traced | None = None,
        kernel: typing.Literal["linear", "correlation", "rbf"] = "linear",
        penalty: accepted.Traced = 1.0,
        gamma: accepted.Traced | None = None,
        intercept: bool = True,
    ) -> jax.Array: ...

class _LagMapsOutputs(workflow.Outputs):
    lag: typing.Any
    peak: typing.Any
    lag_map: typing.Any

class LagMaps(workflow.Task[_LagMapsOutputs]):
    """Find by how much each column follows each other: the lag of the extreme cross-correlation."""

    Outputs: typing.TypeAlias = _LagMapsOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        frame_weights: accepted.Data | None = None,
        max_lag: int | accepted.Lazy = 4,
        adjusted: bool | accepted.Lazy = True,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        max_lag: int = 4,
        adjusted: bool = True,
    ) -> tuple[jax.Array, jax.Array, jax.Array]: ...

class _LagWeightedCovarianceOutputs(workflow.Outputs):
    covariance: typing.Any

class LagWeightedCovariance(workflow.Task[_LagWeightedCovarianceOutputs]):
    """Estimate one covariance in which pairs of frames some lags apart count too: X' A X / n, with A Toeplitz."""

    Outputs: typing.TypeAlias = _LagWeightedCovarianceOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        lag_weights: accepted.Values | None = None,
        frame_weights: accepted.Data | None = None,
        ddof: int | accepted.Lazy = 1,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        lag_weights: accepted.Traced | None = None,
        frame_weights: accepted.Traced | None = None,
        ddof: int = 1,
    ) -> jax.Array: ...

class _LaggedCoherenceOutputs(workflow.Outputs):
    connectome: typing.Any

class LaggedCoherence(workflow.Task[_LaggedCoherenceOutputs]):
    """Measure the coherence of each pair that is not instantaneous, its mean over the frequencies of a band."""

    Outputs: typing.TypeAlias = _LaggedCoherenceOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        frame_weights: accepted.Data | None = None,
        low: accepted.Number = 0.01,
        high: accepted.Number = 0.1,
        softness: accepted.Number = 0.0,
        length: int | accepted.Lazy = 64,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        low: accepted.Traced = 0.01,
        high: accepted.Traced = 0.1,
        softness: accepted.Traced = 0.0,
        length: int = 64,
    ) -> jax.Array: ...

class _LaggedCovarianceOutputs(workflow.Outputs):
    covariance: typing.Any

class LaggedCovariance(workflow.Task[_LaggedCovarianceOutputs]):
    """Estimate the covariance of each column with each other some frames later, for lags from 0 up."""

    Outputs: typing.TypeAlias = _LaggedCovarianceOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        max_lag: int | accepted.Lazy = 5,
        ddof: int | accepted.Lazy = 1,
        adjusted: bool | accepted.Lazy = False,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        max_lag: int = 5,
        ddof: int = 1,
        adjusted: bool = False,
    ) -> jax.Array: ...

class _LedoitWolfOutputs(workflow.Outputs):
    covariance: typing.Any

class LedoitWolf(workflow.Task[_LedoitWolfOutputs]):
    """Estimate a covariance shrunk towards a multiple of the identity by Ledoit and Wolf's amount."""

    Outputs: typing.TypeAlias = _LedoitWolfOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _LocalTissueMeanOutputs(workflow.Outputs):
    voxel_confounds: typing.Any

class LocalTissueMean(workflow.Task[_LocalTissueMeanOutputs]):
    """Average a tissue around each voxel, near voxels more than far ones: the local regressor of ANATICOR."""

    Outputs: typing.TypeAlias = _LocalTissueMeanOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tissue: accepted.Values = ...,
        voxels: accepted.Data = ...,
        voxel_size: tuple[float, ...] | accepted.Lazy = ...,
        fwhm: accepted.Number = 30.0,
        truncate: accepted.Number = 4.0,
        shape: tuple[int, ...] | None | accepted.Lazy | None = None,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tissue: accepted.Traced,
        voxels: accepted.Traced,
        voxel_size: tuple[float, ...],
        fwhm: accepted.Traced = 30.0,
        truncate: accepted.Traced = 4.0,
        shape: tuple[int, ...] | None = None,
    ) -> jax.Array: ...

class _LogisticRegressionOutputs(workflow.Outputs):
    decision: typing.Any
    probability: typing.Any

class LogisticRegression(workflow.Task[_LogisticRegressionOutputs]):
    """Predict the probability of class 1 for each subject by logistic regression on the weighted ones."""

    Outputs: typing.TypeAlias = _LogisticRegressionOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        features: accepted.Data = ...,
        targets: accepted.Data = ...,
        subject_weights: accepted.Data | None = None,
        kernel: typing.Literal["linear", "correlation", "rbf"] | accepted.Lazy = "linear",
        penalty: accepted.Number = 1.0,
        gamma: accepted.Number | None = None,
        intercept: bool | accepted.Lazy = True,
    ) -> None: ...
    @staticmethod
    def pure(
        features: accepted.Traced,
        targets: accepted.Traced,
        subject_weights: accepted.Traced | None = None,
        kernel: typing.Literal["linear", "correlation", "rbf"] = "linear",
        penalty: accepted.Traced = 1.0,
        gamma: accepted.Traced | None = None,
        intercept: bool = True,
    ) -> tuple[jax.Array, jax.Array]: ...

class _LowPassOutputs(workflow.Outputs):
    timeseries: typing.Any

class LowPass(workflow.Task[_LowPassOutputs]):
    """Keep the frequencies below a cut-off (Hz), without shifting phases; the mean stays."""

    Outputs: typing.TypeAlias = _LowPassOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        cutoff: accepted.Number = 0.1,
        order: accepted.Number = 2.0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        cutoff: accepted.Traced = 0.1,
        order: accepted.Traced = 2.0,
    ) -> jax.Array: ...

class _MarkFramesOutputs(workflow.Outputs):
    frame_weights: typing.Any

class MarkFrames(workflow.Task[_MarkFramesOutputs]):
    """Weight the frames of a list 1 and all others 0, as nilearn's `sample_mask` keeps them."""

    Outputs: typing.TypeAlias = _MarkFramesOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frames: accepted.Data = ...,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frames: accepted.Traced,
    ) -> jax.Array: ...

class _ModularityOutputs(workflow.Outputs):
    modularity: typing.Any

class Modularity(workflow.Task[_ModularityOutputs]):
    """Measure the modularity Q of soft communities; to find communities, maximise it."""

    Outputs: typing.TypeAlias = _ModularityOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
        affiliation: accepted.Values = ...,
        coupling: accepted.Values | None = None,
        resolution: accepted.Number = 1.0,
        negative: typing.Literal["asymmetric", "gomez", "ignore"] | accepted.Lazy = "asymmetric",
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
        affiliation: accepted.Traced,
        coupling: accepted.Traced | None = None,
        resolution: accepted.Traced = 1.0,
        negative: typing.Literal["asymmetric", "gomez", "ignore"] = "asymmetric",
    ) -> jax.Array: ...

class _MutualInformationOutputs(workflow.Outputs):
    connectome: typing.Any

class MutualInformation(workflow.Task[_MutualInformationOutputs]):
    """Measure what each pair of series tells of each other, in nats, by counting frames in bins."""

    Outputs: typing.TypeAlias = _MutualInformationOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        bins: int | accepted.Lazy = 8,
        assignment: typing.Literal["linear", "hard"] | accepted.Lazy = "linear",
        normalized: bool | accepted.Lazy = False,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        bins: int = 8,
        assignment: typing.Literal["linear", "hard"] = "linear",
        normalized: bool = False,
    ) -> jax.Array: ...

class _NodeStrengthOutputs(workflow.Outputs):
    strength: typing.Any

class NodeStrength(workflow.Task[_NodeStrengthOutputs]):
    """Sum the weights of each parcel's connections; the diagonal does not count."""

    Outputs: typing.TypeAlias = _NodeStrengthOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
        sign: typing.Literal["positive", "negative", "all"] | accepted.Lazy = "all",
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
        sign: typing.Literal["positive", "negative", "all"] = "all",
    ) -> jax.Array: ...

class _NonAggressiveRegressionOutputs(workflow.Outputs):
    timeseries: typing.Any

class NonAggressiveRegression(workflow.Task[_NonAggressiveRegressionOutputs]):
    """Subtract the noise components' part of a fit of all components together, so that shared variance stays."""

    Outputs: typing.TypeAlias = _NonAggressiveRegressionOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        components: accepted.Data = ...,
        noise: accepted.Values = ...,
        frame_weights: accepted.Data | None = None,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        components: accepted.Traced,
        noise: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _NonnegativeFactorsOutputs(workflow.Outputs):
    activations: typing.Any
    parts: typing.Any

class NonnegativeFactors(workflow.Task[_NonnegativeFactorsOutputs]):
    """Take samples apart into few parts that only add up (non-negative matrix factorisation)."""

    Outputs: typing.TypeAlias = _NonnegativeFactorsOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        samples: accepted.Data = ...,
        parts: accepted.Values = ...,
        sample_weights: accepted.Data | None = None,
        updates: int | accepted.Lazy = 100,
    ) -> None: ...
    @staticmethod
    def pure(
        samples: accepted.Traced,
        parts: accepted.Traced,
        sample_weights: accepted.Traced | None = None,
        updates: int = 100,
    ) -> tuple[jax.Array, jax.Array]: ...

class _NormalizedCutOutputs(workflow.Outputs):
    cut: typing.Any

class NormalizedCut(workflow.Task[_NormalizedCutOutputs]):
    """Measure how much of the communities' strength leads out of them; to find communities, minimise it."""

    Outputs: typing.TypeAlias = _NormalizedCutOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
        affiliation: accepted.Values = ...,
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
        affiliation: accepted.Traced,
    ) -> jax.Array: ...

class _OasOutputs(workflow.Outputs):
    covariance: typing.Any

class Oas(workflow.Task[_OasOutputs]):
    """Estimate a covariance shrunk towards a multiple of the identity by the oracle approximating amount."""

    Outputs: typing.TypeAlias = _OasOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _ParcelEigenvariatesOutputs(workflow.Outputs):
    timeseries: typing.Any

class ParcelEigenvariates(workflow.Task[_ParcelEigenvariatesOutputs]):
    """Find the first eigenvariate of each parcel: the course along which its voxels vary most."""

    Outputs: typing.TypeAlias = _ParcelEigenvariatesOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        labels: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        parcels: tuple[int, ...] | None | accepted.Lazy | None = None,
        size: int | None | accepted.Lazy | None = None,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        labels: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        parcels: tuple[int, ...] | None = None,
        size: int | None = None,
    ) -> jax.Array: ...

class _ParcellateOutputs(workflow.Outputs):
    timeseries: typing.Any

class Parcellate(workflow.Task[_ParcellateOutputs]):
    """Average the series of each parcel."""

    Outputs: typing.TypeAlias = _ParcellateOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        labels: accepted.Data = ...,
        parcels: tuple[int, ...] | None | accepted.Lazy | None = None,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        labels: accepted.Traced,
        parcels: tuple[int, ...] | None = None,
    ) -> jax.Array: ...

class _PartialCorrelationOutputs(workflow.Outputs):
    connectome: typing.Any

class PartialCorrelation(workflow.Task[_PartialCorrelationOutputs]):
    """Correlate each pair given all others: -P_ij / sqrt(P_ii P_jj) with P the inverse of (S + penalty I)."""

    Outputs: typing.TypeAlias = _PartialCorrelationOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        covariance: accepted.Data = ...,
        penalty: accepted.Number = 0.0,
    ) -> None: ...
    @staticmethod
    def pure(
        covariance: accepted.Traced,
        penalty: accepted.Traced = 0.0,
    ) -> jax.Array: ...

class _ParticipationCoefficientOutputs(workflow.Outputs):
    participation: typing.Any

class ParticipationCoefficient(workflow.Task[_ParticipationCoefficientOutputs]):
    """Measure how evenly each parcel's connections spread over communities: 0 for one, near 1 for many."""

    Outputs: typing.TypeAlias = _ParticipationCoefficientOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
        affiliation: accepted.Values = ...,
        sign: typing.Literal["positive", "negative", "all"] | accepted.Lazy = "positive",
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
        affiliation: accepted.Traced,
        sign: typing.Literal["positive", "negative", "all"] = "positive",
    ) -> jax.Array: ...

class _PhaseLagIndexOutputs(workflow.Outputs):
    connectome: typing.Any

class PhaseLagIndex(workflow.Task[_PhaseLagIndexOutputs]):
    """Measure how consistently one of each pair leads (weighted phase lag index), its mean over a band."""

    Outputs: typing.TypeAlias = _PhaseLagIndexOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        frame_weights: accepted.Data | None = None,
        low: accepted.Number = 0.01,
        high: accepted.Number = 0.1,
        softness: accepted.Number = 0.0,
        length: int | accepted.Lazy = 64,
        kind: typing.Literal["weighted", "debiased"] | accepted.Lazy = "weighted",
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        low: accepted.Traced = 0.01,
        high: accepted.Traced = 0.1,
        softness: accepted.Traced = 0.0,
        length: int = 64,
        kind: typing.Literal["weighted", "debiased"] = "weighted",
    ) -> jax.Array: ...

class _PhaseLockingOutputs(workflow.Outputs):
    connectome: typing.Any

class PhaseLocking(workflow.Task[_PhaseLockingOutputs]):
    """Measure how constant the phase difference of each pair stays (phase-locking value)."""

    Outputs: typing.TypeAlias = _PhaseLockingOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _PrecisionOutputs(workflow.Outputs):
    precision: typing.Any

class Precision(workflow.Task[_PrecisionOutputs]):
    """Invert a covariance: (S + penalty I)^-1."""

    Outputs: typing.TypeAlias = _PrecisionOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        covariance: accepted.Data = ...,
        penalty: accepted.Number = 0.0,
    ) -> None: ...
    @staticmethod
    def pure(
        covariance: accepted.Traced,
        penalty: accepted.Traced = 0.0,
    ) -> jax.Array: ...

class _ProcrustesOutputs(workflow.Outputs):
    timeseries: typing.Any
    rotation: typing.Any

class Procrustes(workflow.Task[_ProcrustesOutputs]):
    """Rotate (and reflect) the parcels of one person so that the series come nearest to a target (hyperalignment)."""

    Outputs: typing.TypeAlias = _ProcrustesOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        target: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        scale: bool | accepted.Lazy = False,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        target: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        scale: bool = False,
    ) -> tuple[jax.Array, jax.Array]: ...

class _ProjectMapsOutputs(workflow.Outputs):
    timeseries: typing.Any

class ProjectMaps(workflow.Task[_ProjectMapsOutputs]):
    """Project the series on soft maps: their weighted means, or the amplitudes that together fit the frames best."""

    Outputs: typing.TypeAlias = _ProjectMapsOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        maps: accepted.Data = ...,
        method: typing.Literal["mean", "least_squares"] | accepted.Lazy = "mean",
        penalty: accepted.Number = 0.0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        maps: accepted.Traced,
        method: typing.Literal["mean", "least_squares"] = "mean",
        penalty: accepted.Traced = 0.0,
    ) -> jax.Array: ...

class _ProjectOutOutputs(workflow.Outputs):
    timeseries: typing.Any

class ProjectOut(workflow.Task[_ProjectOutOutputs]):
    """Subtract what polynomials, frequencies outside a band and confounds explain together, by one projection."""

    Outputs: typing.TypeAlias = _ProjectOutOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        confounds: accepted.Data | None = None,
        frame_weights: accepted.Data | None = None,
        tr: accepted.Number | None = None,
        low: accepted.Number | None = None,
        high: accepted.Number | None = None,
        softness: accepted.Number = 0.0,
        degree: int | accepted.Lazy = 2,
        stopbands: tuple[tuple[float, float], ...] | accepted.Lazy = ...,
        censored: typing.Literal["residual", "zero"] | accepted.Lazy = "residual",
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        confounds: accepted.Traced | None = None,
        frame_weights: accepted.Traced | None = None,
        tr: accepted.Traced | None = None,
        low: accepted.Traced | None = None,
        high: accepted.Traced | None = None,
        softness: accepted.Traced = 0.0,
        degree: int = 2,
        stopbands: tuple[tuple[float, float], ...] = ...,
        censored: typing.Literal["residual", "zero"] = "residual",
    ) -> jax.Array: ...

class _PsychophysiologicalInteractionOutputs(workflow.Outputs):
    interactions: typing.Any

class PsychophysiologicalInteraction(workflow.Task[_PsychophysiologicalInteractionOutputs]):
    """Estimate how much stronger each parcel's connection to each other one is during each condition (gPPI)."""

    Outputs: typing.TypeAlias = _PsychophysiologicalInteractionOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        design: accepted.Data = ...,
        confounds: accepted.Data | None = None,
        frame_weights: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        design: accepted.Traced,
        confounds: accepted.Traced | None = None,
        frame_weights: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _ReHoOutputs(workflow.Outputs):
    reho: typing.Any

class ReHo(workflow.Task[_ReHoOutputs]):
    """Measure how alike each column and its neighbours go up and down: Kendall's W of their ranks over time."""

    Outputs: typing.TypeAlias = _ReHoOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        edges: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        softness: accepted.Number = 0.0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        edges: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        softness: accepted.Traced = 0.0,
    ) -> jax.Array: ...

class _RegressConfoundsOutputs(workflow.Outputs):
    timeseries: typing.Any

class RegressConfounds(workflow.Task[_RegressConfoundsOutputs]):
    """Subtract what the confounds explain, estimated on the weighted frames and removed from all."""

    Outputs: typing.TypeAlias = _RegressConfoundsOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        confounds: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        penalty: accepted.Number = 0.0,
        intercept: bool | accepted.Lazy = True,
        first_row: typing.Literal["copy_second", "zero"] | accepted.Lazy = "copy_second",
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        confounds: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        penalty: accepted.Traced = 0.0,
        intercept: bool = True,
        first_row: typing.Literal["copy_second", "zero"] = "copy_second",
    ) -> jax.Array: ...

class _RegressVoxelwiseOutputs(workflow.Outputs):
    timeseries: typing.Any

class RegressVoxelwise(workflow.Task[_RegressVoxelwiseOutputs]):
    """Subtract from each voxel what its own regressor explains, fitted together with confounds that all voxels share."""

    Outputs: typing.TypeAlias = _RegressVoxelwiseOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        voxel_confounds: accepted.Data = ...,
        confounds: accepted.Data | None = None,
        frame_weights: accepted.Data | None = None,
        penalty: accepted.Number = 0.0,
        intercept: bool | accepted.Lazy = True,
        first_row: typing.Literal["copy_second", "zero"] | accepted.Lazy = "copy_second",
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        voxel_confounds: accepted.Traced,
        confounds: accepted.Traced | None = None,
        frame_weights: accepted.Traced | None = None,
        penalty: accepted.Traced = 0.0,
        intercept: bool = True,
        first_row: typing.Literal["copy_second", "zero"] = "copy_second",
    ) -> jax.Array: ...

class _RestoreMeanOutputs(workflow.Outputs):
    timeseries: typing.Any

class RestoreMean(workflow.Task[_RestoreMeanOutputs]):
    """Add the mean of a reference to each column: before percent signal change of series that were filtered."""

    Outputs: typing.TypeAlias = _RestoreMeanOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        reference: accepted.Data = ...,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        reference: accepted.Traced,
    ) -> jax.Array: ...

class _RidgeConnectivityOutputs(workflow.Outputs):
    connectome: typing.Any

class RidgeConnectivity(workflow.Task[_RidgeConnectivityOutputs]):
    """Regress each parcel on all others together, with ridge; row i holds the coefficients that explain parcel i."""

    Outputs: typing.TypeAlias = _RidgeConnectivityOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        penalty: accepted.Number = 0.1,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        penalty: accepted.Traced = 0.1,
    ) -> jax.Array: ...

class _RunningLineFilterOutputs(workflow.Outputs):
    timeseries: typing.Any

class RunningLineFilter(workflow.Task[_RunningLineFilterOutputs]):
    """Subtract from each frame the straight line fitted around it, then smooth by a Gaussian: `fslmaths -bptf`."""

    Outputs: typing.TypeAlias = _RunningLineFilterOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        highpass_sigma: accepted.Number | None = 50.0,
        lowpass_sigma: accepted.Number | None = None,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        highpass_sigma: accepted.Traced | None = 50.0,
        lowpass_sigma: accepted.Traced | None = None,
    ) -> jax.Array: ...

class _SeedCorrelationOutputs(workflow.Outputs):
    maps: typing.Any

class SeedCorrelation(workflow.Task[_SeedCorrelationOutputs]):
    """Correlate every place of an image with the series of seeds or parcels: one map for each."""

    Outputs: typing.TypeAlias = _SeedCorrelationOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        seeds: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        fisher_z: bool | accepted.Lazy = False,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        seeds: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        fisher_z: bool = False,
    ) -> jax.Array: ...

class _SharedResponseOutputs(workflow.Outputs):
    shared: typing.Any
    bases: typing.Any

class SharedResponse(workflow.Task[_SharedResponseOutputs]):
    """Find the response that people share while they see or hear the same, and each one's basis for it."""

    Outputs: typing.TypeAlias = _SharedResponseOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        series: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        components: int | accepted.Lazy = 10,
        iterations: int | accepted.Lazy = 10,
    ) -> None: ...
    @staticmethod
    def pure(
        series: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        components: int = 10,
        iterations: int = 10,
    ) -> tuple[jax.Array, jax.Array]: ...

class _ShrinkCovarianceOutputs(workflow.Outputs):
    covariance: typing.Any

class ShrinkCovariance(workflow.Task[_ShrinkCovarianceOutputs]):
    """Shrink a covariance towards a multiple of the identity: (1 - a) S + a mean(diag S) I."""

    Outputs: typing.TypeAlias = _ShrinkCovarianceOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        covariance: accepted.Data = ...,
        shrinkage: accepted.Number = 0.1,
    ) -> None: ...
    @staticmethod
    def pure(
        covariance: accepted.Traced,
        shrinkage: accepted.Traced = 0.1,
    ) -> jax.Array: ...

class _SmoothGeodesicOutputs(workflow.Outputs):
    timeseries: typing.Any

class SmoothGeodesic(workflow.Task[_SmoothGeodesicOutputs]):
    """Smooth each frame along a surface with a Gaussian of the distance on it."""

    Outputs: typing.TypeAlias = _SmoothGeodesicOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        neighbors: accepted.Data = ...,
        distances: accepted.Data = ...,
        areas: accepted.Data | None = None,
        fwhm: accepted.Number = 6.0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        neighbors: accepted.Traced,
        distances: accepted.Traced,
        areas: accepted.Traced | None = None,
        fwhm: accepted.Traced = 6.0,
    ) -> jax.Array: ...

class _SmoothSurfaceOutputs(workflow.Outputs):
    timeseries: typing.Any

class SmoothSurface(workflow.Task[_SmoothSurfaceOutputs]):
    """Smooth each frame along a surface (or any graph) by the diffusion of heat."""

    Outputs: typing.TypeAlias = _SmoothSurfaceOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        edges: accepted.Data = ...,
        edge_weights: accepted.Data | None = None,
        areas: accepted.Data | None = None,
        fwhm: accepted.Number = 6.0,
        steps: int | accepted.Lazy = 4,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        edges: accepted.Traced,
        edge_weights: accepted.Traced | None = None,
        areas: accepted.Traced | None = None,
        fwhm: accepted.Traced = 6.0,
        steps: int = 4,
    ) -> jax.Array: ...

class _SmoothVolumeOutputs(workflow.Outputs):
    timeseries: typing.Any

class SmoothVolume(workflow.Task[_SmoothVolumeOutputs]):
    """Smooth each frame on its grid with a Gaussian, axis by axis."""

    Outputs: typing.TypeAlias = _SmoothVolumeOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        voxels: accepted.Data = ...,
        voxel_size: tuple[float, ...] | accepted.Lazy = ...,
        fwhm: accepted.Number = 6.0,
        normalize: bool | accepted.Lazy = True,
        truncate: accepted.Number = 4.0,
        shape: tuple[int, ...] | None | accepted.Lazy | None = None,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        voxels: accepted.Traced,
        voxel_size: tuple[float, ...],
        fwhm: accepted.Traced = 6.0,
        normalize: bool = True,
        truncate: accepted.Traced = 4.0,
        shape: tuple[int, ...] | None = None,
    ) -> jax.Array: ...

class _SoftKMeansOutputs(workflow.Outputs):
    affiliation: typing.Any
    centers: typing.Any

class SoftKMeans(workflow.Task[_SoftKMeansOutputs]):
    """Assign samples to the nearest center, softly, after moving the centers to the means of their samples."""

    Outputs: typing.TypeAlias = _SoftKMeansOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        samples: accepted.Data = ...,
        centers: accepted.Values = ...,
        sample_weights: accepted.Data | None = None,
        temperature: accepted.Number = 0.0,
        updates: int | accepted.Lazy = 0,
    ) -> None: ...
    @staticmethod
    def pure(
        samples: accepted.Traced,
        centers: accepted.Traced,
        sample_weights: accepted.Traced | None = None,
        temperature: accepted.Traced = 0.0,
        updates: int = 0,
    ) -> tuple[jax.Array, jax.Array]: ...

class _SoftThresholdOutputs(workflow.Outputs):
    connectome: typing.Any

class SoftThreshold(workflow.Task[_SoftThresholdOutputs]):
    """Keep the strongest connections, up to a density; the others and the diagonal become zero."""

    Outputs: typing.TypeAlias = _SoftThresholdOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
        density: accepted.Number = 0.1,
        softness: accepted.Number = 0.0,
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
        density: accepted.Traced = 0.1,
        softness: accepted.Traced = 0.0,
    ) -> jax.Array: ...

class _SpanningTreeOutputs(workflow.Outputs):
    connectome: typing.Any

class SpanningTree(workflow.Task[_SpanningTreeOutputs]):
    """Keep the strongest connections that join all parcels without a loop (the maximum spanning tree)."""

    Outputs: typing.TypeAlias = _SpanningTreeOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
        softness: accepted.Number = 0.0,
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
        softness: accepted.Traced = 0.0,
    ) -> jax.Array: ...

class _SparseCodesOutputs(workflow.Outputs):
    codes: typing.Any

class SparseCodes(workflow.Task[_SparseCodesOutputs]):
    """Write each sample as a sum of few atoms of a dictionary: the lasso, by accelerated proximal steps."""

    Outputs: typing.TypeAlias = _SparseCodesOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        samples: accepted.Data = ...,
        atoms: accepted.Values = ...,
        penalty: accepted.Number = 0.1,
        updates: int | accepted.Lazy = 200,
    ) -> None: ...
    @staticmethod
    def pure(
        samples: accepted.Traced,
        atoms: accepted.Traced,
        penalty: accepted.Traced = 0.1,
        updates: int = 200,
    ) -> jax.Array: ...

class _SpdMeanOutputs(workflow.Outputs):
    covariance: typing.Any

class SpdMean(workflow.Task[_SpdMeanOutputs]):
    """Average positive definite matrices, in one of four geometries."""

    Outputs: typing.TypeAlias = _SpdMeanOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        covariances: accepted.Data = ...,
        subject_weights: accepted.Data | None = None,
        kind: typing.Literal["euclidean", "harmonic", "log-euclidean", "karcher"] | accepted.Lazy = "karcher",
    ) -> None: ...
    @staticmethod
    def pure(
        covariances: accepted.Traced,
        subject_weights: accepted.Traced | None = None,
        kind: typing.Literal["euclidean", "harmonic", "log-euclidean", "karcher"] = "karcher",
    ) -> jax.Array: ...

class _SpectralInterpolateOutputs(workflow.Outputs):
    timeseries: typing.Any

class SpectralInterpolate(workflow.Task[_SpectralInterpolateOutputs]):
    """Replace censored frames by sines and cosines fitted together to the kept ones, which stay exactly as they are."""

    Outputs: typing.TypeAlias = _SpectralInterpolateOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data = ...,
        tr: accepted.Number = ...,
        cutoff: accepted.Number = 0.1,
        softness: accepted.Number = 0.0,
        penalty: accepted.Number = 0.1,
        oversampling: int | accepted.Lazy = 4,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced,
        tr: accepted.Traced,
        cutoff: accepted.Traced = 0.1,
        softness: accepted.Traced = 0.0,
        penalty: accepted.Traced = 0.1,
        oversampling: int = 4,
    ) -> jax.Array: ...

class _SpmDesignOutputs(workflow.Outputs):
    design: typing.Any

class SpmDesign(workflow.Task[_SpmDesignOutputs]):
    """Convolve stimuli with the haemodynamic response of SPM, whose delay and dispersion can be learned."""

    Outputs: typing.TypeAlias = _SpmDesignOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        stimulus: accepted.Data = ...,
        tr: accepted.Number = ...,
        earlier: accepted.Data | None = None,
        delay: accepted.Number = 6.0,
        dispersion: accepted.Number = 1.0,
        undershoot: accepted.Number = 16.0,
        undershoot_dispersion: accepted.Number = 1.0,
        ratio: accepted.Number = 0.167,
        derivatives: typing.Literal["none", "time", "time and dispersion"] | accepted.Lazy = "none",
        lags: int | None | accepted.Lazy | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        stimulus: accepted.Traced,
        tr: accepted.Traced,
        earlier: accepted.Traced | None = None,
        delay: accepted.Traced = 6.0,
        dispersion: accepted.Traced = 1.0,
        undershoot: accepted.Traced = 16.0,
        undershoot_dispersion: accepted.Traced = 1.0,
        ratio: accepted.Traced = 0.167,
        derivatives: typing.Literal["none", "time", "time and dispersion"] = "none",
        lags: int | None = None,
    ) -> jax.Array: ...

class _StandardizeOutputs(workflow.Outputs):
    timeseries: typing.Any

class Standardize(workflow.Task[_StandardizeOutputs]):
    """Centre each column and divide by its own scale, both estimated on the weighted frames."""

    Outputs: typing.TypeAlias = _StandardizeOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        mode: typing.Literal["zscore", "psc", "robust"] | accepted.Lazy = "zscore",
        mode_weights: accepted.Values | None = None,
        ddof: int | accepted.Lazy = 1,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        mode: typing.Literal["zscore", "psc", "robust"] = "zscore",
        mode_weights: accepted.Traced | None = None,
        ddof: int = 1,
    ) -> jax.Array: ...

class _StandardizeRunsOutputs(workflow.Outputs):
    timeseries: typing.Any

class StandardizeRuns(workflow.Task[_StandardizeRunsOutputs]):
    """Bring each run of a concatenated series to mean 0 and standard deviation 1 by itself."""

    Outputs: typing.TypeAlias = _StandardizeRunsOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        run_lengths: tuple[int, ...] | accepted.Lazy = ...,
        frame_weights: accepted.Data | None = None,
        ddof: int | accepted.Lazy = 1,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        run_lengths: tuple[int, ...],
        frame_weights: accepted.Traced | None = None,
        ddof: int = 1,
    ) -> jax.Array: ...

class _StateCovarianceOutputs(workflow.Outputs):
    covariance: typing.Any

class StateCovariance(workflow.Task[_StateCovarianceOutputs]):
    """Estimate one covariance (or correlation) for each state, each frame counting by its share of that state."""

    Outputs: typing.TypeAlias = _StateCovarianceOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        state_weights: accepted.Values = ...,
        frame_weights: accepted.Data | None = None,
        kind: typing.Literal["covariance", "correlation"] | accepted.Lazy = "covariance",
        ddof: int | accepted.Lazy = 1,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        state_weights: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        kind: typing.Literal["covariance", "correlation"] = "covariance",
        ddof: int = 1,
    ) -> jax.Array: ...

class _SummarizeParcelsOutputs(workflow.Outputs):
    timeseries: typing.Any

class SummarizeParcels(workflow.Task[_SummarizeParcelsOutputs]):
    """Summarise the voxels of each parcel, frame by frame, by another statistic than their mean (`Parcellate`)."""

    Outputs: typing.TypeAlias = _SummarizeParcelsOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        labels: accepted.Data = ...,
        statistic: typing.Literal["median", "sum", "variance", "standard_deviation", "minimum", "maximum"]
        | accepted.Lazy = "median",
        parcels: tuple[int, ...] | None | accepted.Lazy | None = None,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        labels: accepted.Traced,
        statistic: typing.Literal["median", "sum", "variance", "standard_deviation", "minimum", "maximum"] = "median",
        parcels: tuple[int, ...] | None = None,
    ) -> jax.Array: ...

class _SupportVectorMachineOutputs(workflow.Outputs):
    decision: typing.Any

class SupportVectorMachine(workflow.Task[_SupportVectorMachineOutputs]):
    """Tell two classes apart by the widest margin, learned from the weighted subjects."""

    Outputs: typing.TypeAlias = _SupportVectorMachineOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        features: accepted.Data = ...,
        targets: accepted.Data = ...,
        subject_weights: accepted.Data | None = None,
        kernel: typing.Literal["linear", "correlation", "rbf"] | accepted.Lazy = "linear",
        penalty: accepted.Number = 1.0,
        gamma: accepted.Number | None = None,
        intercept: bool | accepted.Lazy = True,
    ) -> None: ...
    @staticmethod
    def pure(
        features: accepted.Traced,
        targets: accepted.Traced,
        subject_weights: accepted.Traced | None = None,
        kernel: typing.Literal["linear", "correlation", "rbf"] = "linear",
        penalty: accepted.Traced = 1.0,
        gamma: accepted.Traced | None = None,
        intercept: bool = True,
    ) -> jax.Array: ...

class _TangentProjectOutputs(workflow.Outputs):
    tangent: typing.Any

class TangentProject(workflow.Task[_TangentProjectOutputs]):
    """Map a covariance to the tangent space at a reference: log(R^-1/2 S R^-1/2)."""

    Outputs: typing.TypeAlias = _TangentProjectOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        covariance: accepted.Data = ...,
        reference: accepted.Values = ...,
    ) -> None: ...
    @staticmethod
    def pure(
        covariance: accepted.Traced,
        reference: accepted.Traced,
    ) -> jax.Array: ...

class _TaskAmplitudesOutputs(workflow.Outputs):
    amplitudes: typing.Any

class TaskAmplitudes(workflow.Task[_TaskAmplitudesOutputs]):
    """Estimate how strong the response of each condition is, beside confounds (a general linear model)."""

    Outputs: typing.TypeAlias = _TaskAmplitudesOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        design: accepted.Data = ...,
        confounds: accepted.Data | None = None,
        frame_weights: accepted.Data | None = None,
        penalty: accepted.Number = 0.0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        design: accepted.Traced,
        confounds: accepted.Traced | None = None,
        frame_weights: accepted.Traced | None = None,
        penalty: accepted.Traced = 0.0,
    ) -> jax.Array: ...

class _TemporalSnrOutputs(workflow.Outputs):
    tsnr: typing.Any
    mean: typing.Any
    deviation: typing.Any

class TemporalSnr(workflow.Task[_TemporalSnrOutputs]):
    """Divide the mean of each column by its standard deviation, both of the weighted frames."""

    Outputs: typing.TypeAlias = _TemporalSnrOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        ddof: int | accepted.Lazy = 0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        ddof: int = 0,
    ) -> tuple[jax.Array, jax.Array, jax.Array]: ...

class _TissueMeanOutputs(workflow.Outputs):
    confounds: typing.Any

class TissueMean(workflow.Task[_TissueMeanOutputs]):
    """Average the signal over a tissue, each voxel with its weight: global signal, white matter, fluid."""

    Outputs: typing.TypeAlias = _TissueMeanOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tissue: accepted.Values = ...,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tissue: accepted.Traced,
    ) -> jax.Array: ...

class _TransportAlignmentOutputs(workflow.Outputs):
    timeseries: typing.Any
    plan: typing.Any

class TransportAlignment(workflow.Task[_TransportAlignmentOutputs]):
    """Move the parcels of one person to those of a target at least cost, each split among several (optimal transport)."""

    Outputs: typing.TypeAlias = _TransportAlignmentOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        target: accepted.Data = ...,
        frame_weights: accepted.Data | None = None,
        temperature: accepted.Number = 0.05,
        iterations: int | accepted.Lazy = 200,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        target: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        temperature: accepted.Traced = 0.05,
        iterations: int = 200,
    ) -> tuple[jax.Array, jax.Array]: ...

class _UnitNormOutputs(workflow.Outputs):
    timeseries: typing.Any

class UnitNorm(workflow.Task[_UnitNormOutputs]):
    """Divide each column by the root of its sum of squares, as AFNI's option -norm does."""

    Outputs: typing.TypeAlias = _UnitNormOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
    ) -> jax.Array: ...

class _VectorizeEdgesOutputs(workflow.Outputs):
    edges: typing.Any

class VectorizeEdges(workflow.Task[_VectorizeEdgesOutputs]):
    """List the edges of a connectome: its lower triangle, row by row."""

    Outputs: typing.TypeAlias = _VectorizeEdgesOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
        discard_diagonal: bool | accepted.Lazy = True,
        sqrt2: bool | accepted.Lazy = False,
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
        discard_diagonal: bool = True,
        sqrt2: bool = False,
    ) -> jax.Array: ...

class _VonMisesFisherMixtureOutputs(workflow.Outputs):
    affiliation: typing.Any
    log_likelihood: typing.Any

class VonMisesFisherMixture(workflow.Task[_VonMisesFisherMixtureOutputs]):
    """Assign samples to clusters of directions: the posterior of a von Mises-Fisher mixture."""

    Outputs: typing.TypeAlias = _VonMisesFisherMixtureOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        samples: accepted.Data = ...,
        directions: accepted.Values = ...,
        concentration: accepted.Values = ...,
        proportions: accepted.Values | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        samples: accepted.Traced,
        directions: accepted.Traced,
        concentration: accepted.Traced,
        proportions: accepted.Traced | None = None,
    ) -> tuple[jax.Array, jax.Array]: ...

class _WaveletEnergyOutputs(workflow.Outputs):
    energy: typing.Any

class WaveletEnergy(workflow.Task[_WaveletEnergyOutputs]):
    """Measure the energy of each column around some frequencies: the mean of `WaveletPower` over frames."""

    Outputs: typing.TypeAlias = _WaveletEnergyOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        frequencies: accepted.Values = ...,
        frame_weights: accepted.Data | None = None,
        cycles: accepted.Number = 7.0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        frequencies: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        cycles: accepted.Traced = 7.0,
    ) -> jax.Array: ...

class _WaveletPowerOutputs(workflow.Outputs):
    power: typing.Any

class WaveletPower(workflow.Task[_WaveletPowerOutputs]):
    """Follow the power around some frequencies over time: squared moduli of the convolution with Morlet wavelets."""

    Outputs: typing.TypeAlias = _WaveletPowerOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        frequencies: accepted.Values = ...,
        frame_weights: accepted.Data | None = None,
        cycles: accepted.Number = 7.0,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        frequencies: accepted.Traced,
        frame_weights: accepted.Traced | None = None,
        cycles: accepted.Traced = 7.0,
    ) -> jax.Array: ...

class _WeightEdgesOutputs(workflow.Outputs):
    connectome: typing.Any

class WeightEdges(workflow.Task[_WeightEdgesOutputs]):
    """Multiply each edge by a weight of its own, such as its reliability (intraclass correlation) in other people."""

    Outputs: typing.TypeAlias = _WeightEdgesOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
        weights: accepted.Values = ...,
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
        weights: accepted.Traced,
    ) -> jax.Array: ...

class _WeightParcelsOutputs(workflow.Outputs):
    connectome: typing.Any

class WeightParcels(workflow.Task[_WeightParcelsOutputs]):
    """Multiply each edge by the geometric mean of the weights of its parcels."""

    Outputs: typing.TypeAlias = _WeightParcelsOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        connectome: accepted.Data = ...,
        weights: accepted.Values = ...,
    ) -> None: ...
    @staticmethod
    def pure(
        connectome: accepted.Traced,
        weights: accepted.Traced,
    ) -> jax.Array: ...

class _WindowCovarianceOutputs(workflow.Outputs):
    covariance: typing.Any

class WindowCovariance(workflow.Task[_WindowCovarianceOutputs]):
    """Estimate one covariance (or correlation) for each sliding window."""

    Outputs: typing.TypeAlias = _WindowCovarianceOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        window_weights: accepted.Values | None = None,
        frame_weights: accepted.Data | None = None,
        length: int | accepted.Lazy = 30,
        step: int | accepted.Lazy = 1,
        taper: accepted.Number = 0.0,
        kind: typing.Literal["covariance", "correlation"] | accepted.Lazy = "covariance",
        ddof: int | accepted.Lazy = 1,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        window_weights: accepted.Traced | None = None,
        frame_weights: accepted.Traced | None = None,
        length: int = 30,
        step: int = 1,
        taper: accepted.Traced = 0.0,
        kind: typing.Literal["covariance", "correlation"] = "covariance",
        ddof: int = 1,
    ) -> jax.Array: ...

class _ZeroPaddedBandPassOutputs(workflow.Outputs):
    timeseries: typing.Any

class ZeroPaddedBandPass(workflow.Task[_ZeroPaddedBandPassOutputs]):
    """Set all frequencies outside a band to zero in the Fourier transform of the run, padded with zeros."""

    Outputs: typing.TypeAlias = _ZeroPaddedBandPassOutputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
        timeseries: accepted.Data = ...,
        tr: accepted.Number = ...,
        low: accepted.Number = 0.01,
        high: accepted.Number = 0.1,
        softness: accepted.Number = 0.0,
        edge: accepted.Number = 0.5,
        length: int | None | accepted.Lazy | None = None,
        mask: accepted.Data | None = None,
    ) -> None: ...
    @staticmethod
    def pure(
        timeseries: accepted.Traced,
        tr: accepted.Traced,
        low: accepted.Traced = 0.01,
        high: accepted.Traced = 0.1,
        softness: accepted.Traced = 0.0,
        edge: accepted.Traced = 0.5,
        length: int | None = None,
    ) -> jax.Array: ...

def __getattr__(name: str) -> typing.Any: ...  # what else is here, or comes from plugins
