"""The files that CI systems read: test results, a summary of the step, and two formats of benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as xml

from isbench.errors import EnvironmentFault
from isbench.gate.exports import bencher, benchmark_action
from isbench.gate.finding import Finding, Findings
from isbench.store.atomic import atomic_write
from isbench.verdicts.junit import document, text
from isbench.verdicts.markdown import cut, escaped, line_of

if TYPE_CHECKING:
    from isbench.gate.command import Files

KINDS = {"lost": "error", "regression": "failure", "inconclusive": "skipped"}


def write(found: Sequence[Findings], path: Path, files: Files) -> None:
    """Write what was asked for."""
    if files.junit is not None:
        atomic_write(files.junit, junit(found))
    if files.summary is not None:
        append(files.summary, markdown(found))
    if files.benchmark_action is not None:
        atomic_write(files.benchmark_action, benchmark_action(path))
    if files.bencher is not None:
        atomic_write(files.bencher, bencher(path))


def junit(found: Sequence[Findings]) -> str:
    """A test case for each race, arm and thing that was compared; an error where nothing was."""
    cases = [case(each.name, one) for each in found for one in (*each.found, *nothing(each))]
    notes = {f"note-{k}": note for k, note in enumerate((n for each in found for n in each.notes), 1)}
    verdicts = {f"verdict-{each.name}": each.verdict for each in found}
    return document("isbench check", cases, {**verdicts, **notes})


def nothing(each: Findings) -> list[Finding]:
    """What a reader of nothing else must see of a check that compared nothing."""
    if each.compared or each.of("lost"):
        return []
    return [Finding("cells", "", "", "anything", "lost", "nothing was compared")]


def case(name: str, one: Finding) -> xml.Element:
    """The test case of a finding."""
    place = ".".join(filter(None, (name, one.place.replace(", ", "."), one.tier)))
    title = ": ".join(filter(None, (one.arm, one.what)))
    element = xml.Element("testcase", {"classname": text(place), "name": text(title), "time": "0.000"})
    if one.outcome in KINDS:
        told = {"type": one.outcome, "message": text(one.says)}
        xml.SubElement(element, KINDS[one.outcome], told).text = text(f"{one.title}: {one.says}")
    return element


def markdown(found: Sequence[Findings]) -> str:
    """A line of verdict and a table for each results folder, what fails first."""
    lines: list[str] = []
    for each in found:
        lines += ["### isbench check", "", f"**{escaped(each.verdict)}**", ""]
        lines += [line_of(["tier", "of", "result", "what was found"]), line_of(["---"] * 4)]
        for outcome in ("lost", "regression", "inconclusive", "passed"):
            for one in each.of(outcome):
                lines.append(line_of([escaped(cell) for cell in (one.tier, one.title, outcome, one.says)]))
        lines += ["", *(f"- {escaped(note)}" for note in dict.fromkeys(each.notes)), ""]
    return cut(lines)


def append(path: Path, content: str) -> None:
    """Add to a file that others write to as well."""
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(content)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write to {path}: {error.strerror}", "choose another --summary"
        ) from error


def workflow() -> str:
    """A workflow for GitHub that gates a project of one's own."""
    return resources.files("isbench.gate").joinpath("workflow.yml").read_text(encoding="utf-8")
