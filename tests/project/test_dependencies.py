"""What the package imports is declared in pyproject.toml, and what is declared there is imported."""

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = {"distributed": "dask", "scikit-learn": "sklearn"}  # where it is not the distribution's name
WITHOUT_DECLARATION = {"pytest", "templateflow"}  # imported by the plugin that pytest loads; asked for if it is there


def imported() -> set[str]:
    """Return the third-party modules that the package imports, at the top of files or inside functions."""
    found = set()
    for path in (ROOT / "pydra_diffconn").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add(str(node.module).partition(".")[0])
    return found - sys.stdlib_module_names - {"pydra_diffconn"}


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    lines = project["dependencies"] + optional["bids"] + optional["dask"] + optional["nipype"]
    return {re.split(r"[^\w.-]", line)[0] for line in lines}


def test_imports_and_dependencies_are_the_same():
    modules = {MODULES.get(name, name.replace("-", "_")) for name in declared()}
    assert imported() - WITHOUT_DECLARATION == modules
