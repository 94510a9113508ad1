"""The loop as a tape, and what it leaves bit-identical."""

import torch
from torch import nn

from isbench.samplers.base import Sampler
from isbench.store.records import Budget, Costs, OptimizerSpec, ScheduleSpec, StartSpec
from isbench.train.evaluate import Evaluator
from isbench.train.forward import Batch
from isbench.train.ledger import Ledger
from isbench.train.loop import train
from isbench.train.problem import Problem
from isbench.train.schedule import Schedule
from isbench.train.tally import Tally
from isbench.train.timing import FakeClock, PhaseTimer
from tests.builders import CPU, model, run, table


class TapedSampler(Sampler):
    def __init__(self, problem, tape):
        super().__init__(problem)
        self.tape = tape

    def epoch(self):
        for start in (0, 4):
            self.tape.append("epoch")
            yield Batch(torch.arange(start, start + 4))

    def weigh(self, batch, seen):
        self.tape.append(f"weigh {seen.loss.requires_grad}")
        return torch.full((4,), 2.0)

    def observe(self, batch, seen):
        self.tape.append(f"observe {seen.loss.requires_grad}")


class TapedOptimizer(torch.optim.SGD):
    def __init__(self, parameters, tape):
        super().__init__(parameters, lr=0.0)
        self.tape = tape

    def step(self, closure=None):
        self.tape.append("step")


def taped(steps: int) -> tuple[list[str], nn.Module]:
    tape: list[str] = []
    dataset = table()
    network = model(dataset)
    problem = Problem(dataset, network, 4, PhaseTimer(FakeClock()), seed=0)
    evaluator = Evaluator(dataset, network)

    def evaluate():
        tape.append("evaluate")
        return evaluator()

    rate = Schedule(ScheduleSpec(), 0.1)
    tally = Tally(dataset.n, CPU, trace=False, selection=False)
    budget = Budget(name="t", amount=steps, unit="steps")
    ledger = Ledger(problem, budget, (1.0,), Costs(rho=1.0), rate, evaluate, tally)
    sampler = TapedSampler(problem, tape)
    for _ in train(problem, sampler, TapedOptimizer(network.parameters(), tape), rate, ledger):
        tape.append("point")
    return tape, network


def test_two_steps_make_exactly_these_calls() -> None:
    tape, _ = taped(2)
    one_step = ["epoch", "weigh True", "step", "observe False"]
    assert tape == ["evaluate", "point", *one_step, *one_step, "evaluate", "point"]


def test_the_gradient_is_that_of_the_weighted_mean() -> None:
    _, network = taped(1)
    x, y = table().train.fetch(torch.arange(4))
    other = model(table())
    (2 * nn.functional.cross_entropy(other(x), y)).backward()
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad)


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def trained(**options) -> torch.Tensor:
    network = model(table(), dropout=0.3, norm=True)
    torch.manual_seed(7)  # dropout has no generator argument; the fixture restores the state
    run(network=network, **options).finish()
    return weights(network)


def test_more_evaluations_train_bit_identically() -> None:
    few = trained(grid=(1.0,))
    many = trained(grid=tuple((k + 1) / 20 for k in range(20)))
    assert torch.equal(few, many)


def test_more_evaluations_train_bit_identically_with_importance() -> None:
    start = StartSpec(name="loss_fraction", options={"below": 0.9})
    few = trained(sampler="gradient-norm-cdf", start=start, grid=(1.0,))
    many = trained(sampler="gradient-norm-cdf", start=start, grid=tuple((k + 1) / 20 for k in range(20)))
    assert torch.equal(few, many)


def test_every_kind_of_budget_ends_at_progress_one() -> None:
    for budget in ((30, "steps"), (2.0, "epochs"), (5.0, "passes"), (0.05, "seconds")):
        last = run("highest-loss-cdf", budget=budget).finish()[-1]
        assert last.progress == 1.0


def test_a_seconds_budget_is_spent_in_ticks_of_the_clock() -> None:
    made = run(budget=(100.0, "seconds"), clock=FakeClock(), grid=(1.0,))
    last = made.finish()[-1]
    assert 100 <= last.train_seconds <= 100 + 20


def test_the_learning_rate_follows_the_spent_share_of_any_budget() -> None:
    schedule = ScheduleSpec(name="linear", to=0.0)
    for budget in ((40, "steps"), (3.0, "epochs"), (9.0, "passes")):
        made = run(
            budget=budget, schedule=schedule, grid=(0.5, 1.0), optimizer=OptimizerSpec(name="sgd", lr=1.0)
        )
        _, half, end = made.finish()
        assert abs(half.lr - 0.5) < 0.05
        assert end.lr < 0.05


def test_bfloat16_keeps_losses_in_float32() -> None:
    made = run(precision="bfloat16")
    x, y = made.problem.fetch(torch.arange(4))
    assert made.problem.forward(torch.arange(4), x, y).loss.dtype == torch.float32
    assert made.finish()[-1].train_loss is not None
