"""A recipe on this machine: where its results go, and what its plan must know of data, model and device."""

from __future__ import annotations

import fnmatch
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from isbench.bench import machine, pretrain
from isbench.bench.costs import counter, slow_norms
from isbench.bench.process import PINNED, Worker
from isbench.datasets import catalogue as datasets
from isbench.datasets.base import Facts
from isbench.datasets.files import default_root
from isbench.errors import EnvironmentFault, UsageError
from isbench.models import catalogue as models
from isbench.plan import Frozen, Ground, make_plan, pilot_key
from isbench.recipe import Source, check_facts, open_recipe
from isbench.recipe.schema import Recipe, Setting
from isbench.store.atomic import atomic_write
from isbench.store.plans import Environment, Pilot, Plan
from isbench.store.store import Store
from isbench.train import device as devices


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line, besides the recipe."""

    out: Path = Path("results")
    data: Path | None = None
    device: str = "auto"
    only: str = "*"
    fresh: bool = False
    retry_failed: bool = False
    max_hours: float | None = None

    @property
    def root(self) -> Path:
        """Where data sets lie."""
        return self.data or default_root()


@dataclass(frozen=True)
class Opened:
    """A recipe, and where its parts stand in its file."""

    recipe: Recipe
    source: Source

    @property
    def folder(self) -> Path:
        """Where the recipe's relative paths start."""
        file = Path(self.recipe.file)
        return file.parent.resolve() if file.is_file() else Path.cwd()


@dataclass(frozen=True)
class Site:
    """A recipe on this machine: where its results go, and how its plan is made."""

    opened: Opened
    request: Request
    store: Store
    ground: Ground
    facts: Mapping[str, Facts]  # of the data, by variant
    python: str = sys.executable  # that its cells run in
    environment: Environment = field(default_factory=Environment)

    def plan(self, frozen: Mapping[str, Frozen]) -> Plan:
        """The plan with what these pilots have measured."""
        plan = make_plan(self.opened.recipe, self.ground, frozen)
        here = {"recipe_place": self.place, "environment": self.environment}
        return plan.model_copy(update=here).with_extras_of(self.store.plan())

    def beside(self) -> Plan:
        """The plan that probes or trials are added to; of a recipe that has changed, its races anew.

        Equal time stays as it was measured on this machine.
        """
        old = self.stored_plan()
        here = old is not None and old.machine == self.ground.machine
        plan = self.plan(measured(old.pilots if old is not None and here else ()))
        if old is None or not old.raced:  # a folder without races has none to miss
            extras = {cell: plan.cells[cell] for cell in plan.probed | plan.tuned}
            return plan.model_copy(update={"blocks": (), "pilots": (), "cells": extras})
        if here and old.recipe == plan.recipe:  # of other seeds, perhaps
            return plan.model_copy(update={"blocks": old.blocks, "pilots": old.pilots, "cells": old.cells})
        return plan

    def frozen_budgets(self) -> dict[str, Frozen]:
        """What the pilots of the folder's plan have measured, by their keys."""
        old = self.stored_plan()
        return measured(() if old is None or self.request.fresh else old.pilots)

    @property
    def place(self) -> str:
        """Where the recipe lies as seen from the results; a shipped one lies nowhere."""
        file = Path(self.opened.recipe.file)
        return os.path.relpath(file.resolve(), self.store.folder.resolve()) if file.is_file() else ""

    def other_text(self) -> bool:
        """Whether the folder's recipe reads differently from this one."""
        kept = self.store.folder / "recipe.yaml"
        return not kept.is_file() or kept.read_text() != self.opened.recipe.text

    def stored_plan(self) -> Plan | None:
        """The plan that the folder holds; refused if it is another recipe's, or timed on another machine."""
        old, recipe = self.store.plan(), self.opened.recipe
        if old is None:
            return None
        moved = old.recipe_place != self.place and self.other_text()
        if (old.name, old.profile) != (recipe.name, recipe.profile) or moved:
            raise EnvironmentFault(
                f"{self.store.folder} holds the results of {old.recipe_file}, not of {recipe.file}",
                "choose another folder with --out",
            )
        frozen = any(pilot.timed and pilot.seconds is not None for pilot in old.pilots)
        if frozen and old.machine != self.ground.machine and not self.request.fresh:
            raise EnvironmentFault(
                f"the equal-time budgets in {self.store.folder} were measured on another machine",
                "choose another folder with --out, or start again with --fresh",
            )
        return old


