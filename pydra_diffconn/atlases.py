"""Atlases by name: each is a function that returns the path of a label image. Those of plugins are here, too.

The built-in ones are fetched by nilearn into its data folder on first use, which needs the network once. Learned maps
become an atlas by `write_hard_atlas`.
"""

from __future__ import annotations

from pathlib import Path

from pydra_diffconn.files.hard_atlas import write_hard_atlas as write_hard_atlas
from pydra_diffconn.plugins.names import beside


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
__getattr__, __dir__ = beside(__name__, "diffconn_atlases", ["basc", "schaefer", "write_hard_atlas"])
