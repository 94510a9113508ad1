"""Simulated runs that show what the statistics promise. `python -m tests.long stats` runs them at full size.

Each simulation yields figures: what, measured rate, the range it must lie in. Printed rates come from
the tables of the methods' description; a range is that rate, its rounding and four standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from isbench.stats import intervals, noise, p_values, power, profiles, verdicts

SEEDS = 8
MARGIN = math.log(1.05)
DETECTABLE_N = (3, 5, 6, 8, 10, 20)
DETECTABLE = {  # slowdown seen with power 0.8, by sd of the log-ratio and number of seeds, as printed
    0.02: (0.067, 0.034, 0.029, 0.023, 0.020, 0.013),
    0.05: (0.18, 0.088, 0.075, 0.060, 0.051, 0.034),
    0.10: (0.38, 0.18, 0.15, 0.12, 0.10, 0.068),
    0.20: (0.92, 0.40, 0.33, 0.26, 0.22, 0.14),
}
COVERAGE = {3: (0.952, 0.89), 5: (0.948, 0.88), 8: (0.946, 0.90), 20: (0.949, 0.92)}  # normal, exponential
CALLED = (  # slowdown, verdict, rate at sd 2, 5 and 10 %
    (0.00, "slower", (0.0, 0.0, 0.001)),
    (0.00, "equivalent", (1.0, 0.38, 0.01)),
    (0.05, "slower", (0.024, 0.024, 0.026)),
    (0.10, "slower", (1.0, 0.61, 0.21)),
    (0.20, "slower", (1.0, 1.0, 0.90)),
)


@dataclass(frozen=True)
class Figure:
    """A measured rate and where it must lie."""

    what: str
    measured: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        return self.low <= self.measured <= self.high

    def __str__(self) -> str:
        sign = "ok" if self.holds else "NO"
        return f"{sign}  {self.measured:.4f} in [{self.low:.4f}, {self.high:.4f}]  {self.what}"


def near(what: str, measured: float, printed: float, runs: int, rounding: float = 0.01) -> Figure:
    """A rate that must be the printed one but for rounding and chance."""
    slack = rounding + 4 * math.sqrt(max(printed * (1 - printed), 0.001) / runs)
    return Figure(what, measured, printed - slack, printed + slack)


def rate(hit: Callable[[np.ndarray], bool], table: np.ndarray) -> float:
    """Share of the rows that something is true of."""
    return sum(map(hit, table)) / len(table)


def coverage(runs: int) -> Iterator[Figure]:
    """How often the t interval covers the mean of normal and of exponential differences."""
    for n, printed in COVERAGE.items():
        rng = p_values.named(f"coverage of {n}")
        samples = (rng.normal(size=(runs, n)), rng.exponential(size=(runs, n)) - 1)
        for kind, table, expected in zip(("normal", "exponential"), samples, printed, strict=True):
            covered = rate(lambda d: (i := intervals.paired(d)).low <= 0 <= i.high, table)
            yield near(f"t interval covers, {kind}, n = {n}", covered, expected, runs)
            if kind == "normal":
                yield Figure(f"t interval covers at least 0.93, n = {n}", covered, 0.93, 1.0)


def percentile_coverage(runs: int) -> Iterator[Figure]:
    """How often the bootstrap of runs in one workload covers; why it is used for no verdict."""
    resampling = p_values.named("resampling")
    for n, printed in ((3, 0.73), (5, 0.83), (8, 0.88)):
        table = p_values.named(f"bootstrap of {n}").normal(size=(runs, n))

        def covers(scores: np.ndarray) -> bool:
            low, high = profiles.stratified_bootstrap(
                [scores], lambda drawn: float(drawn[0].mean()), resampling, resamples=150
            )
            return low <= 0 <= high

        yield near(f"percentile bootstrap covers, n = {n}", rate(covers, table), printed, runs, 0.02)


def false_alarms(runs: int) -> Iterator[Figure]:
    """A/A: how often the paired rule calls one of two equal arms slower, by run-to-run noise and margin."""
    for cov in (0.026, 0.10, 0.16):
        pairs = p_values.named(f"A/A at {cov}").normal(0, cov, size=(2, runs, SEEDS))
        for margin, most in ((0.10, 0.005), (0.05, 0.01), (0.0, None)):
            alarms = rate(lambda d, m=margin: called(d, math.log1p(m)) == "slower", pairs[0] - pairs[1])
            what = f"A/A called slower, run-to-run noise {cov:.1%}, margin {margin:.0%}, n = {SEEDS}"
            yield near(what, alarms, 0.025, runs, 0.003) if most is None else Figure(what, alarms, 0, most)


def power_at_detectable(runs: int) -> Iterator[Figure]:
    """How often the effect that is printed as detectable is detected."""
    for sd in DETECTABLE:
        for n in DETECTABLE_N:
            effect = power.detectable(sd, n)
            table = p_values.named(f"power at {sd} {n}").normal(effect, sd, size=(runs, n))
            seen = rate(lambda d: intervals.paired(d).low > 0, table)
            yield Figure(f"power at {math.expm1(effect):.1%}, sd {sd:.0%}, n = {n}", seen, 0.75, 0.85)


def operating_characteristics(runs: int) -> Iterator[Figure]:
    """What a true slowdown is called at a margin of 5 % with eight seeds."""
    for slowdown, word, printed in CALLED:
        for sd, expected in zip((0.02, 0.05, 0.10), printed, strict=True):
            rng = p_values.named(f"called at {slowdown} {sd}")
            table = rng.normal(math.log1p(slowdown), sd, size=(runs, SEEDS))
            share = rate(lambda d, word=word: called(d, MARGIN) == word, table)
            yield near(f"{slowdown:.0%} slower called {word}, sd {sd:.0%}", share, expected, runs)


def settled(runs: int) -> Iterator[Figure]:
    """How often the number of seeds that is said to settle a comparison does."""
    for sd, slowdown in ((0.05, 0.10), (0.10, 0.20), (0.05, 0.0), (0.05, 0.02), (0.02, 0.0)):
        effect = math.log1p(slowdown)
        n = power.seeds_needed(sd, effect, MARGIN)
        assert n is not None
        word = "slower" if effect > MARGIN else "equivalent"
        table = p_values.named(f"settled at {sd} {slowdown}").normal(effect, sd, size=(runs, n))
        share = rate(lambda d, word=word: called(d, MARGIN) == word, table)
        most = 0.95 if word == "slower" else 1.0
        yield Figure(f"{slowdown:.0%} slower called {word}, sd {sd:.0%}, n = {n}", share, 0.75, most)


def sign_flips(runs: int) -> Iterator[Figure]:
    """How often the permutation test rejects at 5 % what is true."""
    for n in (5, 8, 10):
        table = p_values.named(f"flips of {n}").standard_t(3, size=(runs, n))
        share = rate(lambda d: p_values.sign_flip(d) <= 0.05, table)
        most = 0.05 + 4 * math.sqrt(0.05 * 0.95 / runs)
        yield Figure(f"sign flips reject at 5 %, heavy tails, n = {n}", share, 0.0, most)


def floors(runs: int) -> Iterator[Figure]:
    """How often a fresh A/A mean stays within the floor that other pairs gave."""
    for n in (5, SEEDS, 12):
        pairs = p_values.named(f"floor of {n}").normal(size=(runs, 2, n))
        within = rate(lambda two: abs(two[1].mean()) <= noise.floor(two[0]), pairs)
        yield Figure(f"a fresh A/A mean stays within the floor, n = {n}", within, 0.85, 0.97)


def called(differences: np.ndarray, margin: float) -> verdicts.Verdict:
    """The verdict on times."""
    return verdicts.verdict(intervals.paired(differences), margin, verdicts.TIME)


# each with the runs of the suite and of `python -m tests.long stats`
SIMULATIONS: dict[Callable[[int], Iterator[Figure]], tuple[int, int]] = {
    coverage: (500, 20_000),
    percentile_coverage: (100, 2000),
    false_alarms: (400, 20_000),
    power_at_detectable: (500, 20_000),
    operating_characteristics: (300, 20_000),
    settled: (500, 20_000),
    sign_flips: (500, 20_000),
    floors: (200, 20_000),
}
