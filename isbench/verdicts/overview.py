"""The claims of results folders, as rows that programs and people read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from isbench.verdicts.summary import read


def claimed(path: Path) -> list[dict[str, Any]]:
    """The claims that a results folder has decided, each with its folder and recipe."""
    told = read(path)
    return [{"folder": str(path), "recipe": told["name"], **claim} for claim in told["claims"]]


def claim_texts(claims: Iterable[dict[str, Any]]) -> list[dict[str, str]]:
    """A row for each claim, followed by one for each of its parts."""
    return [
        {
            "recipe": "" if one["part"] else claim["recipe"],
            "claim": f"  part {one['part']}" if one["part"] else claim["claim"],
            "says": one["says"] or ", ".join(filter(None, (one["subject"], one["budget"], one["variant"]))),
            "scale": claim["scale"],
            "n": "" if one["n"] is None else str(one["n"]),
            "estimate": one["estimate"],
            "verdict": one["verdict"],
        }
        for claim in claims
        for one in (claim, *claim["parts"])
    ]
