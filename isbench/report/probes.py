"""What probes found, in words and numbers: for the page and for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from isbench.report.frames import Frame, Results
from isbench.report.tables import Value, mean
from isbench.store.export import Run

EARLY = 200  # updates up to which training counts as beginning
HEADER = ("score", "variance ratio", f"first {EARLY}", "at the end", "bias", "Pearson", "Spearman")
HEADER += ("squared error", "tau", "ESS", "distinct", "lost")
NAMES = {
    "uniform": "uniform",
    "loss": "loss",
    "upper_bound": "upper bound",
    "output_gradient": "output gradient",
    "last_layer": "last layer",
    "gradient": "gradient norm",
    "low": "LOW's weights",
    "stored": "stored",
    "predicted": "predicted loss",
}


def arms(results: Results) -> Iterator[tuple[str, Frame]]:
    """What was probed, and its rows of `probe.csv`: each variant and arm that has any."""
    for (variant, label), rows in results.probe.groupby(["variant", "sampler"], sort=False):
        run = next(run for run in results.probes if _place(run) == (variant, label))
        task = f"{run.cell.dataset.name} with {run.cell.model.name}, trained with {label}"
        yield (f"{variant}: {task}" if variant else task), rows


def table(rows: Frame) -> list[list[Value]]:
    """A row for each score of an arm: means over checkpoints and seeds, some of the beginning and the end.

    The squared errors are added up over the checkpoints, as paper 001 gives them.
    """
    last = rows["step"] == rows.groupby("cell")["step"].transform("max")
    lines: list[list[Value]] = []
    for name, found in rows.groupby("score", sort=False):
        end = found[last.reindex(found.index)]
        ratio = found["variance_ratio"]
        line = [ratio, ratio[found["step"] <= EARLY], end["variance_ratio"], found["bias"], found["pearson"]]
        line += [found["spearman"], found.groupby("cell")["squared_error"].sum()]
        line += [end["tau"], end["ess"], end["distinct"], found["lost_support"]]
        lines.append([Value(NAMES.get(str(name), str(name))), *map(mean, line)])
    return lines


def summary(results: Results) -> list[dict[str, str]]:
    """The tables of all arms as rows for a terminal."""
    return [
        {"probe": title, **{name: value.text for name, value in zip(HEADER, line, strict=True)}}
        for title, rows in arms(results)
        for line in table(rows)
    ]


def facts(results: Results) -> list[tuple[str, str]]:
    """How far probes go and what they look at; nothing where there is none."""
    found = results.probe
    if found.empty:
        return []
    steps = found.groupby("cell")["step"]
    batches = " or ".join(f"{int(batch):,}" for batch in sorted(found["batch"].unique()))
    return [
        (
            "probe",
            f"{int(steps.nunique().max())} checkpoints up to {int(steps.max().max()):,} updates, "
            f"{int(found['samples'].max()):,} training samples, draws of {batches}",
        )
    ]


def _place(run: Run) -> tuple[str, str]:
    return run.block.variant, run.cell.sampler.label
