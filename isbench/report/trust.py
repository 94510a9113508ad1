"""How far the numbers can be trusted: counts, accounting, overshoot, load, what a start criterion reads."""

from __future__ import annotations

from collections import Counter

from isbench.report.frames import Results, known
from isbench.store.export import Run
from isbench.store.records import FINAL, RunRecord
from isbench.verdicts.conditions import unaccounted


def checks(results: Results) -> list[tuple[str, str]]:
    """What a careful reader asks before believing a table, one answer a line."""
    records = [run.record for run in results.runs if run.record and run.record.outcome.status in FINAL]
    answers = [("other cells", _others(results))]
    if not results.raceless:
        answers = [("runs", _counts(results)), *answers]
    if records:
        answers += [
            ("accounting", _accounting(results)),
            ("overshoot", _overshoot(records)),
            ("samples live", _lives(records)),
            ("load", _load(records)),
            ("phases", _modes(records)),
            ("machines", _machines(records)),
        ]
    answers.append(("start criteria", _held_out(results)))
    if known(results.points, "psnr"):
        answers.append(
            ("held out", "nothing: validation and test are the pixels of the picture that is trained on")
        )
    if results.plan.notes:
        answers.append(("notes", " ".join(results.plan.notes)))
    return answers


def residual(record: RunRecord) -> float | None:
    """How far the phases are from adding up to the training time, as a share of it; None where unknown."""
    return unaccounted(record.points[-1]) if record.points else None


def _counts(results: Results) -> str:
    states = Counter(run.record.outcome.status if run.record else "missing" for run in results.runs)
    seeds = len({run.block.seed for run in results.runs if run.record})
    said = ", ".join(f"{count} {state}" for state, count in states.most_common())
    few = " With so few seeds a difference between means says little." if seeds < 5 else ""
    return f"{said or 'none planned'}; n is at most {seeds} for each arm and budget.{few}"


def _others(results: Results) -> str:
    count = results.store.other_cells(results.plan)
    return f"{count} in the folder that the current plan does not speak of" if count else "none in the folder"


def _accounting(results: Results) -> str:
    worst: tuple[float, Run | None] = (-1.0, None)
    for run in results.runs:
        rest = residual(run.record) if run.record and run.record.outcome.status in FINAL else None
        if rest is not None and rest > worst[0]:
            worst = (rest, run)
    if worst[1] is None:
        return "no phases were measured"
    labels = worst[1].labels
    place = ", ".join(str(labels[name]) for name in ("sampler", "variant", "budget") if labels[name])
    return f"phases add up to the training time within {worst[0]:.2%} in the worst run ({place})"


def _overshoot(records: list[RunRecord]) -> str:
    over = [
        (record.outcome.overshoot_seconds, record.outcome.overshoot_seconds / record.cell.budget.amount)
        for record in records
        if record.outcome.overshoot_seconds is not None and record.cell.budget.amount > 0
    ]
    if not over:
        return "no budget in seconds"
    seconds, share = max(over)
    return f"at most {1e3 * seconds:.1f} ms past a budget of seconds ({share:.2%})"


def _lives(records: list[RunRecord]) -> str:
    found = {record.outcome.data_lives for record in records if record.outcome.data_lives}
    return f"in memory of the {' / '.join(sorted(found))}" if found else "unknown"


def _load(records: list[RunRecord]) -> str:
    foreign = [record.outcome.foreign_load for record in records if record.outcome.foreign_load is not None]
    total = [record.outcome.cpu_load for record in records if record.outcome.cpu_load is not None]
    if not foreign and not total:
        return "not measured"
    text = f"processors busy up to {max(total):.0%}" if total else "own load unknown"
    return text + (f", by other programs up to {max(foreign):.0%} (worst run)" if foreign else "")


def _modes(records: list[RunRecord]) -> str:
    says = {
        "race": "every step of the timed runs is measured",
        "profile": "a sample of the steps is measured",
    }
    modes = dict.fromkeys(record.outcome.phase_mode for record in records)
    return "; ".join(f"{mode}: {says[mode]}" for mode in modes)


def _machines(records: list[RunRecord]) -> str:
    found = {record.outcome.machine for record in records if record.outcome.machine}
    if len(found) > 1:
        return f"{len(found)} different machines or installations: times of different ones do not compare"
    return "all runs come from one machine and installation" if found else "unknown"


def _held_out(results: Results) -> str:
    found = {
        run.cell.sampler.label: str(run.cell.sampler.start.options["of"])
        for run in results.runs
        if run.cell.sampler.start.options.get("of") in ("val", "test")
    }
    if not found:
        return "none reads held-out loss"
    arms = ", ".join(f"{label} ({split})" for label, split in found.items())
    return f"read held-out loss, which is free information that the clock does not charge: {arms}"
