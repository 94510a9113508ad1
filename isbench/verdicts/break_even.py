"""Break-even: how much variance an arm must save to win on this machine, and how much of that it saves.

An arm whose step takes c times as long as the baseline's takes 1/c as many steps in the same time. Its
steps must be worth c of the baseline's, so that it wins only if it cuts the variance of a step's gradient
more than c-fold (equation 29 of paper 001, with measured seconds for counted operations).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from isbench.stats.intervals import Interval, log_ratios, paired, ratio
from isbench.store.plans import BreakEven, Card
from isbench.verdicts import unit_costs
from isbench.verdicts.break_even_words import sentence
from isbench.verdicts.curves import Folder, Race
from isbench.verdicts.delivered import Delivered, deliveries, pool_of
from isbench.verdicts.rows import known
from isbench.verdicts.unit_costs import Pair, errors, per_sample, timed_pairs

COLUMNS = (
    *("variant", "budget", "sampler", "n", "batch", "pool", "step_us", "step_us_than"),
    *("needed", "needed_low", "needed_high", "needed_free", "needed_counted", "needed_paper"),
    *("tau_squared", "delivered", "delivered_low", "delivered_high", "rule", "share"),
    *("model_error", "model_runs", "model", "unbiased", "primary"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a step of an arm costs over one of the baseline, and what it delivers for it.

    step_us: of a step of the arm while it selects, and of the baseline, in microseconds. needed: the factor
    that it must cut the variance by; free: were its scores for nothing; counted: by counting operations.
    errors: how far the model of unit costs is off each run that it could be checked on. primary: whether
    this is the race that the benchmark asks of.
    """

    variant: str
    budget: str
    sampler: str
    than: str
    batch: int
    pool: int | None
    step_us: tuple[float, float]
    needed: Interval
    free: Interval
    counted: BreakEven | None
    delivered: Delivered
    errors: tuple[float, ...]
    unbiased: bool
    primary: bool
    place: str
    probe: str  # the command that measures what it delivers

    @property
    def n(self) -> int:
        """How many pairs the cost was measured on."""
        return self.needed.n

    @property
    def share(self) -> float | None:
        """What it delivers of what it needs; it can win above 1."""
        got = self.delivered.factor
        return None if got is None or not self.n else got.mean / self.needed.mean

    @property
    def sentence(self) -> str:
        """What it must deliver, what it delivers, and how far one is from the other."""
        return sentence(self)

    @property
    def model(self) -> str:
        """Whether unit costs add up to the runs: valid, invalid and by how much, or unchecked."""
        off = unit_costs.worst(self.errors)
        if off is None:
            return "unchecked: there is no other run to predict one from"
        if abs(off) <= unit_costs.NEAR:
            return "valid"
        return f"invalid: the model is off by {100 * abs(off):.0f} %"

    def row(self) -> dict[str, Any]:
        """As a row of break_even.csv and of summary.json."""
        got, counted = self.delivered.factor, self.counted
        found = {
            "variant": self.variant,
            "budget": self.budget,
            "sampler": self.sampler,
            "n": self.n,
            "batch": self.batch,
            "pool": self.pool,
            "step_us": self.step_us[0],
            "step_us_than": self.step_us[1],
            "needed": self.needed.mean,
            "needed_low": self.needed.low,
            "needed_high": self.needed.high,
            "needed_free": self.free.mean,
            "needed_counted": counted.measured if counted else None,
            "needed_paper": counted.paper if counted else None,
            "tau_squared": self.delivered.tau_squared,
            "delivered": got.mean if got else None,
            "delivered_low": got.low if got else None,
            "delivered_high": got.high if got else None,
            "rule": self.delivered.rule,
            "share": self.share,
            "model_error": unit_costs.worst(self.errors),
            "model_runs": len(self.errors),
            "model": self.model,
            "unbiased": self.unbiased,
            "primary": self.primary,
        }
        return {name: known(value) for name, value in found.items()}


def break_evens(folder: Folder) -> list[Measured]:
    """A row for every arm that selects, in every race where it and the baseline have been timed.

    The baseline, control arms and those that draw uniformly have nothing to deliver; they are left out.
    """
    found: list[Measured | None] = []
    for race in folder.races:
        cards = [folder.cards[label] for label in race.curves if label in folder.cards]
        found += [measured(folder, race, card) for card in cards if selects(folder, card)]
    return [one for one in found if one is not None]


def selects(folder: Folder, card: Card) -> bool:
    """Whether an arm must make up for what selecting costs: no control, nor what it is judged by."""
    return not (card.control or card.name.startswith("uniform") or card.label == folder.question.baseline)


def measured(folder: Folder, race: Race, card: Card) -> Measured | None:
    """The break-even of an arm in a race; None where no seed has a run of it and one of the baseline."""
    plan, than = folder.plan, folder.question.baseline
    pairs = timed_pairs(race, card.label, than)
    if not pairs:
        return None
    (arm, base), off = pairs[0], errors(of_variant(folder, race, card.label))
    at_work = [(work, per_sample(base)) for arm, base in pairs for work in [unit_costs.at_work(arm)] if work]
    ours, free = [work.seconds for work, _ in at_work], [work.seconds - work.scores for work, _ in at_work]
    theirs = [pace for _, pace in at_work]
    places, here = [(one.variant, one.label) for one in plan.break_even], (race.variant, card.label)
    counted = plan.break_even[places.index(here)] if here in places else None
    pool = pool_of(card) or (counted.pool if counted else None)  # plans older than options tell it there
    return Measured(
        variant=race.variant,
        budget=race.budget.name,
        sampler=card.label,
        than=than,
        batch=arm.cell.batch,
        pool=pool,
        step_us=(1e6 * arm.cell.batch * mean(ours), 1e6 * base.cell.batch * mean(theirs)),
        needed=ratio(paired(log_ratios(ours, theirs))),
        free=ratio(paired(log_ratios(free, theirs))),
        counted=counted,
        delivered=deliveries(folder, race, card, [arm for arm, _ in pairs], pool),
        errors=tuple(off[arm.cell.id] for arm, _ in pairs if arm.cell.id in off),
        unbiased=card.unbiased,
        primary=race.asked,
        place=place(folder, race, len(at_work)),
        probe=f"isbench probe {plan.recipe_file}{f' --profile {plan.profile}' if plan.profile else ''}",
    )


def of_variant(folder: Folder, race: Race, label: str) -> list[Pair]:
    """The runs of an arm beside the baseline's, in all races of a variant; those of no seed twice."""
    races = [each for each in folder.races if each.variant == race.variant]
    pairs = [pair for each in races for pair in timed_pairs(each, label, folder.question.baseline)]
    return list({arm.cell.id: (arm, base) for arm, base in pairs}.values())


def place(folder: Folder, race: Race, n: int) -> str:
    """Where it was measured."""
    task = f"{race.cell.dataset.name}/{race.cell.model.name}"
    return f"{task} ({race.title}, n = {n}, {folder.computer(race)})"


def mean(values: list[float]) -> float:
    """The mean; NaN of nothing."""
    return sum(values) / len(values) if values else math.nan
