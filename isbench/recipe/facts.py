"""What only the data can tell of a recipe: pools and batches too large, samplers and scores it rules out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from isbench.datasets.base import Facts
from isbench.recipe.entries import POOLS
from isbench.recipe.keys import dataset_options
from isbench.recipe.nodes import Node, Problems, node_of
from isbench.recipe.schema import Arm, Recipe, Setting
from isbench.recipe.source import Source
from isbench.recipe.tuning import varied
from isbench.samplers import catalogue


def check_facts(recipe: Recipe, source: Source, facts: Mapping[str, Facts]) -> None:
    """Raise RecipeError for every arm that does not fit its data; `facts` of each variant."""
    problems = Problems()
    for setting in recipe.settings:
        for arm in setting.arms:
            if arm.control in ("", "presample"):  # the others fit where what they control does
                entry = source.node(setting.variant, "samplers", arm.sampler.label)
                _fits(arm, entry, setting, facts[setting.variant], source, problems)
        _measured(recipe, setting, facts[setting.variant], source, problems)
        for arm, entry in _tried(setting, source):
            _fits(arm, entry, setting, facts[setting.variant], source, problems)
    if problems.found:
        raise source.errors(problems)


def _measured(recipe: Recipe, setting: Setting, facts: Facts, source: Source, problems: Problems) -> None:
    """The primary metric must be one that the data have."""
    metric = recipe.primary.metric if recipe.primary else None
    if metric is None or metric in facts.metrics:
        return
    lacks = "has no samples to validate on" if metric.startswith("val") and not facts.validation else ""
    what = f"{setting.dataset.name} {lacks or 'has no classes, so no error'}"
    choice = f"choose one of {', '.join(facts.metrics)}"
    problems.value(source.node(setting.variant, "primary", "metric"), f"{what}; {choice}")


def _tried(setting: Setting, source: Source) -> Iterator[tuple[Arm, Node]]:
    """What tuning tries of every arm, as if it were written where its values stand."""
    place = source.node(setting.variant, "tuning", "space").place
    for label, grid in setting.tuning.grids.items() if setting.tuning else ():
        for each in grid:
            values = {path: node_of(value, place) for path, value in each.options.items()}
            yield each.arm, varied(source.node(setting.variant, "samplers", label), values)


def _fits(arm: Arm, entry: Node, setting: Setting, facts: Facts, source: Source, problems: Problems) -> None:
    name, n = arm.sampler.name, facts.n
    options = catalogue.resolve(name, arm.sampler.options, arm.batch)
    if options.get("score") == "upper_bound" and not facts.classes:
        blamed = entry.fields.get("score", entry)
        below = () if "score" in entry.fields else ("score",)
        bound = f"upper_bound is of the cross-entropy, and {setting.dataset.name} has no classes"
        problems.value(blamed, f"{bound}; choose score: output_gradient", below)
    if catalogue.CATALOGUE[name].sampler.classes and not facts.classes:
        reads = f"{name} reads how likely the net takes each sample's class to be"
        problems.value(entry, f"{reads}, and {setting.dataset.name} has no classes")
    if n is None:
        if catalogue.CATALOGUE[name].finite:
            endless = f"{setting.dataset.name} is a stream"
            hint = (
                " (`samples: n` makes it finite)"
                if "samples" in dataset_options(setting.dataset.name)
                else ""
            )
            problems.value(entry, f"{name} keeps a number for every sample, but {endless}{hint}")
        return
    if arm.batch > n:
        batch = entry.fields.get("batch", source.node(setting.variant, "batch"))
        problems.value(batch, f"a batch of {arm.batch} is larger than the {n} training samples")
        return
    for pool in POOLS:
        size = options.get(pool)
        if isinstance(size, int) and size > n and catalogue.CATALOGUE[name].sampler.distinct:
            blamed, below = entry.fields.get(pool, entry), () if pool in entry.fields else (pool,)
            problems.value(blamed, f"a {pool} of {size} is larger than the {n} training samples", below)
