"""Motion, frame weights, and what is done about frames that are left out."""
