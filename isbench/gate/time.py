"""The time tier: raw seconds, of two environments that ran in turns; never against stored ones."""

from __future__ import annotations

from isbench.errors import EnvironmentFault, UsageError
from isbench.gate.cells import lost
from isbench.gate.facts import gated, place, title
from isbench.gate.finding import Finding, Findings, outcome_of
from isbench.verdicts.between import in_turns, meet
from isbench.verdicts.curves import Folder, load
from isbench.verdicts.judge import Comparison
from isbench.verdicts.words import changed, faster

ADVICE = "isbench run RECIPE --python base=... --python head=... runs two environments in turns"


def time(folder: Folder, findings: Findings) -> str:
    """Compare every arm with that of the other environment; returns why not, where there is none."""
    against = folder.plan.environment.against
    if not against:
        return "raw seconds of another invocation are no pair: what changed on the machine counts too"
    path = folder.store.folder / against
    try:
        other = load(path)
    except UsageError as error:
        raise EnvironmentFault(f"{folder.store.folder} is to be compared with {path}", str(error)) from None
    if not in_turns(other, folder):
        return f"{path} comes from another invocation"
    notes, name = [], other.plan.environment.name or other.name
    gone = lost(other, name)
    findings.found += gone or absent(other, folder, name)
    rows = [] if gone else meet(other, folder, name, notes)
    findings.found += [of_arm(one) for one in gated(folder, rows)]
    findings.notes += [f"time: {note}" for note in notes]
    return ""


def absent(other: Folder, folder: Folder, name: str) -> list[Finding]:
    """The arms of the other environment that this one did not run."""
    here = {(race.title, label) for race in folder.races for label in race.curves}
    there = [(race.title, label) for race in other.races for label in race.curves]
    says = f"{name} ran it, and nothing here is compared with it"
    return [
        Finding("time", *arm, "not run", "inconclusive", says, read=False) for arm in there if arm not in here
    ]


def of_arm(one: Comparison) -> Finding:
    """An arm in two environments."""
    outcome = outcome_of(one.verdict, one.quantity.words.loss)
    size = f"{faster(one)} as fast as" if one.quantity.cost else f"{changed(one)} against"
    if one.reason == "diverged":
        (ours, n), (theirs, m) = zip(one.diverged, one.runs, strict=True)
        size = f"{ours} of {n} runs diverged, and {theirs} of {m} of"
    why = f" ({one.reason})" if one.reason not in ("", "diverged") else ""
    says = f"{one.verdict}{why}: {size} {one.names.than} (n = {one.n})"
    return Finding("time", place(one.names), one.names.sampler, title(one), outcome, says)
