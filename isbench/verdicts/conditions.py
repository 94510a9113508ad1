"""Under which conditions runs were made: load, pace, accounting, and what of it makes numbers doubtful."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from isbench.store.records import PHASES, Outcome, Point
from isbench.verdicts.codes import Caution, caution
from isbench.verdicts.curves import Curve, Folder, Race

MOST_LOAD = 0.25  # of the processors, by other programs
MOST_SLOWING = 0.05  # of steps in the second half of a run
MOST_UNACCOUNTED = 0.02  # of the training time (methodology 2.2)
MOST_EVALUATION = 0.20  # of the training time
MOST_OVERSHOOT = 0.01  # of a budget of seconds


def of_conditions(folder: Folder) -> Iterator[Caution]:
    """What of the conditions of the runs makes numbers doubtful, each said of the worst race."""
    races = [(race, settled(race)) for race in folder.races]
    races = [(race, runs) for race, runs in races if runs]
    for check in (of_load, of_pace, of_accounting, of_evaluation, of_overshoot):
        found = [(size, one) for race, runs in races for size, one in check(folder, race, runs)]
        if found:
            yield max(found, key=lambda each: each[0])[1]
    yield from of_phases(folder, [run for _, runs in races for run in runs])
    yield from of_scores([run for _, runs in races for run in runs])
    yield from of_fallback(folder)


Sized = Iterator[tuple[float, Caution]]


def of_load(folder: Folder, race: Race, runs: list[Curve]) -> Sized:
    """Other programs that took much of the processors."""
    loads = foreign_loads(folder, runs)
    if loads and max(loads) > MOST_LOAD:
        says = f"other programs took up to {max(loads):.0%} of the processors on {race.title}"
        says += f", {np.mean(loads):.0%} on average"
        yield max(loads), caution("foreign-load", says, "run again on a quiet machine: --fresh")


def of_pace(folder: Folder, race: Race, runs: list[Curve]) -> Sized:
    """Steps of the baseline that become slower within a run, as where a device throttles."""
    own = [run for run in runs if run.cell.sampler.label == folder.question.baseline]
    slower = [value for run in own for value in [slowing(run)] if not math.isnan(value)]
    size = math.expm1(float(np.mean(slower))) if slower else 0.0
    if size > MOST_SLOWING:
        says = f"steps of {folder.question.baseline} were {size:.0%} slower in the second half of the runs"
        advice = "the device throttles or others use it: cool it, leave it alone or make the runs shorter"
        yield size, caution("slowing", f"{says} on {race.title}", advice)


def of_accounting(folder: Folder, race: Race, runs: list[Curve]) -> Sized:
    """Phases that do not add up to the training time."""
    worst = max((unaccounted(run.points[-1]) or 0.0 for run in runs), default=0.0)
    if worst > MOST_UNACCOUNTED:
        says = f"the phases are up to {worst:.1%} off the training time on {race.title}"
        yield worst, caution("accounting", says, "do not trust the times by phase; isbench doctor")


def of_evaluation(folder: Folder, race: Race, runs: list[Curve]) -> Sized:
    """Pauses for evaluation that are long beside the training."""
    last = [run.points[-1] for run in runs]
    spent = sum(point.train_seconds for point in last)
    share = sum(point.eval_seconds for point in last) / spent if spent else 0.0
    if share > MOST_EVALUATION:
        says = f"evaluation took {share:.0%} of the training time on {race.title}, off the clock"
        advice = "fewer points: such pauses cool the device and empty its caches"
        yield share, caution("evaluation-share", says, advice)


def of_overshoot(folder: Folder, race: Race, runs: list[Curve]) -> Sized:
    """Runs that went on beyond their seconds."""
    over = [outcome.overshoot_seconds or 0.0 for outcome in outcomes(folder, runs)]
    worst = max(over, default=0.0) / race.budget.amount if race.budget.unit == "seconds" else 0.0
    if worst > MOST_OVERSHOOT:
        says = f"runs went on for up to {worst:.1%} beyond their {race.budget.amount:.3g} s"
        yield worst, caution("overshoot", says, "a longer budget: a step must be short beside it")


def of_phases(folder: Folder, runs: list[Curve]) -> Iterator[Caution]:
    """Phases that were measured in a sample of the steps."""
    if any(outcome.phase_mode == "profile" for outcome in outcomes(folder, runs)):
        says = "phases were measured in a sample of the steps (mode profile)"
        yield caution("sampled-phases", says, "compare whole runs; times by phase are rough")


def of_scores(runs: list[Curve]) -> Iterator[Caution]:
    """Arms whose scores were no numbers at times."""
    mended: dict[str, int] = {}
    for run in runs:
        count = sum(point.healed for point in run.points)
        mended[run.cell.sampler.label] = mended.get(run.cell.sampler.label, 0) + count
    if found := {label: count for label, count in mended.items() if count}:
        told = ", ".join(f"{label} {count:,}" for label, count in found.items())
        yield caution(
            "mended-scores", f"scores were not finite and had to be mended: {told}", "a smaller learning rate"
        )


def of_fallback(folder: Folder) -> Iterator[Caution]:
    """Accelerators whose missing operations silently ran on the CPU."""
    for facts in folder.machines.values():
        on = str(facts.get("variables", {}).get("PYTORCH_ENABLE_MPS_FALLBACK", "0")) not in ("", "0")
        if on and str(facts.get("device", "")).startswith("mps"):
            says = "PYTORCH_ENABLE_MPS_FALLBACK is set: some operations may have run on the CPU"
            yield caution("cpu-fallback", says, "unset it and run again: --fresh")


def settled(race: Race) -> list[Curve]:
    """The runs of a race that came to a result."""
    return [run for run in race.all() if run.settled]


def outcomes(folder: Folder, runs: Iterable[Curve]) -> list[Outcome]:
    """How some runs ended, and what was measured once for each."""
    found = [folder.store.outcome(run.cell.id) for run in runs]
    return [outcome for outcome in found if outcome is not None]


def foreign_loads(folder: Folder, runs: Iterable[Curve]) -> list[float]:
    """The load of other programs during each of some runs that know it."""
    return [each.foreign_load for each in outcomes(folder, runs) if each.foreign_load is not None]


def unaccounted(last: Point) -> float | None:
    """How far the phases are from adding up to the training time, as a share of it; None where unknown."""
    if not last.phases or last.train_seconds <= 0:
        return None
    return abs(sum(last.phases.get(phase, 0.0) for phase in PHASES) - last.train_seconds) / last.train_seconds


def slowing(curve: Curve) -> float:
    """How much slower the steps of the second half of a run are, as a log-ratio; NaN where unknown."""
    if not curve.settled:
        return math.nan
    steps, so_far = curve.column("steps"), curve.column("train_seconds")
    half = int(np.searchsorted(steps, steps[-1] / 2))
    of_first = steps[half] - steps[0], so_far[half] - so_far[0]
    of_second = steps[-1] - steps[half], so_far[-1] - so_far[half]
    if min(*of_first, *of_second) <= 0:
        return math.nan
    return math.log(of_second[1] / of_second[0]) - math.log(of_first[1] / of_first[0])
