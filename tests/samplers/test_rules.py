import math

import pytest
import torch
from scipy.stats import chisquare, rankdata

from isbench.samplers.rules import RULES, Proportional, Ranked, Tempered, TopK, heal

ALL = [TopK(), Proportional(), Proportional(unbiased=True), Ranked(), Tempered()]
DRAWN = ALL[1:]


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def some(n=64, seed=0, dtype=torch.float32):
    return torch.rand(n, generator=stream(seed), dtype=dtype) + 0.01


@pytest.mark.parametrize("rule", ALL)
def test_a_rule_picks_k_positions_in_range(rule):
    picked = rule(some(64), 16, stream())
    assert picked.index.shape == (16,)
    assert picked.index.dtype == torch.int64
    assert picked.index.min() >= 0
    assert picked.index.max() < 64


@pytest.mark.parametrize("rule", ALL)
def test_probabilities_sum_to_one(rule):
    assert rule.probabilities(some(), 16).sum().item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("rule", DRAWN)
def test_frequencies_follow_the_probabilities(rule):
    scores = some(32)
    counts = torch.bincount(rule(scores, 50_000, stream(1)).index, minlength=32)
    assert chisquare(counts.numpy(), (rule.probabilities(scores) * 50_000).numpy()).pvalue > 1e-3


@pytest.mark.parametrize("rule", ALL)
def test_a_rule_is_the_same_for_equal_streams_and_leaves_the_global_generator_alone(rule):
    before = torch.get_rng_state()
    one, other = rule(some(), 16, stream(4)), rule(some(), 16, stream(4))
    assert torch.equal(one.index, other.index)
    assert torch.equal(before, torch.get_rng_state())


def test_top_k_takes_the_k_largest():
    scores = some(64)
    index = TopK()(scores, 16, stream()).index
    assert set(index.tolist()) == set(scores.argsort(descending=True)[:16].tolist())


def test_top_k_takes_the_same_samples_in_any_order_of_the_pool():
    scores, order = some(64), torch.randperm(64, generator=stream(1))
    shuffled = order[TopK()(scores[order], 16, stream()).index]
    assert set(shuffled.tolist()) == set(TopK()(scores, 16, stream()).index.tolist())


def test_top_k_ranks_negative_scores_too():
    assert TopK()(torch.tensor([-3.0, -1.0, -2.0]), 1, stream()).index.tolist() == [1]


def test_the_probabilities_of_top_k_are_its_indicator_over_k():
    assert TopK().probabilities(torch.tensor([1.0, 4.0, 3.0, 2.0]), 2).tolist() == [0.0, 0.5, 0.5, 0.0]


def test_proportional_gives_each_score_its_share():
    assert Proportional().probabilities(torch.tensor([1.0, 0.0, 3.0])).tolist() == [0.25, 0.0, 0.75]


def test_proportional_gives_negative_scores_no_share():
    assert Proportional().probabilities(torch.tensor([-5.0, 1.0, 3.0])).tolist() == [0.0, 0.25, 0.75]


def test_ranks_are_ascending_and_ties_share_their_mean():
    scores = torch.tensor([0.5, 0.1, 0.5, 0.9, 0.1, 0.1])
    expected = torch.from_numpy(rankdata(scores.numpy())) / 21
    assert torch.allclose(Ranked().probabilities(scores), expected, rtol=0, atol=1e-15)


def test_the_effective_sample_size_of_ranks_is_three_quarters():
    p = Ranked().probabilities(some(1024))
    assert 1 / p.square().sum().item() / 1024 == pytest.approx(0.750, abs=5e-4)


@pytest.mark.parametrize("rule", DRAWN)
def test_equal_scores_are_drawn_uniformly(rule):
    p = rule.probabilities(torch.full((10,), 0.3))
    assert torch.allclose(p, torch.full_like(p, 0.1), rtol=0, atol=1e-15)


def test_weights_make_the_mean_gradient_unbiased():
    scores = some(64, dtype=torch.float64)
    gradients = torch.randn(64, 5, generator=stream(7), dtype=torch.float64)
    picked = Proportional(unbiased=True)(scores, 100_000, stream(1))
    assert picked.weight is not None
    weight = torch.zeros(64, dtype=torch.float64).index_put((picked.index,), picked.weight)
    assert (weight > 0).all()
    p = Proportional(unbiased=True).probabilities(scores)
    expected = ((p * weight)[:, None] * gradients).sum(0)
    assert (expected - gradients.mean(0)).abs().max() < 1e-10


