"""The README tells the truth: what it names exists, and what exists is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
import yaml

from isbench import cards
from isbench.cli import app
from isbench.recipe import load
from tests.readme import README, renewed

ROOT = README.parent
TEXT = README.read_text()


def commands() -> list[str]:
    """Every command, with its group."""
    group = typer.main.get_group(app)
    found = []
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        found += [f"{name} {each}" for each in inner] if inner else [name]
    return found


def test_the_generated_part_is_current() -> None:
    assert renewed(TEXT) == TEXT


@pytest.mark.parametrize("command", [name for name in commands() if name not in ("report", "data verify")])
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"isbench {command}" in TEXT


@pytest.mark.parametrize("kind", cards.KINDS)
def test_every_name_is_in_the_readme(kind: str) -> None:
    missing = [row["name"] for row in cards.listing(kind)[kind] if f"`{row['name']}`" not in TEXT]
    assert missing == []


def test_every_command_in_the_readme_exists() -> None:
    known = {name.split()[0] for name in commands()}
    named = set(re.findall(r"`isbench ([a-z]+)", TEXT)) | set(
        re.findall(r"^    isbench ([a-z]+)", TEXT, re.M)
    )
    assert named <= known


def test_every_link_and_path_in_the_readme_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if not link.startswith("http")]
    paths = re.findall(r"`((?:isbench|tests|recipes|results/reference)/[\w./-]+)`", TEXT)
    assert [path for path in links + paths if not (ROOT / path).exists()] == []


def test_the_readmes_recipe_loads(tmp_path: Path) -> None:
    recipe = re.search(r"```yaml\n(.*?)```", TEXT, re.S)
    assert recipe is not None
    assert yaml.safe_load(recipe[1])["schema"] == 1
    file = tmp_path / "readme.yaml"
    file.write_text(recipe[1])
    assert len(load(file).settings[0].arms) == 3


def test_the_set_up_commands_are_one_line_each() -> None:
    lines = [line.strip() for line in TEXT.splitlines() if "python3 -m venv .venv &&" in line]
    assert [line.split("&&")[-1].strip() for line in lines] == [
        ".venv/bin/isbench run recipes/smoke.yaml",
        ".venv/bin/pytest",
    ]


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "README.md" in script
    assert (
        "-e '.[dev]' && .venv/bin/pytest"
        not in script.replace("\\", "").split("grep", 1)[1].split("\n", 1)[1]
    )


def test_nothing_in_the_readme_waits_to_be_filled_in() -> None:
    assert "@@" not in TEXT
