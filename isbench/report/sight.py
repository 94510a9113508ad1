"""What the seeds of a race can see: how much they spread, what is noise, and what is found at all."""

from __future__ import annotations

import math

from isbench.report.answers import answers
from isbench.report.tables import Value
from isbench.report.verdict_tables import Line, Table
from isbench.stats.power import detectable
from isbench.verdicts.judge import Comparison
from isbench.verdicts.rows import relative
from isbench.verdicts.summary import Findings
from isbench.verdicts.words import UNITS, plain


def sight(found: Findings) -> list[Table]:
    """What the seeds of each primary race can see: its spread, what is noise, and what is found at all."""
    header = (
        "sampler",
        "n",
        "sd of the paired difference",
        "found with 80 % chance",
        "matters from",
        "noise floor",
    )
    return [
        Table(answer.race.title, header, tuple(Line(one.names.sampler, _seen(one)) for one in answer.arms))
        for answer in answers(found)
        if answer.primary
    ]


def _seen(one: Comparison) -> tuple[Value, ...]:
    found = (
        detectable(one.difference.sd, one.n) if one.n > 1 and math.isfinite(one.difference.sd) else math.nan
    )
    return (
        Value(str(one.n), one.n),
        Value(f"{one.difference.sd:.3g}", one.difference.sd)
        if math.isfinite(one.difference.sd)
        else Value(""),
        *(_amount(one, size) for size in (found, one.wanted, one.floor)),
    )


def _amount(one: Comparison, size: float) -> Value:
    """A log-ratio as a relative change; a difference as it is."""
    if not math.isfinite(size):
        return Value("")
    if one.scale == "ratio":
        return Value(f"{100 * relative(size):.3g} %", size)
    return Value(plain(size) + UNITS.get(one.quantity.metric, ""), size)
