"""The question of a benchmark, and the pilots that it needs: runs that no table compares.

They say how long the equal time is, and how far the baseline comes, which is what targets are shares of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from isbench.plan.cells import Ground, make_cell, spent
from isbench.recipe.schema import BudgetSpec, Question, Recipe, Setting
from isbench.store.plans import Pilot, Primary
from isbench.store.records import Budget, Cell, digest

PILOTS = 3


@dataclass(frozen=True)
class Frozen:
    """What a pilot has measured: its median seconds, and the ends of its median curve of a metric."""

    seconds: float
    metric: str = ""
    first: float | None = None
    last: float | None = None


def primary(recipe: Recipe, ground: Ground) -> Primary:
    """The question as it is written; by default equal time, to the target 1.0 where there is a pilot."""
    setting, said = recipe.settings[0], recipe.primary or Question()
    timed = [spec for spec in setting.budgets if spec.like or spec.unit == "seconds"]
    usual = (timed or setting.budgets)[0]
    piloted = bool(timed) and bool(usual.like or recipe.targets)
    return Primary(
        metric=said.metric or ground.metric(setting),
        budget=said.budget or usual.name,
        target=said.target if recipe.primary else 1.0 if piloted else None,
        baseline=said.baseline,
    )


def ladder(recipe: Recipe, question: Primary) -> tuple[float, ...]:
    """The shares of the baseline's improvement that are asked for, the primary one among them."""
    own = () if question.target is None else (question.target,)
    return tuple(sorted({*recipe.targets, *own}))


def needed(recipe: Recipe, question: Primary, spec: BudgetSpec) -> bool:
    """Whether a budget has a pilot: for its time, or for targets."""
    asked = question.target is not None and question.budget == spec.name
    return bool(spec.like or recipe.targets or asked)


def plan_pilot(
    setting: Setting, spec: BudgetSpec, question: Primary, ground: Ground, frozen: Mapping[str, Frozen]
) -> tuple[Pilot, dict[str, Cell]]:
    """Three ordinary cells of the baseline on seeds of their own, and what they have measured."""
    label = spec.like or question.baseline
    arm = next(arm for arm in setting.arms if arm.sampler.label == label)
    trial = {
        cell.id: cell
        for number in range(PILOTS)
        for cell in [make_cell(setting, arm, spent(spec), ground.pilot_seed(number), ground)]
    }
    pilot = Pilot(
        budget=spec.name,
        variant=setting.variant,
        like=label,
        cells=tuple(trial),
        timed=spec.like is not None,
    )
    found = frozen.get(pilot_key(pilot))
    if found is None:
        return pilot, trial
    known: dict[str, object] = {"seconds": found.seconds}
    if found.metric == question.metric:
        known |= {"metric": found.metric, "first": found.first, "last": found.last}
    return pilot.model_copy(update=known), trial


def pilot_key(pilot: Pilot) -> str:
    """What a frozen budget belongs to: exactly these three runs."""
    return digest(pilot.cells)


def allotted(spec: BudgetSpec, pilot: Pilot | None) -> Budget | None:
    """What every arm may spend; None while equal time is not measured yet."""
    if spec.like is None:
        return spent(spec)
    if pilot is None or pilot.seconds is None:
        return None
    return Budget(name=spec.name, amount=pilot.seconds, unit="seconds", fraction=spec.fraction)
