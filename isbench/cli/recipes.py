"""Commands that work on a recipe: run it, or show what it amounts to."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from isbench import console, watches
from isbench.cli.options import (
    RESULTS,
    Data,
    Device,
    DryRun,
    Fresh,
    Json,
    MaxHours,
    Only,
    Out,
    Profile,
    Pythons,
    Quiet,
    Recipe,
    Recipes,
    RetryFailed,
    Seeds,
    Sets,
)
from isbench.errors import CellsFailed

if TYPE_CHECKING:
    from isbench.bench.site import Site


def run(
    recipes: Recipes,
    sets: Sets = None,
    profile: Profile = None,
    only: Only = "*",
    seeds: Seeds = None,
    device: Device = "auto",
    out: Out = RESULTS,
    data: Data = None,
    fresh: Fresh = False,
    retry_failed: RetryFailed = False,
    max_hours: MaxHours = None,
    python: Pythons = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Run what a recipe lacks, then write tables, verdicts, figures and a report.

    Example: isbench run smoke
    """
    from isbench.bench.pair import in_both, pythons
    from isbench.bench.site import Request, open_sites

    request = Request(out, data, device, only, fresh, retry_failed, max_hours)
    two = pythons(python) if python else None
    lost: list[str] = []
    for site in open_sites(recipes, profile, sets, seeds, request):
        if dry_run:
            show_plan(site, measure=False, json=json)
        elif two:
            lost += run_pair(in_both(site, two), quiet, json)
        else:
            lost += run_site(site, quiet, json)
    if lost:
        raise CellsFailed(f"{len(lost)} cells have no result, the first: {lost[0]}", "the report lists them")


def run_site(site: Site, quiet: bool, json: bool) -> list[str]:
    """Run one recipe and show what there is to show; returns what has no result."""
    from isbench.bench.run import run as run_missing
    from isbench.report import report, summary
    from isbench.verdicts import read

    with closing(watches.watch(quiet)) as watch:
        lost = run_missing(site, watch)
    page = report(site.store.folder)
    console.show_result(page, summary(site.store.folder), read(site.store.folder), json)
    return lost


def run_pair(sites: tuple[Site, Site], quiet: bool, json: bool) -> list[str]:
    """Run one recipe in two environments and compare them; returns what has no result."""
    from isbench.bench.pair import run_in_turns
    from isbench.cli.results import compare
    from isbench.report import report

    with closing(watches.watch(quiet)) as watch:
        lost = run_in_turns(sites, watch)
    base, head = (site.store.folder for site in sites)
    for folder in (base, head):
        report(folder)
    compare(base, head, json)
    return lost


def probe(
    recipe: Recipe,
    sets: Sets = None,
    profile: Profile = None,
    only: Only = "*",
    seeds: Seeds = None,
    device: Device = "auto",
    out: Out = RESULTS,
    data: Data = None,
    fresh: Fresh = False,
    retry_failed: RetryFailed = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Train, stop at checkpoints, and measure what each score is worth there.

    Example: isbench probe mnist
    """
    from isbench.bench.site import Request, open_sites

    request = Request(out, data, device, only, fresh, retry_failed)
    (site,) = open_sites([recipe], profile, sets, seeds, request)
    lost = probe_site(site, quiet, json)
    if lost:
        raise CellsFailed(f"{len(lost)} probes have no result, the first: {lost[0]}", "the report lists them")


def probe_site(site: Site, quiet: bool, json: bool) -> list[str]:
    """Probe one recipe and show what was found; returns what has no result."""
    from isbench.bench.probe import probe as probe_missing
    from isbench.report import probe_summary, report

    with closing(watches.watch(quiet)) as watch:
        lost = probe_missing(site, watch)
    page = report(site.store.folder)
    console.show_probe(page, probe_summary(site.store.folder), json)
    return lost


def tune(
    recipe: Recipe,
    sets: Sets = None,
    profile: Profile = None,
    only: Only = "*",
    device: Device = "auto",
    out: Out = RESULTS,
    data: Data = None,
    fresh: Fresh = False,
    retry_failed: RetryFailed = False,
    max_hours: MaxHours = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Try as many settings of every arm, choose by validation, and write the tuned recipe.

    Example: isbench tune my.yaml
    """
    from isbench.bench.site import Request, open_sites

    request = Request(out, data, device, only, fresh, retry_failed, max_hours)
    (site,) = open_sites([recipe], profile, sets, None, request)
    if dry_run:
        return show_plan(site, measure=False, json=json)
    if lost := tune_site(site, quiet, json):
        from isbench.bench.tune import advice

        raise CellsFailed(f"{len(lost)} trials have no result, the first: {lost[0]}", advice(site))
    return None


def tune_site(site: Site, quiet: bool, json: bool) -> list[str]:
    """Tune one recipe and show what was chosen; returns what has no result."""
    from isbench.bench.tune import TUNED
    from isbench.bench.tune import tune as tune_missing
    from isbench.report import report, tuning_summary

    with closing(watches.watch(quiet)) as watch:
        lost = tune_missing(site, watch)
    page, tuned = report(site.store.folder), site.store.folder / TUNED
    console.show_tuning(page, tuned if tuned.is_file() else None, tuning_summary(site.store.folder), json)
    return lost


def plan(
    recipe: Recipe,
    sets: Sets = None,
    profile: Profile = None,
    seeds: Seeds = None,
    device: Device = "auto",
    out: Out = RESULTS,
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
