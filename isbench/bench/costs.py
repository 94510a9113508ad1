"""What a plan must know of the models' work: what samples cost in forwards, and which scores are slow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import torch
from torch import nn

from isbench.datasets.base import Facts
from isbench.models import catalogue as models
from isbench.recipe.schema import Arm, Recipe, Setting
from isbench.samplers import catalogue as samplers
from isbench.samplers.gradient_norm import how
from isbench.samplers.scores import Score
from isbench.store.records import Costs, ModelSpec
from isbench.train import device as devices
from isbench.train.flops import measure_costs


def counter(facts: Mapping[str, Facts]) -> Callable[[Setting, Arm], Costs]:
    """What a sample costs in an arm, counted once for each model and score, by the facts of each variant.

    It refuses a model or a score that does not fit the data.
    """

    @cache
    def count(model: str, variant: str, score: Score | None) -> Costs:
        network = built(ModelSpec.model_validate_json(model), facts[variant])
        return measure_costs(network, facts[variant].shape, score)

    def costs(setting: Setting, arm: Arm) -> Costs:
        score = samplers.asked_of(arm.sampler.name, arm.sampler.options)
        return count(setting.model.model_dump_json(), setting.variant, score)

    return costs


def slow_norms(recipe: Recipe, facts: Mapping[str, Facts], *, probed: bool = False) -> tuple[str, ...]:
    """A note on every model whose exact gradient norms are asked for and come one sample at a time.

    By an arm, or by a probe, which asks them of every model.
    """
    notes = []
    for setting in recipe.settings:
        scores = [samplers.score_of(arm.sampler.name, arm.sampler.options) for arm in setting.arms]
        if not probed and not any(score is not None and score.name == "gradient" for score in scores):
            continue
        fact = facts[setting.variant]
        if how(built(setting.model, fact), torch.zeros(2, *fact.shape)) == "one by one":
            notes.append(
                f"{setting.model.name} has layers without a fast way to exact gradient norms: the score "
                "gradient takes a backward pass for every sample, and its seconds say more of that than of "
                "the sampler."
            )
    return tuple(dict.fromkeys(notes))


def built(spec: ModelSpec, fact: Facts) -> nn.Module:
    """The model with any weights: what it costs does not depend on them."""
    with devices.global_stream(0, "costs"):
        return models.build(models.unloaded(spec), fact.shape, fact.outputs)
