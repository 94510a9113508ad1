"""The training samples of a data set augmented as a recipe says, and what cannot be augmented.

All kinds begin with the standard crop and mirror image, as in Arazo et al. 2021: mixup and RICAP mix images
that are cropped and mirrored, RandAugment changes them further.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from isbench.datasets.augment import crop_and_flip
from isbench.datasets.base import Training
from isbench.datasets.mixing import MIXINGS, mixed
from isbench.datasets.randaugment import rand_augment
from isbench.datasets.source import Source
from isbench.datasets.stored import Stored
from isbench.errors import UsageError
from isbench.store.records import DatasetSpec

AUGMENTATIONS = {
    "standard": "a random crop after zero padding, 4 pixels or an eighth of the side, and a random mirror "
    "image where that is still of its class; drawn again in every round",
    "mixup": "standard; then the weighted mean of two images, weight from Beta(0.3, 0.3), targets likewise; "
    "each image has a weight of its own, in Arazo et al. 2021 each batch",
    "ricap": "standard; then crops of four images around a point from Beta(0.3, 0.3), targets by area; each "
    "image has a point of its own, in Arazo et al. 2021 each batch",
    "randaugment": "standard; then two of 14 operations at magnitude 4 of 10, those of Cubuk et al. 2019 and "
    "torchvision; needs images of bytes; the script of Arazo et al. 2021 has two of 16 others at 4 of 30: no "
    "identity, but Invert, SolarizeAdd and CutoutAbs, and other ranges",
}


def check(spec: DatasetSpec, source: Source) -> None:
    """Raises UsageError where the data set cannot be augmented as asked."""
    wish = f"augment: {spec.augment} of {spec.name}"
    if spec.augment == "none":
        return
    if len(source.shape) != 3:
        raise UsageError(wish, "only images can be augmented")
    if source.virtual is not None:
        raise UsageError(
            f"augment: {spec.augment} with virtual: {source.virtual} of {spec.name}",
            "virtual images are augmented already, once and for all; leave one of them out",
        )
    if spec.augment in MIXINGS and (not source.classes or source.loss != "cross_entropy"):
        message = (
            "what is mixed has shares of classes as its target: it needs classes and their cross_entropy"
        )
        raise UsageError(wish, message)
    if spec.augment == "randaugment":
        if source.whitening is not None:
            raise not_bytes(wish, "whitened images")
        if source.shape[0] not in (1, 3):
            raise UsageError(wish, f"only grey or coloured images, not {source.shape}")


def augmented(spec: DatasetSpec, source: Source, plain: Stored, classes: int, seed: int) -> Training:
    """The training samples as the recipe wants them; UsageError for RandAugment of what is not bytes."""
    if spec.augment == "none":
        return plain
    first = crop_and_flip(source.shape, seed, source.flips, plain.targets.device)
    if spec.augment == "randaugment":
        if plain.inputs.dtype != torch.uint8:
            raise not_bytes(f"augment: randaugment of {spec.name}", "images of floats")
        return replace(plain, augmentation=rand_augment(source.shape, seed, source.white, first))
    standard = replace(plain, augmentation=first)
    return standard if spec.augment == "standard" else mixed(spec.augment, standard, classes, seed)


def not_bytes(wish: str, kind: str) -> UsageError:
    """RandAugment of something else."""
    return UsageError(wish, f"its operations need bytes, not {kind}; take standard, mixup or ricap")
