import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradient, finite_gradient
from scipy.ndimage import center_of_mass
from scipy.spatial.distance import pdist

from pydra_diffconn import losses
from pydra_diffconn.losses import spatial

pytestmark = pytest.mark.usefixtures("x64")

centres_of_mass = jax.jit(spatial.centres_of_mass)
compactness = jax.jit(spatial.compactness, static_argnums=2)
dispersion = jax.jit(spatial.dispersion, static_argnums=1)
distance = jax.jit(spatial.distance, static_argnums=2)


@pytest.fixture
def maps(rng):
    return rng.random((4, 30))


@pytest.fixture
def points(rng):
    x = rng.normal([1, 0, 0], 1, (30, 3))
    return 100 * x / np.linalg.norm(x, axis=1, keepdims=True)


def great_circle(u, v, radius):
    u, v = u / np.linalg.norm(u, axis=-1, keepdims=True), v / np.linalg.norm(v, axis=-1, keepdims=True)
    return radius * np.arccos(np.clip(np.sum(u * v, axis=-1), -1, 1))


def test_centres_of_mass_equal_scipy(rng):
    image = rng.random((4, 5))
    grid = np.stack(np.indices((4, 5)), -1).reshape(-1, 2)
    found = centres_of_mass(jnp.asarray(image.reshape(1, -1)), grid)
    np.testing.assert_allclose(found[0], center_of_mass(image), atol=1e-12)


@pytest.mark.parametrize("radius", [None, 100.0])
def test_compactness_is_the_mean_distance_from_the_centre(maps, points, radius):
    centres = maps @ points / maps.sum(1, keepdims=True)
    for floor in (0.0, 40.0):
        total = []
        for weights, centre in zip(maps, centres, strict=True):
            away = np.linalg.norm(points - centre, axis=1) if radius is None else great_circle(points, centre, radius)
            total.append(np.sum(weights * np.maximum(away - floor, 0)) / weights.sum())
        loss = losses.Compactness("m", coordinates=points, radius=radius, floor=floor)
        np.testing.assert_allclose(loss({"m": jnp.asarray(maps)}), np.mean(total), atol=1e-10)
    assert_gradient(lambda m: compactness(m, points, radius, 5.0).sum(), maps)


@pytest.mark.parametrize("radius", [None, 100.0])
def test_an_empty_parcel_and_one_of_a_single_point_leave_gradients_finite(maps, points, radius):
    maps[0], maps[1], maps[1, 3] = 0, 0, 1
    np.testing.assert_allclose(compactness(maps, points, radius)[:2], 0, atol=1e-12)
    slope = finite_gradient(lambda m: compactness(m, points, radius).sum(), maps)
    assert np.any(slope[2])
    finite_gradient(lambda m: losses.Dispersion("m", coordinates=points, radius=radius)({"m": m}), maps)
    maps[1] = 0
    finite_gradient(lambda m: losses.Dispersion("m", coordinates=points, radius=radius)({"m": m}), maps)


def test_dispersion_equals_scipys_distances(rng, maps, points):
    x = rng.standard_normal((5, 7))
    np.testing.assert_allclose(dispersion(x), pdist(x), atol=1e-12)
    np.testing.assert_allclose(dispersion(x, 1.0), np.arccos(1 - pdist(x, "cosine")), atol=1e-10)
    np.testing.assert_allclose(losses.Dispersion("x")({"x": x}), -pdist(x).mean(), atol=1e-12)
    centres = maps @ points / maps.sum(1, keepdims=True)
    found = losses.Dispersion("m", coordinates="p")({"m": jnp.asarray(maps), "p": points})
    np.testing.assert_allclose(found, -pdist(centres).mean(), atol=1e-10)
    x[3] = x[1]
    finite_gradient(lambda x: dispersion(x).sum() + dispersion(x, 1.0).sum(), x)
    assert_gradient(lambda x: dispersion(x, 2.0).sum(), rng.standard_normal((4, 3)))


def test_great_circle_distances_are_exact_for_near_and_opposite_points():
    near = np.array([1.0, 1e-9, 0.0])
    north = np.array([1.0, 0.0, 0.0])
    np.testing.assert_allclose(distance(north, near, 1.0), 1e-9, rtol=1e-9)
    np.testing.assert_allclose(distance(north, -north, 2.0), 2 * np.pi, rtol=1e-12)
    finite_gradient(lambda x: distance(x, north, 1.0), north)
    finite_gradient(lambda x: distance(x, north, 1.0), -north)


def test_tethers_measure_to_the_reference_and_to_the_mirrored_homologue(rng, maps, points):
    reference = rng.standard_normal((4, 3))
    centres = maps @ points / maps.sum(1, keepdims=True)
    loss = losses.Tether("m", coordinates=points, reference=reference)
    expected = np.linalg.norm(centres - reference, axis=1).mean()
    np.testing.assert_allclose(loss({"m": jnp.asarray(maps)}), expected, atol=1e-10)
    spherical = losses.Tether("m", coordinates=points, reference=reference, radius=100.0)({"m": jnp.asarray(maps)})
    np.testing.assert_allclose(spherical, great_circle(centres, reference, 100).mean(), atol=1e-9)
    assert_gradient(lambda m: loss({"m": m}), maps)

    mirrored = points * [-1, 1, 1]
    both = losses.HemisphereTether("left", other="right", coordinates=points, other_coordinates=mirrored)
    same = jnp.asarray(maps)
    np.testing.assert_allclose(both({"left": same, "right": same}), 0, atol=1e-12)
    other = rng.random((4, 30))
    others = other @ points / other.sum(1, keepdims=True)
    found = both({"left": same, "right": jnp.asarray(other)})
    np.testing.assert_allclose(found, np.linalg.norm(centres - others, axis=1).mean(), atol=1e-10)
    finite_gradient(lambda m: both({"left": m, "right": same}), maps)
