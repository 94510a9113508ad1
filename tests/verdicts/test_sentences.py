"""What comparisons say in words, literally."""

from __future__ import annotations

import pytest

from isbench.verdicts.sentences import finding
from tests.verdicts import made
from tests.verdicts.made import AT_TARGET, FIVE, Made, ending, lost, reaching

ASKED = {"primary": AT_TARGET.model_copy(update={"target": 0.95}), "targets": (0.95,)}
PILOT = {"pilots": (made.pilot(first=0.9, last=0.1 - 0.8 * 0.05 / 0.95),)}  # 95 % of it is at 0.1
TARGET = ASKED | PILOT
MISS = Made(end=0.3)
HERE = "On mnist/circles-mlp at equal time (60 s, n = 4, Intel Xeon Processor, target val_error 0.1)"
AT_END = "On mnist/circles-mlp at equal time (60 s, n = 4, Intel Xeon Processor)"
OPEN = "it is open how memory-as compares with uniform:"
BASE = (0.20, 0.21, 0.19, 0.22)


@pytest.fixture
def said(only):
    """The sentence about memory-as against uniform."""
    return lambda uniform, arm, **plan: only({"uniform": uniform, "memory-as": arm}, **plan)[1]


def test_faster_with_a_miss(said) -> None:
    arm = [*reaching(50, 49, 51, 50, 49, 50, 52), MISS]
    assert said(reaching(58, 56, 59, 57, 58, 56, 59, 57), arm, **TARGET) == (
        "On mnist/circles-mlp at equal time (60 s, n = 8, Intel Xeon Processor, target val_error 0.1), "
        "memory-as reached the 95 % target 1.12x [1.06, 1.19] sooner than uniform; 1 of 8 runs missed it."
    )


def test_slower(said) -> None:
    assert said(reaching(40, 41, 39, 42), reaching(50, 50, 50, 52), **TARGET) == (
        f"{HERE}, memory-as reached the 95 % target 1.25x [1.21, 1.29] later than uniform."
    )


def test_as_soon(said) -> None:
    assert said(reaching(40, 41, 39, 42), reaching(40.4, 41, 39, 41.5), **TARGET) == (
        f"{HERE}, memory-as reached the 95 % target as soon as uniform, to within 3 %: "
        "1.00x [0.99, 1.01] as fast."
    )


def test_open_with_the_seeds_that_would_settle_it(said) -> None:
    assert said(reaching(40, 41, 39, 42), reaching(36, 41, 39, 37), **TARGET) == (
        f"{HERE}, {OPEN} it reached the 95 % target 1.06x [0.95, 1.18] as fast; less than 3 % would not "
        "matter; it would take about 47 seeds to settle a difference of this size."
    )


def test_misses_of_both_sides(said) -> None:
    text = said([*reaching(40, 40, 40), MISS], [*reaching(20, 20, 20), MISS], **TARGET)
    assert "; 1 of 4 runs missed it, and 1 of 4 of uniform; " in text


def test_misses_of_the_baseline(said) -> None:
    assert said([*reaching(50, 50, 50), MISS], reaching(30, 30, 30, 31), **TARGET) == (
        f"{HERE}, memory-as reached the 95 % target at least 1.73x [1.54, 1.95] sooner than uniform; "
        "1 of 4 runs of uniform missed it."
    )


def test_misses_of_most_of_both(said) -> None:
    assert said([*reaching(50), MISS, MISS, MISS], [MISS] * 4, **TARGET) == (
        f"{HERE}, {OPEN} 0 of 4 of its runs reached the 95 % target within 60 s, and 1 of 4 of uniform; both "
        "are fewer than half."
    )


def test_misses_of_what_the_baseline_barely_reached(said) -> None:
    assert said(reaching(*[59.5] * 4), [MISS] * 4, **TARGET) == (
        f"{HERE}, {OPEN} 0 of 4 of its runs reached the 95 % target within 60 s, and 4 of 4 of uniform; it "
        "was 0.992x [0.992, 0.992] as fast if a miss counts as 60 s, and less than 3 % would not matter."
    )
    assert said(reaching(*[59.5] * 6), [MISS] * 6, **TARGET) == (
        f"{HERE.replace('n = 4', 'n = 6')}, memory-as is slower than uniform: 0 of 6 of its runs reached the "
        "95 % target within 60 s, and 6 of 6 of uniform."
    )


def test_better(said) -> None:
    assert said(ending(*BASE), ending(0.18, 0.19, 0.17, 0.20)) == (
        f"{AT_END}, memory-as ended at a val_error 9.8 % [8.8, 10.8] lower than uniform."
    )


def test_worse_in_a_variant_and_a_profile(said) -> None:
    text = said(ending(*BASE), ending(0.22, 0.23, 0.21, 0.24), variants=("noisy",), profile="cpu")
    assert text == (
        "On mnist/circles-mlp (noisy, profile cpu) at equal time (60 s, n = 4, Intel Xeon Processor), "
        "memory-as ended at a val_error 9.8 % [8.8, 10.8] higher than uniform."
    )


