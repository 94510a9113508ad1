"""What probes say of scores, as claims read it: a number of a run over its checkpoints."""

from __future__ import annotations

import math

import numpy as np

from isbench.store.claims import Expectation, Measure
from isbench.store.export import runs
from isbench.store.probes import Probed, probed
from isbench.store.records import FINAL
from isbench.verdicts.curves import Folder
from isbench.verdicts.measures import NOTHING, Reading, quantity, window

CLOSE = 1e-9


def of_scores(folder: Folder, one: Expectation) -> Reading:
    """A score's quantity in each probed run, and that of the other score if there is one."""
    asked = one.measure.probe
    planned = [
        run
        for run in runs(folder.store, folder.plan, folder.plan.probes)
        if run.cell.sampler.label == one.sampler and run.block.variant == one.variant
    ]
    names = (asked.score, asked.than) if asked and asked.than else (asked.score,) if asked else ()
    done = [run.id for run in planned if run.record and run.record.outcome.status in FINAL]
    probes = [probe for run in done for probe in [probed(folder.store, run)] if probe is not None]
    of = worst if one.test == "exact" and len(names) == 1 else number
    rows = [[of(probe, name, one.measure) for name in names] for probe in probes]
    found = [row for row in rows if not any(map(math.isnan, row))]
    place = ", ".join(filter(None, ("probe", one.variant, f"run of {one.sampler}")))
    if not found:
        where = f"{one.sampler}, {one.variant}" if one.variant else one.sampler
        why = f"no run of {where} is probed: run isbench probe" if not planned else ""
        why = why or ("" if probes else f"no probed run of {where} has a result")
        what = f"{quantity(one.measure)}{window(one.measure)}"
        why = why or f"{' and '.join(names)}: no {what} was measured"
        return Reading(NOTHING, why=why, seeds=len(planned), place=place)
    values = np.array(found).T
    than = values[1] if len(values) > 1 else None
    return Reading(values[0], than, seeds=len(planned), place=place)


def number(probe: Probed, score: str, measure: Measure) -> float:
    """The mean of a quantity over the checkpoints that count; NaN if one of those asked for is not there."""
    known = counted(probe, score, measure)
    return float(known.mean()) if known.size else math.nan


def worst(probe: Probed, score: str, measure: Measure) -> float:
    """The value furthest from 0 at any checkpoint that counts: an identity may fail at none of them."""
    known = counted(probe, score, measure)
    return float(np.abs(known).max()) if known.size else math.nan


def counted(probe: Probed, score: str, measure: Measure) -> np.ndarray:
    """What is known of a quantity at the checkpoints that count; empty if one asked for is not there."""
    asked = measure.probe
    if asked is None or score not in probe.quantity:
        return NOTHING
    column = probe.quantity[score][asked.quantity]
    if asked.steps:
        column = column[np.isin(probe.step, asked.steps)]
        return column if len(column) == len(set(asked.steps)) and not np.isnan(column).any() else NOTHING
    if measure.at == "end":
        column = column[-1:]
    elif measure.at != "auc":
        share = probe.step / max(probe.step[-1], 1)
        column = column[(share >= measure.at[0] - CLOSE) & (share <= measure.at[1] + CLOSE)]
    return column[~np.isnan(column)]
