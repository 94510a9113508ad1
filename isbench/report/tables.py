"""The words and numbers of the page: what was compared, what came out, how far it can be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from isbench.report.frames import Frame, Group, Results, known
from isbench.store.export import Run
from isbench.store.records import FINAL, PHASES, OptimizerSpec, Record

SHARES = {
    "load": ("load",),
    "score": ("score",),
    "choose": ("draw", "select", "update"),
    "train": ("forward", "backward", "optimise"),
}
METRICS = {"test_error": "test error", "test_loss": "test loss", "psnr": "PSNR (dB)"}
SPENT = {"epochs": "epochs", "passes": "passes", "steps": "steps", "train_seconds": "seconds"}


@dataclass(frozen=True)
class Value:
    """A table cell: its text, and the number by which it sorts."""

    text: str
    number: float | None = None


def compared(results: Results) -> list[tuple[str, str]]:
    """What was compared, one fact a line."""
    plan, cells = results.plan, [run.cell for run in results.all]
    seeds = sorted({run.block.seed for run in results.all})
    raced = [
        ("baseline", results.baseline or "none: no arm is called " + plan.primary.baseline),
        ("budgets", "; ".join(_budgets(results.groups))),
    ]
    if results.runs and not any(group.curved for group in results.groups):
        raced.append(("looked at", "at the start and the end of each run, so no curves are drawn"))
    facts = [
        ("recipe", plan.recipe_file + (f" (profile {plan.profile})" if plan.profile else "")),
        ("data", _by_variant(results, lambda run: words(run.cell.dataset))),
        ("model", _by_variant(results, lambda run: words(run.cell.model))),
        ("optimiser", _by_variant(results, lambda run: optimiser(run.cell.optimizer), arms=True)),
        ("schedule", _by_variant(results, lambda run: words(run.cell.schedule), arms=True)),
        ("batch", _by_variant(results, lambda run: str(run.cell.batch))),
        ("samplers", ", ".join(results.labels or dict.fromkeys(c.sampler.label for c in cells))),
        *([] if results.raceless else raced),
        ("seeds", f"{len(seeds)}: {', '.join(str(seed) for seed in seeds)}"),
        ("device", _by_variant(results, lambda run: f"{run.cell.device}, {run.cell.precision}")),
        ("threads", ", ".join(sorted({str(cell.threads) for cell in cells}))),
        ("machine", "; ".join(_machines(results)) or "unknown"),
    ]
    pilots = "; ".join(
        f"{pilot.budget}{pilot.variant and ', '}{pilot.variant}: {_seconds(pilot.seconds)}"
        for pilot in plan.pilots
    )
    return facts + ([("pilots", f"{pilots} (median of the baseline's pilot runs)")] if pilots else [])


def headline(results: Results) -> str:
    """One sentence: what this is, and how much of it is there."""
    data = ", ".join(dict.fromkeys(run.cell.dataset.name for run in results.all))
    model = ", ".join(dict.fromkeys(run.cell.model.name for run in results.all))
    controls = {card.label for card in results.plan.cards if card.control}.intersection(results.labels)
    arms = _number(len(results.labels) - len(controls), "sampler")
    arms += f" and {_number(len(controls), 'control arm')}" if controls else ""
    what, counts = arms, [_done(results.runs, "runs")]
    if results.probes:
        what, counts = (what, counts) if results.runs else ("Scores", [])
        counts = [*counts, _done(results.probes, "probes")]
    if results.trials:
        what, counts = (what, counts) if results.runs or results.probes else ("Tuning", [])
        counts = [*counts, _done(results.trials, "tuning runs")]
    return f"{what} on {data} with {model}: {', '.join(counts)} have a result."


def _number(count: int, what: str) -> str:
    return f"{count} {what}" + ("s" if count != 1 else "")


def _done(runs: tuple[Run, ...], what: str) -> str:
    return f"{sum(map(_settled, runs))} of {len(runs)} {what}"


def outcomes(results: Results, group: Group) -> tuple[list[str], list[list[Value]]]:
    """The primary table of a group: header, and a row for each arm."""
    cells, phases = group.of(results.cells), group.of(results.phases)
    metrics = {metric: name for metric, name in METRICS.items() if known(cells, metric)}
    header = ["sampler", "runs", *metrics.values(), *SPENT.values(), *SHARES]
    rows: list[list[Value]] = []
    for label in results.labels:
        done = cells[(cells["sampler"] == label) & (cells["status"] == "done")]
        row = [Value(label), _count(results, group, label)]
        row += [spread(done[metric]) for metric in metrics]
        row += [mean(done[spent]) for spent in SPENT]
        row += [share(phases[(phases["sampler"] == label)], kinds) for kinds in SHARES.values()]
        rows.append(row)
    return header, rows


def troubles(results: Results) -> list[dict[str, str]]:
    """Every run of the plan that is missing, failed or diverged, with what its note says."""
    found: list[dict[str, str]] = []
    for run in (*results.runs, *results.probes, *results.trials):
        outcome = run.record.outcome if run.record else None
        if outcome is None or outcome.status != "done":
            row = {name: str(value) for name, value in run.labels.items()}
            row |= {
                "status": outcome.status if outcome else "missing",
                "note": outcome.note if outcome else "",
            }
            found.append(row)
    return found


def spread(values: Frame) -> Value:
    """Mean and standard deviation, with as many digits as the deviation bears."""
    values = values.dropna()
    if values.empty:
        return Value("")
    centre, width = float(values.mean()), float(values.std()) if len(values) > 1 else math.nan
    if not width > 0:
        return Value(f"{centre:.3g}" + (" ± 0" if width == 0 else ""), centre)
    size = math.floor(math.log10(width))
    shown = (width < 2 * 10**size) - size  # one digit of the deviation, two where it begins with 1
    digits = max(0, min(8, shown))
    return Value(f"{centre:.{digits}f} ± {width:.{digits}f}", centre)


def mean(values: Frame) -> Value:
    """A mean of three digits or more."""
    values = values.dropna()
    if values.empty:
        return Value("")
    centre = float(values.mean())
    return Value(f"{centre:,.0f}" if abs(centre) >= 100 else f"{centre:.3g}", centre)


def share(phases: Frame, kinds: Iterable[str]) -> Value:
    """The share of the training time that some phases took: the mean over runs."""
    training = phases[phases["phase"].isin(PHASES)]
    total = training.groupby("cell")["seconds"].sum()
    part = training[training["phase"].isin(list(kinds))].groupby("cell")["seconds"].sum()
    shares = (part.reindex(total.index).fillna(0.0) / total[total > 0]).dropna()
    return Value("") if shares.empty else Value(f"{shares.mean():.0%}", float(shares.mean()))


def words(record: Record) -> str:
    """A specification in words: its name and all that is not the default."""
    content = record.model_dump(mode="json", exclude_defaults=True)
    name = content.pop("name", None) or getattr(record, "name", "")
    content |= content.pop("options", {})
    said = ", ".join(f"{key} {value}" for key, value in content.items())
    return f"{name} ({said})" if said else str(name)


def optimiser(spec: OptimizerSpec) -> str:
    """An optimiser in words, its learning rate always told."""
    rest = words(spec.model_copy(update={"lr": OptimizerSpec().lr})).removeprefix(spec.name).strip(" ()")
    return f"{spec.name} (lr {spec.lr:g}{f', {rest}' if rest else ''})"


def _by_variant(results: Results, say: Callable[[Run], str], arms: bool = False) -> str:
    """What is said of the runs, variant by variant where it differs; `arms`: with the arms it is said of."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for run in results.all:
        said = found.setdefault(run.block.variant, {})
        said.setdefault(say(run), {})[run.cell.sampler.label] = None
    texts = {
        variant: " / ".join(
            f"{text}: {', '.join(whose)}" if arms and len(said) > 1 else text for text, whose in said.items()
        )
        for variant, said in found.items()
    }
    if len(set(texts.values())) <= 1:
        return next(iter(texts.values()), "")
    return "; ".join(f"{variant or 'default'}: {text}" for variant, text in texts.items())


