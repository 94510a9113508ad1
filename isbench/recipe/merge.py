"""Layers of a recipe: shorthands are written out, then mappings merge deeply and the later layer wins."""

from __future__ import annotations

from dataclasses import replace

from isbench.recipe import yaml12
from isbench.recipe.keys import DATASET, ENTRY
from isbench.recipe.nodes import Node, Path, Place, Problem, Problems

NAMED = {"dataset": "name", "model": "name", "optimizer": "name", "entry": "sampler"}
TAGGED = ("schedule", "start")  # mappings of one key, which is the name
COMMON = {
    "dataset": tuple(DATASET),
    "model": ("pretrain",),
    "entry": (*ENTRY, "start", "optimizer", "schedule"),
}
WITHIN = {
    "model": "pretrain",
    "pretrain": "dataset",
    "tuning": "space",
}  # the one key of it that holds more than an option


def written_out(node: Node, kind: str = "recipe") -> Node:
    """The node with every shorthand in its long form; `kind` says what it describes."""
    content, place = node.content, node.place
    if isinstance(content, str) and kind in NAMED:
        return Node({NAMED[kind]: node}, place)
    if isinstance(content, str) and kind in TAGGED:
        return Node({content: Node({}, place)}, place)
    if isinstance(content, list) and kind == "samplers":
        return Node([written_out(item, "entry") for item in content], place)
    if not isinstance(content, dict):
        return node
    if kind in TAGGED:
        return Node({name: _or_empty(each) for name, each in content.items()}, place)
    if kind == "space":
        return Node(_flat(content), place)
    if kind in WITHIN:
        inner = WITHIN[kind]
        return Node({n: written_out(each, n) if n == inner else each for n, each in content.items()}, place)
    if kind in ("variants", "profiles"):
        return Node({name: written_out(each) for name, each in content.items()}, place)
    if kind in ("recipe", "entry", "samplers"):
        inner = {name: "entry" if kind == "samplers" else name for name in content}
        return Node({name: written_out(each, inner[name]) for name, each in content.items()}, place)
    return node


def _flat(fields: dict[str, Node], before: str = "") -> dict[str, Node]:
    """`optimizer: {lr: …}` as `optimizer.lr: …`; what would then stand there twice stays as it is."""
    found: dict[str, Node] = {}
    for name, each in fields.items():
        inner = _flat(each.fields, f"{before}{name}.") or {f"{before}{name}": each}
        found |= {f"{before}{name}": each} if inner.keys() & found.keys() else inner
    return found


def first_layer(root: Node) -> Node:
    """The recipe itself, written out; a variant or a profile of which nothing is said changes nothing."""
    fields = dict(written_out(root).fields)
    for key in ("variants", "profiles"):
        if key in fields and isinstance(fields[key].content, dict):
            layers = {name: _or_empty(each) for name, each in fields[key].fields.items()}
            fields[key] = Node(layers, fields[key].place)
    return Node(fields, root.place)


def _or_empty(node: Node) -> Node:
    return Node({}, node.place) if node.content is None else node


def overlay(base: Node | None, over: Node, problems: Problems, kind: str = "recipe") -> Node | None:
    """What `base` becomes under a later layer; None: nothing is said, so the default holds."""
    if over.content is None:
        return None
    if base is not None and isinstance(base.content, list) and over.fields and over.place.option:
        return Node(_items(base.content, over, problems, kind), base.place)
    if not isinstance(over.content, dict):
        return without_nulls(over)
    merged = _survivors(base, over, kind)
    place = base.place if base is not None and merged else over.place
    for name, node in over.content.items():
        below = overlay(merged.get(name), node, problems, "recipe" if kind == "variants" else name)
        if below is None:
            merged.pop(name, None)
        else:
            merged[name] = below
    return Node(merged, place)


def without_nulls(node: Node) -> Node:
    """The node without keys of which nothing is said, also in mappings that lists hold."""
    if isinstance(node.content, dict):
        kept = {name: without_nulls(each) for name, each in node.content.items() if each.content is not None}
        return Node(kept, node.place)
    if isinstance(node.content, list):
        return Node([without_nulls(each) for each in node.content], node.place)
    return node


def _items(base: list[Node], over: Node, problems: Problems, kind: str) -> list[Node]:
    """A list of which a `--set` changes single items."""
    items = list(base)
    for step, node in over.fields.items():
        if not (step.isascii() and step.isdigit() and int(step) < len(items)):
            problems.key(node, f"there is no such item; they are numbered 0 to {len(items) - 1}")
            continue
        below = overlay(items[int(step)], node, problems, "entry" if kind == "samplers" else kind)
        if below is None:
            problems.value(node, "an item of a list cannot be left out")
        else:
            items[int(step)] = below
    return items


def _survivors(base: Node | None, over: Node, kind: str) -> dict[str, Node]:
    """What stays of a mapping: where the layer names another thing, the options of the former one do not."""
    fields = {} if base is None else base.fields
    identity = NAMED.get(kind, "")
    if identity in fields and identity in over.fields:
        new = over.fields[identity].content
        if new is not None and new != fields[identity].content:
            return {name: node for name, node in fields.items() if name in COMMON.get(kind, ())}
    if kind in TAGGED and not over.fields.keys() <= fields.keys():
        return {}
    return dict(fields)


def from_option(text: str, problems: Problems) -> Node | None:
    """The layer that `--set a.b=c` stands for; the value is YAML."""
    option = f"--set {text}"
    path, equals, value = text.partition("=")
    steps = tuple(path.split("."))
    if not equals or not all(step and step == step.strip() for step in steps):
        problems.add(Problem(Place(option=option), "write it as key.key=value"))
        return None
    document = yaml12.read(value, option)
    for problem in document.problems.found:
        place = Place((*steps, *problem.place.path), option=option)
        problems.add(replace(problem, place=place))
    return None if document.root is None else layer(steps, document.root, option)


def layer(steps: tuple[str, ...], value: Node, option: str) -> Node:
    """A layer that sets one value, all of it placed at an option of the command line."""
    node = _moved(value, steps, option)
    for depth in range(len(steps) - 1, -1, -1):
        node = Node({steps[depth]: node}, Place(steps[:depth], option=option))
    return written_out(node)


def _moved(node: Node, path: Path, option: str) -> Node:
    place = Place((*path, *node.place.path), option=option)
    if isinstance(node.content, dict):
        return Node({name: _moved(each, path, option) for name, each in node.content.items()}, place)
    if isinstance(node.content, list):
        return Node([_moved(each, path, option) for each in node.content], place)
    return Node(node.content, place)
