"""A results folder before the gate: cells, claims, the speed-up that was asked for, and the three tiers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from isbench.errors import EnvironmentFault, UsageError
from isbench.gate import baseline as baselines
from isbench.gate.cells import cells
from isbench.gate.exact import exact, machine_against, refuse_other
from isbench.gate.finding import Finding, Findings, Outcome
from isbench.gate.ratio import ratio
from isbench.gate.speedup import fail_under
from isbench.gate.time import ADVICE, time
from isbench.verdicts.claims import Decision, decisions
from isbench.verdicts.curves import Folder, load
from isbench.verdicts.decided import leaves, name, sentence

Which = Literal["exact", "ratio", "time", "all"]
WHICH: dict[str, Which] = {"exact": "exact", "ratio": "ratio", "time": "time", "all": "all"}


@dataclass(frozen=True)
class Asked:
    """What a check is asked for; `slowdown`: instead of the recipe's."""

    baseline: str = ""
    tier: Which = "all"
    fail_under: float | None = None
    slowdown: float | None = None
    strict: bool = False


def check(path: Path, asked: Asked) -> Findings:
    """Everything that a results folder has to answer for."""
    folder = with_margin(load(path), asked.slowdown)
    findings = Findings(folder.name, asked.strict)
    findings.found += cells(folder)
    if findings.of("lost") or not folder.races:
        return findings
    findings.found += [claim(one, number) for number, one in enumerate(decisions(folder), 1)]
    if asked.fail_under is not None:
        findings.found += fail_under(folder, asked.fail_under)
    if asked.tier in ("exact", "ratio") and not asked.baseline:
        raise UsageError(f"--tier {asked.tier} compares with a stored baseline", "name one with --baseline")
    if asked.baseline:
        against_stored(folder, asked, findings)
    if asked.tier in ("time", "all"):
        refused = time(folder, findings)
        if refused and asked.tier == "time":
            raise EnvironmentFault(f"--tier time has nothing to compare: {refused}", ADVICE)
        if refused and asked.baseline:
            findings.notes.append(f"time: not compared: {refused}; {ADVICE}")
    return findings


def with_margin(folder: Folder, slowdown: float | None) -> Folder:
    """The folder as if its recipe said so."""
    if slowdown is None:
        return folder
    gate = folder.plan.gate.model_copy(update={"slowdown": slowdown})
    return replace(folder, plan=folder.plan.model_copy(update={"gate": gate}))


def claim(one: Decision, number: int) -> Finding:
    """What the recipe expects."""
    outcomes: dict[str, Outcome] = {"held": "passed", "not held": "regression"}
    outcome = outcomes.get(one.answer, "inconclusive")
    read = any(leaf.interval is not None for leaf in leaves(one))
    return Finding("claims", "", "", name(one, number), outcome, sentence(one, number), read)


def against_stored(folder: Folder, asked: Asked, findings: Findings) -> None:
    """The tiers that compare with a stored baseline."""
    stored = baselines.load(asked.baseline)
    refuse_other(folder, stored)
    machine = machine_against(folder, stored.machine)
    if asked.tier == "time":
        if folder.plan.environment.against:
            return
        if machine.cpu != stored.machine.cpu or machine.device != stored.machine.device:
            raise EnvironmentFault(
                f"the seconds of {asked.baseline} are of another machine, {stored.machine.cpu}", ADVICE
            )
        return
    if asked.tier in ("exact", "all"):
        if folder.plan.gate.exact:
            exact(folder, stored, machine, findings)
        elif asked.tier == "exact":
            advice = "write gate: {exact: true}, run it, and save the baseline again"
            raise UsageError(f"{folder.name} keeps nothing to compare exactly", advice)
    if asked.tier in ("ratio", "all"):
        ratio(folder, stored, machine, findings)
