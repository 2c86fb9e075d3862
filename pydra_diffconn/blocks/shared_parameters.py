"""Arguments that several blocks have, declared once."""

from typing import Annotated

from jaxtyping import Array, Float

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
FrameWeights = Annotated[Float[Array, "time"] | None, constraints.unit_interval]
SubjectWeights = Annotated[Float[Array, "subjects"] | None, constraints.nonnegative]
SampleWeights = Annotated[Float[Array, "samples"] | None, constraints.nonnegative]
