"""Reordering a fused program by rules that hold exactly."""
