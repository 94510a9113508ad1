"""Tuning as a whole: equal trials, resumed, chosen by validation, and the recipe that it leaves behind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from typer.testing import CliRunner

from isbench.bench import cell as cells
from isbench.bench import preview, tune
from isbench.bench import site as sites
from isbench.bench.site import Site
from isbench.cli import app
from isbench.datasets import catalogue as datasets
from isbench.errors import Interrupted, RecipeError
from isbench.recipe import load, open_recipe
from isbench.store.records import Outcome
from isbench.store.tuning import TUNING_COLUMNS
from tests.bench_tools import RECIPE, InProcess, Silent, rows, run
from tests.bench_tools import site as a_site

ARMS = ["uniform", {"sampler": "prioritized", "label": "mine"}]
TUNING = {"trials": 2, "seeds": 1, "space": {"optimizer.lr": [1e-3, 1e-2, 1e-1], "mine.alpha": [0.1, 0.6]}}
TWO = {**TUNING, "seeds": 2}
RATES = {"trials": 3, "seeds": 1}
SMALL = {"samplers": ARMS, "tuning": TUNING, "budgets": [{"steps": 3}]}


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "Worker", InProcess)


def site(folder: Path, **changes) -> Site:
    return a_site(folder, **{**SMALL, **changes})


def tuned(here: Site) -> tuple[list[str], list[str]]:
    """Run the trials that are missing; returns what failed, and what was run."""
    watch = Silent()
    return tune.tune(here, watch), watch.began


def plan(here: Site):
    found = here.store.plan()
    assert found is not None
    return found


def test_every_arm_has_as_many_trials_on_the_same_seeds(tmp_path: Path) -> None:
    here = site(tmp_path, tuning=TWO)
    assert tuned(here)[0] == []
    table = rows(here.store.folder, "tuning")
    assert tuple(table[0]) == TUNING_COLUMNS
    for label in ("uniform", "mine"):
        arm = [row for row in table if row["sampler"] == label]
        assert [row["trial"] for row in arm] == ["1", "1", "2", "2"]
        assert len({row["seed"] for row in arm}) == 2
        assert {row["seed"] for row in arm} == {row["seed"] for row in table}


def test_tuning_seeds_are_not_those_that_are_reported(tmp_path: Path) -> None:
    here = site(tmp_path, seeds=100, tuning=TWO)
    trials = tune.plan_trials(here, here.beside())
    assert not {trials.cells[cell].seed for cell in trials.tuned} & set(here.opened.recipe.seeds)


def test_an_arm_with_fewer_settings_than_trials_says_so(tmp_path: Path) -> None:
    here, watch = site(tmp_path, tuning={**TUNING, "trials": 4}), Silent()
    tune.tune(here, watch)
    assert watch.said == ["note: tuning: uniform has 3 settings, not 4"]


def test_a_recipe_that_does_not_say_what_to_tune_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"tiny.yaml.*nothing says what to tune"):
        tuned(site(tmp_path, tuning=None))


def test_the_smallest_mean_validation_error_is_chosen(tmp_path: Path) -> None:
    here = site(tmp_path, budgets=[{"steps": 30}], tuning=TWO)
    tuned(here)
    table = rows(here.store.folder, "tuning")
    for label in ("uniform", "mine"):
        arm = [row for row in table if row["sampler"] == label]
        errors = {trial: sum(float(r["val_error"]) for r in arm if r["trial"] == trial) for trial in "12"}
        assert errors["1"] != errors["2"]
        assert {r["trial"] for r in arm if r["chosen"] == "1"} == {min(errors, key=lambda t: errors[t])}


def test_a_regression_is_chosen_by_its_loss(tmp_path: Path) -> None:
    file = tmp_path / "data.npz"
    x = np.random.default_rng(0).random((200, 4), dtype=np.float32)
    np.savez(file, x_train=x, y_train=x.sum(1, keepdims=True), x_test=x[:9], y_test=x[:9, :1])
    here = site(
        tmp_path,
        dataset={"name": "arrays", "path": "data.npz"},
        samplers=["uniform"],
        tuning={"trials": 3, "seeds": 1, "space": {"optimizer.lr": [1e-6, 1e-2]}},
        budgets=[{"steps": 30}],
    )
    assert tuned(here)[0] == []
    table = rows(here.store.folder, "tuning")
    assert [row["val_error"] for row in table] == ["", ""]
    assert [row["chosen"] for row in table] == ["0", "1"]
    moved = yaml.safe_load((here.store.folder / tune.TUNED).read_text())
    assert (here.store.folder / moved["dataset"]["path"]).samefile(file)


def test_to_diverge_is_worst(tmp_path: Path) -> None:
    space = {"optimizer.lr": [1e30, 1e-3]}
    here = site(
        tmp_path,
        samplers=["uniform"],
        optimizer={"name": "sgd"},
        tuning={"trials": 2, "seeds": 1, "space": space},
        budgets=[{"steps": 30}],
    )
    assert tuned(here)[0] == []  # a trial that diverged is a result, of the baseline too
    assert [(r["status"], r["chosen"]) for r in rows(here.store.folder, "tuning")] == [
        ("diverged", "0"),
        ("done", "1"),
    ]


def test_a_choice_at_the_edge_of_its_grid_is_told_in_the_recipe_and_on_the_terminal(cli) -> None:
    space = {"optimizer.lr": [1e-7, 1e-6, 1e-2]}
    result = cli(samplers=["uniform"], tuning={**RATES, "space": space}, budgets=[{"steps": 30}])
    assert "optimizer.lr 0.01 (at the edge of its grid)" in one_line(result.stdout)
    text = Path(one_line(result.stdout).split()[-1]).read_text()
    assert "trial 3 was best, optimizer.lr at the edge of its grid" in text


def test_where_all_diverge_the_arm_stays_as_it_was(tmp_path: Path) -> None:
    space = {"optimizer.lr": [1e30, 1e29]}
    here = site(
        tmp_path,
        samplers=["uniform"],
        optimizer={"name": "sgd", "lr": 0.5},
        tuning={"trials": 2, "seeds": 1, "space": space},
        budgets=[{"steps": 30}],
    )
    tuned(here)
    text = (here.store.folder / tune.TUNED).read_text()
    assert "uniform: 2 trials of 30 steps on 1 seeds, all diverged and it is as it was" in text
    assert yaml.safe_load(text)["samplers"] == [{"sampler": "uniform"}]


class Untouchable:
    """A test set that nobody may read."""

    n = 50

    def fetch(self, index, round=0):
        raise AssertionError("the test set was read")


def test_no_trial_reads_the_test_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = datasets.build
    monkeypatch.setattr(datasets, "build", lambda *given: replace(build(*given), test=Untouchable()))
    here = site(tmp_path)
    assert tuned(here)[0] == []
    for cell in plan(here).tuned:
        record = here.store.record(cell)
        assert record is not None
        assert {(p.test_loss, p.test_error) for p in record.points} == {(None, None)}
        assert all(point.val_error is not None for point in record.points)
    with pytest.raises(AssertionError, match="the test set was read"):
        cells.run_cell(next(iter(plan(here).cells.values())).model_copy(update={"tuned": False}), order(here))


def order(here: Site) -> cells.Order:
    return cells.Order(here.store, here.request.root, here.opened.folder, (), False, "", lambda point: None)


def test_without_validation_samples_there_is_nothing_to_choose_by(tmp_path: Path) -> None:
    here = site(tmp_path, dataset={"name": "digits", "subset": 300, "val_fraction": 0.0})
    assert "validation samples" in tuned(here)[0][0]
    assert not (here.store.folder / tune.TUNED).exists()


def test_a_trial_has_an_id_of_its_own_and_other_cells_keep_theirs(tmp_path: Path) -> None:
    here = site(tmp_path)
    trial = next(iter(tune.plan_trials(here, here.beside()).cells.values()))
    race = trial.model_copy(update={"tuned": False})
    assert race.id != trial.id
    assert "tuned" not in race.model_dump(exclude_defaults=True)


def test_a_second_tuning_runs_nothing(tmp_path: Path) -> None:
    tuned(site(tmp_path))
    assert tuned(site(tmp_path))[1] == []


def test_more_trials_run_only_what_is_new(tmp_path: Path) -> None:
    tuned(site(tmp_path))
    again = tuned(site(tmp_path, tuning={**TUNING, "trials": 3}))[1]
    assert [name.split()[0] for name in again] == ["uniform", "mine"]


def test_what_was_stopped_or_killed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, real, count = site(tmp_path), cells.run_cell, iter(range(99))

    def stopped(*given, **named):
        if next(count) == 3:
            raise Interrupted(130)
        return real(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(cells, "run_cell", stopped)
        with pytest.raises(Interrupted):
            tuned(here)
    first = plan(here).tuning[0].cells[0]
    here.store.finish(first, Outcome(status="running", started="then"))  # as SIGKILL leaves a cell
    assert len(tuned(here)[1]) == 4 - 3 + 1
    assert (here.store.folder / tune.TUNED).is_file()


def test_fresh_tries_everything_again(tmp_path: Path) -> None:
    here = site(tmp_path)
    tuned(here)
    assert len(tuned(replace(here, request=replace(here.request, fresh=True)))[1]) == 4


def test_there_is_no_tuned_recipe_before_every_trial_has_a_result(tmp_path: Path) -> None:
    here = site(tmp_path)
    some = replace(here, request=replace(here.request, only="uniform"))
    assert len(tuned(some)[1]) == 2
    assert not (here.store.folder / tune.TUNED).exists()
    assert {row["chosen"] for row in rows(here.store.folder, "tuning")} == {"0", "1"}


def test_races_probes_and_trials_live_in_one_folder(tmp_path: Path) -> None:
    here = site(tmp_path)
    run(here)
    tuned(here)
    assert len(rows(here.store.folder, "runs")) == 4
    assert run(here)[1].began == []
    assert len(rows(here.store.folder, "tuning")) == 4
    assert not plan(here).raced & plan(here).tuned


def test_the_first_budget_that_needs_no_pilot_is_what_trials_spend(tmp_path: Path) -> None:
    like = {"like": "uniform", "epochs": 2}
    (setting,) = site(tmp_path, budgets=[like, {"steps": 3}]).opened.recipe.settings
    assert (tune.budget(setting).amount, tune.budget(setting).unit) == (3, "steps")
    (setting,) = site(tmp_path, budgets=[like]).opened.recipe.settings
    assert (tune.budget(setting).amount, tune.budget(setting).unit) == (2, "epochs")


def test_the_tuned_recipe_says_the_same_but_for_what_was_chosen(tmp_path: Path) -> None:
    here = site(tmp_path)
    tuned(here)
    recipe = load(here.store.folder / tune.TUNED)
    assert recipe.name == "tiny-tuned"
    (before,), (after,) = here.opened.recipe.settings, recipe.settings
    chosen = {
        row["sampler"]: row["options"] for row in rows(here.store.folder, "tuning") if row["chosen"] == "1"
    }
    grids = before.tuning.grids if before.tuning else {}
    for arm in after.arms:
        label = arm.sampler.label
        assert [arm] == [each.arm for each in grids[label] if each.options == json.loads(chosen[label])]
    update = {"arms": before.arms, "tuning": before.tuning}
    assert after.model_copy(update=update) == before


def test_the_tuned_recipe_runs_into_a_folder_of_its_own(tmp_path: Path) -> None:
    variants = {"noisy": {"dataset": {"label_noise": 0.5}, "batch": 16}, "plain": {}}
    here = site(tmp_path, tuning={**TUNING, "trials": 1}, variants=variants, seeds=1)
    tuned(here)
    from isbench.bench.site import Opened, open_site

    again = open_site(Opened(*open_recipe(here.store.folder / tune.TUNED)), here.request)
    assert [setting.variant for setting in again.opened.recipe.settings] == ["noisy", "plain"]
    assert run(again)[0] == []
    assert again.store.folder.name == "tiny-tuned"


def test_the_comment_on_top_of_a_recipe_is_kept(tmp_path: Path) -> None:
    here = site(tmp_path, tuning={**TUNING, "trials": 1})
    source = tmp_path / "tiny.yaml"
    text = source.read_text()
    source.write_text(f"# yaml-language-server: x\n# What it is about.\n{text}")
    here = replace(here, opened=type(here.opened)(*open_recipe(source)))
    tuned(here)
    lines = (here.store.folder / tune.TUNED).read_text().splitlines()
    assert lines[0].startswith("# Made by `isbench tune")
    assert "# What it is about." in lines
    assert not any("language-server" in line for line in lines)


def test_a_plan_counts_the_trials(tmp_path: Path) -> None:
    here = site(tmp_path)
    before = preview.preview(here, measure=False).content()["tuning"]
    assert [(row["sampler"], row["trials"], row["runs"], row["done"]) for row in before] == [
        ("uniform", 2, 2, 0),
        ("mine", 2, 2, 0),
    ]
    tuned(here)
    assert [row["done"] for row in preview.preview(here, measure=False).content()["tuning"]] == [2, 2]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("ISBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def invoke(*words: object, **changes):
        Path("tiny.yaml").write_text(yaml.safe_dump({**RECIPE, **SMALL, **changes}))
        result = CliRunner().invoke(app, ["tune", "tiny.yaml", *map(str, words)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def test_the_command_prints_what_was_chosen_and_where_the_recipe_is(cli) -> None:
    result = cli()
    assert result.exit_code == 0
    assert "optimizer.lr" in result.stdout
    assert result.stdout.strip().endswith("tuned.yaml")


def test_the_command_prints_json(cli) -> None:
    content = json.loads(cli("--json", "--quiet").stdout)
    assert [row["sampler"] for row in content["arms"]] == ["uniform", "mine"]
    assert Path(content["tuned"]).is_file()


def test_a_dry_run_shows_the_trials_and_runs_none(cli) -> None:
    content = json.loads(cli("--dry-run", "--json").stdout)
    assert sum(row["runs"] for row in content["tuning"]) == 4
    assert not Path("results").exists()


def test_trials_without_a_result_are_exit_3(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given, **named):
        raise ValueError("no luck")

    monkeypatch.setattr(cells, "run_cell", broken)
    result = cli()
    assert result.exit_code == 3
    assert "4 trials have no result" in result.stderr
    assert "no tuned recipe yet" in result.stdout


def test_what_takes_too_much_memory_is_said_to_leave_the_space(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    real = cells.run_cell

    def greedy(cell, order):
        if cell.optimizer.lr == 0.1:
            raise torch.OutOfMemoryError("too much")
        return real(cell, order)

    monkeypatch.setattr(cells, "run_cell", greedy)
    result = cli(tuning={**RATES, "space": {"optimizer.lr": [1e-3, 1e-2, 1e-1]}})
    assert result.exit_code == 3
    assert "memory is too small for optimizer.lr: 0.1 of uniform; optimizer.lr: 0.1 of mine" in one_line(
        result.stderr
    )
    assert cli(tuning={**RATES, "space": {"optimizer.lr": [1e-3, 1e-2]}}).exit_code == 0


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_a_wrong_space_is_exit_2(cli) -> None:
    result = cli("--set", "tuning.space.optimizer.lrr=[1]")
    assert result.exit_code == 2
    assert "unknown option of adam" in result.stderr


def test_the_page_shows_the_trials_and_marks_the_chosen(cli, tmp_path: Path) -> None:
    cli()
    page = (tmp_path / "results" / "tiny" / "report.html").read_text()
    assert "Tuning on digits with mlp: 4 of 4 tuning runs have a result." in page
    assert page.count('<tr class="chosen">') == 2
    assert "Nothing is planned yet" not in page
    assert (tmp_path / "results" / "tiny" / "figures" / "tuning.svg").is_file()
