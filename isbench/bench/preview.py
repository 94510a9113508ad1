"""What a plan amounts to before it is run: cells, what is done, how long the rest will take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from isbench.bench.estimate import Speed, cell_seconds, expected_pilot_seconds, speeds
from isbench.bench.site import Site, at_work
from isbench.bench.tune import plan_trials
from isbench.plan import Frozen, pilot_key
from isbench.store.plans import Plan
from isbench.store.records import FINAL, Cell


@dataclass(frozen=True)
class Preview:
    """A plan and what is known of its duration; `guessed`: equal-time budgets whose pilots have not run."""

    site: Site
    plan: Plan
    known: dict[str, Speed]
    guessed: bool

    def cells(self) -> list[Cell]:
        """All cells, pilots first."""
        pilots = dict.fromkeys(name for pilot in self.plan.pilots for name in pilot.cells)
        raced = [cell for block in self.plan.blocks for cell in self.plan.placed(block)]
        return [self.plan.cells[name] for name in pilots] + raced

    def done(self, cell: Cell) -> bool:
        """Whether a cell has a result."""
        outcome = self.site.store.outcome(cell.id)
        return outcome is not None and outcome.status in FINAL

    def rows(self) -> list[dict[str, Any]]:
        """One row for each arm of each budget."""
        groups: dict[tuple[str, ...], list[Cell]] = {}
        pilots = {name for pilot in self.plan.pilots for name in pilot.cells}
        for cell in self.cells():
            budget = f"pilot of {cell.budget.name}" if cell.id in pilots else cell.budget.name
            groups.setdefault((cell.variant, budget, cell.sampler.label), []).append(cell)
        return [
            {
                "variant": variant,
                "budget": budget,
                "sampler": label,
                "cells": len(cells),
                "done": sum(map(self.done, cells)),
                "seconds each": cell_seconds(cells[0], self.known),
            }
            for (variant, budget, label), cells in groups.items()
        ]

    def tuning(self) -> list[dict[str, Any]]:
        """What `isbench tune` tries: one row for each arm; nothing where the recipe does not say."""
        arms = {
            arm: (trials, [self.plan.cells[name] for trial in trials for name in trial.cells])
            for arm, trials in self.plan.trials.items()
        }
        return [
            {
                "variant": variant,
                "sampler": label,
                "trials": len(trials),
                "of": trials[0].asked,
                "runs": len(cells),
                "done": sum(map(self.done, cells)),
                "seconds each": None if (times := self.times(cells)) is None else fmean(times),
            }
            for (variant, label), (trials, cells) in arms.items()
        ]

    def times(self, cells: Iterable[Cell]) -> list[float] | None:
        """How long each of some cells takes; None where that was not measured of all."""
        times = [cell_seconds(cell, self.known) for cell in cells]
        measured = [time for time in times if time is not None]
        return measured if len(measured) == len(times) else None

    def remaining(self, cells: Iterable[Cell]) -> float | None:
        """Seconds that what is not done of some cells will take; None where that was not measured."""
        times = self.times(cell for cell in cells if not self.done(cell))
        return None if times is None else sum(times)

    def content(self) -> dict[str, Any]:
        """All of it, for programs."""
        setting = self.site.opened.recipe.settings[0]
        return {
            "name": self.plan.name,
            "folder": str(self.site.store.folder),
            "dataset": setting.dataset.name,
            "model": setting.model.name,
            "device": self.site.ground.device,
            "cells": len(self.cells()),
            "done": sum(map(self.done, self.cells())),
            "remaining_seconds": self.remaining(self.cells()),
            "equal_time_is_a_guess": self.guessed,
            "arms": self.rows(),
            "tuning": self.tuning(),
            "tuning_remaining_seconds": self.remaining(
                self.plan.cells[name] for name in sorted(self.plan.tuned)
            ),
            "break_even": [each.row() for each in self.plan.break_even],
        }


def preview(site: Site, *, measure: bool) -> Preview:
    """Plan a recipe; with `measure`, run a few steps of every kind of cell that this machine has not met."""

    def planned(frozen: Mapping[str, Frozen]) -> Plan:
        return plan_trials(site, site.plan(frozen))

    frozen = site.frozen_budgets()
    plan = planned(frozen)
    unknown = [pilot for pilot in plan.pilots if pilot.timed and pilot.seconds is None]
    guess, guessed = {pilot_key(pilot): Frozen(1.0) for pilot in unknown}, bool(unknown)
    if not measure:
        return Preview(site, planned({**guess, **frozen}), {}, guessed)
    with at_work(site) as worker:
        known = speeds(plan, worker.machine, worker.calibrate)
        expected = expected_pilot_seconds(plan, known)
        guess |= {pilot_key(p): Frozen(t) for p in unknown if (t := expected.get((p.variant, p.budget)))}
        plan = planned({**guess, **frozen})
        return Preview(site, plan, speeds(plan, worker.machine, worker.calibrate), guessed)
