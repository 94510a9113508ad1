"""What is shown while cells run: on stderr, line by line or redrawn. Renders, never computes."""

from __future__ import annotations

import os
import sys
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isbench.store.records import Cell, Outcome, Point

QUIET_SECONDS = 60  # between two lines about a cell that is still running


def live() -> bool:
    """Whether a display may be redrawn: only on a terminal, and never in CI."""
    return sys.stderr.isatty() and "CI" not in os.environ


def title(cell: Cell) -> str:
    """A cell in a few words."""
    variant = f"{cell.variant} " if cell.variant else ""
    return f"{variant}{cell.budget.name} {cell.sampler.label} seed {cell.seed}"


def standing(point: Point) -> str:
    """How far a cell is, and what its model is worth."""
    if point.test_error is not None:
        worth = f"error {point.test_error:.4f}"
    elif point.psnr is not None:
        worth = f"PSNR {point.psnr:.2f} dB"
    else:
        worth = "loss unknown" if point.test_loss is None else f"loss {point.test_loss:.4g}"
    return f"{point.progress:4.0%}  {point.epochs:.2f} epochs  {point.train_seconds:.1f} s  test {worth}"


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
