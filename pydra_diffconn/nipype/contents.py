"""What of an input's value is in a node's hash: two values that a block could tell apart have different ones.

Nipype itself hashes floats to ten decimals, and arrays by what is printed of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn import pydra_compat
from pydra_diffconn.declare.parameters import Learn, plain


def described(value: Any, of_file: Callable[[str], str]) -> Any:
    """Return what stands for a value, as text, numbers and tuples; `of_file` gives the hash of a file."""
    if isinstance(value, Learn):
        return ("start",) if value.init is None else described(plain(value), of_file)
    if isinstance(value, bool | int | bytes | type(None)):
        return repr(value)
    if isinstance(value, float):
        return float(value).hex()
    if isinstance(value, str | Path):
        return _of_text(str(value), of_file)
    if isinstance(value, np.generic | np.ndarray):
        return _of_array(np.asarray(value))
    if isinstance(value, dict):
        pairs = [(described(key, of_file), described(one, of_file)) for key, one in value.items()]
        return ("dict", *sorted(pairs, key=repr))
    if isinstance(value, list | tuple):
        return ("list" if isinstance(value, list) else "tuple", *(described(one, of_file) for one in value))
    from pydra.utils.hash import hash_function

    return type(value).__qualname__, hash_function(value)


def names_a_file(value: Any) -> bool:
    """Say whether text (any text: the code of a function, too) or a path is the name of a file."""
    try:
        return isinstance(value, str | Path) and Path(value).is_file()
    except (OSError, ValueError):  # too long for a name, or none at all
        return False


def _of_text(text: str, of_file: Callable[[str], str]) -> Any:
    if not names_a_file(text):
        return repr(text)
    path = Path(text)
    read = sorted({path, *_companions(path)})
    return ("file", "".join(path.suffixes[-2:]), *(of_file(str(one)) for one in read))


def _companions(path: Path) -> Iterator[Path]:
    """Yield the files that are read along with one: its header, its names, its metadata."""
    for rule in pydra_compat.COMPANIONS:
        yield from (one for one in rule(path) if one.is_file())


def _of_array(array: np.ndarray) -> Any:
    if array.dtype.hasobject:
        from pydra.utils.hash import hash_function

        return "array", str(array.dtype), array.shape, hash_function(array)
    content = np.ascontiguousarray(array)
    return "array", array.dtype.str, array.shape, hashlib.sha256(content.tobytes()).hexdigest()
