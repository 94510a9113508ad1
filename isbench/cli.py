"""The command line: parse, one call, one print. What a command needs is imported inside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from isbench import console
from isbench.errors import CellsFailed, Interrupted, IsbenchError, UsageError

if TYPE_CHECKING:
    from isbench.bench.run import Watch
    from isbench.bench.site import Site

WELCOME = """isbench answers whether choosing training samples makes training faster on this machine. Try

  isbench run smoke               three samplers on bundled data, under a minute
  isbench list samplers           what can be compared
  isbench init mnist > my.yaml    a recipe of your own, then: isbench plan my.yaml

isbench --help has the rest."""


class Commands(TyperGroup):
    """Turns errors that a user can mend into one line and their exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (IsbenchError, Interrupted) as error:
            console.fail(str(error))
            raise typer.Exit(error.code) from None
        except KeyboardInterrupt:  # before a run has begun
            console.fail("stopped")
            raise typer.Exit(130) from None


SETTINGS: dict[str, Any] = {"pretty_exceptions_enable": False, "rich_markup_mode": None}
app = typer.Typer(cls=Commands, add_completion=False, **SETTINGS)
data_app = typer.Typer(help="Fetch data sets, and check what was fetched.", no_args_is_help=True, **SETTINGS)
app.add_typer(data_app, name="data")

Recipe = Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped recipe.")]
Recipes = Annotated[list[str], typer.Argument(help="Recipe files, or names of shipped recipes.")]
Sets = Annotated[list[str] | None, typer.Option("--set", help="Change one value: --set model.hidden=[64].")]
Profile = Annotated[str | None, typer.Option(help="One of the recipe's profiles.")]
Seeds = Annotated[int | None, typer.Option(min=1, help="Use the seeds 0 to N-1.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Out = Annotated[Path, typer.Option(help="The folder that results folders are made in.")]
Data = Annotated[Path | None, typer.Option(envvar="ISBENCH_DATA", help="Where data sets lie.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


@app.callback(invoke_without_command=True)
def main(
    ctx: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print versions.")] = False
) -> None:
    """Does importance sampling make my training faster? An honest comparison on this machine."""
    if version:
        from importlib import metadata

        console.say(f"isbench {metadata.version('isbench')}, torch {metadata.version('torch')}")
    elif ctx.invoked_subcommand is None:
        console.say(WELCOME)


@app.command()
def run(
    recipes: Recipes,
    sets: Sets = None,
    profile: Profile = None,
    only: Annotated[str, typer.Option(help="Run only arms whose label matches, such as 'dlis*'.")] = "*",
    seeds: Seeds = None,
    device: Device = "auto",
    out: Out = Path("results"),
    data: Data = None,
    fresh: Annotated[bool, typer.Option(help="Run everything again.")] = False,
    retry_failed: Annotated[bool, typer.Option(help="Run failed cells again.")] = False,
    max_hours: Annotated[float | None, typer.Option(min=0, help="Start no cell after so many hours.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Show the plan and run nothing.")] = False,
    quiet: Annotated[bool, typer.Option(help="No progress.")] = False,
    json: Json = False,
) -> None:
    """Run what a recipe lacks, then write tables, figures and a report.

    Example: isbench run smoke
    """
    from isbench.bench.site import Request, open_sites

    request = Request(out, data, device, only, fresh, retry_failed, max_hours)
    lost: list[str] = []
    for site in open_sites(recipes, profile, sets, seeds, request):
        if dry_run:
            show_plan(site, measure=False, json=json)
        else:
            lost += run_site(site, console.watch(quiet), json)
    if lost:
        raise CellsFailed(f"{len(lost)} cells have no result, the first: {lost[0]}", "the report lists them")


def run_site(site: Site, watch: Watch, json: bool) -> list[str]:
    """Run one recipe and show what there is to show; returns what has no result."""
    from isbench.bench.run import run as run_missing
    from isbench.report import report, summary

    try:
        lost = run_missing(site, watch)
    finally:
        watch.close()
    page = report(site.store.folder)
    console.show_result(page, summary(site.store.folder), json)
    return lost


@app.command()
def plan(
    recipe: Recipe,
    sets: Sets = None,
    profile: Profile = None,
    seeds: Seeds = None,
    device: Device = "auto",
    out: Out = Path("results"),
    data: Data = None,
    estimate: Annotated[bool, typer.Option(help="Measure how long it will take.")] = True,
    json: Json = False,
) -> None:
    """Show a recipe's cells and how long they will take.

    Example: isbench plan mnist --profile cpu
    """
    from isbench.bench.site import Request, open_sites

    for site in open_sites([recipe], profile, sets, seeds, Request(out, data, device)):
        show_plan(site, measure=estimate, json=json)


def show_plan(site: Site, *, measure: bool, json: bool) -> None:
    """Print a plan."""
    from isbench.bench.preview import preview

    console.show_plan(preview(site, measure=measure).content(), json)


@app.command()
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


@app.command("list")
def list_(
    kind: Annotated[str, typer.Argument(help="samplers, datasets, models, starts, scores, rules.")] = "",
    json: Json = False,
) -> None:
    """List what recipes can name.

    Example: isbench list samplers
    """
    from isbench import cards

    console.show_listing(cards.listing(kind), json)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A sampler, data set, model, start, score or rule.")],
) -> None:
    """Show a card: options, cost, source and deviations.

    Example: isbench show highest-loss-cdf
    """
    from isbench import cards

    console.say(cards.card(name))


@data_app.command()
def prepare(name: Annotated[str, typer.Argument(help="A data set.")], data: Data = None) -> None:
    """Download and check a data set; nothing else uses the network.

    Example: isbench data prepare mnist
    """
    from isbench.datasets.catalogue import prepare_named
    from isbench.datasets.files import default_root

    prepare_named(name, data or default_root(), console.watch(False).say)


@data_app.command()
def verify(name: Annotated[str, typer.Argument(help="A data set.")], data: Data = None) -> None:
    """Check the files of a data set against their published sums.

    Example: isbench data verify mnist
    """
    from isbench.datasets.catalogue import verify_named
    from isbench.datasets.files import default_root

    for line in verify_named(name, data or default_root()):
        console.say(line)


@app.command()
def doctor(
    device: Device = "auto", out: Out = Path("results"), data: Data = None, json: Json = False
) -> None:
    """Say whether this machine's times can be trusted.

    Example: isbench doctor
    """
    from isbench.bench.doctor import examine

    console.show_findings(examine(device, data, out), json)


@app.command()
def init(recipe: Annotated[str, typer.Argument(help="smoke or mnist.")] = "smoke") -> None:
    """Print a commented recipe to start from.

    Example: isbench init mnist > my.yaml
    """
    from isbench.recipe import find

    if recipe not in ("smoke", "mnist"):
        raise UsageError(f"there is no recipe '{recipe}' to start from", "there are smoke and mnist")
    console.say(find.contents(find.shipped()[recipe], recipe).rstrip())


@app.command()
def schema() -> None:
    """Print the JSON Schema of recipes, for editors.

    Example: isbench schema > isbench.schema.json
    """
    from isbench.recipe import json_schema

    console.dump(json_schema())
