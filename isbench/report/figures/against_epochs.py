"""Validation accuracy and training loss against epochs, a panel for each variant, with all arms.

As Fig. 2 and 3 of the paper on IMPON (paper 002) draw its races.
"""

from __future__ import annotations

from itertools import zip_longest

import pandas as pd
from matplotlib.axes import Axes

from isbench.report.figures import lines
from isbench.report.figures.looks import Look, banks, looks
from isbench.report.figures.style import INK, Picture, broken, figure, legend, linear, logarithmic
from isbench.report.frames import Frame, Group, Results, known, seeds, slug, sources

WIDEST = 3  # panels side by side
NEAR = 0.25  # of the highest mean: an accuracy axis that would begin below begins at 0
HEIGHT = 2.0  # inches of a panel
NAMES = {
    "val_accuracy": "validation accuracy",
    "test_accuracy": "test accuracy",
    "val_loss": "validation loss",
    "test_loss": "test loss",
    "train_loss": "training loss",
    "batch_loss": "loss of the batches",
}
HELD_OUT = ("val_accuracy", "test_accuracy", "val_loss", "test_loss")  # the first one that was measured
WARNING = "Loss of the batches: no comparison between arms that choose their samples and arms that do not"


def pictures(results: Results) -> list[Picture]:
    """One picture of accuracies and one of losses for the budgets of all variants, side by side."""
    if "paper 002" not in sources(results):
        return []
    shown = [group for group in results.groups if group.curved and known(group.of(results.points), "epochs")]
    sweep = banks(results)  # their accuracies are drawn with what they end at
    found: list[Picture] = []
    for groups in lines.ranks(shown):
        found += [] if sweep else [_accuracies(results, groups)]
        found.append(_losses(results, groups))
    return found


def held_out(results: Results, group: Group) -> str:
    """The metric by which a group is judged: validation accuracy, if there is such a thing."""
    points = group.of(results.points)
    return next((metric for metric in HELD_OUT if known(points, metric)), HELD_OUT[0])


def curves(axes: Axes, results: Results, group: Group, metric: str, look: dict[str, Look]) -> Frame:
    """Draw one panel; returns the mean curves."""
    drawn = lines.draw(axes, results, group, metric, "epochs", look)
    lines.limits(axes, results, group, "epochs")
    linear(axes)
    if metric.endswith("accuracy"):
        _cut(axes, drawn[drawn["progress"] > 0]["mean"])
        lines.rings_inside(axes)
    else:
        logarithmic(axes, group.of(results.points)[metric])
    named = {"variant": group.variant, "budget": group.budget.name, "metric": metric}
    return drawn.assign(**named)


def _cut(axes: Axes, means: Frame) -> None:
    """An accuracy axis that leaves out the untrained model, marked where it does not begin at 0."""
    if not means.empty:
        margin = 0.06 * (means.max() - means.min()) + 1e-3
        low = means.min() - margin
        axes.set_ylim(low if low > NEAR * means.max() else 0.0, min(1.0, means.max() + margin))
    linear(axes, "y")
    if axes.get_ylim()[0] > 0:
        broken(axes)


def _warn(axes: Axes) -> None:
    """Say above a row of panels what its lines cannot say; it is wider than a panel and moves none."""
    axes.set_title(" ", loc="left")  # makes room
    place = {"xycoords": "axes fraction", "xytext": (0, 5), "textcoords": "offset points"}
    text = axes.annotate(WARNING, (0, 1), **place, color="#a00000", fontsize=7.0)
    text.set_in_layout(False)


def name(groups: list[Group], what: str) -> str:
    """A file name: what is drawn, of which budgets."""
    return f"{what}-{slug(' '.join(dict.fromkeys(group.budget.name for group in groups)))}"


def legend_of(results: Results, groups: list[Group]) -> dict[str, Look]:
    """The looks of the arms that have a result."""
    present = {label for group in groups for label in group.of(results.points)["sampler"]}
    return {label: look for label, look in looks(results).items() if label in present}


def ending(results: Results, groups: list[Group]) -> str:
    """What every caption ends with: how many runs, who is dashed, who diverged."""
    counts = [count for group in groups for count in lines.counts(results, group)]
    baseline = f" Dashed: {results.baseline}." if results.baseline else ""
    crossed = "".join(dict.fromkeys(lines.diverged(results, group) for group in groups))
    return f" Line: mean over seeds ({seeds(counts)}); thin lines: single runs.{baseline}{crossed}"


def budgets(groups: list[Group]) -> str:
    """The budgets of a picture, in words."""
    return ", ".join(dict.fromkeys(group.budget.name for group in groups))


def _accuracies(results: Results, groups: list[Group]) -> Picture:
    metrics = [[held_out(results, group)] for group in groups]
    said = NAMES[metrics[0][0]].capitalize()
    cut = " The axis is cut below what the means reach at the first point after the start."
    cut = cut if metrics[0][0].endswith("accuracy") else ""
    caption = f"{said} against epochs (budget {budgets(groups)}).{cut}{ending(results, groups)}"
    return _picture(results, groups, metrics, name(groups, "validation-accuracy"), caption)


def _losses(results: Results, groups: list[Group]) -> Picture:
    metrics = [["train_loss", "batch_loss"]] * len(groups)
    caption = (
        f"Training loss against epochs (budget {budgets(groups)}). First, the loss of one fixed part of the "
        "training set, without augmentation: the same for all arms. Below it, the mean loss of the "
        "mini-batches since the last point, which paper 002 plots: batches that were chosen for their losses "
        "are harder than random ones, and augmented or mixed images harder than plain ones, so there the "
        f"lines of arms that choose and of arms that do not tell nothing about each other."
        f"{ending(results, groups)}"
    )
    return _picture(results, groups, metrics, name(groups, "training-loss"), caption)


def _picture(
    results: Results, groups: list[Group], metrics: list[list[str]], called: str, caption: str
) -> Picture:
    """Panels in rows of a few variants, each row once for every metric."""
    wide = 2 if len(groups) == 4 else min(len(groups), WIDEST)
    parts = [list(zip(groups, metrics, strict=True))[at : at + wide] for at in range(0, len(groups), wide)]
    depth = len(metrics[0])
    drawn = figure(0.6 + HEIGHT * depth * len(parts))
    panels = drawn.subplots(depth * len(parts), wide, squeeze=False)
    look = legend_of(results, groups)
    frames: list[Frame] = []
    for at, row in enumerate(panels):
        part, which = parts[at // depth], at % depth
        for axes, found in zip_longest(row, part):
            if found is None:
                axes.set_axis_off()
                continue
            group, metric = found[0], found[1][which]
            frames.append(curves(axes, results, group, metric, look))
            axes.set_xlabel("epochs")
            if which == 0:
                axes.set_title(group.variant or group.budget.name, loc="left", color=INK)
        row[0].set_ylabel(NAMES[part[0][1][which]])
        if part[0][1][which] == "batch_loss":
            _warn(row[0])
    legend(drawn, look)
    return Picture(called, drawn, pd.concat(frames, ignore_index=True), caption)
