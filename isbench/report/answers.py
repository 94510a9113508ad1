"""What each race answers: the comparisons that a page shows of it, the primary ones first."""

from __future__ import annotations

from dataclasses import dataclass

from isbench.verdicts.curves import Race
from isbench.verdicts.judge import Comparison
from isbench.verdicts.quantities import Quantity
from isbench.verdicts.summary import Findings


@dataclass(frozen=True)
class Answer:
    """The comparisons of one race by one quantity, control arms last; `primary`: what was asked for."""

    race: Race
    quantity: Quantity
    arms: tuple[Comparison, ...]
    controls: tuple[Comparison, ...]
    primary: bool

    @property
    def rows(self) -> tuple[Comparison, ...]:
        """All of them."""
        return self.arms + self.controls

    @property
    def than(self) -> str:
        """What all are compared with."""
        return self.rows[0].names.than


def answers(found: Findings) -> list[Answer]:
    """One of each race that has something to compare, by the primary quantity or by its metric at the end."""
    asked = [_of(found, race) for race in found.folder.races]
    return sorted((one for one in asked if one is not None), key=lambda one: not one.primary)


def exploratory(found: Findings, race: Race) -> list[Comparison]:
    """All comparisons of a race that answer no question."""
    return [one for one in found.comparisons if not one.primary and found.race(one) is race]


def _of(found: Findings, race: Race) -> Answer | None:
    rows = [one for one in found.comparisons if found.race(one) is race]
    asked = next((one.quantity for one in rows if one.primary), None)
    quantity = asked or Quantity(found.folder.question.metric)
    rows = [one for one in rows if one.quantity == quantity]
    if not rows:
        return None
    arms = tuple(one for one in rows if not one.control)
    controls = tuple(one for one in rows if one.control)
    return Answer(race, quantity, arms, controls, asked is not None)
