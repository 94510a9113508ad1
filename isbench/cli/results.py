"""Commands that work on results folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isbench import console


def report(
    folder: Annotated[Path, typer.Argument(help="A results folder, or one that holds several.")],
) -> None:
    """Write tables, figures and report again from results.

    Example: isbench report results/smoke
    """
    from isbench.report import below
    from isbench.report import report as write

    for results in below(folder):
        console.say(str(write(results)))
