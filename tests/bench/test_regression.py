"""Regressions through the whole house: arrays of values and the pixels of a picture, run and reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isbench.bench import probe as probes
from isbench.bench import site as sites
from isbench.errors import RecipeError
from isbench.report import report
from tests.bench_tools import InProcess, Silent, rows, run, site

SAMPLERS = ["uniform", {"sampler": "dlis", "score": "output_gradient", "start": {"tau": {"above": 1.05}}}]
SAMPLERS += ["memory-is", {"sampler": "highest-loss", "pool": 40}]


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "Worker", InProcess)


@pytest.fixture
def arrays(tmp_path: Path) -> dict[str, str]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 4))
    y = np.tanh(x @ rng.normal(size=(4, 2)))
    np.savez(tmp_path / "data.npz", x_train=x[:80], y_train=y[:80], x_test=x[80:], y_test=y[80:])
    return {"name": "arrays", "path": "data.npz"}


@pytest.fixture
def picture(tmp_path: Path) -> dict[str, str]:
    rows, columns = np.mgrid[:12, :16]
    pixels = np.stack([16 * columns, 20 * rows, 128 + 0 * rows], 2).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return {"name": "image-regression", "path": "picture.png"}


def test_arrays_of_values_are_run_and_reported(tmp_path: Path, arrays: dict[str, str]) -> None:
    here = site(tmp_path, dataset=arrays, samplers=SAMPLERS, batch=8)
    assert run(here)[0] == []
    last = rows(here.store.folder, "runs")
    assert all(float(row["test_loss"]) > 0 and row["test_error"] == row["psnr"] == "" for row in last)
    assert "test loss" in report(here.store.folder).read_text()


def test_a_picture_is_run_and_reported(tmp_path: Path, picture: dict[str, str]) -> None:
    here = site(tmp_path, dataset=picture, samplers=SAMPLERS, batch=8)
    assert run(here)[0] == []
    decibels = [float(row["psnr"]) for row in rows(here.store.folder, "points")]
    assert min(decibels) > 0
    page = report(here.store.folder).read_text()
    assert "PSNR (dB)" in page
    assert (here.store.folder / "figures" / "reconstruction-steps-12.png").is_file()


def test_the_importance_of_pixels_has_no_class(tmp_path: Path, picture: dict[str, str]) -> None:
    here = site(tmp_path, dataset=picture, samplers=SAMPLERS, batch=8, seeds=1)
    run(here)
    exhibits = [
        here.store.exhibit(path.name, "importance") for path in (here.store.folder / "cells").iterdir()
    ]
    labels = {int(label) for each in exhibits if each for label in each["label"]}
    samples = rows(here.store.folder, "samples")
    assert labels == {-1}
    assert {row["label"] for row in samples} == {""}


def test_a_picture_is_probed(tmp_path: Path, picture: dict[str, str]) -> None:
    here = site(tmp_path, dataset=picture, samplers=["uniform"], batch=8, seeds=1)
    assert probes.probe(here, Silent()) == []
    scores = {row["score"] for row in rows(here.store.folder, "probe")}
    assert "output_gradient" in scores
    assert "upper_bound" not in scores
    assert report(here.store.folder).is_file()


def test_the_bound_is_refused_before_anything_runs(tmp_path: Path, picture: dict[str, str]) -> None:
    with pytest.raises(RecipeError, match="choose score: output_gradient"):
        site(tmp_path, dataset=picture, samplers=["uniform", "dlis"], batch=8)


def test_a_body_is_pretrained_on_another_regression(tmp_path: Path, arrays: dict[str, str]) -> None:
    model = {"name": "mlp", "hidden": [4], "pretrain": {"dataset": arrays, "epochs": 1}}
    assert run(site(tmp_path, dataset=arrays, model=model, batch=8))[0] == []