def measured(pilots: Iterable[Pilot]) -> dict[str, Frozen]:
    """What some pilots have measured, by their keys."""
    return {
        pilot_key(pilot): Frozen(pilot.seconds, pilot.metric, pilot.first, pilot.last)
        for pilot in pilots
        if pilot.seconds is not None
    }


def open_sites(
    recipes: list[str], profile: str | None, sets: list[str] | None, seeds: int | None, request: Request
) -> list[Site]:
    """All recipes of a command, checked before the first one is run."""
    opened = [Opened(*open_recipe(recipe, profile, tuple(sets or ()), seeds)) for recipe in recipes]
    return [open_site(each, request) for each in opened]


def open_site(opened: Opened, request: Request) -> Site:
    """Look at data, model and machine, and say what a plan must know of them."""
    device, recipe = devices.choose(request.device), opened.recipe
    check_only(recipe, request.only)
    if recipe.gate.exact and device.type != "cpu":
        advice = f"only a processor gives the same bits again, and this is {device}; add --device cpu"
        raise opened.source.error(advice, recipe.settings[0].variant, "gate", "exact")
    facts: dict[str, Facts] = {}
    for setting in recipe.settings:
        facts[setting.variant] = describe(opened, setting, request.root)
    check_facts(recipe, opened.source, facts)

    ground = Ground(
        device=str(device),
        lag=devices.LAG[device.type],
        threads=devices.default_threads(),
        machine=machine.fingerprint(device),
        costs=counter(facts),
        pilot_seed=lambda number: devices.stream_seed(number, "pilot") % 2**31,
        metric=lambda setting: facts[setting.variant].metrics[0],
        notes=slow_norms(recipe, facts),
    )
    name = f"{recipe.name}-{recipe.profile}" if recipe.profile else recipe.name
    return Site(opened, request, Store(request.out / name), ground, facts)


def describe(opened: Opened, setting: Setting, root: Path) -> Facts:
    """What a plan must know of the data; what does not fit is blamed where it stands."""
    part = ("dataset",)
    try:
        facts = datasets.describe(datasets.located(setting.dataset, opened.folder), root)
        part = ("model",)
        with devices.global_stream(0, "plan"):
            models.build(models.located(setting.model, opened.folder), facts.shape, facts.outputs)
        if setting.model.pretrain is not None:
            part = ("model", "pretrain", "dataset")
            before = pretrain.located(setting.model.pretrain, opened.folder).dataset
            pretrain.check(setting.model, facts, datasets.describe(before, root))
    except (UsageError, RuntimeError, MemoryError) as error:  # torch's allocator raises RuntimeError
        raise opened.source.error(str(error).splitlines()[0], setting.variant, *part) from None
    except EnvironmentFault as error:  # the recipe is right, but this is where it asks for what is not here
        raise EnvironmentFault(str(opened.source.error(str(error), setting.variant, *part))) from None
    return facts


def save(site: Site, plan: Plan) -> None:
    """Write the recipe as it was given and as it was understood, and the plan."""
    atomic_write(site.store.folder / "recipe.yaml", site.opened.recipe.text)
    resolved = site.opened.recipe.model_dump_json(indent=1, exclude={"text"})
    atomic_write(site.store.folder / "recipe.resolved.json", resolved + "\n")
    site.store.save_plan(plan)


@contextmanager
def at_work(site: Site) -> Iterator[Worker]:
    """A worker that knows on what it runs."""
    variables = PINNED if site.opened.recipe.gate.exact else {}
    with Worker(site.request.root, site.opened.folder, site.python, variables) as worker:
        worker.facts = worker.describe(site.ground.device)
        yield worker


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One run at a time in a results folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise EnvironmentFault(f"another run is writing to {folder}", "wait for it or choose --out") from None
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write to {folder}: {error.strerror}", "choose another --out"
        ) from error
    try:
        yield
    finally:
        lock.release()


def check_only(recipe: Recipe, only: str) -> None:
    """Refuse a pattern that names no arm."""
    labels = {arm.sampler.label for setting in recipe.settings for arm in setting.arms}
    if not fnmatch.filter(sorted(labels), only):
        raise UsageError(f"--only {only}: no arm has such a label", f"there are {', '.join(sorted(labels))}")
