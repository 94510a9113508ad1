"""Speed-ups that a missed target makes bounds: what their sentences say."""

from __future__ import annotations

from tests.verdicts.made import AT_TARGET, Made, reaching

TARGET = {"primary": AT_TARGET, "targets": (1.0,)}
MISS = Made(end=0.3)


def said(only, arms) -> str:
    return only(arms, **TARGET)[1].partition("), ")[2]


def test_an_arm_that_never_reached_the_target_is_not_said_to_have(only) -> None:
    text = said(only, {"uniform": reaching(*[30, 31] * 4), "is": [MISS] * 8})
    assert "reached the 100 % target 1" not in text
    assert text.startswith(("is never reached the 100 % target, which makes it at least ", "is is slower"))


def test_later_with_misses_of_the_arm_is_at_least_so_much_later(only) -> None:
    text = said(only, {"uniform": reaching(*[20, 21] * 4), "is": [*reaching(*[55] * 7), MISS]})
    assert text.startswith("is reached the 100 % target at least 2.")


def test_sooner_with_misses_of_the_baseline_is_at_least_so_much_sooner(only) -> None:
    text = said(only, {"uniform": [*reaching(*[55] * 7), MISS], "is": reaching(*[20, 21] * 4)})
    assert text.startswith("is reached the 100 % target at least 2.")


def test_without_a_miss_a_speed_up_is_no_bound(only) -> None:
    text = said(only, {"uniform": reaching(*[20, 21] * 4), "is": reaching(*[55] * 8)})
    assert "at least" not in text
