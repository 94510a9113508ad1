"""Arguments and options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Recipe = Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped recipe.")]
Recipes = Annotated[list[str], typer.Argument(help="Recipe files, or names of shipped recipes.")]
Sets = Annotated[list[str] | None, typer.Option("--set", help="Change one value: --set model.hidden=[64].")]
Profile = Annotated[str | None, typer.Option(help="One of the recipe's profiles.")]
Only = Annotated[str, typer.Option(help="Run only arms whose label matches, such as 'dlis*'.")]
Seeds = Annotated[int | None, typer.Option(min=1, help="Use the seeds 0 to N-1.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Out = Annotated[Path, typer.Option(help="The folder that results folders are made in.")]
Data = Annotated[Path | None, typer.Option(envvar="ISBENCH_DATA", help="Where data sets lie.")]
Fresh = Annotated[bool, typer.Option(help="Run everything again.")]
RetryFailed = Annotated[bool, typer.Option(help="Run failed cells again.")]
MaxHours = Annotated[float | None, typer.Option(min=0, help="Start no cell after so many hours.")]
Pythons = Annotated[
    list[str] | None,
    typer.Option("--python", help="Run in two environments in turns: base=/a/bin/python head=/b/bin/python."),
]
DryRun = Annotated[bool, typer.Option(help="Show the plan and run nothing.")]
Quiet = Annotated[bool, typer.Option(help="No progress.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]

RESULTS = Path("results")
