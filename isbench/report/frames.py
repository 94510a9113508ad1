"""What figures and page read: a results folder as data frames, its groups, mean curves on a common grid."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from isbench.errors import UsageError
from isbench.store import export
from isbench.store.plans import Plan
from isbench.store.probes import PROBE_COLUMNS
from isbench.store.records import FINAL, Budget
from isbench.store.store import Store

Frame: TypeAlias = Any  # a data frame: the stubs of pandas take a selection of rows for a series
AXES = {"epochs": "epochs", "train_seconds": "training seconds", "passes": "passes"}


@dataclass(frozen=True)
class Group:
    """Runs that may be compared: one variant, one budget."""

    variant: str
    budget: Budget
    grid: tuple[float, ...]  # the progress values at which curves are compared

    @property
    def title(self) -> str:
        """The budget and, where there are several, the variant."""
        return f"{self.budget.name}, {self.variant}" if self.variant else self.budget.name

    @property
    def curved(self) -> bool:
        """Whether runs were looked at between start and end: a line between the two is no curve."""
        return len(self.grid) > 2

    @property
    def slug(self) -> str:
        """The title as part of a file name."""
        return slug(self.title)

    def of(self, frame: Frame) -> Frame:
        """The rows of a table that belong to the group."""
        return frame[(frame["variant"] == self.variant) & (frame["budget"] == self.budget.name)]


@dataclass(frozen=True)
class Results:
    """A results folder at one moment; `points` and `phases` hold the runs that came to a result.

    `probes` are no runs: they were measured on the way and raced by nobody; `probe` is what they found.
    """

    store: Store
    plan: Plan
    runs: tuple[export.Run, ...]
    cells: Frame
    points: Frame
    phases: Frame
    labels: tuple[str, ...]
    baseline: str
    groups: tuple[Group, ...]
    probes: tuple[export.Run, ...]
    probe: Frame
    trials: tuple[export.Run, ...]  # of tuning, raced by nobody either

    @property
    def all(self) -> tuple[export.Run, ...]:
        """Runs and probes; where there are neither, the trials of tuning."""
        return self.runs + self.probes or self.trials

    @property
    def raceless(self) -> bool:
        """Whether the folder holds nothing but probes and trials."""
        return not self.runs and bool(self.probes or self.trials)

    def final(self, group: Group, label: str) -> list[export.Run]:
        """The runs of an arm that came to a result, by seed."""
        found = [run for run in self.runs if _settled(run) and run.cell.sampler.label == label]
        found = [
            run
            for run in found
            if (run.block.variant, run.block.budget) == (group.variant, group.budget.name)
        ]
        return sorted(found, key=lambda run: run.block.seed)


def load(folder: Path) -> Results:
    """Read a results folder; UsageError where there is none, EnvironmentFault where it is damaged."""
    store = Store(folder)
    plan = store.plan()
    if plan is None:
        raise UsageError(
            f"{folder} is no results folder: it holds no plan.json", "name a folder below results/"
        )
    runs, probes = export.runs(store, plan), export.runs(store, plan, plan.probes)
    settled = [run for run in runs if _settled(run)]
    labels = _labels(plan, runs)
    points: Frame = _frame(export.POINT_COLUMNS, export.point_rows(settled))
    status = {run.id: run.record.outcome.status for run in settled if run.record}
    return Results(
        store=store,
        plan=plan,
        runs=tuple(runs),
        cells=_frame(export.RUN_COLUMNS, export.run_rows(plan, runs)),
        points=points.assign(
            status=points["cell"].map(status),
            val_accuracy=1.0 - points["val_error"],
            test_accuracy=1.0 - points["test_error"],
        ),
        phases=_frame(export.PHASE_COLUMNS, export.phase_rows(settled)),
        labels=labels,
        baseline=plan.primary.baseline if plan.primary.baseline in labels else "",
        groups=_groups(runs),
        probes=tuple(probes),
        probe=_frame(PROBE_COLUMNS, export.probe_rows(store, probes)),
        trials=tuple(export.runs(store, plan, plan.trial_blocks)),
    )


def sources(results: Results) -> tuple[str, ...]:
    """The papers whose samplers are compared; uniform draws are everybody's baseline and nobody's.

    Samplers that are compared at budgets, whosever they are, are compared as paper 002's protocol has it.
    """
    cards = [card for card in results.plan.cards if card.label in results.labels]
    if any(card.name == "uniform-budget" for card in cards):
        return ("paper 002",)
    papers = " ".join(card.paper for card in cards if not card.name.startswith("uniform"))
    return tuple(sorted(set(re.findall(r"paper \d{3}", papers))))


def known(points: Frame, metric: str) -> bool:
    """Whether a metric was measured at all."""
    return bool(points[metric].notna().any())


def mean_curves(points: Frame, group: Group, metric: str, axis: str) -> Frame:
    """Mean and sd over seeds for each sampler of a group, on its common grid of progress.

    Columns: sampler, progress, x (mean of `axis`), mean, sd, n. Every run is interpolated, none is cut off;
    runs that diverged are left to whoever draws them.
    """
    done = group.of(points[points["status"] == "done"])
    grid = np.array(group.grid)
    rows: list[Frame] = []
    for sampler, of_arm in done.groupby("sampler", sort=False):
        curves = [_on_grid(run, metric, axis, grid) for _, run in of_arm.groupby("cell", sort=False)]
        x, y = (np.array([curve[side] for curve in curves]) for side in (0, 1))
        seen = ~np.isnan(y).all(axis=0)
        if seen.any():
            rows.append(_moments(str(sampler), grid[seen], x[:, seen], y[:, seen]))
    columns = ["sampler", "progress", "x", "mean", "sd", "n"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def first_reached(x: np.ndarray, value: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Where a curve [m] first falls to each level [k], between its points by a straight line; NaN: never."""
    best = np.minimum.accumulate(value)
    after = np.searchsorted(-best, -levels, side="left")
    inside = np.clip(after, 1, len(best) - 1)
    drop = best[inside - 1] - best[inside]
    share = np.divide(best[inside - 1] - levels, drop, out=np.ones_like(levels), where=drop > 0)
    reached = x[inside - 1] + share * (x[inside] - x[inside - 1])
    return np.where(after == 0, x[0], np.where(after >= len(best), np.nan, reached))


