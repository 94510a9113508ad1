"""What a recipe says and where it says it: values with their places, and mistakes that point at them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Scalar = str | int | float | bool | None
Path = tuple[str | int, ...]
WIDTH = 110  # characters of a source line that a message shows
MOST = 100  # mistakes that are told at once
SYNONYMS = {"from": "since"}  # what is called otherwise, as Python has the word for itself


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written: line and column (from 1) of its key and of its value, or the `--set`."""

    path: Path = ()
    key: tuple[int, int] = (1, 1)
    value: tuple[int, int] = (1, 1)
    option: str = ""  # "--set a.b=c" where it comes from the command line


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a recipe and its place; `content` holds nodes again, or a scalar."""

    content: dict[str, Node] | list[Node] | Scalar
    place: Place

    @property
    def fields(self) -> dict[str, Node]:
        """The keys of a mapping; empty for anything else."""
        return self.content if isinstance(self.content, dict) else {}

    @property
    def items(self) -> list[Node]:
        """The items of a list; empty for anything else."""
        return self.content if isinstance(self.content, list) else []

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.content, dict):
            return {name: node.plain() for name, node in self.content.items()}
        if isinstance(self.content, list):
            return [node.plain() for node in self.content]
        return self.content

    def find(self, path: Iterable[str | int]) -> Node:
        """The node at a path, or the last one on the way to it."""
        node = self
        for step in path:
            if isinstance(step, int) and step < len(node.items):
                node = node.items[step]
            elif isinstance(step, str) and step in node.fields:
                node = node.fields[step]
            else:
                return node
        return node


def node_of(value: Any, place: Place) -> Node:
    """A plain value as a node, all of it at one place."""
    if isinstance(value, dict):
        return Node({name: node_of(each, place) for name, each in value.items()}, place)
    if isinstance(value, list):
        return Node([node_of(each, place) for each in value], place)
    return Node(value, place)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where, whether the key is meant rather than the value, and what is wrong."""

    place: Place
    message: str
    at_key: bool = False
    below: Path = ()  # what is missing or meant below the place
    follows: bool = False  # it may be a consequence of another mistake, and is told if it stands alone

    @property
    def mark(self) -> tuple[int, int]:
        """Line and column."""
        return self.place.key if self.at_key else self.place.value


@dataclass
class Problems:
    """The mistakes of a recipe, each once."""

    found: dict[Problem, None] = field(default_factory=dict)  # an ordered set

    def add(self, problem: Problem) -> None:
        """Take a mistake, unless it is known."""
        self.found[problem] = None

    def value(self, node: Node, message: str, below: Path = (), *, follows: bool = False) -> None:
        """A wrong value."""
        self.add(Problem(node.place, message, False, below, follows))

    def key(self, node: Node, message: str) -> None:
        """A key that should not be there."""
        self.add(Problem(node.place, message, True))

    def extend(self, others: Problems) -> None:
        """Take over what others have found."""
        self.found |= others.found

    def elsewhere(self, others: Problems) -> None:
        """Take over what is wrong at places that are not blamed yet."""
        places = {(problem.place, problem.below) for problem in self.found}
        for other in others.found:
            if (other.place, other.below) not in places:
                self.add(other)

    def text(self, name: str, lines: list[str]) -> str:
        """One line for each mistake in the order of the file, each with the source line and a caret."""
        causes = [problem for problem in self.found if not problem.follows]
        ordered = sorted(causes or self.found, key=lambda problem: (problem.place.option, problem.mark))
        told = [_told(problem, name, lines) for problem in ordered[:MOST]]
        more = [f"... and {len(ordered) - MOST} more"] if len(ordered) > MOST else []
        return "\n".join((*told, *more))


def _told(problem: Problem, name: str, lines: list[str]) -> str:
    path = ".".join(str(step)[:40] for step in (*problem.place.path, *problem.below))
    what = f"{path}: {problem.message}" if path else problem.message
    if problem.place.option:
        return printable(f"{problem.place.option}: {what}")
    line, column = problem.mark
    told = printable(f"{name}:{line}:{column}: {what}")
    if not 0 < line <= len(lines):
        return told
    first = max(0, column - 1 - WIDTH // 2) if len(lines[line - 1]) > WIDTH else 0
    source = printable(lines[line - 1][first : first + WIDTH].replace("\t", " "))
    return f"{told}\n    {source}\n    {' ' * (column - 1 - first)}^"


def printable(text: str) -> str:
    """The text without control characters, which a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def shown(value: Any) -> str:
    """A value as a message quotes it."""
    if isinstance(value, bool):
        text = str(value).lower()
    elif value is None:
        text = "nothing"
    elif isinstance(value, dict):
        text = "a mapping" if value else "an empty mapping"
    elif isinstance(value, list):
        text = "a list" if value else "an empty list"
    else:
        text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def closest(word: str, known: Iterable[str]) -> str:
    """What is known and spelt alike, or called otherwise; empty if there is nothing."""
    names = {name.lower(): name for name in known}
    word = word.lower()
    if word in SYNONYMS and SYNONYMS[word] in names:
        return names[SYNONYMS[word]]
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return names[close[0]] if close else ""


def similar(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` where something known is spelt alike, else nothing."""
    close = closest(word, known)
    return f" (did you mean '{close}'?)" if close else ""


def is_slug(text: str) -> bool:
    """Whether a text may name a folder: a-z, 0-9, `-`, `_` and `.`, at most 100 characters."""
    return re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,99}", text) is not None


def slug(text: str) -> str:
    """The text as a slug."""
    return re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-._")[:100]
