import math

import pytest
import torch

from isbench.train import tally as tallies
from isbench.train.tally import distinct_counts, spread
from tests.builders import BATCH, run


def test_distinct_counts_each_sample_once_also_in_short_batches() -> None:
    batches = [torch.tensor([1, 1, 2, 3]), torch.tensor([5, 5]), torch.tensor([0, 1, 2, 3])]
    assert distinct_counts(batches).tolist() == [3, 1, 4]


def test_equal_scores_have_tau_1_and_full_effective_size() -> None:
    assert spread(torch.full((50,), 0.3)) == pytest.approx((1.0, 50.0))


def test_one_hot_scores_have_tau_root_n_and_effective_size_1() -> None:
    assert spread(torch.eye(16)[3]) == pytest.approx((4.0, 1.0))


def test_scores_that_are_all_0_count_as_equal() -> None:
    assert spread(torch.zeros(4)) == pytest.approx((1.0, 4.0))


def test_scores_that_are_not_finite_count_as_the_largest() -> None:
    assert spread(torch.tensor([1.0, torch.nan, torch.inf, 3.0])) == pytest.approx(
        spread(torch.tensor([1.0, 3.0, 3.0, 3.0]))
    )


def test_folding_in_between_changes_no_column(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run("highest-loss-cdf", grid=(1.0,)).finish()[-1]
    monkeypatch.setattr("isbench.train.ledger.FOLD", 7)
    pieces = run("highest-loss-cdf", grid=(1.0,)).finish()[-1]
    for column in ("batch_loss", "active", "tau", "ess", "distinct", "coverage", "weight_mean", "healed"):
        assert getattr(pieces, column) == pytest.approx(getattr(whole, column), rel=1e-5), column


def test_usage_counts_trained_and_presented_samples() -> None:
    made = run("highest-loss-cdf", budget=(20, "steps"), options={"pool": 64})
    made.finish()
    usage = made.tally.usage
    assert usage is not None
    assert usage.times_trained.sum() == 20 * BATCH
    assert usage.presented.sum() == 20 * 64
    assert (usage.importance_max * usage.presented >= usage.importance_sum - 1e-4).all()


def test_coverage_reaches_one_after_a_uniform_epoch() -> None:
    assert run(budget=(1.0, "epochs"), grid=(1.0,)).finish()[-1].coverage == 1.0


def test_coverage_of_the_last_epoch_is_that_of_its_draws() -> None:
    last = run("uniform-iid", budget=(6.0, "epochs"), grid=(1.0,)).finish()[-1]
    assert last.coverage == pytest.approx(1.0, abs=0.02)
    assert last.coverage_epoch == pytest.approx(1 - math.exp(-1), abs=0.08)


def test_every_sample_is_in_the_last_epoch_of_uniform() -> None:
    assert run(budget=(3.0, "epochs"), grid=(1.0,)).finish()[-1].coverage_epoch == pytest.approx(1, abs=0.1)


def test_scores_that_nothing_was_drawn_by_have_no_tau() -> None:
    points = run("low", grid=(1.0,)).finish()
    assert (points[-1].tau, points[-1].ess) == (None, None)


def test_the_trace_has_a_row_a_step() -> None:
    made = run("highest-loss-cdf", budget=(30, "steps"), trace=True)
    made.finish()
    assert [row[0] for row in made.tally.trace] == list(range(30))


def test_a_long_trace_is_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "TRACE_ROWS", 8)
    made = run(budget=(30, "steps"), trace=True, grid=tuple((k + 1) / 30 for k in range(30)))
    made.finish()
    assert [row[0] for row in made.tally.trace] == list(range(0, 30, 4))


def test_selections_are_kept_every_hundred_steps() -> None:
    made = run(budget=(201, "steps"), selection=True)
    made.finish()
    assert [int(rows[0][0]) for rows in made.tally.selection] == [0, 100, 200]


def test_weights_of_unweighted_batches_count_as_one() -> None:
    last = run().finish()[-1]
    assert (last.weight_mean, last.weight_max) == (1.0, 1.0)
