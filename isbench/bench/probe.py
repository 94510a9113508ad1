"""From a recipe to a probe of its estimators: train as the recipe says, and measure at checkpoints.

A probe cell is an ordinary cell with a budget of steps, whose grid of points are the checkpoints.
"""

from __future__ import annotations

import math

from isbench.bench.costs import slow_norms
from isbench.bench.run import Todo, Watch, failures, stopping
from isbench.bench.site import Site, at_work, locked, save
from isbench.plan import plan_block
from isbench.recipe.schema import Setting
from isbench.store.export import write_tables
from isbench.store.plans import Block, Plan
from isbench.store.records import Budget, Cell

EARLY = (0, 5, 20, 60, 200)  # updates: the bound is tested where gradients are still alike
CHECKPOINTS = 16  # of paper 001, figures 1 and 2


def probe(site: Site, watch: Watch) -> list[str]:
    """Run what is missing of a recipe's probes and write tables; returns which cells have no result."""
    with locked(site.store.folder), stopping():
        plan, todo = plan_probes(site), Todo(site, watch)
        if site.request.fresh:
            site.store.forget(plan.probed)
        save(site, plan)
        slow = slow_norms(site.opened.recipe, site.facts, probed=True)
        for note in dict.fromkeys((*plan.notes, *slow)):
            watch.say(f"note: {note}")
        cells = [cell for block in plan.probes for cell in plan.placed(block) if todo.wanted(cell)]
        with at_work(site) as worker:
            site.store.save_machine(worker.machine, worker.facts)
            todo.run(plan, cells, worker, record=())
        write_tables(site.store, plan)
    return failures(plan, plan.probes, todo)


def plan_probes(site: Site) -> Plan:
    """The folder's plan with probes of every arm."""
    plan, recipe = site.beside(), site.opened.recipe
    watched = [with_checkpoints(setting, budget(site, setting)) for setting in recipe.settings]
    blocks: list[Block] = []
    cells: dict[str, Cell] = {}
    for position, seed in enumerate(recipe.seeds):
        for setting, spent in watched:
            arms = plan_block(setting, spent, seed, position, site.ground).values()
            probed = [cell.model_copy(update={"probed": True}) for cell in arms]
            block = {cell.id: cell for cell in probed}
            labels = tuple(cell.sampler.label for cell in block.values())
            place = {"seed": seed, "variant": setting.variant, "budget": spent.name}
            blocks.append(Block(**place, cells=tuple(block), labels=labels))
            cells |= block
    return plan.model_copy(update={"probes": tuple(blocks), "cells": plan.cells | cells})


def with_checkpoints(setting: Setting, spent: Budget) -> tuple[Setting, Budget]:
    """The setting without control arms, the checkpoints as its points, and what is spent on it."""
    grid = tuple(step / spent.amount for step in checkpoints(int(spent.amount)) if step)
    return setting.model_copy(update={"points": grid, "arms": setting.written}), spent


def budget(site: Site, setting: Setting) -> Budget:
    """How many updates a probe trains: the setting's first budget that counts steps or epochs.

    Epochs are counted in batches of the first arm.
    """
    spec = next((spec for spec in setting.budgets if spec.unit in ("steps", "epochs")), None)
    if spec is None:
        message = "a probe needs a budget in steps or epochs, such as {epochs: 5}"
        raise site.opened.source.error(message, setting.variant, "budgets")
    amount = spec.amount
    if spec.unit == "epochs":
        amount *= site.facts[setting.variant].epoch_size / setting.arms[0].batch
    steps = float(max(1, math.ceil(amount)))
    return Budget(name="probe", amount=steps, unit="steps", fraction=spec.fraction)


def checkpoints(total: int) -> tuple[int, ...]:
    """The updates after which is measured: early ones, then evenly up to the last."""
    early = [step for step in EARLY if step < total]
    rest = CHECKPOINTS - len(early)
    evenly = [early[-1] + (total - early[-1]) * part / rest for part in range(1, rest + 1)]
    return tuple(dict.fromkeys([*early, *map(round, evenly)]))
