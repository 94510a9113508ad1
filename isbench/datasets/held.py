"""What a recipe may ask of any finite data set: some classes, a subset, a validation split, wrong labels.

All of it is fixed by the data set and the published indices of its samples, never by the run's seed; a
smaller subset lies within a larger one, and more label noise keeps the wrong labels of less.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from isbench.datasets.hashing import pick, shuffled
from isbench.datasets.source import Source
from isbench.errors import UsageError
from isbench.store.records import DatasetSpec


@dataclass(frozen=True)
class Selection:
    """Which published samples are used for what; indices are published ones, ascending."""

    train: Tensor  # [n]
    validation: Tensor  # [v]
    test: Tensor  # [t]
    y_train: Tensor  # [n] the labels that training sees, wrong ones included; or [n, d] values
    y_validation: Tensor
    y_test: Tensor
    classes: int  # 0: regression
    values: int = 0  # the length of a regression target


def select(spec: DatasetSpec, source: Source) -> Selection:
    """Classes, then subset, then validation, then label noise; raises UsageError for what cannot be had."""
    if not source.classes:
        return select_values(spec, source)
    kept, apart = parted(of_classes(spec, source.y_train, source.classes), source.held)
    test = of_classes(spec, source.y_test, source.classes)
    kept = subset(spec, kept)
    renumber, classes = renumbering(spec.classes, source.classes)
    y = renumber[source.y_train]
    own = source.validation is not None or source.held is not None
    size = 0 if own else held_out(spec.val_fraction, len(kept))
    held, rest = stratified(y[kept], size, spec.name, "validation", number=kept)
    train, validation = kept[rest], torch.cat([kept[held], apart])
    return Selection(
        train=train,
        validation=validation,
        test=test,
        y_train=mislabelled(y[train], train, classes, spec),
        y_validation=y[validation],
        y_test=renumber[source.y_test[test]],
        classes=classes,
    )


def select_values(spec: DatasetSpec, source: Source) -> Selection:
    """Subset, then validation, of samples whose targets are values [n, d] and no classes."""
    for option in ("classes", "label_noise"):
        if getattr(spec, option):
            raise UsageError(
                f"{option}: {getattr(spec, option)} of {spec.name}",
                f"its targets are values, no classes; leave {option} out",
            )
    kept = subset(spec, torch.arange(len(source.y_train)))
    size = 0 if source.validation else held_out(spec.val_fraction, len(kept))
    alike = torch.zeros_like(kept)
    held, rest = stratified(alike, size, spec.name, "validation", number=kept)
    train, validation = kept[rest], kept[held]
    return Selection(
        train=train,
        validation=validation,
        test=torch.arange(len(source.y_test)),
        y_train=source.y_train[train],
        y_validation=source.y_train[validation],
        y_test=source.y_test,
        classes=0,
        values=source.y_train.shape[1],
    )


def parted(kept: Tensor, held: Tensor | None) -> tuple[Tensor, Tensor]:
    """Those samples that may be trained on, and those that are published for validation."""
    if held is None:
        return kept, kept[:0]
    apart = torch.isin(kept, held)
    return kept[~apart], kept[apart]


def of_classes(spec: DatasetSpec, y: Tensor, classes: int) -> Tensor:
    """Published indices of the samples of the wanted classes."""
    if spec.classes is None:
        return torch.arange(len(y))
    strange = sorted({c for c in spec.classes if not 0 <= c < classes})
    if strange or len(set(spec.classes)) < max(2, len(spec.classes)):
        raise UsageError(
            f"classes: {list(spec.classes)} of {spec.name}",
            f"two or more different ones of 0 to {classes - 1}",
        )
    return torch.isin(y, torch.tensor(spec.classes)).nonzero()[:, 0]


def subset(spec: DatasetSpec, kept: Tensor) -> Tensor:
    """The first `subset` samples of the data set's own shuffled order, as ascending published indices."""
    if spec.subset is None:
        return kept
    if not 1 <= spec.subset <= len(kept):
        raise UsageError(
            f"subset: {spec.subset} of {spec.name}", f"it has {len(kept)} training samples to take from"
        )
    return kept[shuffled(kept, spec.name, "subset")[: spec.subset]].sort().values


def renumbering(wanted: tuple[int, ...] | None, classes: int) -> tuple[Tensor, int]:
    """New class [classes] of each published one (0, 1, … in the order wanted), and how many there are."""
    if wanted is None:
        return torch.arange(classes), classes
    table = torch.full((classes,), -1)
    table[list(wanted)] = torch.arange(len(wanted))
    return table, len(wanted)


def held_out(fraction: float, n: int) -> int:
    """How many of n samples are held out: at least one if any, and one is left to train on."""
    if not 0 <= fraction < 1:
        raise UsageError(f"val_fraction: {fraction}", "0 or more and less than 1")
    return min(max(1, round(fraction * n)), n - 1) if fraction else 0


def stratified(y: Tensor, size: int, *words: str, number: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Positions of `size` samples with every class in proportion, and of the rest; both ascending, disjoint.

    `number` [n] names the samples (default: their positions); roundings go to the largest remainders.
    """
    names = torch.arange(len(y)) if number is None else number
    count = torch.bincount(y)
    share = count.double() * (size / max(1, len(y)))
    quota = share.floor().long()
    quota[torch.argsort(quota - share, stable=True)[: size - int(quota.sum())]] += 1
    order = shuffled(names, *words)
    order = order[torch.argsort(y[order], stable=True)]  # by class, shuffled within
    first = count.cumsum(0) - count
    rank = torch.arange(len(y)) - first[y[order]]
    chosen = torch.zeros(len(y), dtype=torch.bool)
    chosen[order] = rank < quota[y[order]]
    return chosen.nonzero()[:, 0], (~chosen).nonzero()[:, 0]


def mislabelled(y: Tensor, number: Tensor, classes: int, spec: DatasetSpec) -> Tensor:
    """Labels [n] of which the share `label_noise` is another class, each other one equally likely."""
    if not 0 <= spec.label_noise <= 1:
        raise UsageError(f"label_noise: {spec.label_noise}", "a share from 0 to 1")
    wrong = shuffled(number, spec.name, "label noise")[: round(spec.label_noise * len(y))]
    noisy = y.clone()
    noisy[wrong] = (y[wrong] + 1 + pick(number[wrong], classes - 1, spec.name, "wrong label")) % classes
    return noisy
