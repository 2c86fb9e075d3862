"""Filters over time."""
