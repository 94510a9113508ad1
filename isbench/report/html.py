"""The report: tables, figures and one self-contained page, from whatever a results folder holds now."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib import rc_context

from isbench.report import budgets, frames, probes, tables, trust, tuning
from isbench.report.figures import (
    against_epochs,
    ahead,
    bank,
    curves,
    difference,
    epochs_and_time,
    importance,
    paper,
    phases,
    predicted,
    probe,
    reconstructions,
    samples,
    selection,
    start,
    style,
    thresholds,
)
from isbench.report.figures import budgets as budget_figures
from isbench.report.figures import tuning as tuning_curves
from isbench.report.figures.looks import looks as arm_looks
from isbench.report.frames import Results
from isbench.store.atomic import atomic_write
from isbench.store.export import write_tables
from isbench.verdicts import write as write_verdicts

FAMILIES = {
    "As the papers draw it: against seconds": paper.pictures,
    "Budgets: random subsets and selection": budget_figures.pictures,
    "As paper 002 draws it: against epochs": against_epochs.pictures,
    "The size of the bank": bank.pictures,
    "As paper 003 draws it: equal epochs and equal time": epochs_and_time.pictures,
    "Curves against epochs, seconds and passes": curves.pictures,
    "Where the time goes": phases.pictures,
    "Seconds ahead at equal accuracy or loss": ahead.pictures,
    "Variance and probabilities of each score": probe.pictures,
    "Predicted losses": predicted.pictures,
    "How far each weighting is from the exact gradient norm": difference.pictures,
    "Start thresholds": thresholds.pictures,
    "How much tuning each arm needs": tuning_curves.pictures,
    "When selection starts": start.pictures,
    "What is selected": selection.pictures,
    "Importance of single samples": importance.pictures,
    "Most and least used samples": samples.pictures,
    "The picture, as each model gives it back": reconstructions.pictures,
}


MANY = 4  # tables or figures of one kind; where there are more, all but the first are folded


def report(folder: Path) -> Path:
    """Write tables, verdicts, figures and report.html into a results folder; returns the page.

    UsageError where there is no plan, EnvironmentFault where a record is damaged.
    """
    results = frames.load(folder)
    write_tables(results.store, results.plan)
    claims = write_verdicts(folder).told_claims
    page = folder / "report.html"
    atomic_write(page, render(results, draw(results, folder / "figures"), claims))
    return page


def draw(results: Results, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Draw and save every figure; returns, for each family that has any, name, caption and inline SVG."""
    drawn: dict[str, list[dict[str, Any]]] = {}
    taken: set[str] = set()
    for title, family in FAMILIES.items():
        with rc_context(style.SETTINGS):
            pictures = family(results)
        for picture in pictures:
            picture = replace(picture, name=unused(picture.name, taken))
            svg = inline(style.save(picture, folder), picture)
            drawn.setdefault(title, []).append({"name": picture.name, "caption": picture.caption, "svg": svg})
    return drawn


def inline(svg: str, picture: style.Picture) -> Markup:
    """An SVG as part of a page: no addresses, ids of its own, scaled to the page."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", body).replace("xlink:href", "href")
    body = re.sub(r'\bid="([^"]+)"', rf'id="{picture.name}-\1"', body)
    body = re.sub(r'url\(#|href="#', lambda found: f"{found[0]}{picture.name}-", body)
    head, rest = body.split(">", 1)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    return Markup(f'{head} role="img" aria-label="{escape(picture.caption)}">{rest}')


def unused(name: str, taken: set[str]) -> str:
    """A name that no figure has yet; labels may differ only in what a file name cannot show."""
    number = 1
    while (found := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    taken.add(found)
    return found


def render(
    results: Results, drawn: dict[str, list[dict[str, Any]]], claims: Sequence[tuple[str, str]] = ()
) -> str:
    """The page as text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    plan, looks = results.plan, arm_looks(results)
    return environment.get_template("report.html.j2").render(
        title=f"{plan.name}-{plan.profile}" if plan.profile else plan.name,
        headline=tables.headline(results),
        compared=tables.compared(results) + probes.facts(results),
        outcomes=[(group.title, *tables.outcomes(results, group)) for group in results.groups],
        probes=[(title, probes.table(rows)) for title, rows in probes.arms(results)],
        probe_header=probes.HEADER,
        budgets=budgets.tables(results),
        budgets_said=(budgets.counted(results), budgets.compared_with(results)),
        tunings=tuning.tables(results),
        break_even=tables.break_evens(results),
        families=drawn,
        claims=claims,
        many=MANY,
        looks=looks,
        arms={look.mark: label for label, look in looks.items()},
        cards=plan.cards,
        troubles=tables.troubles(results),
        checks=trust.checks(results),
        machines=[(name, _flat(facts)) for name, facts in results.store.machines().items()],
    )


def _flat(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (str(name), json.dumps(value) if isinstance(value, dict | list) else str(value))
        for name, value in facts.items()
        if value not in ("", None, {}, [])
    ]
