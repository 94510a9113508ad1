"""The report: tables, figures and one self-contained page, from whatever a results folder holds now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from matplotlib import rc_context

from isbench.report import frames
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
    versus,
)
from isbench.report.figures import budgets as budget_figures
from isbench.report.figures import tuning as tuning_curves
from isbench.report.frames import Results
from isbench.report.inline import inline
from isbench.report.page import CURVES, PHASES, VERSUS, Drawn, render
from isbench.store.atomic import atomic_write
from isbench.store.export import write_tables
from isbench.verdicts import write as write_verdicts
from isbench.verdicts.summary import Findings

FAMILIES: dict[str, Callable[[Results], list[style.Picture]]] = {
    "As the papers draw it: against seconds": paper.pictures,
    "Budgets: random subsets and selection": budget_figures.pictures,
    "As paper 002 draws it: against epochs": against_epochs.pictures,
    "The size of the bank": bank.pictures,
    "As paper 003 draws it: equal epochs and equal time": epochs_and_time.pictures,
    CURVES: curves.pictures,
    PHASES: phases.pictures,
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


def report(folder: Path) -> Path:
    """Write tables, verdicts, figures and report.html into a results folder; returns the page.

    UsageError where there is no plan, EnvironmentFault where a record is damaged.
    """
    results = frames.load(folder)
    write_tables(results.store, results.plan)
    found = write_verdicts(folder)
    page = folder / "report.html"
    atomic_write(page, render(results, found, draw(results, found, folder / "figures")))
    return page


def draw(results: Results, found: Findings, folder: Path) -> dict[str, list[Drawn]]:
    """Draw and save every figure; returns them by family, those that have any."""
    drawn: dict[str, list[Drawn]] = {}
    taken: set[str] = set()
    families: dict[str, Callable[[], list[style.Picture]]] = {VERSUS: lambda: versus.pictures(results, found)}
    families |= {title: partial(family, results) for title, family in FAMILIES.items()}
    for title, family in families.items():
        with rc_context(style.SETTINGS):
            pictures = family()
        for picture in pictures:
            picture = replace(picture, name=unused(picture.name, taken))
            svg = inline(style.save(picture, folder), picture)
            drawn.setdefault(title, []).append(Drawn(picture.name, picture.caption, svg))
    return drawn | {VERSUS: _with_narrow(drawn[VERSUS], results, found)} if VERSUS in drawn else drawn


def _with_narrow(drawn: list[Drawn], results: Results, found: Findings) -> list[Drawn]:
    """Figures with what takes their places on a small page; it is not saved."""
    with rc_context(style.SETTINGS):
        narrow = versus.pictures(results, found, narrow=True)
    pairs = zip(drawn, narrow, strict=True)
    named = [(one, replace(small, name=f"{one.name}-narrow")) for one, small in pairs]
    return [replace(one, narrow=inline(style.vector(small), small)) for one, small in named]


def unused(name: str, taken: set[str]) -> str:
    """A name that no figure has yet; labels may differ only in what a file name cannot show."""
    number = 1
    while (found := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    taken.add(found)
    return found
