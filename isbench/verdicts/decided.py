"""Claims in words: what was claimed, what was measured, and what became of it."""

from __future__ import annotations

import math

from isbench.stats.intervals import Interval
from isbench.store.claims import Expectation
from isbench.verdicts.claims import Decision
from isbench.verdicts.measures import subject
from isbench.verdicts.tested import MARGINS
from isbench.verdicts.words import bounded, decimal, factor, plain, shifted

WHY = {
    "family": "too little for so many claims at once",
    "one seed": "one seed has no interval",
    "spread": "the interval leaves it open",
    "shown": "a ratio is decided at the scale of the paper only",
    "misses": "most runs of both missed the target",
    "diverged": "some runs diverged",
    "zero": "some values are 0, of which there is no ratio",
    "parts": "its parts leave it open",
}
JOINED = {"all": "all of", "any": "one of", "not": "not that"}
UNITS = {"sampler_bytes": " bytes", "bytes_per_sample": " bytes", "peak_memory": " bytes", "psnr": " dB"}


def name(one: Decision, number: int) -> str:
    """What a claim is called; its number where the recipe says nothing."""
    return one.claim.claim or f"claim {number}"


def sentence(one: Decision, number: int) -> str:
    """A claim with its verdict and the numbers that decide it."""
    says = f" ({one.claim.says})" if one.claim.says else ""
    why = f": {WHY.get(one.reason, one.reason)}" if one.answer == "inconclusive" and one.reason else ""
    why += f" (Holm: p = {one.p_holm:.2g})" if one.reason == "family" else ""
    return f"{name(one, number)}{says} {verb(one)}{why}. {finding(one)}."


def verb(one: Decision) -> str:
    """Whether a claim held, on what."""
    proxy = " on proxy" if one.claim.scale == "proxy" else ""
    return f"is inconclusive{proxy}" if one.answer == "inconclusive" else f"{one.answer}{proxy}"


def finding(one: Decision) -> str:
    """What was measured; of a joined claim, of each of its parts, and once where, if that is the same."""
    terms = set(map(where, leaves(one)))
    same = terms.pop() if one.parts and len(terms) == 1 else ""
    return f"{_finding(one, same)}{same}"


def _finding(one: Decision, same: str) -> str:
    if one.parts:
        told = [(part, _finding(part, same)) for part in one.parts]
        inside = [f"[{text[0].lower()}{text[1:]}]" if part.parts else text for part, text in told]
        each = (f"{text}: {part.answer}" for part, text in zip(one.parts, inside, strict=True))
        return f"{JOINED[one.claim.test].capitalize()}: {'; '.join(each)}"
    told = f"{subject(one.claim)}, claimed {claimed(one)}"
    if one.interval is None:
        return f"{told}, is not measured: {one.reason}{'' if same else where(one)}"
    return f"{told}: {measured(one, one.interval)}{'' if same else where(one)}"


def where(one: Decision) -> str:
    """Where a claim without parts was measured, and at how many seeds."""
    reading = one.reading
    if reading is None or not reading.place:
        return ""
    seeds = f"n = {reading.n}" if reading.n == reading.seeds else f"n = {reading.n} of {reading.seeds}"
    return f" ({reading.place}, {seeds})"


def leaves(one: Decision) -> list[Decision]:
    """The parts of a claim that have no parts."""
    return [leaf for part in one.parts for leaf in leaves(part)] if one.parts else [one]


def claimed(one: Decision) -> str:
    """What the test asks for; a margin that the noise floor has raised says so."""
    claim, constant, size = one.claim, f"{one.claim.amount:.4g}", size_of(one.claim, one.amount)
    raised_by_noise = claim.test in MARGINS and one.amount > claim.amount and claim.test != "sooner_than"
    note = f", {size_of(claim, claim.amount)} raised to the noise" if raised_by_noise else ""
    matters = f" ({size} matters{note})" if one.amount else ""
    if claim.trend is not None:
        return f"to {'rise' if claim.trend.sign == '+' else 'fall'}{matters}"
    return {
        "better_by": f"better{matters}",
        "worse_by": f"worse{matters}",
        "within": f"the same to {size}{note}",
        "no_worse_than": f"worse by less than {size}{note}",
        "speedup": f"more than {constant}x as fast",
        "sooner_than": f"sooner ({1 + one.amount:.3g}x matters)",
        "at_most": f"a ratio of at most {constant}",
        "above": f"above {constant}",
        "below": f"below {constant}",
        "exact": f"to agree to {constant}" if claim.than else f"to be 0 to {constant}",
    }[claim.test]


def size_of(claim: Expectation, amount: float) -> str:
    """A margin, relative or in the units of what is measured."""
    if claim.measure.kind.scale == "ratio":
        return f"{100 * amount:.3g} %"
    return f"{plain(amount)}{unit(claim)}"


def unit(claim: Expectation) -> str:
    """The unit of what is measured, with a space before it; empty where there is none or nobody says."""
    return UNITS.get(claim.measure.selection or claim.measure.metric, "")


def measured(one: Decision, found: Interval) -> str:
    """The number that was found, with its interval."""
    claim, reading = one.claim, one.reading
    ratios, two = claim.measure.kind.scale == "ratio", reading is not None and reading.than is not None
    if claim.trend is not None:
        ends = f"{100 * one.change:+.3g} %" if ratios else f"{one.change:+.3g}"
        return f"tau-b {bounded(found, '{:.2f}'.format, '{}')}, {ends} from the first to the last"
    if claim.test == "exact":
        return f"off by {found.mean:.3g} at most"
    if claim.test in ("speedup", "sooner_than"):
        return f"{bounded(found, factor, '{}x')} as fast{missed(one)}"
    if not two or claim.test in ("at_most", "above", "below"):
        shape = "a ratio of {}" if two and ratios else "a difference of {}" if two else "{}"
        write = factor if two and ratios else plain
        return bounded(found, write, shape) + ("" if two and ratios else unit(claim))
    above = raised(claim, found)
    side = "lower" if above.mean < 0 else "higher"
    if above.mean < 0:
        above = shifted(above, lambda value: -value)
    if not ratios:
        return f"{bounded(above, plain, '{}')}{unit(claim)} {side}"
    return f"{bounded(shifted(above, lambda value: 100 * value), decimal, '{} %')} {side}"


def estimate(one: Decision) -> str:
    """What a table says was found: a number with its interval, or how many parts held."""
    if one.parts:
        return f"{sum(part.answer == 'held' for part in one.parts)} of {len(one.parts)} held"
    return measured(one, one.interval) if one.interval else one.reason


def raised(claim: Expectation, found: Interval) -> Interval:
    """By how much the arm lies above the other one, where `found` is what it or the other one gains."""
    higher, worse = claim.measure.kind.better > 0, claim.test == "worse_by"
    if claim.measure.kind.scale == "difference":
        return found if higher != worse else shifted(found, lambda value: -value)
    if worse:
        return shifted(found, lambda value: 1 / (1 - value) - 1 if value < 1 else math.inf)
    return shifted(found, lambda value: -value)


def missed(one: Decision) -> str:
    """Who missed the target, where somebody did."""
    if one.reading is None or one.reading.missed is None:
        return ""
    ours, theirs = (int(each.sum()) for each in one.reading.missed)
    counts = f"; {ours} of {one.reading.n} runs missed it, and {theirs} of {one.claim.than}"
    return counts if ours or theirs else ""
