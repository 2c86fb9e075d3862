"""Atlases by name: each is a function that returns the path of a label image. Those of plugins are here, too.

The built-in ones are fetched by nilearn into its data folder on first use, which needs the network once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def schaefer(parcels: int = 400, networks: int = 7, resolution: int = 2) -> Path:
    """Return the cortical parcellation of Schaefer et al. (2018), doi:10.1093/cercor/bhx179.

    Parameters
    ----------
    parcels : int
        100 to 1000, in hundreds.
    networks : int
        7 or 17, in which the parcels are ordered.
    resolution : int
        1 or 2 mm, in MNI space.
    """
    from nilearn.datasets import fetch_atlas_schaefer_2018

    found = fetch_atlas_schaefer_2018(n_rois=parcels, yeo_networks=networks, resolution_mm=resolution, verbose=0)
    return Path(found.maps)


def basc(parcels: int = 64) -> Path:
    """Return the multiscale parcellation of Bellec et al. (2010), doi:10.1016/j.neuroimage.2010.02.082.

    Parameters
    ----------
    parcels : int
        7, 12, 20, 36, 64, 122, 197, 325 or 444.
    """
    from nilearn.datasets import fetch_atlas_basc_multiscale_2015

    return Path(fetch_atlas_basc_multiscale_2015(resolution=parcels, version="sym", verbose=0).maps)


BUILT_IN = (schaefer, basc)


def __getattr__(name: str) -> Any:
    """Return an atlas of a plugin."""
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pydra_diffconn.plugins.registry import registry

    return registry().find("diffconn_atlases", name, __name__)


def __dir__() -> list[str]:
    from pydra_diffconn.plugins.registry import registry

    return sorted(registry().named["diffconn_atlases"])
