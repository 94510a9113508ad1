"""Two arms by one quantity: the difference, its interval, and what it says."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from isbench.stats.intervals import Interval, log_ratios, paired, welch
from isbench.stats.noise import floor, margin
from isbench.stats.p_values import fisher, sign_flip
from isbench.stats.power import seeds_needed
from isbench.stats.targets import HitRate, hit_rate, median_time
from isbench.stats.verdicts import HALF, Verdict, verdict
from isbench.store.records import Gate
from isbench.verdicts.quantities import Quantity, Side

NAN = math.nan
USUAL = Gate()
ALPHA = 0.05
Pair = tuple[Side, Side]  # an arm and what it is compared with, at the same seeds if they are paired
Scale = Literal["ratio", "difference"]
Reason = Literal[
    "", "no target", "no pairs", "one seed", "diverged", "at the start", "noise", "misses", "spread", "family"
]


@dataclass(frozen=True, slots=True)
class Names:
    """Who is compared with whom, and where; `seeds` are planned; `paired`: seed by seed."""

    variant: str
    budget: str
    sampler: str
    than: str
    seeds: int
    paired: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison and its verdict.

    difference: of costs, arm less the other one, as log-ratios or, by `scale`, in the quantity's own units,
    as are `wanted`, the least that matters, `floor`, the noise floor (NaN: there is no A/A arm), and
    `margin`, the larger one. values: of the two, the mean at the end (of ratios: the geometric one) or the
    median time to the target (NaN: most runs missed it).
    bracket: the speed-up if every crossing lay at the worst and at the best end of its interval. runs,
    diverged: how many of the two. reason: why the verdict is inconclusive, or what else than an interval it
    rests on.
    """

    names: Names
    quantity: Quantity
    scale: Scale
    difference: Interval
    wanted: float
    margin: float
    floor: float
    values: tuple[float, float]
    bracket: tuple[float, float]
    hits: tuple[HitRate, HitRate] | None
    runs: tuple[int, int]
    diverged: tuple[int, int]
    p_sign_flip: float
    p_misses: float  # of a sign test on who reached the target where the other one did not
    p_diverged: float  # of one on who diverged where the other one did not; without pairs, of the two shares
    verdict: Verdict = "inconclusive"
    reason: Reason = ""
    n_needed: int | None = None
    control: str = ""
    primary: bool = False
    p_holm: float = NAN
    family: int = 0

    @property
    def n(self) -> int:
        """How many pairs there are."""
        return self.difference.n

    @property
    def differs(self) -> bool:
        """Whether the verdict is that the two differ."""
        return self.verdict in (self.quantity.words.win, self.quantity.words.loss)


def compare(
    names: Names, quantity: Quantity, pair: Pair, noise: Pair | None = None, gate: Gate = USUAL
) -> Comparison:
    """The comparison of two arms, and what it says by itself; `noise`: an arm and its repetition.

    `gate`: by how much they must differ to matter.
    """
    arm, than = pair
    scale = scale_of(quantity, pair)
    d = differences(pair, scale) if names.paired else np.array([])
    missed = (pair[0].missed.astype(float) - pair[1].missed) if names.paired else d
    noise_floor = NAN if noise is None else floor(differences(noise, scale))
    least = wanted(quantity.wanted(gate), than, scale)
    row = Comparison(
        names=names,
        quantity=quantity,
        scale=scale,
        difference=interval(pair, scale, d if names.paired else None),
        wanted=least,
        margin=margin(least, noise_floor),
        floor=noise_floor,
        values=(typical(arm, quantity, scale), typical(than, quantity, scale)),
        bracket=bracket(pair) if quantity.target and names.paired else (NAN, NAN),
        hits=(hit_rate(arm.missed.tolist()), hit_rate(than.missed.tolist())) if quantity.target else None,
        runs=(arm.cost.size, than.cost.size),
        diverged=(diverged(arm), diverged(than)),
        p_sign_flip=sign_flip(d),
        p_misses=sign_flip(missed),
        p_diverged=p_diverged(pair, names.paired),
    )
    said, reason = judged(row)
    row = replace(row, verdict=said, reason=reason)
    return replace(row, n_needed=needed(row, 1 - ALPHA))


