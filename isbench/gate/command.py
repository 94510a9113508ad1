"""What the commands of the gate need: options made sense of, files written, an exit code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isbench.errors import CellsFailed, Inconclusive, IsbenchError, Regression, UsageError
from isbench.gate import baseline as baselines
from isbench.gate.check import WHICH, Asked
from isbench.gate.exact import changes, differing, exact, machine_against, said_of
from isbench.gate.facts import baseline_of
from isbench.gate.finding import Findings, Outcome
from isbench.gate.ratio import ratio
from isbench.store.store import Store
from isbench.verdicts.curves import below, load

SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")
EXITS: dict[Outcome, type[IsbenchError]] = {
    "lost": CellsFailed,
    "regression": Regression,
    "inconclusive": Inconclusive,
}
SHOWN = 10  # findings that are told again where they fail


@dataclass(frozen=True)
class Files:
    """What a check is to write besides what it prints."""

    junit: Path | None = None
    summary: Path | None = None
    benchmark_action: Path | None = None
    bencher: Path | None = None


def asked(baseline: str, tier: str, fail_under: float | None, max_slowdown: str, strict: bool) -> Asked:
    """The options of a check; UsageError where one makes no sense."""
    if tier not in WHICH:
        raise UsageError(f"--tier {tier}: there is no such tier", f"there are {', '.join(WHICH)}")
    slowdown = SHARE.fullmatch(max_slowdown)
    if max_slowdown and slowdown is None:
        raise UsageError(f"--max-slowdown {max_slowdown}: expected a share in per cent", "such as 5%")
    share = None if slowdown is None else float(slowdown[1]) / 100
    return Asked(baseline, WHICH[tier], fail_under, share, strict)


def folders(path: Path, asked: Asked) -> list[Path]:
    """The results folders to check, without those that another one is compared with; a baseline is of one."""
    plans = {each: Store(each).plan() for each in below(path)}
    others = {
        (each / plan.environment.against).resolve()
        for each, plan in plans.items()
        if plan is not None and plan.environment.against
    }
    found = [each for each in plans if each.resolve() not in others]
    if asked.baseline and len(found) > 1:
        names = ", ".join(each.name for each in found[:8])
        raise UsageError(f"{path} holds {len(found)} results folders and a baseline is of one", names)
    return found


def content(findings: Findings) -> dict[str, Any]:
    """What was found, for programs."""
    return {
        "name": findings.name,
        "verdict": findings.verdict,
        "exit_code": findings.code,
        "found": [{**asdict(one), "title": one.title} for _, rows in findings.tiers() for one in rows],
        "notes": list(dict.fromkeys(findings.notes)),
    }


def fail(found: Sequence[Findings]) -> None:
    """Raise what the worst of the findings amounts to."""
    for outcome, kind in EXITS.items():
        if any(each.code == kind.code for each in found):
            bad = [f"{one.tier}: {one.title}: {one.says}" for each in found for one in each.of(outcome)]
            if not bad:
                names = ", ".join(each.name for each in found if not each.compared)
                raise kind(f"nothing was compared in {names}", "--baseline, --fail-under or `expect` compare")
            more = f"\nand {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
            raise kind("\n  ".join(bad[:SHOWN]) + more)


def save(name: str, path: Path) -> Path:
    """Keep a results folder as a baseline; returns the file."""
    return baselines.save(name, baseline_of(load(path)))


def shown(name: str) -> dict[str, Any]:
    """A baseline as people read it."""
    kept = baselines.load(name)
    machine = kept.machine.model_dump(exclude_defaults=True)
    ratio = [
        {
            **{name: value for name, value in one.model_dump().items() if name not in ("scale", "mean")},
            "change": one.mean,
        }
        for one in kept.ratio
    ]
    time = [{**one.model_dump(exclude={"mean"}), "seconds per step": one.mean} for one in kept.time]
    exact = len(kept.exact)
    return {
        "recipe": f"{kept.recipe} {kept.profile}".strip() + f" ({kept.digest}, isbench {kept.isbench})",
        "machine": ", ".join(f"{name} {value}" for name, value in machine.items()),
        "exact": f"{exact} runs, compared bit by bit" if exact else "none",
        "ratio": ratio,
        "time": time,
    }


def diff(name: str, path: Path) -> dict[str, Any]:
    """How a results folder differs from a baseline, another recipe's too; judges nothing."""
    folder, kept = load(path), baselines.load(name)
    findings = Findings(folder.name, strict=False)
    if not folder.races:
        raise CellsFailed(f"{path} holds no races", "isbench run makes them")
    machine = machine_against(folder, kept.machine)
    if folder.plan.recipe != kept.digest:
        findings.notes += [f"recipe: {each}" for each in changes(said_of(folder), kept.says)]
    findings.notes += [f"machine: {each}" for each in differing(machine, kept.machine)]
    if folder.plan.gate.exact and folder.plan.recipe == kept.digest:
        exact(folder, kept, machine, findings)
    ratio(folder, kept, machine, findings)
    told = {key: value for key, value in content(findings).items() if key != "exit_code"}
    return {**told, "verdict": f"{folder.name} against the baseline {name}"}
