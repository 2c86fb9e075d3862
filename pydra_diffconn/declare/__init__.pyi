from . import block as block
from . import constraints as constraints
