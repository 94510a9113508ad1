from pathlib import Path

import pytest

from isbench.verdicts import find
from tests.verdicts import made


@pytest.fixture
def found(tmp_path: Path):
    """What a folder with made-up runs says; keyword arguments go to the plan."""
    return lambda runs, **plan: find(made.folder(tmp_path / "made", runs, **plan))


@pytest.fixture
def only(found):
    """The one primary comparison of a folder, with its sentence."""

    def answer(runs, **plan):
        findings = found(runs, **plan)
        (one,) = findings.primary
        return one, findings.sentences()[0]

    return answer
