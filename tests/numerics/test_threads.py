"""The linear algebra library computes in one thread while a fit runs, and in as many as before afterwards."""

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from pydra_diffconn.numerics import process


def counts():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_one_thread_within_and_those_before_afterwards(monkeypatch):
    for name in process.CHOSEN:
        monkeypatch.delenv(name, raising=False)
    with threadpool_limits(2, user_api="blas"):
        before = counts()
        with process.one_blas_thread():
            assert counts() == {1}
        assert counts() == before


@pytest.mark.parametrize("name", process.CHOSEN)
def test_a_number_that_the_user_chose_stays(monkeypatch, name):
    monkeypatch.setenv(name, "2")
    with threadpool_limits(2, user_api="blas"):
        before = counts()
        with process.one_blas_thread():
            assert counts() == before
