"""What a claim measures: the numbers of each seed, and in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from isbench.store.claims import Expectation, Measure


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Numbers at the seeds where nobody's is missing; `than` is None where the arm's stand alone.

    arm, than [n], infinite where a run diverged; of a trend arm [settings, n]. missed: which runs of the two
    did not reach the target. floor: the noise floor of the difference, NaN without an A/A arm. why: what is
    not there to be read; seeds: how many are planned; place: where it was measured.
    """

    arm: np.ndarray
    than: np.ndarray | None = None
    missed: tuple[np.ndarray, np.ndarray] | None = None
    floor: float = math.nan
    why: str = ""
    seeds: int = 0
    place: str = ""

    @property
    def n(self) -> int:
        """How many seeds there are."""
        return self.arm.shape[-1]


NOTHING = np.empty(0)


def subject(claim: Expectation) -> str:
    """What is measured, of whom, in which part of a run."""
    measure, probe, trend = claim.measure, claim.measure.probe, claim.trend
    names = (probe.score, probe.than) if probe else (claim.sampler, claim.than)
    who = f"of {' against '.join(filter(None, names))}"
    if trend is not None:
        who = f"over {trend.option}, from {trend.labels[0]} to {trend.labels[-1]}"
    return f"{quantity(measure)} {who}{window(measure)}"


def quantity(measure: Measure) -> str:
    """What is measured."""
    if measure.probe is not None:
        return measure.probe.quantity
    if measure.target is not None:
        return f"cost of the {100 * measure.target:.6g} % target ({measure.metric})"
    if measure.phase:
        whole = "seconds" if measure.phase == "all" else f"seconds of phase {measure.phase}"
        return f"{whole} per step" if measure.per_step else whole
    return measure.selection or measure.metric


def window(measure: Measure) -> str:
    """In which part of a run."""
    if isinstance(measure.at, tuple):
        return f" from {measure.at[0]:g} to {measure.at[1]:g} of the run"
    if measure.probe is not None and measure.probe.steps:
        return f" at steps {', '.join(map(str, measure.probe.steps))}"
    if measure.probe is not None:
        return " at the last checkpoint" if measure.at == "end" else ""
    return " on the mean of all points" if measure.at == "auc" else ""
