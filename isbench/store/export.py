"""The CSV tables: one row is one observation, empty is unknown, columns and their order are public."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from isbench.errors import EnvironmentFault
from isbench.store.atomic import atomic_write
from isbench.store.plans import Block, Plan
from isbench.store.probes import PROBE_COLUMNS, probed
from isbench.store.records import PHASES, Cell, RunRecord
from isbench.store.store import Store
from isbench.store.tuning import TUNING_COLUMNS, tuning_rows

Row = dict[str, Any]

_SPENT = ("trained", "scored", "loaded")
_METRICS = ("train_loss", "val_loss", "val_error", "test_loss", "test_error")

RUN_COLUMNS = (
    *("recipe", "profile", "variant", "dataset", "model", "budget", "sampler", "options", "seed", "cell"),
    *("status", "device", "machine", "steps", "epochs", "passes", *_SPENT),
    *("train_seconds", "eval_seconds", "wall_seconds", "overshoot_seconds"),
    *("started_step", "started_seconds", "peak_memory", "sampler_bytes"),
    *(*_METRICS, "cpu_load", "foreign_load", "device_memory", "data_lives", "psnr"),
)
POINT_COLUMNS = (
    *("cell", "variant", "budget", "sampler", "seed", "progress", "epochs", "steps", *_SPENT, "passes"),
    *("train_seconds", "lr", "batch_loss", *_METRICS, "active", "tau", "ess", "distinct", "coverage"),
    *("weight_mean", "weight_max", "grad_norm", "healed", "psnr", "weight_ess", "coverage_epoch"),
)
PHASE_COLUMNS = (
    *("cell", "variant", "budget", "sampler", "seed"),
    *("phase", "seconds", "share", "per_step_us", "mode"),
)
SAMPLE_COLUMNS = (
    *("variant", "budget", "sampler", "seed", "index"),
    *("times_trained", "importance_sum", "importance_max", "label"),
)
USAGE = ("times_trained", "presented", "importance_sum", "importance_max", "index", "label")
SHOWN_SAMPLES = 100  # of the most used, and as many of the least used


@dataclass(frozen=True)
class Run:
    """A cell in its place in the plan; `record` is None where it never began."""

    block: Block
    id: str
    cell: Cell
    record: RunRecord | None

    @property
    def labels(self) -> Row:
        """What names the run in every table."""
        return {
            "cell": self.id,
            "variant": self.block.variant,
            "budget": self.block.budget,
            "sampler": self.cell.sampler.label,
            "seed": self.block.seed,
        }


def runs(store: Store, plan: Plan, blocks: tuple[Block, ...] | None = None) -> list[Run]:
    """Every cell of the plan's blocks, or of those, in their order; pilots are left out."""
    blocks = plan.blocks if blocks is None else blocks
    placed = [(block, cell) for block in blocks for cell in plan.placed(block)]
    records = {identity: store.record(identity) for identity in {cell.id for _, cell in placed}}
    return [Run(block, cell.id, cell, records[cell.id]) for block, cell in placed]


def run_rows(plan: Plan, found: Iterable[Run]) -> list[Row]:
    """A row for every run that began, with its last point."""
    rows: list[Row] = []
    for run in found:
        if run.record is None:
            continue
        last = run.record.points[-1].model_dump() if run.record.points else {}
        rows.append(
            last
            | run.record.outcome.model_dump(exclude_none=True)
            | run.labels
            | {
                "recipe": plan.name,
                "profile": plan.profile,
                "dataset": run.cell.dataset.name,
                "model": run.cell.model.name,
                "options": json.dumps(run.cell.sampler.options, sort_keys=True),
                "device": run.cell.device,
            }
        )
    return rows


def point_rows(found: Iterable[Run]) -> list[Row]:
    """A row for every evaluation."""
    return [run.labels | point.model_dump() for run in found if run.record for point in run.record.points]


