"""Run every case of the contract and write docs/parity.md: python tests/parity.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from test_contract import CASES

from pydra_diffconn.testing import examine

HEAD = """# Parity

Every block against a trusted implementation, and its gradients against finite differences: the largest differences,
relative to the largest value where that is above 1. Made by `python tests/parity.py`, which runs the contract's cases.

| block | compared with | float64 | float32 | gradient |
|---|---|---|---|---|
"""


def row(case) -> str:
    findings = list(examine(case))
    failed = [finding.item for finding in findings if not finding.ok]
    errors = {finding.item: finding.error for finding in findings if finding.error is not None}
    gradient = max((error for item, error in errors.items() if item.startswith("gradient")), default=None)
    figures = [errors.get("oracle, float64"), errors.get("oracle, float32", errors.get("float32")), gradient]
    shown = " | ".join("" if figure is None else f"{figure:.0e}" for figure in figures)
    note = f" fails: {', '.join(failed)}" if failed else ""
    return f"| {case.block.declaration.name}{note} | {case.source or 'itself in float64'} | {shown} |"


if __name__ == "__main__":
    ordered = sorted(CASES, key=lambda case: (case.block.declaration.name, case.source))
    rows = []
    for case in ordered:
        rows.append(row(case))
        print(rows[-1], flush=True)
    (Path(__file__).parents[1] / "docs" / "parity.md").write_text(HEAD + "\n".join(rows) + "\n")
