"""When selection starts: what each start criterion saw, its threshold, and the step at which it switched."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from isbench.report import exhibits
from isbench.report.exhibits import Arrays
from isbench.report.figures.looks import Look, looks
from isbench.report.figures.style import INK, Picture, figure, linear
from isbench.report.frames import Group, Results
from isbench.store.records import StartSpec

TRACE = ("step", "batch_loss", "tau", "active")
ACROSS = 3  # panels in a row
BEYOND = 5  # how much longer than the latest switch a trace is shown
SHOWN = 600  # values of a line at most: more would only blacken it


def pictures(results: Results) -> list[Picture]:
    """One picture for each variant in which an arm waited before it selected."""
    found: list[Picture] = []
    for group, traces in exhibits.once(results, "trace", TRACE):
        waiting = {k: trace for k, trace in traces.items() if _start(results, group, k).name != "none"}
        if waiting:
            found.append(_picture(results, group, waiting))
    return found


def _start(results: Results, group: Group, label: str) -> StartSpec:
    return results.final(group, label)[0].cell.sampler.start


def _picture(results: Results, group: Group, traces: dict[str, Arrays]) -> Picture:
    rows = -(-len(traces) // ACROSS)
    across = min(ACROSS, len(traces))
    drawn = figure(0.75 + 1.6 * rows)
    panels = drawn.subplots(rows, across, sharex=True, squeeze=False)
    look, numbers, horizon = looks(results), [], _horizon(list(traces.values()))
    for place, axes in enumerate(panels.flat):
        axes.set_axis_off() if place >= len(traces) else None
        if place + across >= len(traces):
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("step")
    for axes, (label, trace) in zip(panels.flat, traces.items(), strict=False):
        start = _start(results, group, label)
        by_tau = start.name == "tau" or not np.isfinite(trace["batch_loss"]).any()
        limit = start.options.get("above" if by_tau else "below")
        limit = float(limit) if isinstance(limit, int | float) else None
        signal = trace["tau"] if by_tau else _ratio(trace["batch_loss"])
        _panel(axes, trace, signal, limit, look[label], horizon)
        axes.set_title(label, color=INK)
        axes.set_ylabel("tau" if by_tau else "batch loss / first")
        numbers.append(
            pd.DataFrame({name: trace[name] for name in TRACE}).assign(
                sampler=label, variant=group.variant, budget=group.budget.name, signal=signal, threshold=limit
            )
        )
    _legend(drawn)
    caption = (
        f"{group.title}: what the start criteria saw (first seed, n = 1). Shaded: selection was "
        "on. tau is smoothed as the gate saw it. A criterion on held-out loss is drawn with the batch loss, "
        "which it did not read. The numbers "
        "behind the figure go on to the last step."
    )
    return Picture(f"start-{group.slug}", drawn, pd.concat(numbers, ignore_index=True), caption)


def _horizon(traces: list[Arrays]) -> float:
    """The last step shown: all of them, unless every arm switched once and for good long before."""
    last = max(float(trace["step"].max(initial=1.0)) for trace in traces)
    on = [trace["active"] > 0 for trace in traces]
    if not all(active.any() and active[np.argmax(active) :].all() for active in on):
        return last
    latest = max(float(trace["step"][np.argmax(active)]) for trace, active in zip(traces, on, strict=True))
    return min(last, BEYOND * latest) if latest else last


def _ratio(loss: np.ndarray) -> np.ndarray:
    known = loss[np.isfinite(loss) & (loss != 0)]
    return loss / known[0] if known.size else loss


def _panel(
    axes: Axes, trace: Arrays, signal: np.ndarray, limit: float | None, look: Look, horizon: float
) -> None:
    early = trace["step"] <= horizon
    step, active, signal = trace["step"][early].astype(float), trace["active"][early] > 0, signal[early]
    thin = slice(None, None, max(1, -(-len(step) // SHOWN)))
    axes.plot(step[thin], signal[thin], **look.line(linewidth=0.9, linestyle="-"))
    shade = axes.get_xaxis_transform()
    axes.fill_between(
        step, 0, 1, where=active, transform=shade, color=look.color, alpha=0.1, linewidth=0, step="post"
    )
    if limit is not None:
        axes.axhline(limit, color=INK, linewidth=0.9, linestyle=(0, (1, 1.5)))
    if active.any() and not active[0]:
        at = int(np.argmax(active)) - 1  # the last batch before the switch is what the criterion saw
        height = signal[at] if np.isfinite(signal[at]) else limit or 0.0
        star = {"marker": "*", "markersize": 10, "markeredgecolor": "white", "clip_on": False}
        axes.plot([step[at]], [height], color=INK, linestyle="none", zorder=5, **star)
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, horizon)
    linear(axes, ticks=4)
    linear(axes, "y", ticks=4)


def _legend(drawn: Figure) -> None:
    drawn.legend(
        handles=[
            Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (1, 1.5)), label="threshold"),
            Line2D([], [], color=INK, marker="*", markersize=9, linestyle="none", label="selection starts"),
            Patch(color=INK, alpha=0.1, linewidth=0, label="selection on"),
        ],
        loc="outside lower center",
        ncols=3,
    )
