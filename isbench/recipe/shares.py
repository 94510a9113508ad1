"""Shares as recipes write them: 2% or 0.02."""

from __future__ import annotations

from typing import Any


def number(value: Any) -> float:
    """An amount as a number: 2% is 0.02; of a label there is none."""
    if isinstance(value, str):
        return float(f"{float(value.removesuffix('%')) / 100:.12g}") if value.endswith("%") else 0.0
    return float(value)
