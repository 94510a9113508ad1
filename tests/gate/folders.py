"""Results folders with a gate: made-up runs with digests, and what a check of them says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from isbench.store.records import Gate
from isbench.store.store import Store
from tests.report import synthetic
from tests.verdicts import made
from tests.verdicts.made import FIVE, Made, ending

GATE = Gate(slowdown=0.05, metric_drop=0.05, exact=True)
RUNS = {"uniform": ending(0.20, 0.21, 0.19, 0.22), "arm": ending(0.10, 0.11, 0.10, 0.11)}
CPU = {"cpu": made.CPU, "machine": "x86_64", "cpu_capability": "DEFAULT", "torch": "2.9.0"}
OTHER = {**CPU, "cpu_capability": "AVX2"}
ARM = {"sampler": {"label": "arm", "options": {"pool": 64}}}
CONTENT = {"name": "synthetic", "settings": [{"variant": "", "batch": 32, "arms": [ARM]}]}


def exact(path: Path, runs: dict[str, list[Made]] | None = None, **plan: Any) -> Path:
    """A folder of an exact recipe with runs of five epochs, on a machine that is known."""
    given = {"budgets": (FIVE,), "gate": GATE, "points": 4, **plan}
    made.folder(path, runs or RUNS, **given)
    store = Store(path)
    for cell in every(path):
        digest(store, cell, steps=np.linspace(0, 1000, len(store.record(cell).points), dtype=int))
    machine(path, CPU)
    recipe(path, CONTENT)
    return path


def every(path: Path) -> list[str]:
    """The cells of a folder that began."""
    return sorted(place.name for place in (path / "cells").glob("*"))


def cell_of(path: Path, label: str, seed: int) -> str:
    """The cell of an arm."""
    plan = Store(path).plan()
    assert plan is not None
    block = next(block for block in plan.blocks if block.seed == seed)
    return block.cells[block.labels.index(label)]


def digest(store: Store, cell: str, *, steps: np.ndarray, **changes: np.ndarray) -> None:
    """The digests of a run that selected what its number says."""
    start = int(cell, 16) % 2**40
    arrays = {
        "steps": steps,
        "selection": start + steps,
        "weights": steps,
        "losses": np.linspace(2.3, 2.2, 10),
    }
    store.write_exhibit(cell, "digests", arrays | changes)


def redigest(path: Path, cell: str, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change an array of the digests of a cell."""
    store = Store(path)
    arrays = store.exhibit(cell, "digests")
    assert arrays is not None
    store.write_exhibit(cell, "digests", {**arrays, name: change(arrays[name])})


def repoint(path: Path, cell: str, point: int, **values: Any) -> None:
    """Change what a cell measured at a point."""
    file = path / "cells" / cell / "points.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[point] |= values
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def machine(path: Path, facts: dict[str, Any]) -> None:
    """What the folder's machine is."""
    (path / "machines" / f"{synthetic.MACHINE}.json").write_text(json.dumps(facts))


def recipe(path: Path, content: dict[str, Any]) -> None:
    """What the folder's recipe means."""
    (path / "recipe.resolved.json").write_text(json.dumps(content))


def replan(path: Path, **changes: Any) -> None:
    """Change the folder's plan."""
    store = Store(path)
    plan = store.plan()
    assert plan is not None
    store.save_plan(plan.model_copy(update=changes))
