"""The pytest plugin finds the cases of a test module and tests the contract of their blocks."""

import pytest

pytest_plugins = ["pytester"]

MODULE = """
    import jax.numpy as jnp
    from jaxtyping import Array, Float
    from pydra_diffconn import block
    from pydra_diffconn.testing import Case

    @block.define(outputs=["timeseries"], linear_in="timeseries", acts_along="time")
    def Doubled(timeseries: Float[Array, "time space"]) -> Float[Array, "time space"]:
        '''Double a series.

        Parameters
        ----------
        timeseries : (time, space)
            Series.
        '''
        return {factor} * timeseries

    CASES = [Case(Doubled, oracle=lambda timeseries: 2 * timeseries, source="numpy"), Case(Doubled)]
"""


def run(pytester, factor):
    pytester.makepyfile(blocks_of_mine="\n".join(MODULE.format(factor=factor).splitlines()))
    pytester.makepyfile(test_mine="from blocks_of_mine import CASES")
    return pytester.runpytest_subprocess("-p", "no:xdist", "-v", "--diffconn-parity", "parity.md")


def test_each_case_is_a_test(pytester):
    result = run(pytester, 2)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*contract?Doubled-numpy?*", "*contract?Doubled-contract?*"])
    table = (pytester.path / "parity.md").read_text()
    assert "| Doubled | numpy | 0e+00 |" in table and "| Doubled | itself in float64 |" in table


def test_a_broken_contract_is_told(pytester):
    result = run(pytester, 3)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*Doubled breaks its contract:*", "*oracle*"])


@pytest.mark.quick
def test_other_lists_of_that_name_are_left_alone(pytester):
    pytester.makepyfile("CASES = [1, 2]\ndef test_one(): assert CASES")
    pytester.runpytest_subprocess("-p", "no:xdist").assert_outcomes(passed=1)
