"""Commands that show what recipes can say: listings, cards, a recipe to start from, the schema."""

from __future__ import annotations

from typing import Annotated

import typer

from isbench import console
from isbench.cli.options import Json
from isbench.errors import UsageError


def list_(
    kind: Annotated[
        str, typer.Argument(help="samplers, datasets, augmentations, models, starts, scores, rules.")
    ] = "",
    json: Json = False,
) -> None:
    """List what recipes can name.

    Example: isbench list samplers
    """
    from isbench import cards

    console.show_listing(cards.listing(kind), json)


def show(
    name: Annotated[
        str, typer.Argument(help="A sampler, data set, augmentation, model, start, score or rule.")
    ],
) -> None:
    """Show a card: options, cost, source and deviations.

    Example: isbench show highest-loss-cdf
    """
    from isbench import cards

    console.say(cards.card(name))


def init(
    what: Annotated[str, typer.Argument(help="A recipe, smoke, mnist or ci, or a CI workflow.")] = "smoke",
) -> None:
    """Print a commented recipe to start from, or a workflow for GitHub.

    Example: isbench init mnist > my.yaml
    """
    from isbench import gate
    from isbench.recipe import find

    if what == "workflow":
        return console.say(gate.workflow().rstrip())
    if what not in ("smoke", "mnist", "ci"):
        raise UsageError(f"there is no '{what}' to start from", "there are smoke, mnist, ci and workflow")
    return console.say(find.contents(find.shipped()[what], what).rstrip())


def schema() -> None:
    """Print the JSON Schema of recipes, for editors.

    Example: isbench schema > isbench.schema.json
    """
    from isbench.recipe import json_schema

    console.dump(json_schema())
