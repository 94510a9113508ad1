"""The gate: a results folder against a baseline, for CI jobs; without torch."""

from isbench.gate.check import check
from isbench.gate.command import Files, asked, content, diff, fail, folders, save, shown
from isbench.gate.files import workflow, write

__all__ = [
    "Files",
    "asked",
    "check",
    "content",
    "diff",
    "fail",
    "folders",
    "save",
    "shown",
    "workflow",
    "write",
]
