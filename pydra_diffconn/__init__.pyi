"""The public names, each once: type checkers, editors and `lazy_loader` read them here."""

from . import atlases as atlases
from . import blocks as blocks
from . import generators as generators
from . import losses as losses
from . import strategies as strategies
from ._version import __version__ as __version__
from .declare import block as block
from .declare import constraints as constraints
from .declare.learned import load_parameters as load_parameters
from .declare.parameters import Learn as Learn
from .declare.parameters import Parameter as Parameter
from .demo import sample as sample
from .learning.fit_task import Fit as Fit
from .learning.fitting import fit as fit
from .learning.multiverse import multiverse as multiverse
from .learning.resampling import bootstrap as bootstrap
from .learning.resampling import cross_validate as cross_validate
from .learning.result import Result as Result
from .numerics import noise as noise
from .plugins.hooks import hookimpl as hookimpl
from .program.fusing import fuse as fuse
from .program.program import Program as Program
from .program.stretches import optimise as optimise
from .workflow.swapping import proposals as proposals
from .workflow.swapping import swap as swap
from .workflow.writing_back import with_parameters as with_parameters
