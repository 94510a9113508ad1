"""Samplers on a device without float64, such as MPS: a CPU that refuses it stands in."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from isbench import samplers
from isbench.samplers import confidence, tau
from isbench.samplers.catalogue import CATALOGUE
from isbench.samplers.confidence import Doubts
from isbench.samplers.draw import wide
from isbench.train.forward import Forward
from tests import builders
from tests.builders import CPU


class NoDouble(TorchDispatchMode):
    """Refuses every operation that makes a tensor of float64."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if any(isinstance(each, Tensor) and each.dtype == torch.float64 for each in tree_leaves(made)):
            raise TypeError(f"{func} makes float64, which the device has not")
        return made


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch):
    """The samplers' widest float is float32, and there is no other."""
    for found in pkgutil.iter_modules(samplers.__path__, "isbench.samplers."):
        module = importlib.import_module(found.name)
        if hasattr(module, "wide"):
            monkeypatch.setattr(module, "wide", lambda device: torch.float32)
    monkeypatch.setattr(tau, "concentration", lambda scores: (scores / scores.sum()).square().sum())
    with NoDouble():
        yield


def rounds(name: str, count: int) -> builders.Run:
    """A run whose sampler went through some rounds, with steps that train nothing."""
    run = builders.run(name)
    for _ in range(count):
        for batch in run.sampler.epoch():
            x, y = run.problem.fetch(batch.index)
            with torch.no_grad():
                seen = run.problem.forward(batch.index, x, y).detach()
            run.sampler.weigh(batch, seen)
            run.sampler.observe(batch, seen)
            run.problem.trained += len(batch.index)
            run.problem.judged = run.problem.healed = None
        run.problem.round += 1
    return run


def test_the_widest_float_of_mps_is_float32() -> None:
    assert (wide(torch.device("mps")), wide(CPU)) == (torch.float32, torch.float64)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_sampler_does_without_float64(name: str, narrow: None) -> None:
    rounds(name, 3)


def test_doubts_are_summed_in_float64_where_there_is_such_a_thing() -> None:
    assert Doubts(4, CPU).sums.dtype == torch.float64


def test_doubts_in_float32_say_the_same_up_to_its_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confidence, "wide", lambda device: torch.float32)
    narrow = Doubts(4, CPU)
    monkeypatch.undo()
    whole = Doubts(4, CPU)
    index, nothing = torch.arange(4), torch.empty(0)
    for doubt in torch.rand(50, 4, generator=builders.rng()):
        for doubts in (narrow, whole):
            doubts.look(Forward(index, nothing, nothing, nothing, nothing, None), doubt)
    assert narrow.mean().dtype == torch.float32
    assert (narrow.mean() - whole.mean()).abs().max() < 1e-6
    assert (narrow.variance() - whole.variance()).abs().max() < 1e-6
