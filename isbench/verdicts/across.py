"""Several tasks together: what the samplers that ran on all of them are worth there.

A task is what answers the question of a results folder, once for each variant. Scores are shares of what the
baseline improves by: 0 is the untrained model and 1 where the baseline ends (Agarwal et al. 2021); profiles
count the tasks on which an arm reaches the target within r times the best arm's time (Dolan & More 2002).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isbench.stats.profiles import (
    interquartile_mean,
    performance_profile,
    probability_of_improvement,
    stratified_bootstrap,
)
from isbench.stats.targets import median_time
from isbench.verdicts.curves import Folder, Race, load
from isbench.verdicts.quantities import Quantity, is_primary, primary, targets
from isbench.verdicts.rows import Row, known

WITHIN = (1.0, 1.5, 2.0, 4.0)  # times the best arm's
SEED = 20240229  # of the bootstrap: the same folders give the same intervals


@dataclass(frozen=True, slots=True)
class Task:
    """What the arms of a race are worth: scores [seeds], NaN without a result, and the time to the target."""

    than: str
    scores: dict[str, np.ndarray]
    times: dict[str, float]


def across(paths: Iterable[Path]) -> list[Row]:
    """A row for each arm that ran on all tasks of some results folders; none of fewer than two tasks."""
    tasks = [task for path in paths for task in tasks_of(load(path))]
    if len(tasks) < 2 or len({task.than for task in tasks}) > 1:
        return []
    labels = [label for label in tasks[0].scores if all(label in task.scores for task in tasks)]
    if len(labels) < 2:
        return []
    timed = all(task.times for task in tasks)
    solved = {label: [task.times[label] for task in tasks] for label in labels} if timed else {}
    profiles = performance_profile(solved, WITHIN)
    return [row(label, tasks, profiles.get(label)) for label in labels]


def tasks_of(folder: Folder) -> list[Task]:
    """The tasks of a results folder whose baseline improved; control arms take no part."""
    found = (task_of(folder, race) for race in folder.races if race.asked)
    return [task for task in found if task is not None]


def task_of(folder: Folder, race: Race) -> Task | None:
    """What a race says of its arms; None where the baseline did not improve."""
    question = folder.question
    end, than = Quantity(question.metric), question.baseline
    if than not in race.curves or end.metric not in race.measured:
        return None
    costs = {label: end.side(race, label).cost for label in race.curves if not folder.role(label)[0]}
    begun = [end.sign * curve.column(end.metric)[0] for curve in race.of(than) if curve and curve.settled]
    first, last = middle(np.array(begun)), middle(costs[than])
    if not first > last:
        return None
    scores = {label: np.maximum((first - cost) / (first - last), 0.0) for label, cost in costs.items()}
    return Task(than, scores, times(folder, race, list(scores)))


def times(folder: Folder, race: Race, labels: list[str]) -> dict[str, float]:
    """Median times to the target of the question, infinite where most runs missed it; empty without one."""
    asked = primary(race, folder.question)
    shares = targets(race, folder.question, folder.plan.targets)
    for one in (Quantity(folder.question.metric, target) for target in shares):
        if is_primary(asked, one) and one.target is not None and one.target.value is not None:
            sides = {label: one.side(race, label) for label in labels}
            found = {label: median_time(side.cost, side.missed.tolist()) for label, side in sides.items()}
            return {label: math.inf if time is None else time for label, time in found.items()}
    return {}


def row(label: str, tasks: list[Task], profile: np.ndarray | None) -> Row:
    """What an arm is worth on all tasks; its chance of beating the baseline is of runs at the same seeds."""
    than = tasks[0].than
    pairs = [np.stack([task.scores[label], task.scores[than]], axis=1) for task in tasks]
    pairs = [pair[~np.isnan(pair).any(axis=1)] for pair in pairs]
    rng = np.random.default_rng(SEED)
    mean = stratified_bootstrap(pairs, middle_half, rng)
    chance = stratified_bootstrap(pairs, better, rng) if label != than else (math.nan, math.nan)
    shares = {} if profile is None else dict(zip(WITHIN, profile.tolist(), strict=True))
    return {
        "sampler": label,
        "than": than,
        "tasks": len(tasks),
        "runs": sum(map(len, pairs)),
        "score": known(middle_half(pairs)),
        "score_low": known(mean[0]),
        "score_high": known(mean[1]),
        "improvement": known(better(pairs)) if label != than else None,
        "improvement_low": known(chance[0]),
        "improvement_high": known(chance[1]),
        "profile": {f"{factor:g}": share for factor, share in shares.items()},
    }


def across_texts(rows: Iterable[Row]) -> list[dict[str, str]]:
    """The rows as people read them."""

    def ranged(one: Row, name: str) -> str:
        low, high = one[f"{name}_low"], one[f"{name}_high"]
        interval = "" if low is None or high is None else f" [{low:.3f}, {high:.3f}]"
        return "" if one[name] is None else f"{one[name]:.3f}{interval}"

    return [
        {
            "sampler": one["sampler"],
            "tasks": str(one["tasks"]),
            "runs": str(one["runs"]),
            "score (IQM)": ranged(one, "score"),
            f"chance to beat {one['than']}": ranged(one, "improvement"),
            **{f"within {factor}x": f"{share:.0%}" for factor, share in one["profile"].items()},
        }
        for one in rows
    ]


def middle_half(pairs: list[np.ndarray]) -> float:
    """The interquartile mean of the first column over all tasks."""
    return interquartile_mean(np.concatenate([pair[:, 0] for pair in pairs])) if pairs else math.nan


def better(pairs: list[np.ndarray]) -> float:
    """How likely a run of the first column is better than one of the second, over all tasks."""
    return probability_of_improvement([pair[:, 0] for pair in pairs], [pair[:, 1] for pair in pairs])


def middle(values: np.ndarray) -> float:
    """The median of what is known; NaN of nothing."""
    seen = values[~np.isnan(values)]
    return float(np.median(seen)) if seen.size else math.nan
