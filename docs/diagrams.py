"""Draw the diagrams of the concepts as SVG: `python docs/diagrams.py` writes them into docs/images."""

from collections.abc import Callable
from pathlib import Path

INK, GREY, BLUE, PALE, WARM = "#222222", "#8a8f98", "#1f6feb", "#e8f0fe", "#fff4e0"
IMAGES = Path(__file__).with_name("images")
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="14" '
    'fill="#222222"><rect width="{width}" height="{height}" fill="white"/><defs><marker id="tip" viewBox="0 0 8 8" '
    'refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker></defs>'
)


def svg(width: int, height: int, *parts: str) -> str:
    """Return a whole drawing."""
    return "\n".join([HEAD.format(width=width, height=height), *parts, "</svg>\n"])


def words(x: float, y: float, text: str, anchor: str = "middle", size: int = 14, colour: str = INK) -> str:
    """Return a line of text."""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{text}</text>'


def box(x: float, y: float, text: str, fill: str = PALE, width: float = 100, edge: str = BLUE, height: int = 36) -> str:
    """Return a box with a word in it."""
    shape = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{fill}" stroke="{edge}"/>'
    return shape + words(x + width / 2, y + height / 2 + 5, text)


def arrow(x: float, y: float, to_x: float, to_y: float, dashed: bool = False) -> str:
    """Return an arrow."""
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<path d="M{x} {y} L{to_x} {to_y}" stroke="{INK}" fill="none" marker-end="url(#tip)"{dash}/>'


def chain(y: float, names: list[str], x: float = 20, step: float = 130, **style: str) -> list[str]:
    """Return boxes in a row, joined by arrows."""
    boxes = [box(x + n * step, y, name, **style) for n, name in enumerate(names)]
    middle = y + 18
    return boxes + [arrow(x + n * step + 100, middle, x + (n + 1) * step, middle) for n in range(len(names) - 1)]


BRANCHES = ["as it is", "24 regressors", "36 regressors"]
STEPS = ["BandPass", "Regress", "Parcellate", "Correlation"]


def toggle() -> str:
    """Draw one graph run in two ways."""
    return svg(
        720,
        230,
        words(20, 28, "classical: each step is a job with fixed numbers, cached", "start"),
        *chain(40, STEPS, fill="white", edge=GREY),
        arrow(510, 58, 552, 58),
        words(560, 63, "connectome", "start", colour=GREY),
        words(70, 94, "low = 0.01 Hz", size=12, colour=GREY),
        arrow(60, 104, 60, 138),
        arrow(80, 138, 80, 104),
        words(96, 126, "Learn(0.01), and back with a learned number", "start", 13, BLUE),
        f'<rect x="10" y="144" width="520" height="56" rx="8" fill="none" stroke="{BLUE}" stroke-dasharray="5 4"/>',
        *chain(154, STEPS),
        words(540, 177, "loss, and its gradient", "start", colour=BLUE),
        words(20, 220, "differentiable: the same graph is one program of JAX", "start"),
    )


def fuse() -> str:
    """Draw what is fused and what stays."""
    return svg(
        720,
        170,
        words(20, 24, "steps that are no blocks run in Pydra, once; neighbouring blocks become one function", "start"),
        *chain(60, ["read files", *STEPS], step=128),
        box(20, 60, "read files", WARM, edge="#b36b00"),
        f'<rect x="140" y="48" width="500" height="60" rx="8" fill="none" stroke="{BLUE}" stroke-dasharray="5 4"/>',
        words(390, 132, "program(parameters, **inputs): jit, grad, vmap", colour=BLUE),
        words(70, 132, "Pydra", colour="#b36b00"),
    )


def planner() -> str:
    """Draw that parcels are taken before the filter."""
    return svg(
        720,
        200,
        words(20, 28, "as written: all 60,000 voxels are filtered, and then averaged", "start"),
        *chain(40, ["BandPass", "Parcellate", "Correlation"]),
        words(70, 94, "along time", size=12, colour=GREY),
        words(200, 94, "along space", size=12, colour=GREY),
        words(20, 134, "as computed: 200 averages are filtered, the result is the same", "start"),
        *chain(146, ["Parcellate", "BandPass", "Correlation"]),
        words(430, 168, "both steps are linear, and act along different axes", "start", 13, BLUE),
    )


def constraints() -> str:
    """Draw the two spaces of a cut-off."""
    curve = " ".join(
        f"{'M' if n == 0 else 'L'}{40 + 5 * n} {150 - 100 / (1 + 2.718 ** (-(n - 30) / 6)):.1f}" for n in range(61)
    )
    return svg(
        720,
        200,
        f'<path d="M40 150 H350 M40 150 V40" stroke="{INK}" fill="none"/><path d="{curve}" stroke="{BLUE}" fill="none" '
        'stroke-width="2"/>',
        f'<path d="M40 50 H350" stroke="{GREY}" stroke-dasharray="4 3"/>',
        words(356, 54, "Nyquist", "start", 12, GREY),
        words(30, 155, "0", "end", 12),
        words(195, 176, "free space: an optimiser may go anywhere", size=13),
        words(44, 32, "cut-off (Hz)", "start", 13),
        words(430, 90, "what is stored is the constrained value,", "start"),
        words(430, 112, "so that 0.01 Hz is exactly 0.01 Hz;", "start"),
        words(430, 134, "only a step is taken in the free space.", "start"),
    )


def choices() -> str:
    """Draw branches that are mixed."""
    return svg(
        720,
        190,
        box(20, 77, "series", WARM, 80, "#b36b00"),
        *(
            box(180, y, name, width=140)
            for y, name in ((20, "as it is"), (77, "24 regressors"), (134, "36 regressors"))
        ),
        *(arrow(100, 95, 180, y + 18) for y in (20, 77, 134)),
        *(arrow(320, y + 18, 430, 95) for y in (20, 77, 134)),
        *(words(372, y, text, size=12, colour=BLUE) for y, text in ((48, ".1"), (88, ".7"), (146, ".2"))),
        box(430, 77, "Choose"),
        arrow(530, 95, 580, 95),
        words(586, 92, "a mixture while learning,", "start", 12),
        words(586, 108, "one branch in the end", "start", 12),
    )


def held_out() -> str:
    """Draw people who are learned from, and people who are tested."""
    rows = []
    for fold in range(3):
        y = 40 + 40 * fold
        rows.append(words(20, y + 18, f"fold {fold + 1}", "start", 13))
        for person in range(6):
            tested = person // 2 == fold
            rows.append(
                box(
                    90 + 60 * person,
                    y,
                    f"sub-{person + 1}",
                    WARM if tested else PALE,
                    54,
                    "#b36b00" if tested else BLUE,
                    28,
                )
            )
    return svg(
        720,
        190,
        *rows,
        words(480, 62, "blue: learns the parameters,", "start", 13, BLUE),
        words(480, 80, "and chooses the best classical pipeline", "start", 13, BLUE),
        words(480, 108, "yellow: both are scored here,", "start", 13, "#b36b00"),
        words(480, 126, "on people that neither has seen", "start", 13, "#b36b00"),
    )


DIAGRAMS: dict[str, Callable[[], str]] = {
    one.__name__: one for one in (toggle, fuse, planner, constraints, choices, held_out)
}

if __name__ == "__main__":
    for name, draw in DIAGRAMS.items():
        (IMAGES / f"{name}.svg").write_text(draw(), encoding="utf-8")
