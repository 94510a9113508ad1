"""The margins of a gate are those of every verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from isbench.store.records import Gate
from isbench.verdicts import between, find
from tests.verdicts import made
from tests.verdicts.made import AT_TARGET, ending, reaching

VALUES = {"uniform": ending(0.20, 0.21, 0.19, 0.22), "arm": ending(0.22, 0.231, 0.209, 0.242)}
TIMES = {"uniform": reaching(40, 41, 39, 42), "arm": reaching(44, 45, 43, 46)}
TARGET = {"primary": AT_TARGET, "targets": (1.0,)}


def verdict(path: Path, runs, **plan) -> str:
    (one,) = find(made.folder(path, runs, **plan)).primary
    return one.verdict


@pytest.mark.parametrize(("drop", "said"), [(0.02, "worse"), (0.2, "equivalent")])
def test_a_metric_must_drop_by_more_than_the_gate_allows(tmp_path: Path, drop: float, said: str) -> None:
    gate = Gate(metric_drop=drop, slowdown=0.0)
    assert verdict(tmp_path / "made", VALUES, gate=gate) == said


@pytest.mark.parametrize(("slowdown", "said"), [(0.03, "slower"), (0.2, "equivalent")])
def test_a_cost_must_rise_by_more_than_the_gate_allows(tmp_path: Path, slowdown: float, said: str) -> None:
    gate = Gate(slowdown=slowdown, metric_drop=0.0)
    assert verdict(tmp_path / "made", TIMES, gate=gate, **TARGET) == said


@pytest.mark.parametrize(("drop", "said"), [(0.02, "worse"), (0.2, "equivalent")])
def test_two_folders_are_compared_by_the_gate_of_the_second(tmp_path: Path, drop: float, said: str) -> None:
    swapped = {"uniform": VALUES["uniform"], "arm": VALUES["uniform"]}
    old = made.folder(tmp_path / "old", swapped)
    new = made.folder(tmp_path / "new", VALUES, gate=Gate(metric_drop=drop))
    rows = [row for row in between(old, new).rows if (row["sampler"], row["metric"]) == ("arm", "val_error")]
    assert [row["verdict"] for row in rows] == [said]
