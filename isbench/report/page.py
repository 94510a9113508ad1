"""The page: what it says and shows, in the order of the argument, as one file that needs nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from isbench.report import budgets, costs, probes, sight, tables, trust, tuning, verdict_tables
from isbench.report.answers import answers
from isbench.report.figures import versus
from isbench.report.figures.looks import BLACK
from isbench.report.figures.looks import looks as looks_of
from isbench.report.frames import Group, Results
from isbench.report.inline import NIGHT, tone, tones
from isbench.report.verdict_tables import Line, Table
from isbench.verdicts.break_even import break_evens
from isbench.verdicts.summary import Findings
from isbench.verdicts.threats import threats

VERSUS, CURVES, PHASES = (
    "Seed by seed",
    "Curves against epochs, seconds and passes",
    "Where the time goes",
)  # families of figures that have places of their own
MANY = 4  # tables or figures of one kind; where there are more, all but the first are folded
SECTIONS = {
    "verdict": "Verdict",
    "probe": "What each score is worth",
    "tuning": "Tuning",
    "protocols": "Every protocol",
    "budgets": "Budgets",
    "splits": "What a gain is made of",
    "time": "Where the time goes",
    "break-even": "Break-even",
    "claims": "Claims",
    "figures": "More figures",
    "trust": "How far to trust this",
    "environment": "Set-up and environment",
}


@dataclass(frozen=True)
class Drawn:
    """A figure as a part of the page; `narrow` takes its place where the page is small."""

    name: str
    caption: str
    svg: Markup
    narrow: Markup | None = None


@dataclass(frozen=True)
class Protocol:
    """What a race came to: its outcomes, exploratory comparisons, and figures that stand nowhere else."""

    title: str
    outcomes: Table
    explored: Table | None
    pictures: list[Drawn]


def render(results: Results, found: Findings, drawn: dict[str, list[Drawn]]) -> str:
    """The page as text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"tone": tone, "coded": coded}
    plan, looks = results.plan, looks_of(results)
    said = content(results, found, drawn)
    colors = [tone(look.color) for look in looks.values()]
    pictures = [one.svg + (one.narrow or "") for family in drawn.values() for one in family]
    return environment.get_template("report.html.j2").render(
        **said,
        title=f"{plan.name}-{plan.profile}" if plan.profile else plan.name,
        headline=tables.headline(results),
        sections=[(name, words) for name, words in SECTIONS.items() if _told(name, said, results)],
        looks=looks,
        tones=tones([*pictures, *colors, tone(BLACK)]),
        night=NIGHT,
        many=MANY,
        baseline=found.folder.question.baseline,
    )


def coded(text: str) -> Markup:
    """Text in which what stands between backticks is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def content(results: Results, found: Findings, drawn: dict[str, list[Drawn]]) -> dict[str, Any]:
    """What the sections of the page are made of, by the names that their templates know it by."""
    answered, rest = _answered(found, drawn)
    own = (VERSUS, CURVES, PHASES)
    return {
        "tally": verdict_tables.tally(found),
        "sentences": verdict_tables.sentences(found),
        "nothing": verdict_tables.nothing(found),
        "answers": verdict_tables.primary(found),
        "answered": answered,
        "controls": any(answer.controls for answer in answers(found) if answer.primary),
        "protocols": [_protocol(results, found, group, rest) for group in _asked_first(results, found)],
        "explored": bool(verdict_tables.others(found)),
        "budgets": budgets.tables(results),
        "budgets_said": (budgets.counted(results), budgets.compared_with(results)),
        "splits": verdict_tables.parts(found),
        "phases": drawn.get(PHASES, []),
        "measured": costs.measured(break_evens(found.folder)),
        "break_even": costs.counted(results),
        "claims": found.told_claims,
        "probes": [(title, probes.table(rows)) for title, rows in probes.arms(results)],
        "probe_header": probes.HEADER,
        "tunings": tuning.tables(results),
        "families": {title: pictures for title, pictures in drawn.items() if title not in own},
        "cautions": found.cautions,
        "sight": sight.sight(found),
        "checks": trust.checks(results),
        "troubles": tables.troubles(results),
        "threats": [(threat.name, threat.says) for threat in threats(found.folder)],
        "cards": results.plan.cards,
        "compared": tables.compared(results) + probes.facts(results),
        "machines": [(name, _flat(facts)) for name, facts in results.store.machines().items()],
    }


def _told(name: str, said: dict[str, Any], results: Results) -> bool:
    """Whether a section has anything to say."""
    if name in ("verdict", "protocols"):
        return not results.raceless
    parts = {"probe": ["probes"], "tuning": ["tunings"], "time": ["phases"], "figures": ["families"]}
    parts |= {"break-even": ["measured", "break_even"], "trust": ["checks"], "environment": ["compared"]}
    return any(said[part] for part in parts.get(name, [name]))


def _answered(found: Findings, drawn: dict[str, list[Drawn]]) -> tuple[list[Drawn], list[Drawn]]:
    """The figures of the races that answer the question, and those of the others."""
    primary = [answer for answer in answers(found) if answer.primary]
    names = [versus.name(answer) for answer in primary]
    names += [name.replace("versus", "curves", 1) for name in names]
    pictures = [*drawn.get(VERSUS, []), *drawn.get(CURVES, [])]
    return (
        [picture for picture in pictures if picture.name in names],
        [picture for picture in pictures if picture.name not in names],
    )


def _asked_first(results: Results, found: Findings) -> list[Group]:
    """The groups, those that answer the question first."""
    asked = {answer.race.title for answer in answers(found) if answer.primary}
    return sorted(results.groups, key=lambda group: group.title not in asked)


def _protocol(results: Results, found: Findings, group: Group, rest: list[Drawn]) -> Protocol:
    header, rows = tables.outcomes(results, group)
    controls = {card.label for card in results.plan.cards if card.control}
    lines = [Line(row[0].text, tuple(row[1:])) for row in rows]
    outcomes = Table(
        group.title,
        tuple(header),
        tuple(line for line in lines if line.label not in controls),
        tuple(line for line in lines if line.label in controls),
    )
    explored = [table for table in verdict_tables.others(found) if table.title == group.title]
    names = (f"versus-{group.slug}", f"curves-{group.slug}")
    pictures = [picture for picture in rest if picture.name in names]
    return Protocol(group.title, outcomes, explored[0] if explored else None, pictures)


def _flat(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (str(name), json.dumps(value) if isinstance(value, dict | list) else str(value))
        for name, value in facts.items()
        if value not in ("", None, {}, [])
    ]