def test_the_same_value(said) -> None:
    assert said(ending(*BASE), ending(0.201, 0.21, 0.19, 0.219)) == (
        f"{AT_END}, memory-as ended at the val_error of uniform, to within 2 %: 0.01 % [-0.61, 0.63] higher."
    )


def test_identical_values(said) -> None:
    assert said(ending(*BASE), ending(*BASE)) == (
        f"{AT_END}, memory-as ended at the val_error of uniform, to within 2 %: unchanged."
    )


def test_an_open_value(said) -> None:
    assert said(ending(*BASE), ending(0.18, 0.22, 0.16, 0.23)) == (
        f"{AT_END}, {OPEN} its val_error ended 4.5 % [-13.7, 19.8] lower; less than 2 % would not matter; it "
        "would take about 134 seeds to settle a difference of this size."
    )


def test_a_value_by_difference(said) -> None:
    assert said(ending(*BASE), ending(0.0, 0.01, 0.0, 0.01)) == (
        f"{AT_END}, memory-as ended at a val_error 0.2 [0.187, 0.213] lower than uniform."
    )


def test_a_value_that_is_better_the_higher_it_is(found) -> None:
    arm = [Made(end=0.1, ends={"psnr": value}) for value in (31.0, 31.2)]
    findings = found({"uniform": [Made(end=0.1, ends={"psnr": 30.0})] * 2, "memory-as": arm})
    one = next(each for each in findings.comparisons if each.quantity.metric == "psnr")
    assert finding(findings.race(one), one) == (
        f"{OPEN} its psnr ended 1.1 dB [-0.171, 2.37] higher; less than 0.6 dB would not matter; it would "
        "take about 3 seeds to settle a difference of this size"
    )


def test_equal_epochs_and_lost_seeds(said) -> None:
    asked = made.AT_END.model_copy(update={"budget": "epochs-5"})
    text = said(ending(*BASE), [*ending(0.18, 0.19, 0.17), lost("failed")], budgets=(FIVE,), primary=asked)
    assert text.startswith(
        "On mnist/circles-mlp at equal epochs (5 epochs, n = 3 of 4, Intel Xeon Processor), "
    )


def test_one_seed(said) -> None:
    where = AT_END.replace("n = 4", "n = 1")
    assert said(ending(0.2), ending(0.1)) == (
        f"{where}, memory-as ended at a val_error 50.0 % lower than uniform; one seed: no interval and no "
        "verdict."
    )
    where = HERE.replace("n = 4", "n = 1")
    assert said(reaching(40), reaching(30), **TARGET) == (
        f"{where}, memory-as reached the 95 % target 1.33x sooner than uniform; one seed: no interval and no "
        "verdict."
    )
    assert said(reaching(40), [MISS], **TARGET) == (
        f"{where}, {OPEN} 0 of 1 of its runs reached the 95 % target within 60 s, and 1 of 1 of uniform."
    )


def test_diverged(said) -> None:
    gone = Made(end=0.5, status="diverged")
    assert said(ending(*BASE, *BASE), [*[gone] * 7, *ending(0.2)]) == (
        f"{AT_END.replace('n = 4', 'n = 8')}, memory-as is worse than uniform: 7 of 8 of its runs diverged, "
        "and 0 of 8 of uniform."
    )
    assert said(ending(*BASE), [gone, *ending(0.2, 0.2, 0.2)]) == (
        f"{AT_END}, {OPEN} 1 of 4 of its runs diverged, and 0 of 4 of uniform."
    )


def test_no_pair(said) -> None:
    assert said(ending(0.2, 0.2), [lost("failed")] * 2) == (
        f"{AT_END.replace('n = 4', 'n = 0 of 2')}, no seed has a result of both memory-as and uniform."
    )


def test_no_target(said) -> None:
    pilots = (made.pilot(first=0.5, last=0.6),)
    where = AT_END.replace("n = 4", "n = 0 of 4")
    assert said(ending(*BASE), ending(*BASE), **(ASKED | {"pilots": pilots})) == (
        f"{where}, there is no 95 % target for memory-as to reach: val_error went from 0.5 to 0.6 in the "
        "pilot."
    )
    assert said(ending(*BASE), ending(*BASE), **(ASKED | {"pilots": ()})) == (
        f"{where}, there is no 95 % target for memory-as to reach: no pilot has measured where it lies."
    )


def test_noise(found) -> None:
    runs = {"uniform": ending(*BASE), "memory-as": ending(0.18, 0.2, 0.18, 0.2)}
    runs["aa"] = ending(0.24, 0.18, 0.22, 0.19)
    text = found(runs, controls={"aa": ("aa", "uniform")}).sentences()[0]
    assert text.endswith("its val_error ended 7.3 % [3.0, 11.4] lower; up to 17 % is noise here.")


def test_several_at_once(found) -> None:
    same = {f"arm-{n}": ending(0.202, 0.208, 0.191, 0.219) for n in range(30)}
    runs = {"uniform": ending(*BASE), "is": ending(0.18, 0.2, 0.18, 0.2), **same}
    text = found(runs, points=1).sentences()[0]
    assert "lower; too little for 31 comparisons at once (Holm: p = " in text
