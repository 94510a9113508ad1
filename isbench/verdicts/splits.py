"""What a gain is made of: what a sampler's work costs, and what its choice of samples brings.

Uniform less the sampler = (uniform less the placebo) + (the placebo less the sampler). The placebo does all
of the sampler's work and draws uniformly, so that the first is the overhead, 0 or below, and the second the
benefit of selection. All on the same seeds, so that they add up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from isbench.stats.intervals import Interval, paired
from isbench.verdicts.curves import Folder, Race
from isbench.verdicts.quantities import Quantity, Side, primary, targets
from isbench.verdicts.rows import known


@dataclass(frozen=True, slots=True)
class Split:
    """The gain of a sampler over the baseline on the primary quantity, and its two parts.

    In the units of the quantity, above 0 where something is saved; `baseline`: the mean that it is saved of.
    bound: the gain if the sampler's scores cost nothing, where a `free` arm was run; missed: how many of the
    n runs of the baseline, the placebo and the sampler missed the target, each counted with the whole budget.
    """

    variant: str
    budget: str
    sampler: str
    quantity: Quantity
    unit: str
    baseline: float
    gain: Interval
    overhead: Interval
    selection: Interval
    bound: Interval | None
    missed: tuple[int, ...]

    def row(self) -> dict[str, Any]:
        """As a record of summary.json."""
        target = self.quantity.target
        parts = {"gain": self.gain, "overhead": self.overhead, "selection": self.selection}
        found = {
            "variant": self.variant,
            "budget": self.budget,
            "sampler": self.sampler,
            "metric": self.quantity.metric,
            "target": target.share if target else None,
            "unit": self.unit,
            "n": self.gain.n,
            "baseline": self.baseline,
            "missed": list(self.missed),
        }
        for name, part in {**parts, "free_scores": self.bound}.items():
            if part is not None:
                found |= {name: part.mean, f"{name}_low": part.low, f"{name}_high": part.high}
        return {name: known(value) for name, value in found.items()}


def splits(folder: Folder) -> list[Split]:
    """The split of every sampler that has a placebo, in the races that answer the question."""
    found: list[Split] = []
    for race in folder.races:
        quantity = looked_up(folder, race)
        if quantity is None or folder.question.baseline not in race.curves:
            continue
        of_kind = {folder.role(label): label for label in race.curves}
        for (kind, sampler), placebo in of_kind.items():
            if kind == "placebo" and sampler in race.curves:
                labels = folder.question.baseline, placebo, sampler, of_kind.get(("free", sampler))
                found.append(split(race, quantity, labels))
    return [one for one in found if one.gain.n]


def looked_up(folder: Folder, race: Race) -> Quantity | None:
    """The primary quantity of a race with its target's value; None where there is none."""
    asked = primary(race, folder.question)
    if asked is None or asked.target is None:
        return asked
    found = targets(race, folder.question, (asked.target.share,))
    return Quantity(asked.metric, found[0]) if found and found[0].value is not None else None


def split(race: Race, quantity: Quantity, labels: tuple[str, str, str, str | None]) -> Split:
    """The split of one sampler: labels of baseline, placebo, sampler and, if it has one, its `free` arm."""
    than, placebo, arm = at_common_seeds(race, quantity, labels[:3])
    free = at_common_seeds(race, quantity, (labels[0], labels[3])) if labels[3] else ()
    return Split(
        variant=race.variant,
        budget=race.budget.name,
        sampler=labels[2],
        quantity=quantity,
        unit=race.budget.unit if quantity.target else "",
        baseline=quantity.sign * float(than.cost.mean()) if than.cost.size else math.nan,
        gain=saved(than, arm),
        overhead=saved(than, placebo),
        selection=saved(placebo, arm),
        bound=saved(*free) if free else None,
        missed=tuple(int(side.missed.sum()) for side in (than, placebo, arm)),
    )


def at_common_seeds(race: Race, quantity: Quantity, labels: tuple[str, ...]) -> list[Side]:
    """What some arms have measured at the seeds where none is without a number, all on one machine."""
    sides = [quantity.side(race, label) for label in labels]
    here = np.logical_and.reduce([np.isfinite(side.cost) for side in sides])
    if quantity.timed(race):
        here &= race.on_one_machine(labels)
    return [side.at(here) for side in sides]


def saved(than: Side, arm: Side) -> Interval:
    """The interval of what an arm saves."""
    return paired(than.cost - arm.cost)