def _budgets(groups: Iterable[Group]) -> list[str]:
    """Every budget and its amount, variant by variant where it differs."""
    amounts = {group.title: f"{group.budget.amount:.4g} {group.budget.unit}" for group in groups}
    named = dict.fromkeys((group.budget.name, amounts[group.title]) for group in groups)
    alike = len(named) == len({name for name, _ in named})
    return [f"{name} ({amount})" for name, amount in (named if alike else amounts.items())]


def _machines(results: Results) -> list[str]:
    found = []
    for facts in results.store.machines().values():
        names = dict.fromkeys(str(facts[key]) for key in ("device_name", "cpu") if facts.get(key))
        found.append(", ".join(names) + (f", {facts['cores']} cores" if facts.get("cores") else ""))
    return list(dict.fromkeys(filter(None, found)))


def _seconds(seconds: float | None) -> str:
    return "not measured yet" if seconds is None else f"{seconds:.4g} s"


def _count(results: Results, group: Group, label: str) -> Value:
    place = (group.variant, group.budget.name, label)
    arm = [run for run in results.runs if (*_place(run), run.cell.sampler.label) == place]
    states = [run.record.outcome.status if run.record else "missing" for run in arm]
    settled = sum(state in FINAL for state in states)
    diverged = states.count("diverged")
    text = f"{settled}/{len(states)}" + (f" ({diverged} diverged)" if diverged else "")
    return Value(text, float(settled))


def _place(run: Run) -> tuple[str, str]:
    return run.block.variant, run.block.budget


def _settled(run: Run) -> bool:
    return run.record is not None and run.record.outcome.status in FINAL
