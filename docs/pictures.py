"""Make the pictures of the stories anew, by `python docs/pictures.py [PAGE]`.

Each page's Python is run, and what it saves is kept.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from pydra_diffconn.report import figures

DOCS = Path(__file__).parent
IMAGES = DOCS / "images"


def examples(page: Path) -> list[str]:
    """Return the Python of a page, each example with the fences that go on from it."""
    found: list[str] = []
    for language, code in re.findall(r"^```(py|python)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.S | re.M):
        if language == "python":
            found.append(code)
        else:
            found[-1] += code
    return found


def run_examples(page: Path) -> None:
    """Run those examples of a page that save a picture, and keep it."""
    for code in examples(page):
        names = re.findall(r'savefig\("([^"]+)"', code)
        if names:
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "pasted.py").write_text(code, encoding="utf-8")
                subprocess.run([sys.executable, "pasted.py"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
                for name in names:
                    shutil.copy(Path(folder) / name, IMAGES / name)


@figures.styled
def of_the_folder() -> None:
    """Run the commands of the page on folders, and draw what was hidden beside what was found."""
    with tempfile.TemporaryDirectory() as name:
        folder, diffconn = Path(name), [sys.executable, "-m", "pydra_diffconn.cli"]
        for command in ("demo --bids study", "run study connectomes participant --dummy-scans auto"):
            subprocess.run([*diffconn, *command.split()], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        found = next((folder / "connectomes").rglob("sub-01_*stat-pearsoncorrelation_relmat.tsv"))
        truth = folder / "study" / "truth" / "sub-01_connectome.tsv"
        matrices = [pd.read_csv(path, sep="\t").select_dtypes("number").to_numpy() for path in (truth, found)]
        edges = np.triu_indices(len(matrices[0]), 1)
        alike = np.corrcoef(*(matrix[edges] for matrix in matrices))[0, 1]
        figure, each = figures.new(6, 2.8, columns=2)
        for axes, matrix, title in zip(each, matrices, ("hidden in sub-01", f"found (r = {alike:.2f})"), strict=True):
            np.fill_diagonal(matrix, np.nan)
            axes.imshow(matrix, vmin=-1, vmax=1, cmap="RdBu_r")
            axes.set(title=title, xlabel="parcel", ylabel="parcel")
        figure.savefig(IMAGES / "folder.png", dpi=90)


if __name__ == "__main__":
    wanted = sys.argv[1:] or [page.name for page in sorted(DOCS.glob("*.md"))]
    for page in wanted:
        run_examples(DOCS / page)
        if page == "folder.md":
            of_the_folder()
