"""Boundaries of connectivity against the whole matrices, and against planted borders."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pydra_diffconn.blocks import BoundaryMap
from pydra_diffconn.blocks.connectivity import boundary_maps
from pydra_diffconn.testing import Case

SIDE, FRAMES = 6, 40
NUMBER = np.arange(SIDE**2).reshape(SIDE, SIDE)
EDGES = np.concatenate(
    [
        np.stack([NUMBER[:, :-1].ravel(), NUMBER[:, 1:].ravel()], 1),
        np.stack([NUMBER[:-1].ravel(), NUMBER[1:].ravel()], 1),
    ]
)
RNG = np.random.default_rng(0)
SERIES = RNG.standard_normal((FRAMES, SIDE**2)) + RNG.standard_normal((FRAMES, 3))[:, np.arange(SIDE**2) % 3]
LENGTHS = RNG.uniform(0.5, 2, len(EDGES))
WEIGHTS = RNG.uniform(0.2, 1, FRAMES)


def whole(timeseries, edges, lengths, frame_weights):
    covariance = np.cov(timeseries.T, aweights=frame_weights)
    profiles = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    alike = np.corrcoef(profiles)
    total, count = np.zeros(len(alike)), np.zeros(len(alike))
    for number, (one, other) in enumerate(edges):
        change = np.mean((alike[:, one] - alike[:, other]) ** 2) / (1 if lengths is None else lengths[number]) ** 2
        total[[one, other]] += change
        count[[one, other]] += 1
    return np.sqrt(total / np.maximum(count, 1))


def test_planted_borders_stand_out(x64):
    """Four squares with courses of their own, on a grid of 12 x 12."""
    side = 12
    rows, columns = np.divmod(np.arange(side**2), side)
    parcel = 2 * (rows >= 6) + (columns >= 6)
    number = np.arange(side**2).reshape(side, side)
    edges = np.concatenate(
        [
            np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], 1),
            np.stack([number[:-1].ravel(), number[1:].ravel()], 1),
        ]
    )
    rng = np.random.default_rng(1)
    series = rng.standard_normal((120, 4))[:, parcel] + 0.7 * rng.standard_normal((120, side**2))
    found = np.asarray(BoundaryMap.pure(jnp.asarray(series), jnp.asarray(edges)))
    border = np.isin(rows, (5, 6)) | np.isin(columns, (5, 6))
    assert found[border].min() > 1.5 * found[~border].max()


def test_many_edges_are_taken_some_at_a_time(x64, monkeypatch):
    expected = BoundaryMap.pure(jnp.asarray(SERIES), jnp.asarray(EDGES), jnp.asarray(LENGTHS))
    monkeypatch.setattr(boundary_maps, "TOGETHER", 16)
    found = BoundaryMap.pure(jnp.asarray(SERIES), jnp.asarray(EDGES), jnp.asarray(LENGTHS))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_dead_place_has_no_boundary_and_its_neighbours_do_not_look_there(x64):
    series = SERIES.copy()
    series[:, 7] = 3.0
    apart = np.delete(np.arange(SIDE**2), 7)
    inside = ~np.any(EDGES == 7, axis=1)
    number = np.cumsum(np.arange(SIDE**2) != 7) - 1
    run = jax.jit(lambda x: BoundaryMap.pure(x, EDGES))
    found = np.asarray(run(jnp.asarray(series)))
    np.testing.assert_allclose(found[apart], whole(series[:, apart], number[EDGES[inside]], None, None), atol=1e-10)
    assert found[7] == 0 and np.all(np.isfinite(jax.grad(lambda x: jnp.sum(run(x)))(jnp.asarray(series))))


BAD = [
    ({"edges": np.array([[0, 36]])}, "edges names place 36"),
    ({"lengths": np.zeros(len(EDGES))}, "lengths has an edge of 0 mm"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_geometry_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        BoundaryMap.check({"timeseries": SERIES, "edges": EDGES, **change})


CASES = [
    Case(
        BoundaryMap,
        {"timeseries": SERIES, "edges": EDGES},
        whole,
        "numpy.corrcoef of numpy.corrcoef",
        smooth=("timeseries",),
    ),
    Case(
        BoundaryMap,
        {"timeseries": SERIES, "edges": EDGES, "lengths": LENGTHS, "frame_weights": WEIGHTS},
        whole,
        "numpy.corrcoef (weights, lengths)",
        smooth=("timeseries", "lengths", "frame_weights"),
    ),
]
