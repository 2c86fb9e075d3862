"""Learnable parameters that several blocks have, declared once."""

from typing import Annotated

from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.parameters import Parameter

LowCutoff = Annotated[float, Parameter(constraints.between(0.0, "high"), unit="Hz", help="lower cut-off")]
HighCutoff = Annotated[
    float, Parameter(constraints.between("low", constraints.nyquist), unit="Hz", help="upper cut-off")
]
Cutoff = Annotated[float, Parameter(constraints.between(0.0, constraints.nyquist), unit="Hz", help="cut-off")]
Order = Annotated[float, Parameter(constraints.at_least(1.0), help="order of the filter, may be fractional")]
Softness = Annotated[
    float, Parameter(constraints.nonnegative, help="width of the soft edge, in the unit of the threshold; 0 is hard")
]
