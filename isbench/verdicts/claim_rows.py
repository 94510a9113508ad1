"""Claims as rows: of claims.csv, of summary.json, and of the tables that people read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from isbench.verdicts.claims import Decision
from isbench.verdicts.decided import JOINED, estimate, finding, name, sentence
from isbench.verdicts.measures import quantity, subject
from isbench.verdicts.rows import known

COLUMNS = (
    *("claim", "part", "says", "scale", "verdict", "test", "amount", "variant", "budget", "sampler", "than"),
    *("quantity", "at", "n", "value", "ci_low", "ci_high", "change", "p_value", "p_holm", "reason"),
    *("sentence", "subject", "estimate"),
)


def rows(found: Sequence[Decision]) -> Iterator[dict[str, Any]]:
    """A row of claims.csv for each claim, followed by one for each of its parts."""
    for number, one in enumerate(found, 1):
        yield from _rows(one, name(one, number), "", sentence(one, number))


def _rows(one: Decision, called: str, part: str, told: str) -> Iterator[dict[str, Any]]:
    claim, interval, leaf = one.claim, one.interval, not one.parts
    at = claim.measure.at
    found = {
        "claim": called,
        "part": part,
        "says": claim.says,
        "scale": claim.scale,
        "verdict": one.answer,
        "test": claim.test,
        "amount": one.amount if leaf else None,
        "variant": claim.variant,
        "budget": claim.budget,
        "sampler": claim.sampler,
        "than": claim.than,
        "quantity": quantity(claim.measure) if leaf else "",
        "at": (at if isinstance(at, str) else f"{at[0]:g}-{at[1]:g}") if leaf else "",
        "n": one.reading.n if one.reading else None,
        "value": interval.mean if interval else None,
        "ci_low": interval.low if interval else None,
        "ci_high": interval.high if interval else None,
        "change": one.change,
        "p_value": one.p,
        "p_holm": one.p_holm,
        "reason": one.reason,
        "sentence": told,
        "subject": subject(claim) if leaf else JOINED[claim.test],
        "estimate": estimate(one),
    }
    yield {key: known(each) for key, each in found.items()}
    for number, each in enumerate(one.parts, 1):
        inside = f"{part}.{number}" if part else str(number)
        yield from _rows(each, called, inside, f"{finding(each)}: {each.answer}")


def records(found: Sequence[Decision]) -> list[dict[str, Any]]:
    """The claims as summary.json holds them, each with its parts."""
    told = []
    for number, one in enumerate(found, 1):
        whole, *parts = _rows(one, name(one, number), "", sentence(one, number))
        told.append({**whole, "verdict_on": one.said, "parts": parts})
    return told


def texts(claims: Iterable[dict[str, Any]]) -> Iterator[dict[str, str]]:
    """A row for each record of a claim, followed by one for each of its parts."""
    for claim in claims:
        on_proxy = " on proxy" if claim["scale"] == "proxy" else ""
        for one in (claim, *claim["parts"]):
            measured = ", ".join(filter(None, (one["subject"], one["budget"], one["variant"])))
            yield {
                "claim": f"  part {one['part']}" if one["part"] else claim["claim"],
                "says": measured if one["part"] else one["says"] or measured,
                "scale": claim["scale"],
                "n": "" if one["n"] is None else str(one["n"]),
                "estimate": one["estimate"],
                "verdict": f"{one['verdict']}{on_proxy}",
            }
