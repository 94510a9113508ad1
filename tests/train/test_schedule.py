import math

import pytest
import torch
from torch import nn

from isbench.store.records import OptimizerSpec, ScheduleSpec
from isbench.train.schedule import Schedule, build_optimizer


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (ScheduleSpec(), [0.1, 0.1, 0.1]),
        (ScheduleSpec(name="linear"), [0.1, 0.05, 0.0]),
        (ScheduleSpec(name="linear", to=1e-6), [0.1, (0.1 + 1e-6) / 2, 1e-6]),
        (ScheduleSpec(name="cosine"), [0.1, 0.1 * (1 + math.cos(math.pi / 2)) / 2, 0.0]),
        (ScheduleSpec(name="step", at=(0.4, 0.8), factor=0.2), [0.1, 0.02, 0.004]),
    ],
)
def test_a_schedule_is_a_function_of_progress(spec: ScheduleSpec, expected: list[float]) -> None:
    schedule = Schedule(spec, 0.1)
    assert [schedule.at(progress) for progress in (0.0, 0.5, 1.0)] == pytest.approx(expected)


def test_a_step_falls_at_its_breakpoint() -> None:
    schedule = Schedule(ScheduleSpec(name="step", at=(0.4,), factor=0.1), 1.0)
    assert schedule.at(0.3999) == 1.0
    assert schedule.at(0.4) == pytest.approx(0.1)


def test_the_rate_of_a_batch_multiplies_the_learning_rate() -> None:
    optimizer = build_optimizer(OptimizerSpec(name="sgd", lr=0.1), nn.Linear(1, 1))
    Schedule(ScheduleSpec(), 0.1)(optimizer, 0.5, 3.0)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("name", "kind"), [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_optimisers_are_fused(name: str, kind: type) -> None:
    optimizer = build_optimizer(OptimizerSpec(name=name, weight_decay=0.01), nn.Linear(2, 2))
    assert type(optimizer) is kind
    assert optimizer.defaults["fused"]
    assert optimizer.defaults["weight_decay"] == 0.01
