"""Commands that work on results folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from isbench import console
from isbench.cli.options import Json
from isbench.errors import CellsFailed, EnvironmentFault, IsbenchError, UsageError


def report(
    folders: Annotated[list[Path], typer.Argument(help="Results folders, or folders that hold several.")],
    json: Json = False,
) -> None:
    """Write tables, verdicts, figures and report again from results, and show what they say together.

    Example: isbench report results
    """
    from isbench.verdicts import across, across_texts, claim_texts

    pages, claims, lost = written(folders)
    if pages:
        together = across(page.parent for page in pages)
        console.show_reports(pages, claims, claim_texts(claims), together, across_texts(together), json)
    if len(lost) > 1:
        for error in lost.values():
            console.fail(str(error))
        raise EnvironmentFault(f"{len(lost)} folders have no report: {', '.join(lost)}")
    for error in lost.values():
        raise error


def written(folders: list[Path]) -> tuple[list[Path], list[dict[str, Any]], dict[str, IsbenchError]]:
    """The pages of all results folders there, their claims, and what is wrong with those that have none."""
    from isbench.report import report as write
    from isbench.verdicts import below, claimed

    pages: list[Path] = []
    claims: list[dict[str, Any]] = []
    lost: dict[str, IsbenchError] = {}
    found: list[Path] = []
    for folder in folders:
        try:
            found += below(folder)
        except UsageError as error:
            lost[str(folder)] = error
    for results in dict.fromkeys(found):
        try:
            pages.append(write(results))
            claims += claimed(results)
        except IsbenchError as error:
            name = str(results)
            lost[name] = error if name in str(error) else type(error)(f"{name}: {error}")
    return pages, claims, lost


def compare(
    first: Annotated[Path, typer.Argument(help="A results folder, or one that holds several.")],
    second: Annotated[Path, typer.Argument(help="What is compared with it, arm by arm.")],
    json: Json = False,
) -> None:
    """Compare the arms of one results folder with the same arms of another.

    Example: isbench compare results/smoke elsewhere/smoke
    """
    from isbench.verdicts import between

    met = between(first, second)
    for note in met.notes:
        console.note(note)
    if not met.comparisons:
        raise CellsFailed(f"nothing to compare between {first} and {second}", "see their plan.json")
    console.show_comparison(met.rows, met.texts, met.notes, json)
