import pytest
import torch
from scipy.stats import chisquare

from isbench.samplers.draw import categorical, invert, wide

ALMOST_ONE = 1 - 2.0**-53


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(3))
def test_draws_follow_their_probabilities(seed):
    p = torch.rand(20, generator=stream(seed), dtype=torch.float64) ** 2
    counts = torch.bincount(categorical(p, 50_000, stream(seed + 10)), minlength=20)
    assert chisquare(counts.numpy(), (p / p.sum() * 50_000).numpy()).pvalue > 1e-3


def test_draws_from_wrong_probabilities_fail_the_same_test():
    p = torch.rand(20, generator=stream(), dtype=torch.float64) ** 2
    counts = torch.bincount(categorical(p.sqrt(), 50_000, stream(10)), minlength=20)
    assert chisquare(counts.numpy(), (p / p.sum() * 50_000).numpy()).pvalue < 1e-6


def test_the_scale_of_the_probabilities_does_not_matter():
    p = torch.rand(100, generator=stream(), dtype=torch.float64)
    assert torch.equal(categorical(p, 1000, stream(1)), categorical(p * 1024, 1000, stream(1)))


def test_equal_streams_give_equal_draws_and_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    assert torch.equal(categorical(torch.ones(9), 50, stream(3)), categorical(torch.ones(9), 50, stream(3)))
    assert torch.equal(before, torch.get_rng_state())


def test_what_has_no_probability_is_never_drawn():
    p = torch.tensor([0.0, 1.0, 0.0, 2.0, 0.0])
    assert set(categorical(p, 10_000, stream()).tolist()) == {1, 3}


def test_the_smallest_quantile_skips_leading_zeros():
    assert invert(torch.tensor([0.0, 0.0, 1.0]), torch.zeros(1)).item() == 2


@pytest.mark.parametrize("seed", range(50))
def test_the_largest_quantile_is_the_last_index_that_can_be_drawn(seed):
    p = torch.cat([torch.rand(1000, generator=stream(seed)), torch.tensor([1.0, 0.0, 0.0])])
    assert invert(p, torch.tensor([ALMOST_ONE], dtype=torch.float64)).item() == 1000


def test_a_quantile_that_rounds_to_one_stays_in_range():
    assert invert(torch.rand(1000, generator=stream()), torch.ones(1)).item() == 999


def test_more_categories_than_a_float32_can_count_are_drawn_evenly():
    n = 2**25
    index = invert(torch.ones(n), torch.tensor([0.5, ALMOST_ONE], dtype=torch.float64))
    assert index.tolist() == [n // 2, n - 1]


def test_indices_are_int64_and_the_probabilities_stay_as_they_were():
    p = torch.rand(10, generator=stream())
    before = p.clone()
    assert categorical(p, 4, stream()).dtype == torch.int64
    assert torch.equal(p, before)


def test_float64_probabilities_are_not_written_to():
    p = torch.ones(10, dtype=torch.float64)
    categorical(p, 4, stream())
    assert torch.equal(p, torch.ones(10, dtype=torch.float64))


def test_only_mps_has_no_float64():
    assert [wide(torch.device(kind)) for kind in ("cpu", "cuda", "mps")] == [
        torch.float64,
        torch.float64,
        torch.float32,
    ]
