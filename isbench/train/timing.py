"""Clocks, and the one place where phases are timed.

A lap appends one mark and returns the phase it leaves, so phases are exclusive and sum to the time between
the first mark and the last. Marks are turned into seconds at points only, never inside a step.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Protocol

import torch

from isbench.store.records import PHASES

GAP = ""  # what lies between two marks that do not belong together


class Clock(Protocol):
    """Tells when device work was reached, without waiting for it."""

    every: int  # phases are marked in one step of so many

    def mark(self) -> Any:
        """A moment in the device's queue of work."""
        ...

    def seconds(self, a: Any, b: Any) -> float:
        """The time between two marks; only after `settle`."""
        ...

    def settle(self) -> None:
        """Wait until all work is done, so that marks can be read."""
        ...

    def reached(self, mark: Any) -> bool:
        """Whether the device has come as far as a mark; waits for nothing."""
        ...

    def now(self) -> float:
        """Host seconds."""
        ...

    def pace(self) -> None:
        """Called once a step under a budget of seconds: keeps the host from running far ahead."""
        ...

    def recycle(self, marks: list[Any]) -> None:
        """Marks that nobody reads any more."""
        ...


class HostClock:
    """The CPU: work is done when the call returns."""

    every = 1
    mark = staticmethod(time.perf_counter)
    now = staticmethod(time.perf_counter)

    def seconds(self, a: float, b: float) -> float:
        """The difference of two moments."""
        return b - a

    def settle(self) -> None:
        """Nothing to wait for."""

    def reached(self, mark: float) -> bool:
        """The host is where its marks are."""
        return True

    def pace(self) -> None:
        """The host cannot run ahead of itself."""

    def recycle(self, marks: list[float]) -> None:
        """Numbers need no pool."""


class CudaClock:
    """CUDA: events from a pool, recorded asynchronously; at most `lag` steps of run-ahead under `pace`."""

    every = 1
    now = staticmethod(time.perf_counter)

    def __init__(self, device: torch.device, lag: int) -> None:
        self.stream = torch.cuda.current_stream(device)
        self.pool: list[torch.cuda.Event] = []
        self.lag = lag
        self.ends: deque[torch.cuda.Event] = deque()

    def mark(self) -> torch.cuda.Event:
        """An event in the current stream."""
        event = self.pool.pop() if self.pool else torch.cuda.Event(enable_timing=True)
        event.record(self.stream)
        return event

    def seconds(self, a: torch.cuda.Event, b: torch.cuda.Event) -> float:
        """The device's own time between two events."""
        return a.elapsed_time(b) / 1000

    def settle(self) -> None:
        """Wait for the stream."""
        self.stream.synchronize()

    def reached(self, mark: torch.cuda.Event) -> bool:
        """Whether the device has recorded the event."""
        return mark.query()

    def pace(self) -> None:
        """Wait for the end of the step that lies `lag` steps back."""
        self.ends.append(self.mark())
        if len(self.ends) > self.lag:
            oldest = self.ends.popleft()
            oldest.synchronize()
            self.pool.append(oldest)

    def recycle(self, marks: list[torch.cuda.Event]) -> None:
        """Put events back into the pool."""
        self.pool.extend(marks)


class MpsClock:
    """MPS: events hang or run backwards, so every 20th step is synchronised and read from the host clock."""

    every = 20
    now = staticmethod(time.perf_counter)

    def mark(self) -> float:
        """A host moment after all queued work."""
        torch.mps.synchronize()
        return time.perf_counter()

    def seconds(self, a: float, b: float) -> float:
        """The difference of two moments."""
        return b - a

    def settle(self) -> None:
        """Wait for the device."""
        torch.mps.synchronize()

    def reached(self, mark: float) -> bool:
        """A mark is made when the device is there."""
        return True

    def pace(self) -> None:
        """The sampled marks already bound the run-ahead to `every` steps."""

    def recycle(self, marks: list[float]) -> None:
        """Numbers need no pool."""


class FakeClock:
    """One tick a mark: timing that can be tested to the tick."""

    def __init__(self, every: int = 1) -> None:
        self.every, self.time = every, 0.0

    def mark(self) -> float:
        """The next tick."""
        self.time += 1.0
        return self.time

    def seconds(self, a: float, b: float) -> float:
        """Ticks between two marks."""
        return b - a

    def settle(self) -> None:
        """Nothing to wait for."""

    def reached(self, mark: float) -> bool:
        """A tick is over when it is counted."""
        return True

    def now(self) -> float:
        """The last tick."""
        return self.time

    def pace(self) -> None:
        """A fake device is never behind."""

    def recycle(self, marks: list[float]) -> None:
        """Numbers need no pool."""


class PhaseTimer:
    """Charges time to phases: `lap(phase)` ends the present phase and begins the next."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.mark = clock, clock.mark
        self.phase = "eval"  # what is not training: set-up first, evaluation later
        self.steps = 0
        self.marking = True
        self.names: list[str] = []
        self.marks: list[Any] = []
        self.spent = dict.fromkeys(PHASES, 0.0)  # since the last drain, as far as marks were read
        self.read = 0  # the mark up to which they were

    def lap(self, phase: str) -> str:
        """Begin a phase; returns the one that it ends."""
        left, self.phase = self.phase, phase
        if self.marking:
            self.names.append(left)
            self.marks.append(self.mark())
        return left

    def step(self) -> None:
        """A step has ended; where only one step in `clock.every` is marked, decide about the next."""
        self.steps += 1
        on = self.steps % self.clock.every == 0
        if on != self.marking:
            self._mark(GAP if on else self.phase)
            self.marking = on

    def so_far(self) -> dict[str, float]:
        """Seconds by phase since the last drain, as far as the device has come; waits for nothing."""
        end = self.read
        while end + 1 < len(self.marks) and self.clock.reached(self.marks[end + 1]):
            end += 1
        self._read(end)
        return self.spent

    def drain(self) -> dict[str, float]:
        """Seconds by phase since the last drain; waits for the device."""
        self._mark(self.phase if self.marking else GAP)
        self.clock.settle()
        self._read(len(self.marks) - 1)
        self.clock.recycle(self.marks[:-1])
        self.names, self.marks, self.read = self.names[-1:], self.marks[-1:], 0
        spent, self.spent = self.spent, dict.fromkeys(PHASES, 0.0)
        return spent

    def _read(self, end: int) -> None:
        for place in range(self.read, end):
            phase = self.names[place + 1]
            if phase in self.spent:
                self.spent[phase] += self.clock.seconds(self.marks[place], self.marks[place + 1])
        self.read = end

    def _mark(self, ended: str) -> None:
        self.names.append(ended)
        self.marks.append(self.mark())
