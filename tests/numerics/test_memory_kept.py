"""What a step frees stays with the process while a fit runs, and is given back afterwards."""

import ctypes
import os
from pathlib import Path

import numpy as np
import pytest

from pydra_diffconn.numerics import process

pytestmark = pytest.mark.skipif(
    os.name != "posix" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc"
)
SIZE = 2**27


def held() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def grown_by_a_freed_array() -> int:
    before = held()
    np.empty(SIZE, np.uint8).fill(1)
    return held() - before


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch):
    for name in process.ALLOCATOR:
        monkeypatch.delenv(name, raising=False)


def test_freed_memory_stays_within_and_is_given_back_at_the_end():
    before = held()
    with process.memory_kept():
        assert grown_by_a_freed_array() > SIZE / 2
        assert grown_by_a_freed_array() < SIZE / 2  # the same memory again
    assert held() - before < SIZE / 2
    assert grown_by_a_freed_array() < SIZE / 2


def test_what_the_user_told_the_allocator_stays(monkeypatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    with process.memory_kept():
        assert grown_by_a_freed_array() < SIZE / 2
