"""How long a plan will take: a few steps of every kind of cell, remembered by machine."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from isbench.datasets.files import cache_folder
from isbench.store.atomic import atomic_write
from isbench.store.plans import Plan
from isbench.store.records import Budget, Cell, OptimizerSpec, ScheduleSpec, StartSpec

if TYPE_CHECKING:
    from isbench.bench.cell import Run

CALIBRATION_STEPS = 8


@dataclass(frozen=True)
class Speed:
    """Seconds of one kind of cell: per step and its scores, per evaluation, of set-up; what a step counts."""

    step: float
    score: float
    evaluation: float
    setup: float
    epochs: float
    passes: float

    def seconds(self, cell: Cell, amount: float | None = None) -> float:
        """How long a cell takes, evaluation and set-up included."""
        amount = cell.budget.amount if amount is None else amount
        if cell.budget.unit == "seconds":
            free = self.score if "score" in cell.uncharged else 0.0
            training = amount * self.step / (self.step - free)
        else:
            per_step = {"steps": 1.0, "epochs": self.epochs, "passes": self.passes}[cell.budget.unit]
            training = amount / per_step * self.step
        return self.setup + training + (len(cell.points) + 1) * self.evaluation


def calibrate(cell: Cell, root: Path, base: Path) -> dict[str, float]:
    """Run a few steps of a cell after a rehearsal, importance always on."""
    import torch

    from isbench.bench import cell as cells
    from isbench.bench import pretrain
    from isbench.datasets import catalogue as datasets
    from isbench.train import device as devices

    torch.set_num_threads(cell.threads)
    device = devices.choose(cell.device)
    body = pretrain.pretrained(cell, root, base)  # what only the first cell waits for is no set-up
    began = perf_counter()
    dataset = datasets.build(datasets.located(cell.dataset, base), root, device, cell.seed)
    model = cells.build_model(cell, dataset, base, body)
    cells.rehearse(cell, dataset, model)
    setup = perf_counter() - began
    run = cells.assemble(short(cell), dataset, model, devices.clock(device, cell.lag))
    with devices.global_stream(0, "calibration"):
        introduce(run)
        _, last = run.points
    return {
        "step": last.train_seconds / last.steps,
        "score": last.phases["score"] / last.steps,
        "evaluation": last.eval_seconds,  # of the first point; the last one is still open
        "setup": setup,
        "epochs": last.epochs / last.steps,
        "passes": last.passes / last.steps,
    }


def introduce(run: Run) -> None:
    """Put the ordinary round behind a sampler that begins with one: as many looks, all at the same batch.

    What a step costs shows only once it selects; selective backprop scores nothing before.
    """
    import torch

    from isbench.train.forward import Batch

    problem = run.problem
    index = problem.some(problem.batch)
    with torch.no_grad():
        seen = problem.forward(index, *problem.fetch(index)).detach()
    for _ in range(math.ceil(problem.size / problem.batch)):
        run.sampler.observe(Batch(index, active=False), seen)
    problem.judged = problem.healed = None  # they are no step's


def short(cell: Cell) -> Cell:
    """A few steps of the same kind, with importance from the start; of a trial, as it would be raced."""
    sampler = cell.sampler.model_copy(update={"start": StartSpec()})
    budget = Budget(name="calibration", amount=CALIBRATION_STEPS, unit="steps")
    update = {"sampler": sampler, "budget": budget, "points": (1.0,), "uncharged": ()}
    return cell.model_copy(update={**update, "probed": False, "tuned": False})


def kind(cell: Cell) -> str:
    """What the speed of a cell depends on: not the learning rate, nor the budget and its fraction.

    A fraction makes rounds shorter, not steps, and the budget's amount already counts what is trained on.
    Control arms are as fast as what they control.
    """
    sampler = cell.sampler.model_copy(update={"placebo": False})
    cell = cell.model_copy(update={"sampler": sampler, "repeat": 0})
    optimizer = cell.optimizer.model_copy(update={"lr": OptimizerSpec().lr})
    update = {"seed": 0, "variant": "", "schedule": ScheduleSpec(), "optimizer": optimizer}
    return short(cell).model_copy(update=update).id


def speeds(plan: Plan, machine: str, ask: Callable[[Cell], dict[str, float]]) -> dict[str, Speed]:
    """The speed of every kind of cell in a plan; measured where this machine has not met it yet."""
    cache = cache_folder() / "calibration" / f"{machine}.json"
    known = read(cache)
    for cell in plan.cells.values():
        if kind(cell) not in known:
            known[kind(cell)] = ask(cell)
            atomic_write(cache, json.dumps(known, indent=1, sort_keys=True))
    return {name: Speed(**values) for name, values in known.items()}


def read(cache: Path) -> dict[str, dict[str, float]]:
    """The remembered speeds; a damaged file is measured again."""
    try:
        known = json.loads(cache.read_text())
        return {name: values for name, values in known.items() if set(values) == set(Speed.__annotations__)}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def cell_seconds(cell: Cell, known: Mapping[str, Speed]) -> float | None:
    """How long a cell takes; None where its kind would not run."""
    speed = known.get(kind(cell))
    return None if speed is None else speed.seconds(cell)


def expected_pilot_seconds(plan: Plan, known: Mapping[str, Speed]) -> dict[tuple[str, str], float]:
    """Training seconds that a pilot will probably measure, by variant and budget."""
    expected = {}
    for pilot in plan.pilots:
        times = []
        for cell in (plan.cells[name] for name in pilot.cells):
            speed = known.get(kind(cell))
            if speed is not None:
                times.append(speed.seconds(cell) - speed.setup - (len(cell.points) + 1) * speed.evaluation)
        if times:
            expected[pilot.variant, pilot.budget] = median(times)
    return expected
