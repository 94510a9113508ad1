"""The test of a claim on the numbers that were read: an interval, an answer, and how sure it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from isbench.stats import verdicts
from isbench.stats.intervals import Interval, gain, paired, ratio, speedup
from isbench.stats.p_values import sign_flip
from isbench.stats.verdicts import HALF, Answer, kendall_tau
from isbench.store.claims import Expectation
from isbench.verdicts.judge import ALPHA, apart
from isbench.verdicts.measures import Reading

LEAST_SOONER = 0.03  # the speed-up that matters
MARGINS = ("better_by", "worse_by", "within", "no_worse_than", "sooner_than", "trend")  # never below noise
REACHING = ("speedup", "sooner_than")
SMALLEST = 1e-15  # p-value that is told apart from 0


@dataclass(frozen=True, slots=True)
class Tested:
    """The test of a claim on what was read, which is something."""

    claim: Expectation
    reading: Reading

    @property
    def ratios(self) -> bool:
        """Whether numbers are compared by their ratio."""
        two = self.reading.than is not None or self.claim.trend is not None
        return two and self.claim.measure.kind.scale == "ratio"

    @property
    def amount(self) -> float:
        """What is tested against; a margin is never below the noise floor, and 1 + the floor is that of S."""
        given = LEAST_SOONER if self.claim.test == "sooner_than" else self.claim.amount
        noise = self.reading.floor
        if self.claim.test not in MARGINS or math.isnan(noise):
            return given
        return max(given, math.expm1(min(noise, 700.0)) if self.ratios else noise)

    @property
    def values(self) -> np.ndarray:
        """What the interval is of, a number for each seed: d, a number itself, or tau-b."""
        arm, than, trend = self.reading.arm, self.reading.than, self.claim.trend
        if trend is not None:
            return np.array([kendall_tau(trend.values, column) for column in arm.T])
        if than is None:
            return arm
        by_ratio = self.ratios and self.claim.test != "exact"
        return apart(arm, than, "ratio" if by_ratio else "difference")

    @property
    def change(self) -> float:
        """Of a trend, how much the last setting is above the first: relative, or in its own units."""
        if self.claim.trend is None or not self.reading.n:
            return math.nan
        mean = paired(apart(self.reading.arm[-1], self.reading.arm[0], self.claim.measure.kind.scale)).mean
        return math.expm1(min(mean, 700.0)) if self.ratios else mean

    @property
    def why_open(self) -> str:
        """Why the test leaves a claim open."""
        arm, than = self.reading.arm, self.reading.than
        if self.reading.n < 2:
            return "one seed"
        if self.claim.test in REACHING and max(self._hits()) < HALF:
            return "misses"
        if np.isinf(arm).any() or (than is not None and np.isinf(than).any()):
            return "diverged"
        return "zero" if np.isinf(self.values).any() else "spread"

    def interval(self, level: float) -> Interval:
        """What the test is about; where surely most runs of one of two diverged, the worst there is."""
        d = self._of_values(level)
        test, trend, than = self.claim.test, self.claim.trend, self.reading.than
        if trend is not None or than is None:
            return d
        if test in REACHING:
            return speedup(d)
        if test in ("at_most", "above", "below"):
            return ratio(d) if self.ratios else d
        if self.ratios:
            return gain(_turned(d) if test == "worse_by" else d)
        higher = self.claim.measure.kind.better > 0
        return d if higher != (test == "worse_by") else _turned(d)

    def _of_values(self, level: float) -> Interval:
        values = self.values
        found, signs = paired(values, level), np.sign(values[np.isinf(values)])
        if self.claim.trend is not None and found.sd == 0 and found.mean:  # so few orders that all are alike
            p = verdicts.chance_of_taus(found.mean, len(self.reading.arm), found.n)
            return replace(found, p=p) if p <= 1 - level else replace(found, low=-1.0, high=1.0, p=p)
        if not signs.size:
            return found
        end, p = math.copysign(math.inf, signs.sum()), sign_flip(signs)
        if abs(signs.sum()) > HALF * found.n and p <= 1 - level:
            return Interval(found.n, end, math.nan, end, end, p)
        return replace(found, low=-math.inf, high=math.inf, p=p)

    def answer(self, level: float) -> Answer:
        """What the test says of the interval of a level."""
        found, test, amount = self.interval(level), self.claim.test, self.amount
        if test == "better_by" or test == "worse_by":
            return verdicts.better(found, amount)
        if test == "within":
            return verdicts.same(found, amount)
        if test == "no_worse_than":
            return verdicts.no_worse(found, amount)
        if test == "at_most":
            return verdicts.size(found, amount)
        if test == "trend" and self.claim.trend is not None:
            return verdicts.trend(found, self.claim.trend.sign, self.change, amount)
        if test == "above" or test == "below":
            return verdicts.above(found, amount) if test == "above" else verdicts.below(found, amount)
        hits, other = self._hits() if self.reading.n > 1 else (1.0, 1.0)
        least = amount if test == "sooner_than" else 0.0
        shown = found if test == "sooner_than" else _over(found, amount)
        return verdicts.sooner(shown, least, hits=hits, hits_of_other=other)

    def _hits(self) -> tuple[float, float]:
        """The shares of the runs that reached the target."""
        ours, theirs = self.reading.missed or (np.zeros(1), np.zeros(1))
        return 1 - float(ours.mean()), 1 - float(theirs.mean())

    def p_value(self, answer: Answer) -> float:
        """The smallest error at which the answer stays what it is; 1 where there is none."""
        if answer == "inconclusive":
            return 1.0
        hits, other = self._hits()
        if self.claim.test in REACHING and hits < HALF <= other:
            return math.nan  # what the misses decide, no interval does
        low, high = math.log(SMALLEST), math.log(ALPHA)
        if self.answer(1 - SMALLEST) == answer:
            return 0.0
        while high - low > 0.01:
            middle = (low + high) / 2
            if self.answer(1 - math.exp(middle)) == answer:
                high = middle
            else:
                low = middle
        return math.exp(high)


def _turned(d: Interval) -> Interval:
    return Interval(d.n, -d.mean, d.sd, -d.high, -d.low, d.p)


def _over(of: Interval, amount: float) -> Interval:
    return replace(of, mean=of.mean / amount, low=of.low / amount, high=of.high / amount)
