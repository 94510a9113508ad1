"""Probes as a whole: planned beside races, resumed, exported, and the command's exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from isbench.bench import cell as cells
from isbench.bench import costs, estimator
from isbench.bench import probe as probes
from isbench.bench import site as sites
from isbench.bench.site import Site
from isbench.cli import app
from isbench.errors import EnvironmentFault, RecipeError
from isbench.store.probes import PROBE_COLUMNS, QUANTITIES
from tests.bench_tools import RECIPE, InProcess, Silent, rows, run
from tests.bench_tools import site as a_site

TWO = {"samplers": ["uniform", {"sampler": "highest-loss-cdf", "pool": 64}]}
ONE = {"samplers": ["uniform"], "seeds": 1}


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "Worker", InProcess)
    monkeypatch.setattr(estimator, "RESAMPLINGS", 1)


def site(folder: Path, **changes) -> Site:
    """A recipe of three steps."""
    return a_site(folder, **{"budgets": [{"steps": 3}], "samplers": ["uniform"], **changes})


def probe(here: Site) -> tuple[list[str], list[str]]:
    """Probe what is missing; returns what failed, and what was run."""
    watch = Silent()
    return probes.probe(here, watch), watch.began


def plan(here: Site):
    found = here.store.plan()
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (1, (0, 1)),
        (12, (0, 5, 6, 7, 8, 9, 10, 11, 12)),
        (2400, (0, 5, 20, 60, 200, 400, 600, 800, 1000, 1200, 1400, 1600, 1800, 2000, 2200, 2400)),
    ],
)
def test_checkpoints_are_early_ones_and_then_even(total: int, expected: tuple[int, ...]) -> None:
    assert probes.checkpoints(total) == expected


@pytest.mark.parametrize("total", [16, 200, 201, 4219, 50_000])
def test_there_are_no_more_checkpoints_than_the_paper_has(total: int) -> None:
    found = probes.checkpoints(total)
    assert len(found) <= probes.CHECKPOINTS
    assert (found[0], found[-1]) == (0, total)
    assert list(found) == sorted(set(found))


def test_every_checkpoint_is_hit_exactly(tmp_path: Path) -> None:
    here = site(tmp_path, **ONE, budgets=[{"steps": 23}])
    probe(here)
    steps = dict.fromkeys(int(row["step"]) for row in rows(here.store.folder, "probe"))
    assert tuple(steps) == probes.checkpoints(23)


def test_every_arm_seed_checkpoint_and_score_has_a_row(tmp_path: Path) -> None:
    here = site(tmp_path, **TWO)
    assert probe(here)[0] == []
    table = rows(here.store.folder, "probe")
    assert len(table) == 2 * 2 * len(probes.checkpoints(3)) * 7
    assert tuple(table[0]) == PROBE_COLUMNS


def test_a_probe_and_a_race_of_the_same_steps_are_different_cells(tmp_path: Path) -> None:
    here = site(tmp_path, points=[1 / 3, 2 / 3, 1.0], **ONE)
    probe(here)
    assert run(here)[1].began == ["uniform 0"]
    assert not plan(here).raced & plan(here).probed


def test_the_first_columns_are_those_of_the_contract() -> None:
    assert PROBE_COLUMNS[:4] == ("cell", "seed", "step", "score")
    assert " ".join(PROBE_COLUMNS[4:13]) == (
        "bias variance_ratio tau ess distinct pearson spearman squared_error lost_support"
    )
    assert set(QUANTITIES) <= set(PROBE_COLUMNS)


def test_the_same_probe_twice_gives_identical_numbers(tmp_path: Path) -> None:
    tables = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        here = site(tmp_path / name, **ONE)
        probe(here)
        tables.append(rows(here.store.folder, "probe"))
    assert tables[0] == tables[1]


def test_a_second_probe_runs_nothing(tmp_path: Path) -> None:
    probe(site(tmp_path, **ONE))
    assert probe(site(tmp_path, **ONE))[1] == []


def test_another_seed_runs_only_its_own_probes(tmp_path: Path) -> None:
    probe(site(tmp_path, seeds=1))
    assert probe(site(tmp_path, seeds=2))[1] == ["uniform 1"]


def test_only_probes_the_arms_that_match(tmp_path: Path) -> None:
    here = site(tmp_path, **TWO)
    assert probe(replace(here, request=replace(here.request, only="uni*")))[1] == ["uniform 0", "uniform 1"]


def test_fresh_probes_again_and_leaves_races_alone(tmp_path: Path) -> None:
    here = site(tmp_path, **ONE)
    run(here)
    probe(here)
    assert probe(replace(here, request=replace(here.request, fresh=True)))[1] == ["uniform 0"]
    assert run(here)[1].began == []


def test_a_fresh_race_leaves_probes_alone(tmp_path: Path) -> None:
    here = site(tmp_path, **ONE)
    probe(here)
    run(replace(here, request=replace(here.request, fresh=True)))
    assert probe(here)[1] == []


def test_a_probe_keeps_the_races_of_its_recipe(tmp_path: Path) -> None:
    run(site(tmp_path))
    before = rows(site(tmp_path).store.folder, "runs")
    here = site(tmp_path, seeds=1)
    probe(here)
    assert rows(here.store.folder, "runs") == before


def test_a_race_keeps_the_probes_of_its_recipe(tmp_path: Path) -> None:
    probe(site(tmp_path, seeds=1))
    here = site(tmp_path)
    run(here)
    assert {row["seed"] for row in rows(here.store.folder, "probe")} == {"0"}


def test_a_race_of_a_changed_recipe_drops_its_probes(tmp_path: Path) -> None:
    probe(site(tmp_path, **ONE))
    here = site(tmp_path, batch=16, **ONE)
    run(here)
    assert plan(here).probes == ()


LIKE = [{"like": "uniform", "epochs": 0.5, "name": "equal-time"}]


def test_a_probe_of_a_changed_recipe_plans_its_races_anew_at_the_same_equal_time(tmp_path: Path) -> None:
    run(site(tmp_path, budgets=LIKE, **ONE))
    here = site(tmp_path, budgets=[*LIKE, {"steps": 4}], **ONE)
    probe(here)
    assert [block.budget for block in plan(here).blocks] == ["equal-time", "steps-4"]
    assert [row["status"] for row in rows(here.store.folder, "runs")] == ["done"]


def test_a_fresh_probe_takes_no_equal_time_from_another_machine(tmp_path: Path) -> None:
    here = site(tmp_path, budgets=LIKE, **ONE)
    run(here)
    here.store.save_plan(plan(here).model_copy(update={"machine": "another"}))
    probe(replace(here, request=replace(here.request, fresh=True)))
    assert [pilot.seconds for pilot in plan(here).pilots] == [None]


def test_the_table_of_probes_goes_with_the_probes(tmp_path: Path) -> None:
    here = site(tmp_path, **ONE)
    probe(here)
    run(site(tmp_path, batch=16, **ONE))
    assert not (here.store.folder / "tables" / "probe.csv").exists()


def test_a_probe_says_the_notes_of_its_plan(tmp_path: Path) -> None:
    here = site(tmp_path, **ONE)
    watch = Silent()
    probes.probe(replace(here, ground=replace(here.ground, notes=("something to know",))), watch)
    assert watch.said == ["note: something to know"]


def test_a_probe_says_where_exact_norms_come_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "how", lambda model, x: "one by one")
    watch = Silent()
    probes.probe(site(tmp_path, **ONE), watch)
    assert ["one by one" in said or "backward pass for every sample" in said for said in watch.said] == [True]


def test_a_plan_whose_probes_have_no_cells_is_damaged(tmp_path: Path) -> None:
    here = site(tmp_path, **ONE)
    probe(here)
    here.store.save_plan(plan(here).model_copy(update={"cells": {}}))
    with pytest.raises(EnvironmentFault, match="no such cell"):
        here.store.plan()


def test_epochs_are_counted_in_batches(tmp_path: Path) -> None:
    here = site(tmp_path, budgets=[{"epochs": 2}], **ONE)
    probe(here)
    (cell,) = plan(here).cells.values()
    assert (cell.budget.amount, cell.budget.unit) == (17.0, "steps")  # 2 * 270 / 32, rounded up


def test_a_budget_that_follows_a_baseline_is_probed_for_its_epochs(tmp_path: Path) -> None:
    here = site(tmp_path, budgets=[{"seconds": 1}, {"like": "uniform", "epochs": 1}], **ONE)
    assert probes.plan_probes(here).probes[0].budget == "probe"


@pytest.mark.parametrize("budget", [{"seconds": 1}, {"passes": 2}])
def test_a_recipe_without_steps_or_epochs_is_told_what_to_add(tmp_path: Path, budget: dict) -> None:
    with pytest.raises(RecipeError, match=r"tiny.yaml.*a probe needs a budget in steps or epochs"):
        probe(site(tmp_path, budgets=[budget], **ONE))


def test_a_probe_that_diverged_keeps_what_it_measured(tmp_path: Path) -> None:
    arms = {"samplers": ["uniform"], "seeds": 1, "optimizer": {"name": "sgd", "lr": 1e30}}
    here = site(tmp_path, budgets=[{"steps": 30}], **arms)
    assert len(probe(here)[0]) == 1  # it is the baseline
    assert {row["step"] for row in rows(here.store.folder, "probe")} == {"0"}


def test_a_probe_that_raises_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = cells.run_cell

    def broken(cell, *arguments, **keywords):
        if cell.seed == 0:
            raise ValueError("no luck")
        return real(cell, *arguments, **keywords)

    monkeypatch.setattr(cells, "run_cell", broken)
    here = site(tmp_path)
    assert probe(here)[0] == ["uniform seed 0: failed ValueError: no luck"]
    assert {row["seed"] for row in rows(here.store.folder, "probe")} == {"1"}


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("ISBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def invoke(*words: object, **changes):
        Path("tiny.yaml").write_text(yaml.safe_dump({**RECIPE, **ONE, "budgets": [{"steps": 3}], **changes}))
        result = CliRunner().invoke(app, ["probe", "tiny.yaml", *map(str, words)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def test_the_command_prints_a_table_and_the_page(cli) -> None:
    result = cli()
    assert result.exit_code == 0
    assert "upper bound" in result.stdout
    assert result.stdout.strip().endswith("report.html")
    assert "[1/1]" in result.stderr


def test_the_command_prints_json(cli) -> None:
    content = json.loads(cli("--json", "--quiet").stdout)
    assert [row["score"] for row in content["scores"]][:2] == ["uniform", "loss"]
    assert Path(content["report"]).is_file()


def test_a_recipe_that_cannot_be_probed_is_exit_2(cli) -> None:
    result = cli(budgets=[{"seconds": 1}])
    assert result.exit_code == 2
    assert "epochs" in result.stderr


def test_a_probe_without_a_result_is_exit_3(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments, **keywords):
        raise ValueError("no luck")

    monkeypatch.setattr(cells, "run_cell", broken)
    assert cli().exit_code == 3


def test_the_page_of_probes_alone_says_what_they_are(cli, tmp_path: Path) -> None:
    cli()
    page = (tmp_path / "results" / "tiny" / "report.html").read_text()
    assert "Scores on digits with mlp: 1 of 1 probes have a result." in page
    assert "What each score is worth" in page
    assert "Nothing is planned yet" not in page


def test_the_page_of_races_and_probes_has_both(tmp_path: Path) -> None:
    from isbench.report import report

    here = site(tmp_path, **ONE)
    run(here)
    probe(here)
    page = report(here.store.folder).read_text()
    assert "1 of 1 runs, 1 of 1 probes have a result" in page
    assert page.index('id="verdict"') < page.index('id="probe"')
