"""Loading a recipe: its layers, all that is wrong with them at once, and where things stand in the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from isbench.errors import RecipeError
from isbench.recipe import find, merge, yaml12
from isbench.recipe.expect import read as expectations
from isbench.recipe.layers import Layers
from isbench.recipe.nodes import Node, Place, Problem, Problems, shown, similar
from isbench.recipe.resolve import Meaning, meaning
from isbench.recipe.schema import Recipe


@dataclass(frozen=True)
class Source:
    """Where the settings of a recipe stand in its file, for errors that only data or machine reveal."""

    name: str
    lines: list[str]
    trees: dict[str, Node] = field(default_factory=dict)  # variant -> merged tree
    entries: dict[str, dict[str, Node]] = field(default_factory=dict)  # variant -> label -> entry
    controls: dict[str, dict[str, Node]] = field(default_factory=dict)  # variant -> label -> who asked for it

    def node(self, variant: str, *path: str) -> Node:
        """What was written at a path, such as "model" or "samplers", LABEL, "pool"; else what holds it."""
        if path[:1] == ("samplers",) and len(path) > 1:
            return (self.entries[variant] | self.controls[variant])[path[1]].find(path[2:])
        return self.trees[variant].find(path)

    def error(self, message: str, variant: str = "", *path: str) -> RecipeError:
        """The error that points at a path of a variant, as `node` finds it."""
        problems = Problems()
        problems.value(self.node(variant, *path), message)
        return self.errors(problems)

    def errors(self, problems: Problems) -> RecipeError:
        """One error for all problems."""
        return RecipeError(problems.text(self.name, self.lines))


def load(
    recipe: str | Path, profile: str | None = None, overrides: Iterable[str] = (), seeds: int | None = None
) -> Recipe:
    """The recipe of a file or of a shipped name, resolved; RecipeError lists all that is wrong with it.

    `overrides`: texts `a.b=c` of `--set`; `seeds`: how many, as of `--seeds`.
    """
    return open_recipe(recipe, profile, overrides, seeds)[0]


def open_recipe(
    recipe: str | Path, profile: str | None = None, overrides: Iterable[str] = (), seeds: int | None = None
) -> tuple[Recipe, Source]:
    """The recipe as `load` gives it, and where its parts stand in the file."""
    path = find.find(recipe)
    text = find.contents(path, str(path))
    document = yaml12.read(text, str(path))
    source, problems = Source(document.name, document.lines), document.problems
    options = [merge.from_option(each, problems) for each in overrides]
    if seeds is not None:
        options.append(merge.layer(("seeds",), Node(seeds, Place()), f"--seeds {seeds}"))
    root = document.root
    if root is None:
        raise source.errors(problems)
    if not isinstance(root.content, dict):
        raise RecipeError(f"{path}:1:1: a recipe is a mapping of keys, not {shown(root.plain())}")
    layers, chosen = Layers.of(root, problems), profile or ""
    if chosen and chosen not in layers.profiles:
        problems.add(Problem(Place(option=f"--profile {chosen}"), _unknown(chosen, layers)))
        chosen = ""
    given = [each for each in options if each is not None]
    meanings = _meanings(layers.trees(chosen, given, problems), problems)
    claims = expectations(meanings, problems)
    for other in layers.profiles.keys() - {chosen}:
        unused = Problems()
        expectations(_meanings(layers.trees(other, [], unused), unused), unused)
        problems.elsewhere(unused)
    if problems.found:
        raise source.errors(problems)
    for variant, found in meanings.items():
        source.trees[variant], source.entries[variant] = found.tree, found.entries
        source.controls[variant] = found.controls
    found = _recipe(meanings, chosen, recipe, text, find.name(path))
    return found.model_copy(update={"expect": claims}), source


def _unknown(profile: str, layers: Layers) -> str:
    known = ", ".join(layers.profiles) or "none"
    return f"unknown profile{similar(profile, layers.profiles) or f'; the recipe has {known}'}"


def _meanings(trees: dict[str, Node], problems: Problems) -> dict[str, Meaning]:
    found = {}
    for variant, tree in trees.items():
        own = Problems()
        found[variant] = meaning(tree, variant, own)
        problems.extend(own)
    return found


def _recipe(meanings: dict[str, Meaning], profile: str, asked: str | Path, text: str, name: str) -> Recipe:
    first = next(iter(meanings.values()))
    values = first.values
    return Recipe(
        name=values["name"] or name,
        profile=profile,
        file=str(asked),
        text=text,
        seeds=values["seeds"],
        record=(*values["record"], *(("digests",) if first.gate.exact else ())),
        settings=tuple(meaning.setting for meaning in meanings.values() if meaning.setting is not None),
        primary=first.primary,
        targets=tuple(values["targets"]),
        gate=first.gate,
    )
