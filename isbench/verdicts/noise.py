"""What an A/A test says of a machine: how much equal runs differ, and what n seeds can see despite that."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isbench.stats.intervals import log_ratios
from isbench.stats.noise import detectable_table, floor
from isbench.store import twins
from isbench.verdicts.comparisons import sides
from isbench.verdicts.conditions import MOST_LOAD, foreign_loads, slowing
from isbench.verdicts.curves import Curve, Folder, Race, load
from isbench.verdicts.judge import Pair, Scale, differences, scale_of
from isbench.verdicts.quantities import SPENT, Quantity, quantities
from isbench.verdicts.rows import known, relative
from isbench.verdicts.words import UNITS, decimal, plain

SEEDS: tuple[int, ...] = (3, 5, 8, 12, 20)  # whose detectable effects are told
STEP = "seconds per step"
# Up to which a machine is called so: with sd above 10 %, eight seeds hardly ever show that two are equal.
LIMITS = {
    "quiet": {"sd": 0.03, "load": 0.05, "slowing": 0.05},
    "noisy": {"sd": 0.10, "load": MOST_LOAD, "slowing": 0.15},
}
WORST = "too noisy to gate"
SAID = {
    "sd": "sd of the paired difference of " + STEP,
    "load": "load by other programs",
    "slowing": "steps in the second half of a run slower than in the first",
}


@dataclass(frozen=True, slots=True)
class Spread:
    """How much a quantity of two equal arms differs from seed to seed.

    sd, floor and detectable, by seeds, are log-ratios or, by `scale`, in units of the quantity. sd is that
    around 0: the mean difference of equal arms is known.
    """

    race: str
    quantity: str
    scale: Scale
    n: int
    sd: float
    floor: float
    detectable: dict[int, float]

    def row(self) -> dict[str, Any]:
        """For programs; ratios as relative changes."""
        found = {"sd": self.sd, "floor": self._size(self.floor)}
        seen = {str(n): known(self._size(value)) for n, value in self.detectable.items()}
        numbers = {name: known(value) for name, value in found.items()}
        names = {"race": self.race, "quantity": self.quantity, "scale": self.scale, "n": self.n}
        return {**names, **numbers, "detectable": seen}

    def text(self) -> dict[str, str]:
        """For readers."""
        seen = {f"seen, n = {n}": self._shown(self._size(value)) for n, value in self.detectable.items()}
        return {
            "race": self.race,
            "quantity": self.quantity,
            "n": str(self.n),
            "sd": self._shown(self.sd),
            "noise floor": self._shown(self._size(self.floor)),
            **seen,
        }

    def _size(self, value: float) -> float:
        return relative(value) if self.scale == "ratio" else value

    def _shown(self, value: float) -> str:
        if not math.isfinite(value):
            return ""
        return f"{decimal(100 * value)} %" if self.scale == "ratio" else plain(value) + self._unit

    @property
    def _unit(self) -> str:
        return UNITS.get(self.quantity.split()[0], "")


@dataclass(frozen=True, slots=True)
class Noise:
    """What an A/A test says.

    measured: what the machine is judged by, NaN where unknown; equal: how many pairs of runs with the same
    draws gave the same numbers, of how many.
    """

    spreads: tuple[Spread, ...]
    measured: dict[str, float]
    equal: tuple[int, int]
    device: str

    @property
    def machine(self) -> str:
        """A word on the machine: quiet, noisy, or too noisy to gate; unknown without two pairs."""
        if math.isnan(self.measured["sd"]):
            return "unknown"
        return next((word for word in LIMITS if not self.beyond(word)), WORST)

    def beyond(self, word: str) -> list[str]:
        """What keeps the machine from being called so."""
        return [name for name, most in LIMITS[word].items() if self.measured[name] > most]

    def lines(self) -> list[str]:
        """What it says in words: the machine and why, the rules, whether equal runs are equal."""
        told = [f"{SAID[name]} {percent(value)}" for name, value in self.measured.items() if value == value]
        rules = [
            f"{word}: {', '.join(f'{name} <= {percent(most)}' for name, most in limits.items())}"
            for word, limits in LIMITS.items()
        ]
        why = f": {'; '.join(told)}" if told else ""
        few = ": two seeds at least are needed" if self.machine == "unknown" else ""
        return [
            "seen, n = N: the smallest difference that N seeds see with a power of 80 % at the level of 5 %",
            f"this machine is {self.machine}{few}{why}",
            f"rules: {'; '.join(rules)}; {WORST} beyond",
            self.repeated(),
        ]

    def repeated(self) -> str:
        """Whether runs with the same draws give the same numbers here."""
        same, of = self.equal
        if not of:
            return "whether runs with the same draws give the same numbers was not measured"
        what = f"{twins.STEPS} steps with the same draws, run twice on {self.device}"
        return f"{what}: {'bit-identical' if same == of else f'{of - same} of {of} pairs differ'}"

    def record(self) -> dict[str, Any]:
        """For programs."""
        return {
            "machine": self.machine,
            "measured": {name: known(value) for name, value in self.measured.items()},
            "limits": LIMITS,
            "bit_identical": None if not self.equal[1] else self.equal[0] == self.equal[1],
            "twins": list(self.equal),
            "spreads": [spread.row() for spread in self.spreads],
        }


def noise_of(path: Path) -> Noise:
    """What the A/A arms of a results folder say; nothing of races without one."""
    folder = load(path)
    found = [(race, pair) for race in folder.races if (pair := folder.repetition(race))]
    spreads = tuple(spread for race, pair in found for spread in of_race(folder, race, pair))
    curves = [curve for race, pair in found for label in pair for curve in race.curves[label].values()]
    steps = [spread.sd for spread in spreads if spread.quantity == STEP and not math.isnan(spread.sd)]
    loads = foreign_loads(folder, curves)
    slower = [value for curve in curves if not math.isnan(value := slowing(curve))]
    measured = {
        "sd": max(steps, default=math.nan),
        "load": float(np.mean(loads)) if loads else math.nan,
        "slowing": max(0.0, float(np.expm1(np.mean(slower)))) if slower else math.nan,
    }
    device = curves[0].cell.device if curves else ""
    return Noise(spreads, measured, equal_twins(folder), device)


def of_race(folder: Folder, race: Race, pair: tuple[str, str]) -> list[Spread]:
    """The spread of all that verdicts of a race rest on."""
    found = [spread(race, STEP, "ratio", per_step(race, pair))]
    for quantity in quantities(race, folder.question, folder.plan.targets):
        both = sides(race, quantity, *pair)
        if quantity.target is None or quantity.target.value is not None:
            scale = scale_of(quantity, both)
            called = named(race, quantity) + missed(both)
            found.append(spread(race, called, scale, differences(both, scale)))
    return found


def spread(race: Race, quantity: str, scale: Scale, found: np.ndarray) -> Spread:
    """The spread of some paired differences."""
    known_ones = found[~np.isnan(found)]
    n = len(known_ones)
    sd = float(np.sqrt(np.mean(known_ones**2))) if n > 1 else math.nan
    seen = detectable_table(sd, SEEDS) if 0 < sd < math.inf else dict.fromkeys(SEEDS, math.nan)
    return Spread(race.title, quantity, scale, n, sd, floor(found), seen)


def per_step(race: Race, pair: tuple[str, str]) -> np.ndarray:
    """Log-ratios [n] of the seconds of a step, of pairs on one machine."""
    arm, than = (race.of(label) for label in pair)
    seconds = [
        (step_of(a), step_of(b)) for a, b in zip(arm, than, strict=True) if a and b and a.machine == b.machine
    ]
    return log_ratios(*np.array(seconds, dtype=float).reshape(-1, 2).T)


def step_of(curve: Curve) -> float:
    """Training seconds of a step over a whole run; NaN where there was none."""
    last = curve.points[-1] if curve.settled else None
    return last.train_seconds / last.steps if last and last.steps else math.nan


def named(race: Race, quantity: Quantity) -> str:
    """What a quantity is called."""
    if quantity.target is not None:
        return f"{race.budget.unit} to the {100 * quantity.target.share:.6g} % target"
    return quantity.metric if quantity.metric == SPENT else f"{quantity.metric} at the end"


def missed(both: Pair) -> str:
    """How many runs missed the target, each counted with the whole budget; nothing where none did."""
    count, runs = sum(int(side.missed.sum()) for side in both), sum(side.cost.size for side in both)
    return f", {count} of {runs} runs missed it" if count else ""


def equal_twins(folder: Folder) -> tuple[int, int]:
    """How many runs with the same draws gave the same numbers, of how many that have a result."""
    both = [(a, b) for a, b in twins.pairs(folder.store) if a and b and a.points and b.points]
    return sum(twins.identical(a, b) for a, b in both), len(both)


def percent(value: float) -> str:
    """A share."""
    return f"{decimal(100 * value)} %"
