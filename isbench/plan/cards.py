"""What a plan says of its arms to whoever reads the results: cards, break-even, notes."""

from __future__ import annotations

from collections.abc import Iterable

from isbench.plan.cells import Ground, canonical
from isbench.recipe.schema import Arm, Recipe
from isbench.samplers import catalogue
from isbench.samplers.tau import break_even
from isbench.store.plans import BreakEven, Card
from isbench.store.records import SamplerSpec

FREE = "the sampler with scores for nothing: what they take is left out of its seconds, as if they were free"
PLACEBO = (
    "all the work of the sampler, its scores, weights and memory, and as large batches, drawn uniformly and "
    "unweighted: what the sampler costs without what it selects"
)
AGAIN = "uniform once more: the same initial weights, other draws; what differs from uniform is noise"
SAYS = {"placebo": PLACEBO, "free": FREE, "aa": AGAIN}


def cards(recipe: Recipe) -> tuple[Card, ...]:
    """What the report says of each arm."""
    arms = {arm.sampler.label: arm for setting in recipe.settings for arm in setting.arms}
    return tuple(card(label, arm) for label, arm in arms.items())


def card(label: str, arm: Arm) -> Card:
    """What the report says of an arm; a control arm is the sampler's, but for what the control changes."""
    spec, entry = canonical(arm), catalogue.CATALOGUE[arm.sampler.name]
    control = f"a control of {arm.of}" if arm.of else "a control"
    return Card(
        label=label,
        name=spec.name,
        summary=SAYS.get(arm.control, entry.summary),
        paper=control if arm.control else entry.paper,
        unbiased=entry.unbiased or spec.placebo,
        cost=f"{entry.cost}, of which scores count for nothing" if arm.control == "free" else entry.cost,
        deviations=entry.deviations if arm.control in ("", "free") else (),
        start=start_text(spec),
        options=catalogue.resolve(spec.name, spec.options, arm.batch),
        control=arm.control,
        of=arm.of,
    )


def break_evens(recipe: Recipe, ground: Ground) -> tuple[BreakEven, ...]:
    """For every arm that scores a pool or waits for tau: what a step of it costs over one of uniform."""
    found: list[BreakEven] = []
    pairs = [(setting, arm) for setting in recipe.settings for arm in setting.written]
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
    arms = [canonical(arm) for setting in recipe.settings for arm in setting.written]
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
