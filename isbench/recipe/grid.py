"""`grid:` in an entry: one arm for every combination of the values it lists."""

from __future__ import annotations

import itertools
import json
import math
import re

from isbench.recipe.merge import overlay, written_out
from isbench.recipe.nodes import Node, Problems, shown, similar

MOST = 1000  # arms
Axis = list[tuple[str, str, Node]]  # option, the word for the value in labels, value


def expand(entry: Node, free: tuple[str, ...], problems: Problems) -> list[tuple[str, Node]]:
    """The entry without its grid, once for every combination, each with what its label says of it.

    `free`: the keys that a grid may vary. An entry without a grid stands for itself.
    """
    single = Node({key: node for key, node in entry.fields.items() if key != "grid"}, entry.place)
    grid = entry.fields.get("grid")
    if grid is None:
        return [("", single)]
    if not grid.fields:
        problems.value(grid, f"must be a mapping of options to lists of values, not {shown(grid.plain())}")
        return []
    axes = [axis for key, values in grid.fields.items() if (axis := _axis(key, values, free, problems))]
    total = math.prod(map(len, axes))
    if total > MOST:
        problems.value(grid, f"would expand to {total} arms; at most {MOST} are allowed")
        return []
    return [_point(single, point, problems) for point in itertools.product(*axes)]


def _axis(key: str, values: Node, free: tuple[str, ...], problems: Problems) -> Axis:
    if key not in free:
        problems.key(values, f"is nothing that a grid can vary{similar(key, free)}")
        return []
    if not values.items:
        problems.value(values, f"must be a list of values, not {shown(values.plain())}")
    return [
        (key, word, written_out(value, key)) for word, value in zip(words(values), values.items, strict=True)
    ]


def _point(single: Node, point: tuple[tuple[str, str, Node], ...], problems: Problems) -> tuple[str, Node]:
    node = single
    for key, _, value in point:
        node = overlay(node, Node({key: value}, node.place), problems, "entry") or node
    parts = [f"{key}={word}" for key, word, _ in point]
    return f"[{','.join(parts)}]", node


def words(values: Node) -> list[str]:
    """A short word for each value of a list: its scalars, with their names where those tell values apart."""
    plain = [item.plain() for item in values.items]
    for spell in (_leaves, _paths):
        found = [re.sub(r"[^A-Za-z0-9 ._=+()/:%-]", "-", "/".join(spell(value)))[:40] for value in plain]
        if len(set(found)) == len({json.dumps(value) for value in plain}):
            return found
    return [str(i) for i in range(len(plain))]


def _leaves(value: object) -> list[str]:
    return [path.rpartition("=")[2] for path in _paths(value)]


def _paths(value: object, before: str = "") -> list[str]:
    if isinstance(value, dict):
        return [path for key, each in value.items() for path in _paths(each, f"{before}.{key}".lstrip("."))]
    if isinstance(value, list):
        return [path for each in value for path in _paths(each, before)]
    text = str(value).lower() if isinstance(value, bool) else "default" if value is None else str(value)
    return [f"{before}={text}".lstrip("=")]
