"""Tangent connectomes: each run's covariance seen from the mean of all runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pydra_diffconn.bids.derivatives import write_json
from pydra_diffconn.bids.pages.measures import Set
from pydra_diffconn.bids.pages.results import Result
from pydra_diffconn.files import tables


def write_tangent(one: Set) -> list[Result]:
    """Write the tangent connectome of each run beside its others; parcels that some run lacks are n/a.

    The covariance of a run is shrunk as Ledoit & Wolf do, the reference is the Karcher mean over all runs. Sources:
    Varoquaux et al. (2010), doi:10.1007/978-3-642-15705-9_25; Ng et al. (2016), doi:10.1109/TMI.2015.2463723.

    Raises
    ------
    ValueError
        If there are fewer than two runs, or parcels that all runs have.
    """
    import jax
    import jax.numpy as jnp

    from pydra_diffconn.blocks import LedoitWolf, SpdMean, TangentProject

    kept = one.present
    if len(one.results) < 2 or kept.sum() < 2:
        raise ValueError(
            f"tangent: {one.title} has {len(one.results)} runs and {kept.sum()} parcels that all of them have"
        )
    with jax.enable_x64(True):
        series = [_kept_series(result)[:, kept] for result in one.results]
        covariances = jnp.stack([LedoitWolf.pure(jnp.asarray(each)) for each in series])
        reference = SpdMean.pure(covariances)
        tangents = np.asarray(jnp.stack([TangentProject.pure(each, reference) for each in covariances]))
    for result, tangent in zip(one.results, tangents, strict=True):
        whole = np.full((len(kept), len(kept)), np.nan)
        whole[np.ix_(kept, kept)] = tangent
        _write(result, whole, one.names, [other.source for other in one.results])
    return one.results


def _kept_series(result: Result) -> np.ndarray:
    """Return the kept frames of a run, (time, parcels)."""
    series, _ = result.series()
    if result.processing.get("output_type") != "interpolated":
        return np.asarray(series)
    space = result.source.partition("_space-")[0]
    ending = f"_desc-{result.desc}" if result.desc else ""
    censored = tables.read_column(result.path.with_name(f"{space}{ending}_outliers.tsv"), "censored")
    return np.asarray(series)[censored == 0]


def _write(result: Result, tangent: np.ndarray, names: Sequence[str], runs: list[str]) -> None:
    path = result.relmat("tangent")
    tables.write_matrix(tangent, names, path)
    about = {
        "RelationshipMeasure": "tangent of the covariance at the mean over runs",
        "Weighted": True,
        "Directed": False,
        "ValidDiagonal": True,
        "StorageFormat": "Full",
        "CovarianceEstimator": "Ledoit & Wolf",
        "ReferenceRuns": runs,
    }
    write_json(path.with_suffix(".json"), {**result.sidecar, **about})
