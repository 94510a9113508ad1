import math

import pytest
import torch
from torch import nn

from isbench.store.records import OptimizerSpec, ScheduleSpec
from isbench.train.schedule import Schedule, build_optimizer, gradient_norm
from tests import builders


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


def stepped(gradients: list[list[float]], **settings: object) -> nn.ParameterList:
    """Parameters of zero after one SGD step of rate 1 along these gradients."""
    model = nn.ParameterList([nn.Parameter(torch.zeros(len(each))) for each in gradients])
    optimizer = build_optimizer(OptimizerSpec.model_validate({"name": "sgd", "lr": 1.0, **settings}), model)
    for parameter, gradient in zip(model, gradients, strict=True):
        parameter.grad = torch.tensor(gradient)
    optimizer.step()
    return model


def test_clipping_scales_all_gradients_by_their_common_norm() -> None:
    first, second = stepped([[3.0, 0.0], [4.0]], clip_norm=1.0)
    assert first.tolist() == pytest.approx([-0.6, 0.0], abs=1e-6)
    assert second.tolist() == pytest.approx([-0.8], abs=1e-6)


def test_a_gradient_below_the_limit_is_left_alone() -> None:
    first, second = stepped([[3.0, 0.0], [4.0]], clip_norm=5.5)
    assert (first.tolist(), second.tolist()) == ([-3.0, 0.0], [-4.0])


def test_weight_decay_is_not_clipped() -> None:
    model = nn.ParameterList([nn.Parameter(torch.tensor([10.0]))])
    optimizer = build_optimizer(OptimizerSpec(name="sgd", lr=1.0, weight_decay=0.5, clip_norm=1.0), model)
    model[0].grad = torch.tensor([100.0])
    optimizer.step()
    assert model[0].item() == pytest.approx(10.0 - 1.0 - 5.0, abs=1e-5)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_every_optimiser_clips(name: str) -> None:
    model = nn.ParameterList([nn.Parameter(torch.zeros(2))])
    optimizer = build_optimizer(OptimizerSpec(name=name, clip_norm=0.5), model)
    model[0].grad = torch.tensor([3.0, 4.0])
    optimizer.step()
    assert model[0].grad.tolist() == pytest.approx([0.3, 0.4], abs=1e-6)


def test_the_gradient_norm_is_that_before_clipping() -> None:
    model = stepped([[3.0, 0.0], [4.0]], clip_norm=1.0)
    assert gradient_norm(model) == pytest.approx(5.0)
    model[0].grad, model[1].grad = torch.tensor([6.0, 0.0]), torch.tensor([8.0])
    assert gradient_norm(model) == pytest.approx(10.0)


def test_a_model_that_was_not_trained_has_no_gradient_norm() -> None:
    assert gradient_norm(nn.Linear(2, 2)) is None


def test_clipping_changes_a_run_but_not_the_norm_of_its_first_gradient() -> None:
    def points(clip_norm: float | None) -> list:
        spec = OptimizerSpec(name="sgd", lr=0.05, clip_norm=clip_norm)
        return builders.run(budget=(2, "steps"), grid=(0.5, 1.0), optimizer=spec).finish()

    free, clipped = points(None), points(0.1)
    assert free[1].grad_norm == pytest.approx(clipped[1].grad_norm)
    assert clipped[1].grad_norm > 0.1
    assert free[1].val_loss != clipped[1].val_loss
