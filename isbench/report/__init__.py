"""Tables, figures and one page from a results folder; never needs torch nor the data set."""

from pathlib import Path

from isbench.report import frames, probes, tables, tuning
from isbench.report.html import report

__all__ = ["probe_summary", "report", "summary", "tuning_summary"]


def summary(folder: Path) -> list[dict[str, str]]:
    """The primary table of a results folder: one row for each arm of each budget and variant."""
    results = frames.load(folder)
    rows = []
    for group in results.groups:
        header, arms = tables.outcomes(results, group)
        rows += [
            {"budget": group.title, **{k: v.text for k, v in zip(header, arm, strict=True)}} for arm in arms
        ]
    columns = dict.fromkeys(name for row in sorted(rows, key=len, reverse=True) for name in row)
    return [{name: row.get(name, "") for name in columns} for row in rows]


def probe_summary(folder: Path) -> list[dict[str, str]]:
    """What was probed in a results folder: one row for each score of each arm."""
    return probes.summary(frames.load(folder))


def tuning_summary(folder: Path) -> list[dict[str, str]]:
    """What was tuned in a results folder: one row for each arm."""
    return tuning.summary(frames.load(folder))
