"""What an arm must deliver to win on a machine, and what it delivers."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isbench.store.plans import BreakEven
from isbench.store.probes import QUANTITIES
from isbench.store.store import Store
from isbench.verdicts import read, write
from isbench.verdicts.break_even import COLUMNS, Measured, break_evens
from isbench.verdicts.break_even_words import brief
from isbench.verdicts.curves import load
from isbench.verdicts.delivered import factor_of, open_share
from tests.verdicts import timed
from tests.verdicts.timed import BATCH, UNITS, Timed

BASE = Timed(selects=False)
DLIS = Timed(score=1e-5, pool=5 * BATCH, tau=2.0)
MEMORY = Timed(units={"draw": 1e-3}, tau=3.0)
STEP = BATCH * 3.1e-5 + 1.1e-3  # seconds of a step of uniform


@pytest.fixture
def rows(tmp_path: Path):
    """The break-even of a folder with made-up times."""

    def of(runs: dict[str, list[Timed]], **plan) -> list[Measured]:
        return break_evens(load(timed.folder(tmp_path / "made", runs, **plan)))

    return of


@pytest.fixture
def only(rows):
    """The break-even of the one arm beside uniform, of which there are two seeds."""

    def of(arm: Timed, base: Timed = BASE, label: str = "dlis", **plan) -> Measured:
        (one,) = rows({"uniform": [base] * 2, label: [arm] * 2}, **plan)
        return one

    return of


def test_an_arm_needs_what_its_step_costs_over_one_of_uniform(only) -> None:
    one = only(DLIS)
    extra = 5 * BATCH * (1e-5 + UNITS["load"])
    assert one.needed.mean == pytest.approx(1 + extra / STEP)
    assert one.step_us == pytest.approx((1e6 * (STEP + extra), 1e6 * STEP))
    assert one.n == 2


def test_free_scores_leave_what_else_choosing_costs(only) -> None:
    assert only(DLIS).free.mean == pytest.approx(1 + 5 * BATCH * UNITS["load"] / STEP)


def test_only_steps_that_select_are_charged(only) -> None:
    always, late = only(DLIS), only(replace(DLIS, start=0.55))
    assert late.needed.mean == pytest.approx(always.needed.mean)


def test_an_arm_that_never_selected_has_no_cost(only) -> None:
    one = only(replace(DLIS, start=1.0))
    assert (one.n, one.share) == (0, None)
    assert one.sentence.endswith("dlis hardly ever selected: what a step of it costs is not known.")
    assert one.row()["needed"] is None


def test_controls_and_uniform_arms_have_nothing_to_deliver(rows) -> None:
    runs = {"uniform": [BASE] * 2, "uniform-presample": [DLIS] * 2, "aa": [BASE] * 2, "dlis": [DLIS] * 2}
    assert [one.sampler for one in rows(runs, controls={"aa": ("aa", "uniform")})] == ["dlis"]


def test_a_baseline_that_selects_is_not_judged_by_itself(rows) -> None:
    asked = timed.FIVE_END.model_copy(update={"baseline": "dlis"})
    found = rows({"uniform": [BASE] * 2, "dlis": [DLIS] * 2, "memory-is": [MEMORY] * 2}, primary=asked)
    assert [(one.sampler, one.than) for one in found] == [("memory-is", "dlis")]


def test_runs_of_two_machines_are_no_pair(rows) -> None:
    runs = {"uniform": [BASE] * 2, "dlis": [DLIS, replace(DLIS, machine="ba9876543210")]}
    assert rows(runs)[0].n == 1


def test_the_model_predicts_runs_that_keep_to_it(only) -> None:
    one = only(replace(DLIS, start=0.3))
    assert one.errors == pytest.approx((0, 0), abs=1e-9)
    assert one.model == "valid"


def test_training_that_costs_more_than_uniforms_makes_it_invalid(only) -> None:
    one = only(replace(MEMORY, units=MEMORY.units | {"forward": 4e-5}))
    took = STEP + 9e-4 + BATCH * 3e-5
    assert one.errors == pytest.approx([(STEP + 9e-4) / took - 1] * 2)
    assert one.model == "invalid: the model is off by 39 %"
    assert "Unit costs are invalid: the model is off by 39 %." in one.sentence


def test_no_run_is_predicted_from_itself(rows) -> None:
    slow = replace(DLIS, pace=2.0)
    errors = rows({"uniform": [BASE] * 3, "dlis": [DLIS, DLIS, slow]})[0].errors
    assert errors[2] == pytest.approx(-0.5)
    assert min(errors[:2]) > 0.2


def test_a_slow_hour_of_the_machine_is_no_error(rows) -> None:
    runs = {"uniform": [BASE, replace(BASE, pace=2.0)], "dlis": [DLIS, replace(DLIS, pace=2.0)]}
    assert rows(runs)[0].errors == pytest.approx((0, 0), abs=1e-9)


def test_one_run_cannot_be_checked(rows) -> None:
    one = rows({"uniform": [BASE], "dlis": [DLIS]})[0]
    assert one.errors == ()
    assert one.model.startswith("unchecked")


def test_a_memory_delivers_tau_squared(only) -> None:
    one = only(MEMORY, label="memory-is")
    assert one.delivered.factor.mean == pytest.approx(9)
    assert one.delivered.rule == "tau"
    assert one.share == pytest.approx(9 / one.needed.mean)


def test_a_pool_leaves_its_own_variance(only) -> None:
    one = only(DLIS)
    assert one.delivered.tau_squared == pytest.approx(4)
    assert one.delivered.factor.mean == pytest.approx(1 / (1 / 4 + 1 / 5))


def test_what_a_pool_leaves_is_what_drawing_from_one_leaves() -> None:
    rng = np.random.default_rng(0)
    norms = rng.exponential(size=2000)
    signs = rng.choice([-1.0, 1.0], size=2000)
    batch, pool, uniform, chosen = 16, 64, [], []
    for _ in range(4000):
        candidates = rng.integers(2000, size=pool)
        p = norms[candidates] / norms[candidates].sum()
        drawn = rng.choice(pool, size=batch, p=p)
        g = norms[candidates] * signs[candidates]
        chosen.append(np.mean(g[drawn] / (pool * p[drawn])))
        uniform.append(g[:batch].mean())
    tau_squared = 2.0  # E x^2 / (E x)^2 of exponential norms
    predicted = factor_of([1 / tau_squared], open_share(batch, pool)).mean
    assert np.var(uniform) / np.var(chosen) == pytest.approx(predicted, rel=0.1)


def test_without_tau_or_a_probe_nothing_is_known(only) -> None:
    one = only(replace(MEMORY, tau=None), label="low")
    assert one.delivered.factor is None
    assert "what it delivers is not measured: isbench probe synthetic.yaml" in one.sentence


def probe(folder: Path, label: str, ratios: dict[str, float]) -> None:
    """Give a folder a probe of one of its arms."""
    store = Store(folder)
    plan = store.plan()
    assert plan is not None
    old = next(cell for cell in plan.cells.values() if cell.sampler.label == label)
    cell, record = old.model_copy(update={"probed": True}), store.record(old.id)
    block = plan.blocks[0].model_copy(update={"cells": (cell.id,), "labels": (label,)})
    store.save_plan(plan.model_copy(update={"probes": (block,), "cells": plan.cells | {cell.id: cell}}))
    store.begin(cell, record.outcome)  # type: ignore[union-attr]
    arrays = {"step": np.array([0, 5]), "batch": np.array(16), "loss": np.ones((2, 4))}
    for score, value in ratios.items():
        arrays[f"{score}.p"] = np.full((2, 4), 0.25)
        arrays |= {f"{score}.{name}": np.ones(2) for name in QUANTITIES}
        arrays[f"{score}.variance_ratio"] = np.array([9.0, value])
    store.write_exhibit(cell.id, "probe", arrays)


def with_score(folder: Path, label: str, score: str) -> None:
    """Let the card of an arm name its score."""
    plan = Store(folder).plan()
    assert plan is not None
    cards = [
        card.model_copy(update={"options": card.options | {"score": score}}) if card.label == label else card
        for card in plan.cards
    ]
    Store(folder).save_plan(plan.model_copy(update={"cards": tuple(cards)}))


def test_a_probe_of_the_baseline_tells_what_a_fresh_score_delivers(tmp_path: Path) -> None:
    folder = timed.folder(tmp_path / "made", {"uniform": [BASE] * 2, "dlis": [DLIS] * 2})
    with_score(folder, "dlis", "loss")
    probe(folder, "uniform", {"loss": 0.3, "upper_bound": 0.1})
    (one,) = break_evens(load(folder))
    assert one.delivered.rule == "probe"
    assert one.delivered.factor.mean == pytest.approx(1 / (0.3 + 0.2))
    assert (
        "it cuts it 2.00-fold (by exact gradient norms, from a pool of 640), 0.84 times what" in one.sentence
    )


def test_a_memory_is_known_from_its_own_probe_only(tmp_path: Path) -> None:
    folder = timed.folder(tmp_path / "made", {"uniform": [BASE] * 2, "memory-is": [MEMORY] * 2})
    with_score(folder, "memory-is", "loss")
    probe(folder, "uniform", {"loss": 0.3, "stored": 0.3})
    assert break_evens(load(folder))[0].delivered.rule == "tau"
    probe(folder, "memory-is", {"loss": 0.3, "stored": 0.5})
    assert break_evens(load(folder))[0].delivered.factor.mean == pytest.approx(2)  # type: ignore[union-attr]


def test_a_row_has_all_columns_and_only_numbers_that_can_be_written(only) -> None:
    found = only(DLIS).row()
    assert tuple(found) == COLUMNS
    assert all(math.isfinite(value) for value in found.values() if isinstance(value, float))


def test_the_sentence_tells_needed_delivered_and_how_far_one_is_from_the_other(only) -> None:
    costs = {"variant": "", "label": "dlis", "batch": BATCH, "pool": 5 * BATCH, "rho": 2.0, "score": 1.0}
    counted = BreakEven(**costs, above=None, paper=2.6667, measured=2.6667)
    assert only(DLIS, counted=(counted,)).sentence == (
        "On mnist/circles-mlp (epochs-5, n = 2, Intel Xeon Processor), a step of dlis takes 2.39 times the "
        "time [2.39, 2.39] of uniform's (12.1 ms against 5.07 ms), so it must cut the variance 2.39-fold to "
        "win here (1.13-fold if its scores were free, 2.67-fold by counted operations); its own scores "
        "promise 2.22-fold [2.22, 2.22] (tau^2 = 4.00, from a pool of 640), 0.93 times what it needs."
    )


def test_an_arm_that_costs_no_more_has_nothing_to_make_up_for(only) -> None:
    assert "so any cut of the variance is a gain here;" in only(Timed(tau=2.0), label="memory-is").sentence


@pytest.mark.parametrize(("value", "text"), [(12.34, "12.3 us"), (4350.0, "4.35 ms"), (1.74e6, "1.74 s")])
def test_times_have_units_that_fit(value: float, text: str) -> None:
    assert brief(value) == text


def test_a_biased_arm_is_said_to_be_one(tmp_path: Path) -> None:
    folder = timed.folder(tmp_path / "made", {"uniform": [BASE] * 2, "memory-as": [MEMORY] * 2})
    plan = Store(folder).plan()
    assert plan is not None
    cards = tuple(card.model_copy(update={"unbiased": False}) for card in plan.cards)
    Store(folder).save_plan(plan.model_copy(update={"cards": cards}))
    (one,) = break_evens(load(folder))
    assert one.sentence.endswith("it is biased, and variance is not all that it is judged by.")


def test_the_summary_and_a_table_tell_of_it(tmp_path: Path) -> None:
    folder = timed.folder(tmp_path / "made", {"uniform": [BASE] * 2, "dlis": [DLIS] * 2})
    write(folder)
    (told,) = read(folder)["break_even"]
    assert told["sentence"].startswith("On mnist")
    with open(folder / "tables" / "break_even.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert tuple(row) == COLUMNS
    assert (row["sampler"], row["primary"], row["model"]) == ("dlis", "true", "valid")


def test_without_an_arm_that_selects_there_is_no_table(tmp_path: Path) -> None:
    folder = timed.folder(tmp_path / "made", {"uniform": [BASE] * 2})
    write(folder)
    assert not (folder / "tables" / "break_even.csv").exists()
