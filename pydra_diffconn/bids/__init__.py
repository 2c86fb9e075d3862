"""Folders of derivatives, by the conventions of BIDS: runs in, connectomes and reports out."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
