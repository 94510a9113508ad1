"""junit.xml: a test case for each primary comparison, for CI systems that show test results.

A difference for the worse is a failure, a cell without a result an error, an open question a skip.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as xml

from isbench.verdicts import decided
from isbench.verdicts.claims import Decision
from isbench.verdicts.curves import Folder, Race
from isbench.verdicts.judge import Comparison
from isbench.verdicts.sentences import sentence

ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # in XML 1.0


def junit(
    folder: Folder,
    rows: Sequence[Comparison],
    properties: dict[str, str],
    claims: Sequence[Decision] = (),
) -> str:
    """The document; `properties` are told of the suite as a whole."""
    races = {(race.variant, race.budget.name): race for race in folder.races}
    cases = [case(folder, races[row.names.variant, row.names.budget], row) for row in rows if row.primary]
    cases += [claim_case(folder, one, number) for number, one in enumerate(claims, 1)]
    return document(folder.name, cases, properties)


def document(name: str, cases: Sequence[xml.Element], properties: dict[str, str]) -> str:
    """A suite of test cases as a document."""
    kinds = [child.tag for element in cases for child in element]
    seconds = sum(float(element.attrib["time"]) for element in cases)
    counts = {
        "tests": str(len(cases)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
        "time": f"{seconds:.3f}",
    }
    suite = xml.Element("testsuite", {"name": text(name), **counts})
    told = xml.SubElement(suite, "properties")
    for name, value in properties.items():
        xml.SubElement(told, "property", {"name": text(name), "value": text(value)})
    suite.extend(cases)
    counts.pop("skipped")
    root = xml.Element("testsuites", {"name": "isbench", **counts})
    root.append(suite)
    xml.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + xml.tostring(root, encoding="unicode") + "\n"


def case(folder: Folder, race: Race, row: Comparison) -> xml.Element:
    """The test case of a primary comparison."""
    place = ".".join(filter(None, (folder.name, row.names.variant, row.names.budget)))
    target = row.quantity.target
    metric = f"{row.quantity.metric} to {target.share:g}" if target else row.quantity.metric
    arm = race.curves[row.names.sampler].values()
    seconds = sum(curve.points[-1].train_seconds for curve in arm if curve.points)
    names = {"classname": text(place), "name": text(f"{row.names.sampler}: {metric}")}
    element = xml.Element("testcase", {**names, "time": f"{seconds:.3f}"})
    said = text(sentence(folder, race, row))
    lost = lost_cells(race, row)
    kind = "error" if lost else "failure" if row.verdict == row.quantity.words.loss else ""
    kind = kind or ("skipped" if row.verdict == "inconclusive" else "")
    if kind:
        why = text(lost) if lost else row.verdict
        outcome = xml.SubElement(element, kind, {"type": "lost" if lost else row.verdict, "message": why})
        outcome.text = said
    return element


def claim_case(folder: Folder, one: Decision, number: int) -> xml.Element:
    """The test case of a claim."""
    names = {"classname": text(f"{folder.name}.claims"), "name": text(decided.name(one, number))}
    element = xml.Element("testcase", {**names, "time": "0.000"})
    kind = {"not held": "failure", "inconclusive": "skipped"}.get(one.answer)
    if kind:
        outcome = xml.SubElement(element, kind, {"type": one.answer, "message": one.said})
        outcome.text = text(decided.sentence(one, number))
    return element


def lost_cells(race: Race, row: Comparison) -> str:
    """Which runs of the two arms have no result; empty where all have."""
    found = [
        f"{label} seed {seed}: {curve.status} {curve.note}".strip()
        for label in (row.names.sampler, row.names.than)
        for seed, curve in race.curves.get(label, {}).items()
        if not curve.settled
    ]
    return "; ".join(found)


def text(value: str) -> str:
    """Text that XML may hold."""
    return ILLEGAL.sub("?", value)
