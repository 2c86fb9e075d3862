"""Measures, thresholds, communities and gradients of connectomes."""
