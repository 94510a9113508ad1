"""What claims read from a results folder: windows, phases, selection, targets, trends; what is missing."""

from types import SimpleNamespace

import numpy as np
import pytest

from isbench.store.claims import Expectation, Measure, Trend
from isbench.store.records import Outcome
from isbench.verdicts.curves import Curve, load
from isbench.verdicts.readings import once, read, value
from tests.verdicts import made

ELSEWHERE = "ba9876543210"


def claim(test="better_by", amount=0.02, sampler="arm", than="uniform", **more):
    measure = Measure(**{k: more.pop(k) for k in list(more) if k in Measure.model_fields})
    given = {"test": test, "amount": amount, "sampler": sampler, "than": than, "measure": measure}
    return Expectation.model_validate(given | more)


@pytest.fixture
def reading(tmp_path):
    """What a claim reads from a folder with these runs."""
    return lambda one, runs, **plan: read(load(made.folder(tmp_path / "made", runs, **plan)), one)


def curve(status="done", **columns):
    """A run with points at these shares of it."""
    names = ("metric", "psnr", "val_error", "train_loss", "coverage", "phases", "steps", "epochs", "trained")
    count = len(columns["progress"])
    blank = dict.fromkeys(names) | {"steps": 0, "epochs": 0.0, "trained": 0}
    points = [
        SimpleNamespace(**blank | {name: each[n] for name, each in columns.items()}) for n in range(count)
    ]
    return Curve(None, status, "", "", tuple(points))


def of(measure, one):
    return value(SimpleNamespace(question=SimpleNamespace(metric="train_loss")), one, Measure(**measure))


FALLING = curve(
    progress=(0.0, 0.25, 0.5, 0.75, 1.0), val_error=(1.0, 0.8, 0.6, None, 0.2), train_loss=(5.0,) * 5
)


@pytest.mark.parametrize(
    ("at", "number"),
    [
        ("end", 0.2),
        ("auc", 0.65),
        ((0.0, 0.5), 0.8),
        ((0.25, 0.5), 0.7),
        ((0.2, 0.3), 0.8),
        ((0.7, 1.0), 0.2),
    ],
)
def test_a_window_is_the_mean_of_the_points_in_it_ends_included(at, number):
    assert of({"metric": "val_error", "at": at}, FALLING) == pytest.approx(number)


def test_a_window_without_points_has_no_number():
    assert np.isnan(of({"metric": "val_error", "at": (0.55, 0.7)}, FALLING))


def test_no_metric_is_the_primary_one():
    assert of({}, FALLING) == 5.0


@pytest.mark.parametrize(
    ("measure", "number"),
    [
        ({"metric": "val_error"}, np.inf),
        ({"metric": "val_error", "at": (0.0, 0.25)}, np.inf),
        ({"metric": "psnr"}, -np.inf),
        ({"selection": "coverage"}, 0.5),
    ],
)
def test_a_run_that_diverged_is_the_worst_by_every_metric(measure, number):
    assert of(measure, curve("diverged", progress=(0.0, 1.0), coverage=(0.0, 0.5))) == number


@pytest.mark.parametrize("status", ["failed", "running", "oom"])
def test_a_run_without_a_result_has_no_number(status):
    assert np.isnan(of({"metric": "val_error"}, curve(status, progress=(1.0,), val_error=(0.1,))))


PHASED = curve(
    progress=(0.0, 0.5, 1.0),
    steps=(0, 10, 20),
    phases=({}, {"score": 1.0, "backward": 2.0, "eval": 9.0}, {"score": 4.0, "backward": 3.0, "eval": 99.0}),
)


@pytest.mark.parametrize(
    ("measure", "number"),
    [
        ({"phase": "score"}, 4 / 20),
        ({"phase": "score", "per_step": False}, 4.0),
        ({"phase": "score", "at": (0.5, 1.0)}, 3 / 10),
        ({"phase": "score", "at": (0.0, 0.6)}, 1 / 10),
        ({"phase": "all"}, 7 / 20),
        ({"phase": "all", "per_step": False, "at": (0.5, 1.0)}, 4.0),
    ],
)
def test_a_phase_is_the_seconds_of_a_step_or_of_all_in_a_part_of_the_run(measure, number):
    assert of(measure, PHASED) == pytest.approx(number)


@pytest.mark.parametrize("measure", [{"phase": "select"}, {"phase": "score", "at": (0.0, 0.4)}])
def test_a_phase_that_was_not_timed_has_no_number(measure):
    assert np.isnan(of(measure, PHASED))


@pytest.mark.parametrize(
    ("name", "outcome", "number"),
    [
        ("started", {"started_step": 5}, 0.25),
        ("started", {}, 1.0),
        ("peak_memory", {"peak_memory": 7}, 7.0),
        ("sampler_bytes", {"sampler_bytes": 800}, 800.0),
        ("bytes_per_sample", {"sampler_bytes": 800}, 8.0),
        ("bytes_per_sample", {}, np.nan),
    ],
)
def test_what_a_run_knows_once(name, outcome, number):
    run = curve(progress=(1.0,), steps=(20,), epochs=(2.0,), trained=(200,))
    known = Outcome(status="done", started="2026-01-02T03:04:05Z", **outcome)
    assert once(name, run, known) == pytest.approx(number, nan_ok=True)


def test_only_seeds_with_a_result_of_both_are_read(reading):
    uniform = [*made.ending(0.2, 0.3), made.lost("failed"), *made.ending(0.4)]
    arm = [*made.ending(0.1), made.lost("missing"), *made.ending(0.15, 0.12)]
    found = reading(claim(), {"uniform": uniform, "arm": arm})
    assert found.arm.tolist() == pytest.approx([0.1, 0.12])
    assert found.than.tolist() == pytest.approx([0.2, 0.4])
    assert (found.n, found.seeds) == (2, 4)


