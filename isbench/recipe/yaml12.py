"""YAML for recipes: the core types of YAML 1.2, every value with its place, and no surprises."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import yaml

from isbench.recipe.nodes import Node, Path, Place, Problem, Problems, Scalar

SIZE = 1_000_000  # bytes
DEPTH = 20
VISITS = 10_000  # values, counted once for every alias that leads to them
WHOLE = re.compile(r"[-+]?[0-9]+")
NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
ENDLESS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
BOOLEAN = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
NOTHING = ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True)
class Document:
    """A YAML text as read: lines, value with places, what is wrong; `root` is None if it is unreadable."""

    name: str
    lines: list[str]
    root: Node | None
    problems: Problems


class _Stop(Exception):
    """What makes a text unreadable, and where (line and column from 0)."""

    def __init__(self, message: str, mark: Any = None) -> None:
        super().__init__(message)
        self.at = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


class _Loader(yaml.SafeLoader):
    """A safe loader that resolves no types and gives up on texts that are too deep, too big or tagged."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 (the base class reads it from the class)
    depth = 0
    composed = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()
        if getattr(event, "tag", None) is not None:
            raise _Stop(f"tags are not used in recipes: {event.tag}", event.start_mark)
        self.depth += 1
        self.composed += 1
        _limit(self.depth, self.composed, event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read(text: str, name: str) -> Document:
    """Read one YAML document, and say of an unreadable one what is wrong and where."""
    lines = re.split(r"\r\n|[\n\r\x85\u2028\u2029]", text)
    problems = Problems()
    try:
        if len(text.encode(errors="replace")) > SIZE:
            raise _Stop(f"larger than {SIZE // 1_000_000} MB")
        node = _compose(text)
        root = Node(None, Place()) if node is None else _Walk(problems).visit(node, (), _at(node), 1)
    except _Stop as stop:
        root = None
        problems.add(Problem(Place((), stop.at, stop.at), str(stop)))
    return Document(name, lines, root, problems)


def _compose(text: str) -> yaml.Node | None:
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        stop = _Stop(f"a character that YAML does not allow: #x{error.character:04x}")
        stop.at = (before.count("\n") + 1, error.position - before.rfind("\n"))
        raise stop from None
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        what = [part for part in (error.problem, error.context) if part]
        told = " ".join(reversed(what) if what[0].startswith("but ") else what)
        raise _Stop(f"not valid YAML: {told}", error.problem_mark or error.context_mark) from None
    except (ValueError, OverflowError):  # "\\UFFFFFFFF"
        raise _Stop("not valid YAML: an escape that stands for no character", loader.get_mark()) from None


def _limit(depth: int, visits: int, mark: Any) -> None:
    if depth > DEPTH:
        raise _Stop(f"nested deeper than {DEPTH} levels", mark)
    if visits > VISITS:
        raise _Stop(f"more than {VISITS} values, counting what aliases repeat", mark)


def _at(node: yaml.Node) -> tuple[int, int]:
    return (node.start_mark.line + 1, node.start_mark.column + 1)


class _Walk:
    """Turns composed YAML into nodes; what several aliases share is visited, and counted, every time."""

    def __init__(self, problems: Problems) -> None:
        self.problems, self.visits = problems, 0

    def visit(self, node: yaml.Node, path: Path, key: tuple[int, int], depth: int) -> Node:
        self.visits += 1
        _limit(depth, self.visits, node.start_mark)
        place = Place(path, key, _at(node))
        if isinstance(node, yaml.MappingNode):
            return Node(self._fields(node, path, depth), place)
        if isinstance(node, yaml.SequenceNode):
            return Node(
                [self.visit(item, (*path, i), _at(item), depth + 1) for i, item in enumerate(node.value)],
                place,
            )
        return Node(_scalar(node), place)

    def _fields(self, node: yaml.MappingNode, path: Path, depth: int) -> dict[str, Node]:
        fields: dict[str, Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or not isinstance(_scalar(key), str):
                raise _Stop("a key must be a word", key.start_mark)
            if key.value == "<<" and key.style is None:
                raise _Stop("merge keys are not used in recipes; write the keys out", key.start_mark)
            below = self.visit(value, (*path, key.value), _at(key), depth + 1)
            if key.value in fields:
                first = fields[key.value].place.key[0]
                self.problems.key(below, f"the key stands here twice, first in line {first}")
            else:
                fields[key.value] = below
        return fields


def _scalar(node: Any) -> Scalar:
    """The value of a scalar by the rules of the YAML 1.2 core schema, less octal and hexadecimal numbers."""
    text: str = node.value
    if node.style is not None:  # quoted, or a block of text
        return text
    if text in NOTHING:
        return None
    if text in BOOLEAN:
        return BOOLEAN[text]
    if WHOLE.fullmatch(text):
        if len(text) > 20 or abs(int(text)) >= 2**63:
            raise _Stop("a whole number must fit into 64 bits", node.start_mark)
        return int(text)
    number = float(text) if NUMBER.fullmatch(text) else None
    if ENDLESS.fullmatch(text) or (number is not None and math.isinf(number)):
        raise _Stop("a number must be finite", node.start_mark)
    return text if number is None else number
