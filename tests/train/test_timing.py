"""Phases to the tick."""

import pytest

from isbench.store.records import PHASES
from isbench.train.timing import FakeClock, HostClock, PhaseTimer
from tests.builders import run


def test_a_lap_ends_the_phase_before_it() -> None:
    timer = PhaseTimer(FakeClock())
    timer.drain()
    assert timer.lap("forward") == "eval"
    assert timer.lap("backward") == "forward"
    spent = timer.drain()
    assert spent["forward"] == 1
    assert spent["backward"] == 1


def test_evaluation_is_in_no_phase() -> None:
    timer = PhaseTimer(FakeClock())
    timer.drain()
    timer.lap("eval")
    timer.lap("forward")
    assert sum(timer.drain().values()) == 1


def test_nested_phases_are_exclusive() -> None:
    timer = PhaseTimer(FakeClock())
    timer.lap("score")
    timer.drain()
    back = timer.lap("load")
    timer.lap(back)
    spent = timer.drain()
    assert (spent["score"], spent["load"]) == (2, 1)


def test_a_uniform_step_has_these_ticks() -> None:
    points = run(budget=(10, "steps"), clock=FakeClock(), grid=(1.0,)).finish()
    per_step = {phase: points[-1].phases[phase] / 10 for phase in PHASES}
    assert per_step["forward"] == per_step["backward"] == per_step["optimise"] == per_step["update"] == 1
    assert per_step["load"] == 1
    assert per_step["score"] == 0


def test_a_scored_step_charges_loading_the_pool_to_load_and_the_rest_to_score() -> None:
    points = run("highest-loss", budget=(10, "steps"), clock=FakeClock(), grid=(1.0,)).finish()
    per_step = {phase: points[-1].phases[phase] / 10 for phase in PHASES}
    assert per_step["load"] == 2
    assert per_step["score"] == 2


def test_phases_of_sampled_steps_are_scaled_to_all_steps() -> None:
    points = run(budget=(40, "steps"), clock=FakeClock(every=20), grid=(0.5, 1.0)).finish()
    last = points[-1]
    assert sum(last.phases.values()) == pytest.approx(last.train_seconds)
    assert last.phases["forward"] == pytest.approx(last.phases["backward"], rel=0.35)


def test_only_one_step_in_so_many_is_marked() -> None:
    clock = FakeClock(every=20)
    timer = PhaseTimer(clock)
    timer.drain()
    for _ in range(60):
        timer.lap("forward")
        timer.step()
    assert clock.time < 20


def test_the_host_clock_runs_forwards() -> None:
    clock = HostClock()
    assert clock.seconds(clock.mark(), clock.mark()) >= 0
