import pytest
import torch

from isbench.samplers.start import LossFraction
from isbench.store.records import StartSpec
from isbench.train.forward import Batch, Forward
from isbench.train.problem import Problem
from isbench.train.timing import FakeClock, PhaseTimer
from tests.builders import BATCH, model, run, table


def problem() -> Problem:
    dataset = table()
    return Problem(dataset, model(dataset), BATCH, PhaseTimer(FakeClock()), seed=0)


def feed(criterion: LossFraction, *losses: float) -> list[bool]:
    met = []
    nothing = torch.empty(0)
    for loss in losses:
        seen = Forward(nothing, nothing, nothing, nothing, torch.full((4,), loss))
        criterion.update(Batch(nothing), seen)
        met.append(criterion.met())
    return met


def test_the_loss_must_fall_strictly_below_its_fraction() -> None:
    assert feed(LossFraction(problem(), None, below=0.5), 2.0, 1.0, 0.99) == [False, False, True]


def test_a_loss_fraction_latches() -> None:
    assert feed(LossFraction(problem(), None, below=0.5), 2.0, 0.5, 5.0) == [False, True, True]


def test_inertia_smooths_the_batch_loss() -> None:
    assert feed(LossFraction(problem(), None, below=0.5, inertia=0.9), 2.0, 0.1, 0.1) == [False, False, False]


@pytest.mark.parametrize("of", ["val", "test"])
def test_a_held_out_loss_is_read_before_the_first_step_and_then_every_so_often(of: str) -> None:
    asked = []
    task = problem()
    losses = iter([2.0, 1.5, 0.9])
    task.held_out_loss = lambda which: asked.append(which) or next(losses)
    criterion = LossFraction(task, None, below=0.5, of=of, every=10)
    met = [criterion.met() for _ in range(21)]
    assert asked == [of] * 3
    assert met == [False] * 20 + [True]


def test_a_held_out_loss_is_evaluation_and_not_training() -> None:
    start = StartSpec(name="loss_fraction", options={"below": 0.01, "of": "test", "every": 1})
    never = StartSpec(name="steps", options={"at": 10**6})
    plain = run("highest-loss", start=never, clock=FakeClock(), grid=(1.0,)).finish()[-1]
    held_out = run("highest-loss", start=start, clock=FakeClock(), grid=(1.0,)).finish()[-1]
    working = ("load", "forward", "backward", "optimise", "update")
    assert [held_out.phases[phase] for phase in working] == [plain.phases[phase] for phase in working]
    assert held_out.eval_seconds > plain.eval_seconds


@pytest.mark.parametrize(
    ("name", "at", "expected"), [("epochs", 1.0, 13), ("steps", 7, 7), ("progress", 0.25, 10)]
)
def test_a_start_opens_at_its_moment(name: str, at: float, expected: int) -> None:
    made = run("highest-loss", start=StartSpec(name=name, options={"at": at}), budget=(40, "steps"))
    made.finish()
    assert made.ledger.started is not None
    assert made.ledger.started[0] == expected


def test_before_the_start_the_run_is_uniforms() -> None:
    start = StartSpec(name="steps", options={"at": 20})
    waiting = run("highest-loss", start=start, budget=(20, "steps")).finish()
    uniform = run("uniform", budget=(20, "steps")).finish()
    assert [p.test_loss for p in waiting] == [p.test_loss for p in uniform]
