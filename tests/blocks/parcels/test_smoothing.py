import jax
import jax.numpy as jnp
import nibabel
import numpy as np
import optax
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from nilearn.image import smooth_img
from scipy.ndimage import gaussian_filter

from pydra_diffconn import constraints
from pydra_diffconn.blocks import SmoothSurface, SmoothVolume
from pydra_diffconn.blocks.parcels.smoothing import FWHM_PER_SIGMA, mesh_edges
from pydra_diffconn.testing import Case


def whole(*shape):
    return np.argwhere(np.ones(shape, dtype=bool))


def filtered(timeseries, voxels, voxel_size, fwhm, normalize, truncate, shape):
    """Smooth the volume with scipy; normalised, divide by the smoothed mask."""
    sigma = fwhm / FWHM_PER_SIGMA / np.array(voxel_size)
    place = tuple(voxels.T)
    made = []
    for frame in [*timeseries, np.ones(len(voxels))]:
        volume = np.zeros(shape)
        volume[place] = frame
        mode = "constant" if normalize else "reflect"
        made.append(gaussian_filter(volume, sigma, truncate=truncate, mode=mode)[place])
    return np.array(made[:-1]) / (made[-1] if normalize else 1)


def diffused(timeseries, edges, edge_weights, areas, fwhm, steps):
    space = timeseries.shape[1]
    weights = np.ones(len(edges)) if edge_weights is None else edge_weights
    laplacian = np.zeros((space, space))
    for (one, other), weight in zip(edges, weights, strict=True):
        laplacian[[one, other], [one, other]] += weight
        laplacian[[one, other], [other, one]] -= weight
    masses = np.diag(np.ones(space) if areas is None else areas)
    once = np.linalg.solve(masses + (fwhm / FWHM_PER_SIGMA) ** 2 / 2 / steps * laplacian, masses)
    return timeseries @ np.linalg.matrix_power(once, steps).T


def grid_edges(side):
    number = np.arange(side**2).reshape(side, side)
    across = np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1)
    return np.concatenate([across, np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1)])


@pytest.mark.parametrize("fwhm", [2.0, 6.0, 14.0])
def test_a_whole_grid_equals_nilearns_smooth_img(x64, rng, fwhm):
    shape, size = (7, 9, 6), (2.0, 3.0, 4.0)
    image = nibabel.Nifti1Image(rng.standard_normal((*shape, 5)), np.diag([*size, 1]))
    expected = smooth_img(image, fwhm).get_fdata().reshape(-1, 5).T
    found = SmoothVolume.pure(
        image.get_fdata().reshape(-1, 5).T, whole(*shape), size, fwhm, normalize=False, shape=shape
    )
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("normalize", [True, False])
def test_no_width_changes_nothing(x64, rng, normalize):
    x, voxels = rng.standard_normal((4, 60)), whole(3, 4, 5)
    smooth = jax.jit(lambda fwhm: SmoothVolume.pure(x, voxels, (2, 2, 2), fwhm, normalize, shape=(3, 4, 5)))
    np.testing.assert_array_equal(smooth(0.0), x)
    slope = jax.jit(jax.grad(lambda fwhm: jnp.sum(smooth(fwhm) ** 2)))
    assert np.all(np.isfinite([slope(tiny) for tiny in (0.0, 1e-30, 0.1)]))
    np.testing.assert_array_equal(SmoothSurface.pure(x[:, :25], grid_edges(5), fwhm=0.0), x[:, :25])


@examples(10)
@given(fwhm=st.floats(0, 30, width=32))
def test_a_constant_stays_constant_in_a_mask(fwhm):
    np.testing.assert_allclose(SMOOTH_CONSTANT(fwhm), 3.0, rtol=1e-5)


def test_a_planted_width_is_found_by_descent(x64, rng):
    x, voxels, rule, optimiser = rng.standard_normal((3, 8 * 8)), whole(8, 8), constraints.nonnegative, optax.adam(0.05)
    target = filtered(x, voxels, (2.0, 2.0), 5.3, True, 4.0, (8, 8))

    @jax.jit
    def descend(free):
        def step(carry, _):
            free, state = carry
            smooth = lambda free: SmoothVolume.pure(x, voxels, (2.0, 2.0), rule.from_free(free), shape=(8, 8))  # noqa: E731
            slope = jax.grad(lambda free: jnp.mean((smooth(free) - target) ** 2))(free)
            updates, state = optimiser.update(slope, state)
            return (optax.apply_updates(free, updates), state), None

        return jax.lax.scan(step, (free, optimiser.init(free)), length=150)[0][0]

    np.testing.assert_allclose(rule.from_free(descend(jnp.asarray(rule.to_free(3.0)))), 5.3, rtol=1e-3)


