"""The parent's side of a worker process: ask, listen, and notice when it dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from isbench.errors import EnvironmentFault
from isbench.store.records import Cell, Outcome, Point, digest
from isbench.store.store import Store

# Kernels that give the same numbers on every processor of a kind; they are read when torch is imported.
PINNED = {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41"}


class Worker:
    """A worker that is reused while it is healthy and replaced after a failure.

    python: the interpreter that it runs in. variables: of its environment, where that does not set them.
    facts: of what it runs on, once they are known.
    """

    def __init__(
        self, root: Path, base: Path, python: str = sys.executable, variables: Mapping[str, str] | None = None
    ) -> None:
        self.places = {"root": str(root.resolve()), "base": str(base.resolve())}
        self.python, self.variables = python, variables or {}
        self.facts: dict[str, Any] = {}
        self.process: subprocess.Popen[str] | None = None

    @property
    def machine(self) -> str:
        """The id of what it runs on."""
        return digest(self.facts)

    def describe(self, device: str) -> dict[str, Any]:
        """The facts of the machine and software that it runs on; EnvironmentFault where it does not start."""
        answer = self._ask({"do": "describe", "device": device}, lambda point: None)
        if answer is None or "facts" not in answer:
            why = answer["error"] if answer else "it died before it could say anything"
            raise EnvironmentFault(
                f"no worker in {self.python}: {why}", "isbench must be installed there and know the device"
            )
        return answer["facts"]

    def train(
        self,
        cell: Cell,
        store: Store,
        record: tuple[str, ...],
        *,
        first: bool,
        heard: Callable[[Point], None],
    ) -> Outcome:
        """Train a cell and store how it ended, whatever happens to the process."""
        from isbench.bench.cell import now

        process = self._alive()
        running = Outcome(status="running", started=now(), machine=self.machine, pid=process.pid)
        store.begin(cell, running)
        request = {
            "do": "train",
            "cell": cell.model_dump(mode="json"),
            "folder": str(store.folder.resolve()),
            "log": str(store.log(cell.id).resolve()),
            **self.places,
            "record": record,
            "first": first,
            "machine": self.machine,
        }
        try:
            answer = self._ask(request, heard)
        except BaseException:
            self.close()
            store.finish(cell.id, running.model_copy(update={"status": "interrupted"}))
            raise
        if answer is None:
            outcome = running.model_copy(update=self._post_mortem())
        else:
            outcome = Outcome.model_validate_json(json.dumps(answer["outcome"]))
        store.finish(cell.id, outcome)
        return outcome

    def calibrate(self, cell: Cell) -> dict[str, float]:
        """How fast cells of this kind run here; EnvironmentFault where they do not."""
        answer = self._ask(
            {"do": "calibrate", "cell": cell.model_dump(mode="json"), **self.places},
            lambda point: None,
        )
        if answer is None or "speed" not in answer:
            why = answer["error"] if answer else "the worker died"
            raise EnvironmentFault(
                f"a few steps of {cell.sampler.name} on {cell.dataset.name} failed: {why}",
                "--no-estimate plans without them",
            )
        return answer["speed"]

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for stream in (self.process.stdin, self.process.stdout):
                if stream is not None:
                    with suppress(BrokenPipeError):  # what was asked last may still lie in the buffer
                        stream.close()
            self.process = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _alive(self) -> subprocess.Popen[str]:
        if self.process is None or self.process.poll() is not None:
            self.close()
            self.process = subprocess.Popen(
                [self.python, "-P", "-m", "isbench.bench.worker"],  # its own isbench, not this folder's
                env={**self.variables, **os.environ},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,  # Ctrl-C is for the parent, which decides what becomes of the cell
            )
        return self.process

    def _ask(self, request: dict[str, Any], heard: Callable[[Point], None]) -> dict[str, Any] | None:
        """Send a request and listen until its end; None where the process died."""
        process = self._alive()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            return None
        for line in process.stdout:
            try:
                answer = json.loads(line)
            except ValueError:  # torn or foreign: this worker cannot be trusted any more
                process.terminate()
                return None
            if answer["event"] == "point":
                heard(Point.model_validate_json(json.dumps(answer["point"])))
                continue
            if not answer["healthy"]:
                self.close()
            return answer
        return None

    def _post_mortem(self) -> dict[str, str]:
        """What a death says about its cause."""
        assert self.process is not None
        code = self.process.wait()
        self.close()
        if code == -signal.SIGKILL:
            return {"status": "oom", "note": "the system killed the worker, most likely for memory"}
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return {"status": "failed", "note": f"the worker died ({name}); its log has the rest"}
