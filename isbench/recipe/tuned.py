"""The recipe that tuning leaves behind: all written out, and of every arm the setting that was chosen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from isbench.recipe.nodes import Node, node_of, printable, slug
from isbench.recipe.schema import Recipe
from isbench.recipe.source import Source
from isbench.recipe.tuning import varied
from isbench.store.records import Options

PATHS = ("path", "weights")  # options that name files
LISTS = ("budgets", "samplers")  # an item a line


def tuned_recipe(
    recipe: Recipe,
    source: Source,
    chosen: Mapping[str, Mapping[str, Options]],
    story: Iterable[str],
    moved: Callable[[str], str],
) -> str:
    """The text of the recipe with what was `chosen` (variant -> label -> options) written into its entries.

    `story` goes to its head, above the comment that the recipe itself begins with; `moved` says where a file
    lies as seen from the new recipe.
    """
    trees: dict[str, dict[str, Any]] = {}
    for variant, tree in source.trees.items():
        plain = {key: node.plain() for key, node in tree.fields.items() if key not in ("name", "tuning")}
        plain |= {key: _moved(plain[key], moved) for key in ("dataset", "model")}
        best = chosen.get(variant, {})
        entries = source.entries[variant].items()
        plain["samplers"] = [_entry(label, entry, best.get(label, {})) for label, entry in entries]
        trees[variant] = plain
    first = next(iter(trees.values()))
    common = {key: first[key] for key in first if all(tree.get(key) == first[key] for tree in trees.values())}
    name = slug("-".join(filter(None, (recipe.name, recipe.profile)))[:94] + "-tuned")
    lines = [f"# {printable(line)}" for line in story]
    lines += _head(recipe.text)
    lines += _block({"name": name, **common})
    if list(trees) != [""]:
        lines.append("variants:")
        for variant, tree in trees.items():
            own = {key: value for key, value in tree.items() if key not in common}
            lines += [f"  {variant}:" + ("" if own else " {}"), *(f"    {line}" for line in _block(own))]
    return "\n".join(lines) + "\n"


def _entry(label: str, entry: Node, options: Options) -> Any:
    values = {path: node_of(value, entry.place) for path, value in options.items()}
    plain = {key: value for key, value in varied(entry, values).plain().items() if key != "label"}
    named = {} if label == plain["sampler"] else {"label": label}
    return {"sampler": plain.pop("sampler"), **named, **plain}


def _moved(value: Any, moved: Callable[[str], str]) -> Any:
    """A mapping with its files as seen from elsewhere, inner mappings included."""
    if not isinstance(value, dict):
        return value
    return {
        key: moved(each) if key in PATHS and isinstance(each, str) else _moved(each, moved)
        for key, each in value.items()
    }


def _head(text: str) -> list[str]:
    """The comment that a recipe begins with, without what it says to editors."""
    found = re.match(r"(#[^\n]*\n)*", text)
    lines = [printable(line) for line in (found[0] if found else "").splitlines()]
    kept = [line for line in lines if "yaml-language-server" not in line]
    return ["#", *kept] if kept else []


def _block(fields: Mapping[str, Any]) -> list[str]:
    """A mapping, a key a line; lists of mappings with an item a line."""
    lines = []
    for key, value in fields.items():
        if key in LISTS:
            lines += [f"{key}:", *(f"  - {_flow(each)}" for each in value)]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return lines


def _flow(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", value)
    word = plain and value.lower() not in ("true", "false", "null")
    return value if word else json.dumps(value, ensure_ascii=False)
