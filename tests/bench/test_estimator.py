"""The estimator's numbers against enumeration: a linear model whose per-sample gradients are written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isbench.bench import estimator
from isbench.bench.checkpoints import Checkpoints, applicable, staleness
from isbench.bench.estimator import Estimator, gradients, host
from isbench.samplers import low
from isbench.samplers.rules import Proportional
from isbench.samplers.scores import SCORES
from isbench.train.problem import Problem
from isbench.train.timing import HostClock, PhaseTimer
from tests import builders

SAMPLES = 64
ALL = ("uniform", "loss", "upper_bound", "output_gradient", "last_layer", "gradient")


def problem(**changes) -> Problem:
    dataset = builders.table()
    network = builders.model(dataset, **changes)
    made = Problem(dataset, network, builders.BATCH, PhaseTimer(HostClock()), seed=0)
    made.require(SCORES["last_layer"])
    return made


def scores(made: Problem, index: torch.Tensor) -> dict[str, torch.Tensor]:
    found = {name: made.score(score, index) for name, score in applicable(made).items()}
    return {"uniform": torch.ones(len(index)), **found}


@pytest.fixture(scope="module")
def look() -> Estimator:
    torch.set_num_threads(1)
    made = problem()
    index = torch.arange(SAMPLES) * 3
    return Estimator(made, index, scores(made, index), builders.BATCH)


@pytest.fixture(scope="module")
def found(look: Estimator) -> dict[str, dict[str, float]]:
    return look.statistics(seed=1)


@pytest.fixture(scope="module")
def written_out(look: Estimator) -> np.ndarray:
    """The gradient of every sample [N, parameters]."""
    return host(gradients(look.problem, look.index, torch.eye(SAMPLES)))


def trace_of_covariance(p: np.ndarray, each: np.ndarray) -> float:
    """Of one draw by p, weighed by 1/(N p): by going through all outcomes."""
    drawn = np.flatnonzero(p)
    outcomes = each[drawn] / (len(p) * p[drawn, None])
    mean = p[drawn] @ outcomes
    return float(p[drawn] @ np.square(outcomes - mean).sum(1))


@pytest.mark.parametrize("score", ALL)
def test_the_variance_ratio_is_that_of_all_outcomes(look, found, written_out, score: str) -> None:
    uniform = trace_of_covariance(np.full(SAMPLES, 1 / SAMPLES), written_out)
    own = trace_of_covariance(host(look.shares[score]), written_out)
    assert found[score]["variance_ratio"] == pytest.approx(own / uniform, rel=1e-4)


@pytest.mark.parametrize("score", ALL)
def test_no_score_has_less_variance_than_the_exact_norm(found, score: str) -> None:
    assert found["gradient"]["variance_ratio"] <= found[score]["variance_ratio"] + 1e-6


def test_the_weights_of_the_rule_make_every_score_unbiased(found) -> None:
    assert all(each["bias"] < 1e-6 for each in found.values())


@pytest.mark.parametrize("score", ["loss", "gradient"])
def test_the_weighted_draws_of_the_rule_have_the_mean_gradient(look, written_out, score: str) -> None:
    picked = Proportional(unbiased=True)(look.scores[score], 200_000, builders.rng())
    counts = torch.zeros(SAMPLES).index_add_(0, picked.index, picked.weight / 200_000)
    mean = written_out.mean(0)
    assert np.linalg.norm(host(counts) @ written_out - mean) < 0.03 * np.linalg.norm(mean)


def test_the_weights_of_the_rule_are_those_that_the_bias_supposes(look) -> None:
    picked = Proportional(unbiased=True)(look.scores["loss"], 32, builders.rng())
    p = look.shares["loss"][picked.index]
    assert torch.allclose(picked.weight.double(), 1 / (SAMPLES * p), rtol=1e-6)


def test_draws_without_weights_are_biased_by_what_enumeration_says(look, found, written_out) -> None:
    mean = written_out.mean(0)
    off = np.linalg.norm(host(look.shares["loss"]) @ written_out - mean) / np.linalg.norm(mean)
    assert found["loss"]["unweighted_bias"] == pytest.approx(off, rel=1e-4)


def test_uniform_is_its_own_measure(found) -> None:
    own = found["uniform"]
    assert own["variance_ratio"] == pytest.approx(1.0)
    assert (own["tau"], own["ess"], own["distance_ratio"]) == pytest.approx((1.0, SAMPLES, 1.0))


def test_the_exact_norm_has_the_ideal_probabilities(found) -> None:
    own = found["gradient"]
    assert own["squared_error"] == 0.0
    assert (own["pearson"], own["spearman"]) == pytest.approx((1.0, 1.0))


def test_distances_of_drawn_batches_follow_the_variance(look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimator, "RESAMPLINGS", 150)
    (whole,) = gradients(look.problem, look.index, torch.full((SAMPLES, 1), 1 / SAMPLES))
    loss, uniform = (look._distance(look.scores[name], whole, 3) for name in ("loss", "uniform"))
    ratio = estimator.variance_ratio(host(look.shares["loss"]), look.norms, estimator.length(whole))
    assert loss / uniform == pytest.approx(ratio**0.5, rel=0.1)


def test_distinct_samples_are_counted_as_draws_would_have_them(look, found) -> None:
    rng = builders.rng()
    rule = Proportional(unbiased=True)
    draws = [rule(look.scores["loss"], look.batch, rng).index.unique().numel() for _ in range(400)]
    assert found["loss"]["distinct"] == pytest.approx(np.mean(draws), rel=0.02)


def test_samples_that_cannot_be_drawn_are_counted_and_left_out(look, written_out) -> None:
    score = look.scores["loss"].clone()
    score[:5] = 0.0
    lost = Estimator(look.problem, look.index, {**look.scores, "loss": score}, look.batch)
    own = lost.statistics(seed=1)["loss"]
    rest = written_out * (np.arange(SAMPLES) >= 5)[:, None]
    uniform = trace_of_covariance(np.full(SAMPLES, 1 / SAMPLES), rest)
    ratio = trace_of_covariance(host(lost.shares["loss"]), rest) / uniform
    mean = written_out.mean(0)
    assert own["lost_support"] == 5
    assert own["variance_ratio"] == pytest.approx(ratio, rel=1e-4)
    assert own["bias"] == pytest.approx(np.linalg.norm(rest.mean(0) - mean) / np.linalg.norm(mean), rel=1e-4)


def test_gradients_leave_the_model_as_it_was() -> None:
    made = problem(norm=True, dropout=0.5)
    before = {name: value.clone() for name, value in made.model.state_dict().items()}
    made.model.train()
    gradients(made, torch.arange(8), torch.ones(8, 1))
    assert made.model.training
    assert all(p.grad is None for p in made.model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in made.model.state_dict().items())


def test_scores_of_equal_probabilities_share_their_draws(look, found) -> None:
    assert look._twins()["output_gradient"] == "upper_bound"
    assert found["output_gradient"]["distance_ratio"] == found["upper_bound"]["distance_ratio"]


def test_a_regression_handles_nothing_and_has_no_bound() -> None:
    dataset = builders.regression()
    made = Problem(dataset, builders.model(dataset), builders.BATCH, PhaseTimer(HostClock()), seed=0)
    names = applicable(made)
    for score in names.values():
        made.require(score)
    index = torch.arange(SAMPLES)
    scores = {name: made.score(score, index) for name, score in names.items()}
    scores["uniform"] = torch.ones(SAMPLES)
    found = estimator.Estimator(made, index, scores, builders.BATCH).statistics(0)
    assert "upper_bound" not in found
    assert all(np.isnan(own["handled"]) for own in found.values())
    assert found["output_gradient"]["variance_ratio"] < 1


def test_ranks_share_the_mean_of_their_places() -> None:
    assert estimator.ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]


@pytest.mark.parametrize(
    ("a", "b"), [([1, 1, 1], [1, 2, 3]), ([1, 2, np.nan], [1, 2, 3]), ([1], [1]), ([], [])]
)
def test_there_is_no_correlation_where_nothing_varies_or_is_known(a: list, b: list) -> None:
    assert np.isnan(estimator.rank_correlation(np.array(a, float), np.array(b, float)))


def test_spread_is_nothing_where_a_score_is_the_norm_up_to_a_factor() -> None:
    norms = np.array([1.0, 2.0, 3.0])
    assert estimator.variation(norms, 7 * norms) == pytest.approx(0.0)


def test_a_run_is_the_same_bit_for_bit_with_a_probe_on_it() -> None:
    ends = []
    for probing in (False, True):
        network = builders.model(builders.table(), dropout=0.3, norm=True)
        run = builders.run("uniform", network=network, budget=(30, "steps"), grid=(0.2, 0.5, 1.0))
        probe = Checkpoints(run.problem, run.sampler, run.tally.usage, 0)
        torch.manual_seed(5)
        points = []
        for point in run.points:
            points.append(point.model_dump(exclude={"train_seconds", "eval_seconds", "phases"}))
            if probing:
                probe.at_point(point)
        ends.append((points, network.state_dict(), torch.get_rng_state()))
    (first, weights, state), (second, probed, after) = ends
    assert first == second
    assert all(torch.equal(weights[name], probed[name]) for name in weights)
    assert torch.equal(state, after)


def test_a_stream_is_probed_on_samples_that_no_run_trains_on() -> None:
    run = builders.run("uniform", dataset=builders.stream(), budget=(4, "steps"), grid=(1.0,))
    probe = Checkpoints(run.problem, run.sampler, run.tally.usage, 0)
    for point in run.points:
        probe.at_point(point)
    arrays = probe.finish()["probe"]
    assert arrays["loss"].shape == (2, 1024)
    assert bool((probe.index < 0).all())


@pytest.mark.parametrize("name", ["prioritized", "memory-is"])
def test_what_a_sampler_stores_is_a_score_once_it_has_seen_samples(name: str) -> None:
    run = builders.run(name, budget=(30, "steps"), grid=(0.5, 1.0))
    probe = Checkpoints(run.problem, run.sampler, run.tally.usage, 0)
    for point in run.points:
        probe.at_point(point)
    arrays = probe.finish()["probe"]
    assert np.isnan(arrays["stored.tau"][0])
    assert np.isfinite(arrays["stored.tau"][1:]).all()
    assert np.isfinite(arrays["stored.age"][1:]).all()


def test_the_row_of_low_holds_its_weights_of_ordinary_batches() -> None:
    run = builders.run("uniform", budget=(1, "steps"), grid=(1.0,))
    probe = Checkpoints(run.problem, run.sampler, run.tally.usage, 0)
    point = next(run.points)
    norms = probe.problem.score(SCORES["output_gradient"], probe.index)
    probe.at_point(point)
    arrays = probe.finish()["probe"]
    first = low.weights(norms[: builders.BATCH].double(), 0.1)
    assert arrays["low.p"][0, : builders.BATCH] * builders.N == pytest.approx(first.numpy(), abs=1e-5)


@pytest.mark.parametrize("features", ["pixels", "penultimate"])
def test_what_a_sampler_predicts_is_measured_against_the_losses_and_changes_no_run(features: str) -> None:
    options = {"bank": 64, "features": features, "rate": 0.01}
    plain = builders.run("impon", options=options, budget=(30, "steps"), grid=(0.5, 1.0)).finish()
    run = builders.run("impon", options=options, budget=(30, "steps"), grid=(0.5, 1.0))
    probe = Checkpoints(run.problem, run.sampler, run.tally.usage, 0)
    points = []
    for point in run.points:
        probe.at_point(point)
        points.append(point)
    found = probe.finish()["probe"]["predicted.spearman_loss"]
    assert np.isnan(found[0])
    assert (np.abs(found[1:]) <= 1).all()
    said = ("train_loss", "scored", "loaded", "healed")
    assert [[getattr(p, name) for name in said] for p in points] == [
        [getattr(p, name) for name in said] for p in plain
    ]


def test_scores_that_say_the_same_as_another_have_no_row_of_their_own() -> None:
    run = builders.run("uniform", budget=(1, "steps"), grid=(1.0,))
    assert not {"gradient_one_by_one", "output_gradient_autograd"} & set(
        Checkpoints(run.problem, run.sampler, run.tally.usage, 0).scores
    )


def test_a_young_number_follows_the_loss_and_an_old_one_does_not() -> None:
    losses = np.linspace(1, 2, 30)
    stored = np.where(np.arange(30) % 2 == 0, losses, -losses)
    age = np.where(np.arange(30) % 2 == 0, 1.0, 50.0) + np.arange(30) / 100
    own = staleness(stored, losses, age, steps=100)
    assert own["spearman_young"] == pytest.approx(1.0)
    assert own["spearman_old"] == pytest.approx(-1.0)


def test_samples_that_were_never_trained_on_have_no_age() -> None:
    own = staleness(np.array([1.0, 2.0, np.inf]), np.ones(3), np.array([4.0, 100.0, 2.0]), steps=100)
    assert own["age"] == 4.0


def test_a_model_that_has_diverged_is_not_measured() -> None:
    run = builders.run("uniform", budget=(2, "steps"), grid=(1.0,))
    probe = Checkpoints(run.problem, run.sampler, run.tally.usage, 0)
    point = next(run.points)
    with torch.no_grad():
        next(run.problem.model.parameters()).fill_(torch.nan)
    probe.at_point(point)
    assert probe.finish() == {}


def test_the_bound_needs_classes_and_the_last_layer_a_linear_one() -> None:
    made = problem()
    assert set(applicable(made)) == {"loss", "upper_bound", "output_gradient", "last_layer", "gradient"}
    made.classes = 0
    made.model = torch.nn.Conv1d(1, 1, 1)
    assert set(applicable(made)) == {"loss", "output_gradient", "gradient"}
