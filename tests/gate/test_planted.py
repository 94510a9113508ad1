"""Planted regressions: a copy of the package with one line changed is caught by the tier that it concerns."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from isbench.bench.pair import in_both, run_in_turns
from isbench.bench.run import run
from isbench.cli import app
from tests import bench_tools

PACKAGE = Path(__file__).parents[2] / "isbench"
PICKED = "        return Batch(pool[picked.index],"
EXACT = {"gate": {"slowdown": 0.5, "exact": True}}
OTHER_INDEX = """\
        chosen = pool[picked.index]
        if self.problem.trained == 7 * 32:
            chosen[0] = (chosen[0] + 1) % self.problem.n
        return Batch(chosen,"""
SLEEP = f"        import time; time.sleep(0.02)\n{PICKED}"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory):
    """A Python whose isbench has another line in its presampler."""

    def interpreter(line: str) -> str:
        folder = tmp_path_factory.mktemp("planted")
        shutil.copytree(PACKAGE, folder / "isbench", ignore=shutil.ignore_patterns("__pycache__"))
        file = folder / "isbench" / "samplers" / "presample.py"
        text = file.read_text()
        assert PICKED in text
        file.write_text(text.replace(PICKED, line))
        python = folder / "python"
        python.write_text(f'#!/bin/sh\nPYTHONPATH={folder} exec {sys.executable} "$@"\n')
        python.chmod(0o755)
        return str(python)

    return interpreter


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `tiny` is kept as a baseline."""
    folder = tmp_path_factory.mktemp("kept")
    ran = results(folder, sys.executable)
    file = folder / "tiny.json"
    assert CliRunner().invoke(app, ["baseline", "save", str(file), str(ran)]).exit_code == 0
    return file


def results(folder: Path, python: str, **changes) -> Path:
    """Run the recipe in an interpreter."""
    site = replace(bench_tools.site(folder, **(EXACT | {"seeds": 1} | changes)), python=python)
    assert run(site, bench_tools.Silent()) == []
    return site.store.folder


def check(folder: Path, *words: object) -> Result:
    return CliRunner().invoke(app, ["check", str(folder), *map(str, words)])


def test_an_index_that_is_another_one_is_caught_and_named(planted, kept: Path, tmp_path: Path) -> None:
    changed = results(tmp_path, planted(OTHER_INDEX))
    result = check(changed, "--baseline", kept, "--tier", "exact")
    assert result.exit_code == 4
    assert "steps-12, uniform, exact: 1 runs: equal bit by bit" in result.stdout
    assert "steps-12, highest-loss-cdf, exact: seed 0: the loss of step 8 is" in result.stderr
    assert "what was selected differs by step 8" in result.stderr


@pytest.mark.skipif(not Path("/proc/cpuinfo").is_file(), reason="needs to know what the processor can do")
def test_other_kernels_have_no_hashes_compared(kept: Path, tmp_path: Path, monkeypatch) -> None:
    if "avx2" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor has no AVX2")
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    result = check(results(tmp_path, sys.executable), "--baseline", kept, "--tier", "exact", "--strict")
    assert result.exit_code == 0
    assert "other CPU: hashes not compared (cpu capability AVX2, DEFAULT there)" in result.stdout


def test_a_sampler_that_sleeps_is_caught_in_turns(planted, tmp_path: Path) -> None:
    site = bench_tools.site(tmp_path, **(EXACT | {"seeds": 3}))
    base, head = in_both(site, {"base": sys.executable, "head": planted(SLEEP)})
    assert run_in_turns((base, head), bench_tools.Silent()) == []
    result = check(head.store.folder, "--tier", "time")
    assert result.exit_code == 4
    assert "steps-12, highest-loss-cdf, train_seconds: slower" in result.stderr
    assert "uniform" not in result.stderr
    assert os.path.samefile(head.store.folder / ".." / base.store.folder.name, base.store.folder)
