"""A plan: all cells of a recipe, block by block, and the pilots before them."""

from __future__ import annotations

from collections.abc import Mapping

from isbench.plan.cards import break_evens, cards, notes
from isbench.plan.cells import Ground, plan_block
from isbench.plan.pilots import Frozen, allotted, ladder, needed, plan_pilot, primary
from isbench.recipe.schema import Recipe
from isbench.store.plans import Block, Pilot, Plan
from isbench.store.records import Budget, Cell, digest

# what may change while the runs stay the same
UNASKED = {"text", "file", "seeds", "primary", "targets", "expect", "gate"}


def make_plan(recipe: Recipe, ground: Ground, frozen: Mapping[str, Frozen]) -> Plan:
    """All cells of a recipe; equal-time budgets whose pilots are not in `frozen` have no blocks yet.

    `frozen` maps the key of a pilot to what it has measured.
    """
    question = primary(recipe, ground)
    cells: dict[str, Cell] = {}
    pilots: list[Pilot] = []
    budgets: dict[tuple[str, str], Budget | None] = {}
    for setting in recipe.settings:
        for spec in setting.budgets:
            pilot = None
            if needed(recipe, question, spec):
                pilot, trial = plan_pilot(setting, spec, question, ground, frozen)
                cells |= trial
                pilots.append(pilot)
            budgets[setting.variant, spec.name] = allotted(spec, pilot)
    blocks, raced = plan_blocks(recipe, budgets, ground)
    return Plan(
        name=recipe.name,
        profile=recipe.profile,
        recipe=digest(recipe.model_dump(mode="json", exclude=UNASKED, exclude_defaults=True)),
        recipe_file=recipe.file,
        machine=ground.machine,
        record=recipe.record,
        primary=question,
        targets=ladder(recipe, question),
        expect=recipe.expect,
        gate=recipe.gate,
        cells=cells | raced,
        pilots=tuple(pilots),
        blocks=blocks,
        cards=cards(recipe),
        break_even=break_evens(recipe, ground),
        notes=(*notes(recipe), *ground.notes),
    )


def plan_blocks(
    recipe: Recipe, budgets: Mapping[tuple[str, str], Budget | None], ground: Ground
) -> tuple[tuple[Block, ...], dict[str, Cell]]:
    """Blocks, seeds outermost, and their cells; a budget that is not known yet has none."""
    blocks: list[Block] = []
    cells: dict[str, Cell] = {}
    for position, seed in enumerate(recipe.seeds):
        for setting in recipe.settings:
            for spec in setting.budgets:
                budget = budgets[setting.variant, spec.name]
                if budget is None:
                    continue
                block = plan_block(setting, budget, seed, position, ground)
                cells |= block
                labels = tuple(cell.sampler.label for cell in block.values())
                place = {"seed": seed, "variant": setting.variant, "budget": spec.name}
                blocks.append(Block(**place, cells=tuple(block), labels=labels))
    return tuple(blocks), cells
