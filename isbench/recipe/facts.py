"""What only the data can tell of a recipe: pools and batches too large, samplers and scores it rules out."""

from __future__ import annotations

from collections.abc import Mapping

from isbench.datasets.base import Facts
from isbench.recipe.keys import dataset_options
from isbench.recipe.nodes import Problems
from isbench.recipe.schema import Arm, Recipe, Setting
from isbench.recipe.source import Source
from isbench.samplers import catalogue


def check_facts(recipe: Recipe, source: Source, facts: Mapping[str, Facts]) -> None:
    """Raise RecipeError for every arm that does not fit its data; `facts` of each variant."""
    problems = Problems()
    for setting in recipe.settings:
        for arm in setting.arms:
            _fits(arm, setting, facts[setting.variant], source, problems)
    if problems.found:
        raise source.errors(problems)


def _fits(arm: Arm, setting: Setting, facts: Facts, source: Source, problems: Problems) -> None:
    name, label, n = arm.sampler.name, arm.sampler.label, facts.n
    entry = source.node(setting.variant, "samplers", label)
    options = catalogue.resolve(name, arm.sampler.options, arm.batch)
    if options.get("score") == "upper_bound" and not facts.classes:
        blamed = entry.fields.get("score", entry)
        below = () if "score" in entry.fields else ("score",)
        bound = f"upper_bound is of the cross-entropy, and {setting.dataset.name} has no classes"
        problems.value(blamed, f"{bound}; choose score: output_gradient", below)
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
    pool = options.get("pool")
    if arm.batch > n:
        batch = entry.fields.get("batch", source.node(setting.variant, "batch"))
        problems.value(batch, f"a batch of {arm.batch} is larger than the {n} training samples")
    elif isinstance(pool, int) and pool > n and catalogue.CATALOGUE[name].sampler.distinct:
        blamed = entry.fields.get("pool", entry)
        below = () if "pool" in entry.fields else ("pool",)
        problems.value(blamed, f"a pool of {pool} is larger than the {n} training samples", below)
