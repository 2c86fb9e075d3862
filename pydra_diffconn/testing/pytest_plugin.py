"""A pytest plugin: each `Case` in a test module's `CASES` becomes a test of its block's contract.

It is installed with this package. The test module of other people's blocks needs no more than

    from pydra_diffconn.testing import Case
    from my_package.blocks import MyBlock

    CASES = [Case(MyBlock, oracle=trusted, source="numpy")]

`pytest --diffconn-parity docs/parity.md` writes a table of the measured errors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROW = "diffconn parity"
HEAD = """# Parity

Every block against a trusted implementation, and its gradients against finite differences: the largest differences,
relative to the largest value where that is above 1. Made by `pytest --diffconn-parity docs/parity.md`.

| block | compared with | float64 | float32 | gradient |
|---|---|---|---|---|
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--diffconn-parity`."""
    parser.getgroup("pydra-diffconn").addoption(
        "--diffconn-parity",
        type=Path,
        metavar="FILE",
        help="write the blocks' measured errors against their oracles as a table",
    )


def pytest_pycollect_makeitem(collector: pytest.Module, name: str, obj: Any) -> list[pytest.Item] | None:
    """Make a test of every case in a list called `CASES`."""
    if name != "CASES" or not isinstance(obj, list | tuple):
        return None
    from pydra_diffconn.testing.cases import Case

    made: list[pytest.Item] = []
    count: Counter[str] = Counter()
    cases = [case for case in obj if isinstance(case, Case)]
    for place, case in enumerate(cases):
        label = f"{case.block.declaration.name}-{case.source or 'contract'}"
        count[label] += 1
        number = f"-{count[label]}" if count[label] > 1 else ""
        made.append(_contract_test(collector, f"contract[{label}{number}]", case, cases[:place]))
    return made or None


def _contract_test(collector: pytest.Module, name: str, case: Any, before: Sequence[Any]) -> pytest.Item:
    from pydra_diffconn import testing

    def keeps_the_contract() -> None:
        findings = list(testing.examine(case, before))
        item.user_properties.append((ROW, _row(case, findings)))
        testing.judged(case, findings)

    item: pytest.Item = pytest.Function.from_parent(collector, name=name, callobj=keeps_the_contract)
    return item


def _row(case: Any, findings: list[Any]) -> str:
    errors = {finding.item: finding.error for finding in findings if finding.error is not None}
    gradient = max((error for item, error in errors.items() if item.startswith("gradient")), default=None)
    figures = [errors.get("oracle, float64"), errors.get("oracle, float32", errors.get("float32")), gradient]
    shown = " | ".join("" if figure is None else f"{figure:.0e}" for figure in figures)
    return f"| {case.block.declaration.name} | {case.source or 'itself in float64'} | {shown} |"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Write the table of all contract tests of this run that passed."""
    path = config.getoption("--diffconn-parity")
    if path is None:
        return
    properties = [pair for report in terminalreporter.stats.get("passed", []) for pair in report.user_properties]
    rows = sorted({value for key, value in properties if key == ROW})
    path.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    terminalreporter.write_line(f"{len(rows)} comparisons in {path}")
