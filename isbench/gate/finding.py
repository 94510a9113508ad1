"""What a check found: one line for each thing that it looked at, and what the lines amount to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Tier = Literal["cells", "claims", "speed-up", "exact", "ratio", "time"]
Outcome = Literal["lost", "regression", "inconclusive", "passed"]
CODES: dict[Outcome, int] = {"lost": 3, "regression": 4, "inconclusive": 5, "passed": 0}
TIERS: tuple[Tier, ...] = ("cells", "claims", "speed-up", "exact", "ratio", "time")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `place`: the race, `arm` and `what`: of whom, and what of it.

    read: whether there was anything to compare.
    """

    tier: Tier
    place: str
    arm: str
    what: str
    outcome: Outcome
    says: str
    read: bool = True

    @property
    def title(self) -> str:
        """What it is about."""
        return ", ".join(filter(None, (self.place, self.arm, self.what)))


@dataclass(slots=True)
class Findings:
    """Everything that a check of one results folder found; `notes`: what was not compared, and why."""

    name: str
    strict: bool
    found: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def compared(self) -> bool:
        """Whether anything was compared; that all cells ran is no comparison."""
        return any(one.tier != "cells" and one.read for one in self.found)

    def of(self, outcome: Outcome) -> list[Finding]:
        """The findings with an outcome."""
        return [one for one in self.found if one.outcome == outcome]

    @property
    def code(self) -> int:
        """The exit code: what is lost comes before a regression, that before what is open."""
        if self.of("lost") or not self.compared:
            return 3
        if self.of("regression"):
            return 4
        return 5 if self.strict and self.of("inconclusive") else 0

    @property
    def verdict(self) -> str:
        """One line."""
        counts = ", ".join(f"{len(self.of(name))} {words}" for name, words in SAID.items() if self.of(name))
        if not self.compared and not self.of("lost"):
            counts = "nothing was compared"
        word = {0: "passed", 3: "no verdict", 4: "regression", 5: "inconclusive"}[self.code]
        return f"{self.name}: {word} ({counts})"

    def tiers(self) -> Iterable[tuple[Tier, list[Finding]]]:
        """The findings tier by tier."""
        for tier in TIERS:
            rows = [one for one in self.found if one.tier == tier]
            if rows:
                yield tier, rows


def outcome_of(verdict: str, loss: str) -> Outcome:
    """What a verdict is to a gate; `loss` is the one that fails."""
    if verdict == loss:
        return "regression"
    return "inconclusive" if verdict == "inconclusive" else "passed"


SAID: dict[Outcome, str] = {
    "lost": "without a result",
    "regression": "failed",
    "inconclusive": "open",
    "passed": "passed",
}
