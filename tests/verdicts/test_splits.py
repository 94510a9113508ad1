"""What a gain is made of."""

from __future__ import annotations

import pytest

from tests.verdicts import made
from tests.verdicts.made import AT_TARGET, Made, ending, lost, reaching

TARGET = {"primary": AT_TARGET, "targets": (1.0,)}
CONTROLS = {"placebo:is": ("placebo", "is"), "free:is": ("free", "is")}
ARMS = {
    "uniform": reaching(40, 41, 39, 42),
    "is": reaching(30, 31, 30, 31),
    "placebo:is": reaching(45, 45, 44, 47),
    "free:is": reaching(25, 25, 26, 26),
}


@pytest.fixture
def split(found):
    """The only split of a folder."""

    def answer(runs, **plan):
        (one,) = found(runs, controls=CONTROLS, **plan).splits
        return one

    return answer


def test_overhead_and_selection_add_up_to_the_gain(split) -> None:
    one = split(ARMS, **TARGET)
    assert one.gain.mean == pytest.approx(10)
    assert (one.overhead.mean, one.selection.mean) == pytest.approx((-4.75, 14.75))
    assert one.overhead.mean + one.selection.mean == pytest.approx(one.gain.mean)
    assert one.bound is not None
    assert one.bound.mean == pytest.approx(15)
    assert (one.unit, one.baseline) == ("seconds", pytest.approx(40.5))


def test_they_add_up_where_seeds_are_lost(split) -> None:
    runs = ARMS | {
        "placebo:is": [lost("failed"), *ARMS["placebo:is"][1:]],
        "is": [*ARMS["is"][:3], lost("oom")],
    }
    one = split(runs, **TARGET)
    assert one.gain.n == one.overhead.n == one.selection.n == 2
    assert one.overhead.mean + one.selection.mean == pytest.approx(one.gain.mean)


def test_a_miss_counts_as_the_budget_and_is_told(split) -> None:
    one = split(ARMS | {"is": [Made(end=0.3), *ARMS["is"][1:]]}, **TARGET)
    assert one.missed == (0, 0, 1)
    assert one.gain.mean == pytest.approx((-20 + 10 + 9 + 11) / 4)


def test_without_a_target_the_value_at_the_end_is_split(split) -> None:
    runs = {"uniform": ending(0.2, 0.22), "is": ending(0.1, 0.1), "placebo:is": ending(0.25, 0.25)}
    one = split(runs)
    assert (one.gain.mean, one.overhead.mean, one.selection.mean) == pytest.approx((0.11, -0.04, 0.15))
    assert one.bound is None


def test_without_a_placebo_there_is_no_split(found) -> None:
    assert found({"uniform": ending(0.2), "is": ending(0.1)}).splits == ()


def test_without_the_target_there_is_no_split(found) -> None:
    assert found(ARMS, controls=CONTROLS, pilots=(made.pilot(first=0.5, last=0.6),), **TARGET).splits == ()


def test_the_sentence_of_a_split(found) -> None:
    assert found(ARMS, controls=CONTROLS, **TARGET).sentences()[-1] == (
        "On mnist/circles-mlp at equal time (60 s, n = 4, Intel Xeon Processor, target val_error 0.1), is "
        "gained 10 s [8.7, 11.3] on uniform's 40.5 s to the 100 % target: its selection gained 14.7 s [13.2, "
        "16.3] and its work lost 4.75 s [3.95, 5.55]; were its scores free, it would have gained 15 s "
        "[12.7, 17.3]."
    )
