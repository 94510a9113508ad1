"""Exhibits as figures want them: the first seed's, checked, in the order of the arms."""

from __future__ import annotations

import re

import numpy as np

from isbench.report.frames import Group, Results
from isbench.store.export import Run, aligned

Arrays = dict[str, np.ndarray]


def first(results: Results, name: str, columns: tuple[str, ...]) -> list[tuple[Group, dict[str, Arrays]]]:
    """For every group that has it: label -> the exhibit of the arm's first seed that recorded it."""
    found: list[tuple[Group, dict[str, Arrays]]] = []
    for group in results.groups:
        arms = {label: _of(results, results.final(group, label), name, columns) for label in results.labels}
        present = {label: arrays for label, arrays in arms.items() if arrays is not None}
        if present:
            found.append((group, present))
    return found


def once(results: Results, name: str, columns: tuple[str, ...]) -> list[tuple[Group, dict[str, Arrays]]]:
    """Like `first`, for one budget of each variant: what other budgets would show again is left out."""
    chosen: dict[str, tuple[Group, dict[str, Arrays]]] = {}
    for group, arms in first(results, name, columns):
        if group.variant not in chosen or len(arms) > len(chosen[group.variant][1]):
            chosen[group.variant] = (group, arms)
    return list(chosen.values())


def outlines(results: Results, group: Group) -> list[np.ndarray]:
    """The closed curves [m, 2] that separate the classes of 2-D data."""
    for label in results.labels:
        for run in results.final(group, label):
            shapes = results.store.exhibit(run.id, "geometry") or {}
            curves = [shapes[name] for name in sorted(shapes) if re.fullmatch(r"outline_\d+", name)]
            if curves:
                return [curve for curve in curves if curve.ndim == 2 and curve.shape[1] == 2]
    return []


def plane(coordinates: np.ndarray) -> bool:
    """Whether samples are points of a plane."""
    return coordinates.ndim == 2 and coordinates.shape[1] == 2


def _of(results: Results, runs: list[Run], name: str, columns: tuple[str, ...]) -> Arrays | None:
    for run in runs:
        arrays = aligned(results.store, run, name, columns)
        if arrays is not None:
            return arrays
    return None
