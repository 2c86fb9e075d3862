"""Folders of derivatives, by the conventions of BIDS."""
