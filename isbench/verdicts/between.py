"""Two results folders, arm by arm: the second against the first.

Runs are pairs where both folders ran the same seeds on the same machine; others are compared by Welch's
interval, and said to be unpaired.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from isbench.store.records import Gate
from isbench.verdicts.curves import Folder, Race, below, load
from isbench.verdicts.judge import Comparison, Names, compare
from isbench.verdicts.quantities import PACE, SPENT, Quantity, targets
from isbench.verdicts.rows import Row, row
from isbench.verdicts.words import changed, faster, spent

SETTINGS = ("model", "optimizer", "schedule", "batch", "precision", "threads", "device")


@dataclass(frozen=True, slots=True)
class Meeting:
    """What two folders have in common, compared; `notes`: what a reader must know, each once."""

    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]

    @property
    def rows(self) -> list[Row]:
        """As rows of comparisons.csv."""
        return [row(one) for one in self.comparisons]

    @property
    def texts(self) -> list[dict[str, str]]:
        """As rows that people read."""
        return [text(one) for one in self.comparisons]


@dataclass(frozen=True, slots=True)
class Match:
    """A race that both folders ran, cut to what can be compared; `paired`: at the same seeds."""

    first: Race
    second: Race
    paired: bool


def between(first: Path, second: Path) -> Meeting:
    """The comparison of two results folders, or of those of one name in two folders that hold several."""
    rows: list[Comparison] = []
    notes: list[str] = []
    for one, other in matched(below(first), below(second)):
        old, new = load(one), load(other)
        here = f"{old.name}: " if first != one else ""
        rows += meet(old, new, str(one), notes, here)
    return Meeting(tuple(rows), tuple(dict.fromkeys(notes)))


def meet(old: Folder, new: Folder, than: str, notes: list[str], here: str = "") -> list[Comparison]:
    """Every arm that both folders ran, the second against the first, which is called `than`."""
    matches = list(races(old, new, notes, here))
    if matches and old.plan.machine == new.plan.machine and not in_turns(old, new):
        notes.append(f"{here}times are of two invocations: what changed on the machine in between counts")
    return [row for match in matches for row in of_match(old, match, than, new.plan.gate)]


def in_turns(old: Folder, new: Folder) -> bool:
    """Whether one invocation ran both, cell by cell in turns."""
    return bool(new.plan.environment.invocation) and (
        old.plan.environment.invocation == new.plan.environment.invocation
    )


def matched(first: list[Path], second: list[Path]) -> list[tuple[Path, Path]]:
    """Folders to compare: one with one, or those of the same name."""
    if len(first) == len(second) == 1:
        return [(first[0], second[0])]
    by_name = {path.name: path for path in first}
    return [(by_name[path.name], path) for path in second if path.name in by_name]


def races(old: Folder, new: Folder, notes: list[str], here: str) -> Iterable[Match]:
    """The races that both folders ran; what stands between them goes to `notes`."""
    known = {(race.variant, race.budget.name): race for race in old.races}
    for race in new.races:
        before = known.get((race.variant, race.budget.name))
        if before is None:
            notes.append(f"{here}{race.title} is in the second folder only")
        elif before.cell.dataset != race.cell.dataset:
            notes.append(f"{here}{race.title} is not compared: the data differ")
        else:
            notes += differing(before, race, here)
            amount = min(before.budget.amount, race.budget.amount)
            seeds = tuple(seed for seed in before.seeds if seed in race.seeds)
            why = "" if seeds else "no common seeds"
            why = why if old.plan.machine == new.plan.machine else "different machines"
            if why:
                notes.append(f"{here}unpaired: {why} ({race.title})")
            first, second = (cut(each, each.seeds if why else seeds, amount) for each in (before, race))
            yield Match(first, second, not why)


def differing(old: Race, new: Race, here: str) -> list[str]:
    """What was set differently in two races, in words."""
    notes = []
    if old.budget.amount != new.budget.amount:
        amounts = [spent(race.budget.amount, race.budget.unit) for race in (old, new)]
        notes.append(f"{here}{new.title} had {amounts[0]} in the first folder and {amounts[1]} in the second")
    odd = [name for name in SETTINGS if getattr(old.cell, name) != getattr(new.cell, name)]
    return notes + ([f"{here}{new.title} differs in {', '.join(odd)}"] if odd else [])


def cut(race: Race, seeds: tuple[int, ...], amount: float) -> Race:
    """A race at some of its seeds, with a budget that both had."""
    return replace(race, seeds=seeds, budget=race.budget.model_copy(update={"amount": amount}))


def of_match(folder: Folder, match: Match, than: str, gate: Gate) -> list[Comparison]:
    """Every arm that both folders ran, by everything that both measured."""
    rows: list[Comparison] = []
    race = match.second
    for quantity in common(folder, match):
        for label in (label for label in race.curves if label in match.first.curves):
            names = Names(race.variant, race.budget.name, label, than, len(race.seeds), match.paired)
            sides = quantity.side(race, label), quantity.side(match.first, label)
            if match.paired:
                here = sides[0].known & sides[1].known
                pair = sides[0].at(here), sides[1].at(here)
            else:
                pair = sides[0].at(sides[0].known), sides[1].at(sides[1].known)
            rows.append(compare(names, quantity, pair, gate=gate))
    return [row for row in rows if row.n]


def common(folder: Folder, match: Match) -> list[Quantity]:
    """What both races measured; targets are those of the first folder's pilot."""
    ends = [Quantity(metric) for metric in match.second.measured if metric in match.first.measured]
    if ends:
        ends.append(Quantity(PACE if match.second.budget.unit == "seconds" else SPENT))
    found = targets(match.first, folder.question, folder.plan.targets)
    return ends + [Quantity(folder.question.metric, target) for target in found if target.value is not None]


def text(one: Comparison) -> dict[str, str]:
    """A comparison as people read it."""
    target, blank = one.quantity.target, one.reason in ("diverged", "at the start")
    size = f"{faster(one)} as fast" if one.quantity.cost else changed(one)
    return {
        "variant": one.names.variant,
        "budget": one.names.budget,
        "sampler": one.names.sampler,
        "metric": f"{one.quantity.metric} to {target.share:g}" if target else one.quantity.metric,
        "n": str(one.n),
        "second against first": "" if blank else size,
        "verdict": f"{one.verdict} ({one.reason})" if one.reason else one.verdict,
        "pairs": "by seed" if one.names.paired else "UNPAIRED",
    }
