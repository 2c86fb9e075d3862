"""Threads of the linear algebra library while a program of ours computes."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHOSEN = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS and LAPACK compute in one thread, unless the user has chosen a number.

    XLA has threads of its own for products and calls LAPACK for decompositions, whose threads then wait for more work
    on a core that XLA needs: a step with small decompositions takes three to five times as long.
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
