"""An A/A test: a recipe's baseline against itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from isbench.bench import noise as noises
from isbench.bench import run as runs
from isbench.bench import site as sites
from isbench.bench.site import Request, Site
from isbench.cli import app
from isbench.errors import EnvironmentFault
from isbench.verdicts import noise_of
from tests.bench_tools import RECIPE, InProcess, Silent

LIKE = {"budgets": [{"steps": 12}, {"like": "uniform", "epochs": 0.2}], "controls": ["placebo", "aa"]}


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "Worker", InProcess)


def site(folder: Path, seeds: int = 2, fresh: bool = False, profile: str | None = None, **changes) -> Site:
    file = folder / "tiny.yaml"
    file.write_text(yaml.safe_dump({**RECIPE, **changes}))
    request = Request(out=folder / "results", data=folder / "data", device="cpu", fresh=fresh)
    return noises.open_noise(str(file), profile, [], seeds, request)


def test_there_are_two_arms_and_all_budgets(tmp_path: Path) -> None:
    recipe = site(tmp_path, **LIKE).opened.recipe
    (setting,) = recipe.settings
    assert [(arm.sampler.label, arm.control, arm.of) for arm in setting.arms] == [
        ("uniform", "", ""),
        ("aa", "aa", "uniform"),
    ]
    assert [spec.unit for spec in setting.budgets] == ["steps", "epochs"]
    assert len(recipe.seeds) == 2


def test_another_baseline_is_repeated_too(tmp_path: Path) -> None:
    changes = {"primary": {"baseline": "highest-loss-cdf"}, "budgets": [{"like": "uniform", "epochs": 0.2}]}
    (setting,) = site(tmp_path, **changes).opened.recipe.settings
    first, second = setting.arms
    assert first.sampler.label == second.of == setting.budgets[0].like == "highest-loss-cdf"
    assert second.sampler.model_copy(update={"label": first.sampler.label}) == first.sampler


def test_the_folder_is_another_than_the_recipes(tmp_path: Path) -> None:
    assert site(tmp_path).store.folder.name == "tiny-noise"
    profiles = {"profiles": {"cpu": {"points": 2}}}
    assert site(tmp_path, profile="cpu", **profiles).store.folder.name == "tiny-cpu-noise"


def test_what_is_done_is_not_run_again(tmp_path: Path) -> None:
    first, second = Silent(), Silent()
    assert noises.noise(site(tmp_path), first) == []
    assert noises.noise(site(tmp_path), second) == []
    assert sorted(first.began) == ["aa 0", "aa 1", "uniform 0", "uniform 1"]
    assert (second.began, second.said) == ([], [])


def test_fresh_runs_the_twins_again_too(tmp_path: Path) -> None:
    noises.noise(site(tmp_path), Silent())
    again = Silent()
    noises.noise(site(tmp_path, fresh=True), again)
    assert len(again.began) == 4
    assert any("twice" in line for line in again.said)


def test_the_same_draws_give_the_same_numbers_and_other_draws_do_not(tmp_path: Path) -> None:
    here = site(tmp_path)
    noises.noise(here, Silent())
    found = noise_of(here.store.folder)
    assert found.equal == (1, 1)
    assert next(spread.sd for spread in found.spreads if spread.quantity == "train_loss at the end") > 0


def test_a_folder_of_the_recipe_itself_is_left_alone(tmp_path: Path) -> None:
    here = site(tmp_path)
    noises.noise(here, Silent())
    changed = {**RECIPE, "name": "tiny-noise"}
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(changed))
    request = Request(out=tmp_path / "results", data=tmp_path / "data", device="cpu")
    with pytest.raises(EnvironmentFault, match="holds the results of"):
        runs.run(sites.open_sites([str(tmp_path / "other.yaml")], None, None, 2, request)[0], Silent())


def test_the_command_prints_the_machine_and_a_page(tmp_path: Path) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(RECIPE))
    words = ["noise", str(file), "-n", "2", "--out", str(tmp_path / "results"), "--device", "cpu", "--quiet"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "this machine is " in result.stdout
    assert "bit-identical" in result.stdout
    again = CliRunner().invoke(app, [*words, "--json"])
    assert {"machine", "limits", "spreads", "bit_identical", "folder"} <= json.loads(again.stdout).keys()
