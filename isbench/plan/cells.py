"""Cells: one arm, one budget, one seed; and the blocks in which they are run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from isbench.errors import RecipeError
from isbench.recipe.schema import Arm, BudgetSpec, Setting
from isbench.samplers import catalogue
from isbench.store.records import Budget, Cell, Costs, Metric, SamplerSpec


@dataclass(frozen=True)
class Ground:
    """What a plan depends on besides the recipe."""

    device: str
    lag: int
    threads: int
    machine: str
    costs: Callable[[Setting, Arm], Costs]
    pilot_seed: Callable[[int], int]
    metric: Callable[[Setting], Metric]  # what a setting is judged by where the recipe does not say
    notes: tuple[str, ...] = ()


def plan_block(setting: Setting, budget: Budget, seed: int, position: int, ground: Ground) -> dict[str, Cell]:
    """One seed, every arm; the order rotates from seed to seed, so that none always runs first."""
    first = position % len(setting.arms)
    block: dict[str, Cell] = {}
    for arm in (*setting.arms[first:], *setting.arms[:first]):
        cell = make_cell(setting, arm, budget, seed, ground)
        if cell.id in block:
            twin = block[cell.id].sampler.label
            raise RecipeError(
                f"samplers: '{arm.sampler.label}' and '{twin}' are the same run under two names"
            )
        block[cell.id] = cell
    return block


def spent(spec: BudgetSpec) -> Budget:
    """The budget as it is written, of a run that ends by what it trains."""
    return Budget(name=spec.name, amount=spec.amount, unit=spec.unit, fraction=spec.fraction)


def make_cell(setting: Setting, arm: Arm, budget: Budget, seed: int, ground: Ground) -> Cell:
    """One run of one arm."""
    return Cell(
        dataset=setting.dataset,
        model=setting.model,
        sampler=canonical(arm),
        optimizer=arm.optimizer,
        schedule=arm.schedule,
        batch=arm.batch,
        budget=budget,
        seed=seed,
        points=setting.points,
        precision=setting.precision,
        threads=setting.threads or ground.threads,
        device=ground.device,
        lag=ground.lag,
        costs=ground.costs(setting, arm),
        variant=setting.variant,
        uncharged=("score",) if arm.control == "free" else (),
        repeat=1 if arm.control == "aa" else 0,
    )


def canonical(arm: Arm) -> SamplerSpec:
    """The sampler with the options that differ from its defaults: saying a default changes nothing."""
    spec = arm.sampler
    mirror = {key: value for key, value in spec.options.items() if (key, value) == ("mirror", "code")}
    default = catalogue.resolve(spec.name, mirror, arm.batch)
    chosen = catalogue.resolve(spec.name, spec.options, arm.batch)
    differing = mirror | {key: value for key, value in chosen.items() if value != default.get(key)}
    start = catalogue.resolve_start(spec.name, spec.options, spec.start, arm.batch)
    version = catalogue.CATALOGUE[spec.name].version
    return spec.model_copy(update={"options": differing, "start": start, "version": version})
