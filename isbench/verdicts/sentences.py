"""Comparisons in words: a sentence for each, by templates, and never a claim without its interval."""

from __future__ import annotations

import math

from isbench.stats.power import MOST_SEEDS
from isbench.stats.verdicts import HALF
from isbench.verdicts.curves import Folder, Race
from isbench.verdicts.judge import Comparison
from isbench.verdicts.splits import Split
from isbench.verdicts.words import (
    UNITS,
    aim,
    budget,
    changed,
    faster,
    gained,
    matters,
    noise,
    place,
    plain,
    spent,
)


def sentence(folder: Folder, race: Race, one: Comparison) -> str:
    """What a comparison says, with all that it depends on."""
    return f"{place(folder, race, one.n, one.quantity)}, {finding(race, one)}."


def finding(race: Race, one: Comparison) -> str:
    """What a comparison says, by its verdict and by why it says no more."""
    arm, than, target = one.names.sampler, one.names.than, one.quantity.target
    if one.reason == "no target":
        return f"there is no {aim(one)} for {arm} to reach: {target.why if target else ''}"
    if one.reason == "no pairs":
        return f"no seed has a result of both {arm} and {than}"
    if one.reason == "at the start":
        return f"{unsettled(one)}: a run was at the {aim(one)} before it trained"
    if one.reason == "noise" and math.isinf(one.margin):
        return f"{unsettled(one)}: {than} diverges or not when it is run twice"
    if one.reason == "diverged":
        ours, theirs = (f"{k} of {n}" for k, n in zip(one.diverged, one.runs, strict=True))
        return f"{claimed(one)}: {ours} of its runs diverged, and {theirs} of {than}"
    if one.reason == "misses" or (one.reason == "one seed" and missed(one)):
        return reached(race, one)
    if one.reason == "one seed":
        return f"{seen(one)} than {than}; one seed: no interval and no verdict"
    return settled(one) if one.verdict != "inconclusive" else still_open(one)


def settled(one: Comparison) -> str:
    """A verdict that rests on its interval."""
    arm, than = one.names.sampler, one.names.than
    if one.verdict != "equivalent":
        return f"{seen(one)} than {than}{missed(one)}"
    within = f"to within {matters(one)}"
    if one.quantity.cost:
        return f"{arm} {arrived(one)} as soon as {than}, {within}: {faster(one)} as fast{missed(one)}"
    return f"{arm} ended at the {one.quantity.metric} of {than}, {within}: {changed(one)}"


def seen(one: Comparison) -> str:
    """What was measured: how much sooner, later, lower or higher."""
    arm, d = one.names.sampler, one.difference.mean
    if not one.quantity.cost:
        return f"{arm} ended at a {one.quantity.metric} {changed(one)}"
    size = f"{at_least(one)}{faster(one, later=d > 0)} {'later' if d > 0 else 'sooner'}"
    if one.hits and not one.hits[0].hits:
        return f"{arm} never reached the {aim(one)}, which makes it {size}"
    return f"{arm} {arrived(one)} {size}"


def at_least(one: Comparison) -> str:
    """What a speed-up is preceded by where a miss, counted as the whole budget, makes it too small."""
    if one.hits is None:
        return ""
    ours, theirs = (rate.n - rate.hits for rate in one.hits)
    slow, quick = (ours, theirs) if one.difference.mean > 0 else (theirs, ours)
    return "at least " if slow and not quick else ""


def still_open(one: Comparison) -> str:
    """What the spread leaves open, and how many seeds would settle it."""
    arrival = f"it {arrived(one)} {faster(one)} as fast" if one.quantity.cost else ""
    size = arrival or f"its {one.quantity.metric} ended {changed(one)}"
    why = f"up to {noise(one)} is noise here" if one.margin > one.wanted else not_enough(one)
    if one.reason == "family":
        why = f"too little for {one.family} comparisons at once (Holm: p = {one.p_holm:.2g})"
    return f"{unsettled(one)}: {size}{missed(one)}; {why}{more_seeds(one)}"


def not_enough(one: Comparison) -> str:
    """What a difference must exceed."""
    return f"less than {matters(one)} would not matter"


def more_seeds(one: Comparison) -> str:
    """How many seeds would settle it."""
    if one.reason == "noise" or math.isnan(one.difference.sd):
        return ""
    count = f"more than {MOST_SEEDS:,}" if one.n_needed is None else f"about {one.n_needed:,}"
    return f"; it would take {count} seeds to settle a difference of this size"


def reached(race: Race, one: Comparison) -> str:
    """What is known where most runs of one of the two missed the target."""
    rates = one.hits or ()
    ours, theirs = (f"{rate.hits} of {rate.n}" for rate in rates)
    counts = f"{claimed(one)}: {ours} of its runs reached the {aim(one)} within {budget(race)}"
    counts = f"{counts}, and {theirs} of {one.names.than}"
    if one.differs or one.n < 2:
        return counts
    if max(rate.share for rate in rates) < HALF:
        return f"{counts}; both are fewer than half"
    size = f"it was {faster(one)} as fast if a miss counts as {budget(race)}"
    return f"{counts}; {size}, and {not_enough(one)}"


def claimed(one: Comparison) -> str:
    """A verdict that does not rest on its interval."""
    arm, than = one.names.sampler, one.names.than
    return f"{arm} is {one.verdict} than {than}" if one.differs else unsettled(one)


def unsettled(one: Comparison) -> str:
    """No verdict."""
    return f"it is open how {one.names.sampler} compares with {one.names.than}"


def arrived(one: Comparison) -> str:
    """What an arm did at its cost."""
    return f"reached the {aim(one)}" if one.quantity.target else "finished"


def missed(one: Comparison) -> str:
    """Who missed the target, where somebody did."""
    if one.hits is None:
        return ""
    ours, theirs = (rate.n - rate.hits for rate in one.hits)
    if ours and theirs:
        return f"; {ours} of {one.n} runs missed it, and {theirs} of {one.n} of {one.names.than}"
    if ours:
        return f"; {ours} of {one.n} runs missed it"
    return f"; {theirs} of {one.n} runs of {one.names.than} missed it" if theirs else ""


def split_sentence(folder: Folder, race: Race, one: Split) -> str:
    """What a gain is made of."""
    target, baseline = one.quantity.target, folder.question.baseline
    if target:
        unit = UNITS.get(one.unit, f" {one.unit}")
        of = f"{baseline}'s {spent(one.baseline, one.unit)} to the {100 * target.share:.6g} % target"
    else:
        unit = UNITS.get(one.quantity.metric, "")
        of = f"{baseline}'s {one.quantity.metric} of {plain(one.baseline)}{unit}"
    parts = f"its selection {gained(one.selection, unit)} and its work {gained(one.overhead, unit)}"
    free = f"; were its scores free, it would have {gained(one.bound, unit)}" if one.bound else ""
    misses = f"; a miss counts as {budget(race)}" if any(one.missed) else ""
    where = place(folder, race, one.gain.n, one.quantity)
    return f"{where}, {one.sampler} {gained(one.gain, unit)} on {of}: {parts}{free}{misses}."
