"""Types of blocks for editors and type checkers: a `.pyi` beside the module that holds them, made from declarations.

`block.define` turns a function into a class, which no decorator type can say; a stub can. To write it anew:

    python -m pydra_diffconn.plugins.stubs my_package.blocks
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
import types
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

MARK = '"""Made from the declarations by '
HEAD = '''"""Made from the declarations by `python -m pydra_diffconn.plugins.stubs {module}`; not to be edited."""

import typing

import jax
import pydra.compose.workflow as workflow

import pydra_diffconn.declare.accepted as accepted
import pydra_diffconn.declare.declaration as declared
'''
# Pydra 1.0a12: `workflow.add` says "Task" and means the one of its own module, hence the base of a block
BLOCK = '''
class _{name}Outputs(workflow.Outputs):
{outputs}

class {name}(workflow.Task[_{name}Outputs]):
    """{sentence}"""

    Outputs: typing.TypeAlias = _{name}Outputs
    declaration: typing.ClassVar[declared.Declaration]
    def __init__(
        self,
        *,
{fields}    ) -> None: ...
    @staticmethod
    def pure(
{arguments}    ) -> {returned}: ...
'''
PLAIN = (bool, int, float, str, type(None))


def stub(module: types.ModuleType) -> str:
    """Return the stub of a module, or of a package with those of its modules, whose blocks it types."""
    found = dict(_homes(module))
    parts = [HEAD.format(module=module.__name__)]
    if hasattr(module, "__path__"):
        parts += ["\nif not typing.TYPE_CHECKING:  # read by lazy_loader\n", *_imports(module.__name__, found)]
        names = "".join(f'    "{name}",\n' for name in sorted(block.__name__ for block in found))
        parts += [f"\n__all__ = [\n{names}]\n"]
    parts += [_typed(block) for block in sorted(found, key=lambda block: block.__name__)]
    parts += ["\ndef __getattr__(name: str) -> typing.Any: ...  # what else is here, or comes from plugins\n"]
    return "".join(parts)


def path_of(module: types.ModuleType) -> Path:
    """Return where the stub of a module belongs."""
    assert module.__file__ is not None
    return Path(module.__file__).with_suffix(".pyi")


def write(module: types.ModuleType) -> Path:
    """Write the stub of a module beside it; return its path."""
    path = path_of(module)
    path.write_text(stub(module), encoding="utf-8")
    return path


def stubbed(blocks: Iterable[Any]) -> list[types.ModuleType]:
    """Return the modules with a stub of this form, of those that hold some blocks and the packages around them."""
    names: set[str] = set()
    for block in blocks:
        parts = block.__module__.split(".")
        names |= {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
    modules = [importlib.import_module(name) for name in sorted(names)]
    return [
        one for one in modules if path_of(one).exists() and path_of(one).read_text(encoding="utf-8").startswith(MARK)
    ]


def _homes(module: types.ModuleType) -> Iterator[tuple[Any, str]]:
    """Yield each block that is defined in a module or package, and the module it is defined in."""
    inner = pkgutil.walk_packages(getattr(module, "__path__", []), f"{module.__name__}.")
    for home in [module, *(importlib.import_module(one.name) for one in inner)]:
        for name, value in vars(home).items():
            if hasattr(value, "declaration") and value.__module__ == home.__name__ and not name.startswith("_"):
                yield value, home.__name__


def _imports(package: str, homes: dict[Any, str]) -> Iterator[str]:
    for block, home in sorted(homes.items(), key=lambda item: (item[1], item[0].__name__.lower())):
        yield f"    from {home.removeprefix(package)} import {block.__name__} as {block.__name__}\n"


def _typed(block: Any) -> str:
    arguments = block.declaration.arguments.values()
    hints = typing.get_type_hints(block.pure)
    fields = [f"{a.name}: {_field(a, hints[a.name])} = {_default(a)}" for a in arguments]
    if any(a.dims == "time space" for a in arguments):
        fields.append("mask: accepted.Data | None = None")
    outputs = block.declaration.outputs
    return BLOCK.format(
        name=block.__name__,
        sentence=(inspect.getdoc(block) or "").partition("\n")[0],
        fields="".join(f"        {_wrapped(field)},\n" for field in fields),
        arguments="".join(f"        {_pure(a, hints[a.name])},\n" for a in arguments),
        returned="jax.Array" if len(outputs) == 1 else f"tuple[{', '.join(['jax.Array'] * len(outputs))}]",
        outputs="\n".join(f"    {name}: typing.Any" for name in outputs),
    )


def _wrapped(field: str) -> str:
    """Break a line that would be too long, where a formatter breaks it."""
    return field.replace(" | accepted.Lazy", "\n        | accepted.Lazy") if len(field) > 111 else field


def _field(argument: Any, hint: Any) -> str:
    """Return what the field of a task accepts; what is left out may come by `split`."""
    if argument.name == "key":
        kind = "accepted.Key"
    elif argument.role == "parameter":
        kind = "accepted.Values" if argument.dims else "accepted.Number"
    elif argument.role == "number":
        kind = "accepted.Number"
    else:
        kind = "accepted.Data" if argument.dims or argument.role == "data" else f"{_static(hint)} | accepted.Lazy"
    return f"{kind} | None" if argument.optional and not kind.startswith("None") else kind


def _pure(argument: Any, hint: Any) -> str:
    kind = _static(hint) if argument.role == "static" and not argument.dims else "accepted.Traced"
    kind += " | None" if argument.optional and kind == "accepted.Traced" else ""
    has_default = argument.default is not inspect.Parameter.empty
    return f"{argument.name}: {kind}" + (f" = {_default(argument)}" if has_default else "")


def _static(hint: Any) -> str:
    """Return an annotation as it is written; one of types from elsewhere as Any."""
    if typing.get_origin(hint) is typing.Union:  # what `int | Literal[...]` is until Python 3.14
        return " | ".join("None" if one is type(None) else _static(one) for one in typing.get_args(hint))
    text = hint.__name__ if type(hint) is type else repr(hint)
    return text.replace("'", '"') if set(re.findall(r"(\w+)\.\w", text)) <= {"typing"} else "typing.Any"


def _default(argument: Any) -> str:
    return repr(argument.default).replace("'", '"') if type(argument.default) in PLAIN else "..."


if __name__ == "__main__":
    for given in sys.argv[1:]:
        print(write(importlib.import_module(given)))
