"""Smoothing by distances along a surface, against matrices of all distances and what a Gaussian must do."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from gradients import assert_gradient
from scipy.spatial import ConvexHull

from pydra_diffconn.blocks import SmoothGeodesic
from pydra_diffconn.blocks.parcels.geodesic import geodesic_neighbors
from pydra_diffconn.blocks.parcels.smoothing import FWHM_PER_SIGMA, mesh_edges
from pydra_diffconn.testing import Case

SIDE = 31


def plane(side=SIDE, step=1.0):
    rows, columns = np.divmod(np.arange(side**2), side)
    vertices = step * np.stack([columns + 0.5 * (rows % 2), rows * np.sqrt(3) / 2, np.zeros(side**2)], axis=1)
    number = np.arange(side**2).reshape(side, side)
    found = []
    for row in range(side - 1):
        for column in range(side - 1):
            a, b = number[row, column : column + 2]
            c, d = number[row + 1, column : column + 2]
            found += [(a, b, d), (a, d, c)] if row % 2 else [(a, b, c), (b, d, c)]
    return vertices, np.array(found)


def sphere(count=600, radius=50.0):
    number = np.arange(count) + 0.5
    height, turn = 1 - 2 * number / count, np.pi * (1 + 5**0.5) * number
    round_ = np.sqrt(1 - height**2)
    vertices = radius * np.stack([round_ * np.cos(turn), round_ * np.sin(turn), height], axis=1)
    return vertices, ConvexHull(vertices).simplices


@pytest.mark.parametrize("made", [plane, sphere])
def test_distances_are_those_along_the_surface(made):
    vertices, triangles = made()
    reach = 6.0 if made is plane else 25.0
    neighbors, distances = geodesic_neighbors(vertices, triangles, reach)
    straight = np.linalg.norm(vertices[neighbors] - vertices[:, None], axis=2)
    exact = straight if made is plane else 2 * 50 * np.arcsin(np.minimum(straight / 100, 1))
    near = np.isfinite(distances) & (distances > 0)
    ratio = distances[near] / exact[near]
    assert ratio.min() > 0.99 and ratio.max() < 1.16 and np.mean(ratio) < 1.05
    inner = np.linalg.norm(vertices - vertices.mean(axis=0), axis=1) < 8 if made is plane else slice(None)
    assert np.all(np.isfinite(distances[inner]).sum(axis=1) > 20)


def test_a_path_goes_round_a_fold_not_through_it():
    """Two planes, 1 mm apart, joined along one side: near in space, far along the surface."""
    vertices, triangles = plane(9)
    size = len(vertices)
    lower = vertices - np.array([0.0, 0, 1])
    seam = np.arange(9)
    joined = np.concatenate(
        [
            np.stack([seam[:-1], seam[1:], size + seam[:-1]], 1),
            np.stack([seam[1:], size + seam[1:], size + seam[:-1]], 1),
        ]
    )
    both = np.concatenate([triangles, triangles + size, joined])
    neighbors, distances = geodesic_neighbors(np.concatenate([vertices, lower]), both, 30.0)
    far = {int(n): d for n, d in zip(neighbors[76], distances[76], strict=True)}
    assert far[76 + size] > 13 and {int(n): d for n, d in zip(neighbors[4], distances[4], strict=True)}[4 + size] < 1.2


@pytest.mark.parametrize("fwhm", [4.0, 6.0])
def test_an_impulse_spreads_by_the_width_asked_for(x64, fwhm):
    vertices, triangles = plane()
    neighbors, distances = geodesic_neighbors(vertices, triangles, 3.5 * fwhm / FWHM_PER_SIGMA)
    areas = mesh_edges(vertices, triangles)[2]
    middle = SIDE**2 // 2
    impulse = (np.arange(SIDE**2) == middle).astype(float)[None]
    found = np.asarray(SmoothGeodesic.pure(impulse, neighbors, distances, areas, fwhm))[0]
    spread = found @ np.sum((vertices - vertices[middle]) ** 2, axis=1) / found.sum() / 2
    np.testing.assert_allclose(np.sqrt(spread) * FWHM_PER_SIGMA, fwhm, rtol=0.07)  # paths are a little too long


NEIGHBORS, DISTANCES = geodesic_neighbors(*plane(6), 4.0)
SERIES = np.random.default_rng(0).standard_normal((8, 36))
AREAS = np.random.default_rng(1).uniform(0.5, 2, 36)


def test_a_constant_stays_and_no_width_changes_nothing(x64):
    np.testing.assert_allclose(SmoothGeodesic.pure(jnp.full((2, 36), 3.0), NEIGHBORS, DISTANCES, AREAS, 3.0), 3.0)
    np.testing.assert_allclose(SmoothGeodesic.pure(SERIES, NEIGHBORS, DISTANCES, AREAS, 0.0), SERIES, rtol=1e-14)
    assert np.isfinite(
        jax.grad(lambda f: jnp.sum(SmoothGeodesic.pure(SERIES, NEIGHBORS, DISTANCES, AREAS, f) ** 2))(0.0)
    )


WORKBENCH = """
0.496265  0.112496  0.099983  0.391925  0.331453  0.051642  0.516093  0.144193  0.306812  0.383154  0.214416 -0.07758
0.549906  0.204797  0.177621  0.329883  0.218804  0.102179  0.368272  0.06542  -0.007451  0.178226  0.090795  0.153639
0.30704   0.129519 -0.006072  0.034543  0.046841 -0.015198  0.241457  0.265445  0.138803  0.040087 -0.064328 -0.368908
"""


def test_a_crumpled_surface_is_smoothed_as_workbench_does_it(x64):
    """The numbers are those of `wb_command -metric-smoothing SURFACE METRIC 3.0 OUT -fwhm`, version 1.5.0."""
    number = np.arange(36)
    vertices, triangles = plane(6)
    waves = 0.3 * np.sin(number**2), 0.3 * np.cos(3 * number**2), 0.8 * np.sin(2 * number)
    vertices = vertices + np.stack(waves, axis=1)
    neighbors, distances = geodesic_neighbors(vertices, triangles, 9.0 / FWHM_PER_SIGMA)
    values = np.cos(0.7 * number**2)[None]
    found = SmoothGeodesic.pure(values, neighbors, distances, mesh_edges(vertices, triangles)[2], 3.0)
    np.testing.assert_allclose(found[0], np.array(WORKBENCH.split(), float), atol=1e-6)


def test_a_planted_width_is_learned(x64):
    target = SmoothGeodesic.pure(SERIES, NEIGHBORS, DISTANCES, AREAS, 3.0)
    solver = optax.adam(0.05)

    @jax.jit
    def learned(start):
        def step(state, _):
            width, moments = state
            loss = lambda f: jnp.mean((SmoothGeodesic.pure(SERIES, NEIGHBORS, DISTANCES, AREAS, f) - target) ** 2)  # noqa: E731
            change, moments = solver.update(jax.grad(loss)(width), moments)
            return (width + change, moments), None

        return jax.lax.scan(step, (start, solver.init(start)), None, length=200)[0][0]

    assert float(learned(jnp.asarray(2.0))) == pytest.approx(3.0, abs=0.01)
    assert_gradient(lambda f: jnp.sum(SmoothGeodesic.pure(SERIES, NEIGHBORS, DISTANCES, AREAS, f) ** 3), 2.0)


BAD = [
    ({"fwhm": 6.0}, "distances end at 4 mm, too early for fwhm = 6 mm; give neighbors within 7.64 mm"),
    ({"neighbors": NEIGHBORS + 30}, "timeseries has 36 columns"),
    ({"neighbors": NEIGHBORS[:, 1:]}, "distances has 36 neighbors, neighbors 35"),
    ({"distances": DISTANCES + 1}, "each vertex must be among its own neighbors"),
    ({"areas": np.zeros(36)}, "areas has a vertex of 0 mm"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_geometry_is_named(change, message):
    given = {"timeseries": SERIES, "neighbors": NEIGHBORS, "distances": DISTANCES, "fwhm": 2.0}
    with pytest.raises(ValueError, match=message):
        SmoothGeodesic.check({**given, **change})


def workbenchs(timeseries, neighbors, distances, areas, fwhm):
    """Make the matrix of all distances, then scatter and gather as Workbench does."""
    size = timeseries.shape[1]
    apart = np.full((size, size), np.inf)
    for vertex in range(size):
        near = np.isfinite(distances[vertex])
        apart[vertex, neighbors[vertex, near]] = distances[vertex, near]
    np.testing.assert_allclose(apart, apart.T)
    kernel = np.exp(-(apart**2) / 2 / (fwhm / FWHM_PER_SIGMA) ** 2)
    areas = np.ones(size) if areas is None else areas
    scattered = kernel * areas / (kernel @ areas)[:, None] * areas[:, None]
    return timeseries @ scattered / scattered.sum(axis=0)


GIVEN = {"timeseries": SERIES, "neighbors": NEIGHBORS, "distances": DISTANCES, "fwhm": 2.5}
CASES = [
    Case(SmoothGeodesic, GIVEN, workbenchs, "formula of GEO_GAUSS_EQUAL in NumPy", {"no width": {"fwhm": 0.0}}),
    Case(
        SmoothGeodesic,
        {**GIVEN, "areas": AREAS},
        workbenchs,
        "formula of GEO_GAUSS_AREA in NumPy (areas)",
        smooth=("timeseries", "areas", "fwhm"),
    ),
]
