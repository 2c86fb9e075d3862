"""Sets of vectors and matrices in which a parameter may live, other than intervals, and their smooth maps.

Each maps its values to a free space of the same shape, in which every point is allowed, and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

INTERIOR = 1e-2  # how far inside a bound a boundary value starts its first step, relative to the interval
NEARLY = 1e-5  # how far a sum of one, a length of one or a mirrored entry may be off: the rounding of float32
FAR = 60.0  # largest |free| coordinate of a half-line, whose exponential is still finite in float32


class Manifold:
    """What such sets share: no bounds, neither by other arguments nor narrower ones."""

    def describe(self) -> str:
        raise NotImplementedError

    def resolved(self, arguments: Mapping[str, Any]) -> Self:
        return self

    def narrowed(self, within: tuple[float, float]) -> Self:
        raise ValueError(f"a parameter on the {self.describe()} cannot be narrowed with within=; leave within out")


@dataclass(frozen=True)
class Simplex(Manifold):
    """Vectors of non-negative weights that sum to one along the last axis."""

    def describe(self) -> str:
        return "simplex"

    def contains(self, value: Any) -> bool:
        array = np.asarray(value, dtype=float)
        return array.ndim > 0 and bool(np.all(array >= 0)) and bool(np.allclose(array.sum(-1), 1, atol=NEARLY))

    def to_free(self, value: Any) -> Any:
        """Logarithms; a corner enters from `INTERIOR` inside, so that its gradient is not zero."""
        import jax.numpy as jnp

        value = jnp.asarray(value)
        inside = jnp.where(value > 0, value, INTERIOR)
        return jnp.log(inside / inside.sum(-1, keepdims=True))

    def from_free(self, free: Any) -> Any:
        import jax
        import jax.numpy as jnp

        # no weight becomes exactly 0: it would enter the next step from `INTERIOR`, as a corner does
        return jax.nn.softmax(jnp.maximum(free, jnp.max(free, axis=-1, keepdims=True) - FAR), axis=-1)


@dataclass(frozen=True)
class Spd(Manifold):
    """Symmetric positive definite matrices, in the last two axes.

    The free coordinates are those of a Cholesky factor L, in the lower triangle: the logarithms of its diagonal, and
    below it each row relative to its diagonal entry, so that one step size serves every unit. What stands above the
    diagonal has no influence. A little of the identity (`_cone_margin`) is added, or far steps would end on matrices
    whose positive eigenvalues are lost to rounding; matrices nearer than that to a singular one enter from there.
    """

    def describe(self) -> str:
        return "symmetric positive definite"

    def contains(self, value: Any) -> bool:
        array = np.asarray(value, dtype=float)
        if array.ndim < 2 or array.shape[-1] != array.shape[-2] or not np.all(np.isfinite(array)):
            return False
        mirrored = np.swapaxes(array, -1, -2)
        if not np.allclose(array, mirrored, rtol=0, atol=NEARLY * float(np.max(np.abs(array), initial=0.0))):
            return False
        return bool(np.all(np.linalg.eigvalsh((array + mirrored) / 2) > 0))

    def to_free(self, value: Any) -> Any:
        import jax.numpy as jnp

        value = jnp.asarray(value)
        margin = _cone_margin(value)
        values, vectors = jnp.linalg.eigh(value)
        mean = jnp.mean(values, axis=-1, keepdims=True)
        values = jnp.maximum(values - mean * margin / (1 + margin), mean * margin)
        # R'R = V diag(values) V' for the triangular factor R of sqrt(values) V', which needs no second decomposition
        # of a matrix that rounding might have left indefinite
        upper = jnp.linalg.qr(jnp.sqrt(values)[..., :, None] * jnp.swapaxes(vectors, -1, -2), mode="r")
        diagonal = jnp.diagonal(upper, axis1=-2, axis2=-1)
        factor = jnp.swapaxes(upper * jnp.sign(diagonal)[..., :, None], -1, -2)
        relative = jnp.tril(factor / jnp.abs(diagonal)[..., :, None], -1)
        return relative + jnp.log(jnp.abs(diagonal))[..., None] * jnp.eye(value.shape[-1], dtype=value.dtype)

    def from_free(self, free: Any) -> Any:
        import jax.numpy as jnp

        free = jnp.asarray(free)
        one = jnp.eye(free.shape[-1], dtype=free.dtype)
        diagonal = jnp.exp(jnp.clip(jnp.diagonal(free, axis1=-2, axis2=-1), -FAR / 3, FAR / 3))
        factor = diagonal[..., :, None] * (jnp.tril(free, -1) + one)
        product = factor @ jnp.swapaxes(factor, -1, -2)
        mean = jnp.trace(product, axis1=-2, axis2=-1)[..., None, None] / free.shape[-1]
        return product + _cone_margin(free) * mean * one


@dataclass(frozen=True)
class Orthogonal(Manifold):
    """Matrices with orthonormal columns (or rows, if it is wide), in the last two axes.

    A free matrix is mapped to the Q of its QR decomposition with a positive diagonal of R, which is itself where the
    matrix is orthonormal already.
    """

    def describe(self) -> str:
        return "orthonormal"

    def contains(self, value: Any) -> bool:
        array = np.asarray(value, dtype=float)
        if array.ndim < 2:
            return False
        tall = array if array.shape[-2] >= array.shape[-1] else np.swapaxes(array, -1, -2)
        return bool(np.allclose(np.swapaxes(tall, -1, -2) @ tall, np.eye(tall.shape[-1]), atol=NEARLY))

    def to_free(self, value: Any) -> Any:
        return value

    def from_free(self, free: Any) -> Any:
        import jax.numpy as jnp

        free = jnp.asarray(free)
        if free.shape[-2] < free.shape[-1]:
            return jnp.swapaxes(self.from_free(jnp.swapaxes(free, -1, -2)), -1, -2)
        factor, triangle = jnp.linalg.qr(free)
        diagonal = jnp.diagonal(triangle, axis1=-2, axis2=-1)
        return factor * jnp.where(diagonal < 0, -1.0, 1.0)[..., None, :].astype(free.dtype)


@dataclass(frozen=True)
class Sphere(Manifold):
    """Vectors of length one, along the last axis."""

    def describe(self) -> str:
        return "unit sphere"

    def contains(self, value: Any) -> bool:
        array = np.asarray(value, dtype=float)
        return array.ndim > 0 and bool(np.allclose(np.linalg.norm(array, axis=-1), 1, atol=NEARLY))

    def to_free(self, value: Any) -> Any:
        return value

    def from_free(self, free: Any) -> Any:
        """Divide by the length; the zero vector, which has no direction, becomes the first axis."""
        import jax.numpy as jnp

        free = jnp.asarray(free)
        square = jnp.sum(free**2, axis=-1, keepdims=True)
        first = jnp.zeros_like(free).at[..., 0].set(1.0)
        return jnp.where(square > 0, free / jnp.sqrt(jnp.where(square > 0, square, 1.0)), first)


@dataclass(frozen=True)
class UnitDisc(Manifold):
    """Complex amplitudes of at most one, as pairs (real, imaginary part) along the last axis.

    A step keeps or turns the phase as any other direction; the amplitude is the hyperbolic tangent of the free one.
    """

    def describe(self) -> str:
        return "unit disc"

    def contains(self, value: Any) -> bool:
        array = np.asarray(value, dtype=float)
        return (
            array.ndim > 0 and array.shape[-1] == 2 and bool(np.all(np.hypot(*np.moveaxis(array, -1, 0)) <= 1 + NEARLY))
        )

    def to_free(self, value: Any) -> Any:
        """Map the amplitude to the half line, the phase kept; the circle enters from `INTERIOR` inside."""
        import jax.numpy as jnp

        value = jnp.asarray(value)
        square = jnp.sum(value**2, axis=-1, keepdims=True)
        amplitude = jnp.sqrt(jnp.where(square > 0, square, 1.0))
        inside = jnp.minimum(amplitude, 1 - INTERIOR)
        return jnp.where(square > 0, value / amplitude * jnp.arctanh(inside), value)

    def from_free(self, free: Any) -> Any:
        import jax.numpy as jnp

        free = jnp.asarray(free)
        square = jnp.sum(free**2, axis=-1, keepdims=True)
        small = square < 1e-4
        length = jnp.sqrt(jnp.where(small, 1.0, square))
        near = 1 - square / 3 * (1 - square * 2 / 5 * (1 - square * 17 / 42))  # tanh(r) / r by its series
        return free * jnp.where(small, near, jnp.tanh(length) / length)


def _cone_margin(array: Any) -> float:
    """Return the smallest eigenvalue of a learned matrix, relative to their mean: a few roundings of the largest."""
    import jax.numpy as jnp

    return 8 * array.shape[-1] * float(jnp.finfo(array.dtype).eps)
