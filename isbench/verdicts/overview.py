"""The claims of results folders, as programs and people read them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from isbench.verdicts.claim_rows import texts
from isbench.verdicts.summary import read


def claimed(path: Path) -> list[dict[str, Any]]:
    """The claims that a results folder has decided, each with its folder and recipe."""
    told = read(path)
    return [{"folder": str(path), "recipe": told["name"], **claim} for claim in told["claims"]]


def claim_texts(claims: Iterable[dict[str, Any]]) -> list[dict[str, str]]:
    """A row for each claim of any folder, followed by one for each of its parts."""
    return [
        {"recipe": "" if number else claim["recipe"], **row}
        for claim in claims
        for number, row in enumerate(texts([claim]))
    ]
