"""Warnings: a number and a name that never change, what is so, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

CODES = {
    "lost-cells": "W01",
    "baseline-diverged": "W02",
    "several-machines": "W03",
    "no-answer": "W04",
    "few-seeds": "W05",
    "no-target": "W06",
    "slowing": "W07",
    "noise-floor": "W08",
    "coarse-grid": "W09",
    "no-spread": "W10",
    "uneven-seeds": "W11",
    "foreign-load": "W12",
    "accounting": "W13",
    "evaluation-share": "W14",
    "sampled-phases": "W15",
    "overshoot": "W16",
    "unit-costs": "W17",
    "reads-test": "W18",
    "mended-scores": "W19",
    "cpu-fallback": "W20",
}


@dataclass(frozen=True, slots=True)
class Caution:
    """A warning: its code and name never change, its text may."""

    code: str
    name: str
    says: str
    advice: str


def caution(name: str, says: str, advice: str) -> Caution:
    """A warning by its name."""
    return Caution(CODES[name], name, says, advice)
