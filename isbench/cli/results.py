"""Commands that work on results folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isbench import console
from isbench.cli.options import Json
from isbench.errors import CellsFailed


def report(
    folder: Annotated[Path, typer.Argument(help="A results folder, or one that holds several.")],
) -> None:
    """Write tables, verdicts, figures and report again from results.

    Example: isbench report results/smoke
    """
    from isbench.report import report as write
    from isbench.verdicts import below

    for results in below(folder):
        console.say(str(write(results)))


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
