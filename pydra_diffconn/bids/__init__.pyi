"""The names for workflows of one's own, each once: type checkers, editors and `lazy_loader` read them here."""

from .design import design_of as design_of
from .fitted_atlas import FitAtlas as FitAtlas
from .fmriprep import runs as runs
from .motion import head_radius as head_radius
from .motion import motion_of as motion_of
from .postprocess import Denoise as Denoise
from .postprocess import Postprocess as Postprocess
