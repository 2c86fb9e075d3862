"""The command line of the recipes: what the line in a recipe's docstring names, in that order, [OPTIONAL] last."""

import re
import sys
import zipfile
from pathlib import Path

import numpy as np

NO_INPUT = ("OUT", "TARGET")  # all else but numbers is a file or folder that must be there
NUMBERS = {"SEED": (int, "a whole number"), "TR": (float, "a number of seconds")}


def given(doc, **defaults):
    """Return the arguments by their names in small letters; what is optional and not given has its default, or none."""
    usage = re.search(r"python workflows/.+?(?=\s{2,}|\n|$)", doc).group()
    names, values = usage.split()[2:], sys.argv[1:]
    if {"-h", "--help"} & set(values):
        print(f"usage: {usage}\n\n{doc.strip()}")
        raise SystemExit
    least = sum(not name.startswith("[") for name in names)
    if not least <= len(values) <= len(names):
        wrong(usage, f"{len(values)} arguments given" if len(values) > least else f"{names[len(values)]} is missing")
    named = zip((name.strip("[]") for name in names), values, strict=False)
    found = {name.strip("[]").lower(): None for name in names} | defaults
    return found | {name.lower(): read(usage, name, value) for name, value in named}


def read(usage, name, value):
    """Return the value of an argument: a number, or text that is a path where an input is meant."""
    if value.startswith("-") and name not in NUMBERS:
        wrong(usage, f"there is no option {value}")
    if name in NUMBERS:
        kind, what = NUMBERS[name]
        try:
            if kind(value) >= 0:
                return kind(value)
        except ValueError:
            pass
        wrong(usage, f"{name} is {what}, not {value!r}")
    if name not in NO_INPUT and not Path(value).exists():
        wrong(usage, f"{name}: {value} does not exist")
    return value


def wrong(usage, why):
    """End with one line that says what is wrong and how the recipe is called."""
    raise SystemExit(f"{why}; usage: {usage}  (--help says more)")


def folder(path):
    """Return the folder of what is written, made if need be: once the input is read, so that none is left empty."""
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    return path


def the_one(place, pattern):
    """Return the one file of a folder whose name is of a pattern."""
    found = sorted(Path(place).glob(pattern))
    if len(found) != 1:
        raise SystemExit(f"{place} must have one file {pattern}; it has {len(found)}")
    return found[0]


def series_of(path):
    """Return the series of a file (.npz), by name."""
    try:
        stored = np.load(path)
        return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile):
        raise SystemExit(f"{path} is no file of series (.npz: name to (time, parcels))") from None
