"""Learning the values: fits, resampling, multiverses and their results."""
