"""What probes say of scores, as claims read it: a number of a run over its checkpoints."""

from __future__ import annotations

import math

import numpy as np

from isbench.store.claims import Expectation, Measure
from isbench.store.export import runs
from isbench.store.probes import Probed, probed
from isbench.verdicts.curves import Folder

CLOSE = 1e-9


def of_scores(folder: Folder, one: Expectation) -> tuple[np.ndarray, np.ndarray | None, str, str]:
    """A score's quantity in each probed run, that of the other score, why there is none, and where."""
    asked = one.measure.probe
    found = [
        numbers
        for run in runs(folder.store, folder.plan, folder.plan.probes)
        if asked and run.record and run.cell.sampler.label == one.sampler and run.block.variant == one.variant
        for probe in [probed(folder.store, run.id)]
        if probe is not None
        for numbers in [[number(probe, name, one.measure) for name in (asked.score, asked.than) if name]]
        if not any(map(math.isnan, numbers))
    ]
    place = " ".join(filter(None, ("probe of", one.variant, f"a run with {one.sampler}")))
    if not found:
        why = "nothing was probed: run isbench probe" if not folder.plan.probes else "no probe has it"
        return np.empty(0), None, why, place
    values = np.array(found).T
    return values[0], values[1] if len(values) > 1 else None, "", place


def number(probe: Probed, score: str, measure: Measure) -> float:
    """The mean of a quantity over the checkpoints that count; NaN if one of those asked for is not there."""
    asked = measure.probe
    if asked is None or score not in probe.quantity:
        return math.nan
    column = probe.quantity[score][asked.quantity]
    if asked.steps:
        here = np.isin(probe.step, asked.steps)
        return float(column[here].mean()) if here.sum() == len(set(asked.steps)) else math.nan
    if measure.at == "end":
        return float(column[-1])
    if measure.at != "auc":
        share = probe.step / probe.step[-1]
        column = column[(share >= measure.at[0] - CLOSE) & (share <= measure.at[1] + CLOSE)]
    known = column[~np.isnan(column)]
    return float(known.mean()) if known.size else math.nan
