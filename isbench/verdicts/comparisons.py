"""Every arm against the baseline, in every race and by everything that was measured.

One comparison of each arm answers the question of the benchmark and is primary; the others are exploratory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from isbench.stats.p_values import holm, holm_levels
from isbench.verdicts.curves import Folder, Race
from isbench.verdicts.judge import ALPHA, Comparison, Names, Pair, compare, needed
from isbench.verdicts.quantities import Quantity, is_primary, primary, quantities


def comparisons(folder: Folder) -> list[Comparison]:
    """Every comparison of a results folder, the primary ones of a race adjusted for how many they are."""
    return [row for race in folder.races for row in in_family(of_race(folder, race))]


def of_race(folder: Folder, race: Race) -> list[Comparison]:
    """Every arm of a race against the baseline by every quantity, each by itself."""
    than, asked = folder.question.baseline, primary(race, folder.question)
    if than not in race.curves:
        return []
    rows: list[Comparison] = []
    for quantity in quantities(race, folder.question, folder.plan.targets):
        noise = repeated(folder, race, quantity)
        for label in (label for label in race.curves if label != than):
            names = Names(race.variant, race.budget.name, label, than, len(race.seeds))
            row = compare(names, quantity, sides(race, quantity, label, than), noise, folder.plan.gate)
            control, _ = folder.role(label)
            asked_for = is_primary(asked, quantity) and not control
            rows.append(replace(row, control=control, primary=asked_for))
    return rows


def sides(race: Race, quantity: Quantity, label: str, than: str) -> Pair:
    """What two arms have measured at the same seeds; times of two machines are no pair."""
    here = together(race, quantity, label, than)
    return quantity.side(race, label).at(here), quantity.side(race, than).at(here)


def together(race: Race, quantity: Quantity, label: str, than: str) -> np.ndarray:
    """The seeds of a race [n] at which two arms are a pair."""
    both = quantity.side(race, label).known & quantity.side(race, than).known
    return both & race.on_one_machine((label, than)) if quantity.timed(race) else both


def repeated(folder: Folder, race: Race, quantity: Quantity) -> Pair | None:
    """The arm that repeats another one with other draws, and that one; None where there is none."""
    found = folder.repetition(race)
    return None if found is None else sides(race, quantity, *found)


def in_family(rows: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons of a race; a primary difference stands only if it does among all of them (Holm)."""
    family = [row for row in rows if row.primary]
    p_values = [row.p_diverged if row.reason == "diverged" else row.difference.p for row in family]
    tests = sum(not math.isnan(p) for p in p_values)
    levels = zip(holm(p_values).tolist(), holm_levels(p_values).tolist(), strict=True)
    settled = {
        row.names.sampler: _among(replace(row, p_holm=p, family=tests), level)
        for row, (p, level) in zip(family, levels, strict=True)
    }
    return [settled[row.names.sampler] if row.primary else row for row in rows]


def _among(row: Comparison, level: float) -> Comparison:
    """A primary comparison among the others; `level`: of the interval that Holm's procedure amounts to."""
    by_misses = row.reason == "misses" and row.p_misses * row.family > ALPHA
    by_rank = row.reason == "diverged" and row.p_holm > ALPHA
    by_interval = not row.reason and row.p_holm > ALPHA
    if row.differs and (by_misses or by_rank or by_interval):
        row = replace(row, verdict="inconclusive", reason=row.reason or "family")
    return replace(row, n_needed=needed(row, level))
