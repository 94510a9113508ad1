"""What has no result, and what the others cannot be compared with."""

from __future__ import annotations

from isbench.gate.finding import Finding
from isbench.verdicts.curves import Folder


def lost(folder: Folder, of: str = "") -> list[Finding]:
    """Cells without a result, and runs of the baseline arm that diverged; `of`: what the folder is called."""
    found: dict[str, Finding] = {}
    for race in folder.races:
        for label, curves in race.curves.items():
            for seed, curve in curves.items():
                broken = curve.diverged and label == folder.question.baseline
                if not curve.settled or broken:
                    what = f"seed {seed} of {of}" if of else f"seed {seed}"
                    says = f"{curve.status} {curve.note}".strip()
                    found[curve.cell.id] = Finding("cells", race.title, label, what, "lost", says)
    return list(found.values())


def cells(folder: Folder) -> list[Finding]:
    """What is lost, or that nothing is."""
    found = lost(folder)
    if found or not folder.races:
        return found
    count = sum(folder.statuses.values())
    return [Finding("cells", "", "", "all cells", "passed", f"{count} cells have a result")]
