"""Results folders with curves made to order: straight lines that reach a target when they are told to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from isbench.store.plans import Card, Pilot, Plan, Primary
from isbench.store.records import Budget, Cell, Outcome, Point
from isbench.store.store import Store
from tests.report import synthetic

MINUTE = Budget(name="minute", amount=60.0, unit="seconds")
FIVE = Budget(name="epochs-5", amount=5.0, unit="epochs")
CPU = "Intel(R) Xeon(R) Processor"
FIRST, LAST = 0.9, 0.1  # what the pilot's val_error goes from and to
AT_TARGET = Primary(metric="val_error", budget="minute", target=1.0)
AT_END = Primary(metric="val_error", budget="minute")


@dataclass(frozen=True)
class Made:
    """A run to be made.

    at: the share of its budget at which val_error is at LAST; end: what it ends at instead, from `first` on.
    ends: of other metrics; status `missing`: it never began.
    """

    at: float | None = None
    end: float | None = None
    ends: dict[str, float] = field(default_factory=dict)
    status: str = "done"
    machine: str = synthetic.MACHINE
    seconds: float = 60.0
    first: float = FIRST

    def value(self, progress: float) -> float | None:
        if self.at is not None:
            return max(FIRST - (FIRST - LAST) * progress / self.at, 0.001)
        return None if self.end is None else self.first + (self.end - self.first) * progress


def reaching(*seconds: float, **more) -> list[Made]:
    """Runs of a minute that reach the target after so many seconds."""
    return [Made(at=each / 60, **more) for each in seconds]


def ending(*values: float, **more) -> list[Made]:
    """Runs that end at these errors."""
    return [Made(end=each, **more) for each in values]


def lost(status: str) -> Made:
    """A run without a result."""
    return Made(end=0.5, status=status)


def plan_of(
    labels: list[str],
    seeds: int,
    *,
    budgets: tuple[Budget, ...] = (MINUTE,),
    variants: tuple[str, ...] = ("",),
    controls: dict[str, tuple[str, str]] | None = None,
    points: int = 60,
    **changes,
) -> Plan:
    """A plan whose arms have these labels; `controls`: kind and of what, by label."""
    arms = tuple(synthetic.Arm(label, options={"pool": 2 + n}) for n, label in enumerate(labels))
    plan = synthetic.plan_of(arms, budgets, seeds, variants, points=points, dataset="mnist")
    cards = tuple(card(label, *(controls or {}).get(label, ("", ""))) for label in labels)
    pilots = [(variant, budget) for variant in variants for budget in budgets]
    given = {
        "cards": cards,
        "primary": AT_END,
        "pilots": tuple(pilot(variant, budget.name) for variant, budget in pilots),
    }
    return plan.model_copy(update=given | changes)


def card(label: str, control: str = "", of: str = "") -> Card:
    said = {"summary": "It draws.", "paper": "", "unbiased": True, "cost": ""}
    return Card(label=label, name="uniform", control=control, of=of, **said)


def pilot(variant: str = "", budget: str = "minute", first: float | None = FIRST, last: float | None = LAST):
    measured = {"seconds": 60.0, "metric": "val_error", "first": first, "last": last}
    return Pilot(budget=budget, variant=variant, like="uniform", cells=(), **measured)


def fill(folder: Path, plan: Plan, runs: dict[str, list[Made]]) -> Path:
    """Write the runs, seed by seed for each label, in every race of the plan."""
    store, facts = Store(folder), {"cpu": CPU, "device_name": CPU, "cores": 2, "torch": "2.9.0"}
    (folder / "machines").mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(plan.model_dump_json())
    done = {label: [run for run in of_arm if run.status != "missing"] for label, of_arm in runs.items()}
    for machine in {run.machine for of_arm in done.values() for run in of_arm}:
        (folder / "machines" / f"{machine}.json").write_text(json.dumps(facts))
    for block in plan.blocks:
        for identity, label in zip(block.cells, block.labels, strict=True):
            if runs[label][block.seed].status != "missing":
                write(store.cell_folder(identity), plan.cells[identity], runs[label][block.seed])
    return folder


def write(folder: Path, cell: Cell, made: Made) -> None:
    """A cell as a run leaves it, without waiting for the disk."""
    outcome = Outcome(status=made.status, started="2026-01-02T03:04:05Z", machine=made.machine)
    points = [point(made, cell.budget, progress).model_dump_json() for progress in cell.points]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cell.json").write_text(cell.model_dump_json())
    (folder / "status.json").write_text(outcome.model_dump_json())
    (folder / "points.jsonl").write_text("".join(f"{line}\n" for line in points))


def point(made: Made, budget: Budget, progress: float) -> Point:
    epochs = progress * (budget.amount if budget.unit == "epochs" else 5.0)
    steps = round(progress * 1000)
    spent = {"epochs": epochs, "passes": 3 * epochs, "steps": steps}
    spent |= {"trained": steps, "scored": 0, "loaded": steps}
    return Point(
        progress=progress,
        train_seconds=progress * (budget.amount if budget.unit == "seconds" else made.seconds),
        eval_seconds=0.0,
        lr=0.1,
        val_error=made.value(progress),
        **spent,
        **made.ends,
    )


def folder(path: Path, runs: dict[str, list[Made]], **plan) -> Path:
    """A folder with these runs, its labels and seeds those of the runs."""
    seeds = len(next(iter(runs.values())))
    return fill(path, plan_of(list(runs), seeds, **plan), runs)
