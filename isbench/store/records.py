"""What crosses a process boundary or is written to disk: flat, frozen, strict records."""

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

Options = dict[str, JsonValue]
Unit = Literal["epochs", "seconds", "steps", "passes"]
Metric = Literal["val_error", "val_loss", "test_error", "test_loss", "train_loss"]
Control = Literal["", "presample", "placebo", "free", "aa"]
PHASES: tuple[str, ...] = ("draw", "load", "score", "select", "forward", "backward", "optimise", "update")


class Record(BaseModel):
    """A frozen, strict record."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class DatasetSpec(Record):
    """A data set by name, its own options, and what can be done to any data set."""

    name: str
    options: Options = {}
    subset: int | None = None
    classes: tuple[int, ...] | None = None
    val_fraction: float = 0.1
    label_noise: float = 0.0
    augment: Literal["none", "standard", "mixup", "ricap", "randaugment"] = "none"
    keep: Literal["device", "host", "disk"] = "device"


class PretrainSpec(Record):
    """What a model is trained on before the benchmark begins: uniform sampling and Adam, off every clock."""

    dataset: DatasetSpec
    epochs: float
    lr: float = 1e-3
    batch: int = 64


class ModelSpec(Record):
    """A model by name, its options, and what it learnt before."""

    name: str
    options: Options = {}
    pretrain: PretrainSpec | None = None


class StartSpec(Record):
    """A start criterion by name and its options; `none` starts at once."""

    name: str = "none"
    options: Options = {}


class SamplerSpec(Record):
    """One arm: its label, the catalogue entry, the entry's options and the start criterion.

    `placebo`: all of its work is done, and its batches are drawn uniformly.
    """

    label: str
    name: str
    options: Options = {}
    start: StartSpec = StartSpec()
    version: int = 1
    placebo: bool = False


class OptimizerSpec(Record):
    """An optimiser and its settings."""

    name: Literal["sgd", "adam", "adamw"] = "adam"
    lr: float = 1e-3
    momentum: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float | None = None


class ScheduleSpec(Record):
    """A learning-rate factor over the spent share of the budget."""

    name: Literal["constant", "linear", "cosine", "step"] = "constant"
    to: float = 0.0
    at: tuple[float, ...] = ()
    factor: float = 1.0


class Budget(Record):
    """How much a run may spend, and of what; `fraction`: the share of the data that a round may train on."""

    name: str
    amount: float
    unit: Unit
    fraction: float = 1.0


class Costs(Record):
    """What a sample costs in forwards: `rho` for its backward pass, `score` for its score."""

    rho: float
    score: float = 0.0


class Cell(Record):
    """One training run: everything that its numbers depend on, and the labels that name it in tables."""

    dataset: DatasetSpec
    model: ModelSpec
    sampler: SamplerSpec
    optimizer: OptimizerSpec
    schedule: ScheduleSpec
    batch: int
    budget: Budget
    seed: int
    points: tuple[float, ...]
    precision: Literal["float32", "bfloat16"]
    threads: int
    device: str
    lag: int
    costs: Costs
    variant: str = ""
    probed: bool = False  # measured at its points, and raced by nobody
    tuned: bool = False  # a trial: it chooses by validation, and nothing of the test set is measured
    uncharged: tuple[str, ...] = ()  # phases that are left out of its seconds
    repeat: int = 0  # of the same run with other draws; the initial weights stay

    @property
    def id(self) -> str:
        """A short hash of what can change numbers; labels cannot, nor can options that say the default."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        content.pop("variant", None)
        content["sampler"].pop("label")
        content["budget"].pop("name")
        return digest(content)

    def named(self, label: str, budget: str, variant: str) -> "Cell":
        """The same run under other names."""
        return self.model_copy(
            update={
                "sampler": self.sampler.model_copy(update={"label": label}),
                "budget": self.budget.model_copy(update={"name": budget}),
                "variant": variant,
            }
        )


class Point(Record):
    """One evaluation: what was spent up to here, and what the model is worth now. None: unknown."""

    progress: float
    epochs: float
    steps: int
    trained: int
    scored: int
    loaded: int
    passes: float
    train_seconds: float
    eval_seconds: float
    lr: float
    batch_loss: float | None = None
    train_loss: float | None = None
    val_loss: float | None = None
    val_error: float | None = None
    test_loss: float | None = None
    test_error: float | None = None
    active: float | None = None
    tau: float | None = None
    ess: float | None = None
    distinct: float | None = None
    coverage: float | None = None
    weight_mean: float | None = None
    weight_max: float | None = None
    coverage_epoch: float | None = None  # of the last epoch, where coverage is of all so far
    weight_ess: float | None = None  # the share of a batch that its weights leave
    grad_norm: float | None = None
    healed: int = 0
    psnr: float | None = None  # of a picture, in dB
    phases: dict[str, float] = {}


Status = Literal["running", "done", "diverged", "failed", "oom", "timeout", "interrupted"]
FINAL: tuple[Status, ...] = ("done", "diverged")


class Outcome(Record):
    """How a cell ended, and what was measured once per cell (`status.json`)."""

    status: Status
    started: str
    note: str = ""
    machine: str = ""
    pid: int = 0
    wall_seconds: float | None = None
    eval_seconds: float | None = None
    overshoot_seconds: float | None = None
    started_step: int | None = None
    started_seconds: float | None = None
    peak_memory: int | None = None
    device_memory: int | None = None
    sampler_bytes: int | None = None
    data_lives: str = ""
    phase_mode: Literal["race", "profile"] = "race"
    cpu_load: float | None = None
    foreign_load: float | None = None


class Gate(Record):
    """What counts as a regression: costs higher, or metrics worse, by more than these shares.

    `exact`: its cells run so that their numbers can be compared bit by bit, on the same processor.
    """

    slowdown: float = 0.03
    metric_drop: float = 0.02
    exact: bool = False


class RunRecord(Record):
    """A cell with its outcome and its points."""

    cell: Cell
    outcome: Outcome
    points: tuple[Point, ...]


def digest(content: Any) -> str:
    """The first 12 hex digits of the SHA-256 of canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
