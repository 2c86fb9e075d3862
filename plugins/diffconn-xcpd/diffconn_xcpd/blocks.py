"""A block of which XCP-D's workflows have need."""

from jaxtyping import Array, Float

from pydra_diffconn import block
from pydra_diffconn.blocks import Correlation


@block.define(outputs=["correlations"])
def CorrelateKept(
    timeseries: Float[Array, "time parcels"], kept: Float[Array, "frames"] | None = None
) -> Float[Array, "parcels parcels"]:
    """Correlate all pairs of parcels on the frames that are kept, whether or not the others were left out before.

    Equals what XCP-D's TSVConnect writes as correlations: where the mask has as many frames as the series, the censored
    ones do not count; where it has more, they are gone already.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    kept : (frames,), optional
        1 for each frame of the run that is kept, 0 for the others.
    """
    weights = kept if kept is not None and len(kept) == len(timeseries) else None
    return Correlation.pure(timeseries, weights)
