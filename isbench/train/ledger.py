"""What has been spent, how much of the budget that is, and when a point is due."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from isbench.errors import IsbenchError
from isbench.store.records import PHASES, Budget, Costs, Point
from isbench.train.forward import Batch, Forward
from isbench.train.problem import Problem
from isbench.train.schedule import Schedule, gradient_norm
from isbench.train.tally import Step, Tally

Measured = dict[str, float | None]
WATCHED = ("batch_loss", "train_loss", "val_loss", "test_loss")  # non-finite: the run has diverged
FOLD = 4096  # steps whose batches are held at most before they are folded


class Ledger:
    """Keeps the books of one run. `problem.progress`, from 0 to 1, is the only time that the loop knows."""

    def __init__(
        self,
        problem: Problem,
        budget: Budget,
        grid: tuple[float, ...],
        costs: Costs,
        schedule: Schedule,
        evaluate: Callable[[], Measured],
        tally: Tally,
        free: tuple[str, ...] = (),
    ) -> None:
        self.problem, self.budget, self.grid, self.costs = problem, budget, grid, costs
        self.schedule, self.evaluate, self.tally = schedule, evaluate, tally
        self.timer, self.clock = problem.timer, problem.timer.clock
        self.size = problem.size
        self.phases = dict.fromkeys(PHASES, 0.0)
        self.settled = self.eval_seconds = self.began = 0.0  # settled: free phases included
        self.steps = self.due = self.before_round = 0
        self.started: tuple[int, float] | None = None
        self.diverged = False
        self.sampled, self.paced = self.clock.every > 1, budget.unit == "seconds"
        self.free = free  # phases that nobody is charged for

    @property
    def open(self) -> bool:
        """Whether there is budget left and the run still has numbers."""
        return self.problem.progress < 1 and not self.diverged

    @property
    def seconds(self) -> float:
        """Training seconds so far; evaluation is nobody's time, nor are phases that are free."""
        wall = self.settled + self.clock.now() - self.began
        if not self.free:
            return wall
        now = self.timer.so_far()
        return self._charged(wall, {phase: seconds + now[phase] for phase, seconds in self.phases.items()})

    def begin(self) -> Iterator[Point]:
        """Start the clock and take the point of the untrained model."""
        self.timer.drain()  # set-up is not training
        self.began = self.clock.now()
        yield from self._point()

    def step(self, batch: Batch, seen: Forward) -> Iterator[Point]:
        """Book one step, and take a point if one is due."""
        problem = self.problem
        problem.trained += batch.index.shape[0]
        if batch.active and self.started is None:
            self.started = self.steps, self.seconds if self.steps else 0.0
        self.tally.add(self._booked(batch, seen), seen)
        problem.judged = problem.healed = None
        self.steps += 1
        if self.sampled:
            self.timer.step()
        if self.paced:
            self.clock.pace()
        problem.progress = progress = min(1.0, self.spent() / self.budget.amount)
        if progress >= self.grid[self.due]:
            yield from self._point()
        elif len(self.tally.pending) == FOLD:
            with self.aside():
                self.tally.fold()

    def _booked(self, batch: Batch, seen: Forward) -> Step:
        """What is kept of a step; scores that nothing was drawn by count where a gate follows them."""
        problem = self.problem
        judged = None if problem.gate is None else problem.judged
        return Step(
            self.steps,
            batch,
            seen.loss,
            judged if batch.scores is None else batch.scores,
            problem.gate,
            problem.weight,
            tuple(count for count in (batch.healed, problem.healed) if count is not None),
        )

    def round(self) -> None:
        """A round of the sampler has ended: augmentation is redrawn, no axis moves."""
        if self.steps == self.before_round:
            raise IsbenchError("the sampler drew no batch in a whole round, so training cannot go on")
        self.before_round = self.steps
        self.problem.round += 1

    def spent(self) -> float:
        """What was spent so far, in the budget's unit."""
        unit = self.budget.unit
        if unit == "seconds":
            return self.seconds
        if unit == "steps":
            return self.steps
        return self.problem.trained / self.size if unit == "epochs" else self.passes

    @property
    def passes(self) -> float:
        """Machine-free cost: forwards and backwards of samples, in passes over the training set."""
        trained = (1 + self.costs.rho) * self.problem.trained
        return (trained + self.costs.score * self.problem.scored) / self.size

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Time that is nobody's: the clock of training stands still."""
        back = self.timer.lap("eval")
        self.clock.settle()
        stopped = self.clock.now()  # before the marks are read, which is nobody's time either
        self.settled += stopped - self.began
        self.began = stopped
        for phase, seconds in self.timer.drain().items():
            self.phases[phase] += seconds
        yield
        self.timer.lap(back)
        self.timer.drain()
        self.began = self.clock.now()
        self.eval_seconds += self.began - stopped

    def _charged(self, wall: float, phases: dict[str, float]) -> float:
        """Seconds without those of free phases; where few steps are marked, by their share in these."""
        free = sum(phases[phase] for phase in self.free)
        return wall - free * (wall / max(sum(phases.values()), 1e-12) if self.sampled else 1.0)

    def uncharged(self, work: Callable[[str], float]) -> Callable[[str], float]:
        """The same work on nobody's time."""

        def aside(argument: str) -> float:
            with self.aside():
                return work(argument)

        return aside

    def _point(self) -> Iterator[Point]:
        with self.aside():
            while self.due < len(self.grid) and self.problem.progress >= self.grid[self.due]:
                self.due += 1
            yield self._measure()

    def _measure(self) -> Point:
        problem = self.problem
        measured = {**self.tally.columns(), **self.evaluate(), "grad_norm": gradient_norm(problem.model)}
        watched = (measured.get(name) or 0.0 for name in WATCHED)
        self.diverged = not all(map(math.isfinite, watched))
        known = {name: v if v is None or math.isfinite(v) else None for name, v in measured.items()}
        scale = self.settled / max(sum(self.phases.values()), 1e-12) if self.clock.every > 1 else 1.0
        return Point(
            progress=problem.progress,
            epochs=problem.trained / self.size,
            steps=self.steps,
            trained=problem.trained,
            scored=problem.scored,
            loaded=problem.loaded,
            passes=self.passes,
            train_seconds=self._charged(self.settled, self.phases),
            eval_seconds=self.eval_seconds,
            lr=self.schedule.lr,
            healed=int(known.pop("healed", 0) or 0),
            phases={p: seconds * scale for p, seconds in self.phases.items() if p not in self.free},
            **known,
        )
