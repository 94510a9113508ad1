from collections.abc import Callable
from pathlib import Path

import pytest

from isbench.errors import RecipeError
from isbench.recipe import load

FULL = Path(__file__).with_name("full.yaml")
SMALL = """\
dataset: digits
model: mlp
budgets:
  - {epochs: 1}
samplers:
  - uniform
  - highest-loss
"""


@pytest.fixture
def small() -> str:
    """The text of the shortest useful recipe."""
    return SMALL


@pytest.fixture
def full() -> str:
    """The text of a recipe that uses every key."""
    return FULL.read_text()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a recipe file."""

    def file(text: str) -> Path:
        path = tmp_path / "recipe.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return file


@pytest.fixture
def mistakes(write: Callable[[str], Path]) -> Callable[..., list[str]]:
    """What is wrong with a recipe: one `line:column: path: message` each, without the quoted source."""

    def told(text: str, *overrides: str, profile: str | None = None, seeds: int | None = None) -> list[str]:
        path = write(text)
        with pytest.raises(RecipeError) as caught:
            load(path, profile, overrides, seeds)
        assert caught.value.code == 2
        lines = str(caught.value).splitlines()
        return [line.removeprefix(f"{path}:") for line in lines if not line.startswith("    ")]

    return told
