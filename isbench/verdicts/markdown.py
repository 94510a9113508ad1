"""summary.md: one line, one table and what to beware of, for the step summary of a CI job."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from isbench.stats.verdicts import HALF
from isbench.store.records import FINAL
from isbench.verdicts.claim_rows import records, texts
from isbench.verdicts.claims import Decision
from isbench.verdicts.codes import Caution
from isbench.verdicts.curves import Folder, Race
from isbench.verdicts.judge import Comparison
from isbench.verdicts.words import budget, changed, faster, plain, spent

LIMIT = 64_000  # bytes: a CI system shows a longer one in part or not at all
LONGEST = 300  # characters of one cell or warning
MARKS = re.compile(r"([\\`*_{}\[\]()#+!|~])")
HARMLESS = {"<": "&lt;", ">": "&gt;", "@": "&#64;", "://": ":&#47;&#47;", "www.": "www&#46;"}
WORDS = ("faster", "better", "equivalent", "slower", "worse", "inconclusive")


def markdown(
    folder: Folder,
    rows: Sequence[Comparison],
    warnings: Sequence[Caution],
    claims: Sequence[Decision] = (),
) -> str:
    """The summary, no longer than a CI system shows."""
    races = {(race.variant, race.budget.name): race for race in folder.races}
    primary = [row for row in rows if row.primary]
    lines = [f"### {escaped(folder.name)}", "", f"**{escaped(verdict_line(folder, rows, claims))}**"]
    if primary:
        shown = [(races[row.names.variant, row.names.budget], row) for row in primary]
        lines += ["", *table(folder, shown)]
    if claims:
        lines += ["", *table_of_claims(claims)]
    if warnings:
        lines += ["", *(f"- {escaped(f'{one.code}: {one.says} ({one.advice})')}" for one in warnings)]
    return cut(lines)


def verdict_line(folder: Folder, rows: Sequence[Comparison], claims: Sequence[Decision] = ()) -> str:
    """How many comparisons and claims came out how, and how many cells there are."""
    answers = Counter(one.said for one in claims)
    decided = (
        f"; claims: {', '.join(f'{count} {said}' for said, count in answers.items())}" if answers else ""
    )
    if not folder.races:
        return f"nothing was raced{decided}"
    counts = Counter(row.verdict for row in rows if row.primary)
    said = ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word])
    settled = sum(folder.statuses.get(status, 0) for status in FINAL)
    cells = f"{settled} of {sum(folder.statuses.values())} cells have a result"
    asked = folder.question
    goal = f"to {100 * asked.target:.6g} % of the improvement of" if asked.target else "at the end, against"
    place = f"{asked.metric} {goal} {asked.baseline}, {asked.budget}"
    return f"{said or 'nothing compared'} ({place}); {cells}{decided}"


def table(folder: Folder, rows: Sequence[tuple[Race, Comparison]]) -> list[str]:
    """A row for each primary comparison."""
    several = len({(row.names.variant, row.names.budget) for _, row in rows}) > 1
    reach = folder.question.target is not None
    header = [*(["race"] if several else []), "sampler"]
    header += ["speed-up", "target", "reached after", "by"] if reach else ["change", "value"]
    header += ["n", "verdict"]
    lines = [line_of(header), line_of(["---"] * len(header))]
    for race, row in rows:
        cells = [race.title] if several else []
        cells += [row.names.sampler, *(reached(race, row) if reach else ended(row))]
        cells += [str(row.n), f"{row.verdict} ({row.reason})" if row.reason else row.verdict]
        lines.append(line_of([escaped(cell) for cell in cells]))
    return lines


def table_of_claims(claims: Sequence[Decision]) -> list[str]:
    """A row for each claim, followed by one for each of its parts."""
    rows = list(texts(records(claims)))
    body = [line_of([escaped(cell.strip()) for cell in row.values()]) for row in rows]
    return [line_of(list(rows[0])), line_of(["---"] * len(rows[0])), *body]


def reached(race: Race, row: Comparison) -> list[str]:
    """Speed-up, target, and the times and hit rates of both."""
    target, rates = row.quantity.target, row.hits or ()
    value = "" if target is None or target.value is None else f"{row.quantity.metric} {plain(target.value)}"
    if not row.n:
        return ["", value, "", ""]
    told = max(rate.share for rate in rates) >= HALF and math.isfinite(row.difference.mean)
    times = [f"over {budget(race)}" if math.isnan(v) else spent(v, race.budget.unit) for v in row.values]
    hits = " against ".join(f"{rate.hits} of {rate.n}" for rate in rates)
    return [faster(row) if told else "", value, " against ".join(times), hits]


def ended(row: Comparison) -> list[str]:
    """The change, and the values of both."""
    change = "" if math.isnan(row.difference.mean) else changed(row)
    values = ["" if math.isnan(value) else plain(value) for value in row.values]
    return [change, " against ".join(values) if any(values) else ""]


def line_of(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Text that Markdown and HTML leave alone: labels and notes come from recipes."""
    flat = "".join(c if c.isprintable() else " " for c in text)
    flat = flat if len(flat) <= LONGEST else f"{flat[:LONGEST]} ..."
    flat = MARKS.sub(r"\\\1", flat.replace("&", "&amp;"))
    for mark, harmless in HARMLESS.items():
        flat = flat.replace(mark, harmless)
    return flat


def cut(lines: list[str]) -> str:
    """The lines that fit; what is left out is counted."""
    kept, size = [], 0
    for line in lines:
        size += len(line.encode()) + 1
        if size > LIMIT - 100:
            kept += ["", f"and {len(lines) - len(kept)} more lines: see tables/comparisons.csv"]
            break
        kept.append(line)
    return "\n".join(kept) + "\n"
