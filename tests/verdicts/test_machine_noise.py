"""What an A/A test says of a machine."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from isbench.stats.noise import detectable_table, floor
from isbench.store.store import Store
from isbench.store.twins import TWINS, twin
from isbench.verdicts import noise_of
from isbench.verdicts.noise import LIMITS, SEEDS, STEP, WORST, Noise
from tests.verdicts import made
from tests.verdicts.made import AT_TARGET, ending, reaching

AA = {"aa": ("aa", "uniform")}
RUNS = {"uniform": ending(0.20, 0.20, 0.20, 0.20), "aa": ending(0.22, 0.18, 0.21, 0.19)}
CALM = {"sd": 0.01, "load": 0.0, "slowing": 0.0}


@pytest.fixture
def said(tmp_path: Path):
    """What a folder with made-up runs says of its machine."""
    return lambda runs, **plan: noise_of(made.folder(tmp_path / "made", runs, controls=AA, **plan))


def of(noise: Noise, quantity: str):
    (found,) = [spread for spread in noise.spreads if spread.quantity == quantity]
    return found


def test_the_spread_is_that_of_paired_log_ratios_around_nothing(said) -> None:
    one = of(said(RUNS), "val_error at the end")
    d = [math.log(end / 0.2) for end in (0.22, 0.18, 0.21, 0.19)]
    assert one.n == 4
    assert one.sd == pytest.approx(math.sqrt(sum(x * x for x in d) / 4))
    assert one.floor == pytest.approx(floor(d))


def test_what_n_seeds_can_see_is_told_of_every_quantity(said) -> None:
    one = of(said(RUNS), "val_error at the end")
    assert one.detectable == pytest.approx(detectable_table(one.sd, SEEDS))
    assert one.row()["detectable"]["8"] == pytest.approx(math.expm1(one.detectable[8]))


def test_times_to_the_target_and_of_a_step_are_among_them(said) -> None:
    runs = {"uniform": reaching(40, 41, 39), "aa": reaching(42, 40, 41)}
    found = said(runs, primary=AT_TARGET, targets=(1.0,))
    assert {STEP, "seconds to the 100 % target"} <= {spread.quantity for spread in found.spreads}


def test_runs_that_missed_the_target_are_counted(said) -> None:
    runs = {"uniform": [*reaching(40, 41), *ending(0.5)], "aa": reaching(42, 40, 41)}
    found = said(runs, primary=AT_TARGET, targets=(1.0,))
    assert found.spreads[-1].quantity == "seconds to the 100 % target, 1 of 6 runs missed it"


def test_seconds_of_a_step_are_compared(said) -> None:
    slow = [replace(run, seconds=66.0) for run in RUNS["aa"]]
    one = of(said({"uniform": RUNS["uniform"], "aa": slow}, budgets=(made.FIVE,)), STEP)
    assert one.sd == pytest.approx(math.log(1.1))


def test_one_seed_has_no_spread_and_no_verdict(said) -> None:
    found = said({"uniform": ending(0.2), "aa": ending(0.21)})
    assert math.isnan(of(found, STEP).sd)
    assert found.machine == "unknown"
    assert all(value is None for value in found.record()["spreads"][0]["detectable"].values())


def test_without_a_repetition_nothing_is_said(tmp_path: Path) -> None:
    found = noise_of(made.folder(tmp_path / "made", {"uniform": ending(0.2, 0.2), "is": ending(0.1, 0.1)}))
    assert found.spreads == ()
    assert found.machine == "unknown"


@pytest.mark.parametrize("name", CALM)
def test_a_machine_is_called_by_the_worst_of_what_was_measured(name: str) -> None:
    quiet, noisy = (LIMITS[word][name] for word in ("quiet", "noisy"))
    words = [
        Noise((), CALM | {name: value}, (0, 0), "cpu").machine
        for value in (quiet, 1.01 * quiet, noisy, 1.01 * noisy)
    ]
    assert words == ["quiet", "noisy", "noisy", WORST]


def test_what_was_not_measured_blames_nobody() -> None:
    assert Noise((), CALM | {"load": math.nan}, (0, 0), "cpu").machine == "quiet"


def test_the_rules_are_printed_with_the_verdict() -> None:
    lines = Noise((), CALM, (1, 1), "cpu").lines()
    assert lines[1].startswith("this machine is quiet: sd of the paired difference of seconds per step 1.0 %")
    assert "quiet: sd <= 3.0 %, load <= 5.0 %" in lines[2]
    assert lines[3] == "64 steps with the same draws, run twice on cpu: bit-identical"


def test_a_run_that_gave_other_numbers_with_the_same_draws_is_counted(tmp_path: Path) -> None:
    folder = made.folder(tmp_path / "made", RUNS, controls=AA)
    cell = next(iter(Store(folder).plan().cells.values()))  # type: ignore[union-attr]
    for place, end in zip(TWINS, (0.2, 0.2000001), strict=True):
        made.write(twin(Store(folder), place).cell_folder(cell.id), cell, made.Made(end=end))
    found = noise_of(folder)
    assert found.equal == (0, 1)
    assert found.repeated().endswith("1 of 1 pairs differ")
    assert found.record()["bit_identical"] is False
