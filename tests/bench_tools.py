"""Runs of whole recipes in this process: the worker's function without the worker's process."""

from __future__ import annotations

import csv
from pathlib import Path

import yaml

from isbench.bench import run as runs
from isbench.bench.process import Worker
from isbench.bench.site import Opened, Request, Site, open_site
from isbench.bench.worker import serve_calibration, serve_cell, serve_description
from isbench.recipe import open_recipe

RECIPE = {
    "schema": 1,
    "name": "tiny",
    "dataset": {"name": "digits", "subset": 300},
    "model": {"name": "mlp", "hidden": [8]},
    "batch": 32,
    "threads": 1,
    "budgets": [{"steps": 12}],
    "points": 3,
    "seeds": 2,
    "samplers": ["uniform", {"sampler": "highest-loss-cdf", "pool": 64}],
}


class Alive:
    """Stands in for a process."""

    pid = 1

    def poll(self) -> None:
        return None

    def kill(self) -> None:
        pass

    def wait(self) -> int:
        return 0

    stdin = stdout = None


class InProcess(Worker):
    """A worker without a process."""

    def _alive(self):
        self.process = Alive()
        return self.process

    def _ask(self, request, heard):
        if request["do"] == "describe":
            return serve_description(request)
        return serve_cell(request, heard) if request["do"] == "train" else serve_calibration(request)


def site(folder: Path, request: Request | None = None, **changes) -> Site:
    """A small recipe in a folder, changed at its top level."""
    file = folder / "tiny.yaml"
    file.write_text(yaml.safe_dump({**RECIPE, **changes}))
    request = request or Request(out=folder / "results", data=folder / "data", device="cpu")
    return open_site(Opened(*open_recipe(file)), request)


class Silent:
    """A watch that remembers."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def begin(self, cell, number: int, total: int) -> None:
        self.began.append(f"{cell.sampler.label} {cell.seed}")

    def point(self, cell, point) -> None:
        pass

    def end(self, cell, outcome) -> None:
        pass

    def close(self) -> None:
        pass


def run(here: Site) -> tuple[list[str], Silent]:
    """Run what is missing; returns what failed, and what was run."""
    watch = Silent()
    return runs.run(here, watch), watch


TIMES = {
    "train_seconds",
    "eval_seconds",
    "wall_seconds",
    "started_seconds",
    "peak_memory",
    "cpu_load",
    "foreign_load",
}


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    """A table of a results folder without what the clock says."""
    with open(folder / "tables" / f"{table}.csv", newline="") as file:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]
