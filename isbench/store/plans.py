"""The plan of a results folder: blocks of cells, pilots, and the cards of the arms (`plan.json`)."""

from typing import Any, Literal

from pydantic import Field

from isbench.store.claims import Expectation
from isbench.store.records import Cell, Control, Gate, Metric, Options, Record


class Card(Record):
    """What report and tables must know of an arm's sampler without importing it.

    `control`: what kind of control arm it is, if it is one; `of`: the label that it is a control of.
    """

    label: str
    name: str
    summary: str
    paper: str
    unbiased: bool
    cost: str
    deviations: tuple[str, ...] = ()
    start: str = "none"
    options: Options = Field(default_factory=dict)  # all of them, those at their defaults too
    control: Control = ""
    of: str = ""


class Block(Record):
    """One seed, one variant, one budget, every sampler: the unit of pairing and of distribution."""

    seed: int
    variant: str
    budget: str
    cells: tuple[str, ...]
    labels: tuple[str, ...]


class Primary(Record):
    """The question that a benchmark is there to answer; all else that it shows is exploratory.

    With a target, a share of what the baseline's pilot improves `metric` by: how soon it is reached. Without:
    the metric at the end. An empty budget: the first.
    """

    metric: Metric = "val_error"
    budget: str = ""
    target: float | None = None
    baseline: str = "uniform"


class Pilot(Record):
    """Three cells of a baseline, labelled `like`, on seeds of their own; once measured, it is frozen.

    `seconds`: the median of their training times; where `timed`, that is the budget. `first`, `last`: the
    value of the untrained model and that at the end on the median curve of `metric`, between which targets
    lie; None where it was not measured.
    """

    budget: str
    variant: str
    like: str
    cells: tuple[str, ...]
    seconds: float | None = None
    timed: bool = True
    metric: str = ""
    first: float | None = None
    last: float | None = None

    def measured(self, metric: str) -> bool:
        """Whether there is nothing left to measure."""
        return self.seconds is not None and self.metric == metric


class Trial(Record):
    """A setting of an arm that is tried while tuning: a cell for each tuning seed, raced by nobody."""

    variant: str
    label: str
    number: int  # from 1
    asked: int  # trials of every arm; a grid may hold fewer settings
    options: Options  # by path, as in `optimizer.lr`
    cells: tuple[str, ...]


class Environment(Record):
    """One of two environments that ran a recipe in turns, cell by cell; without a name: there is but one."""

    name: str = ""
    against: str = ""  # the results folder of the other one, as seen from this one; of the second one only
    invocation: str = ""  # alike in both folders: what a seed gave in one and in the other is a pair


class BreakEven(Record):
    """What a step of an arm costs over one of uniform: what a variance reduction is up against."""

    variant: str
    label: str
    batch: int
    pool: int | None  # samples scored; None: their number varies
    rho: float  # backward over forward, and the forwards per score, by counting operations
    score: float
    above: float | None  # the tau above which it starts; None: it does not wait for tau
    paper: float | None  # (B + 3b) / (3b)
    measured: float | None  # 1 + score B / ((1 + rho) b)

    def row(self) -> dict[str, Any]:
        """As a row of a table; tau pays above the root of the cost, as a mean's variance falls as 1/b."""
        return {
            "sampler": self.label,
            "variant": self.variant,
            "batch": self.batch,
            "pool": self.pool,
            "starts above": self.above,
            "cost (paper)": self.paper,
            "cost (counted)": self.measured,
            "tau that pays": None if self.measured is None else self.measured**0.5,
            "rho": self.rho,
            "c": self.score,
        }


class Plan(Record):
    """What a recipe amounts to (`plan.json`)."""

    schema_version: int = 1
    name: str
    profile: str
    recipe: str  # a digest of what it says, its seeds left out
    recipe_file: str  # as it was asked for
    recipe_place: str = ""  # as seen from the results folder
    machine: str
    primary_label: Literal["uniform"] = Field(
        default="uniform", exclude=True
    )  # in plans older than `primary`
    record: tuple[str, ...]
    primary: Primary = Primary()
    targets: tuple[float, ...] = ()  # shares of the baseline's improvement, rising; the primary one too
    expect: tuple[Expectation, ...] = ()
    gate: Gate = Gate()
    environment: Environment = Environment()
    cells: dict[str, Cell]
    pilots: tuple[Pilot, ...] = ()
    blocks: tuple[Block, ...] = ()
    probes: tuple[Block, ...] = ()  # of cells that are measured on the way and raced by nobody
    tuning: tuple[Trial, ...] = ()
    cards: tuple[Card, ...] = ()
    break_even: tuple[BreakEven, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What the results folder is called: the recipe, its profile and the environment that ran it."""
        return "-".join(filter(None, (self.name, self.profile, self.environment.name)))

    @property
    def raced(self) -> set[str]:
        """The cells of blocks and pilots."""
        return {cell for part in (*self.blocks, *self.pilots) for cell in part.cells}

    @property
    def probed(self) -> set[str]:
        """The cells of probes."""
        return {cell for block in self.probes for cell in block.cells}

    @property
    def tuned(self) -> set[str]:
        """The cells of trials."""
        return {cell for trial in self.tuning for cell in trial.cells}

    @property
    def trials(self) -> dict[tuple[str, str], list[Trial]]:
        """The trials of each variant and arm."""
        found: dict[tuple[str, str], list[Trial]] = {}
        for trial in self.tuning:
            found.setdefault((trial.variant, trial.label), []).append(trial)
        return found

    @property
    def trial_blocks(self) -> tuple[Block, ...]:
        """A block for each run of a trial, seeds outermost."""
        runs = [(place, trial) for trial in self.tuning for place in range(len(trial.cells))]
        return tuple(
            Block(
                seed=self.cells[trial.cells[place]].seed,
                variant=trial.variant,
                budget=self.cells[trial.cells[place]].budget.name,
                cells=(trial.cells[place],),
                labels=(trial.label,),
            )
            for place, trial in sorted(runs, key=lambda run: run[0])
        )

    def with_extras_of(self, old: "Plan | None") -> "Plan":
        """This plan with what another one probes and tunes, if both are of one recipe; seeds may differ."""
        if old is None or old.recipe != self.recipe:
            return self
        cells = self.cells | {cell: old.cells[cell] for cell in old.probed | old.tuned}
        return self.model_copy(update={"probes": old.probes, "tuning": old.tuning, "cells": cells})

    def placed(self, block: Block) -> list[Cell]:
        """The cells of a block under its own names; blocks may share a cell, whose identity has no names."""
        return [
            self.cells[identity].named(label, block.budget, block.variant)
            for identity, label in zip(block.cells, block.labels, strict=True)
        ]
