"""What a reader must know before believing a verdict."""

from __future__ import annotations

import pytest

from tests.verdicts import made
from tests.verdicts.made import AT_TARGET, Made, ending, lost, reaching

TARGET = {"primary": AT_TARGET, "targets": (1.0,)}
BASE = (0.20, 0.21, 0.19, 0.22, 0.2)
GOOD = tuple(0.5 * end + 0.003 * n for n, end in enumerate(BASE))
GONE = Made(end=0.5, status="diverged")
ELSEWHERE = Made(end=0.1, machine="ba9876543210")
UNEVEN = (0.1995, 0.1995, 0.1999, 0.0001, 0.1998, 0.1999)


@pytest.fixture
def codes(found):
    """The names of all warnings."""
    return lambda runs, **plan: [caution.name for caution in found(runs, **plan).cautions]


def test_a_sound_comparison_needs_no_warning(codes) -> None:
    assert codes({"uniform": ending(*BASE), "is": ending(*GOOD)}) == []


@pytest.mark.parametrize(
    ("code", "runs"),
    [
        ("few-seeds", {"uniform": ending(*BASE[:3]), "is": ending(*GOOD[:3])}),
        ("lost-cells", {"uniform": ending(*BASE), "is": [*ending(*GOOD[:4]), lost("oom")]}),
        ("baseline-diverged", {"uniform": [*ending(*BASE[:4]), GONE], "is": ending(*GOOD)}),
        ("several-machines", {"uniform": ending(*BASE), "is": [*ending(*GOOD[:4]), ELSEWHERE]}),
        ("no-spread", {"uniform": ending(*[0.2] * 5), "is": ending(*[0.1] * 5)}),
        ("no-answer", {"a": ending(*BASE), "b": ending(*GOOD)}),
    ],
)
def test_each_has_its_code(codes, code: str, runs) -> None:
    assert code in codes(runs)


def test_noise_above_the_margin_is_told(codes) -> None:
    runs = {"uniform": ending(*BASE), "is": ending(*GOOD), "aa": ending(0.24, 0.18, 0.22, 0.19, 0.2)}
    assert "noise-floor" in codes(runs, controls={"aa": ("aa", "uniform")})


def test_evaluations_too_far_apart_for_a_speedup_are_told(codes) -> None:
    runs = {"uniform": reaching(44, 44.1, 44, 44.2, 44), "is": reaching(41, 41, 41.1, 41, 41)}
    assert "coarse-grid" in codes(runs, points=4, **TARGET)
    assert "coarse-grid" not in codes(runs, points=60, **TARGET)


def test_a_missing_target_is_told(codes) -> None:
    runs = {"uniform": ending(*BASE), "is": ending(*GOOD)}
    assert "no-target" in codes(runs, pilots=(made.pilot(first=0.5, last=0.6),), **TARGET)


def test_each_is_said_once(codes) -> None:
    runs = {"uniform": ending(*BASE[:2]), "a": ending(*GOOD[:2]), "b": ending(*GOOD[:2])}
    found = codes(runs, variants=("plain", "noisy"))
    assert found.count("few-seeds") == 1
