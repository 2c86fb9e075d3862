"""Numerical routines that know nothing of blocks."""
