"""What a terminal shows. Renders, never computes; results go to stdout, everything else to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from isbench.store.records import Cell, Outcome, Point

Row = Mapping[str, Any]
SHORT = 36  # characters up to which a column is not wrapped
ON_THE_PAGE = ("passes", "steps", "load", "choose", "train")  # too much for a terminal
QUIET_SECONDS = 60  # between two lines about a cell that is still running


def live() -> bool:
    """Whether a display may be redrawn: only on a terminal, and never in CI."""
    return sys.stderr.isatty() and "CI" not in os.environ


def fail(message: str) -> None:
    """An error, on stderr."""
    print(f"isbench: {message}", file=sys.stderr)


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
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return escape("".join(c if c.isprintable() or c == "\n" else "?" for c in text))


def duration(seconds: float | None) -> str:
    """Seconds as people say them."""
    if seconds is None:
        return "unknown"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def title(cell: Cell) -> str:
    """A cell in a few words."""
    variant = f"{cell.variant} " if cell.variant else ""
    return f"{variant}{cell.budget.name} {cell.sampler.label} seed {cell.seed}"


def standing(point: Point) -> str:
    """How far a cell is, and what its model is worth."""
    worth = f"error {point.test_error:.4f}" if point.test_error is not None else f"loss {point.test_loss}"
    return f"{point.progress:4.0%}  {point.epochs:.2f} epochs  {point.train_seconds:.1f} s  test {worth}"


def show_listing(listing: Mapping[str, Sequence[Row]], json: bool) -> None:
    """What recipes can name, by kind."""
    if json:
        return dump(listing)
    for heading, rows in listing.items():
        say(heading)
        table(rows)


def show_result(page: Path, summary: Sequence[Row], json: bool) -> None:
    """What a run has left behind: a row for each arm, and where the page is."""
    if json:
        return dump({"folder": str(page.parent), "report": str(page), "arms": summary})
    short = [{name: value for name, value in row.items() if name not in ON_THE_PAGE} for row in summary]
    table(short, right=[name for row in short[:1] for name in row if name not in ("budget", "sampler")])
    return say(str(page))


def show_plan(plan: Row, json: bool) -> None:
    """What a recipe amounts to."""
    if json:
        return dump(plan)
    say(f"{plan['name']}: {plan['dataset']} with {plan['model']} on {plan['device']}, into {plan['folder']}")
    table(plan["arms"], right=("cells", "done", "seconds each"))
    left = (
        f"about {duration(plan['remaining_seconds'])} left"
        if plan["remaining_seconds"] is not None
        else "not estimated"
    )
    guess = (
        "; equal-time budgets are guesses until their pilot has run" if plan["equal_time_is_a_guess"] else ""
    )
    say(f"{plan['done']} of {plan['cells']} cells are done, {left}{guess}")


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


class PlainWatch:
    """One line per finished cell, and one a minute while a cell runs."""

    def __init__(self) -> None:
        self.position = ""
        self.last: Point | None = None
        self.spoke = monotonic()

    def say(self, text: str) -> None:
        """A line about the run as a whole."""
        print(text, file=sys.stderr, flush=True)

    def begin(self, cell: Cell, number: int, total: int) -> None:
        """Remember which cell it is."""
        self.position, self.spoke = f"[{number}/{total}] {title(cell)}", monotonic()

    def point(self, cell: Cell, point: Point) -> None:
        """A line now and then."""
        if monotonic() - self.spoke > QUIET_SECONDS:
            self.spoke = monotonic()
            self.say(f"{self.position}: {standing(point)}")
        self.last = point

    def end(self, cell: Cell, outcome: Outcome) -> None:
        """A line about how it ended."""
        tail = f": {outcome.note}" if outcome.note else ""
        detail = f"  {standing(self.last)}" if outcome.status == "done" and self.last else tail
        self.say(f"{self.position}: {outcome.status}{detail}")

    def close(self) -> None:
        """Nothing to close."""


class QuietWatch:
    """Says nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def begin(self, cell: Cell, number: int, total: int) -> None:
        """Nothing."""

    def point(self, cell: Cell, point: Point) -> None:
        """Nothing."""

    def end(self, cell: Cell, outcome: Outcome) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class LiveWatch(PlainWatch):
    """A line that is redrawn twice a second at most, below the lines of finished cells."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        super().__init__()
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[standing]}", markup=False),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            refresh_per_second=2,
            transient=True,
        )
        self.task: Any = None

    def say(self, text: str) -> None:
        """A line above the bar."""
        self.progress.console.print(text, markup=False, highlight=False)

    def begin(self, cell: Cell, number: int, total: int) -> None:
        """A new bar."""
        super().begin(cell, number, total)
        self.progress.start()
        self.task = self.progress.add_task(self.position, total=1.0, standing="getting ready")

    def point(self, cell: Cell, point: Point) -> None:
        """Move the bar."""
        self.last = point
        self.progress.update(self.task, completed=point.progress, standing=standing(point))

    def end(self, cell: Cell, outcome: Outcome) -> None:
        """The bar becomes a line."""
        self.progress.remove_task(self.task)
        self.progress.stop()
        super().end(cell, outcome)

    def close(self) -> None:
        """Give the terminal its cursor back."""
        self.progress.stop()


def watch(quiet: bool) -> PlainWatch | QuietWatch:
    """The watch that fits where output goes."""
    if quiet:
        return QuietWatch()
    return LiveWatch() if live() else PlainWatch()