def phase_rows(found: Iterable[Run]) -> list[Row]:
    """Where the time of every run went, from its last point; shares are of the training time."""
    rows: list[Row] = []
    for run in found:
        if run.record is None or not run.record.points:
            continue
        last = run.record.points[-1]
        total = sum(last.phases.get(phase, 0.0) for phase in PHASES)
        for phase in (phase for phase in PHASES if phase in last.phases):
            seconds = last.phases[phase]
            cost = {
                "share": seconds / total if total else None,
                "per_step_us": 1e6 * seconds / last.steps if last.steps else None,
            }
            rows.append(_phase(run, phase, seconds) | cost)
        rows.append(_phase(run, "eval", run.record.outcome.eval_seconds or last.eval_seconds))
    return rows


def sample_rows(store: Store, found: Iterable[Run]) -> list[Row]:
    """The most used samples of every run that recorded usage, then the least used ones."""
    rows: list[Row] = []
    for run in found:
        usage = aligned(store, run, "usage", USAGE) if run.record else None
        if usage is None:
            continue
        labels = {name: value for name, value in run.labels.items() if name != "cell"}
        rows += [labels | _sample(usage, row) for row in _extremes(usage["times_trained"])]
    return rows


def probe_rows(store: Store, found: Iterable[Run]) -> list[Row]:
    """A row for each checkpoint and score of every probe."""
    return [
        run.labels | row
        for run in found
        if run.record
        for probe in [probed(store, run.id)]
        if probe is not None
        for row in probe.rows()
    ]


def aligned(store: Store, run: Run, name: str, columns: tuple[str, ...]) -> dict[str, np.ndarray] | None:
    """An exhibit whose columns are equally long; None if not recorded, EnvironmentFault if odd."""
    exhibit = store.exhibit(run.id, name)
    if exhibit is None:
        return None
    lengths = {
        len(exhibit[column]) if column in exhibit and exhibit[column].ndim else -1 for column in columns
    }
    if len(lengths) != 1 or -1 in lengths:
        path = store.cell_folder(run.id) / "exhibits" / f"{name}.npz"
        raise EnvironmentFault(
            f"{path} lacks a column or has columns of unequal length", "run the cell again"
        )
    return exhibit


def table(columns: tuple[str, ...], rows: Iterable[Row]) -> str:
    """A CSV with a header, `\\n` line ends, and nothing that a spreadsheet would run."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_safe(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def write_tables(store: Store, plan: Plan) -> None:
    """Write `tables/*.csv` from what the folder holds now."""
    found = runs(store, plan)
    tables = store.folder / "tables"
    atomic_write(tables / "runs.csv", table(RUN_COLUMNS, run_rows(plan, found)))
    atomic_write(tables / "points.csv", table(POINT_COLUMNS, point_rows(found)))
    atomic_write(tables / "phases.csv", table(PHASE_COLUMNS, phase_rows(found)))
    atomic_write(tables / "samples.csv", table(SAMPLE_COLUMNS, sample_rows(store, found)))
    if plan.tuning:
        atomic_write(tables / "tuning.csv", table(TUNING_COLUMNS, tuning_rows(store, plan)))
    else:
        (tables / "tuning.csv").unlink(missing_ok=True)
    if plan.probes:
        probes = probe_rows(store, runs(store, plan, plan.probes))
        atomic_write(tables / "probe.csv", table(PROBE_COLUMNS, probes))
    else:
        (tables / "probe.csv").unlink(missing_ok=True)


def _phase(run: Run, phase: str, seconds: float) -> Row:
    mode = run.record.outcome.phase_mode if run.record else None
    return run.labels | {"phase": phase, "seconds": seconds, "mode": mode}


def _extremes(times: np.ndarray) -> list[int]:
    """Rows of the most used samples, then of the least used; ties by row, none twice."""
    order = np.argsort(-times, kind="stable").tolist()
    most = order[:SHOWN_SAMPLES]
    return most + order[len(most) :][-SHOWN_SAMPLES:]


def _sample(usage: dict[str, np.ndarray], row: int) -> Row:
    scored = int(usage["presented"][row]) > 0
    label = int(usage["label"][row])
    return {
        "index": int(usage["index"][row]),
        "times_trained": int(usage["times_trained"][row]),
        "importance_sum": float(usage["importance_sum"][row]) if scored else None,
        "importance_max": float(usage["importance_max"][row]) if scored else None,
        "label": label if label >= 0 else None,
    }


def _safe(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
