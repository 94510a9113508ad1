"""What paper 001 says of its sampler: the gate, Algorithm 1, unbiasedness, and its library's two variants."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from isbench.samplers import catalogue
from isbench.samplers.dlis import ConstantTime, ConstantVariance, Dlis
from isbench.samplers.prioritized import Prioritized
from isbench.samplers.scores import Score
from isbench.samplers.start import StartWhen, Tau
from isbench.samplers.tau import break_even, tau_of
from isbench.store.records import OptimizerSpec, SamplerSpec, StartSpec
from isbench.train.device import generator
from isbench.train.forward import Batch, Forward
from isbench.train.problem import Problem
from isbench.train.timing import FakeClock, PhaseTimer
from tests.builders import BATCH, CLASSES, CPU, FEATURES, model, rng, run, table

SAMPLES = 64


def linear(seed: int = 3) -> nn.Linear:
    """A linear model with weights from a generator of its own."""
    network = nn.Linear(FEATURES, CLASSES, bias=False)
    with torch.no_grad():
        network.weight.copy_(torch.randn(CLASSES, FEATURES, generator=rng("linear", seed)))
    return network


def problem_of(network: nn.Module, n: int = SAMPLES) -> Problem:
    return Problem(table(n), network, BATCH, PhaseTimer(FakeClock()), seed=0)


def sampler_of(name: str, problem: Problem, **options) -> object:
    return catalogue.build(SamplerSpec(label=name, name=name, options=options), problem)


def double() -> Problem:
    """A linear model and its samples in float64."""
    problem = problem_of(linear().double())
    problem.dataset.train.x = problem.dataset.train.x.double()
    return problem


def gradients(problem: Problem) -> Tensor:
    """The gradient of each sample [n, parameters], one backward pass each."""
    rows = []
    for i in range(SAMPLES):
        index = torch.tensor([i])
        seen = problem.forward(index, *problem.fetch(index))
        rows.append(torch.autograd.grad(seen.loss.sum(), problem.parameters)[0].flatten())
    return torch.stack(rows)


def weights_by_index(index: Tensor, weight: Tensor) -> Tensor:
    """The weight that each sample has whenever it is drawn [n]."""
    assert len(index.unique()) == SAMPLES
    return torch.zeros(SAMPLES, dtype=torch.float64).index_copy_(0, index, weight.double())


def estimate(name: str, **options) -> tuple[Tensor, Tensor]:
    """The expected estimate of the gradient by enumeration over a pool of all samples, and the gradient."""
    problem = double()
    sampler = sampler_of(name, problem, pool=SAMPLES, **options)
    batch = sampler.choose(torch.arange(SAMPLES), 200_000)
    p = sampler.rule.probabilities(batch.scores)
    weight = weights_by_index(batch.index, batch.weight)
    each = gradients(problem)
    return ((p * weight)[:, None] * each).sum(0), each.mean(0)


@pytest.mark.parametrize("name", ["dlis", "dlis-loss", "dlis-gradient"])
def test_the_weighted_estimate_is_unbiased(name: str) -> None:
    expected, mean = estimate(name)
    assert (expected - mean).abs().max() < 1e-10


def test_biased_sampling_is_unbiased_at_k_1() -> None:
    expected, mean = estimate("biased", k=1.0)
    assert (expected - mean).abs().max() < 1e-10


@pytest.mark.parametrize("k", [0.5, 0.0])
def test_biased_sampling_is_biased_below_1(k: float) -> None:
    expected, mean = estimate("biased", k=k)
    assert (expected - mean).norm() > 0.05 * mean.norm()


@pytest.mark.parametrize("name", ["prioritized", "prioritized-rank"])
@pytest.mark.parametrize(("weight_max", "beta", "unbiased"), [("none", 1.0, True), ("none", 0.4, False)])
def test_prioritized_is_unbiased_with_beta_1_and_no_scale(
    name: str, weight_max: str, beta: float, unbiased: bool
) -> None:
    problem = double()
    sampler = sampler_of(name, problem, weight_max=weight_max, beta=beta)
    assert isinstance(sampler, Prioritized)
    everything = torch.arange(SAMPLES)
    seen = problem.forward(everything, *problem.fetch(everything)).detach()
    sampler.observe(Batch(everything), seen)
    sampler.drawn = problem.batch = 1
    problem.batch = 200_000
    index, p, least = sampler.draw()
    weight = weights_by_index(index, sampler.weights(index, p, least))
    chance = torch.zeros(SAMPLES, dtype=torch.float64).index_copy_(0, index, p)
    assert chance.sum().item() == pytest.approx(1, abs=1e-12)
    each = gradients(problem)
    off = (((chance * weight)[:, None] * each).sum(0) - each.mean(0)).abs().max()
    assert (off < 1e-10) if unbiased else (off > 1e-3)


def test_tau_is_the_root_of_b_times_the_sum_of_squares() -> None:
    scores = torch.rand(50, generator=rng(), dtype=torch.float64)
    p = scores / scores.sum()
    assert tau_of(scores).item() == pytest.approx((50 * p.square().sum()).sqrt().item(), rel=1e-12)


def test_tau_is_the_expression_that_the_paper_prints() -> None:
    p = torch.rand(50, generator=rng(), dtype=torch.float64)
    p /= p.sum()
    printed = (1 - (p - 1 / 50).norm() ** 2 / p.square().sum()) ** -0.5
    assert tau_of(p).item() == pytest.approx(printed.item(), rel=1e-12)


def test_equal_scores_have_tau_1() -> None:
    assert tau_of(torch.full((640,), 0.3)).item() == pytest.approx(1, abs=1e-12)


def test_one_hot_scores_have_tau_root_b() -> None:
    assert tau_of(torch.eye(640)[7]).item() == pytest.approx(640**0.5, rel=1e-12)


@pytest.mark.parametrize(("pool", "batch", "printed"), [(640, 128, 2.6667), (48, 16, 2.0), (128, 32, 2.3333)])
def test_the_threshold_is_the_formula_of_the_paper(pool: int, batch: int, printed: float) -> None:
    assert break_even(pool, batch) == pytest.approx(printed, abs=1e-4)


def told(values: list[list[float]]) -> Score:
    """A score that says what it is told, step by step."""
    waiting = iter(values)
    return Score("told", lambda problem, seen: torch.tensor(next(waiting)))


def test_the_gate_opens_and_closes_again() -> None:
    flat, peaked = [1.0] * 4, [1.0, 0.0, 0.0, 0.0]
    problem = problem_of(linear())
    gate = Tau(problem, told([peaked, peaked, flat, flat]), above=1.4, inertia=0.5)
    met, nothing = [gate.met()], torch.empty(0)
    for _ in range(4):
        problem.judged = None
        gate.update(Batch(torch.arange(4)), Forward(torch.arange(4), nothing, nothing, nothing, nothing))
        met.append(gate.met())
    assert met == [False, False, True, False, False]  # smoothed tau: 0, 1, 1.5, 1.25, 1.125


def test_a_run_returns_to_uniform_when_tau_falls_and_selects_again_when_it_rises() -> None:
    made = run(
        "dlis", options={"pool": 64}, start=StartSpec(name="tau", options={"above": 1.5, "inertia": 0.5})
    )
    assert isinstance(made.sampler, StartWhen)
    assert isinstance(made.sampler.criterion, Tau)
    assert isinstance(made.sampler.keen, Dlis)
    calls = 0

    def waves(problem: Problem, seen: Forward) -> Tensor:
        nonlocal calls
        calls += 1
        return torch.eye(len(seen.index))[0] if calls // 10 % 2 else torch.ones(len(seen.index))

    made.sampler.criterion.smoothed.score = made.sampler.keen.score = Score("waves", waves)
    active = []
    watched = made.sampler.observe
    made.sampler.observe = lambda batch, seen: (active.append(batch.active), watched(batch, seen))[1]
    made.finish()
    switches = [k for k in range(1, len(active)) if active[k] != active[k - 1]]
    assert len(switches) >= 3  # on, off, on
    assert not active[0]


def test_the_logged_tau_is_the_gates_where_the_sampler_follows_another() -> None:
    start = StartSpec(name="tau", options={"above": 100.0, "inertia": 0.0})
    made = run("dlis", options={"pool": 64, "rate": "tau"}, start=start, budget=(3, "steps"), grid=(1.0,))
    last = made.finish()[-1]
    assert isinstance(made.sampler, StartWhen)
    assert isinstance(made.sampler.criterion, Tau)
    assert last.tau == pytest.approx(made.sampler.criterion.smoothed.read())


def test_tau_takes_what_is_not_finite_for_the_largest_score() -> None:
    scores = torch.tensor([1.0, 2.0, torch.inf, torch.nan])
    assert tau_of(scores).item() == pytest.approx(tau_of(torch.tensor([1.0, 2.0, 2.0, 2.0])).item())


def test_exact_norms_have_a_threshold_of_their_own_price() -> None:
    resolved = catalogue.resolve_start("dlis-gradient", {"pool": 640}, StartSpec(name="tau"), 128)
    assert resolved.options["above"] == pytest.approx(1 + 3 * 640 / 384)


def test_while_the_gate_is_shut_the_run_is_that_of_uniform() -> None:
    shut = run("dlis", options={"pool": 64}, start=StartSpec(name="tau", options={"above": 100.0}))
    uniform = run("uniform")
    assert [p.test_loss for p in shut.finish()] == [p.test_loss for p in uniform.finish()]


def test_tau_and_ess_are_logged_while_the_gate_is_shut() -> None:
    shut = run("dlis", options={"pool": 64}, start=StartSpec(name="tau", options={"above": 100.0}))
    last = shut.finish()[-1]
    assert last.active == 0
    assert 1 < last.tau < BATCH**0.5
    assert 1 < last.ess < BATCH


def test_a_shut_gate_costs_no_pass_of_the_model() -> None:
    shut = run("dlis", options={"pool": 64}, start=StartSpec(name="tau", options={"above": 100.0}))
    shut.finish()
    assert shut.problem.scored == 0


POOL, RATE, ABOVE, TRACED = 80, 0.5, 0.8, 20


def reference(weight: Tensor, x: Tensor, y: Tensor) -> tuple[list[list[int]], list[bool], Tensor]:
    """Algorithm 1 written out for a linear model; draws from the same two streams as isbench."""
    data, own = generator(0, "data"), generator(0, "sampler")
    order, tau, place = torch.randperm(len(x), generator=data), 0.0, 0
    batches, gates = [], []
    for _ in range(TRACED):
        gates.append(tau > ABOVE)
        if gates[-1]:
            pool = torch.randint(len(x), (POOL,), generator=data)
            g = (softmax(x[pool] @ weight.T) - onehot(y[pool])).norm(dim=1).double()
            g = g / g.sum()
            u = torch.rand(BATCH, generator=own, dtype=torch.float64)
            drawn = (g.cumsum(0)[None, :] <= u[:, None] * g.cumsum(0)[-1]).sum(1)
            index, w = pool[drawn], (1 / (POOL * g[drawn])).float()
        else:
            index, w = order[place : place + BATCH], torch.ones(BATCH)
            place += BATCH
        rest = softmax(x[index] @ weight.T) - onehot(y[index])
        if not gates[-1]:
            g = rest.norm(dim=1).double()
            g = g / g.sum()
        weight = weight - RATE * (w[:, None] * rest).T @ x[index] / BATCH
        tau = 0.9 * tau + 0.1 * float((len(g) * g.square().sum()).sqrt())
        batches.append(index.tolist())
    return batches, gates, weight


def softmax(z: Tensor) -> Tensor:
    return z.softmax(1)


def onehot(y: Tensor) -> Tensor:
    return nn.functional.one_hot(y, CLASSES).float()


def test_algorithm_1_step_by_step() -> None:
    dataset, network = table(400), linear()
    started = network.weight.detach().clone()
    made = run(
        "dlis",
        dataset=dataset,
        network=network,
        options={"pool": POOL},
        start=StartSpec(name="tau", options={"above": ABOVE}),
        optimizer=OptimizerSpec(name="sgd", lr=RATE),
        budget=(TRACED, "steps"),
        grid=(1.0,),
    )
    assert isinstance(made.sampler, StartWhen)
    seen: list[Batch] = []
    watched = made.sampler.observe
    made.sampler.observe = lambda batch, forward: (seen.append(batch), watched(batch, forward))[1]
    made.finish()
    batches, gates, weight = reference(started, dataset.train.x, dataset.train.y)
    assert [batch.index.tolist() for batch in seen] == batches
    assert [batch.active for batch in seen] == gates
    assert any(gates)
    assert not all(gates)
    assert torch.allclose(network.weight, weight, atol=1e-5)


def test_a_learning_rate_that_follows_tau_is_multiplied_by_it() -> None:
    made = run("dlis", options={"pool": 64, "rate": "tau"}, budget=(60, "steps"), grid=(1.0,))
    last = made.finish()[-1]
    assert isinstance(made.sampler, Dlis)
    assert made.sampler.smoothed is not None
    assert last.lr / 0.05 == pytest.approx(made.sampler.smoothed.read(), rel=0.05)
    assert last.lr > 0.05


@pytest.mark.parametrize(
    ("tau", "pool", "batch"), [(1.0, 100, 66), (2.0, 125, 58), (4.0, 162, 46), (50.0, 170, 43)]
)
def test_constant_time_keeps_the_cost_of_a_step(tau: float, pool: int, batch: int) -> None:
    problem = Problem(table(), model(table()), 100, PhaseTimer(FakeClock()), seed=0)
    sampler = sampler_of("dlis-constant-time", problem)
    assert isinstance(sampler, ConstantTime)
    assert sampler.sizes(tau) == (pool, batch)
    assert abs(pool + 3 * batch - 300) <= 3


def test_constant_variance_trains_on_fewer_the_larger_tau_is() -> None:
    problem = problem_of(linear())
    sampler = sampler_of("dlis-constant-variance", problem)
    assert isinstance(sampler, ConstantVariance)
    sampler.smoothed.gauge.push(torch.tensor(2.5))
    assert len(next(iter(sampler.epoch())).index) == int((1 / 2.5 + 0.2) * BATCH)


def test_constant_variance_waits_until_the_scores_are_paid_for() -> None:
    start = catalogue.resolve_start("dlis-constant-variance", {"extra": 0.1}, StartSpec(name="tau"), BATCH)
    assert start.options["above"] == pytest.approx(1 / (2 / 3 - 0.1), rel=1e-5)


def test_the_rule_of_the_root_halves_the_exponent_of_the_threshold() -> None:
    start = StartSpec(name="tau", options={"rule": "sqrt"})
    resolved = catalogue.resolve_start("dlis", {"pool": 640}, start, 128)
    assert resolved.options == {"above": pytest.approx((640 / 384 + 1) ** 0.5, rel=1e-5)}


def test_samplers_without_a_score_cannot_wait_for_tau() -> None:
    spec = SamplerSpec(label="x", name="biased-lstm", start=StartSpec(name="tau"))
    with pytest.raises(Exception, match="no scores that tau could be made of"):
        catalogue.build(spec, problem_of(linear()))


def test_a_pool_may_be_larger_than_the_data_set() -> None:
    problem = problem_of(linear())
    batch = next(iter(sampler_of("dlis", problem, pool=3 * SAMPLES).epoch()))
    assert batch.candidates.shape == (3 * SAMPLES,)
    assert batch.candidates.device == CPU
