"""What a thin Python task does: the one call that its function makes, read from its source without running it.

Understood are functions that read files, make one call of a known package (or of an estimator they were given) and
return or save its result. Anything else in the function is a reason not to replace it.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

PACKAGES = ("nilearn",)
READERS = {
    *("nibabel:load", "nilearn:load_img", "numpy:asarray", "numpy:array", "numpy:loadtxt", "pandas:read_csv"),
    *("builtins:str", "pathlib:Path", "posixpath:abspath", "ntpath:abspath", "fileformats:File", "sklearn:clone"),
}
SAVERS = {"nibabel:save", "numpy:savetxt"}
LOADS = {"load", "load_img", "loadtxt", "read_csv"}
TABLE_SETTINGS = {"sep", "delimiter", "na_values", "dtype"}


@dataclass(frozen=True)
class Field:
    """A field of the task."""

    name: str
    read: bool = False
    """Whether the function reads it from a file itself."""


@dataclass(frozen=True)
class Literal:
    """A value that stands in the source."""

    value: Any


@dataclass(frozen=True)
class Thing:
    """A module, function or class."""

    what: Any

    @property
    def identity(self) -> str:
        return f"{getattr(self.what, '__module__', None)}:{getattr(self.what, '__qualname__', '')}"

    @property
    def short(self) -> str:
        """The package and the name: where in a package a function is defined changes with its releases."""
        return (
            f"{str(getattr(self.what, '__module__', None)).partition('.')[0]}:{getattr(self.what, '__qualname__', '')}"
        )


@dataclass(frozen=True)
class Estimator:
    """An object with `fit_transform`: made in the function, or a field of the task."""

    identity: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    given: Any = None


@dataclass(frozen=True)
class One:
    """A list with one element."""

    element: Any


@dataclass(frozen=True)
class Call:
    """The call that the function is there for."""

    identity: str
    arguments: Mapping[str, Any]
    form: str = "array"
    """What is returned: the result (`array`), its only element (`first`) or a file with it (`file`)."""


class Unclear(ValueError):
    """The function does more than one call; the message says what."""


def one_call(function: Any, values: Mapping[str, Any]) -> Call | None:
    """Return the call that a function makes, or None if it has nothing to do with the packages known here.

    Parameters
    ----------
    function : function
        Of a Python task.
    values : mapping
        What the task was given, by field; estimators among them are recognised.

    Raises
    ------
    Unclear
        If it uses one of the packages, but in more than one call.
    """
    estimators = {n: v for n, v in values.items() if _is_known(type(v).__module__) and hasattr(v, "get_params")}
    try:
        mentioned = function.__code__.co_names
        source = textwrap.dedent(inspect.getsource(function))
        body = next(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)).body
    except (AttributeError, OSError, TypeError, SyntaxError, StopIteration):  # NumPy's functions are not Python's
        if estimators:
            raise Unclear("the source of its function cannot be read") from None
        return None
    used = [function.__globals__.get(name) for name in mentioned]
    modules = [value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", "") for value in used]
    if not estimators and not any(package in source for package in PACKAGES) and not any(map(_is_known, modules)):
        return None
    return _Reader(function, estimators).read(body)


def _is_known(module: Any) -> bool:
    return str(module).partition(".")[0] in PACKAGES


class _Reader:
    """Follows the values through a function."""

    def __init__(self, function: Any, estimators: Mapping[str, Any]) -> None:
        self.globals = function.__globals__
        self.names: dict[str, Any] = {name: Field(name) for name in inspect.signature(function).parameters}
        for name, value in estimators.items():
            self.names[name] = Estimator(f"{type(value).__module__}:{type(value).__qualname__}", {}, value)
        self.saved: list[str] = []
        self.calls = 0

    def read(self, body: list[ast.stmt]) -> Call:
        for statement in body:
            if isinstance(statement, ast.Return) and statement.value is not None:
                return self._returned(statement.value)
            self._statement(statement)
        raise Unclear("its function returns nothing")

    def _returned(self, node: ast.expr) -> Call:
        if self.saved and self._path(node) in self.saved:
            return Call(self.result.identity, self.result.arguments, "file")
        value = self._value(node)
        if not isinstance(value, Call):
            raise Unclear(f"its function returns {ast.unparse(node)!r}, which is not the result of one call")
        return value

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            self.names[name] = self._value(node.value, allow_path=True)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            pass  # the docstring
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            self._save(node.value)
        else:
            raise Unclear(f"its function does more than one call: {ast.unparse(node).splitlines()[0]!r}")

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        try:
            self._imported(node)
        except ImportError as error:
            raise Unclear(f"its function imports what is not there: {error}") from None

    def _imported(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module or "")
                made = getattr(module, alias.name, None) or importlib.import_module(f"{node.module}.{alias.name}")
                self.names[alias.asname or alias.name] = Thing(made)
            else:
                made = importlib.import_module(alias.name)
                top = importlib.import_module(alias.name.partition(".")[0])
                self.names[alias.asname or alias.name.partition(".")[0]] = Thing(made if alias.asname else top)

    def _save(self, node: ast.Call) -> None:
        """Note where the result is saved."""
        function = node.func
        parts = list(node.args)
        if isinstance(function, ast.Attribute) and function.attr in ("to_filename", "to_csv") and parts:
            result, path = self._value(function.value), parts[0]
        elif self._thing(function) in SAVERS and len(parts) == 2:
            first, second = (self._value(part, allow_path=True) for part in parts)
            result, path = (first, parts[1]) if isinstance(first, Call) else (second, parts[0])
        else:
            raise Unclear(f"its function does more than one call: {ast.unparse(node)!r}")
        if not isinstance(result, Call):
            raise Unclear(f"it is not clear what {ast.unparse(node)!r} saves")
        self.result = result
        self.saved.append(self._path(path))

    def _path(self, node: ast.expr) -> str:
        """Return an expression for a path without what only changes its type."""
        if isinstance(node, ast.Call) and len(node.args) == 1 and self._thing(node.func) in READERS:
            return self._path(node.args[0])
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("resolve", "absolute")
        ):
            return self._path(node.func.value)
        if isinstance(node, ast.Name) and isinstance(self.names.get(node.id), str):
            return self.names[node.id]
        return ast.unparse(node)

    def _thing(self, node: ast.expr) -> str:
        value = self._value(node, allow_path=True)
        return value.short if isinstance(value, Thing) else ""

    def _value(self, node: ast.expr, allow_path: bool = False) -> Any:
        """Return what an expression stands for."""
        try:
            return Literal(ast.literal_eval(node))
        except (ValueError, TypeError, SyntaxError):
            pass
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Call):
            return self._called(node, allow_path)
        if isinstance(node, ast.List | ast.Tuple) and len(node.elts) == 1:
            return One(self._value(node.elts[0]))
        if isinstance(node, ast.Subscript) and ast.unparse(node.slice) == "0":
            value = self._value(node.value)
            if isinstance(value, Call) and value.form == "array":
                return Call(value.identity, value.arguments, "first")
        if allow_path:  # how a file is called does not matter
            return self._path(node)
        raise Unclear(f"its function does more than one call: {ast.unparse(node)!r}")

    def _named(self, name: str) -> Any:
        if name in self.names:
            return self.names[name]
        if name in self.globals:
            value = self.globals[name]
            plain = isinstance(value, bool | int | float | str | type(None))
            return Literal(value) if plain else Thing(value)
        if hasattr(builtins, name):
            return Thing(getattr(builtins, name))
        raise Unclear(f"its function uses {name!r}, which is not known before it runs")

    def _attribute(self, node: ast.Attribute) -> Any:
        value = self._value(node.value)
        if isinstance(value, Thing) and hasattr(value.what, node.attr):
            return Thing(getattr(value.what, node.attr))
        if isinstance(value, Field | Call) and node.attr == "values":
            return value
        raise Unclear(f"its function does more than one call: {ast.unparse(node)!r}")

    def _called(self, node: ast.Call, allow_path: bool) -> Any:
        if any(isinstance(part, ast.Starred) for part in node.args) or any(one.arg is None for one in node.keywords):
            raise Unclear(f"the arguments of {ast.unparse(node)!r} are not known before it runs")
        function = node.func
        if isinstance(function, ast.Attribute):
            owner = self._value(function.value)
            if not isinstance(owner, Thing):
                return self._method(owner, function.attr, node)
        thing = self._value(function)
        if not isinstance(thing, Thing):
            raise Unclear(f"its function does more than one call: {ast.unparse(node)!r}")
        if thing.short in READERS:
            if {one.arg for one in node.keywords} - TABLE_SETTINGS or len(node.args) != 1:
                raise Unclear(f"its function does more than to read a file: {ast.unparse(node)!r}")
            kinds = [ast.unparse(one.value) for one in node.keywords if one.arg == "dtype"]
            if any("float" not in kind for kind in kinds):
                raise Unclear(f"its function changes numbers: {ast.unparse(node)!r}")
            value = self._value(node.args[0], allow_path)
            return replace(value, read=True) if isinstance(value, Field) and thing.what.__name__ in LOADS else value
        if thing.short == "pandas:DataFrame" and node.args:
            return self._value(node.args[0])
        if not _is_known(getattr(thing.what, "__module__", "")) and "sklearn.covariance" not in thing.identity:
            raise Unclear(f"its function calls {ast.unparse(function)}, too")
        arguments = self._arguments(thing.what, node)
        if isinstance(thing.what, type):
            return Estimator(thing.identity, arguments)
        return self._counted(Call(thing.identity, arguments))

    def _method(self, owner: Any, name: str, node: ast.Call) -> Any:
        if name in ("to_numpy", "resolve", "absolute") and not node.args:
            return owner
        if isinstance(owner, Estimator) and name == "fit" and not node.args and not node.keywords:
            return owner
        if isinstance(owner, Estimator) and name in ("fit_transform", "transform"):
            import sklearn.base  # noqa: F401  (every estimator of nilearn is one of scikit-learn's)

            module, _, cls = owner.identity.partition(":")
            method = getattr(getattr(importlib.import_module(module), cls), name)
            settings = owner.given.get_params(deep=False) if owner.given is not None else {}
            arguments = {key: Literal(value) for key, value in settings.items()} | dict(owner.arguments)
            return self._counted(Call(owner.identity, {**arguments, **self._arguments(method, node, method=True)}))
        raise Unclear(f"its function does more than one call: {ast.unparse(node)!r}")

    def _arguments(self, what: Any, node: ast.Call, method: bool = False) -> dict[str, Any]:
        names = list(inspect.signature(what).parameters)[1 if method else 0 :]
        values = dict(zip(names, node.args, strict=False)) | {str(one.arg): one.value for one in node.keywords}
        found = {name: self._value(value) for name, value in values.items()}
        for name, value in found.items():
            if isinstance(value, str | Thing):
                raise Unclear(f"its argument {name} is not known before it runs")
        if any(isinstance(value, Call) for value in found.values()):
            raise Unclear(f"its function makes more than one call of {', '.join(PACKAGES)}")
        return found

    def _counted(self, call: Call) -> Call:
        self.calls += 1
        if self.calls > 1:
            raise Unclear(f"its function makes more than one call of {', '.join(PACKAGES)}")
        return call
