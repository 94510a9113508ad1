"""A results folder as races: what every arm measured, seed by seed, so that runs can be compared in pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from isbench.errors import UsageError
from isbench.store import export
from isbench.store.plans import Card, Pilot, Plan, Primary
from isbench.store.records import FINAL, Budget, Cell, Point
from isbench.store.store import Store

METRICS = ("val_error", "val_loss", "test_error", "test_loss", "train_loss", "psnr")
AXES = {"seconds": "train_seconds", "epochs": "epochs", "passes": "passes", "steps": "steps"}


@dataclass(frozen=True, slots=True)
class Curve:
    """One run: how it ended (`missing`: it never began), where, and its evaluations."""

    cell: Cell
    status: str
    machine: str
    note: str
    points: tuple[Point, ...]

    @property
    def settled(self) -> bool:
        """Whether the run came to a result; one that diverged did."""
        return self.status in FINAL and bool(self.points)

    @property
    def diverged(self) -> bool:
        """Whether the loss left the numbers."""
        return self.status == "diverged"

    def column(self, name: str) -> np.ndarray:
        """A column of the points [k]; NaN is unknown."""
        return np.array([getattr(point, name) for point in self.points], dtype=float)


@dataclass(frozen=True, slots=True)
class Race:
    """Runs that may be compared: one variant and one budget; `curves` by label, then by seed.

    asked: whether it is the race of its variant that answers the question.
    """

    variant: str
    budget: Budget
    seeds: tuple[int, ...]
    curves: dict[str, dict[int, Curve]]
    pilot: Pilot | None
    asked: bool = False

    @property
    def title(self) -> str:
        """The budget and, where there are several, the variant."""
        return f"{self.budget.name}, {self.variant}" if self.variant else self.budget.name

    @property
    def cell(self) -> Cell:
        """Any cell: data and model are those of all."""
        return next(iter(self.all())).cell

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics that any run knows at its end."""
        last = [curve.points[-1] for curve in self.all() if curve.settled]
        return tuple(name for name in METRICS if any(getattr(point, name) is not None for point in last))

    def all(self) -> Iterable[Curve]:
        """Every run."""
        return (curve for of_arm in self.curves.values() for curve in of_arm.values())

    def on_one_machine(self, labels: Sequence[str]) -> np.ndarray:
        """The seeds [n] at which some arms ran on one machine, so that their times can be compared."""
        seeds = zip(*(self.of(label) for label in labels), strict=True)
        return np.array([len({run.machine for run in runs if run}) <= 1 for runs in seeds], dtype=bool)

    def of(self, label: str) -> list[Curve | None]:
        """The runs of an arm at each of the seeds; None where none is planned."""
        return [self.curves.get(label, {}).get(seed) for seed in self.seeds]


@dataclass(frozen=True, slots=True)
class Folder:
    """A results folder at one moment: its plan, its question, its races and its machines by id."""

    store: Store
    plan: Plan
    question: Primary
    races: tuple[Race, ...]
    machines: dict[str, dict[str, Any]]

    @property
    def name(self) -> str:
        """What the folder is called."""
        return self.plan.title

    @property
    def cards(self) -> dict[str, Card]:
        """The cards of the arms by label."""
        return {card.label: card for card in self.plan.cards}

    @property
    def statuses(self) -> dict[str, int]:
        """How many cells of the races ended how; a cell in two races counts once."""
        found = {curve.cell.id: curve.status for race in self.races for curve in race.all()}
        return dict(Counter(found.values()).most_common())

    def role(self, label: str) -> tuple[str, str]:
        """What kind of control arm a label is, and of which; empty where it is none."""
        card = self.cards.get(label)
        return (card.control, card.of) if card else ("", "")

    def repetition(self, race: Race) -> tuple[str, str] | None:
        """The arm of a race that repeats another one with other draws, and that one; None without one."""
        for label in race.curves:
            kind, of = self.role(label)
            if kind == "aa" and of in race.curves:
                return label, of
        return None

    def computer(self, race: Race) -> str:
        """The device that a race ran on; how many where there were several."""
        names = [_device(self.machines.get(curve.machine, {})) for curve in race.all() if curve.settled]
        found = list(dict.fromkeys(filter(None, names)))
        return found[0] if len(found) == 1 else f"{len(found)} machines" if found else "unknown machine"


def below(path: Path) -> list[Path]:
    """The results folders that a path names: itself, or those that it holds."""
    if (path / "plan.json").is_file():
        return [path]
    found = sorted(plan.parent for plan in path.glob("*/plan.json"))
    if not found:
        raise UsageError(f"{path} holds no results", "name a folder that has a plan.json, or its parent")
    return found


def load(path: Path) -> Folder:
    """Read a results folder; UsageError where there is none, EnvironmentFault where it is damaged."""
    store = Store(path)
    plan = store.plan()
    if plan is None:
        raise UsageError(
            f"{path} is no results folder: it holds no plan.json", "name a folder below results/"
        )
    groups: dict[tuple[str, str], list[export.Run]] = {}
    for run in export.runs(store, plan):
        groups.setdefault((run.block.variant, run.block.budget), []).append(run)
    races = tuple(_race(plan, variant, budget, runs) for (variant, budget), runs in groups.items())
    question = _question(plan, races)
    return Folder(store, plan, question, tuple(_answering(races, question.budget)), store.machines())


def _answering(races: tuple[Race, ...], budget: str) -> Iterable[Race]:
    """The races, of each variant one that is asked for.

    That is the one with the budget of the question, or, in a variant that has no such budget, the one at
    equal time if there is any, else the first.
    """
    for race in races:
        rivals = [other for other in races if other.variant == race.variant]
        named = [other for other in rivals if other.budget.name == budget]
        timed = [other for other in rivals if other.budget.unit == "seconds"]
        yield replace(race, asked=race is (named + timed + rivals)[0])


def _race(plan: Plan, variant: str, budget: str, runs: list[export.Run]) -> Race:
    curves: dict[str, dict[int, Curve]] = {card.label: {} for card in plan.cards}
    for run in runs:
        curves.setdefault(run.cell.sampler.label, {})[run.block.seed] = _curve(run)
    pilots = [pilot for pilot in plan.pilots if (pilot.variant, pilot.budget) == (variant, budget)]
    return Race(
        variant=variant,
        budget=runs[0].cell.budget.model_copy(update={"name": budget}),
        seeds=tuple(sorted({run.block.seed for run in runs})),
        curves={label: of_arm for label, of_arm in curves.items() if of_arm},
        pilot=pilots[0] if pilots else None,
    )


def _curve(run: export.Run) -> Curve:
    if run.record is None:
        return Curve(run.cell, "missing", "", "", ())
    outcome = run.record.outcome
    return Curve(run.cell, outcome.status, outcome.machine, outcome.note, run.record.points)


def _question(plan: Plan, races: tuple[Race, ...]) -> Primary:
    """What the plan asks; a plan older than the question asks for the end, at equal time if there is any."""
    if plan.primary.budget or not races:
        return plan.primary
    race = next((race for race in races if race.budget.unit == "seconds"), races[0])
    metric = next((name for name in race.measured if name != "psnr"), plan.primary.metric)
    return plan.primary.model_copy(update={"budget": race.budget.name, "metric": metric})


def _device(facts: dict[str, Any]) -> str:
    name = str(facts.get("device_name") or facts.get("cpu") or "")
    return " ".join(name.replace("(R)", "").replace("(TM)", "").split())
