"""Designs: what events would look like in the data, by the response of SPM or Glover, or frame by frame."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_tr
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.padding import EACH, by
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.dead_columns import is_alive

Stimulus = Float[Array, "time steps conditions"]
Earlier = Float[Array, "earlier steps conditions"] | None
Derivatives = Literal["none", "time", "time and dispersion"]
Delay = Annotated[float, Parameter(constraints.above(0.0), unit="s", help="delay of the response")]
Undershoot = Annotated[float, Parameter(constraints.above(0.0), unit="s", help="delay of the undershoot")]
Dispersion = Annotated[float, Parameter(constraints.above(0.0), unit="s", help="dispersion of the response")]
UndershootDispersion = Annotated[
    float, Parameter(constraints.above(0.0), unit="s", help="dispersion of the undershoot")
]
Ratio = Annotated[float, Parameter(constraints.nonnegative, help="size of the undershoot, of the response")]

SECONDS = 32.0
"""How long a response lasts."""
ROUNDING = 16  # roundings of its size that a value must exceed not to be 0
TIME_STEP, DISPERSION_STEP = 0.1, 0.01  # seconds, over which nilearn takes differences for derivatives


def lags(known: Mapping[str, Any]) -> int:
    """Return the number of steps that a response lasts."""
    return int(np.rint(SECONDS * np.shape(known["stimulus"])[1] / float(known["tr"])))


def _padded_spm(length: Any, **arguments: Any) -> Array:
    return _inside(SpmDesign, length, arguments)


def _padded_glover(length: Any, **arguments: Any) -> Array:
    return _inside(GloverDesign, length, arguments)


def _inside(block: Any, length: Any, arguments: Mapping[str, Any]) -> Array:
    """Compute a design of which only so many frames are the run's."""
    defaults = {name: argument.default for name, argument in block.declaration.arguments.items()}
    return _design(**{**defaults, **arguments}, inside=jnp.arange(len(arguments["stimulus"])) < length)


@define(outputs=["design"], check=check_tr, infer={"lags": lags}, padding=by(_padded_spm))
def SpmDesign(
    stimulus: Stimulus,
    tr: float,
    earlier: Earlier = None,
    delay: Delay = 6.0,
    dispersion: Dispersion = 1.0,
    undershoot: Undershoot = 16.0,
    undershoot_dispersion: UndershootDispersion = 1.0,
    ratio: Ratio = 0.167,
    derivatives: Derivatives = "none",
    lags: int | None = None,
) -> Float[Array, "time regressors"]:
    r"""Convolve stimuli with the haemodynamic response of SPM, whose delay and dispersion can be learned.

    $$
    d_c(t) = \sum_s h(s)\, u_c(t - s), \quad h(s) \propto \gamma_{\delta / \sigma}(s / \sigma) / \sigma - \rho\,
    \gamma_{\delta' / \sigma'}(s / \sigma') / \sigma'
    $$

    with gamma densities of the delays and dispersions of response and undershoot, and steps of h that sum to 1. Equals
    nilearn's `make_first_level_design_matrix(hrf_model="spm")` (its conditions) for a `min_onset` of whole frames, such
    as its default at repetition times that divide 24 s. The derivatives are nilearn's, too: the changes with a later
    onset and a larger dispersion (the undershoot's then being 1), each without its part in the columns before it.
    Source: SPM's spm_hrf; Friston et al. (1998), doi:10.1006/nimg.1997.0306.

    Parameters
    ----------
    stimulus : (time, steps, conditions)
        The events at so many steps within each frame, from `EventModel`.
    tr : float
        Repetition time in seconds.
    earlier : (earlier, steps, conditions), optional
        The same before the first frame; by default there was nothing.
    delay, dispersion, undershoot, undershoot_dispersion : float
        In seconds.
    ratio : float
        Of the undershoot to the response.
    derivatives : {"none", "time", "time and dispersion"}
        Further columns beside that of each condition.
    lags : int, optional
        Steps that the response lasts; 32 s.
    """
    return _design(
        stimulus, tr, earlier, delay, dispersion, undershoot, undershoot_dispersion, ratio, derivatives, lags
    )


