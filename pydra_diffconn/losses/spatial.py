"""Where parcels lie: compact, apart from each other, near a reference, mirrored in the other hemisphere.

Coordinates are (space, dimensions), in mm, and centres of mass (parcels, dimensions). With a `radius` they lie on a
sphere of that radius about the origin, and distances are great-circle ones; without, Euclidean.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from pydra_diffconn.declare.loss import Loss
from pydra_diffconn.losses.norms import norm, unit


@dataclass(frozen=True, kw_only=True, eq=False)
class Compactness(Loss):
    r"""Mean distance of the space in each parcel from its centre of mass; see `compactness`.

    $$
    \bigg\langle \frac{\sum_v A_{lv} \max(0,\, d(x_v, c_l) - \text{floor})}{\sum_v A_{lv}} \bigg\rangle_l, \quad c_l =
    \frac{\sum_v A_{lv} x_v}{\sum_v A_{lv}}
    $$

    Parameters
    ----------
    coordinates : array or str
        (space, dimensions), or the name of an output.
    radius : float, optional
        Of the sphere on which the coordinates lie.
    floor : float
        Distances up to it cost nothing, in the unit of the coordinates.
    """

    coordinates: Any
    radius: float | None = None
    floor: float = 0.0

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean over parcels."""
        where = self.read(outputs, self.coordinates)
        return compactness(self.read(outputs), where, self.radius, self.floor).mean()


@dataclass(frozen=True, kw_only=True, eq=False)
class Dispersion(Loss):
    r"""Minus the mean distance of all pairs of vectors; see `dispersion`.

    $$ -\big\langle d(c_k, c_l) \big\rangle_{k < l} $$

    Parameters
    ----------
    coordinates : array or str, optional
        If given, the output holds maps (parcels, space) and their centres of mass are dispersed; if not, the output
        holds the vectors (vectors, dimensions) themselves, such as templates of states.
    radius : float, optional
        Of the sphere; 1 makes the distance the angle between vectors.
    """

    coordinates: Any = None
    radius: float | None = None

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the negative mean distance, to be minimised."""
        vectors = self.read(outputs)
        if self.coordinates is not None:
            vectors = centres_of_mass(vectors, self.read(outputs, self.coordinates))
        return -dispersion(vectors, self.radius).mean()


@dataclass(frozen=True, kw_only=True, eq=False)
class Tether(Loss):
    r"""Mean distance of each parcel's centre of mass from its reference point.

    $$ \big\langle d(c_l, r_l) \big\rangle_l, \quad c_l = \frac{\sum_v A_{lv} x_v}{\sum_v A_{lv}} $$

    Parameters
    ----------
    coordinates, reference : array or str
        (space, dimensions) and (parcels, dimensions), or names of outputs.
    radius : float, optional
        Of the sphere on which both lie.
    """

    coordinates: Any
    reference: Any
    radius: float | None = None

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean over parcels."""
        centres = centres_of_mass(self.read(outputs), self.read(outputs, self.coordinates))
        return distance(centres, jnp.asarray(self.read(outputs, self.reference), centres.dtype), self.radius).mean()


@dataclass(frozen=True, kw_only=True, eq=False)
class HemisphereTether(Loss):
    r"""Mean distance of each parcel's centre of mass from the mirror image of its homologue in the other hemisphere.

    $$ \big\langle d(c_l,\, M c_l') \big\rangle_l, \quad M \text{ mirrors left and right} $$

    Parameters
    ----------
    other : str
        Maps of the other hemisphere, with the homologues in the same order.
    coordinates, other_coordinates : array or str
        (space, dimensions) of each hemisphere.
    radius : float, optional
        Of the sphere on which both lie.
    axis : int
        Of the coordinates, from left to right, with the midline at 0.
    """

    other: str
    coordinates: Any
    other_coordinates: Any
    radius: float | None = None
    axis: int = 0

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean over pairs of homologues."""
        own = centres_of_mass(self.read(outputs), self.read(outputs, self.coordinates))
        others = centres_of_mass(self.read(outputs, self.other), self.read(outputs, self.other_coordinates))
        return distance(own, others.at[..., self.axis].multiply(-1), self.radius).mean()


def centres_of_mass(maps: Array, coordinates: Array) -> Array:
    """Return A x / A 1, shape (..., parcels, dimensions); an empty parcel lies at the origin, without gradient."""
    mass = jnp.sum(maps, axis=-1, keepdims=True)
    some = mass > 0
    return jnp.where(some, maps @ jnp.asarray(coordinates, maps.dtype) / jnp.where(some, mass, 1.0), 0.0)


def distance(first: Array, second: Array, radius: float | None = None) -> Array:
    """Return the distance along the last axis; on a sphere 2 r atan2(|u - v|, |u + v|), exact for near points.

    On a sphere only directions count; the gradient between equal points is 0.
    """
    if radius is None:
        return norm(first - second)
    first, second = unit(first), unit(second)
    apart, together = norm(first - second), norm(first + second)
    some = (apart > 0) | (together > 0)  # of two empty parcels, nothing is known
    return 2 * radius * jnp.arctan2(apart, jnp.where(some, together, 1.0))


def compactness(maps: Array, coordinates: Array, radius: float | None = None, floor: float = 0.0) -> Array:
    """Return sum_v A_lv relu(d(x_v, c_l) - floor) / sum_v A_lv for each parcel, c_l its centre of mass; 0 if empty."""
    coordinates = jnp.asarray(coordinates, maps.dtype)
    centres = centres_of_mass(maps, coordinates)
    away = jax.nn.relu(distance(coordinates, centres[..., None, :], radius) - floor)
    mass = jnp.sum(maps, axis=-1)
    some = mass > 0
    return jnp.where(some, jnp.sum(maps * away, axis=-1) / jnp.where(some, mass, 1.0), 0.0)


def dispersion(vectors: Array, radius: float | None = None) -> Array:
    """Return the distances of all pairs of vectors, (..., pairs), in the order of `scipy.spatial.distance.pdist`."""
    first, second = np.triu_indices(vectors.shape[-2], 1)
    return distance(vectors[..., first, :], vectors[..., second, :], radius)
