"""Commands for CI jobs: check results, and keep what they are compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isbench import console
from isbench.cli.options import Json

Folder = Annotated[Path, typer.Argument(help="A results folder.")]
Folders = Annotated[Path, typer.Argument(help="A results folder, or one that holds several.")]
Name = Annotated[str, typer.Argument(help="A baseline's name, for results/baselines/NAME.json, or a file.")]
Baseline = Annotated[str, typer.Option(help="What to compare with: a name, or a file that ends in .json.")]
Tier = Annotated[str, typer.Option(help="What to compare: exact, ratio, time or all.")]
FailUnder = Annotated[float | None, typer.Option(min=0, help="The speed-up that every arm must surely have.")]
MaxSlowdown = Annotated[str, typer.Option(help="Instead of the recipe's slowdown: 5%.")]
Strict = Annotated[bool, typer.Option(help="What is open fails too, with exit code 5.")]
Junit = Annotated[Path | None, typer.Option(help="Write JUnit XML.")]
Summary = Annotated[Path | None, typer.Option(help="Append Markdown, such as to $GITHUB_STEP_SUMMARY.")]
Action = Annotated[Path | None, typer.Option(help="Write JSON for github-action-benchmark.")]
Bencher = Annotated[Path | None, typer.Option(help="Write JSON for bencher.")]


def check(
    folder: Folders,
    baseline: Baseline = "",
    tier: Tier = "all",
    fail_under: FailUnder = None,
    max_slowdown: MaxSlowdown = "",
    strict: Strict = False,
    junit: Junit = None,
    summary: Summary = None,
    export_benchmark_action: Action = None,
    export_bencher: Bencher = None,
    json: Json = False,
) -> None:
    """Say whether results pass: exit 3 for lost cells, 4 for a regression, 5 for an open one (--strict).

    Example: isbench check results/ci --baseline ci --tier exact
    """
    from isbench import gate

    asked = gate.asked(baseline, tier, fail_under, max_slowdown, strict)
    found = [gate.check(each, asked) for each in gate.folders(folder, asked)]
    files = gate.Files(junit, summary, export_benchmark_action, export_bencher)
    gate.write(found, folder, files)
    console.show_check([gate.content(each) for each in found], json)
    gate.fail(found)


def save(name: Name, folder: Folder) -> None:
    """Keep what a results folder says, to compare later ones with it.

    Example: isbench baseline save ci results/ci
    """
    from isbench import gate

    console.say(str(gate.save(name, folder)))


def show(name: Name, json: Json = False) -> None:
    """Show what a baseline holds.

    Example: isbench baseline show ci
    """
    from isbench import gate

    console.show_baseline(gate.shown(name), json)


def diff(name: Name, folder: Folder, json: Json = False) -> None:
    """Show how a results folder differs from a baseline; judges nothing.

    Example: isbench baseline diff ci results/ci
    """
    from isbench import gate

    console.show_check([gate.diff(name, folder)], json)
