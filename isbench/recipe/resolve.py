"""From the merged tree of a recipe to what it means: one setting for each variant."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from isbench.recipe import controls, gate, keys, parts, tuning
from isbench.recipe.entries import Arms
from isbench.recipe.nodes import Node, Problems, similar
from isbench.recipe.options import check
from isbench.recipe.schema import Question, Setting
from isbench.store.records import Gate


def general(tree: Node, problems: Problems) -> dict[str, Any]:
    """The plain keys of a recipe, defaults filled in; what is wrong is left out and goes to `problems`."""
    values = check(
        keys.RECIPE,
        tree,
        problems,
        what="key",
        others=keys.STRUCTURE,
        needed=keys.NEEDED,
    )
    if "seeds" in values:
        values["seeds"] = _seeds(tree.fields["seeds"], values["seeds"], problems)
    if "points" in values:
        values["points"] = _points(tree.fields["points"], values["points"], problems)
    if values.get("targets", []) != sorted(set(values.get("targets", []))):
        problems.value(tree.fields["targets"], "must be increasing")
    usual = {name: option.default for name, option in keys.RECIPE.items()}
    usual |= {"seeds": tuple(range(usual["seeds"])), "points": even(usual["points"])}
    return {**{name: value for name, value in usual.items() if name not in tree.fields}, **values}


@dataclass(frozen=True)
class Meaning:
    """What the merged tree of a variant means; `setting` is None where something in it is wrong."""

    tree: Node
    values: dict[str, Any]  # of the plain keys
    setting: Setting | None = None
    entries: dict[str, Node] = field(default_factory=dict)  # label -> what it was written as
    controls: dict[str, Node] = field(default_factory=dict)  # label of a control arm -> what asked for it
    primary: Question | None = None
    gate: Gate = field(default_factory=Gate)


def meaning(tree: Node, variant: str, problems: Problems) -> Meaning:
    """The meaning of a variant's merged tree; what is wrong goes to `problems`, which starts empty."""
    values = general(tree, problems)
    _common(tree, problems)
    if any(key not in tree.fields for key in keys.NEEDED):
        return Meaning(tree, values)
    dataset = parts.dataset(tree.fields["dataset"], problems)
    model = parts.model(tree.fields["model"], problems)
    budgets = parts.budgets(tree.fields["budgets"], problems)
    primary = parts.primary(tree.fields.get("primary"), problems)
    limits = gate.read(tree, values, model, budgets, problems)
    arms, tried = Arms(tree, values.get("batch"), problems), None
    added = controls.Controls(arms, problems)
    if arms.read():
        _likes(tree.fields["budgets"], arms.entries, problems)
        tried = tuning.read(tree.fields["tuning"], arms, problems) if "tuning" in tree.fields else None
        labels = _controls(tree, added)
        _question(tree, [spec.name for spec in budgets], labels, problems)
    if dataset is None or model is None or problems.found:
        return Meaning(tree, values)
    setting = Setting(
        variant=variant,
        dataset=dataset,
        model=model,
        precision=values["precision"],
        threads=None if values["threads"] == "auto" else values["threads"],
        budgets=tuple(budgets),
        points=values["points"],
        arms=(*arms.found.values(), *added.found.values()),
        tuning=tried,
    )
    return Meaning(tree, values, setting, arms.entries, added.nodes, primary, limits)


def _common(tree: Node, problems: Problems) -> None:
    """The optimiser, schedule and start of the recipe itself, which no arm may happen to use."""
    parts.optimizer(tree.fields.get("optimizer"), problems)
    parts.schedule(tree.fields.get("schedule"), problems)
    if "start" in tree.fields:
        parts.start(tree.fields["start"], problems)


def _seeds(node: Node, seeds: int | list[int], problems: Problems) -> tuple[int, ...]:
    found = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    if not found:
        problems.value(node, "must hold at least one seed")
    if len(set(found)) < len(found):
        problems.value(node, "must not hold a seed twice")
    return found


def even(points: int) -> tuple[float, ...]:
    """That many points at equal distances, the last at the end."""
    return tuple(k / points for k in range(1, points + 1))


def _points(node: Node, points: int | list[float], problems: Problems) -> tuple[float, ...]:
    if isinstance(points, int):
        return even(points)
    if points != sorted(set(points)):
        problems.value(node, "must be increasing")
    return (*points, *(() if points and points[-1] == 1 else (1.0,)))


def _controls(tree: Node, added: controls.Controls) -> Collection[str]:
    """Read the control arms; all labels that there are, or none where something is wrong with them."""
    before = len(added.problems.found)
    if "controls" in tree.fields:
        added.read(tree.fields["controls"])
    return (*added.arms.found, *added.found) if len(added.problems.found) == before else ()


def _question(tree: Node, budgets: list[str], labels: Collection[str], problems: Problems) -> None:
    """The primary question must be of a budget and of an arm that are there, as far as these are right."""
    asked = tree.fields["primary"].fields if "primary" in tree.fields else {}
    if budgets and len(budgets) == len(tree.fields["budgets"].items):
        known_name(asked.get("budget"), "budget is named", budgets, problems)
    if labels:
        known_name(asked.get("baseline"), "sampler is labelled", labels, problems)


def _likes(node: Node, known: Collection[str], problems: Problems) -> None:
    """Every `like:` must name an arm."""
    for item in node.items:
        known_name(item.fields.get("like"), "sampler is labelled", known, problems)


def known_name(node: Node | None, what: str, known: Collection[str], problems: Problems) -> None:
    """Where a name is written, it must be a known one."""
    name = None if node is None else node.content
    if node is not None and isinstance(name, str) and name not in known:
        hint = similar(name, known) or f"; there are {', '.join(list(known)[:8])}"
        problems.value(node, f"no {what} '{name}'{hint}")
