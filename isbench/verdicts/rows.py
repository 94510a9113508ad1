"""Comparisons as rows of comparisons.csv and of summary.json; empty is unknown."""

from __future__ import annotations

import math
from typing import Any

from isbench.stats.intervals import Interval, gain, speedup
from isbench.verdicts.judge import Comparison

Row = dict[str, Any]

COLUMNS = (
    *("variant", "budget", "sampler", "than", "metric", "target", "n", "effect", "speedup"),
    *("ci_low", "ci_high", "bracket_low", "bracket_high", "p_value", "p_holm", "hit_rate"),
    *("verdict", "n_needed", "primary"),
    *("target_value", "value", "value_than", "hit_rate_than", "diverged", "diverged_than"),
    *("scale", "margin", "noise_floor", "p_sign_flip", "reason", "control", "seeds", "paired"),
)


def row(one: Comparison) -> Row:
    """A comparison as a row.

    effect: the share that the arm saves of the quantity, above 0 where it is better; where `scale` says
    difference, how much better in the quantity's own units. ci_low, ci_high: the interval of the speed-up
    where there is one, else of the effect. margin, noise_floor: relative, or in those units.
    """
    d, target = one.difference, one.quantity.target
    ratio, quick = one.scale == "ratio", speedup(d)
    shown = improvement(one)
    of_speed = one.quantity.cost and ratio
    found = {
        "variant": one.names.variant,
        "budget": one.names.budget,
        "sampler": one.names.sampler,
        "than": one.names.than,
        "metric": one.quantity.metric,
        "target": target.share if target else None,
        "n": one.n,
        "effect": shown.mean,
        "speedup": quick.mean if of_speed else None,
        "ci_low": quick.low if of_speed else shown.low,
        "ci_high": quick.high if of_speed else shown.high,
        "bracket_low": one.bracket[0],
        "bracket_high": one.bracket[1],
        "p_value": d.p,
        "p_holm": one.p_holm,
        "hit_rate": one.hits[0].share if one.hits else None,
        "verdict": one.verdict,
        "n_needed": one.n_needed,
        "primary": one.primary,
        "target_value": target.value if target else None,
        "value": one.values[0],
        "value_than": one.values[1],
        "hit_rate_than": one.hits[1].share if one.hits else None,
        "diverged": one.diverged[0],
        "diverged_than": one.diverged[1],
        "scale": one.scale,
        "margin": relative(one.margin) if ratio else one.margin,
        "noise_floor": relative(one.floor) if ratio else one.floor,
        "p_sign_flip": one.p_sign_flip,
        "reason": one.reason,
        "control": one.control,
        "seeds": one.names.seeds,
        "paired": one.names.paired,
    }
    return {name: known(value) for name, value in found.items()}


def csv_row(one: Comparison) -> Row:
    """A comparison as a row of comparisons.csv."""
    return spelt(row(one))


def spelt(found: Row) -> Row:
    """A row of a CSV table, where truth is spelt as in JSON."""
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in found.items()}


def improvement(one: Comparison) -> Interval:
    """What the arm saves of the quantity, as a share or in its own units; above 0 where it is better."""
    d = one.difference
    if one.scale == "ratio":
        return gain(d)
    return Interval(d.n, -d.mean, d.sd, -d.high, -d.low, d.p)


def relative(log_ratio: float) -> float:
    """A log-ratio as a relative change."""
    return math.expm1(min(log_ratio, 700.0))


def known(value: Any) -> Any:
    """A value as it may be written: None for what is no number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
