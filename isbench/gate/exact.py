"""The exact tier: the same code does the same work everywhere, and the same numbers on the same processor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from isbench.errors import EnvironmentFault
from isbench.gate.baseline import Baseline, Machine, Run
from isbench.gate.facts import STEP, flat, machine_of, place, runs, said
from isbench.gate.finding import Finding, Findings, Outcome
from isbench.verdicts.curves import Folder

COUNTERS = ("steps", "trained", "scored", "loaded", "epochs", "passes")  # alike on every machine
DIGESTS = {"selection": "what was selected", "weights": "the weights", "numbers": "what was measured"}
SHOWN = ("batch_loss", "val_loss")  # numbers that say more than their digest
FINGERPRINT = ("cpu", "architecture", "cpu_capability", "torch", "threads", "variables")
NEAR = 1e-3  # relative: how far the first losses may be apart on another processor
MOST = 12  # differences of two recipes that are told


def exact(folder: Folder, baseline: Baseline, machine: Machine, findings: Findings) -> None:
    """Compare every run with its stored one; EnvironmentFault where that is of another recipe."""
    refuse_other(folder, baseline)
    other = differing(machine, baseline.machine)
    if other:
        findings.notes.append(f"exact: other CPU: hashes not compared ({'; '.join(other)})")
    stored = {(run.variant, run.budget, run.sampler, run.seed): run for run in baseline.exact}
    pairs: dict[tuple[str, str], list[tuple[Run, Run]]] = {}
    alone: list[str] = []
    for run in runs(folder):
        old = stored.pop((run.variant, run.budget, run.sampler, run.seed), None)
        if old is None:
            alone.append(f"{run.sampler} seed {run.seed}")
        else:
            pairs.setdefault((place(run), run.sampler), []).append((run, old))
    if alone:
        more = " ..." if len(alone) > 8 else ""
        findings.notes.append(f"exact: not in the baseline: {', '.join(alone[:8])}{more}")
    for (where, arm), both in pairs.items():
        findings.found.append(of_arm(where, arm, both, hashes=not other))
    findings.found += not_run(stored.values())


def not_run(stored: Iterable[Run]) -> list[Finding]:
    """The runs of the baseline that there is nothing to compare with, arm by arm."""
    seeds: dict[tuple[str, str], list[str]] = {}
    for run in stored:
        seeds.setdefault((place(run), run.sampler), []).append(str(run.seed))
    return [
        Finding("exact", *arm, "all seeds", "inconclusive", f"not run: seed {', '.join(names)}", read=False)
        for arm, names in seeds.items()
    ]


def of_arm(where: str, arm: str, both: list[tuple[Run, Run]], *, hashes: bool) -> Finding:
    """All seeds of an arm; the first difference of the first one that differs is told.

    Counts of the values at hand are open on another processor, where such values may differ a little.
    """
    counts = hashes or not counts_vary([old for _, old in both])
    wrong = differing_runs(both, hashes=hashes, counts=counts)
    outcome: Outcome = "regression" if wrong else "passed"
    if not wrong and not counts:
        wrong = differing_runs(both, hashes=hashes, counts=True)
        outcome = "inconclusive" if wrong else "passed"
    if not wrong:
        what = "equal bit by bit" if hashes else f"equal counts, first losses within {NEAR:g}"
        return Finding("exact", where, arm, "exact", outcome, f"{len(both)} runs: {what}")
    doubt = (
        ""
        if outcome == "regression"
        else "; its counts differ between seeds too, so that they may between processors"
    )
    says = f"seed {wrong[0][0]}: {wrong[0][1]}; {len(wrong)} of {len(both)} runs differ{doubt}"
    return Finding("exact", where, arm, "exact", outcome, says)


def differing_runs(both: list[tuple[Run, Run]], *, hashes: bool, counts: bool) -> list[tuple[int, str]]:
    """The seeds of runs that differ from their stored ones, and what differs first."""
    told = [(new.seed, next(differences(new, old, hashes=hashes, counts=counts), "")) for new, old in both]
    return [(seed, what) for seed, what in told if what]


def counts_vary(stored: list[Run]) -> bool:
    """Whether what the runs of an arm count depends on their seeds, and so on values."""
    return len({tuple(getattr(run, name) for name in COUNTERS) for run in stored}) > 1


def differences(new: Run, old: Run, *, hashes: bool, counts: bool) -> Iterator[str]:
    """What differs, in the order in which it came about."""
    for name, what in (("rho", "the cost of a backward pass"), ("score", "the cost of a score")):
        here, there = getattr(new, name), getattr(old, name)
        if here != there:
            yield f"{what} is {here:.9g} forwards, {there:.9g} in the baseline"
    points = min(len(new.steps), len(old.steps))
    for point in range(min(points, 1)):
        yield from at_point(new, old, point, hashes=hashes, counts=counts)
    if len(new.first) != len(old.first):
        yield f"it has the losses of {len(new.first)} first steps, {len(old.first)} in the baseline"
    for step, (here, there) in enumerate(zip(new.first, old.first, strict=False)):
        if here != there and (hashes or not near(here, there)):
            cause = moved(new, old, step + 1) if hashes else ""
            yield f"the loss of step {step + 1} is {here}, {there} in the baseline{cause}"
    for point in range(1, points):
        yield from at_point(new, old, point, hashes=hashes, counts=counts)
    if len(new.steps) != len(old.steps):
        yield f"it has {len(new.steps)} points, {len(old.steps)} in the baseline"
    if new.cell != old.cell:
        yield f"its cell is {new.cell}, {old.cell} in the baseline"


def at_point(new: Run, old: Run, point: int, *, hashes: bool, counts: bool) -> Iterator[str]:
    """What differs at a point."""
    where = f"at point {point} (step {new.steps[point]})"
    for name in COUNTERS if counts else ():
        here, there = getattr(new, name)[point], getattr(old, name)[point]
        if here != there:
            yield f"{name} is {here:.9g} {where}, {there:.9g} in the baseline"
    if not hashes:
        return
    for name, what in DIGESTS.items():
        here, there = getattr(new, name)[point], getattr(old, name)[point]
        if here != there:
            yield f"{what} differs first {where}: {value(new, old, name, point)}"


def value(new: Run, old: Run, name: str, point: int) -> str:
    """The two values at a point: the losses where they say it, else the digests."""
    if name == "numbers":
        for metric in SHOWN:
            here, there = getattr(new, metric)[point], getattr(old, metric)[point]
            if here != there:
                return f"{metric} {here}, {there} in the baseline"
    return f"digest {getattr(new, name)[point]}, {getattr(old, name)[point]} in the baseline"


def near(here: float | None, there: float | None) -> bool:
    """Whether two losses are alike on two processors."""
    return here is not None and there is not None and abs(here - there) <= NEAR * abs(there)


def moved(new: Run, old: Run, step: int) -> str:
    """Whether a step's loss is another one as another batch was selected, as far as the next point knows."""
    for point in range(min(len(new.steps), len(old.steps))):
        if new.steps[point] >= step:
            same = new.selection[point] == old.selection[point]
            return (
                f", and what was selected {'is the same' if same else 'differs'} by step {new.steps[point]}"
            )
    return ""


