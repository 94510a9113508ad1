"""What a recipe expects to hold: of whom, what is measured, and the test that decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from isbench.store.records import Record

Test = Literal[
    "better_by",
    "worse_by",
    "within",
    "no_worse_than",
    "speedup",
    "sooner_than",
    "at_most",
    "above",
    "below",
    "trend",
    "exact",
]
Join = Literal["all", "any", "not"]
TESTS: tuple[str, ...] = get_args(Test)
JOINS: tuple[str, ...] = get_args(Join)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a quantity is compared: as ratios or as differences; `better`: -1 lower, 1 higher, 0 neither."""

    scale: Literal["ratio", "difference"]
    better: Literal[-1, 0, 1] = 0


COST = Kind("ratio", -1)
SHARE = Kind("difference")
CORRELATION = Kind("difference", 1)

METRICS: dict[str, Kind] = {
    **dict.fromkeys(("val_error", "val_loss", "test_error", "test_loss", "train_loss"), COST),
    **dict.fromkeys(("batch_loss", "train_seconds"), COST),
    "psnr": Kind("difference", 1),
}
SELECTION: dict[str, Kind] = {  # what points say of the batches that were trained on
    **dict.fromkeys(("coverage", "coverage_epoch", "active", "ess", "distinct", "weight_ess"), SHARE),
    **dict.fromkeys(("tau", "weight_mean", "weight_max", "grad_norm"), Kind("ratio")),
}
ONCE: dict[str, Kind] = {  # what is known once for each run
    "peak_memory": COST,
    "sampler_bytes": Kind("difference", -1),
    "bytes_per_sample": Kind("difference", -1),
    "started": Kind("difference"),  # the share of the steps before selection started
}
PROBE: dict[str, Kind] = {
    **dict.fromkeys(("variance_ratio", "distance_ratio", "squared_error", "bias"), COST),
    **dict.fromkeys(("unweighted_bias", "spread"), COST),
    **dict.fromkeys(("pearson", "spearman", "spearman_low", "spearman_high"), CORRELATION),
    **dict.fromkeys(("spearman_loss", "spearman_young", "spearman_old"), CORRELATION),
    **dict.fromkeys(("ess", "distinct", "handled", "age"), SHARE),
    "tau": Kind("ratio", 1),
    "lost_support": Kind("difference", -1),
}


class Probe(Record):
    """A quantity of a probe: of one score, or of it and of the one that it is compared with."""

    score: str
    quantity: str
    than: str = ""
    steps: tuple[int, ...] = ()  # the checkpoints that count; none: all


class Measure(Record):
    """What is measured: a metric, the cost to a target, a phase's seconds, a probe, how samples are selected.

    `at`: the end, the mean of all points, or that of the points in a part of the run. An empty metric is the
    primary one; `phase` all is the whole step.
    """

    metric: str = ""
    target: float | None = None
    phase: str = ""
    per_step: bool = True
    selection: str = ""
    probe: Probe | None = None
    at: Literal["end", "auc"] | tuple[float, float] = "end"

    @property
    def kind(self) -> Kind:
        """How it is compared."""
        if self.probe is not None:
            return PROBE[self.probe.quantity]
        return {**METRICS, **SELECTION, **ONCE}.get(self.selection or self.metric, COST)


class Trend(Record):
    """Arms that differ in one option alone, from its lowest value to its highest, and where it should go."""

    option: str
    sign: Literal["+", "-"]
    labels: tuple[str, ...]
    values: tuple[float, ...]


class Expectation(Record):
    """A claim, or a part of one; `parts` are joined by a `test` that is all, any or not.

    `amount`: what the test compares with: a margin, a ratio, a constant, a tolerance, or the change that a
    trend must amount to. An empty `than`: the number itself is tested. An empty budget: the primary one.
    """

    claim: str = ""
    says: str = ""
    scale: Literal["", "proxy", "paper"] = ""
    test: Test | Join
    amount: float = 0.0
    sampler: str = ""
    than: str = ""
    variant: str = ""
    budget: str = ""
    measure: Measure = Measure()
    trend: Trend | None = None
    parts: tuple[Expectation, ...] = ()
