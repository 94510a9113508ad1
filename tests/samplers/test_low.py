"""LOW's weights: the quadratic programme, its limits, and the authors' scale."""

from __future__ import annotations

import cvxopt
import numpy as np
import pytest
import torch
from torch import Tensor

from isbench.cards import card
from isbench.samplers import catalogue
from isbench.samplers.low import Low, project, weights
from isbench.store.records import SamplerSpec
from isbench.train.problem import Problem
from isbench.train.timing import FakeClock, PhaseTimer
from tests.builders import BATCH, model, rng, run, table

SMOOTHNESS = 0.1


def norms(b: int = 64, seed: int = 0) -> Tensor:
    """Gradient norms at the output of some net: most of them small, the largest near the root of 2."""
    return 2**0.5 * torch.rand(b, generator=rng(seed=seed), dtype=torch.float64) ** 3


def solved(norm: Tensor, smoothness: float) -> np.ndarray:
    """The programme by an interior-point method."""
    b = len(norm)
    tight = {"show_progress": False, "abstol": 1e-14, "reltol": 1e-14, "feastol": 1e-14, "maxiters": 200}
    found = cvxopt.solvers.qp(
        2 * smoothness * cvxopt.spdiag([1.0] * b),
        cvxopt.matrix(-(norm.square().numpy() + 2 * smoothness)),
        -cvxopt.spdiag([1.0] * b),
        cvxopt.matrix(0.0, (b, 1)),
        cvxopt.matrix(1.0, (1, b)),
        cvxopt.matrix(float(b)),
        options=tight,
    )
    return np.array(found["x"])[:, 0]


@pytest.mark.parametrize("seed", range(100))
def test_the_weights_solve_the_quadratic_programme(seed: int) -> None:
    norm = norms(seed=seed)
    smoothness = (0.1, 0.3, 1.0, 10.0)[seed % 4]
    assert np.abs(weights(norm, smoothness).numpy() - solved(norm, smoothness)).max() < 1e-8


@pytest.mark.parametrize("seed", range(10))
def test_the_weights_meet_the_conditions_of_an_optimum(seed: int) -> None:
    norm = norms(256, seed)
    w = weights(norm, SMOOTHNESS)
    slope = norm.square() - 2 * SMOOTHNESS * (w - 1)  # of the Lagrangian: equal where w > 0, less elsewhere
    level = slope[w > 0].mean()
    assert abs(float(w.sum()) - 256) < 1e-10
    assert w.min() >= 0
    assert (slope[w > 0] - level).abs().max() < 1e-10
    assert (slope[w == 0] - level).max() < 1e-10


def test_equal_norms_have_equal_weights() -> None:
    assert torch.allclose(weights(torch.full((50,), 0.4).double(), SMOOTHNESS), torch.ones(50).double())


def test_weights_rise_with_the_norms() -> None:
    norm = norms().sort().values
    assert weights(norm, SMOOTHNESS).diff().min() >= 0


def test_much_smoothness_is_uniform_and_little_takes_the_largest() -> None:
    norm = norms()
    assert (weights(norm, 1e9) - 1).abs().max() < 1e-8
    assert weights(norm, 1e-9).nonzero().flatten().tolist() == [int(norm.argmax())]


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_a_projection_has_its_sum_at_any_scale(size: float) -> None:
    v = torch.rand(100, generator=rng(), dtype=torch.float64) * size
    assert float(project(v, 100).sum()) == pytest.approx(100, rel=1e-12)


def test_the_scale_of_the_authors_code_leaves_all_weights_at_1() -> None:
    assert (weights(norms(256) / 256, SMOOTHNESS) - 1).abs().max() < 2e-4


def test_the_card_says_what_the_scale_of_the_authors_code_does() -> None:
    assert "2e-4" in card("low")


def sampler(**options) -> tuple[Problem, Low]:
    dataset = table()
    problem = Problem(dataset, model(dataset), BATCH, PhaseTimer(FakeClock()), seed=0)
    made = catalogue.build(SamplerSpec(label="low", name="low", options=options), problem)
    assert isinstance(made, Low)
    return problem, made


@pytest.mark.parametrize(("scale", "divisor"), [("per_sample", 1), ("batch_mean", BATCH)])
def test_the_scale_divides_the_norms(scale: str, divisor: int) -> None:
    problem, low = sampler(scale=scale)
    batch = next(iter(low.epoch()))
    seen = problem.forward(batch.index, *problem.fetch(batch.index)).detach()
    norm = low.score(problem, seen).double() / divisor
    assert torch.equal(low.weigh(batch, seen), weights(norm, SMOOTHNESS))


def test_a_run_says_what_share_of_its_batches_the_weights_leave() -> None:
    made = run("low", budget=(40, "steps"), grid=(1.0,)).finish()[-1]
    assert made.weight_mean == pytest.approx(1, abs=1e-6)
    assert made.weight_ess is not None
    assert 0 < made.weight_ess < 0.95


def test_the_authors_scale_leaves_the_whole_batch() -> None:
    made = run("low", options={"mirror": "code"}, budget=(40, "steps"), grid=(1.0,)).finish()[-1]
    assert made.weight_ess == pytest.approx(1, abs=1e-2)


def test_norms_that_are_not_finite_are_mended() -> None:
    problem, low = sampler()
    batch = next(iter(low.epoch()))
    seen = problem.forward(batch.index, *problem.fetch(batch.index)).detach()
    seen.output[0] = torch.nan
    assert torch.isfinite(low.weigh(batch, seen)).all()