def differing(here: Machine, there: Machine) -> list[str]:
    """What makes two machines compute other bits, in words."""
    return [
        f"{name.replace('_', ' ')} {getattr(here, name) or 'unset'}, {getattr(there, name) or 'unset'} there"
        for name in FINGERPRINT
        if getattr(here, name) != getattr(there, name)
    ]


def machine_against(folder: Folder, there: Machine) -> Machine:
    """The machine of a results folder; of several, one that computes other bits than a stored one."""
    curves = [curve for race in folder.races for curve in race.all()]
    found = [machine_of(folder, curve) for curve in [one for one in curves if one.settled] or curves]
    return next((here for here in found if differing(here, there)), found[0])


def said_of(folder: Folder) -> dict[str, object]:
    """What the recipe of a results folder says, by paths."""
    return flat(said(folder))


def refuse_other(folder: Folder, baseline: Baseline) -> None:
    """Refuse the baseline of another recipe, and tell how the two differ."""
    if folder.plan.recipe == baseline.digest:
        return
    raise EnvironmentFault(
        f"the baseline is of another recipe than {folder.store.folder}: "
        f"{'; '.join(changes(said_of(folder), baseline.says)) or 'its digest is ' + baseline.digest}",
        "if it is meant to change: isbench baseline save",
    )


def changes(here: dict[str, object], there: dict[str, object]) -> list[str]:
    """What was added, left out and changed."""
    other = [path for path in here if path in there and here[path] != there[path]]
    found = [f"{path} is {here[path]}, was {there[path]}" for path in other]
    found += dict.fromkeys(f"added {whole(path, here, there)}" for path in here if path not in there)
    found += dict.fromkeys(f"left out {whole(path, there, here)}" for path in there if path not in here)
    return found[:MOST] + ([f"and {len(found) - MOST} more"] if len(found) > MOST else [])


def whole(path: str, ours: dict[str, object], theirs: dict[str, object]) -> str:
    """What only one of two recipes has: the largest part of it on the way to a path, or the value there."""
    steps = path.split(STEP)
    for count in range(1, len(steps)):
        part = STEP.join(steps[:count])
        if not any(each == part or each.startswith(part + STEP) for each in theirs):
            return part
    return f"{path} {ours[path]}"
