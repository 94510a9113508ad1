"""Twins: the same short run twice, with the same draws, kept in two places of a results folder."""

from __future__ import annotations

from isbench.store.records import RunRecord
from isbench.store.store import Store

TWINS = ("first", "second")
STEPS = 64


def twin(store: Store, place: str) -> Store:
    """Where one of two equal runs is kept: both have the same id."""
    return Store(store.folder / "twins" / place)


def pairs(store: Store) -> list[tuple[RunRecord | None, RunRecord | None]]:
    """All twins of a results folder; None for one that never began."""
    places = [twin(store, place) for place in TWINS]
    ids = sorted({path.name for place in places for path in (place.folder / "cells").glob("*")})
    first, second = ([place.record(identity) for identity in ids] for place in places)
    return list(zip(first, second, strict=True))


def identical(first: RunRecord, second: RunRecord) -> bool:
    """Whether two runs gave the same numbers, bit for bit, at every point; their times are left out."""
    times = {"train_seconds", "eval_seconds", "phases"}
    one, two = ([point.model_dump(exclude=times) for point in run.points] for run in (first, second))
    return bool(one) and one == two
