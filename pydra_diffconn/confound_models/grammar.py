"""Confound models as text: `(dd1(rps + wm + csf))^^2 + n_{{5;acc;Mask=CSF,WM}}` becomes a design matrix.

| text | meaning |
|-|-|
| `csf`, `cosine*` | a column of the table; all columns that begin so |
| `` `any name` `` | a column whose name has other signs in it |
| `rps`, `wm`, `gsr`, `fd`, `dv`, `acc`, `wcc`, `ccc`, `tcc`, `aroma` | shorthand, see `SHORTHAND` |
| `9P`, `24P`, `36P`, ... | whole models, see `MODELS` |
| `a + b` | the columns of both, each once |
| `d1(a)`, `dd2(a)`, `d1-2(a)`, `d{0,2}(a)` | backward difference of order 1; orders 0 to 2; 1 to 2; 0 and 2 |
| `a^2`, `a^^3`, `a^2-3`, `a^{1,3}` | second power; powers 1 to 3; 2 to 3; 1 and 3 |
| `1_[>0.5](fd)` | 1 where it holds, else 0; also `>=`, `<`, `<=`, `==`, `!=`; false where a value is missing |
| `[NOT] a`, `a [AND] b`, `a [OR] b` | of columns of 0 and 1; AND and OR give one column |
| `[SCATTER](a)` | one column for each frame in which a column of 0 and 1 is 1 |
| `{{aroma;MotionNoise=True}}` | those columns whose metadata say so; several values are parted by commas |
| `n_{{5;acc;Mask=CSF,WM}}` | of each mask the 5 first components |
| `v_{{50;acc;Mask=combined}}` | of each mask as many components as explain 50 % of the variance |
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

SHORTHAND = {
    "rps": ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"),
    "wm": ("white_matter",),
    "gsr": ("global_signal",),
    "fd": ("framewise_displacement",),
    "dv": ("std_dvars",),
    "acc": ("a_comp_cor_*", "c_comp_cor_*", "w_comp_cor_*"),
    "wcc": ("w_comp_cor_*",),
    "ccc": ("c_comp_cor_*",),
    "tcc": ("t_comp_cor_*",),
    "aroma": ("aroma_motion_*",),
}
MODELS = {
    "2P": "wm + csf",
    "6P": "rps",
    "9P": "rps + wm + csf + gsr",
    "24P": "(dd1(rps))^^2",
    "27P": "(dd1(rps))^^2 + wm + csf + gsr",
    "36P": "(dd1(rps + wm + csf + gsr))^^2",
}
COMPARE: dict[str, Callable[[Any, float], Any]] = {
    ">=": np.greater_equal, "<=": np.less_equal, "==": np.equal, "!=": np.not_equal, ">": np.greater, "<": np.less,
}  # fmt: skip
BY_MASK = {"wcc": "WM", "ccc": "CSF"}
"""Components that fMRIPrep names by their tissue since release 21; before, all are `a_comp_cor_*`, told by metadata."""
OPTIONAL = re.compile(r"(cosine|motion_outlier|non_steady_state(_outlier)?)_?\d*\*?")
"""Columns that fMRIPrep writes only where there is something to say: if there are none, this run has none."""
Columns = dict[str, np.ndarray]
TOKENS = re.compile(
    r"\s*(?:(?P<select>[nv]_\{\{|\{\{)(?P<inside>[^{}]*)\}\}"
    r"|(?P<difference>d(?:d?\d+|\d+-\d+|\{[\d, ]+\}))(?=\s*\()"
    r"|1_\[\s*(?P<compare>>=|<=|==|!=|>|<)\s*(?P<number>-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*\]"
    r"|\[(?P<logic>AND|OR|NOT|SCATTER)\]"
    r"|\^(?P<power>\d+-\d+|\^?\d+|\{[\d, ]+\})"
    r"|(?P<name>[A-Za-z_][\w-]*\*?|\d+P\b)"
    r"|`(?P<quoted>[^`]+)`"
    r"|(?P<sign>[()+]))"
)
KINDS = ("select", "difference", "compare", "logic", "power", "name", "quoted", "sign")
MOST = 9  # the highest order of differences and powers
Metadata = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Token:
    """A piece of a formula, with the place where it starts."""

    kind: str
    text: str
    place: int
    detail: str = ""


@dataclass(frozen=True)
class Design:
    """What a formula makes of a table."""

    columns: Columns
    """By name; each (time,)."""
    terms: list[int]
    """For each column, which of the terms that the formula adds up it comes from, counted from 0."""


def design(formula: str, table: Mapping[str, Any], metadata: Metadata | None = None) -> Design:
    """Return the columns that a formula makes of a confounds table.

    Differences have no value in their first frames, which are NaN here.

    Parameters
    ----------
    formula : str
        See the table at the top of this module.
    table : mapping
        Columns (time,) by name, NaN where there is no value; a pandas data frame is one.
    metadata : mapping, optional
        Of each column, as in fMRIPrep's JSON file; needed where the formula selects by it.

    Raises
    ------
    ValueError
        With the place in the formula, and what was expected there.

    >>> made = design("d1(a) + b^^2", {"a": [1.0, 3.0], "b": [2.0, 5.0]})
    >>> list(made.columns), made.terms
    (['a_derivative1', 'b', 'b_power2'], [0, 1, 1])
    """
    source = {str(name): np.asarray(table[name], dtype=float) for name in table}
    return Reader(formula, source, metadata).read()


class Reader:
    """Reads a formula from left to right and computes what it has read."""

    def __init__(self, formula: str, source: Columns, metadata: Metadata | None, within: str = "") -> None:
        self.formula, self.source, self.metadata, self.within = formula, source, metadata, within
        self.tokens, self.next = self._split(), 0

    def read(self) -> Design:
        """Compute the whole formula."""
        made = self._sum()
        if self._peek().kind != "end":
            raise self._error(self._peek(), f"unexpected {self._peek().text!r}; expected '+' or the end")
        return made

    # --- from text to tokens -----------------------------------------------------------------------------------------

    def _split(self) -> list[Token]:
        tokens, place, text = [], 0, self.formula.rstrip()
        while place < len(text):
            found = TOKENS.match(text, place)
            start = place + len(text[place:]) - len(text[place:].lstrip())
            if found is None:
                raise self._error(Token("", "", start), f"{text[start:].split()[0]!r} is no part of a confound formula")
            parts = {kind: value for kind, value in found.groupdict().items() if value is not None}
            kind = next(kind for kind in KINDS if kind in parts)
            detail = parts.get("inside") or parts.get("number") or ""
            tokens.append(Token(kind, parts[kind], start, detail))
            place = found.end()
        return [*tokens, Token("end", "", len(text))]

    def _peek(self) -> Token:
        return self.tokens[self.next]

    def _take(self) -> Token:
        self.next += 1
        return self.tokens[self.next - 1]

    def _ahead(self, kind: str, text: str) -> bool:
        return (self._peek().kind, self._peek().text) == (kind, text)

    def _error(self, token: Token, message: str) -> ValueError:
        inside = f" of the model {self.within}" if self.within else ""
        shown = f"  {self.formula}\n  {' ' * token.place}^"
        return ValueError(f"{message}, at position {token.place + 1}{inside}:\n{shown}")

    # --- the rules, the loosest first --------------------------------------------------------------------------------

    def _sum(self) -> Design:
        columns: Columns = {}
        terms: list[int] = []
        for (
            number
        ) in itertools.count():  # a term counts although it adds no column, such as spikes where there are none
            fresh = {name: column for name, column in self._either().items() if name not in columns}
            columns, terms = {**columns, **fresh}, [*terms, *[number] * len(fresh)]
            if not self._ahead("sign", "+"):
                break
            self._take()
        return Design(columns, terms)

    def _either(self) -> Columns:
        columns = self._both()
        while self._ahead("logic", "OR"):
            columns = self._joined(columns, self._take(), self._both(), np.any)
        return columns

    def _both(self) -> Columns:
        columns = self._term()
        while self._ahead("logic", "AND"):
            columns = self._joined(columns, self._take(), self._term(), np.all)
        return columns

    def _term(self) -> Columns:
        if self._ahead("logic", "NOT"):
            sign = self._take()
            columns = self._binary(self._term(), sign)
            return {f"not_{name}": 1 - column for name, column in columns.items()}
        columns = self._atom()
        while self._peek().kind == "power":
            power = self._take()
            orders = self._orders(power, first=1)
            columns = {
                name if order == 1 else f"{name}_power{order}": column**order
                for order in orders
                for name, column in columns.items()
            }
        return columns

    def _atom(self) -> Columns:
        token = self._take()
        if token.kind == "sign" and token.text == "(":
            return self._closed(token)
        if token.kind in ("name", "quoted"):
            return self._named(token)
        if token.kind == "difference":
            columns = self._argument(token)
            return {
                f"{name}_derivative{order}" if order else name: _difference(column, order)
                for order in self._orders(token, first=0)
                for name, column in columns.items()
            }
        if token.kind == "compare":
            columns, holds, number = self._argument(token), COMPARE[token.text], float(token.detail)
            text = token.text + token.detail
            return {f"{name}{text}": np.where(np.isnan(c), 0.0, holds(c, number)) for name, c in columns.items()}
        if token.kind == "logic" and token.text == "SCATTER":
            return self._scattered(token)
        if token.kind == "select":
            return self._selected(token)
        found = repr(token.text) if token.text else "the end"
        raise self._error(token, f"{found} where a column, a function or '(' was expected")

    def _argument(self, function: Token) -> Columns:
        opening = self._take()
        if (opening.kind, opening.text) != ("sign", "("):
            raise self._error(opening, f"expected '(' after {self.formula[function.place : opening.place].strip()!r}")
        return self._closed(opening)

    def _closed(self, opening: Token) -> Columns:
        columns = self._sum().columns
        closing = self._take()
        if (closing.kind, closing.text) != ("sign", ")"):
            raise self._error(opening, "this '(' is not closed")
        return columns

    # --- what the pieces mean ----------------------------------------------------------------------------------------

    def _named(self, token: Token) -> Columns:
        plain = token.kind == "name"
        if plain and token.text in MODELS:
            return Reader(MODELS[token.text], self.source, self.metadata, within=token.text).read().columns
        columns: Columns = {}
        patterns = SHORTHAND.get(token.text, (token.text,)) if plain else (token.text,)
        for pattern in patterns:
            found = self._matching(pattern, plain)
            if not found and len(patterns) == 1:
                found = self._absent(token, pattern)
            columns.update({key: self.source[key] for key in found})
        if not columns and len(patterns) > 1:
            self._absent(token, patterns[0])
        return columns

    def _absent(self, token: Token, name: str) -> list[str]:
        """Return what stands for columns that are not there: none where that is right, or those of older names."""
        if OPTIONAL.fullmatch(name):
            return []
        mask = BY_MASK.get(token.text, "").lower()
        described = self.metadata or {}
        older = [
            key
            for key in self._matching("a_comp_cor_*", True)
            if mask and str(described.get(key, {}).get("Mask")).lower() == mask
        ]
        if older:
            return older
        known = [*self.source, *SHORTHAND, *MODELS]
        close = ", ".join(difflib.get_close_matches(name, known)) or ", ".join(list(self.source)[:8])
        raise self._error(token, f"the table has no column {name!r} (the nearest are {close})")

    def _matching(self, name: str, pattern: bool) -> list[str]:
        if pattern and name.endswith("*"):
            return [key for key in self.source if key.startswith(name[:-1])]
        return [name] if name in self.source else []

    def _orders(self, token: Token, first: int) -> list[int]:
        """Read `2`, `^2` or `d2` (all up to it), `1-2` and `{1,3}`, after the leading `d` of a difference."""
        text = token.text.removeprefix("d") if token.kind == "difference" else token.text
        cumulative, text = text[:1] in ("d", "^"), text.lstrip("d^")
        numbers = [int(number) for number in re.findall(r"\d+", text)]
        if text.startswith("{"):
            orders = numbers
        elif len(numbers) == 2:
            orders = list(range(numbers[0], numbers[1] + 1))
        else:
            orders = list(range(first, numbers[0] + 1)) if cumulative else numbers
        if not orders or not first <= min(orders) <= max(orders) <= MOST:
            raise self._error(token, f"{token.text!r} does not name orders of {first} to {MOST}")
        return orders

    def _binary(self, columns: Columns, sign: Token) -> Columns:
        for name, column in columns.items():
            if not np.all((column == 0) | (column == 1)):
                message = f"[{sign.text}] of {name!r}, which is not all 0 and 1; compare it first: 1_[>0.5]({name})"
                raise self._error(sign, message)
        return columns

    def _joined(self, left: Columns, sign: Token, right: Columns, rule: Callable[..., Any]) -> Columns:
        both = {**self._binary(left, sign), **self._binary(right, sign)}
        if not both:  # of columns that this run has none of
            return {}
        return {f"_{sign.text.lower()}_".join(both): rule(np.stack(list(both.values())) == 1, axis=0).astype(float)}

    def _scattered(self, token: Token) -> Columns:
        columns = self._binary(self._argument(token), token)
        if not columns:
            return {}
        frames = np.flatnonzero(np.any([column == 1 for column in columns.values()], axis=0))
        count = len(next(iter(columns.values())))
        return {f"spike_{frame:04d}": (np.arange(count) == frame).astype(float) for frame in frames}

    def _selected(self, token: Token) -> Columns:
        """Select by metadata; `n_` and `v_` have a number first and take the first components of each mask."""
        counted = token.text[0] if token.text[0] in "nv" else ""
        parts = [part.strip() for part in token.detail.split(";")]
        amount = 0.0
        if counted:
            try:
                amount = float(parts.pop(0))
            except ValueError:
                raise self._error(token, f"expected {counted}_{{{{number;columns;Field=value}}}}") from None
        if not parts or not parts[0]:
            raise self._error(token, "expected the name of columns, as in {{acc;Mask=CSF}}")
        columns = self._named(Token("name", parts[0], token.place))
        fields = dict(self._field(part, token) for part in parts[1:])
        described = self._described(columns, token) if fields or counted else {}
        for field, values in fields.items():
            columns = {n: c for n, c in columns.items() if str(described[n].get(field)).lower() in values}
        if not columns:
            wanted = "; ".join(f"{field}={','.join(values)}" for field, values in fields.items())
            raise self._error(token, f"no column {parts[0]!r} has the metadata {wanted}")
        if not counted:
            return columns
        if counted == "v" and not all("CumulativeVarianceExplained" in described[name] for name in columns):
            raise self._error(token, "the metadata say nothing of the variance that these columns explain")
        kept = [name for group in _by_mask(columns, described) for name in _leading(group, described, counted, amount)]
        return {name: columns[name] for name in kept}

    def _field(self, part: str, token: Token) -> tuple[str, list[str]]:
        field, sign, values = part.partition("=")
        if not sign or not values:
            raise self._error(token, f"{part!r} is no condition; expected Field=value, such as Mask=CSF,WM")
        return field.strip(), [value.strip().lower() for value in values.split(",")]

    def _described(self, columns: Columns, token: Token) -> dict[str, Mapping[str, Any]]:
        if self.metadata is None:
            raise self._error(token, "the formula selects by metadata; give the JSON file beside the table as metadata")
        absent = [name for name in columns if name not in self.metadata]
        if absent:
            raise self._error(token, f"the metadata say nothing of column {absent[0]!r}")
        odd = [name for name in columns if not isinstance(self.metadata[name], Mapping)]
        if odd:
            raise self._error(token, f"the metadata of column {odd[0]!r} are no mapping, such as {{'Mask': 'CSF'}}")
        return {name: self.metadata[name] for name in columns}


def _difference(column: np.ndarray, order: int) -> np.ndarray:
    return np.concatenate([np.full(order, np.nan), np.diff(column, n=order)])[: len(column)] if order else column


def _by_mask(columns: Columns, described: Metadata) -> list[list[str]]:
    """Return the names of each mask's components; those without a mask are one group."""
    groups: dict[Any, list[str]] = {}
    for name in columns:
        groups.setdefault(described[name].get("Mask"), []).append(name)
    return list(groups.values())


def _leading(group: list[str], described: Metadata, rule: str, amount: float) -> list[str]:
    """Return the first components of one mask, in the order of the table: a number of them, or a share of variance."""
    if rule == "n":
        return group[: int(amount)]
    explained = np.array([described[name]["CumulativeVarianceExplained"] for name in group])
    return group[: int(np.sum(explained < amount / 100)) + 1]
