"""Windows, mixtures and decompositions of series: what changes over time."""
