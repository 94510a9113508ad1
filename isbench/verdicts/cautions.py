"""What a reader of the verdicts must know before believing them: a code, what is so, and what to do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from isbench.store.records import FINAL
from isbench.verdicts.break_even import Measured
from isbench.verdicts.codes import Caution, caution
from isbench.verdicts.conditions import of_conditions
from isbench.verdicts.curves import Folder
from isbench.verdicts.judge import ALPHA, Comparison
from isbench.verdicts.unit_costs import NEAR
from isbench.verdicts.words import noise

FEW = 5  # seeds, below which an interval is wide and no sign test can see anything
PERMUTED = 6  # pairs from which an exact sign-flip test can be below 5 %


def cautions(folder: Folder, rows: Sequence[Comparison], costs: Sequence[Measured] = ()) -> list[Caution]:
    """All warnings about a results folder, each said once; `costs`: its break-even."""
    primary = [row for row in rows if row.primary]
    found = [*of_cells(folder), *of_question(folder, primary)]
    found += [one for row in primary for one in of_row(row)]
    found += [*of_conditions(folder), *of_costs(costs), *of_test(folder)]
    return list(dict.fromkeys(found))


def of_cells(folder: Folder) -> Iterable[Caution]:
    """Cells without a result, and baselines that diverged."""
    lost = {name: count for name, count in folder.statuses.items() if name not in FINAL}
    if lost:
        said = ", ".join(f"{count} {status}" for status, count in lost.items())
        advice = "run the recipe again, with --retry-failed if cells failed"
        yield caution("lost-cells", f"{sum(lost.values())} cells have no result: {said}", advice)
    for race in folder.races:
        runs = race.curves.get(folder.question.baseline, {}).values()
        broken = sum(curve.diverged for curve in runs)
        if broken:
            says = f"{broken} of {len(runs)} runs of {folder.question.baseline} diverged on {race.title}"
            yield caution("baseline-diverged", says, "a smaller learning rate, or clip_norm")
        machines = {curve.machine for curve in race.all() if curve.settled}
        if len(machines) > 1:
            says = f"the runs of {race.title} come from {len(machines)} machines or installations"
            yield caution("several-machines", says, "times are paired on one machine only; --fresh")


def of_question(folder: Folder, primary: Sequence[Comparison]) -> Iterable[Caution]:
    """A question that nothing answers, or few seeds."""
    baseline = folder.question.baseline
    if folder.races and not primary:
        if any(set(race.curves) - {baseline} for race in folder.races):
            says = f"no race answers the question: {baseline} on {folder.question.budget}"
            yield caution("no-answer", says, "look at `primary` in the recipe")
        return
    fewest = min((row.n for row in primary if row.n), default=FEW)
    if fewest < FEW:
        yield caution("few-seeds", f"n = {fewest}: intervals of so few seeds are wide", "--seeds 8")


def of_row(row: Comparison) -> Iterable[Caution]:
    """What weakens one primary comparison."""
    who = f"{row.names.sampler} against {row.names.than} ({row.names.budget}"
    who += f", {row.names.variant})" if row.names.variant else ")"
    if row.reason == "no target":
        why = row.quantity.target.why if row.quantity.target else ""
        yield caution("no-target", f"there is no target: {why}", "a longer budget, if it has been run")
    if row.margin > row.wanted and math.isfinite(row.floor):
        says = f"{row.names.budget}: differences up to {noise(row)} are noise here"
        yield caution("noise-floor", says, "a quieter machine, longer runs or more seeds")
    if not row.differs or row.reason:
        return
    low, high = row.bracket
    if 0 < low < high and math.log(high / low) > abs(row.difference.mean):  # of both arms' two intervals
        says = f"{who}: between evaluations, the speed-up may be anything from {low:.2f}x to {high:.2f}x"
        yield caution("coarse-grid", says, "more points")
    if row.difference.sd == 0:
        yield caution("no-spread", f"{who}: every seed shows the same difference", "more seeds")
    elif row.n >= PERMUTED and row.p_sign_flip > ALPHA:
        says = f"{who}: the sign-flip test does not see it (p = {row.p_sign_flip:.2g})"
        yield caution("uneven-seeds", says, "look at the seeds one by one")


def of_costs(costs: Sequence[Measured]) -> Iterable[Caution]:
    """Unit costs that do not add up to the runs."""
    off = [(max(map(abs, one.errors)), one) for one in costs if one.errors]
    worst, one = max(off, key=lambda each: each[0], default=(0.0, None))
    if one is not None and worst > NEAR:
        count = sum(size > NEAR for size, _ in off)
        says = f"unit costs do not add up in {count} of {len(off)} arms and races, by {worst:.0%} for "
        says += f"{one.sampler} on {one.budget}"
        yield caution("unit-costs", says, "break-even and passes say little of times on this machine")


def of_test(folder: Folder) -> Iterable[Caution]:
    """Arms that are steered by the test set."""
    cells = [race.curves[label] for race in folder.races for label in race.curves]
    runs = [curve.cell.sampler for curves in cells for curve in curves.values()]
    if found := dict.fromkeys(spec.label for spec in runs if spec.start.options.get("of") == "test"):
        says = f"the test set says when to start: {', '.join(found)}"
        yield caution("reads-test", says, "start by `of: val`; what is measured on the test set is flattered")
