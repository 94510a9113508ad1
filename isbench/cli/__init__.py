"""The command line: parse, one call, one print. What a command needs is imported inside it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from isbench import console
from isbench.cli import gate, listings, machine, noise, recipes, results
from isbench.errors import Interrupted, IsbenchError

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
baseline_app = typer.Typer(help="Keep what a check compares with.", no_args_is_help=True, **SETTINGS)
app.add_typer(baseline_app, name="baseline")


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


app.command()(recipes.run)
app.command()(recipes.probe)
app.command()(recipes.tune)
app.command()(noise.noise)
app.command()(recipes.plan)
app.command()(results.report)
app.command()(results.compare)
app.command()(gate.check)
app.command("list")(listings.list_)
app.command()(listings.show)
app.command()(machine.doctor)
app.command()(listings.init)
app.command()(listings.schema)
baseline_app.command()(gate.save)
baseline_app.command("show")(gate.show)
baseline_app.command()(gate.diff)
data_app.command()(machine.prepare)
data_app.command()(machine.verify)
