"""What a baseline stores of a results folder."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from isbench.errors import CellsFailed, EnvironmentFault
from isbench.gate.baseline import Baseline, Machine, Pace, Ratio, Run
from isbench.stats.intervals import paired
from isbench.store.records import Point, digest
from isbench.verdicts.comparisons import comparisons
from isbench.verdicts.curves import Curve, Folder, Race
from isbench.verdicts.judge import Comparison, Names
from isbench.verdicts.quantities import PACE, Quantity
from isbench.verdicts.rows import known

NUMBERS = (  # what is measured at a point; its times are another run's next time
    *("progress", "lr", "batch_loss", "train_loss", "val_loss", "val_error", "test_loss", "test_error"),
    *("active", "tau", "ess", "distinct", "coverage", "weight_mean", "weight_max", "weight_ess", "grad_norm"),
)
COUNTED = ("steps", "trained", "scored", "loaded", "epochs", "passes", "batch_loss", "val_loss")
STEP = " > "  # between the steps of a path: labels may hold a dot
PINNING = ("MKL_CBWR", "ONEDNN_MAX_CPU_ISA")  # variables that choose kernels; torch tells its own choice
ASKED = ("name", "profile", "file", "seeds", "primary", "targets", "expect", "gate")  # not what runs


def baseline_of(folder: Folder) -> Baseline:
    """The baseline that a results folder makes; CellsFailed unless all of its cells have a result."""
    lost = [curve for race in folder.races for curve in race.all() if not curve.settled]
    if lost or not folder.races:
        raise CellsFailed(f"{folder.store.folder} lacks {len(lost) or 'all'} results", "run the recipe first")
    broken = [
        c
        for race in folder.races
        for c in race.curves.get(folder.question.baseline, {}).values()
        if c.diverged
    ]
    if broken:
        raise CellsFailed(
            f"{len(broken)} runs of {folder.question.baseline} in {folder.store.folder} diverged",
            "every arm is compared with them: a smaller learning rate, or clip_norm",
        )
    machines = [machine_of(folder, curve) for race in folder.races for curve in race.all()]
    if any(each.model_copy(update={"threads": machines[0].threads}) != machines[0] for each in machines):
        raise EnvironmentFault(
            f"the runs of {folder.store.folder} come from several machines", "isbench run --fresh"
        )
    plan, facts = folder.plan, list(folder.machines.values())
    return Baseline(
        isbench=str(facts[0].get("isbench", "")) if facts else "",
        recipe=plan.name,
        profile=plan.profile,
        digest=plan.recipe,
        than=folder.question.baseline,
        says=flat(said(folder)),
        machine=machines[0],
        exact=tuple(runs(folder)) if plan.gate.exact else (),
        ratio=tuple(ratio_of(one) for one in gated(folder, comparisons(folder))),
        time=tuple(paces(folder)),
    )


def machine_of(folder: Folder, curve: Curve) -> Machine:
    """What a run ran on."""
    facts = folder.machines.get(curve.machine, {})
    told = {name: str(facts.get(name, "")) for name in ("cpu", "cpu_capability", "torch")}
    variables = facts.get("variables") or {}
    return Machine(
        **told,
        architecture=str(facts.get("machine", "")),
        threads=curve.cell.threads,
        variables=" ".join(f"{name}={variables[name]}" for name in PINNING if name in variables),
        device=curve.cell.device,
    )


def runs(folder: Folder) -> Iterator[Run]:
    """Every run that does not end by the clock."""
    for race in folder.races:
        if race.budget.unit != "seconds":
            for label, curves in race.curves.items():
                for seed, curve in curves.items():
                    if curve.settled:
                        yield run_of(folder, race, label, seed, curve)


def run_of(folder: Folder, race: Race, label: str, seed: int, curve: Curve) -> Run:
    """What must be the same again."""
    digests = folder.store.exhibit(curve.cell.id, "digests") or {}
    lengths = [len(digests.get(name, ())) for name in ("selection", "weights")]
    if lengths != [len(curve.points)] * 2 or "losses" not in digests:
        raise EnvironmentFault(
            f"{label} seed {seed} has no digests of what it selected at each point",
            "isbench run --fresh makes them",
        )
    points = curve.points
    counted = {name: tuple(getattr(point, name) for point in points) for name in COUNTED}
    return Run(
        variant=race.variant,
        budget=race.budget.name,
        sampler=label,
        seed=seed,
        cell=curve.cell.id,
        rho=curve.cell.costs.rho,
        score=curve.cell.costs.score,
        **counted,
        first=tuple(known(loss) for loss in digests["losses"].astype(float).tolist()),
        selection=hexadecimal(digests["selection"]),
        weights=hexadecimal(digests["weights"]),
        numbers=tuple(numbers(point) for point in points),
    )


def hexadecimal(values: np.ndarray) -> tuple[str, ...]:
    """64-bit numbers as 16 digits each."""
    return tuple(f"{int(value) % 2**64:016x}" for value in values)


def numbers(point: Point) -> str:
    """A digest of all that was measured at a point, to the last bit."""
    values = (getattr(point, name) for name in NUMBERS)
    return digest([None if value is None else float(value).hex() for value in values])


def gated(folder: Folder, rows: Iterable[Comparison]) -> Iterator[Comparison]:
    """The comparisons that a gate looks at: costs, and the primary metric at the end, of no control arm.

    Those of runs that diverged are among them, and have no mean.
    """
    for one in rows:
        asked = one.quantity.cost or one.quantity.metric == folder.question.metric
        says = math.isfinite(one.difference.mean) or any(one.diverged)
        if asked and not one.control and one.n and says:
            yield one


def title(one: Comparison) -> str:
    """What is compared."""
    target = one.quantity.target
    return titled(one.quantity.metric, target.share if target else None)


def titled(metric: str, share: float | None) -> str:
    """A metric at the end, or at a target."""
    return metric if share is None else f"{metric} to {share:g}"


def place(one: Names | Run | Ratio) -> str:
    """Where: the budget and, where there are several, the variant."""
    return f"{one.budget}, {one.variant}" if one.variant else one.budget


def ratio_of(one: Comparison) -> Ratio:
    """A comparison, as it is stored."""
    target, d = one.quantity.target, one.difference
    return Ratio(
        variant=one.names.variant,
        budget=one.names.budget,
        sampler=one.names.sampler,
        metric=one.quantity.metric,
        target=target.share if target else None,
        scale=one.scale,
        n=one.n,
        mean=rounded(d.mean) if math.isfinite(d.mean) else None,
        sd=rounded(d.sd) if math.isfinite(d.sd) else None,
        hits=(one.hits[0].hits, one.hits[1].hits) if one.hits else None,
        diverged=one.diverged[0],
    )


def paces(folder: Folder) -> Iterator[Pace]:
    """Seconds per step of every arm."""
    for race in folder.races:
        for label in race.curves:
            found = paired(Quantity(PACE).side(race, label).cost)
            if found.n and math.isfinite(found.mean):
                sd = None if math.isnan(found.sd) else rounded(found.sd)
                place = {"variant": race.variant, "budget": race.budget.name, "sampler": label}
                yield Pace(**place, n=found.n, mean=rounded(found.mean), sd=sd)


def said(folder: Folder) -> dict[str, Any]:
    """What the recipe of a results folder means, as far as runs depend on it."""
    path = folder.store.folder / "recipe.resolved.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise EnvironmentFault(f"cannot read {path}", "run the recipe again") from error
    return {name: each for name, each in content.items() if name not in ASKED}


def flat(content: Any, before: str = "") -> dict[str, Any]:
    """Nested values by their paths; what has a label or a name goes by that rather than by its position."""
    if isinstance(content, dict) and content:
        items = [(str(name), each) for name, each in content.items()]
    elif isinstance(content, list) and any(isinstance(each, dict) for each in content):
        items = [(called(each) or str(number), each) for number, each in enumerate(content)]
    else:
        return {before.removesuffix(STEP): content}
    return {
        path: value for name, each in items for path, value in flat(each, f"{before}{name}{STEP}").items()
    }


def called(content: Any) -> str:
    """The label or name of a part of a recipe."""
    if not isinstance(content, dict):
        return ""
    inner = content.get("sampler")
    return str((inner or {}).get("label") or content.get("name") or content.get("variant") or "")


def rounded(value: float) -> float:
    """Six digits, which is more than a run repeats."""
    return float(f"{value:.6g}")