@define(outputs=["design"], check=check_tr, infer={"lags": lags}, padding=by(_padded_glover))
def GloverDesign(
    stimulus: Stimulus,
    tr: float,
    earlier: Earlier = None,
    delay: Delay = 6.0,
    dispersion: Dispersion = 0.9,
    undershoot: Undershoot = 12.0,
    undershoot_dispersion: UndershootDispersion = 0.9,
    ratio: Ratio = 0.48,
    derivatives: Derivatives = "none",
    lags: int | None = None,
) -> Float[Array, "time regressors"]:
    r"""Convolve stimuli with the haemodynamic response of Glover, whose delay and dispersion can be learned.

    $$
    d_c(t) = \sum_s h(s)\, u_c(t - s), \quad h(s) \propto \gamma_{\delta / \sigma}(s / \sigma) / \sigma - \rho\,
    \gamma_{\delta' / \sigma'}(s / \sigma') / \sigma'
    $$

    As `SpmDesign`, with other numbers: an earlier and larger undershoot. Equals nilearn's
    `make_first_level_design_matrix(hrf_model="glover")` under the same condition. Source: Glover (1999),
    doi:10.1006/nimg.1998.0419.

    Parameters
    ----------
    stimulus : (time, steps, conditions)
        The events at so many steps within each frame, from `EventModel`.
    tr : float
        Repetition time in seconds.
    earlier : (earlier, steps, conditions), optional
        The same before the first frame; by default there was nothing.
    delay, dispersion, undershoot, undershoot_dispersion : float
        In seconds.
    ratio : float
        Of the undershoot to the response.
    derivatives : {"none", "time", "time and dispersion"}
        Further columns beside that of each condition.
    lags : int, optional
        Steps that the response lasts; 32 s.
    """
    return _design(
        stimulus, tr, earlier, delay, dispersion, undershoot, undershoot_dispersion, ratio, derivatives, lags
    )


def check_delays(arguments: Mapping[str, Any]) -> None:
    """Refuse delays that are no ascending frames from 0 on."""
    delays = arguments.get("delays", (0,))
    if not delays or min(delays) < 0 or len(set(delays)) < len(delays):
        raise ValueError(f"delays = {tuple(delays)}; expected different numbers of frames, 0 or more")


@define(outputs=["design"], check=check_delays, padding=EACH)
def FirDesign(
    stimulus: Stimulus, earlier: Earlier = None, delays: tuple[int, ...] = (0,)
) -> Float[Array, "time regressors"]:
    r"""Lay out stimuli frame by frame, so that a regression finds the response itself (finite impulse response).

    $$ d_{ck}(t) = \frac{1}{S} \sum_{s=1}^{S} u_c(t - k, s) $$

    Each condition has a column for each delay k: the mean of its stimulus over the S steps of the frame k before.
    Equals nilearn's `make_first_level_design_matrix(hrf_model="fir", fir_delays=...)`. Source: Dale (1999),
    doi:10.1002/(SICI)1097-0193(1999)8:2/3<109::AID-HBM7>3.0.CO;2-W.

    Parameters
    ----------
    stimulus : (time, steps, conditions)
        The events at so many steps within each frame, from `EventModel`.
    earlier : (earlier, steps, conditions), optional
        The same before the first frame; by default there was nothing.
    delays : tuple of int
        In frames.
    """
    before = max(delays)
    means = stimulus.mean(axis=1)
    past = jnp.zeros((before, means.shape[1]), means.dtype)
    if earlier is not None:
        past = jnp.concatenate([past, earlier.mean(axis=1).astype(means.dtype)])[len(earlier) :]
    whole = jnp.concatenate([past, means])
    shifted = [whole[before - delay : before - delay + len(means)] for delay in delays]
    return jnp.stack(shifted, axis=-1).reshape(len(means), -1)


