"""Results folders whose runs spent their time by formulas: so much a sample, so much a step."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from isbench.store.plans import BreakEven
from isbench.store.store import Store
from tests.verdicts import made

BATCH, STEPS, POINTS = 128, 800, 8
UNITS = {"forward": 1e-5, "backward": 2e-5, "load": 1e-6, "optimise": 1e-3, "draw": 1e-4}


@dataclass(frozen=True)
class Timed:
    """A run of STEPS steps.

    score: seconds of a score; pool: how many are scored a step from the share `start` of the run on. units:
    other costs than the usual ones; pace: what all of them are multiplied by.
    """

    score: float = 0.0
    pool: int = 0
    start: float = 0.0
    tau: float | None = None
    units: dict[str, float] = field(default_factory=dict)
    pace: float = 1.0
    selects: bool = True
    machine: str = "0123456789ab"

    def point(self, place: int) -> dict:
        """What a point says that lies at place / POINTS of the run."""
        progress = place / POINTS
        steps, on = STEPS * progress, max(0.0, progress - self.start) * STEPS * self.selects
        before = max(0.0, progress - 1 / POINTS - self.start) * STEPS * self.selects
        trained, scored, costs = BATCH * steps, self.pool * on, UNITS | self.units
        phases = {name: trained * costs[name] for name in ("forward", "backward")}
        phases |= {"load": (trained + scored) * costs["load"], "score": scored * self.score}
        phases |= {name: steps * costs[name] for name in ("optimise", "draw")}
        phases = {name: seconds * self.pace for name, seconds in phases.items()}
        return {
            "steps": int(steps),
            "trained": int(trained),
            "scored": int(scored),
            "loaded": int(trained + scored),
            "phases": phases,
            "train_seconds": sum(phases.values()),
            "active": (on - before) / (STEPS / POINTS) if place else None,
            "tau": self.tau if place and on else None,
        }


def folder(path: Path, runs: dict[str, list[Timed]], counted: tuple[BreakEven, ...] = (), **plan) -> Path:
    """A folder with these runs at equal epochs; samplers are called by their labels."""
    seeds, budgets = len(next(iter(runs.values()))), {"budgets": (made.FIVE,), "primary": FIVE_END}
    planned = made.plan_of(list(runs), seeds, points=POINTS, **{**budgets, **plan})
    cards = [card.model_copy(update={"name": card.label}) for card in planned.cards]
    pools = {label: of_arm[0].pool for label, of_arm in runs.items()}
    cards = [card.model_copy(update={"options": {"pool": pools[card.label] or None}}) for card in cards]
    planned = planned.model_copy(update={"cards": tuple(cards), "break_even": counted})
    made.fill(
        path, planned, {label: [made.Made(end=0.1, machine=r.machine) for r in runs[label]] for label in runs}
    )
    for block in planned.blocks:
        for identity, label in zip(block.cells, block.labels, strict=True):
            rewrite(Store(path), identity, runs[label][block.seed])
    return path


FIVE_END = made.AT_END.model_copy(update={"budget": "epochs-5"})


def rewrite(store: Store, identity: str, run: Timed) -> None:
    """Let the points of a cell tell of this run."""
    record = store.record(identity)
    assert record is not None
    points = [point.model_copy(update=run.point(place)) for place, point in enumerate(record.points)]
    path = store.cell_folder(identity) / "points.jsonl"
    path.write_text("".join(f"{point.model_dump_json()}\n" for point in points))
