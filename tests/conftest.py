"""What all tests share: where the real data are, double precision, and a private Pydra cache."""

import os
from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Contracts of blocks take half of all time: a quick run leaves them out."""
    for item in items:
        if item.name.startswith("contract["):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout; a test that needs it fails without it in CI."""
    if not SHARED.exists():
        if os.environ.get("CI"):
            pytest.fail(f"the real data are not at {SHARED}")
        pytest.skip(f"the real data are not at {SHARED}")
    return SHARED


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
def real_series(shared) -> np.ndarray:
    """One person's parcel series, (time, 200); some parcels are constant in these data."""
    with np.load(shared / "abide_cc200" / "site-UCLA_1_atlas-cc200_timeseries.npz") as file:
        return file[file.files[0]].astype(np.float64)


@pytest.fixture(scope="session")
def real_confounds(shared) -> np.ndarray:
    """Motion, tissue signals and CompCor of a real run, (168, 15)."""
    from pydra_diffconn.files.tables import read_table

    return read_table(
        shared / "confounds_real" / "ds000228_sub-pixar123_task-pixar_desc-reducedConfounds_regressors.tsv"
    )[0]