def test_without_weights_proportional_draws_are_biased():
    scores = some(64, dtype=torch.float64)
    p = Proportional().probabilities(scores)
    assert ((p * scores).sum() - scores.mean()) / scores.mean() > 0.1


@pytest.mark.parametrize("rule", [TopK(), Proportional(), Ranked()])
def test_biased_rules_give_no_weights(rule):
    assert rule(some(), 16, stream()).weight is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_weights_are_float32_or_wider(dtype):
    weight = Proportional(unbiased=True)(some().to(dtype), 8, stream()).weight
    assert weight is not None
    assert weight.dtype == (torch.float64 if dtype is torch.float64 else torch.float32)


def test_equal_scores_weigh_one():
    weight = Proportional(unbiased=True)(torch.full((640,), 0.7), 128, stream()).weight
    assert weight is not None
    assert torch.allclose(weight, torch.ones(128), rtol=1e-6)


@pytest.mark.parametrize("rule", [Proportional(), Proportional(unbiased=True)])
def test_a_single_positive_score_gets_every_draw(rule):
    scores = torch.zeros(10)
    scores[7] = 2.0
    assert set(rule(scores, 50, stream(1)).index.tolist()) == {7}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_half_precision_scores_are_summed_in_float64(dtype):
    p = Proportional().probabilities(torch.ones(3000, dtype=dtype))
    assert p.dtype == torch.float64
    assert p.sum().item() == pytest.approx(1, abs=1e-12)


BROKEN = {
    "zeros": (torch.zeros(6), torch.ones(6), 6),
    "too small": (torch.full((6,), 1e-45), torch.ones(6), 6),
    "nothing finite": (torch.tensor([math.nan, math.inf, -math.inf]), torch.ones(3), 3),
    "nan": (torch.tensor([1.0, math.nan, 3.0]), torch.tensor([1.0, 3.0, 3.0]), 1),
    "inf": (torch.tensor([math.inf, 2.0, math.inf]), torch.tensor([2.0, 2.0, 2.0]), 2),
    "nan among zeros": (torch.tensor([0.0, math.nan, 0.0]), torch.ones(3), 3),
    "sound": (torch.tensor([0.0, 2.0, 1.0]), torch.tensor([0.0, 2.0, 1.0]), 0),
    "one positive": (torch.tensor([0.0, 2.0, 0.0]), torch.tensor([0.0, 2.0, 0.0]), 0),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_scores_are_mended_and_counted(case):
    scores, expected, count = BROKEN[case]
    mended, healed = heal(scores)
    assert mended.tolist() == expected.tolist()
    assert healed.shape == ()
    assert healed.item() == count


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("rule", ALL)
def test_a_rule_tells_how_many_scores_it_mended(rule, case):
    scores, _, count = BROKEN[case]
    assert rule(scores.clone().abs(), 2, stream()).healed.item() == count


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("rule", ALL)
def test_broken_scores_give_finite_probabilities_and_weights(rule, case):
    scores = BROKEN[case][0]
    assert rule.probabilities(scores).isfinite().all()
    weight = rule(scores, 2, stream()).weight
    assert weight is None or weight.isfinite().all()


def test_huge_scores_do_not_overflow():
    p = Proportional().probabilities(torch.full((100,), 3e38))
    assert torch.allclose(p, torch.full_like(p, 0.01))


@pytest.mark.parametrize("rule", ALL)
def test_scores_stay_as_they_were(rule):
    scores = torch.tensor([1.0, math.inf, 0.0, 2.0], dtype=torch.float64)
    rule(scores, 2, stream())
    assert scores.tolist() == [1.0, math.inf, 0.0, 2.0]


@pytest.mark.parametrize("rule", ALL)
def test_a_rule_is_a_value(rule):
    assert rule == type(rule)(**vars(rule))
    assert hash(rule) == hash(type(rule)(**vars(rule)))


def test_every_rule_is_listed():
    assert {type(rule) for rule in ALL} == set(RULES.values())
