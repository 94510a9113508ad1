"""Two environments on one recipe: every cell in one and then in the other, so that their times are pairs."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from isbench.bench.process import Worker
from isbench.bench.run import Todo, Watch, failures, measure_pilots, stopping
from isbench.bench.site import Site, at_work, locked, save
from isbench.errors import UsageError
from isbench.plan import Frozen
from isbench.store.export import write_tables
from isbench.store.plans import Environment, Plan
from isbench.store.records import Cell
from isbench.store.store import Store


@dataclass
class Half:
    """One of the two: its site, its plan, what it has still to run and where."""

    site: Site
    todo: Todo
    worker: Worker
    plan: Plan

    def stale(self, cell: Cell) -> bool:
        """Whether a cell has no result, or one of another environment than this one."""
        outcome = self.site.store.outcome(cell.id)
        return self.todo.missing(cell) or outcome is None or outcome.machine != self.worker.machine


def pythons(given: list[str]) -> dict[str, str]:
    """The interpreters of `--python NAME=PATH`, the one that is compared with first."""
    found: dict[str, str] = {}
    for text in given:
        name, _, place = text.partition("=")
        if not place or not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
            raise UsageError(f"--python {text}: expected NAME=PATH", "such as base=/venv-a/bin/python")
        if (path := shutil.which(os.path.expanduser(place))) is None:
            raise UsageError(f"--python {text}: {place} is no program", "name a Python interpreter")
        if name in found:
            raise UsageError(f"--python: {name} is there twice", "give the two environments two names")
        found[name] = os.path.abspath(path)
    if len(found) != 2:
        raise UsageError(
            f"--python: {len(found)} environments, not two",
            "say --python base=… --python head=…; the second is compared with the first",
        )
    return found


def in_both(site: Site, interpreters: dict[str, str]) -> tuple[Site, Site]:
    """A recipe in two environments, each with a results folder of its own."""
    names, folder = list(interpreters), site.store.folder
    stores = [Store(folder.with_name(f"{folder.name}-{name}")) for name in names]
    old = [store.plan() for store in stores]
    known = {plan.environment.invocation if plan else "" for plan in old}
    invocation = known.pop() if len(known) == 1 and not site.request.fresh else ""
    base, head = (
        replace(
            site,
            store=store,
            python=interpreters[name],
            environment=Environment(name=name, invocation=invocation or uuid4().hex[:12]),
        )
        for name, store in zip(names, stores, strict=True)
    )
    update: dict[str, Any] = {"against": f"../{stores[0].folder.name}"}
    update["invocation"] = base.environment.invocation
    return base, replace(head, environment=head.environment.model_copy(update=update))


def run_in_turns(sites: tuple[Site, Site], watch: Watch) -> list[str]:
    """Run what is missing in two environments; returns which cells have no result, and why.

    A seed of an arm is run in both, one right after the other, and in the other order the next time; where
    one of the two is missing, both are run.
    """
    with ExitStack() as opened:
        for site in sites:
            opened.enter_context(locked(site.store.folder))
        opened.enter_context(stopping())
        base, head = (begin(site, watch, opened.enter_context(at_work(site))) for site in sites)
        if base.worker.machine == head.worker.machine:
            watch.say("note: both environments hold the same code and packages: this measures noise")
        frozen = pilots(base)
        head.plan = without_pilots(sites[1].plan(frozen))
        save(sites[1], head.plan)
        turns(base, head, watch)
        for half in (base, head):
            write_tables(half.site.store, half.plan)
    return [
        f"{half.todo.prefix}{lost}"
        for half in (base, head)
        for lost in failures(half.plan, half.plan.blocks, half.todo)
    ]


def begin(site: Site, watch: Watch, worker: Worker) -> Half:
    """Say what an environment is, and make its plan."""
    site.store.save_machine(worker.machine, worker.facts)
    shown = ", ".join(f"{name} {worker.facts[name]}" for name in ("isbench", "torch", "python"))
    watch.say(f"{site.environment.name}: {shown} ({site.python})")
    return Half(site, Todo(site, watch), worker, site.plan(site.frozen_budgets()))


def pilots(base: Half) -> dict[str, Frozen]:
    """Plan the first environment, run its pilots and save it; what they froze holds for both."""
    site, frozen = base.site, base.site.frozen_budgets()
    if site.request.fresh:
        site.store.forget(base.plan.raced)
    save(site, base.plan)
    for note in base.plan.notes:
        base.todo.watch.say(f"note: {note}")
    if not all(pilot.measured(base.plan.primary.metric) for pilot in base.plan.pilots):
        frozen = {**frozen, **measure_pilots(base.plan, base.todo, base.worker)}
        base.plan = site.plan(frozen)
        save(site, base.plan)
    return frozen


def without_pilots(plan: Plan) -> Plan:
    """The second environment's plan: its pilots are the first one's."""
    raced = {cell for block in plan.blocks for cell in block.cells}
    pilots = tuple(pilot.model_copy(update={"cells": ()}) for pilot in plan.pilots)
    cells = {name: cell for name, cell in plan.cells.items() if name in raced}
    return plan.model_copy(update={"pilots": pilots, "cells": cells})


def turns(base: Half, head: Half, watch: Watch) -> None:
    """Run every pair of which one is missing; who goes first alternates from seed to seed."""
    cells = {cell.id: cell for block in base.plan.blocks for cell in base.plan.placed(block)}
    seeds = list(dict.fromkeys(cell.seed for cell in cells.values()))
    wanted = [cell for cell in cells.values() if base.todo.wanted(cell)]
    due = [cell for cell in wanted if base.stale(cell) or head.stale(cell) or head.site.request.fresh]
    for number, cell in enumerate(due):
        if base.todo.late(2 * (len(due) - number)):
            return
        order = (base, head) if seeds.index(cell.seed) % 2 == 0 else (head, base)
        for half in order:  # both before either: what is stopped in between leaves no half of an older pair
            half.site.store.forget({cell.id})
        for place, half in enumerate(order, start=1):
            half.todo.train(half.plan, cell, half.worker, None, (2 * number + place, 2 * len(due)))
