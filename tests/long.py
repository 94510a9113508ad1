"""What takes longer than a test may: `python -m tests.long NAME`, exit 1 if something does not hold.

Each has a small version in the suite.
"""

from __future__ import annotations

import sys
import time

from tests.gate.repeats import repeats
from tests.stats.simulations import SIMULATIONS


def stats() -> bool:
    """The simulations behind the statistics at full size, a few minutes."""
    holds = True
    for simulation, (_, runs) in SIMULATIONS.items():
        begun = time.perf_counter()
        figures = list(simulation(runs))
        holds &= all(figure.holds for figure in figures)
        print(f"\n{simulation.__doc__} {runs:,} runs each, {time.perf_counter() - begun:.0f} s")
        print(*figures, sep="\n", flush=True)
    return holds


def gate() -> bool:
    """The recipe of the gate twenty times against its baseline, some minutes."""
    codes = []
    for code, seconds, told in repeats(20):
        codes.append(code)
        print(f"exit {code}, {seconds:.0f} s, {told}", flush=True)
    return set(codes) == {0}


LONG = {"stats": stats, "gate": gate}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in LONG:
        sys.exit(f"python -m tests.long {'|'.join(LONG)}")
    sys.exit(not LONG[sys.argv[1]]())
