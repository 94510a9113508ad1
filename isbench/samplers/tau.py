"""tau: how many times larger a uniform batch would have to be, as paper 001 reckons it (equation 26).

1 for equal scores, the root of k where one of k scores has everything. What the paper derives is a ratio of
second moments, of which tau is the root; a mean's variance falls as one over the batch, so the batch that
would do as well is tau squared times larger, and "tau above (B+3b)/(3b)" is the cautious side of break-even.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from isbench.samplers.draw import wide
from isbench.samplers.scores import Score
from isbench.train.forward import Batch, Forward, concentration

if TYPE_CHECKING:
    from isbench.train.problem import Problem

INERTIA = 0.9  # of the authors' library; the paper names the parameter and no value


def tau_of(scores: Tensor) -> Tensor:
    """sqrt(k sum p^2) of p = scores [k] / sum, 0-d."""
    return (len(scores) * concentration(scores)).sqrt()


def break_even(pool: int, batch: int, rho: float = 2.0, cost: float = 1.0) -> float:
    """What a step with a pool costs over one without: (B + 3b) / (3b) where backward is twice forward.

    rho: backward over forward; cost: forwards per score. Paper 001's threshold of tau (equation 29).
    """
    return 1 + cost * pool / ((1 + rho) * batch)


class Smoothed:
    """The moving average of the steps' tau, from 0, which the host reads without a wait for the device."""

    def __init__(self, problem: Problem, score: Score, inertia: float = INERTIA) -> None:
        self.score, self.inertia = score, inertia
        self.value, self.gauge = (
            torch.zeros((), device=problem.device, dtype=wide(problem.device)),
            problem.gauge(),
        )

    def update(self, problem: Problem, batch: Batch, seen: Forward) -> None:
        """Learn from a step."""
        now = tau_of(problem.judge(self.score, batch, seen))
        self.value = torch.lerp(now, self.value, self.inertia)
        self.gauge.push(self.value)

    def read(self) -> float:
        """The average, as late as the device needs; 0 before the first step."""
        return self.gauge.read() or 0.0