def _design(
    stimulus: Array,
    tr: Any,
    earlier: Array | None,
    delay: Any,
    dispersion: Any,
    undershoot: Any,
    undershoot_dispersion: Any,
    ratio: Any,
    derivatives: str,
    lags: int | None,
    inside: Any = True,
) -> Float[Array, "time regressors"]:
    """Return the columns of each condition in turn: its response and, if asked for, the derivatives of that."""
    steps = stimulus.shape[1]
    count = int(np.rint(SECONDS * steps / float(tr))) if lags is None else lags
    known = {"count": count, "step": jnp.asarray(tr, stimulus.dtype) / steps, "ratio": ratio, "undershoot": undershoot}
    plain = {**known, "delay": delay, "dispersion": dispersion, "undershoot_dispersion": undershoot_dispersion}
    kernels = [response(**plain)]
    if derivatives != "none":
        kernels.append((kernels[0] - response(**plain, onset=TIME_STEP)) / TIME_STEP)
    if derivatives == "time and dispersion":
        changed = [
            response(**{**plain, "dispersion": one, "undershoot_dispersion": 1.0})
            for one in (dispersion, dispersion + DISPERSION_STEP)
        ]
        kernels.append((changed[0] - changed[1]) / DISPERSION_STEP)
    found = jnp.stack(_convolved(stimulus, earlier, jnp.stack(kernels)))
    kept = jnp.where(jnp.broadcast_to(inside, len(stimulus))[:, None], found, 0.0)
    return jnp.moveaxis(_without_those_before(kept), 0, -1).reshape(len(stimulus), -1)


def response(
    count: int,
    step: Any,
    delay: Any,
    dispersion: Any,
    undershoot: Any,
    undershoot_dispersion: Any,
    ratio: Any,
    onset: float = 0.0,
) -> Float[Array, "lags"]:
    """Return a haemodynamic response at so many steps, which sum to 1: a gamma density less that of the undershoot."""
    times = jnp.linspace(0.0, SECONDS, count, dtype=step.dtype) - onset - step
    peak = _gamma_density(times / dispersion, delay / dispersion) / dispersion
    late = _gamma_density(times / undershoot_dispersion, undershoot / undershoot_dispersion) / undershoot_dispersion
    shape = peak - ratio * late
    return shape / shape.sum()


def _gamma_density(x: Array, shape: Any) -> Array:
    positive = x > 0
    x = jnp.where(positive, x, 1.0)
    return jnp.where(positive, jnp.exp((shape - 1) * jnp.log(x) - x - jax.scipy.special.gammaln(shape)), 0.0)


def _convolved(stimulus: Array, earlier: Array | None, kernels: Array) -> list[Array]:
    """Return the stimulus, as it was from `earlier` on, convolved with each kernel, at the beginning of each frame."""
    frames, steps, conditions = stimulus.shape
    whole = stimulus if earlier is None else jnp.concatenate([earlier.astype(stimulus.dtype), stimulus])
    fine = whole.reshape(-1, conditions)
    length = len(fine) + kernels.shape[1]  # enough for what comes last not to reach around to the first
    spectrum = jnp.fft.rfft(fine, length, axis=0)
    filters = jnp.fft.rfft(kernels, length, axis=1)
    every = [jnp.fft.irfft(spectrum * one[:, None], length, axis=0)[: len(fine) : steps] for one in filters]
    # where nothing happened the transform leaves rounding, and a regression would take it for a course of its own
    power = jnp.sum(fine**2, axis=0)
    size = jnp.sqrt(jnp.where(power > 0, power, 1.0)) * jnp.linalg.norm(kernels, axis=1)[:, None]
    least = jax.lax.stop_gradient(ROUNDING * jnp.finfo(fine.dtype).eps * size)
    kept = [jnp.where(jnp.abs(one) > floor, one, 0.0) for one, floor in zip(every, least, strict=True)]
    return [one[len(whole) - frames :] for one in kept]


def _without_those_before(columns: Float[Array, "kinds time conditions"]) -> Float[Array, "kinds time conditions"]:
    """Take from each kind of column its part in the kinds before it."""
    made: list[Array] = []
    for column in columns:
        size = jnp.sum(column**2, axis=0)
        for one in made:
            square = jnp.sum(one**2, axis=0)
            there = square > 0
            column = column - one * jnp.where(there, jnp.sum(one * column, axis=0), 0.0) / jnp.where(there, square, 1.0)
        alive = is_alive(jnp.sum(column**2, axis=0), size)
        made.append(jnp.where(alive, column, 0.0))
    return jnp.stack(made)
