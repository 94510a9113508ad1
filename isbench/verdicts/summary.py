"""What a results folder says, for programs and for hasty readers: summary.json, summary.md, junit.xml."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isbench.errors import EnvironmentFault
from isbench.store.atomic import atomic_write
from isbench.store.export import table
from isbench.verdicts.break_even import COLUMNS as BREAK_EVEN_COLUMNS
from isbench.verdicts.break_even import Measured, break_evens
from isbench.verdicts.cautions import cautions
from isbench.verdicts.claim_rows import COLUMNS as CLAIM_COLUMNS
from isbench.verdicts.claim_rows import records
from isbench.verdicts.claim_rows import rows as claim_rows
from isbench.verdicts.claims import Decision, decisions
from isbench.verdicts.codes import Caution
from isbench.verdicts.comparisons import comparisons
from isbench.verdicts.curves import Folder, Race, load
from isbench.verdicts.decided import sentence as claim_sentence
from isbench.verdicts.judge import Comparison
from isbench.verdicts.junit import junit
from isbench.verdicts.markdown import markdown, verdict_line
from isbench.verdicts.rows import COLUMNS, Row, csv_row, known, row, spelt
from isbench.verdicts.sentences import sentence, split_sentence
from isbench.verdicts.splits import Split, splits
from isbench.verdicts.threats import Threat, threats

SCHEMA_VERSION = 1
FACTS = ("cpu", "device_name", "cores", "memory_gib", "system", "python", "isbench", "torch")  # of a machine


@dataclass(frozen=True, slots=True)
class Findings:
    """All that can be said of a results folder."""

    folder: Folder
    comparisons: tuple[Comparison, ...]
    splits: tuple[Split, ...]
    cautions: tuple[Caution, ...]
    claims: tuple[Decision, ...] = ()
    break_even: tuple[Measured, ...] = ()
    threats: tuple[Threat, ...] = ()

    @property
    def primary(self) -> list[Comparison]:
        """The comparisons that answer the question."""
        return [one for one in self.comparisons if one.primary]

    def race(self, one: Comparison | Split) -> Race:
        """The race that something is said of."""
        names = one.names if isinstance(one, Comparison) else one
        races = self.folder.races
        return next(r for r in races if (r.variant, r.budget.name) == (names.variant, names.budget))

    def sentences(self) -> list[str]:
        """A sentence for each primary comparison, then for each split."""
        said = [sentence(self.folder, self.race(one), one) for one in self.primary]
        return said + [split_sentence(self.folder, self.race(one), one) for one in self.splits]

    @property
    def told_claims(self) -> list[tuple[str, str]]:
        """The verdict of each claim, and its sentence."""
        return [(one.said, claim_sentence(one, number)) for number, one in enumerate(self.claims, 1)]


def find(path: Path) -> Findings:
    """What a results folder says; UsageError where there is none, EnvironmentFault where it is damaged."""
    folder = load(path)
    rows, costs = tuple(comparisons(folder)), tuple(break_evens(folder))
    return Findings(
        folder=folder,
        comparisons=rows,
        splits=tuple(splits(folder)),
        cautions=tuple(cautions(folder, rows, costs)),
        claims=tuple(decisions(folder)),
        break_even=costs,
        threats=tuple(threats(folder)),
    )


def write(path: Path) -> Findings:
    """Write comparisons.csv, other tables if they have a row, summary.json, summary.md and junit.xml."""
    found = find(path)
    content = summary(found)
    atomic_write(path / "tables" / "comparisons.csv", table(COLUMNS, map(csv_row, found.comparisons)))
    write_or_remove(path / "tables" / "claims.csv", CLAIM_COLUMNS, list(claim_rows(found.claims)))
    costs = [spelt(one.row()) for one in found.break_even]
    write_or_remove(path / "tables" / "break_even.csv", BREAK_EVEN_COLUMNS, costs)
    atomic_write(path / "summary.json", json.dumps(content, indent=1, allow_nan=False) + "\n")
    atomic_write(path / "summary.md", markdown(found.folder, found.comparisons, found.cautions, found.claims))
    atomic_write(
        path / "junit.xml", junit(found.folder, found.comparisons, properties(found.folder), found.claims)
    )
    return found


def write_or_remove(path: Path, columns: tuple[str, ...], rows: list[Row]) -> None:
    """Write a table that may be empty: then there is none."""
    if rows:
        atomic_write(path, table(columns, rows))
    else:
        path.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any]:
    """The summary that a results folder holds."""
    file = path / "summary.json"
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EnvironmentFault(f"cannot read {file}", f"isbench report {path}") from error


def summary(found: Findings) -> dict[str, Any]:
    """The content of summary.json; keys are added, never renamed."""
    folder = found.folder
    plan = folder.plan
    return {
        "schema_version": SCHEMA_VERSION,
        "name": folder.name,
        "recipe": plan.recipe_file,
        "profile": plan.profile,
        "machine": plan.machine,
        "machines": {name: facts_of(facts) for name, facts in folder.machines.items()},
        "question": folder.question.model_dump(mode="json"),
        "verdict": verdict_line(folder, found.comparisons, found.claims),
        "cells": folder.statuses,
        "arms": [arm for race in folder.races for arm in arms(folder, race)],
        "sentences": found.sentences(),
        "primary": [row(one) for one in found.primary],
        "splits": [one.row() for one in found.splits],
        "claims": records(found.claims),
        "break_even": [one.row() | {"sentence": one.sentence} for one in found.break_even],
        "threats": [asdict(threat) for threat in found.threats],
        "warnings": [asdict(caution) for caution in found.cautions],
    }


def arms(folder: Folder, race: Race) -> list[Row]:
    """A record for each arm of a race: how its runs ended, and the mean of each metric at the end."""
    rows: list[Row] = []
    for label, curves in race.curves.items():
        statuses = [curve.status for curve in curves.values()]
        last = [curve.points[-1] for curve in curves.values() if curve.status == "done" and curve.points]
        spent = ("train_seconds", "epochs", "passes", "steps")
        means: Row = {
            name: mean([getattr(point, name) for point in last]) for name in (*race.measured, *spent)
        }
        place = {"variant": race.variant, "budget": race.budget.name, "sampler": label}
        runs = {status: statuses.count(status) for status in dict.fromkeys(statuses)}
        rows.append({**place, "control": folder.role(label)[0], "runs": runs, **means})
    return rows


def mean(values: list[float | None]) -> float | None:
    """The mean of what is known; None of nothing."""
    numbers = [value for value in values if value is not None]
    return known(sum(numbers) / len(numbers)) if numbers else None


def facts_of(facts: dict[str, Any]) -> dict[str, Any]:
    """What a reader must know of a machine."""
    return {name: facts[name] for name in FACTS if facts.get(name)}


def properties(folder: Folder) -> dict[str, str]:
    """What junit.xml tells of the suite."""
    asked = folder.question
    told = {
        "recipe": folder.plan.recipe_file,
        "profile": folder.plan.profile,
        "machine": folder.plan.machine,
        "metric": asked.metric,
        "budget": asked.budget,
        "target": "" if asked.target is None else f"{asked.target:g}",
        "baseline": asked.baseline,
    }
    return {name: value for name, value in told.items() if value}
