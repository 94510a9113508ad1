"""The noise floor of a machine, from the same cell run twice under two names (A/A)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from isbench.stats.intervals import known
from isbench.stats.p_values import flipped_sums
from isbench.stats.power import detectable


def floor(differences: ArrayLike, share: float = 0.95) -> float:
    """The mean difference that A/A pairs stay within: a quantile of |mean d| under flips of the signs.

    The names of a pair are arbitrary, so every sign pattern is as likely as the one seen. NaN without pairs,
    infinite where one of a pair diverged.
    """
    values = known(differences)
    if not values.size:
        return math.nan
    if np.isinf(values).any():
        return math.inf
    means = np.abs(flipped_sums(values)) / values.size
    return float(np.quantile(means, share, method="inverted_cdf"))


def margin(wanted: float, noise: float) -> float:
    """The larger of the margin that the user wants and the noise floor, as log-ratios; NaN is no floor."""
    return wanted if math.isnan(noise) else max(wanted, noise)


def detectable_table(sd: float, ns: Iterable[int]) -> dict[int, float]:
    """The log-ratio that is seen with power 0.8 at 5 %, for each number of seeds."""
    return {n: detectable(sd, n) for n in ns}
