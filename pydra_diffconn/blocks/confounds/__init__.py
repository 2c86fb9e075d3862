"""Confounds: made, combined, gated and regressed out."""
