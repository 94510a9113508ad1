"""The time tier: raw seconds, of two environments that ran in turns; never against stored ones."""

from __future__ import annotations

from isbench.errors import EnvironmentFault, UsageError
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
    notes: list[str] = []
    rows = meet(other, folder, other.plan.environment.name or other.name, notes)
    findings.found += [of_arm(one) for one in gated(folder, rows)]
    findings.notes += [f"time: {note}" for note in notes]
    return ""


def of_arm(one: Comparison) -> Finding:
    """An arm in two environments."""
    outcome = outcome_of(one.verdict, one.quantity.words.loss)
    size = f"{faster(one)} as fast as" if one.quantity.cost else f"{changed(one)} against"
    why = f" ({one.reason})" if one.reason else ""
    says = f"{one.verdict}{why}: {size} {one.names.than} (n = {one.n})"
    return Finding("time", place(one.names), one.names.sampler, title(one), outcome, says)