@pytest.mark.parametrize("steps", [1, 4])
def test_heat_on_a_mesh_has_the_width_asked_for(x64, steps):
    """An impulse on a plane of triangles, 1 mm apart, spreads with the variance of the Gaussian."""
    side, fwhm = 41, 8.0
    rows, columns = np.divmod(np.arange(side**2), side)
    vertices = np.stack([columns, rows, np.zeros(side**2)], axis=1).astype(float)
    number = np.arange(side**2).reshape(side, side)
    corner = [part.ravel() for part in (number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:])]
    triangles = np.concatenate([np.stack([corner[a], corner[b], corner[c]], 1) for a, b, c in ((0, 1, 2), (1, 3, 2))])
    edges, weights, areas = mesh_edges(vertices, triangles)
    np.testing.assert_allclose(areas.sum(), (side - 1) ** 2)
    impulse = (np.arange(side**2) == side**2 // 2).astype(float)[None]
    found = np.asarray(SmoothSurface.pure(impulse, edges, weights, areas, fwhm, steps))[0]
    np.testing.assert_allclose(found @ areas, areas[side**2 // 2], rtol=1e-10)
    share = found * areas / (found @ areas)
    middle = side // 2
    spread = share @ (columns - middle) ** 2
    np.testing.assert_allclose(np.sqrt(spread) * FWHM_PER_SIGMA, fwhm, rtol=0.03)


def test_a_vertex_without_edges_stays_and_disturbs_nothing(x64, rng):
    x = rng.standard_normal((3, 26))
    found = np.asarray(SmoothSurface.pure(x, grid_edges(5), fwhm=4.0))
    np.testing.assert_allclose(found[:, 25], x[:, 25], atol=1e-12)
    np.testing.assert_allclose(found[:, :25], SmoothSurface.pure(x[:, :25], grid_edges(5), fwhm=4.0), atol=1e-10)


@pytest.mark.parametrize(
    ("block", "change", "message"),
    [
        (SmoothVolume, {"voxels": whole(2, 2)}, "voxels has 4 locations, timeseries 8"),
        (SmoothVolume, {"voxel_size": (2.0, 2.0)}, r"voxel_size = \(2.0, 2.0\) for 3 axes"),
        (SmoothVolume, {"shape": (2, 2, 1)}, r"outside the grid of shape \(2, 2, 1\)"),
        (SmoothVolume, {"voxels": np.zeros((8, 3), int)}, "names a position twice"),
        (SmoothSurface, {"edges": np.array([[0, 9]])}, "edges names vertex 9, timeseries has 8 columns"),
        (SmoothSurface, {"areas": np.zeros(8)}, "areas has a vertex of 0 mm"),
    ],
)
def test_bad_geometry_is_named(rng, block, change, message):
    given = {"timeseries": rng.standard_normal((5, 8)), "voxels": whole(2, 2, 2), "voxel_size": (2.0, 2.0, 2.0)}
    with pytest.raises(ValueError, match=message):
        block.check({**given, "edges": np.array([[0, 1]]), **change})


R = np.random.default_rng(6)
MASK = np.argwhere(R.random((4, 5, 3)) > 0.4)
SMOOTH_CONSTANT = jax.jit(
    lambda fwhm: SmoothVolume.pure(jnp.full((2, len(MASK)), 3.0), MASK, (2.0, 2.0, 3.0), fwhm, shape=(4, 5, 3))
)
EDGES = grid_edges(4)
CASES = [
    Case(
        SmoothVolume,
        {
            "timeseries": R.standard_normal((6, 60)),
            "voxels": whole(4, 5, 3),
            "voxel_size": (2.0, 2.5, 3.0),
            "normalize": False,
        },
        filtered,
        "scipy.ndimage.gaussian_filter",
        {"no width": {"fwhm": 0.0}, "one plane": {"voxels": whole(12, 5, 1), "shape": (12, 5, 1)}},
    ),
    Case(
        SmoothVolume,
        {"timeseries": R.standard_normal((6, len(MASK))), "voxels": MASK, "voxel_size": (2.0, 2.5, 3.0), "fwhm": 5.0},
        filtered,
        "scipy.ndimage.gaussian_filter in a mask",
    ),
    Case(
        SmoothSurface,
        {
            "timeseries": R.standard_normal((6, 16)),
            "edges": EDGES,
            "edge_weights": R.uniform(0.5, 2, len(EDGES)),
            "areas": R.uniform(0.5, 2, 16),
            "fwhm": 3.0,
            "steps": 2,
        },
        diffused,
        "numpy.linalg.solve",
        {"no width": {"fwhm": 0.0}, "constant frames": {"timeseries": np.ones((6, 16))}},
        smooth=("timeseries", "edge_weights", "areas", "fwhm"),
    ),
]