def judged(row: Comparison) -> tuple[Verdict, Reason]:
    """What a comparison says, and why it says no more."""
    words, d = row.quantity.words, row.difference
    for reason, holds in unanswered(row).items():
        if holds:
            return "inconclusive", reason
    if any(row.diverged):
        lost = [count > n * HALF for count, n in zip(row.diverged, row.runs, strict=True)]
        sure = lost[0] != lost[1] and row.p_diverged <= ALPHA
        said = words.loss if lost[0] else words.win
        return (said if sure else "inconclusive"), "diverged"
    if row.n < 2:
        return "inconclusive", "one seed"
    shares = (row.hits[0].share, row.hits[1].share) if row.hits else (1.0, 1.0)
    said = verdict(d, row.margin, words, hits=shares)
    if row.margin > row.wanted and abs(d.mean) <= row.margin and not within(d, row.wanted):
        return "inconclusive", "noise"
    if said == "inconclusive" and shares[0] < HALF <= shares[1]:
        return (words.loss if row.p_misses <= ALPHA else said), "misses"
    reason = "" if said != "inconclusive" else "misses" if min(shares) < HALF else "spread"
    return said, reason


def unanswered(row: Comparison) -> dict[Reason, bool]:
    """What keeps a question from being answered at all."""
    target = row.quantity.target
    return {
        "no target": target is not None and target.value is None,
        "no pairs": row.n == 0,
        "noise": math.isinf(row.margin),
        "at the start": math.isnan(row.difference.mean) and not any(row.diverged),
    }


def within(d: Interval, least: float) -> bool:
    """Whether no difference that matters is possible: noise widens the margin, and makes nothing equal."""
    return d.low >= -least and d.high <= least


def needed(row: Comparison, level: float) -> int | None:
    """How many seeds would settle what the spread leaves open, were the difference as it looks."""
    if row.reason not in ("spread", "family") or math.isnan(level):
        return None
    return seeds_needed(row.difference.sd, row.difference.mean, row.margin, level=level)


def scale_of(quantity: Quantity, pair: Pair) -> Scale:
    """Ratios, unless a value is 0 or the metric is a logarithm as it is."""
    finite = np.concatenate([side.cost[np.isfinite(side.cost)] for side in pair])
    if quantity.target is not None:
        return "ratio"
    return "difference" if quantity.sign < 0 or (finite <= 0).any() else "ratio"


def wanted(share: float, than: Side, scale: Scale) -> float:
    """The margin on the scale of the comparison: of 2 %, a ratio of 1.02 either way, or 2 % of the mean."""
    if scale == "ratio":
        return math.log1p(share)
    return share * abs(finite_mean(than.cost))


def differences(pair: Pair, scale: Scale) -> np.ndarray:
    """Arm less the other one, seed by seed; two runs that diverged are alike."""
    return apart(pair[0].cost, pair[1].cost, scale)


def apart(arm: np.ndarray, than: np.ndarray, scale: Scale) -> np.ndarray:
    """How far numbers [n] are above others, those that are infinite at once not at all."""
    if scale == "ratio":
        return log_ratios(arm, than)
    with np.errstate(invalid="ignore"):
        return np.where(arm == than, 0.0, arm - than)


def interval(pair: Pair, scale: Scale, d: np.ndarray | None) -> Interval:
    """The interval of the difference, of pairs where there are; without one where a run diverged."""
    arm, than = pair[0].cost, pair[1].cost
    if d is not None:
        found = paired(d)
    else:
        with np.errstate(divide="ignore"):
            found = welch(np.log(arm), np.log(than)) if scale == "ratio" else welch(arm, than)
    bounded = np.isfinite(arm).all() and np.isfinite(than).all() and math.isfinite(found.mean)
    return found if bounded else Interval(found.n, *(NAN,) * 5)


def typical(side: Side, quantity: Quantity, scale: Scale) -> float:
    """The mean at the end of the runs that did not diverge, or the median time to the target.

    The geometric mean, where ratios are compared: that of the ratios is the ratio of the two.
    """
    if quantity.target is None:
        of_ratios = math.exp(finite_mean(np.log(side.cost))) if scale == "ratio" else finite_mean(side.cost)
        return quantity.sign * of_ratios
    median = median_time(side.cost, side.missed.tolist())
    return NAN if median is None else median


def bracket(pair: Pair) -> tuple[float, float]:
    """The speed-up with every crossing where it is worst for the arm, and where it is best."""
    arm, than = pair
    worst, best = (paired(log_ratios(*ends)).mean for ends in ((arm.high, than.low), (arm.low, than.high)))
    with np.errstate(over="ignore"):
        return float(np.exp(-worst)), float(np.exp(-best))


def diverged(side: Side) -> int:
    """How many runs left the numbers."""
    return int(np.isinf(side.cost).sum())


def p_diverged(pair: Pair, paired: bool) -> float:
    """How likely it is that as many runs diverge in one of two arms alone where the two are alike."""
    arm, than = (np.isinf(side.cost) for side in pair)
    if paired:
        return sign_flip(arm.astype(float) - than)
    return fisher(int(arm.sum()), arm.size, int(than.sum()), than.size)


def finite_mean(values: np.ndarray) -> float:
    """The mean of what is finite; NaN of nothing."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else NAN
