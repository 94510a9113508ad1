"""From a recipe to an A/A test of this machine: its baseline against itself, with other draws.

An ordinary run of a smaller recipe, in a folder of its own. Two short runs more have the same draws, so that
whether equal runs give equal numbers here is measured and not believed.
"""

from __future__ import annotations

from isbench.bench.run import Watch, run, stopping
from isbench.bench.site import Opened, Request, Site, at_work, locked, open_site
from isbench.plan import make_cell
from isbench.recipe import open_recipe
from isbench.recipe.controls import again
from isbench.recipe.schema import Arm, Question, Recipe, Setting
from isbench.store.records import FINAL, Budget, Cell
from isbench.store.store import Store
from isbench.store.twins import STEPS, TWINS, twin

SEEDS = 8


def open_noise(
    recipe: str, profile: str | None, sets: list[str] | None, seeds: int, request: Request
) -> Site:
    """The A/A test of a recipe on this machine."""
    found, source = open_recipe(recipe, profile, tuple(sets or ()), seeds)
    return open_site(Opened(against_itself(found), source), request)


def against_itself(recipe: Recipe) -> Recipe:
    """The recipe with its baseline and the repetition of that for all arms, under a name of its own.

    Budgets and targets stay; equal time is the baseline's. What the recipe claims or tunes is of other arms.
    """
    asked = recipe.primary or Question()
    name = "-".join(filter(None, (recipe.name, recipe.profile, "noise")))
    changes = {
        "name": name,
        "profile": "",
        "record": (),
        "expect": (),
        "settings": tuple(pair(setting, asked.baseline) for setting in recipe.settings),
    }
    return recipe.model_copy(update=changes)


def pair(setting: Setting, baseline: str) -> Setting:
    """A setting with two arms: the baseline, and the baseline once more."""
    arm = arm_of(setting, baseline)
    twice = again(arm, arm).model_copy(update={"of": baseline})
    budgets = (spec.model_copy(update={"like": baseline if spec.like else None}) for spec in setting.budgets)
    return setting.model_copy(update={"arms": (arm, twice), "budgets": tuple(budgets), "tuning": None})


def arm_of(setting: Setting, label: str) -> Arm:
    """The arm with a label; recipes were checked to have it."""
    return next(arm for arm in setting.arms if arm.sampler.label == label)


def noise(site: Site, watch: Watch) -> list[str]:
    """Run what is missing of an A/A test; returns which cells have no result, and why."""
    lost = run(site, watch)
    run_twins(site, watch)
    return lost


def run_twins(site: Site, watch: Watch) -> None:
    """Run the baseline of every variant twice with the same draws, for a few steps, unless that is done."""
    todo = [(place, cell) for cell in twin_cells(site) for place in TWINS if missing(site, place, cell)]
    if not todo:
        return
    watch.say(f"{STEPS} steps of the baseline twice, with the same draws: are the numbers the same?")
    with locked(site.store.folder), stopping(), at_work(site) as worker:
        for place, cell in todo:
            worker.train(cell, at(site, place), (), first=False, heard=lambda point: None)


def missing(site: Site, place: str, cell: Cell) -> bool:
    """Whether a twin has no result yet, or is to be run again."""
    outcome = at(site, place).outcome(cell.id)
    return site.request.fresh or outcome is None or outcome.status not in FINAL


def at(site: Site, place: str) -> Store:
    """Where the twins of one kind are kept: two runs that are the same have the same id."""
    return twin(site.store, place)


def twin_cells(site: Site) -> list[Cell]:
    """A few steps of the baseline of every variant."""
    recipe, label = site.opened.recipe, (site.opened.recipe.primary or Question()).baseline
    budget = Budget(name="twins", amount=float(STEPS), unit="steps")
    found = [(setting.model_copy(update={"points": (0.5, 1.0)}), setting) for setting in recipe.settings]
    return [make_cell(short, arm_of(own, label), budget, 0, site.ground) for short, own in found]
