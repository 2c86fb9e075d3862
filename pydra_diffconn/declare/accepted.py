"""What a block's fields accept, for type checkers: the generated stubs of blocks name these."""

from collections.abc import Sequence
from os import PathLike
from typing import Any, Protocol, TypeAlias

import numpy as np
from fileformats.core import FileSet
from jax.typing import ArrayLike
from pydra.engine.lazy import LazyField

from pydra_diffconn.declare.parameters import Learn


class LikeArray(Protocol):
    """An array of any library, or a data frame."""

    def __array__(self) -> np.ndarray[Any, Any]: ...


Lazy: TypeAlias = LazyField[Any]
Data: TypeAlias = np.ndarray[Any, Any] | LikeArray | Sequence[Any] | FileSet | PathLike[str] | Lazy
"""An array or a file; a path may be a string, which is a sequence, too."""
Key: TypeAlias = Data | int
"""A key of JAX, or a seed."""
Number: TypeAlias = float | np.number[Any] | Learn | Lazy
Values: TypeAlias = Data | Learn
"""Numbers that can be learned together, such as weights."""
Traced: TypeAlias = ArrayLike
"""What the pure function takes: no files, no marks."""
