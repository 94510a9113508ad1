"""A baseline: what a results folder said once, small enough to be committed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError, model_validator

from isbench.errors import EnvironmentFault, UsageError
from isbench.store.atomic import atomic_write
from isbench.store.records import Record

BASELINES = Path("results") / "baselines"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LIMIT = 16 * 2**20  # bytes; baselines may come from strangers


class Machine(Record):
    """What the bits of a run depend on besides its cell, and what is shown of a machine."""

    cpu: str = ""
    architecture: str = ""
    cpu_capability: str = ""
    torch: str = ""
    threads: int
    variables: str = ""
    device: str = ""


class Run(Record):
    """One run of an exact recipe: what it did and spent at each point, and digests of its numbers.

    selection, weights, numbers: as hexadecimal digits, of all batches so far and of all that was measured.
    first: the losses of the first steps, None for what is no number.
    """

    variant: str
    budget: str
    sampler: str
    seed: int
    cell: str
    rho: float
    score: float
    steps: tuple[int, ...]
    trained: tuple[int, ...]
    scored: tuple[int, ...]
    loaded: tuple[int, ...]
    epochs: tuple[float, ...]
    passes: tuple[float, ...]
    batch_loss: tuple[float | None, ...]
    val_loss: tuple[float | None, ...]
    first: tuple[float | None, ...]
    selection: tuple[str, ...]
    weights: tuple[str, ...]
    numbers: tuple[str, ...]

    @model_validator(mode="after")
    def alike(self) -> Run:
        """Refuse columns of different lengths."""
        lengths = {len(getattr(self, name)) for name in COLUMNS}
        if len(lengths) > 1:
            raise ValueError("has columns of different lengths")
        return self


COLUMNS = (  # of a run, a value for each point
    *("steps", "trained", "scored", "loaded", "epochs", "passes", "batch_loss", "val_loss"),
    *("selection", "weights", "numbers"),
)


class Ratio(Record):
    """An arm against the baseline arm, paired by seed: n, mean and sd of the differences of costs.

    scale: log-ratios, or differences in the quantity's own units. mean None: runs diverged; sd None: of one
    pair. hits: how many runs of the two reached the target; diverged: how many of the arm did.
    """

    variant: str
    budget: str
    sampler: str
    metric: str
    target: float | None = None
    scale: str
    n: int
    mean: float | None
    sd: float | None
    hits: tuple[int, int] | None
    diverged: int


class Pace(Record):
    """Seconds per step of an arm: of that machine, to be shown and never compared."""

    variant: str
    budget: str
    sampler: str
    n: int
    mean: float
    sd: float | None


class Baseline(Record):
    """All that is stored; `says`: what the recipe meant, for telling how another one differs."""

    schema_version: Literal[1] = 1
    isbench: str
    recipe: str
    profile: str
    digest: str
    than: str
    says: dict[str, Any]
    machine: Machine
    exact: tuple[Run, ...] = ()
    ratio: tuple[Ratio, ...] = ()
    time: tuple[Pace, ...] = ()


def place(name: str) -> Path:
    """Where a baseline lies: below the current folder by its name, or the file that is named."""
    if name.endswith(".json"):
        return Path(name)
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a baseline", "use letters, digits, '-', '_' and '.'")
    return BASELINES / f"{name}.json"


def save(name: str, baseline: Baseline) -> Path:
    """Write a baseline; returns where."""
    path = place(name)
    atomic_write(path, written(baseline))
    return path


def load(name: str) -> Baseline:
    """Read a baseline; UsageError where there is none, EnvironmentFault where it cannot be understood."""
    path = place(name)
    try:
        if path.stat().st_size > LIMIT:
            raise EnvironmentFault(f"{path} is larger than a baseline can be", "isbench baseline save")
        return Baseline.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        advice = f"isbench baseline save {name} DIR makes one" if path.parent == BASELINES else ""
        raise UsageError(f"there is no baseline {path}", advice) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise EnvironmentFault(
            f"{path} is no baseline: {what}", "isbench baseline save makes it anew"
        ) from None
    except OSError as error:
        raise EnvironmentFault(f"cannot read {path}: {error.strerror}", "check its permissions") from error


def written(baseline: Baseline) -> str:
    """The file: sorted, one line for each run, so that a changed run is a changed line."""
    parts = []
    for name, content in sorted(baseline.model_dump(mode="json").items()):
        if isinstance(content, list) and content:
            lines = ",\n".join(f"  {_line(each)}" for each in content)
            parts.append(f' "{name}": [\n{lines}\n ]')
        elif isinstance(content, dict) and content:
            lines = ",\n".join(f"  {_line(key)}: {_line(content[key])}" for key in sorted(content))
            parts.append(f' "{name}": {{\n{lines}\n }}')
        else:
            parts.append(f' "{name}": {_line(content)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _line(content: Any) -> str:
    return json.dumps(content, sort_keys=True, allow_nan=False)
