from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from isbench.cli import app
from tests.gate import folders


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs a command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def kept(cli, tmp_path: Path) -> Path:
    """A folder whose baseline is called `kept`, and another one that ran the same."""
    old = folders.exact(tmp_path / "old")
    assert cli("baseline", "save", "kept", old).exit_code == 0
    return folders.exact(tmp_path / "new")


@pytest.fixture
def checked(cli, kept: Path):
    """Checks that other folder against the baseline."""

    def check(*words: str) -> Result:
        return cli("check", kept, "--baseline", "kept", *words)

    return check
