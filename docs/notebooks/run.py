"""Run notebooks and keep what their cells give: `python docs/notebooks/run.py [NOTEBOOK]`; all of them by default."""

import ast
import base64
import contextlib
import io
import json
import sys
import warnings
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def shown(value: Any) -> dict[str, Any]:
    """Return what stands for a value, by kind, as Jupyter keeps it."""
    from matplotlib.figure import Figure

    if isinstance(value, Figure):
        file = io.BytesIO()
        value.savefig(file, format="png", dpi=80, metadata={"Software": None})
        return {"image/png": base64.b64encode(file.getvalue()).decode()}
    if hasattr(value, "_repr_html_"):
        html = value._repr_html_().splitlines(keepends=True)
        return {"text/plain": [f"<{type(value).__name__}>"], "text/html": html}
    return {"text/plain": repr(value).splitlines(keepends=True)}


def output_of(code: str, namespace: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a cell; return what it printed, and the value of its last expression."""
    tree, printed, value = ast.parse(code), io.StringIO(), None
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(tree, "<cell>", "exec"), namespace)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        text = printed.getvalue().splitlines(keepends=True)
        outputs.append({"output_type": "stream", "name": "stdout", "text": text})
    if value is not None:
        outputs.append({"output_type": "display_data", "data": shown(value), "metadata": {}})
    return outputs


def executed(path: Path) -> dict[str, Any]:
    """Return a notebook with the outputs of its cells, run in their order in one namespace."""
    notebook, namespace = json.loads(path.read_text(encoding="utf-8")), {"__name__": "__main__"}
    number = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            cell["execution_count"], cell["outputs"] = number, output_of("".join(cell["source"]), namespace)
    return notebook


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:] or map(str, sorted(FOLDER.glob("*.ipynb")))):
        path.write_text(json.dumps(executed(path), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