def test_a_number_alone_needs_no_result_of_the_baseline(reading):
    runs = {"uniform": [made.lost("failed")], "arm": made.ending(0.1)}
    found = reading(claim("below", 0.2, than=""), runs)
    assert (found.arm.tolist(), found.than, found.missed) == (pytest.approx([0.1]), None, None)


def test_times_of_two_machines_are_no_pair(reading):
    runs = {
        "uniform": made.ending(0.2, 0.2),
        "arm": [*made.ending(0.1, machine=ELSEWHERE), *made.ending(0.1)],
    }
    assert reading(claim(), runs).n == 1
    assert reading(claim(), runs, budgets=(made.FIVE,), primary=at_five()).n == 2


def at_five():
    return made.AT_END.model_copy(update={"budget": made.FIVE.name})


def test_seconds_of_two_machines_are_no_pair_at_equal_epochs_either(reading):
    runs = {"uniform": made.ending(0.2), "arm": made.ending(0.1, machine=ELSEWHERE)}
    found = reading(claim(metric="train_seconds"), runs, budgets=(made.FIVE,), primary=at_five())
    assert (found.n, found.why) == (0, "no seed has a result of arm and uniform on one machine")


def test_a_target_is_read_with_its_misses(reading):
    runs = {"uniform": made.reaching(40, 45), "arm": [*made.reaching(20), *made.ending(0.5)]}
    found = reading(claim("sooner_than", 0.0, target=1.0), runs)
    assert found.arm.tolist() == pytest.approx([20, 60], abs=1.1)
    assert [missed.tolist() for missed in found.missed] == [[False, True], [False, False]]


def trend(**more):
    option = Trend(option="pool", sign="+", labels=("a", "b", "c"), values=(1.0, 2.0, 3.0))
    return claim("trend", sampler="a", than="", trend=option, **more)


THREE = {"a": made.ending(0.1, 0.2), "b": made.ending(0.3, 0.4), "c": made.ending(0.5, 0.6)}


def test_a_trend_is_read_setting_by_setting(reading):
    found = reading(trend(), {"uniform": made.ending(1, 1), **THREE})
    assert found.arm.tolist() == [pytest.approx(row) for row in ([0.1, 0.2], [0.3, 0.4], [0.5, 0.6])]


def test_a_seed_that_one_setting_lacks_is_in_no_trend(reading):
    lost = {**THREE, "b": [made.lost("failed"), *made.ending(0.4)]}
    assert reading(trend(), {"uniform": made.ending(1, 1), **lost}).arm.tolist() == [
        pytest.approx(row) for row in ([0.2], [0.4], [0.6])
    ]


def test_the_noise_floor_is_that_of_the_quantity(reading):
    runs = {"uniform": made.ending(0.2, 0.2), "arm": made.ending(0.1, 0.1), "aa": made.ending(0.22, 0.22)}
    found = reading(claim(), runs, controls={"aa": ("aa", "uniform")})
    assert found.floor == pytest.approx(np.log(1.1))


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (claim(budget="hour"), "there is no race of hour"),
        (claim(budget="minute", variant="odd"), "there is no race of minute, odd"),
        (claim(metric="test_error"), "arm has no test_error"),
        (claim(metric="psnr", at=(0.0, 0.5)), "arm has no psnr from 0 to 0.5 of the run"),
        (claim(phase="score"), "arm has no seconds of phase score per step"),
        (claim(selection="bytes_per_sample"), "arm has no bytes_per_sample"),
        (claim(sampler="lost"), "no run of lost has a result"),
        (claim(than="lost"), "no run of lost has a result"),
        (claim("sooner_than", target=0.5, metric="val_loss"), "targets are of val_error"),
    ],
)
def test_what_is_not_there_says_so(reading, one, why):
    runs = {"uniform": made.ending(0.2, 0.2), "arm": made.ending(0.1, 0.1), "lost": [made.lost("oom")] * 2}
    found = reading(one, runs)
    assert (found.n, found.why) == (0, why)


def test_a_target_without_a_pilot_says_so(reading):
    runs = {"uniform": made.ending(0.2), "arm": made.ending(0.1)}
    found = reading(claim("sooner_than", target=0.5), runs, pilots=())
    assert (found.n, found.why) == (0, "no pilot has measured where the target lies")


def test_a_target_that_the_pilot_never_moved_towards_says_so(reading):
    runs = {"uniform": made.ending(0.2), "arm": made.ending(0.1)}
    found = reading(claim("sooner_than", target=0.5), runs, pilots=(made.pilot(first=0.1, last=0.2),))
    assert (found.n, found.why) == (0, "val_error went from 0.1 to 0.2 in the pilot")


@pytest.mark.parametrize(
    ("budget", "number"), [("", 60.0), ("epochs-5", 30.0)], ids=["at equal time", "as the claim says"]
)
def test_a_variant_without_the_primary_budget_is_read_at_its_own(reading, budget, number):
    elsewhere = made.AT_END.model_copy(update={"budget": "hour"})
    runs = {"uniform": made.ending(0.2, seconds=30.0), "arm": made.ending(0.1, seconds=30.0)}
    one = claim(metric="train_seconds", budget=budget)
    found = reading(one, runs, budgets=(made.FIVE, made.MINUTE), primary=elsewhere)
    assert found.arm.tolist() == [number]


def test_without_equal_time_a_variant_is_read_at_its_first_budget(reading):
    elsewhere = made.AT_END.model_copy(update={"budget": "hour"})
    runs = {"uniform": made.ending(0.2), "arm": made.ending(0.1)}
    assert reading(claim(), runs, budgets=(made.FIVE,), primary=elsewhere).place.startswith("epochs-5")
