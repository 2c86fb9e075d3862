"""The page of the losses: which one for what, then each, made while mkdocs builds the documentation."""

import inspect
from typing import Any

import mkdocs_gen_files

from pydra_diffconn import losses

PURPOSES = {  # what is wanted, and the losses for it, the first to try first
    "targets are met: numbers, classes, whole connectomes": (
        *("MeanSquaredError", "Distance", "BinaryCrossEntropy", "SoftmaxCrossEntropy", "Hinge"),
    ),
    "age, sex or a diagnosis is predicted of people who took no part": ("HeldOutPrediction",),
    "people are told from each other, over sessions": ("Identifiability",),
    "motion is out of connectomes (with what must stay)": ("QcFc", "DistanceDependence", "BatchCorrelation"),
    "what connectomes have in common stays": ("SignalLost",),
    "sites do not matter": ("Harmonized",),
    "parcels are alike within": ("Homogeneity", "SecondMoment"),
    "parcels are of one size, compact, apart, in their place": (
        *("Equilibrium", "Compactness", "Dispersion", "Tether", "HemisphereTether"),
    ),
    "states of connectivity are found": ("StateLikelihood", "StateWithin", "StateBetween"),
    "communities or gradients of a connectome are found": ("Modularity", "Eigenmaps", "Connectopy"),
    "series or components are independent": ("LogDetCorrelation", "DetCorrelation", "MultivariateKurtosis"),
    "one option is chosen, or distributions are alike": ("Entropy", "KullbackLeibler", "JensenShannon", "Bregman"),
    "learned numbers stay small, near, smooth, in a range": (
        *("LogDeviation", "Norm", "Smoothness", "Bimodal", "OutOfRange", "ConstraintViolation"),
    ),
}
OWN = ("Loss", "Sum", "Harmonize")  # what losses are made of


def link(loss: Any) -> str:
    """Return a link to a loss on this page."""
    return f"[`{loss.__name__}`](#{loss.__module__}.{loss.__name__})"


def table() -> list[str]:
    """Return which loss is for what, and refuse to leave one out."""
    left = {name for name in losses.__all__ if isinstance(getattr(losses, name), type)}
    listed = [name for names in PURPOSES.values() for name in names] + list(OWN)
    if left != set(listed) or len(left) != len(listed):
        raise ValueError(f"each loss must stand once in the table of docs/loss_page.py: {sorted(left ^ set(listed))}")
    rows = [
        f"| {what} | {', '.join(link(getattr(losses, name)) for name in names)} |" for what, names in PURPOSES.items()
    ]
    return ["| wanted | losses |", "|---|---|", *rows]


def introduction() -> list[str]:
    """Return what the module says of itself, its example as one that can be pasted."""
    lines = inspect.cleandoc(losses.__doc__ or "").splitlines()
    prose = [line for line in lines if not line.startswith(">>>")]
    code = [line.removeprefix(">>> ") for line in lines if line.startswith(">>>")]
    return [*prose, "", "```python", *code, "```", ""]


def section(name: str, members: str) -> str:
    """Return the place of a loss, which mkdocstrings fills."""
    options = f"show_root_heading: true, show_docstring_parameters: true, heading_level: 3, filters: {members}"
    return f"\n::: {getattr(losses, name).__module__}.{name}\n    options: {{{options}}}\n"


with mkdocs_gen_files.open("losses.md", "w") as file:
    file.write("\n".join(["# Losses", "", *introduction(), *table(), ""]))
    for purpose, names in PURPOSES.items():
        file.write(f"\n## {purpose[0].upper()}{purpose[1:]}\n")
        file.writelines(section(name, "['!.']") for name in names)  # they have `score` alone
    file.write("\n## Of your own, and of several\n")
    file.writelines(section(name, "['!^_']") for name in OWN)
