"""A page for each notebook, made while mkdocs builds the documentation: its cells, and what they gave."""

import base64
import json
from pathlib import Path
from typing import Any

import mkdocs_gen_files

FOLDER = Path(__file__).with_name("notebooks")


def lines_of_output(output: dict[str, Any], place: str) -> list[str]:
    """Return the Markdown of what a cell gave; a figure becomes a file at a place."""
    data = output.get("data", {})
    if "image/png" in data:
        with mkdocs_gen_files.open(f"notebooks/{place}", "wb") as file:
            file.write(base64.b64decode(data["image/png"]))
        return [f"![What the cell drew]({place})", ""]
    if "text/html" in data:
        return ["".join(line for line in "".join(data["text/html"]).splitlines(keepends=True) if line.strip()), ""]
    text = "".join(output.get("text") or data["text/plain"])
    return ["```text", text.rstrip("\n"), "```", ""]


def page(path: Path) -> str:
    """Return the Markdown of a notebook."""
    lines = [f"[Download the notebook]({path.name})", ""]
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            lines += [source, ""]
            continue
        lines += ["```python", source, "```", ""]
        for output in cell["outputs"]:
            lines += lines_of_output(output, f"{path.stem}-{number}.png")
    title = next(index for index, line in enumerate(lines) if line.startswith("# "))
    heading, *rest = lines[title].split("\n", 1)
    lines[title] = "\n".join([heading, "", *lines[:2], *rest])
    return "\n".join(lines[2:])


for path in sorted(FOLDER.glob("*.ipynb")):
    with mkdocs_gen_files.open(f"notebooks/{path.stem}.md", "w") as file:
        file.write(page(path))
