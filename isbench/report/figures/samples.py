"""The most and the least used training samples as pictures: Fig. 4 of Knutsson et al. (2022)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from isbench.report import exhibits
from isbench.report.exhibits import Arrays
from isbench.report.figures.style import INK, Picture, figure
from isbench.report.frames import Frame, Group, Results, slug

SIDES = {"most": "most used", "least": "least used"}
FIELDS = ("index", "label", "count")
ACROSS = 4  # pictures in a row of each side


def pictures(results: Results) -> list[Picture]:
    """One picture for each variant and arm that recorded images."""
    columns = ("most", *(f"most_{field}" for field in FIELDS))
    return [
        _picture(group, label, images)
        for group, arms in exhibits.once(results, "most_least", columns)
        for label, images in arms.items()
        if _shown(images)
    ]


def _shown(images: Arrays) -> bool:
    """Whether both sides hold images with as many labels and counts."""
    for side in SIDES:
        stack = images.get(side, np.empty(0))
        if stack.ndim != 4 or stack.dtype != np.uint8 or not len(stack) or stack.shape[3] not in (1, 3):
            return False
        if any(images.get(f"{side}_{field}", np.empty(0)).shape != stack.shape[:1] for field in FIELDS):
            return False
    return True


def _picture(group: Group, label: str, images: Arrays) -> Picture:
    deepest = max(-(-len(images[side]) // ACROSS) for side in SIDES)
    drawn = figure(0.35 + 0.93 * deepest)
    halves: Any = drawn.subfigures(1, 2, wspace=0.06)
    for half, (side, title) in zip(halves, SIDES.items(), strict=True):
        half.suptitle(f"{label}: {title}", fontsize=8.5, color=INK)
        panels = half.subplots(deepest, ACROSS, squeeze=False)
        for place, axes in enumerate(panels.flat):
            axes.set_axis_off()
            if place < len(images[side]):
                _panel(axes, images, side, place)
    caption = (
        f"{group.title}, {label}: training samples by how often they were trained on, with label and count "
        "(first seed, n = 1; labels as published, ? unknown)."
    )
    return Picture(
        f"samples-{slug(group.title + '-' + label)}", drawn, _numbers(group, label, images), caption
    )


def _panel(axes: Axes, images: Arrays, side: str, place: int) -> None:
    image = images[side][place]
    axes.imshow(image.squeeze(2) if image.shape[2] == 1 else image, cmap="gray", vmin=0, vmax=255)
    known = int(images[f"{side}_label"][place])
    count = int(images[f"{side}_count"][place])
    axes.set_title(f"{known if known >= 0 else '?'}  ({count:,} x)", fontsize=6.5, pad=2, color=INK)


def _numbers(group: Group, label: str, images: Arrays) -> Frame:
    place = {"variant": group.variant, "budget": group.budget.name, "sampler": label}
    frames = [
        pd.DataFrame(place | {"side": side} | {field: images[f"{side}_{field}"] for field in FIELDS})
        for side in SIDES
    ]
    return pd.concat(frames, ignore_index=True)
