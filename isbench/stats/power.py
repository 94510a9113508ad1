"""How large a difference n seeds can see, and how many seeds a difference needs.

Exact for normal differences, by the noncentral t distribution: detectable() and seeds_needed() undo each
other.
"""

from __future__ import annotations

import math
from bisect import bisect_left

from isbench.stats.intervals import INFINITY, quantile

MOST_SEEDS = 10_000
SURE = 1e6  # standard errors; the distribution function fails beyond 1e9


def power_of(effect: float, sd: float, n: int, level: float = 0.95) -> float:
    """Chance that the t interval of n differences excludes 0, on the side of the true effect.

    P(T > t_{n-1, (1 + level)/2}), T noncentral t with n - 1 degrees of freedom and noncentrality
    |effect| sqrt(n) / sd.
    """
    if n < 2:
        return 0.0
    if sd == 0:
        return float(effect != 0)
    from scipy import special

    distance, least = min(abs(effect) * math.sqrt(n) / sd, SURE), quantile(n, level)
    missed = float(special.nctdtr(n - 1, distance, least))
    if math.isnan(missed):  # far out scipy fails here and there; T is then distance / sqrt(chi^2 / (n - 1))
        return float(special.chdtr(n - 1, (n - 1) * (distance / least) ** 2))
    return 1 - missed


def detectable(sd: float, n: int, power: float = 0.8, level: float = 0.95) -> float:
    """Smallest mean difference that n pairs with this sd tell from 0; infinite below two pairs.

    Of log-ratios it is a log-ratio: the slowdown is exp(it) - 1.
    """
    if n < 2:
        return INFINITY
    from scipy import special

    return float(special.nctdtrinc(n - 1, 1 - power, quantile(n, level))) * sd / math.sqrt(n)


def seeds_needed(
    sd: float, effect: float, margin: float, power: float = 0.8, level: float = 0.95
) -> int | None:
    """Smallest n >= 2 whose interval settles a true effect against a margin; None past 10,000.

    An effect beyond the margin is settled by an interval wholly beyond it, one within by an interval wholly
    within (two one-sided tests, Schuirmann 1987; the chances to miss either end are added, so n is a little
    too large). None where the effect is the margin, and where something is not known.
    """
    size = abs(effect)
    if size == margin or not all(map(math.isfinite, (sd, size, margin))):
        return None
    ends = (size - margin,) if size > margin else (margin - size, margin + size)

    def settled(n: int) -> bool:
        return sum(1 - power_of(end, sd, n, level) for end in ends) <= 1 - power

    return bisect_left(range(MOST_SEEDS), True, lo=2, key=settled) if settled(MOST_SEEDS) else None
