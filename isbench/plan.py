"""From a recipe to blocks of cells: who runs with which seed, in which order, for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from isbench.errors import RecipeError
from isbench.recipe.schema import Arm, BudgetSpec, Recipe, Setting
from isbench.samplers import catalogue
from isbench.samplers.tau import break_even
from isbench.store.plans import Block, BreakEven, Card, Pilot, Plan
from isbench.store.records import Budget, Cell, Costs, SamplerSpec, digest

PILOTS = 3


@dataclass(frozen=True)
class Ground:
    """What a plan depends on besides the recipe."""

    device: str
    lag: int
    threads: int
    machine: str
    costs: Callable[[Setting, Arm], Costs]
    pilot_seed: Callable[[int], int]
    notes: tuple[str, ...] = ()


def make_plan(recipe: Recipe, ground: Ground, frozen: Mapping[str, float]) -> Plan:
    """All cells of a recipe; equal-time budgets whose pilots are not in `frozen` have no blocks yet.

    `frozen` maps the key of a pilot to its seconds.
    """
    cells: dict[str, Cell] = {}
    pilots: list[Pilot] = []
    budgets: dict[tuple[str, str], Budget | None] = {}
    for setting in recipe.settings:
        for spec in setting.budgets:
            budget = fixed(spec)
            if spec.like is not None:
                pilot, trial = plan_pilot(setting, spec, ground, frozen)
                cells |= trial
                pilots.append(pilot)
                budget = pilot_budget(spec, pilot)
            budgets[setting.variant, spec.name] = budget
    blocks = []
    for position, seed in enumerate(recipe.seeds):
        for setting in recipe.settings:
            for spec in setting.budgets:
                budget = budgets[setting.variant, spec.name]
                if budget is not None:
                    block = plan_block(setting, budget, seed, position, ground)
                    cells |= block
                    blocks.append(
                        Block(
                            seed=seed,
                            variant=setting.variant,
                            budget=spec.name,
                            cells=tuple(block),
                            labels=tuple(cell.sampler.label for cell in block.values()),
                        )
                    )
    return Plan(
        name=recipe.name,
        profile=recipe.profile,
        recipe=digest(recipe.model_dump(mode="json", exclude={"text", "file", "seeds"})),
        recipe_file=recipe.file,
        machine=ground.machine,
        record=recipe.record,
        cells=cells,
        pilots=tuple(pilots),
        blocks=tuple(blocks),
        cards=cards(recipe),
        break_even=break_evens(recipe, ground),
        notes=(*notes(recipe), *ground.notes),
    )


def plan_block(setting: Setting, budget: Budget, seed: int, position: int, ground: Ground) -> dict[str, Cell]:
    """One seed, every arm; the order rotates from seed to seed, so that none always runs first."""
    first = position % len(setting.arms)
    block: dict[str, Cell] = {}
    for arm in (*setting.arms[first:], *setting.arms[:first]):
        cell = make_cell(setting, arm, budget, seed, ground)
        if cell.id in block:
            twin = block[cell.id].sampler.label
            raise RecipeError(
                f"samplers: '{arm.sampler.label}' and '{twin}' are the same run under two names"
            )
        block[cell.id] = cell
    return block


def plan_pilot(
    setting: Setting, spec: BudgetSpec, ground: Ground, frozen: Mapping[str, float]
) -> tuple[Pilot, dict[str, Cell]]:
    """Three ordinary cells of the baseline on seeds of their own."""
    arm = next(arm for arm in setting.arms if arm.sampler.label == spec.like)
    budget = spent(spec)
    trial = {
        cell.id: cell
        for number in range(PILOTS)
        for cell in [make_cell(setting, arm, budget, ground.pilot_seed(number), ground)]
    }
    pilot = Pilot(budget=spec.name, variant=setting.variant, like=arm.sampler.label, cells=tuple(trial))
    return pilot.model_copy(update={"seconds": frozen.get(pilot_key(pilot))}), trial


def pilot_key(pilot: Pilot) -> str:
    """What a frozen budget belongs to: exactly these three runs."""
    return digest(pilot.cells)


def pilot_budget(spec: BudgetSpec, pilot: Pilot) -> Budget | None:
    """The equal-time budget, once the pilot has run."""
    if pilot.seconds is None:
        return None
    return Budget(name=spec.name, amount=pilot.seconds, unit="seconds", fraction=spec.fraction)


def fixed(spec: BudgetSpec) -> Budget | None:
    """A budget that needs no pilot."""
    return None if spec.like else spent(spec)


def spent(spec: BudgetSpec) -> Budget:
    """The budget as it is written, of a run that ends by what it trains."""
    return Budget(name=spec.name, amount=spec.amount, unit=spec.unit, fraction=spec.fraction)


def make_cell(setting: Setting, arm: Arm, budget: Budget, seed: int, ground: Ground) -> Cell:
    """One run of one arm."""
    return Cell(
        dataset=setting.dataset,
        model=setting.model,
        sampler=canonical(arm),
        optimizer=arm.optimizer,
        schedule=arm.schedule,
        batch=arm.batch,
        budget=budget,
        seed=seed,
        points=setting.points,
        precision=setting.precision,
        threads=setting.threads or ground.threads,
        device=ground.device,
        lag=ground.lag,
        costs=ground.costs(setting, arm),
        variant=setting.variant,
    )


def canonical(arm: Arm) -> SamplerSpec:
    """The sampler with the options that differ from its defaults: saying a default changes nothing."""
    spec = arm.sampler
    mirror = {key: value for key, value in spec.options.items() if (key, value) == ("mirror", "code")}
    default = catalogue.resolve(spec.name, mirror, arm.batch)
    chosen = catalogue.resolve(spec.name, spec.options, arm.batch)
    differing = mirror | {key: value for key, value in chosen.items() if value != default.get(key)}
    start = catalogue.resolve_start(spec.name, spec.options, spec.start, arm.batch)
    version = catalogue.CATALOGUE[spec.name].version
    return spec.model_copy(update={"options": differing, "start": start, "version": version})


def cards(recipe: Recipe) -> tuple[Card, ...]:
    """What the report says of each arm."""
    arms = {arm.sampler.label: arm for setting in recipe.settings for arm in setting.arms}
    return tuple(
        Card(
            label=label,
            name=spec.name,
            summary=entry.summary,
            paper=entry.paper,
            unbiased=entry.unbiased,
            cost=entry.cost,
            deviations=entry.deviations,
            start=start_text(spec),
            options=catalogue.resolve(spec.name, spec.options, arm.batch),
        )
        for label, arm in arms.items()
        for spec, entry in [(canonical(arm), catalogue.CATALOGUE[arm.sampler.name])]
    )


def break_evens(recipe: Recipe, ground: Ground) -> tuple[BreakEven, ...]:
    """For every arm that scores a pool or waits for tau: what a step of it costs over one of uniform."""
    found: list[BreakEven] = []
    pairs = [(setting, arm) for setting in recipe.settings for arm in setting.arms]
    for setting, arm in pairs:
        spec, entry = canonical(arm), catalogue.CATALOGUE[arm.sampler.name]
        options = catalogue.resolve(spec.name, spec.options, arm.batch)
        pool, above = options.get("pool"), spec.start.options.get("above")
        pool = pool if isinstance(pool, int) else None
        if entry.score is None or (pool is None and above is None):
            continue
        costs = ground.costs(setting, arm)
        found.append(
            BreakEven(
                variant=setting.variant,
                label=spec.label,
                batch=arm.batch,
                pool=pool,
                rho=costs.rho,
                score=costs.score,
                above=above if isinstance(above, int | float) else None,
                paper=None if pool is None else entry.threshold(options, arm.batch),
                measured=None if pool is None else break_even(pool, arm.batch, costs.rho, costs.score),
            )
        )
    return tuple(found)


def start_text(spec: SamplerSpec) -> str:
    """A start criterion in words."""
    options = ", ".join(f"{key} {value}" for key, value in spec.start.options.items())
    return f"{spec.start.name} ({options})" if options else spec.start.name


def notes(recipe: Recipe) -> tuple[str, ...]:
    """What a reader must know of the set-up, arm by arm."""
    arms = [canonical(arm) for setting in recipe.settings for arm in setting.arms]
    return (*pretraining(recipe), *free_starts(arms))


def pretraining(recipe: Recipe) -> list[str]:
    """What models learn beforehand."""
    specs = [(setting.model.name, setting.model.pretrain) for setting in recipe.settings]
    return list(
        dict.fromkeys(
            f"{name} is trained for {before.epochs:g} epochs on {before.dataset.name} first: once for all "
            "arms and seeds, off every clock; its last layer begins anew."
            for name, before in specs
            if before is not None
        )
    )


def free_starts(arms: Iterable[SamplerSpec]) -> list[str]:
    """Arms that start by what they are not charged for."""
    return list(
        dict.fromkeys(
            f"{spec.label} starts by the {spec.start.options['of']} loss, which costs it no time: "
            "free information that uniform does not use."
            for spec in arms
            if spec.start.options.get("of") in ("val", "test")
        )
    )
