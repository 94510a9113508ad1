"""Break-even: how much variance an arm must save to win on this machine, and how much of that it saves.

An arm whose step takes c times as long as the baseline's takes 1/c as many steps in the same time. Its
steps must be worth c of the baseline's, so that it wins only if it cuts the variance of a step's gradient
more than c-fold (equation 29 of paper 001, with measured seconds for counted operations).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from isbench.stats.intervals import Interval
from isbench.store.plans import BreakEven
from isbench.verdicts import unit_costs
from isbench.verdicts.curves import Folder
from isbench.verdicts.rows import known

Rule = Literal["", "tau", "probe"]
COLUMNS = (
    *("variant", "budget", "sampler", "n", "batch", "pool", "step_us", "step_us_than"),
    *("needed", "needed_low", "needed_high", "needed_free", "needed_counted", "needed_paper"),
    *("tau_squared", "delivered", "delivered_low", "delivered_high", "rule", "share"),
    *("model_error", "model_runs", "model", "unbiased", "primary"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a step of an arm costs over one of the baseline, and what it delivers for it.

    step_us: of a step of the arm while it selects, and of the baseline, in microseconds. needed: the factor
    that it must cut the variance by; free: were its scores for nothing; counted: by counting operations.
    delivered: the factor that it cuts it by, by `rule`: `tau`, from its own scores, tau^2 in the share of
    variance that a pool leaves open; `probe`, from exact gradient norms; None where neither is known.
    errors: how far the model of unit costs is off each run that it could be checked on. primary: whether
    this is the race that the benchmark asks of.
    """

    variant: str
    budget: str
    sampler: str
    batch: int
    pool: int | None
    step_us: tuple[float, float]
    needed: Interval
    free: Interval
    counted: BreakEven | None
    tau_squared: float | None
    delivered: Interval | None
    rule: Rule
    errors: tuple[float, ...]
    unbiased: bool
    primary: bool
    sentence: str = ""

    @property
    def n(self) -> int:
        """How many pairs the cost was measured on."""
        return self.needed.n

    @property
    def share(self) -> float | None:
        """What it delivers of what it needs; it can win above 1."""
        return None if self.delivered is None or not self.n else self.delivered.mean / self.needed.mean

    @property
    def model(self) -> str:
        """Whether unit costs add up to the runs: valid, invalid and by how much, or unchecked."""
        off = unit_costs.worst(self.errors)
        if off is None:
            return "unchecked: there is no other run to predict one from"
        if abs(off) <= unit_costs.NEAR:
            return "valid"
        return f"invalid: the model is off by {100 * abs(off):.0f} %"

    def row(self) -> dict[str, Any]:
        """As a row of break_even.csv and of summary.json."""
        got, counted = self.delivered, self.counted
        found = {
            "variant": self.variant,
            "budget": self.budget,
            "sampler": self.sampler,
            "n": self.n,
            "batch": self.batch,
            "pool": self.pool,
            "step_us": self.step_us[0],
            "step_us_than": self.step_us[1],
            "needed": self.needed.mean,
            "needed_low": self.needed.low,
            "needed_high": self.needed.high,
            "needed_free": self.free.mean,
            "needed_counted": counted.measured if counted else None,
            "needed_paper": counted.paper if counted else None,
            "tau_squared": self.tau_squared,
            "delivered": got.mean if got else None,
            "delivered_low": got.low if got else None,
            "delivered_high": got.high if got else None,
            "rule": self.rule,
            "share": self.share,
            "model_error": unit_costs.worst(self.errors),
            "model_runs": len(self.errors),
            "model": self.model,
            "unbiased": self.unbiased,
            "primary": self.primary,
        }
        return {name: known(value) for name, value in found.items()}


def break_evens(folder: Folder) -> list[Measured]:
    """A row for every arm that selects, in every race where it and the baseline have been timed.

    Control arms and those that draw uniformly have nothing to deliver; they are left out.
    """
    return []
