"""Real processes: a worker that dies, a benchmark that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

from isbench.bench import site as sites
from isbench.bench.process import Worker
from isbench.store.store import Store
from tests.bench_tools import RECIPE, InProcess, rows, run, site


def test_a_worker_that_is_killed_costs_one_cell_and_the_run_goes_on(tmp_path: Path) -> None:
    here = site(tmp_path, seeds=1, budgets=[{"steps": 1500}])  # long enough to be killed in
    plan = here.plan({})
    first, second = (plan.cells[name] for name in plan.blocks[0].cells)
    with Worker(tmp_path, tmp_path) as worker:
        assert worker.train(first, here.store, (), first=True, heard=lambda point: None).status == "done"
        survivor = worker.process
        assert survivor is not None

        def kill(point) -> None:
            os.kill(survivor.pid, signal.SIGKILL)

        killed = worker.train(second, here.store, (), first=True, heard=kill)
        assert (killed.status, here.store.outcome(second.id)) == ("oom", killed)
        again = worker.train(second, here.store, (), first=True, heard=lambda point: None)
        assert again.status == "done"


def test_a_run_that_is_killed_goes_on_and_ends_with_the_numbers_of_an_uninterrupted_one(
    tmp_path: Path, monkeypatch
) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump({**RECIPE, "seeds": 3, "budgets": [{"steps": 400}]}))
    command = [sys.executable, "-c", "from isbench.cli import app; app()", "run", str(recipe)]
    options = ["--out", str(tmp_path / "killed"), "--device", "cpu", "--quiet"]
    process = subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL, cwd=tmp_path)
    folder = tmp_path / "killed" / "tiny"
    deadline = time.monotonic() + 300
    while len(list(folder.glob("cells/*/points.jsonl"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = done(folder)
    assert 0 < len(before) < 6

    monkeypatch.setattr(sites, "Worker", InProcess)
    from isbench.bench.site import Opened, Request, open_site
    from isbench.recipe import open_recipe

    opened = Opened(*open_recipe(recipe))
    resumed = open_site(opened, Request(out=tmp_path / "killed", device="cpu"))
    _, watch = run(resumed)
    assert len(watch.began) == 6 - len(before)
    whole = open_site(opened, Request(out=tmp_path / "whole", device="cpu"))
    run(whole)
    for table in ("points", "samples"):
        assert rows(folder, table) == rows(whole.store.folder, table)


def done(folder: Path) -> set[str]:
    store = Store(folder)
    cells = [path.name for path in (folder / "cells").glob("*")]
    return {cell for cell in cells if (outcome := store.outcome(cell)) and outcome.status == "done"}
