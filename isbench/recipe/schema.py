"""A recipe as it is meant: every default filled in, every shorthand, grid and variant written out."""

from typing import Literal

from isbench.store.claims import Expectation
from isbench.store.records import (
    Control,
    DatasetSpec,
    Gate,
    Metric,
    ModelSpec,
    OptimizerSpec,
    Options,
    Record,
    SamplerSpec,
    ScheduleSpec,
    Unit,
)


class Arm(Record):
    """One sampler under comparison, with the optimiser, schedule and batch that it runs with.

    A control arm says of what kind it is, and which label it is a control `of`.
    """

    sampler: SamplerSpec
    optimizer: OptimizerSpec
    schedule: ScheduleSpec
    batch: int
    control: Control = ""
    of: str = ""


class BudgetSpec(Record):
    """How much each run may spend; with `like`, as long as that label needs for `amount` epochs.

    `fraction`: the share of the data that a round may train on, for samplers that choose one.
    """

    name: str
    amount: float
    unit: Unit
    like: str | None = None
    fraction: float = 1.0


class Configuration(Record):
    """An arm as it is tried while tuning: what differs, by path (`optimizer.lr`), and the arm with it."""

    options: Options
    arm: Arm


class Tuning(Record):
    """What is tried of each arm, by label; `trials` is what was asked for, of which a grid may hold fewer."""

    trials: int
    seeds: int
    grids: dict[str, tuple[Configuration, ...]]


class Setting(Record):
    """One variant of a recipe: the same task for all of its arms."""

    variant: str
    dataset: DatasetSpec
    model: ModelSpec
    precision: Literal["float32", "bfloat16"]
    threads: int | None  # None: as many as the machine has cores
    budgets: tuple[BudgetSpec, ...]
    points: tuple[float, ...]  # shares of the budget, above 0, the last one 1
    arms: tuple[Arm, ...]  # those that are written, then the control arms
    tuning: Tuning | None = None

    @property
    def written(self) -> tuple[Arm, ...]:
        """The arms without control arms."""
        return tuple(arm for arm in self.arms if not arm.control)


class Question(Record):
    """What `primary` says; None: nothing."""

    metric: Metric | None = None
    budget: str | None = None
    target: float | None = None
    baseline: str = "uniform"


class Recipe(Record):
    """A recipe, resolved; `text` is its source and `file` the path or name that it was asked for by."""

    name: str
    profile: str
    file: str
    text: str
    seeds: tuple[int, ...]
    record: tuple[str, ...]
    settings: tuple[Setting, ...]
    primary: Question | None = None
    targets: tuple[float, ...] = ()
    expect: tuple[Expectation, ...] = ()
    gate: Gate = Gate()
