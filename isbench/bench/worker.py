"""The worker process: reads requests as lines of JSON, trains cells, answers with lines of JSON.

What a cell prints or warns goes to its log. The process ends with its parent: no orphan writes results.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from isbench.errors import IsbenchError
from isbench.store.records import Cell, Outcome, Point
from isbench.store.store import Store

OUT_OF_MEMORY = ("DefaultCPUAllocator", "out of memory")  # torch has no class for these


def main() -> None:
    """Serve requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    die_with_parent()
    faulthandler.enable(2)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "describe":
            answer(answers, "end", **serve_description(request))
            continue
        if request["do"] == "calibrate":
            redirect(Path(os.devnull))
            answer(answers, "end", **serve_calibration(request))
            continue
        redirect(Path(request["log"]))
        answer(
            answers,
            "end",
            **serve_cell(request, lambda p: answer(answers, "point", point=p.model_dump(mode="json"))),
        )


def redirect(log: Path) -> None:
    """Send all that this process prints from now on to a file."""
    with open(log, "w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def serve_cell(request: dict[str, Any], heard: Callable[[Point], None]) -> dict[str, Any]:
    """Train one cell; a failure is an outcome, not the end of the process."""
    from isbench.bench import cell as cells

    cell = Cell.model_validate_json(json.dumps(request["cell"]))
    order = cells.Order(
        store=Store(Path(request["folder"])),
        root=Path(request["root"]),
        base=Path(request["base"]),
        record=tuple(request["record"]),
        first=request["first"],
        machine=request["machine"],
        heard=heard,
    )
    started = cells.now()
    try:
        outcome = cells.run_cell(cell, order)
    except Exception as error:
        traceback.print_exc()
        outcome = failure(error, started, request["machine"])
    gc.collect()
    return {"outcome": outcome.model_dump(mode="json"), "healthy": outcome.status in ("done", "diverged")}


def failure(error: Exception, started: str, machine: str) -> Outcome:
    """What became of a cell that raised."""
    import torch

    first = str(error).splitlines()[0] if str(error) else ""
    memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(sign in str(error) for sign in OUT_OF_MEMORY)
    )
    note = first if isinstance(error, IsbenchError) else f"{type(error).__name__}: {first}"
    if memory:
        note = f"out of memory ({first[:120]}); a smaller batch or pool needs less"
    return Outcome(status="oom" if memory else "failed", started=started, note=note[:500], machine=machine)


def serve_calibration(request: dict[str, Any]) -> dict[str, Any]:
    """Seconds per step, per evaluation and of set-up, for one kind of cell."""
    from isbench.bench.estimate import calibrate

    cell = Cell.model_validate_json(json.dumps(request["cell"]))
    try:
        return {"speed": calibrate(cell, Path(request["root"]), Path(request["base"])), "healthy": True}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}", "healthy": False}


def serve_description(request: dict[str, Any]) -> dict[str, Any]:
    """What this process runs on: its environment may not be the parent's."""
    from isbench.bench.machine import describe
    from isbench.train.device import choose

    try:
        return {"facts": describe(choose(request["device"])), "healthy": True}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}", "healthy": False}


def answer(answers: IO[str], event: str, **content: Any) -> None:
    """One line to the parent."""
    answers.write(json.dumps({"event": event, **content}, allow_nan=False) + "\n")


def die_with_parent() -> None:
    """On Linux the kernel ends this process when its parent ends, also by SIGKILL."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


if __name__ == "__main__":
    main()
