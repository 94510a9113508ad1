"""What guards isbench itself: its recipe, the baseline that is committed, and the workflows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from typer.testing import CliRunner

from isbench.cli import app
from isbench.errors import RecipeError
from isbench.gate import baseline as baselines
from isbench.gate.baseline import written
from isbench.plan import make_plan
from isbench.recipe import load
from tests import bench_tools
from tests.builders import GROUND

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "results" / "baselines" / "ci.json"
OWN = ROOT / ".github" / "workflows" / "isbench.yml"


def steps(text: str, job: str) -> list[str]:
    return [step["run"] for step in yaml.safe_load(text)["jobs"][job]["steps"] if "run" in step]


def printed(what: str) -> str:
    return CliRunner().invoke(app, ["init", what]).stdout


def test_the_committed_baseline_is_of_the_recipe_as_it_is() -> None:
    assert baselines.load(str(COMMITTED)).digest == make_plan(load("ci"), GROUND, {}).recipe


def test_the_committed_baseline_is_small_and_as_it_is_written() -> None:
    text = COMMITTED.read_text()
    assert len(text) < 100_000
    assert written(baselines.load(str(COMMITTED))) == text


def test_the_committed_baseline_has_every_run() -> None:
    plan = make_plan(load("ci"), GROUND, {})
    runs = {(run.sampler, run.seed) for run in baselines.load(str(COMMITTED)).exact}
    assert runs == {(label, block.seed) for block in plan.blocks for label in block.labels}
    assert len(runs) == 12


@pytest.mark.parametrize("job", ["gate", "time"])
def test_both_workflows_end_in_a_check_with_a_summary(job: str) -> None:
    for text in (OWN.read_text(), printed("workflow")):
        assert " check results/" in steps(text, job)[-1 if job == "time" else 2]
        assert any('--summary "$GITHUB_STEP_SUMMARY"' in step for step in steps(text, job))


def test_the_workflows_use_options_that_there_are() -> None:
    from typer.main import get_command

    known = {
        name: {text for each in command.params for text in each.opts}
        for name, command in get_command(app).commands.items()  # pyright: ignore
    }
    for text in (OWN.read_text(), printed("workflow")):
        for step in (*steps(text, "gate"), *steps(text, "time")):
            words = step.partition("isbench ")[2].split()
            if words and words[0] in ("run", "check"):
                assert {word for word in words if word.startswith("--")} <= known[words[0]], step


def test_ci_runs_the_gate_on_its_own_baseline() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "isbench run recipes/ci.yaml --device cpu" in script
    assert "--baseline ci --tier exact" in script


def test_an_exact_gate_is_for_the_cpu_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isbench.bench.site.devices.choose", lambda name: torch.device("mps"))
    gate = {"gate": {"exact": True}}
    with pytest.raises(RecipeError, match=r"gate\.exact: only a processor .* add --device cpu"):
        bench_tools.site(tmp_path, **gate)


def test_init_prints_the_recipe_of_a_gate(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(printed("ci"))
    assert load(file).gate.exact


def test_what_init_does_not_know_is_a_usage_error() -> None:
    assert CliRunner().invoke(app, ["init", "everything"]).exit_code == 2
