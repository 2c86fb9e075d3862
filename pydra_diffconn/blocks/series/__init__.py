"""Series of values: scale, units, amplitude."""
