"""The generators, each once: type checkers, editors and `lazy_loader` read them here."""

from .artefacts import MotionStudy as MotionStudy
from .artefacts import motion_study as motion_study
from .atlases import grid_coordinates as grid_coordinates
from .atlases import hard_atlas as hard_atlas
from .atlases import hierarchical_atlas as hierarchical_atlas
from .atlases import homologous_atlas as homologous_atlas
from .atlases import series_of_atlas as series_of_atlas
from .atlases import soft_atlas as soft_atlas
from .connectomes import block_connectome as block_connectome
from .connectomes import random_correlations as random_correlations
from .signals import BandStudy as BandStudy
from .signals import band_study as band_study
from .signals import mix as mix
from .signals import mixture_matrix as mixture_matrix
from .signals import slow_signals as slow_signals
from .states import boxcar_states as boxcar_states
from .states import markov_states as markov_states
from .states import one_hot as one_hot
from .states import series_of_states as series_of_states
from .states import sticky_transitions as sticky_transitions
from .surrogates import match_covariance as match_covariance
from .surrogates import match_spectrum as match_spectrum
from .surrogates import power_spectrum as power_spectrum
from .surrogates import surrogate as surrogate
from .surrogates import synthesise as synthesise
