"""Threats to validity: what may make a result of this folder say less than it seems to (methodology 2.13)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from isbench.store.claims import Expectation
from isbench.store.records import ModelSpec
from isbench.verdicts.conditions import foreign_loads, settled
from isbench.verdicts.curves import Curve, Folder, Race

NORMS = {"wide-resnet": "batch", "resnet18": "batch", "resnet50": "frozen", "pointnet": "batch"}  # by default
FEW = 5  # seeds
REPEATS = 0.95  # of a batch that is different samples, below which repeats are told
SHARED = 0.05  # of the processors, taken by other programs on average
STILL = 0.05  # by which the baseline improves in the last quarter of a budget that is too short


@dataclass(frozen=True, slots=True)
class Threat:
    """One thing that a careful reader would object to: its name never changes, its text may."""

    name: str
    says: str


def threats(folder: Folder) -> list[Threat]:
    """The threats that apply to a results folder."""
    runs = [run for race in folder.races for run in settled(race)]
    if not runs:
        return []
    found = ((name, check(folder, runs)) for name, check in CHECKS.items())
    return [Threat(name, says) for name, says in found if says]


def test_set(folder: Folder, runs: list[Curve]) -> str:
    """The test set decides something that it should only report."""
    claims = [part for one in folder.plan.expect for part in parts(one)]
    uses = ["the question"] if folder.question.metric.startswith("test") else []
    uses += ["claims"] if any(one.measure.metric.startswith("test") for one in claims) else []
    uses += (
        ["start criteria"] if any(run.cell.sampler.start.options.get("of") == "test" for run in runs) else []
    )
    told = " and ".join(uses)
    return (
        f"the test set decides {told}: change nothing until the answer suits, or it is used up"
        if told
        else ""
    )


def scores_mode(folder: Folder, runs: list[Curve]) -> str:
    """Scores are taken in evaluation mode, and training is not."""
    scoring = labels(run for run in selecting(folder, runs) if run.points[-1].scored)
    models = dict.fromkeys(run.cell.model.name for run in runs if in_modes(run.cell.model))
    if not scoring or not models:
        return ""
    layers = f"{', '.join(models)} trains with batch normalisation or dropout"
    return f"{scoring} score in evaluation mode, while {layers}: the scored net is not quite the trained one"


def views(folder: Folder, runs: list[Curve]) -> str:
    """A remembered score is of another view of the sample."""
    unscored = (run for run in selecting(folder, runs) if not run.points[-1].scored)
    remember = (run for run in unscored if any(point.tau is not None for point in run.points))
    found = labels(run for run in remember if run.cell.dataset.augment != "none")
    return (
        f"{found} draw by what was seen under another augmentation than the one trained on" if found else ""
    )


def duplicates(folder: Folder, runs: list[Curve]) -> str:
    """Batches hold samples more than once."""
    told = []
    for label in dict.fromkeys(run.cell.sampler.label for run in selecting(folder, runs)):
        mine = [run for run in runs if run.cell.sampler.label == label]
        seen = np.concatenate([run.column("distinct") for run in mine])
        share = float(np.nanmean(seen)) / mine[0].cell.batch if np.isfinite(seen).any() else 1.0
        told += [f"{share:.0%} in {label}"] if share < REPEATS else []
    if not told:
        return ""
    normed = any(in_modes(run.cell.model) for run in runs)
    also = ", and batch normalisation sees the repeats" if normed else ""
    return f"batches repeat samples: only so much of a batch is different: {', '.join(told)}{also}"


def precision(folder: Folder, runs: list[Curve]) -> str:
    """Numbers are short."""
    short = any(run.cell.precision == "bfloat16" for run in runs)
    found = ["bfloat16 where torch allows it"] if short else []
    found += ["TF32 in matrix products"] if any(m.get("tf32") for m in folder.machines.values()) else []
    return f"arithmetic is {' and '.join(found)}: small scores and weights lose digits" if found else ""


def partial_batches(folder: Folder, runs: list[Curve]) -> str:
    """The last batch of a round is short."""
    last = runs[0].points[-1]
    size = round(last.trained / last.epochs) if last.epochs else 0
    rest, batch = size % runs[0].cell.batch, runs[0].cell.batch
    return (
        f"the last batch of a round has {rest} of {batch} samples, and weighs as much as the others"
        if rest
        else ""
    )


def label_noise(folder: Folder, runs: list[Curve]) -> str:
    """No variant has wrong labels."""
    classes = any(
        run.points[-1].test_error is not None or run.points[-1].val_error is not None for run in runs
    )
    if not classes or not selecting(folder, runs) or any(run.cell.dataset.label_noise > 0 for run in runs):
        return ""
    return (
        "large losses and gradients prefer mislabelled samples, and no variant has any "
        "(`variants: {plain: {}, noisy: {dataset: {label_noise: 0.2}}}`)"
    )


def few_seeds(folder: Folder, runs: list[Curve]) -> str:
    """There are few seeds."""
    most = max(len(race.seeds) for race in folder.races)
    return f"{most} seed{'s' * (most > 1)}: chance alone makes large differences" if most < FEW else ""


def untuned(folder: Folder, runs: list[Curve]) -> str:
    """Nobody tuned the baseline."""
    than = folder.question.baseline
    if any(trial.label == than for trial in folder.plan.tuning) or folder.plan.name.endswith("-tuned"):
        return ""
    return f"{than} was not tuned here: with a better learning rate it might win (`isbench tune`)"


def shared(folder: Folder, runs: list[Curve]) -> str:
    """Others used the machine."""
    loads = foreign_loads(folder, runs)
    share = float(np.mean(loads)) if loads else 0.0
    return (
        f"the machine was shared: other programs took {share:.0%} of it on average" if share > SHARED else ""
    )


def short_budget(folder: Folder, runs: list[Curve]) -> str:
    """The baseline had not come to its end."""
    gains = [(gain, race) for race in folder.races for gain in [late_gain(folder, race)]]
    gain, race = max(gains, key=lambda each: each[0])
    if gain <= STILL:
        return ""
    what = f"{folder.question.baseline}'s {folder.question.metric} fell by another {gain:.0%}"
    return f"{what} in the last quarter of {race.title}: an early lead is not an end result"


def scope(folder: Folder, runs: list[Curve]) -> str:
    """What was compared is one task."""
    tasks = dict.fromkeys(f"{run.cell.dataset.name}/{run.cell.model.name}" for run in runs)
    return f"this is {', '.join(tasks)}: seeds say nothing of other data or models"


CHECKS: dict[str, Callable[[Folder, list[Curve]], str]] = {
    "test-set": test_set,
    "few-seeds": few_seeds,
    "untuned-baseline": untuned,
    "short-budget": short_budget,
    "shared-machine": shared,
    "label-noise": label_noise,
    "duplicates": duplicates,
    "scores-mode": scores_mode,
    "views": views,
    "precision": precision,
    "partial-batches": partial_batches,
    "scope": scope,
}


def selecting(folder: Folder, runs: list[Curve]) -> list[Curve]:
    """The runs of arms that choose what they train on, control arms left out."""
    cards = folder.cards
    return [
        run
        for run in runs
        if (card := cards.get(run.cell.sampler.label))
        and not card.control
        and not card.name.startswith("uniform")
    ]


def labels(runs: Iterable[Curve]) -> str:
    """The labels of some runs."""
    return ", ".join(dict.fromkeys(run.cell.sampler.label for run in runs))


def parts(one: Expectation) -> list[Expectation]:
    """A claim and all its parts."""
    return [one, *(each for part in one.parts for each in parts(part))]


def in_modes(model: ModelSpec) -> bool:
    """Whether a model computes otherwise in training than in evaluation."""
    norm = model.options.get("norm", NORMS.get(model.name))
    return norm == "batch" or bool(model.options.get("dropout"))


def late_gain(folder: Folder, race: Race) -> float:
    """By how much the baseline's metric falls in the last quarter of a race, as a share of it."""
    own = [run for run in race.curves.get(folder.question.baseline, {}).values() if run.status == "done"]
    ends = [(late(run, folder.question.metric), run.column(folder.question.metric)[-1]) for run in own]
    known = [(before, last) for before, last in ends if before > 0 and last >= 0]
    return float(1 - np.mean([last for _, last in known]) / np.mean([b for b, _ in known])) if known else 0.0


def late(run: Curve, metric: str) -> float:
    """The metric at three quarters of a run."""
    return float(run.column(metric)[np.searchsorted(run.column("progress"), 0.75)])
