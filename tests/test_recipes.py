"""Every shipped recipe parses, validates, plans and has a folder of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from isbench.plan import Frozen, make_cell, make_plan, pilot_key
from isbench.recipe import load, open_recipe, shipped
from isbench.store.records import Budget
from tests.builders import GROUND

RECIPES = shipped()
PROFILES = [
    (name, profile)
    for name, path in RECIPES.items()
    for profile in (None, *yaml.safe_load(path.read_text()).get("profiles", {}))
]
EXPERIMENTS = [
    "fig1-two-circles",
    "fig2-two-circles",
    "fig3-two-circles",
    "fig2-camelyon",
    "fig3-camelyon",
    "fig4-camelyon",
    "supplement-mnist",
    "supplement-cifar10",
]


@pytest.mark.parametrize(("name", "profile"), PROFILES)
def test_a_recipe_plans_to_complete_blocks(name: str, profile: str | None) -> None:
    recipe = load(name, profile)
    pilots = make_plan(recipe, GROUND, {}).pilots
    plan = make_plan(recipe, GROUND, {pilot_key(pilot): Frozen(1.0) for pilot in pilots})
    arms = {setting.variant: len(setting.arms) for setting in recipe.settings}
    assert plan.blocks
    for block in plan.blocks:
        assert len(block.cells) == arms[block.variant]
        assert "uniform" in {plan.cells[cell].sampler.label for cell in block.cells}


def test_no_two_recipes_or_profiles_share_a_folder() -> None:
    folders = [f"{load(n, p).name}-{p}" if p else load(n, p).name for n, p in PROFILES]
    assert len(set(folders)) == len(folders)


def test_different_runs_have_different_identities() -> None:
    contents: dict[str, str] = {}
    for name, profile in PROFILES:
        for setting in load(name, profile).settings:
            for arm in setting.arms:
                for spec in setting.budgets:
                    budget = Budget(name=spec.name, amount=spec.amount, unit=spec.unit)
                    cell = make_cell(setting, arm, budget, 0, GROUND)
                    content = json.dumps(cell.named("", "", "").model_dump(mode="json"), sort_keys=True)
                    assert contents.setdefault(cell.id, content) == content
    assert len(set(contents.values())) == len(contents) > 40


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_of_paper_000_has_a_recipe_with_two_profiles(experiment: str) -> None:
    assert {profile for name, profile in PROFILES if name == f"papers-cdf-{experiment}"} >= {"paper", "cpu"}


@pytest.mark.parametrize(
    "experiment", ["fig2", "fig4", "reset", "rates", "predict", "cost", "model-selection", "budget"]
)
def test_every_experiment_of_paper_002_has_a_recipe_with_three_profiles(experiment: str) -> None:
    profiles = {profile for name, profile in PROFILES if name == f"papers-impon-{experiment}"}
    assert profiles >= {"paper", "gpu-hour", "cpu"}


def test_the_arms_of_figure_2_have_their_published_rates_and_the_same_trials() -> None:
    recipe = load("papers-impon-fig2", "paper")
    for setting in recipe.settings:
        rates = {arm.sampler.label: (arm.optimizer.name, arm.optimizer.lr) for arm in setting.arms}
        assert rates.pop("impon") == rates.pop("impon-low") == ("sgd", 1e-3)
        assert rates.pop("uniform-adam") == ("adam", 0.1)
        assert set(rates.values()) == {("sgd", 0.1)}
        assert setting.tuning is not None
        assert {len(grid) for grid in setting.tuning.grids.values()} == {6}


def test_the_linear_schedule_of_figure_2_is_a_flag() -> None:
    recipe = load("papers-impon-fig2", None, ["schedule.linear.to=1e-6"])
    assert {arm.schedule.name for setting in recipe.settings for arm in setting.arms} == {"linear"}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_in_its_head_what_it_is(name: str) -> None:
    head = RECIPES[name].read_text().splitlines()[0]
    assert head.startswith("# ")
    assert len(head) > 40


def test_a_recipe_is_found_by_name_and_by_path(tmp_path: Path) -> None:
    copy = tmp_path / "recipes" / "papers" / "x.yaml"
    copy.parent.mkdir(parents=True)
    copy.write_text(RECIPES["smoke"].read_text())
    assert open_recipe(copy)[0].name == "papers-x"
    assert open_recipe("papers/cdf/fig1-two-circles")[0].name == "papers-cdf-fig1-two-circles"
