"""Phases that nobody is charged for, to the tick."""

import pytest

from isbench.store.records import PHASES
from isbench.train.timing import FakeClock, PhaseTimer
from tests.builders import run

FREE = ("score",)


def end(budget, free=(), clock=None, **options):
    return run("highest-loss", budget=budget, clock=clock or FakeClock(), free=free, **options).finish()[-1]


def test_the_seconds_of_a_free_phase_are_left_out() -> None:
    whole, spared = end((10, "steps")), end((10, "steps"), FREE)
    assert whole.phases["score"] == 20
    assert spared.train_seconds == whole.train_seconds - 20


def test_what_is_charged_still_adds_up() -> None:
    spared = end((10, "steps"), FREE)
    assert set(spared.phases) == set(PHASES) - {"score"}
    assert sum(spared.phases.values()) == spared.train_seconds


def test_nothing_but_seconds_is_spared() -> None:
    whole, spared = end((10, "steps")), end((10, "steps"), FREE)
    same = ("test_loss", "trained", "scored", "loaded", "passes", "epochs")
    assert [getattr(whole, name) for name in same] == [getattr(spared, name) for name in same]


def test_a_seconds_budget_ends_later() -> None:
    whole, spared = end((300.0, "seconds")), end((300.0, "seconds"), FREE)
    assert 300 <= spared.train_seconds < 320
    assert 300 <= whole.train_seconds < 320
    each = whole.train_seconds / whole.steps
    assert spared.steps == pytest.approx(whole.steps * each / (each - 2), abs=1.5)


def test_progress_and_points_follow_what_is_charged() -> None:
    made = run("highest-loss", budget=(300.0, "seconds"), clock=FakeClock(), free=FREE, grid=(0.5, 1.0))
    _, half, last = made.finish()
    assert 150 <= half.train_seconds < 170
    assert half.progress == pytest.approx(half.train_seconds / 300, abs=0.05)
    assert last.progress == 1.0


def test_where_few_steps_are_marked_their_share_counts() -> None:
    whole = end((80, "steps"), clock=FakeClock(every=20), grid=(1.0,))
    spared = end((80, "steps"), FREE, clock=FakeClock(every=20), grid=(1.0,))
    assert sum(spared.phases.values()) == pytest.approx(spared.train_seconds)
    share = whole.phases["score"] / sum(whole.phases.values())
    assert spared.train_seconds == pytest.approx(whole.train_seconds * (1 - share))


class Late(FakeClock):
    """A device that is some ticks behind the host until it is waited for."""

    settled = 0.0

    def reached(self, mark: float) -> bool:
        return mark <= max(self.settled, self.time - 5)

    def settle(self) -> None:
        self.settled = self.time


def test_a_timer_reads_what_the_device_has_reached_and_nothing_twice() -> None:
    timer = PhaseTimer(Late())
    timer.drain()
    for _ in range(8):
        timer.lap("score")
    assert timer.so_far()["score"] == timer.so_far()["score"] == 2
    timer.lap("forward")
    assert timer.so_far()["score"] == 3
    assert timer.drain()["score"] == 8
    assert sum(timer.so_far().values()) == 0


def test_a_device_that_is_behind_changes_nothing_at_the_end() -> None:
    for budget in ((30, "steps"), (400.0, "seconds")):
        exact, late = end(budget, FREE), end(budget, FREE, clock=Late())
        assert late.train_seconds == pytest.approx(exact.train_seconds, abs=15)
        assert sum(late.phases.values()) == pytest.approx(late.train_seconds)
