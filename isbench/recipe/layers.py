"""The layers of a recipe, weakest first: itself, a variant, a profile, the command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from isbench.recipe.keys import GLOBAL
from isbench.recipe.merge import first_layer, overlay
from isbench.recipe.nodes import Node, Problems, is_slug, shown, similar

MOST = 100  # variants, or profiles


@dataclass(frozen=True)
class Layers:
    """What a recipe file says, before one part of it wins over another."""

    base: Node
    profiles: dict[str, Node]

    @classmethod
    def of(cls, root: Node, problems: Problems) -> Layers:
        """The layers of a recipe, which is a mapping."""
        base = first_layer(root)
        layers = _named(base.fields.get("profiles"), "profile", problems)
        outside = ("schema", "name", "profiles")
        profiles = {
            name: _without(outside, layer, "does not belong into a profile", problems)
            for name, layer in layers.items()
        }
        return cls(base, profiles)

    def trees(self, profile: str, options: Iterable[Node], problems: Problems) -> dict[str, Node]:
        """The merged tree of each variant, under a profile ("": none) and the layers of the command line."""
        refused = "cannot be set from the command line"
        chosen = [self.profiles[profile]] if profile else []
        given = [_without(("schema", "profiles"), each, refused, problems) for each in options]
        variants = _named(self._variants(chosen, given, problems), "variant", problems)
        base = _without(("variants", "profiles"), self.base)
        above = [_without(("variants",), each) for each in (*chosen, *given)]
        if not variants:
            return {"": _merged([base, *above], problems)}
        whole = "holds for the whole recipe, not for a variant"
        return {
            name: _merged([base, _without(GLOBAL, layer, whole, problems), *above], problems)
            for name, layer in variants.items()
        }

    def _variants(self, chosen: list[Node], given: list[Node], problems: Problems) -> Node | None:
        node = self.base.fields.get("variants")
        for layer in chosen:
            if "variants" in layer.fields:
                node = overlay(node, layer.fields["variants"], problems, "variants")
        known = {} if node is None else node.fields
        for layer in given:
            change = layer.fields.get("variants")
            if change is None:
                continue
            for name in change.fields.keys() - known.keys():
                problems.key(change.fields[name], f"there is no such variant{similar(name, known)}")
            node = overlay(node, change, problems, "variants")
        return node


def _merged(layers: list[Node], problems: Problems) -> Node:
    tree = None
    for layer in layers:
        tree = overlay(tree, layer, problems)
    return tree or layers[0]


def _named(node: Node | None, kind: str, problems: Problems) -> dict[str, Node]:
    """Layers by name; the names become columns and folders."""
    if node is None:
        return {}
    if not isinstance(node.content, dict):
        problems.value(node, f"must be a mapping of {kind}s, not {shown(node.plain())}")
    if len(node.fields) > MOST:
        problems.value(node, f"holds {len(node.fields)} {kind}s; at most {MOST} are allowed")
        return {}
    found = {}
    for name, layer in node.fields.items():
        if not is_slug(name):
            problems.key(layer, f"the name of a {kind} is made of a-z, 0-9, '-', '_' and '.'")
        elif not isinstance(layer.content, dict):
            problems.value(layer, f"must be a mapping of the keys it changes, not {shown(layer.plain())}")
        else:
            found[name] = layer
    return found


def _without(
    names: tuple[str, ...], layer: Node, message: str = "", problems: Problems | None = None
) -> Node:
    """The layer without some keys, which are mistakes where there is a message."""
    for name in names:
        if problems is not None and name in layer.fields:
            problems.key(layer.fields[name], message)
    return Node({name: node for name, node in layer.fields.items() if name not in names}, layer.place)
