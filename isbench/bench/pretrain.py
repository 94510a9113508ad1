"""What a model learnt before the benchmark began: trained once, off every clock, and remembered.

Uniform sampling and Adam on another data set, from a stream of its own. All but the last linear layer is
kept, as published weights would be: the same for every arm and seed. The last layer is each cell's own. What
is remembered hangs on the recipe's words, on files that it names, on device, threads and version of torch.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import isbench
from isbench.datasets import catalogue as datasets
from isbench.datasets.base import Dataset, Facts
from isbench.datasets.files import being_made, cache_folder
from isbench.errors import UsageError
from isbench.models import catalogue as models
from isbench.samplers.uniform import Uniform
from isbench.store.atomic import atomic_write
from isbench.store.records import (
    Budget,
    Cell,
    Costs,
    ModelSpec,
    OptimizerSpec,
    PretrainSpec,
    ScheduleSpec,
    digest,
)
from isbench.train import device as devices
from isbench.train.ledger import Ledger
from isbench.train.loop import train
from isbench.train.problem import Problem
from isbench.train.schedule import Schedule, build_optimizer
from isbench.train.tally import Tally
from isbench.train.timing import HostClock, PhaseTimer

Body = dict[str, Tensor]  # the state of all layers but the last linear one, on the CPU
STREAM = "pretrain"


def located(spec: PretrainSpec, folder: Path) -> PretrainSpec:
    """The same with a relative path of its data set read from a folder: the recipe's."""
    return spec.model_copy(update={"dataset": datasets.located(spec.dataset, folder)})


def pretrained(cell: Cell, root: Path, base: Path) -> Body | None:
    """What the cell's model starts with; None where its recipe asks for none. Trains where nobody has yet."""
    if cell.model.pretrain is None:
        return None
    spec, before = models.located(cell.model, base), located(cell.model.pretrain, base)
    path = cache_folder() / "pretrained" / f"{key(cell, spec, before)}.pt"
    with being_made(path):
        body = read(path)
        if body is None:
            device = devices.choose(cell.device)
            dataset = datasets.build(before.dataset, root, device, 0)
            body = learnt(spec, before, dataset)
            buffer = io.BytesIO()
            torch.save(body, buffer)
            atomic_write(path, buffer.getvalue())
    return body


def key(cell: Cell, spec: ModelSpec, before: PretrainSpec) -> str:
    """A short hash of all that the weights depend on."""
    return digest(
        {
            "model": spec.model_copy(update={"pretrain": before}).model_dump(mode="json"),
            "files": [stamps(spec.options.get("weights")), stamps(before.dataset.options.get("path"))],
            "device": cell.device,
            "threads": cell.threads,
            "versions": [torch.__version__, isbench.__version__],
        }
    )


def stamps(path: Any) -> list[tuple[str, int, int]]:
    """Name, size and time of a file, or of all files in a folder, so that other contents are another key."""
    if not isinstance(path, str):
        return []
    place = Path(path).expanduser()
    files = sorted(place.rglob("*")) if place.is_dir() else [place] if place.is_file() else []
    return [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]


def read(path: Path) -> Body | None:
    """The remembered weights; None where there are none, or they are damaged."""
    try:
        return torch.load(path, weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError):
        return None


def learnt(spec: ModelSpec, before: PretrainSpec, dataset: Dataset) -> Body:
    """Train a model of this kind on another data set; UsageError where the loss stops being finite."""
    seed = devices.stream_seed(0, STREAM) % 2**31
    with devices.global_stream(seed, STREAM):
        model = models.build(spec, dataset.shape, dataset.outputs).to(dataset.device)
        problem = Problem(dataset, model, before.batch, PhaseTimer(HostClock()), seed=seed)
        optimizer = OptimizerSpec(name="adam", lr=before.lr)
        schedule = Schedule(ScheduleSpec(), optimizer.lr)
        budget = Budget(name=STREAM, amount=before.epochs, unit="epochs")
        tally = Tally(None, dataset.device, trace=False, selection=False)
        ledger = Ledger(problem, budget, (1.0,), Costs(rho=2.0), schedule, dict, tally)
        for _ in train(problem, Uniform(problem), build_optimizer(optimizer, model), schedule, ledger):
            pass
    if ledger.diverged:
        raise UsageError(
            f"the loss was not finite any more while {spec.name} was pre-trained on {before.dataset.name}",
            "choose a smaller lr in model.pretrain",
        )
    return {name: value.detach().cpu() for name, value in body_of(spec, model).items()}


def body_of(spec: ModelSpec, model: nn.Module) -> Mapping[str, Tensor]:
    """The state of all layers but the last linear one; UsageError where there is none to leave out."""
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise UsageError(
            f"{spec.name} has no linear layer that would begin anew", "leave pretrain out, or choose another"
        )
    return {
        name: value for name, value in model.state_dict().items() if not name.startswith(f"{linear[-1]}.")
    }


def put(body: Body, spec: ModelSpec, model: nn.Module) -> None:
    """Copy what was learnt into a fresh model, whose last layer stays as it is."""
    own = body_of(spec, model)
    assert own.keys() == body.keys()  # planning has compared them
    with torch.no_grad():
        for name, value in own.items():
            value.copy_(body[name])


def check(spec: ModelSpec, facts: Facts, before: Facts) -> None:
    """Raises UsageError where what is learnt on the one data set does not fit the model of the other."""
    plain = models.unloaded(spec)
    with devices.global_stream(0, "plan"):
        ours, theirs = (
            {name: value.shape for name, value in body_of(spec, model).items()}
            for model in (models.build(plain, each.shape, each.outputs) for each in (facts, before))
        )
    if ours != theirs:
        sizes = ("x".join(map(str, each.shape)) for each in (before, facts))
        raise UsageError(
            "what {} learns of {} inputs does not fit {} inputs".format(spec.name, *sizes),
            "pre-train on a data set with inputs of the same shape",
        )
