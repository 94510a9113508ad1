"""Threats to validity: what may make a result of this folder say less than it seems to."""

from __future__ import annotations

from dataclasses import dataclass

from isbench.verdicts.curves import Folder


@dataclass(frozen=True, slots=True)
class Threat:
    """One thing that a careful reader would object to: its name never changes, its text may."""

    name: str
    says: str


def threats(folder: Folder) -> list[Threat]:
    """The threats that apply to a results folder, in the order of how much they matter."""
    return []
