"""What all tests share: the real data, double precision, and what keeps a run of the tests quick and small.

Nearly all time of the tests goes into compiling thousands of tiny programs, so these are kept between runs.
"""

import ctypes
import gc
import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import real_data
from hypothesis import settings

COMPILED = Path(__file__).parents[1] / ".pytest_cache" / "jax"
LARGEST_CACHE = 2**30  # bytes of compiled programs, of many versions of the code, above which we start afresh
LARGEST_GROWTH = 2**30  # bytes that a process of tests may grow by before it forgets what it compiled

SLOW_WITHIN = "DIFFCONN_SLOW_WITHIN"
"""Environment variable: minutes from the start of the tests after which long checks are left out, and said to be."""
STARTED = "DIFFCONN_TESTS_STARTED"

# In the environment, where JAX and the processes that tests start find it.
for name, value in {
    "JAX_COMPILATION_CACHE_DIR": str(COMPILED),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": 0.0,
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": -1,
}.items():
    os.environ.setdefault(name, str(value))
    if "jax" in sys.modules:  # imported by a plugin: it does not look at the environment again
        sys.modules["jax"].config.update(name.lower(), value)

# The numbers of examples stand in the tests, by `examples(number)`; a profile scales them.
settings.register_profile("ci", deadline=None, max_examples=100)
settings.register_profile("quick", deadline=None, max_examples=5, derandomize=True)
settings.register_profile("long", deadline=None, max_examples=2000)
settings.load_profile("ci")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a run without the data it requires; forget old programs; draw few examples for `-m quick`."""
    if os.environ.get(real_data.REQUIRED) == "required" and not real_data.SHARED.exists():
        raise pytest.UsageError(f"{real_data.REQUIRED}=required, but {real_data.MISSING}")
    if not hasattr(config, "workerinput"):
        os.environ[STARTED] = str(time.time())  # for all workers
        _forget_if_large(COMPILED)
    if config.option.markexpr == "quick" and config.option.hypothesis_profile is None:
        settings.load_profile("quick")


def _forget_if_large(folder: Path) -> None:
    if folder.is_dir() and sum(entry.stat().st_size for entry in os.scandir(folder)) > LARGEST_CACHE:
        shutil.rmtree(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the real data, the contracts of blocks as slow, and a sample of every file as quick; slow last."""
    missing = pytest.mark.skipif(not real_data.SHARED.exists(), reason=real_data.MISSING)
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker("data")
        if item.get_closest_marker("data"):
            item.add_marker(missing)
        if item.name.startswith("contract["):
            item.add_marker("slow")
    _mark_quick(items)
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> str:
    """Return what tests are sorted by: long ones last, and where time may not do for all of them others come each day."""
    if item.get_closest_marker("slow") is None:
        return ""
    if not os.environ.get(SLOW_WITHIN):
        return "long"
    day = int(float(os.environ[STARTED]) // 86400)
    return hashlib.sha1(f"{day} {item.path.name}".encode()).hexdigest()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave a long check out where the time for those is over."""
    minutes = os.environ.get(SLOW_WITHIN)
    if minutes and item.get_closest_marker("slow") and time.time() > float(os.environ[STARTED]) + 60 * float(minutes):
        pytest.skip(f"a long check, begun after the {minutes} minutes that {SLOW_WITHIN} gives those")


# A file's first test says best what the file is about, and is quick as a rule: it is the sample of its file. Where it is
# not quick, others are marked by hand and stand for the file.
def _mark_quick(items: list[pytest.Item]) -> None:
    by_hand = {item.path for item in items if item.get_closest_marker("quick")}
    first = {item.path: item for item in reversed(items) if not item.get_closest_marker("slow")}
    for path, item in first.items():
        if path not in by_hand:
            item.add_marker("quick")


# What a process holds whatever it forgets (libraries, data of a session) grows, too: where it alone passed a fixed
# limit, each test would forget, and each would compile everything anew.
_kept = 0  # bytes that were held after forgetting


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Give memory back when a process has grown much: JAX keeps each program it compiled, the allocator each page."""
    global _kept
    if _memory() > _kept + LARGEST_GROWTH:
        import jax

        jax.clear_caches()
        gc.collect()
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        _kept = _memory()


def _memory() -> int:
    """Return the bytes that this process holds, or 0 where they cannot be read or given back (all but Linux, glibc)."""
    if sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"):
        return 0
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout; tests that ask for it, as all marked `data`, are skipped without."""
    return real_data.SHARED


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread():
    """Two test processes share the cores: more threads would only wait for each other."""
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture
def x64():
    """Compute in float64 for the duration of a test."""
    import jax

    with jax.enable_x64(True):
        yield


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def real_table(shared, tmp_path_factory) -> Path:
    """A confounds table of fMRIPrep with 36 parameters; the last line of the file beside the checkout does not end."""
    source = shared / "confounds_real" / "hypercoil-examples_desc-confounds_timeseries.tsv"
    path = tmp_path_factory.mktemp("real") / source.name
    path.write_text(source.read_text(encoding="utf-8").rstrip("\n") + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def real_series() -> np.ndarray:
    """One person's parcel series, (116, 200); made ones where the real data are not."""
    return real_data.series()


@pytest.fixture(scope="session")
def real_confounds() -> np.ndarray:
    """Motion, tissue signals and CompCor of a run, (168, 15); made ones where the real data are not."""
    return real_data.confounds()
