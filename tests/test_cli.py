"""Commands: what they print where, and how they exit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from isbench.bench import run as runs
from isbench.bench import site as sites
from isbench.cli import app
from tests.bench_tools import RECIPE, InProcess


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs a command in an empty folder, with the worker in this process."""
    monkeypatch.setattr(sites, "Worker", InProcess)
    monkeypatch.setenv("ISBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()

    def invoke(*words: str):
        result = runner.invoke(app, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def write(path: Path, **changes) -> Path:
    content = {key: value for key, value in {**RECIPE, **changes}.items() if value is not None}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def test_isbench_alone_names_three_commands_to_try(cli) -> None:
    result = cli()
    assert result.exit_code == 0
    assert result.stdout.count("isbench ") >= 4


def test_version_names_torch(cli) -> None:
    assert "torch" in cli("--version").stdout


COMMANDS = [
    "run",
    "probe",
    "tune",
    "plan",
    "report",
    "compare",
    "list",
    "show",
    "doctor",
    "init",
    "schema",
    "data prepare",
    "data verify",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(cli, command: str) -> None:
    result = cli(*command.split(), "--help")
    assert result.exit_code == 0
    assert f"Example: isbench {command}" in result.stdout


def test_run_writes_results_and_prints_where(cli, tmp_path: Path) -> None:
    result = cli("run", write(tmp_path / "tiny.yaml"))
    assert result.exit_code == 0
    assert result.stdout.strip().endswith("report.html")
    assert (tmp_path / "results" / "tiny" / "report.html").is_file()


def test_run_prints_progress_on_stderr_only(cli, tmp_path: Path) -> None:
    result = cli("run", write(tmp_path / "tiny.yaml"))
    assert "[1/4]" in result.stderr
    assert "[1/4]" not in result.stdout


def test_quiet_says_nothing_on_stderr(cli, tmp_path: Path) -> None:
    assert cli("run", write(tmp_path / "tiny.yaml"), "--quiet").stderr == ""


def test_json_is_all_that_stdout_holds(cli, tmp_path: Path) -> None:
    result = cli("run", write(tmp_path / "tiny.yaml"), "--json")
    assert len(json.loads(result.stdout)["arms"]) == 2


def test_json_is_the_summary_of_the_folder_and_where_it_lies(cli, tmp_path: Path) -> None:
    content = json.loads(cli("run", write(tmp_path / "tiny.yaml"), "--json").stdout)
    stored = json.loads((tmp_path / "results" / "tiny" / "summary.json").read_text())
    assert content == {"folder": "results/tiny", "report": "results/tiny/report.html", **stored}


def test_run_says_in_a_sentence_what_came_out(cli, tmp_path: Path) -> None:
    recipe = write(tmp_path / "tiny.yaml", controls=["placebo"], targets=[0.5], primary={"target": 0.5})
    said = cli("run", recipe).stdout
    summary = json.loads((tmp_path / "results" / "tiny" / "summary.json").read_text())
    assert all(sentence in said for sentence in summary["sentences"])
    assert said.count("On digits/mlp at equal steps (12 steps, n = ") == len(summary["sentences"]) > 0


def test_report_writes_the_verdicts_again(cli, tmp_path: Path) -> None:
    cli("run", write(tmp_path / "tiny.yaml"))
    written = [tmp_path / "results" / "tiny" / name for name in ("summary.md", "summary.json", "junit.xml")]
    for file in written:
        file.unlink()
    cli("report", tmp_path / "results" / "tiny")
    assert all(file.is_file() for file in written)


def test_compare_finds_nothing_between_a_run_and_itself(cli, tmp_path: Path) -> None:
    cli("run", write(tmp_path / "tiny.yaml"))
    folder = tmp_path / "results" / "tiny"
    rows = json.loads(cli("compare", folder, folder, "--json").stdout)["rows"]
    assert {row["effect"] for row in rows} == {0.0}


def test_a_profile_has_a_folder_of_its_own(cli, tmp_path: Path) -> None:
    recipe = write(tmp_path / "tiny.yaml", profiles={"one": {"seeds": 1}})
    cli("run", recipe, "--profile", "one")
    assert (tmp_path / "results" / "tiny-one" / "plan.json").is_file()


def test_set_changes_a_value(cli, tmp_path: Path) -> None:
    result = cli("run", write(tmp_path / "tiny.yaml"), "--set", "model.hidden=[4]", "--seeds", "1", "--json")
    assert [arm["runs"] for arm in json.loads(result.stdout)["arms"]] == [{"done": 1}, {"done": 1}]
    resolved = json.loads((tmp_path / "results" / "tiny" / "recipe.resolved.json").read_text())
    assert resolved["settings"][0]["model"]["options"] == {"hidden": [4]}


def test_dry_run_runs_nothing(cli, tmp_path: Path) -> None:
    result = cli("run", write(tmp_path / "tiny.yaml"), "--dry-run")
    assert "0 of 4 cells are done" in result.stdout
    assert not (tmp_path / "results").exists()


def test_plan_estimates_and_remembers_by_machine(cli, tmp_path: Path) -> None:
    recipe = write(tmp_path / "tiny.yaml")
    first = json.loads(cli("plan", recipe, "--json").stdout)
    assert first["remaining_seconds"] > 0
    again = json.loads(cli("plan", recipe, "--json").stdout)
    assert again["remaining_seconds"] == first["remaining_seconds"]


def test_plan_without_an_estimate_measures_nothing(cli, tmp_path: Path) -> None:
    assert "not estimated" in cli("plan", write(tmp_path / "tiny.yaml"), "--no-estimate").stdout


def test_plan_says_which_cells_are_done(cli, tmp_path: Path) -> None:
    recipe = write(tmp_path / "tiny.yaml")
    cli("run", recipe, "--only", "uniform")
    plan = json.loads(cli("plan", recipe, "--no-estimate", "--json").stdout)
    assert {arm["sampler"]: arm["done"] for arm in plan["arms"]} == {"uniform": 2, "highest-loss-cdf": 0}


def test_plan_knows_that_equal_time_is_a_guess(cli, tmp_path: Path) -> None:
    recipe = write(tmp_path / "tiny.yaml", budgets=[{"like": "uniform", "epochs": 1}])
    assert "guesses until their pilot has run" in cli("plan", recipe).stdout


def test_report_takes_a_parent_of_several_folders(cli, tmp_path: Path) -> None:
    cli("run", write(tmp_path / "a.yaml", name="a"), write(tmp_path / "b.yaml", name="b"))
    result = cli("report", tmp_path / "results")
    assert result.stdout.count("report.html") == 2


def test_report_on_an_empty_folder_is_a_usage_error(cli, tmp_path: Path) -> None:
    result = cli("report", tmp_path)
    assert result.exit_code == 2
    assert "holds no results" in result.stderr


@pytest.mark.parametrize("kind", ["samplers", "datasets", "models", "starts", "scores", "rules"])
def test_list_prints_every_name_of_a_kind(cli, kind: str) -> None:
    names = [row["name"] for row in json.loads(cli("list", kind, "--json").stdout)[kind]]
    text = cli("list", kind).stdout
    assert names
    assert all(name in text for name in names)


def test_show_prints_a_card_of_everything_that_list_names(cli) -> None:
    for rows in json.loads(cli("list", "--json").stdout).values():
        for row in rows:
            assert cli("show", row["name"]).stdout.startswith(row["name"])


def test_show_suggests_a_name(cli) -> None:
    result = cli("show", "highest-los")
    assert result.exit_code == 2
    assert "did you mean 'highest-loss'" in result.stderr


def test_the_card_of_gradient_norm_states_the_register(cli) -> None:
    card = cli("show", "gradient-norm").stdout
    assert all(f"D{number}:" in card for number in (2, 3, 4, 5, 6, 9, 11, 12))
    assert "D1:" in cli("show", "gradient-norm-cdf").stdout
    assert "D10:" in cli("show", "uniform-presample").stdout


def test_doctor_looks_at_everything(cli) -> None:
    found = {finding["what"] for finding in json.loads(cli("doctor", "--json").stdout)}
    assert {"device", "torch", "torchvision", "threads", "cost of a lap", "FLOP counter", "cache"} <= found


@pytest.mark.parametrize("name", ["smoke", "mnist"])
def test_init_prints_a_recipe_that_loads(cli, tmp_path: Path, name: str) -> None:
    from isbench.recipe import load

    recipe = tmp_path / "my.yaml"
    recipe.write_text(cli("init", name).stdout)
    assert load(recipe).name == "my"


def test_the_data_commands_know_their_names(cli) -> None:
    result = cli("data", "verify", "minst")
    assert result.exit_code == 2
    assert "mnist" in result.stderr


BROKEN = {
    "wrong type": ({"batch": "many"}, 2, "batch"),
    "unknown key": ({"bacth": 32}, 2, "did you mean 'batch'"),
    "misspelt sampler": ({"samplers": ["uniform", "highest-los"]}, 2, "did you mean 'highest-loss'"),
    "misspelt option": ({"samplers": ["uniform", {"sampler": "highest-loss", "pol": 64}]}, 2, "'pool'"),
    "misspelt model": ({"model": "mpl"}, 2, "did you mean 'mlp'"),
    "pool smaller than batch": ({"samplers": ["uniform", {"sampler": "highest-loss", "pool": 8}]}, 2, "pool"),
    "pool larger than the data": (
        {"samplers": ["uniform", {"sampler": "highest-loss", "pool": 9999}]},
        2,
        "pool",
    ),
    "no uniform arm": ({"samplers": ["highest-loss"]}, 2, "uniform"),
    "bad budget": ({"budgets": [{"hours": 2}]}, 2, "budgets.0"),
    "exact with many threads": ({"gate": {"exact": True}, "threads": 2}, 2, "threads: 1"),
    "unknown dataset": ({"dataset": "mnits"}, 2, "did you mean 'mnist'"),
    "missing data": ({"dataset": "mnist"}, 6, "isbench data prepare mnist"),
    "no samplers": ({"samplers": None}, 2, "samplers"),
    "model that does not fit": ({"model": "cifar-cnn"}, 2, "cifar-cnn"),
    "negative seconds": ({"budgets": [{"seconds": -1}]}, 2, "seconds"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_recipe_is_one_error_without_a_traceback(cli, tmp_path: Path, case: str) -> None:
    changes, code, words = BROKEN[case]
    result = cli("run", write(tmp_path / "tiny.yaml", **changes))
    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert "tiny.yaml:" in result.stderr


def test_a_duplicate_key_is_refused_where_it_stands(cli, tmp_path: Path) -> None:
    recipe = write(tmp_path / "tiny.yaml")
    recipe.write_text(recipe.read_text() + "batch: 16\n")
    result = cli("run", recipe)
    assert result.exit_code == 2
    assert f"tiny.yaml:{len(recipe.read_text().splitlines())}:1" in result.stderr


def test_an_unknown_profile_is_refused(cli, tmp_path: Path) -> None:
    assert cli("run", write(tmp_path / "tiny.yaml"), "--profile", "gpu").exit_code == 2


def test_a_recipe_that_is_not_there_suggests_shipped_ones(cli) -> None:
    result = cli("run", "smok")
    assert result.exit_code == 2
    assert "smoke" in result.stderr


def test_a_device_that_is_not_there_is_exit_6(cli, tmp_path: Path) -> None:
    assert cli("run", write(tmp_path / "tiny.yaml"), "--device", "cuda:77").exit_code == 6


def test_a_folder_that_cannot_be_written_is_exit_6(cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert cli("run", write(tmp_path / "tiny.yaml"), "--out", tmp_path / "file").exit_code == 6


def test_failed_cells_are_exit_3_after_the_report_was_written(cli, tmp_path: Path) -> None:
    recipe = write(tmp_path / "tiny.yaml", optimizer={"name": "sgd", "lr": 1e30}, budgets=[{"steps": 30}])
    result = cli("run", recipe)
    assert result.exit_code == 3
    assert "diverged" in result.stderr
    assert (tmp_path / "results" / "tiny" / "report.html").is_file()


def test_a_path_in_a_recipe_starts_at_the_recipe(cli, tmp_path: Path) -> None:
    import numpy as np

    folder = tmp_path / "elsewhere"
    folder.mkdir()
    rng = np.random.default_rng(0)
    x, y = rng.random((200, 4), dtype=np.float32), rng.integers(0, 2, 200)
    np.savez(folder / "mine.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    recipe = write(folder / "tiny.yaml", dataset={"name": "arrays", "path": "mine.npz"})
    assert cli("run", recipe).exit_code == 0


def test_ctrl_c_is_exit_130_and_says_that_the_results_are_kept(cli, tmp_path: Path, monkeypatch) -> None:
    from isbench.errors import Interrupted

    def interrupted(site, watch):
        raise Interrupted(130)

    monkeypatch.setattr(runs, "run", interrupted)
    result = cli("run", write(tmp_path / "tiny.yaml"))
    assert result.exit_code == 130
    assert "goes on from there" in result.stderr


def test_a_live_display_gives_the_cursor_back_when_a_run_is_stopped(monkeypatch) -> None:
    import io

    from isbench import watches
    from tests.store.test_store import CELL

    terminal = io.StringIO()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    watch = watches.LiveWatch()
    watch.begin(CELL, 1, 1)
    watch.close()
    assert terminal.getvalue().count("\x1b[?25l") == terminal.getvalue().count("\x1b[?25h") > 0


def test_one_failing_recipe_does_not_keep_the_next_from_running(cli, tmp_path: Path) -> None:
    bad = write(
        tmp_path / "bad.yaml", name="bad", optimizer={"name": "sgd", "lr": 1e30}, budgets=[{"steps": 30}]
    )
    assert cli("run", bad, write(tmp_path / "good.yaml", name="good")).exit_code == 3
    assert (tmp_path / "results" / "good" / "report.html").is_file()


def test_a_plan_that_is_done_has_nothing_left(cli, tmp_path: Path) -> None:
    recipe = write(tmp_path / "tiny.yaml")
    cli("run", recipe)
    assert "about 0 s left" in cli("plan", recipe).stdout


def test_fresh_after_fresh_runs_everything_once(cli, tmp_path: Path) -> None:
    recipe = write(tmp_path / "tiny.yaml", seeds=1)
    cli("run", recipe)
    result = cli("run", recipe, "--fresh")
    assert "[2/2]" in result.stderr
