"""What may be written as an option: keyword-only parameters, checked by their annotations."""

from __future__ import annotations

import builtins
import functools
import inspect
import json
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt
from pydantic import TypeAdapter, ValidationError

from isbench.recipe.nodes import Node, Problems, closest, shown, similar

REQUIRED: Any = inspect.Parameter.empty
BATCHES = re.compile(r"([0-9]+(?:\.[0-9]+)?)x")
NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
PLURALS = {int: "whole numbers", float: "numbers", str: "words"}


@dataclass(frozen=True)
class Option:
    """What an option accepts, what it is where nobody sets it, and how a message names what it accepts."""

    annotation: Any
    default: Any = REQUIRED
    expects: str = ""

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is REQUIRED

    @property
    def samples(self) -> bool:
        """Whether it counts samples, so that `5x` means five batches."""
        return "samples" in _metadata(self.annotation)


def hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a callable; names that only the type checker imports stand for anything."""
    target: Any = function.__init__ if isinstance(function, type) else function
    known = _Lenient({**vars(builtins), **target.__globals__})
    return get_type_hints(target, localns=known, include_extras=True)


def accepted(function: Callable[..., Any]) -> dict[str, Option]:
    """The options that a callable takes: its keyword-only parameters."""
    known = hints(function)
    return {
        name: Option(known.get(name, Any), each.default)
        for name, each in inspect.signature(function).parameters.items()
        if each.kind is inspect.Parameter.KEYWORD_ONLY
    }


def check(
    options: Mapping[str, Option],
    node: Node,
    problems: Problems,
    *,
    what: str = "option",
    batch: int | None = None,
    others: tuple[str, ...] = (),
    needed: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The values of a mapping that are right, as JSON would hold them; what is wrong goes to `problems`.

    `batch` resolves `5x`; where it is None such values are left out. `others`: keys that somebody else
    checks, of which `needed` must be there.
    """
    values: dict[str, Any] = {}
    meant: set[str] = set()
    known = (*options, *others)
    for name, given in node.fields.items():
        if name in options:
            value = _value(options[name], given, problems, batch)
            if value is not None:
                values[name] = value
        elif name not in others:
            problems.key(given, f"unknown {what}{similar(name, known)}")
            meant.add(closest(name, known))
    required = (*needed, *(name for name, option in options.items() if option.required))
    _missing(
        [name for name in required if name not in node.fields and name not in meant], options, node, problems
    )
    return values


def _missing(names: list[str], options: Mapping[str, Option], node: Node, problems: Problems) -> None:
    """One complaint for all that is missing; what a misspelt key meant is not missing."""
    if len(names) > 1:
        problems.value(node, f"needs {' and '.join(names)}")
    elif names:
        hint = f"; expected {expectation(options[names[0]])}" if names[0] in options else ""
        problems.value(node, f"is missing{hint}", (names[0],))


def expectation(option: Option) -> str:
    """What an option accepts, in words."""
    return option.expects or describe(option.annotation)


class _Lenient(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        return Any


def _value(option: Option, node: Node, problems: Problems, batch: int | None) -> Any:
    value = node.plain()
    if option.samples and value is not None:
        if batch is None and isinstance(value, str) and BATCHES.fullmatch(value):
            return None
        value = _samples(value, batch or 0)
        if value is None:
            problems.value(*_complaint(option, node, []))
            return None
    adapter = _adapter(option.annotation)
    try:
        return adapter.dump_python(adapter.validate_json(json.dumps(value), strict=True), mode="json")
    except ValidationError as error:
        deepest = max((each["loc"] for each in error.errors(include_url=False)), key=len)
        problems.value(*_complaint(option, node, [step for step in deepest if isinstance(step, int)]))
        return None


def _samples(value: Any, batch: int) -> int | None:
    """A count of samples, `5x` resolved; None where it is none."""
    batches = BATCHES.fullmatch(value) if isinstance(value, str) else None
    count = float(batches[1]) * batch if batches else value
    if isinstance(count, float) and batches and count.is_integer():
        count = int(count)
    return count if type(count) is int and 0 < count < 2**63 else None


@functools.cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)


def _complaint(option: Option, node: Node, indices: list[int]) -> tuple[Node, str]:
    """The node to blame, and what is wrong with it."""
    annotation, inside = option.annotation, node.find(indices[:1])
    if inside is not node:
        annotation = _item(annotation)
    says = expectation(option) if inside is node else describe(annotation)
    words = get_args(bare(annotation)) if get_origin(bare(annotation)) is Literal else ()
    hint = similar(inside.content, map(str, words)) if isinstance(inside.content, str) else ""
    return inside, f"must be {says}, not {shown(inside.plain())}{hint}"


def _item(annotation: Any) -> Any:
    """What the items of a list must be."""
    plain = bare(annotation)
    members = get_args(plain) if get_origin(plain) in (Union, types.UnionType) else (plain,)
    return next((get_args(each)[0] for each in members if get_origin(each) in (list, tuple)), Any)


def bare(annotation: Any) -> Any:
    """The annotation without what is wrapped around it: bounds, and None for a default."""
    if get_origin(annotation) is Annotated:
        return bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [each for each in get_args(annotation) if each is not type(None)]
        return bare(rest[0]) if len(rest) == 1 else annotation
    return annotation


def _metadata(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        return get_args(annotation)[1:]
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(found for each in get_args(annotation) for found in _metadata(each))
    return ()


def describe(annotation: Any) -> str:
    """What an annotation accepts, in words."""
    plain, extra = bare(annotation), _metadata(annotation)
    origin, inner = get_origin(plain), get_args(plain)
    if "samples" in extra:
        return "a whole number of samples above 0, or of batches, as in 5x"
    if origin is Literal:
        return f"one of {', '.join(map(_word, inner))}"
    if origin in (Union, types.UnionType):
        return " or ".join(describe(each) for each in inner if each is not type(None))
    if origin in (list, tuple):
        return f"a list of {PLURALS.get(bare(inner[0]), 'values')}{_bounds(_metadata(inner[0]))}"
    return NAMES.get(plain, "a path" if getattr(plain, "__name__", "") == "Path" else "a value") + _bounds(
        extra
    )


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bounds(metadata: tuple[Any, ...]) -> str:
    words: dict[type, tuple[str, str]] = {
        Gt: ("above", "gt"), Ge: ("of at least", "ge"), Lt: ("below", "lt"), Le: ("of at most", "le")
    }  # fmt: skip
    parts = [
        f"{words[type(each)][0]} {getattr(each, words[type(each)][1])}"
        for each in metadata
        if type(each) in words
    ]
    return f" {' and '.join(parts)}" if parts else ""
