"""Equal tuning: as many trials of every arm, chosen by validation, and the recipe with what was chosen.

A trial is an ordinary cell on a seed of the stream `tune`, which sees no test set and is raced by nobody.
"""

from __future__ import annotations

import os
from pathlib import Path

from isbench.bench.run import Todo, Watch, failures, stopping
from isbench.bench.site import Site, at_work, locked, save
from isbench.plan import make_cell, spent
from isbench.recipe.schema import Setting
from isbench.recipe.tuned import tuned_recipe
from isbench.store.atomic import atomic_write
from isbench.store.export import write_tables
from isbench.store.plans import Plan, Trial
from isbench.store.records import Budget, Cell, Options
from isbench.store.tuning import Tried, at_edges, chosen, out_of_memory, settled, tried
from isbench.train.device import stream_seed

TUNED = "tuned.yaml"


def tune(site: Site, watch: Watch) -> list[str]:
    """Run the trials that are missing, write tables and the tuned recipe; returns what has no result."""
    if not any(setting.tuning for setting in site.opened.recipe.settings):
        message = "nothing says what to tune; add `tuning: {trials: 8, space: {optimizer.lr: [1e-3, 1e-2]}}`"
        raise site.opened.source.error(message, site.opened.recipe.settings[0].variant)
    with locked(site.store.folder), stopping():
        plan, todo = plan_trials(site, site.beside()), Todo(site, watch)
        if site.request.fresh:
            site.store.forget(plan.tuned)
        save(site, plan)
        for note in dict.fromkeys((*plan.notes, *fewer(plan))):
            watch.say(f"note: {note}")
        cells = [cell for block in plan.trial_blocks for cell in plan.placed(block) if todo.wanted(cell)]
        with at_work(site) as worker:
            site.store.save_machine(worker.machine, worker.facts)
            todo.run(plan, cells, worker, record=())
        write_tables(site.store, plan)
        write_tuned(site, plan)
    return failures(plan, plan.trial_blocks, todo)


def plan_trials(site: Site, plan: Plan) -> Plan:
    """The plan with the trials of every arm, on tuning seeds."""
    trials: list[Trial] = []
    cells: dict[str, Cell] = {}
    for setting in site.opened.recipe.settings:
        if setting.tuning is None:
            continue
        seeds = [stream_seed(number, "tune") % 2**31 for number in range(setting.tuning.seeds)]
        for label, grid in setting.tuning.grids.items():
            for number, each in enumerate(grid, start=1):
                made = [make_cell(setting, each.arm, budget(setting), seed, site.ground) for seed in seeds]
                runs = [cell.model_copy(update={"tuned": True, "points": (1.0,)}) for cell in made]
                cells |= {cell.id: cell for cell in runs}
                place = {"variant": setting.variant, "label": label, "number": number}
                asked, identities = setting.tuning.trials, tuple(cell.id for cell in runs)
                trials.append(Trial(**place, asked=asked, options=each.options, cells=identities))
    return plan.model_copy(update={"tuning": tuple(trials), "cells": plan.cells | cells})


def budget(setting: Setting) -> Budget:
    """What every trial spends: the first budget that needs no pilot, else what the first pilot trains for."""
    return spent(next((spec for spec in setting.budgets if spec.like is None), setting.budgets[0]))


def fewer(plan: Plan) -> list[str]:
    """Which arms have fewer settings to try than there are trials."""
    return [
        f"tuning: {label}{variant and f' ({variant})'} has {len(trials)} settings, not {trials[0].asked}"
        for (variant, label), trials in plan.trials.items()
        if len(trials) < trials[0].asked
    ]


def write_tuned(site: Site, plan: Plan) -> None:
    """Write the recipe with the chosen settings, once every trial has a result; until then there is none."""
    path, arms = site.store.folder / TUNED, tried(site.store, plan)
    if not all(map(settled, arms.values())):
        path.unlink(missing_ok=True)
        return
    best: dict[str, dict[str, Options]] = {}
    for (variant, label), trials in arms.items():
        found = chosen(trials)
        best.setdefault(variant, {})[label] = {} if found is None else found.trial.options
    base, folder = site.opened.folder, site.store.folder.resolve()

    def moved(place: str) -> str:
        target = base / Path(place).expanduser()
        return os.path.relpath(target, folder) if target.exists() and not Path(place).is_absolute() else place

    text = tuned_recipe(site.opened.recipe, site.opened.source, best, story(site, arms), moved)
    atomic_write(path, text)


def advice(site: Site) -> str:
    """What helps where trials have no result: of a setting that takes too much memory there never is one."""
    plan, told = site.store.plan(), []
    for (variant, label), trials in (tried(site.store, plan) if plan else {}).items():
        if found := out_of_memory(trials):
            told.append(f"{', '.join(found)} of {label}" + (f" ({variant})" if variant else ""))
    if not told:
        return "the report lists them"
    return f"memory is too small for {'; '.join(told)}: take it out of tuning.space, then tune again"


def story(site: Site, arms: dict[tuple[str, str], list[Tried]]) -> list[str]:
    """How the tuned recipe came to be, for its head."""
    recipe = site.opened.recipe
    profile = f" --profile {recipe.profile}" if recipe.profile else ""
    lines = [
        f"Made by `isbench tune {recipe.file}{profile}`: of every arm the setting with the lowest",
        "validation error (or loss, where there are no classes), a mean over tuning seeds at the end of the",
        "budget. All that was tried: tables/tuning.csv.",
    ]
    for (variant, label), trials in arms.items():
        name, best = f"{variant}: {label}" if variant else label, chosen(trials)
        found = "all diverged and it is as it was" if best is None else f"trial {best.trial.number} was best"
        found += "".join(f", {path} at the edge of its grid" for path in at_edges(trials))
        spent, seeds = trials[0].budget, len(trials[0].trial.cells)
        tested = f"{len(trials)} trials of {spent.amount:g} {spent.unit} on {seeds} seeds"
        lines.append(f"{name}: {tested}, {found}")
    return lines
