"""The tests and nulls, each once: type checkers, editors and `lazy_loader` read them here."""

from .intervals import expanded_percentiles as expanded_percentiles
from .intervals import mean_interval as mean_interval
from .maps import correlation_with as correlation_with
from .maps import moran_surrogates as moran_surrogates
from .maps import spins as spins
from .networks import EdgeTest as EdgeTest
from .networks import NetworkTest as NetworkTest
from .networks import enhanced as enhanced
from .networks import network_based as network_based
from .networks import threshold_free as threshold_free
