"""From a recipe to records: what is missing is run, cell by cell, and nothing that is done is run again."""

from __future__ import annotations

import fnmatch
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import monotonic
from types import FrameType
from typing import Protocol

from isbench.bench.process import Worker
from isbench.bench.site import Site, at_work, locked, save
from isbench.errors import CellsFailed, Interrupted
from isbench.plan import Frozen, pilot_key
from isbench.store.export import write_tables
from isbench.store.plans import Block, Plan
from isbench.store.records import FINAL, Cell, Outcome, Point, RunRecord

TABLES_EVERY = 10  # seconds at least between two writings of the tables


class Watch(Protocol):
    """Somebody who looks on."""

    def say(self, text: str) -> None:
        """A line about the run as a whole."""
        ...

    def begin(self, cell: Cell, number: int, total: int) -> None:
        """A cell starts."""
        ...

    def point(self, cell: Cell, point: Point) -> None:
        """A cell has come this far."""
        ...

    def end(self, cell: Cell, outcome: Outcome) -> None:
        """A cell has ended."""
        ...

    def close(self) -> None:
        """Nothing more will be shown, however the run ended."""
        ...


def run(site: Site, watch: Watch) -> list[str]:
    """Run what is missing of a recipe and write its tables; returns which cells have no result, and why."""
    request = site.request
    with locked(site.store.folder), stopping():
        frozen = site.frozen_budgets()
        todo = Todo(site, watch)
        plan = site.plan(frozen)
        if request.fresh:
            site.store.forget(plan.raced)
        save(site, plan)
        for note in plan.notes:
            watch.say(f"note: {note}")
        with at_work(site) as worker:
            site.store.save_machine(worker.machine, worker.facts)
            if not all(pilot.measured(plan.primary.metric) for pilot in plan.pilots):
                plan = site.plan({**frozen, **measure_pilots(plan, todo, worker)})
                save(site, plan)
            todo.run(plan, [c for block in plan.blocks for c in plan.placed(block) if todo.wanted(c)], worker)
        write_tables(site.store, plan)
    return failures(plan, plan.blocks, todo)


def measure_pilots(plan: Plan, todo: Todo, worker: Worker) -> dict[str, Frozen]:
    """Run the pilots; their median training time, and what targets are shares of, are from now on frozen."""
    frozen: dict[str, Frozen] = {}
    for pilot in plan.pilots:
        if pilot.measured(plan.primary.metric) or pilot_key(pilot) in frozen:
            continue
        wants = "how long it needs and how far it comes" if pilot.timed else "how far it comes"
        todo.watch.say(f"pilot: {pilot.like} on '{pilot.budget}': {wants}")
        todo.run(plan, [plan.cells[cell] for cell in pilot.cells], worker)
        records = [todo.site.store.record(cell) for cell in pilot.cells]
        done = [record for record in records if record and record.outcome.status == "done"]
        if todo.missing(plan.cells[pilot.cells[-1]]):
            raise CellsFailed("--max-hours is over before the pilots are done", "the same command goes on")
        if len(done) < len(pilot.cells):
            raise CellsFailed(
                f"the pilot of budget '{pilot.budget}' did not finish, so there is no equal time or target",
                f"see {todo.site.store.log(pilot.cells[0])}; --retry-failed runs it again",
            )
        seconds = rounded(median(record.points[-1].train_seconds for record in done))
        ends = (median_at(done, plan.primary.metric, place) for place in (0, -1))
        frozen[pilot_key(pilot)] = Frozen(pilot.seconds or seconds, plan.primary.metric, *ends)
    return frozen


def median_at(records: list[RunRecord], metric: str, place: int) -> float | None:
    """The median of a metric at a point of the runs; None where one of them does not know it."""
    values = [getattr(record.points[place], metric) for record in records]
    return None if None in values else rounded(median(values))


def rounded(value: float) -> float:
    """To six digits: what is frozen is written out."""
    return float(f"{value:.6g}")


class Todo:
    """Runs cells that have no result yet."""

    def __init__(self, site: Site, watch: Watch) -> None:
        self.site, self.watch = site, watch
        self.tried: set[str] = set()
        self.prefix = f"{site.environment.name}:" if site.environment.name else ""
        self.written = 0.0
        hours = site.request.max_hours
        self.deadline = None if hours is None else monotonic() + 3600 * hours

    def run(
        self, plan: Plan, cells: list[Cell], worker: Worker, record: tuple[str, ...] | None = None
    ) -> None:
        """Run what is missing of these cells, in this order; `record`: other exhibits than the plan's."""
        missing = [cell for cell in {cell.id: cell for cell in cells}.values() if self.missing(cell)]
        for number, cell in enumerate(missing, start=1):
            if self.late(len(missing) - number + 1):
                return
            self.train(plan, cell, worker, record, (number, len(missing)))

    def late(self, left: int) -> bool:
        """Whether there is no more time for the cells that are left; says so."""
        late = self.deadline is not None and monotonic() > self.deadline
        if late:
            self.watch.say(f"--max-hours is over: {left} cells are left, the same command goes on from there")
        return late

    def train(
        self,
        plan: Plan,
        cell: Cell,
        worker: Worker,
        record: tuple[str, ...] | None = None,
        place: tuple[int, int] = (1, 1),
    ) -> None:
        """Run a cell; `place`: its number, and of how many."""
        shown = cell.named(self.prefix + cell.sampler.label, cell.budget.name, cell.variant)
        self.watch.begin(shown, *place)
        outcome = worker.train(
            cell,
            self.site.store,
            plan.record if record is None else record,
            first=bool(plan.blocks) and cell.seed == plan.blocks[0].seed,
            heard=lambda point: self.watch.point(shown, point),
        )
        self.tried.add(cell.id)
        self.watch.end(shown, outcome)
        if monotonic() - self.written > TABLES_EVERY:
            write_tables(self.site.store, plan)
            self.written = monotonic()

    def wanted(self, cell: Cell) -> bool:
        """Whether `--only` asks for this arm."""
        return fnmatch.fnmatchcase(cell.sampler.label, self.site.request.only)

    def missing(self, cell: Cell) -> bool:
        """Whether a cell still has to be run."""
        if cell.id in self.tried:
            return False
        outcome = self.site.store.outcome(cell.id)
        if outcome is None or outcome.status in ("running", "interrupted"):
            return True
        return outcome.status not in FINAL and self.site.request.retry_failed


def failures(plan: Plan, blocks: tuple[Block, ...], todo: Todo) -> list[str]:
    """Which of the wanted cells have no result; a diverged arm is a result, a diverged baseline is not."""
    lost: list[str] = []
    for cell in filter(todo.wanted, (cell for block in blocks for cell in plan.placed(block))):
        outcome = todo.site.store.outcome(cell.id)
        status, note = (outcome.status, outcome.note) if outcome else ("missing", "")
        baseline = status == "diverged" and cell.sampler.label == plan.primary.baseline and not cell.tuned
        if status not in FINAL or baseline:
            lost.append(f"{cell.sampler.label} seed {cell.seed}: {status} {note}".strip())
    return lost


@contextmanager
def stopping() -> Iterator[None]:
    """Turn the first Ctrl-C or SIGTERM into an orderly end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)  # the second one is immediate
        raise Interrupted(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
