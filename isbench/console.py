"""What a terminal shows. Renders, never computes; results go to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

Row = Mapping[str, Any]
SHORT = 36  # characters up to which a column is not wrapped
ON_THE_PAGE = ("passes", "steps", "load", "choose", "train")  # too much for a terminal


def fail(message: str) -> None:
    """An error, on stderr."""
    print(f"isbench: {message}", file=sys.stderr)


def note(message: str) -> None:
    """What to beware of, on stderr."""
    print(f"note: {message}", file=sys.stderr)


def say(message: str) -> None:
    """A result, on stdout."""
    print(message)


def dump(content: Any) -> None:
    """A result for programs, on stdout."""
    print(json.dumps(content, indent=1, allow_nan=False))


def table(rows: Iterable[Row], right: Sequence[str] = ()) -> None:
    """Rows as a table, as wide as they need; empty is unknown."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    rows = list(rows)
    if not rows:
        return
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    needed = 0  # characters: short columns are never cut, a narrow terminal may wrap the line
    for name in rows[0]:
        longest = max(len(name), *(len(escaped(row[name])) for row in rows))
        align: Literal["left", "right"] = "right" if name in right else "left"
        shown.add_column(name, justify=align, overflow="fold", no_wrap=longest <= SHORT)
        needed += 3 + (longest if longest <= SHORT else SHORT // 2)
    for row in rows:
        shown.add_row(*(escaped(row[name]) for name in rows[0]))
    width = Console(file=sys.stdout).width if sys.stdout.isatty() else 200
    Console(file=sys.stdout, width=max(width, needed), force_interactive=False).print(shown)


def escaped(value: Any) -> str:
    """A cell's text; names come from recipes and may hold markup or control characters."""
    from rich.markup import escape

    if value is None:
        return ""
    return escape(printable(f"{value:.4g}" if isinstance(value, float) else str(value)))


def printable(text: str) -> str:
    """Text without what would drive a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def duration(seconds: float | None) -> str:
    """Seconds as people say them."""
    if seconds is None:
        return "unknown"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def show_listing(listing: Mapping[str, Sequence[Row]], json: bool) -> None:
    """What recipes can name, by kind."""
    if json:
        return dump(listing)
    for heading, rows in listing.items():
        say(heading)
        table(rows)


def show_result(page: Path, arms: Sequence[Row], summary: Row, json: bool) -> None:
    """What a run has left behind: a row for each arm, what it says in words, and where the page is."""
    if json:
        return dump({"folder": str(page.parent), "report": str(page), **summary})
    short = [{name: value for name, value in row.items() if name not in ON_THE_PAGE} for row in arms]
    table(short, right=[name for row in short[:1] for name in row if name not in ("budget", "sampler")])
    for sentence in (*summary["sentences"], *(claim["sentence"] for claim in summary["claims"])):
        say(printable(sentence))
    for warning in summary["warnings"]:
        say(printable(f"{warning['code']}: {warning['says']} ({warning['advice']})"))
    return say(str(page))


def show_probe(page: Path, scores: Sequence[Row], json: bool) -> None:
    """What a probe has found: a row for each score, and where the page is."""
    if json:
        return dump({"folder": str(page.parent), "report": str(page), "scores": scores})
    for title in dict.fromkeys(row["probe"] for row in scores):
        say(title)
        short = [{k: v for k, v in row.items() if k != "probe"} for row in scores if row["probe"] == title]
        table(short, right=[name for name in short[0] if name != "score"])
    return say(str(page))


def show_tuning(page: Path, tuned: Path | None, arms: Sequence[Row], json: bool) -> None:
    """What tuning has chosen: a row for each arm, the page, and the tuned recipe once there is one."""
    if json:
        files = {"folder": str(page.parent), "report": str(page), "tuned": str(tuned) if tuned else None}
        return dump({**files, "arms": arms})
    words = ("variant", "sampler", "chosen")
    table(arms, right=[name for row in arms[:1] for name in row if name not in words])
    say(str(page))
    return say(str(tuned) if tuned else "no tuned recipe yet: some trials have no result")


def show_noise(page: Path, noise: Row, spreads: Sequence[Row], lines: Sequence[str], json: bool) -> None:
    """What an A/A test says: how much each quantity spreads, then the machine in words."""
    if json:
        return dump({"folder": str(page.parent), "report": str(page), **noise})
    table(spreads, right=[name for row in spreads[:1] for name in row if name not in ("race", "quantity")])
    for line in lines:
        say(line)
    return say(str(page))


def show_comparison(rows: Sequence[Row], texts: Sequence[Row], notes: Sequence[str], json: bool) -> None:
    """What two results folders have in common, row by row."""
    if json:
        return dump({"notes": notes, "rows": rows})
    shown = [name for name in texts[0] if any(row[name] for row in texts)]
    return table([{name: row[name] for name in shown} for row in texts], right=("n",))


def show_reports(
    pages: Sequence[Path],
    claims: Sequence[Row],
    claim_texts: Sequence[Row],
    across: Sequence[Row],
    across_texts: Sequence[Row],
    json: bool,
) -> None:
    """What became of all claims of some results folders, what they say together, where their pages are."""
    if json:
        return dump({"reports": [str(page) for page in pages], "claims": claims, "across": across})
    table(claim_texts, right=("n",))
    if across:
        tasks, than = across[0]["tasks"], across[0]["than"]
        say(f"On all {tasks} tasks, of which alone this speaks (score 1: where {than} ends; within:")
        say("r times the best arm's time to the target; 95 % intervals resample seeds within tasks)")
        table(across_texts, right=("tasks", "runs"))
    for page in pages:
        say(str(page))
    return None


def show_check(checked: Sequence[Row], json: bool) -> None:
    """What the gate says of each results folder: a line of verdict, then what was compared."""
    if json:
        return dump(checked)
    for one in checked:
        say(printable(one["verdict"]))
        for row in one["found"]:
            say(printable(f"  {row['tier']:<9} {row['outcome']:<12} {row['title']}: {row['says']}"))
        for text in one["notes"]:
            say(printable(f"  note: {text}"))
    return None


def show_baseline(baseline: Row, json: bool) -> None:
    """What a baseline holds."""
    if json:
        return dump(baseline)
    for name in ("recipe", "machine", "exact"):
        say(printable(f"{name}: {baseline[name]}"))
    table(baseline["ratio"], right=("n", "change", "sd"))
    return table(baseline["time"], right=("n", "seconds per step", "sd"))


def show_plan(plan: Row, json: bool) -> None:
    """What a recipe amounts to."""
    if json:
        return dump(plan)
    say(f"{plan['name']}: {plan['dataset']} with {plan['model']} on {plan['device']}, into {plan['folder']}")
    table(plan["arms"], right=("cells", "done", "seconds each"))
    if plan["break_even"]:
        say("What a step costs, in steps of uniform, and what selection must deliver for it to pay")
        say("(rho: backward over forward; c: forwards per score; starts above: a threshold of tau):")
        table(plan["break_even"], right=[*plan["break_even"][0]][2:])
    if plan["tuning"]:
        say("What `isbench tune` tries, in runs of its own:")
        table(plan["tuning"], right=("trials", "of", "runs", "done", "seconds each"))
        runs, done = (sum(row[name] for row in plan["tuning"]) for name in ("runs", "done"))
        say(f"{done} of {runs} tuning runs are done, {_left(plan['tuning_remaining_seconds'])}")
    guess = (
        "; equal-time budgets are guesses until their pilot has run" if plan["equal_time_is_a_guess"] else ""
    )
    say(f"{plan['done']} of {plan['cells']} cells are done, {_left(plan['remaining_seconds'])}{guess}")


def _left(seconds: float | None) -> str:
    return "not estimated" if seconds is None else f"about {duration(seconds)} left"


def show_findings(findings: Sequence[Row], json: bool) -> None:
    """What the doctor found."""
    if json:
        return dump(findings)
    table(
        {
            "": "ok" if finding["well"] else "look",
            "what": finding["what"],
            "found": finding["found"],
            "advice": "" if finding["well"] else finding["advice"],
        }
        for finding in findings
    )
