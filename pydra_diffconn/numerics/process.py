"""Keeping compiled programs between processes, so that a worker or the next call does not compile them anew."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WORTH_KEEPING = 0.05  # seconds of compiling below which reading a file is no quicker


def cache_folder() -> Path:
    """Return where compiled programs are kept unless JAX was told another place (JAX_COMPILATION_CACHE_DIR)."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("pydra-diffconn")) / "compiled"


@functools.cache
def keep_compiled() -> None:
    """Let JAX keep compiled programs on disk; a folder, or a refusal, that JAX was given already is respected.

    The file's name is a hash of program, versions, flags and kind of machine, so that a program is never mistaken for
    another.
    """
    import jax

    known: Any = jax.config
    if known.jax_compilation_cache_dir is not None or not known.jax_enable_compilation_cache:
        return
    jax.config.update("jax_compilation_cache_dir", str(cache_folder()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", WORTH_KEEPING)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    jax.config.update("jax_compilation_cache_max_size", 2 * 2**30)


SEVERAL_SHAPES = 2
LITTLE = 10**7  # numbers of each shape, in all steps together, whose loops take less time than making them faster
LIGHT = {"xla_backend_optimization_level": 1, "xla_cpu_use_fusion_emitters": False}
QUICK = {**LIGHT, "xla_backend_optimization_level": 0}


def compiler_options(shapes: int, numbers: float) -> dict[str, Any] | None:
    """Return how a program with so many copies of its steps, one for each shape of a run, is compiled.

    The time to compile grows with the copies, and on CPUs most of it goes into making loops faster. Most of that gains
    nothing beside products and transforms, which are libraries' (four shapes, 100 runs of 250 frames and 100 parcels:
    18 s instead of 31, and a step takes as long, 0.3 s). Without any of it they compile in 11 s, but a step takes
    0.9 s, which is for short fits and small runs alone.

    Parameters
    ----------
    shapes : int
    numbers : float
        How many numbers all steps together read.
    """
    import jax

    if shapes < SEVERAL_SHAPES or jax.default_backend() != "cpu":
        return None
    wanted = QUICK if numbers < LITTLE * shapes else LIGHT
    return {name: value for name, value in wanted.items() if _is_known(name)}


@functools.cache
def _is_known(option: str) -> bool:
    """Say whether this compiler has an option; it refuses those of other versions."""
    import jax

    try:
        jax.jit(lambda x: x, compiler_options={option: QUICK[option]}).lower(0.0).compile()
    except Exception:  # whatever an unknown option raises
        return False
    return True


@contextmanager
def full_precision() -> Iterator[None]:
    """Let products be computed with all digits of their factors, unless JAX was told otherwise.

    Accelerators would round the factors of a product in single precision to ten bits by default, and a correlation
    would be wrong in its third digit. JAX's own setting is respected (JAX_DEFAULT_MATMUL_PRECISION=tensorfloat32).
    """
    import jax

    if jax.config.jax_default_matmul_precision is not None:  # type: ignore[attr-defined]
        yield
        return
    with jax.default_matmul_precision("highest"):
        yield


def in_full_precision(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose products are traced by `full_precision`."""

    @functools.wraps(function)
    def computed(*args: Any, **settings: Any) -> Any:
        with full_precision():
            return function(*args, **settings)

    return computed


def taking_arrays_of_numpy(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of which arrays of NumPy are narrowed to the precision in which JAX computes now.

    JAX narrows their numbers, too, but not the dtype that is read from them: `jnp.zeros(3, array.dtype)` would warn.
    """

    @functools.wraps(function)
    def computed(*args: Any, **settings: Any) -> Any:
        return function(*map(_narrowed, args), **{name: _narrowed(value) for name, value in settings.items()})

    return computed


def _narrowed(value: Any) -> Any:
    import jax
    import numpy as np

    if isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.inexact):
        return value.astype(jax.dtypes.canonicalize_dtype(value.dtype), copy=False)
    return value


CHOSEN = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS and LAPACK compute in one thread, unless the user has chosen a number.

    XLA has threads of its own for products and calls LAPACK for decompositions, whose threads then wait for more work
    on a core that XLA needs: a step with small decompositions takes three to five times as long. What JAX computes it
    computes behind the caller's back: ask for the numbers before this ends.
    """
    if any(name in os.environ for name in CHOSEN):
        yield
        return
    with _controller().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _controller() -> Any:
    import scipy.linalg  # noqa: F401  whose library JAX uses: it must have been loaded to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4  # of mallopt(3)
LARGEST_THRESHOLD = 2**25  # what glibc itself raises the second to, as large arrays are freed
ALLOCATOR = ("MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


@contextmanager
def memory_kept() -> Iterator[None]:
    """Let what a step frees stay with the process for the next step, and give it back at the end.

    glibc gives large arrays back at once, and each step gets all that it computes anew from the system, page by page:
    a fifth to a quarter of the time of a step whose arrays do not stay in the cache. Without effect elsewhere, and
    where the user has told the allocator what to do.
    """
    import ctypes

    library: Any = ctypes.CDLL(None) if os.name == "posix" else None
    if not hasattr(library, "mallopt") or any(name in os.environ for name in ALLOCATOR):
        yield
        return
    library.mallopt(M_MMAP_MAX, 0)
    library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    try:
        yield
    finally:
        library.mallopt(M_MMAP_MAX, 2**16)
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_THRESHOLD)
        library.mallopt(M_TRIM_THRESHOLD, 2 * LARGEST_THRESHOLD)
        library.malloc_trim(0)
