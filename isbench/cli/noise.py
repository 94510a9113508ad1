"""The command that measures how much equal runs differ on this machine."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from isbench import console, watches
from isbench.cli.options import (
    RESULTS,
    Data,
    Device,
    Fresh,
    Json,
    Out,
    Profile,
    Quiet,
    Recipe,
    RetryFailed,
    Sets,
)
from isbench.errors import CellsFailed

if TYPE_CHECKING:
    from isbench.bench.site import Site


def noise(
    recipe: Recipe,
    seeds: Annotated[int, typer.Option("--seeds", "-n", min=1, help="Use the seeds 0 to N-1.")] = 8,
    sets: Sets = None,
    profile: Profile = None,
    device: Device = "auto",
    out: Out = RESULTS,
    data: Data = None,
    fresh: Fresh = False,
    retry_failed: RetryFailed = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Run a recipe's baseline against itself, and say what differences are noise here.

    Example: isbench noise smoke -n 8
    """
    from isbench.bench.noise import open_noise
    from isbench.bench.site import Request

    request = Request(out, data, device, fresh=fresh, retry_failed=retry_failed)
    site = open_noise(recipe, profile, sets, seeds, request)
    if lost := noise_site(site, quiet, json):
        raise CellsFailed(f"{len(lost)} cells have no result, the first: {lost[0]}", "the report lists them")


def noise_site(site: Site, quiet: bool, json: bool) -> list[str]:
    """Run one A/A test and show what it says; returns what has no result."""
    from isbench.bench.noise import noise as run_missing
    from isbench.report import report
    from isbench.verdicts import noise_of

    with closing(watches.watch(quiet)) as watch:
        lost = run_missing(site, watch)
    page, found = report(site.store.folder), noise_of(site.store.folder)
    console.show_noise(page, found.record(), [each.text() for each in found.spreads], found.lines(), json)
    return lost