def slug(text: str) -> str:
    """Text as part of a file name: lower case, digits and single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "x"


def seeds(counts: Iterable[int]) -> str:
    """How many runs a mean is over, for captions."""
    numbers = sorted(int(count) for count in counts) or [0]
    low, high = numbers[0], numbers[-1]
    return f"n = {low}" if low == high else f"n = {low} to {high}"


def _moments(sampler: str, grid: np.ndarray, x: np.ndarray, y: np.ndarray) -> Frame:
    n = (~np.isnan(y)).sum(axis=0)
    mean = np.nanmean(y, axis=0)
    squares = np.nansum((y - mean) ** 2, axis=0)
    sd = np.sqrt(np.divide(squares, n - 1, out=np.full(n.shape, np.nan), where=n > 1))
    x_mean = np.nanmean(np.where(np.isnan(y), np.nan, x), axis=0)
    return pd.DataFrame({"sampler": sampler, "progress": grid, "x": x_mean, "mean": mean, "sd": sd, "n": n})


def _on_grid(run: Frame, metric: str, axis: str, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    run = run[run[metric].notna()]
    if run.empty:
        return np.full(grid.shape, np.nan), np.full(grid.shape, np.nan)
    progress = run["progress"].to_numpy()
    x, y = np.interp(grid, progress, run[axis]), np.interp(grid, progress, run[metric])
    slack = 0.5 * np.diff(grid).min()  # a point is taken by the first step that reaches its place on the grid
    return x, np.where(grid < progress[0] - slack, np.nan, y)


def _settled(run: export.Run) -> bool:
    return run.record is not None and run.record.outcome.status in FINAL


def _frame(columns: tuple[str, ...], rows: list[export.Row]) -> Frame:
    """Rows as a frame with numbers where numbers belong: unknown and non-finite are NaN."""
    frame = pd.DataFrame(rows, columns=list(columns))
    words = {"recipe", "profile", "variant", "dataset", "model", "budget", "sampler", "options", "cell"}
    words |= {"status", "device", "machine", "phase", "mode", "data_lives", "score"}
    numbers = [column for column in frame.columns if column not in words]
    frame[numbers] = frame[numbers].astype(float).replace([np.inf, -np.inf], np.nan)
    return frame


def _labels(plan: Plan, runs: list[export.Run]) -> tuple[str, ...]:
    used = list(dict.fromkeys(run.cell.sampler.label for run in runs))
    ranked = [card.label for card in plan.cards if card.label in used]
    return tuple(dict.fromkeys(ranked + used))


def _groups(runs: list[export.Run]) -> tuple[Group, ...]:
    found: dict[tuple[str, str], list[export.Run]] = {}
    for run in runs:
        found.setdefault((run.block.variant, run.block.budget), []).append(run)
    return tuple(_group(variant, budget, members) for (variant, budget), members in found.items())


def _group(variant: str, budget: str, members: list[export.Run]) -> Group:
    grid = {0.0, 1.0}.union(*(run.cell.points for run in members))
    named = members[0].cell.budget.model_copy(update={"name": budget})
    return Group(variant, named, tuple(sorted(grid)))
