"""What a sample costs in forwards, by counting floating-point operations: the same on every machine.

oneDNN and fused attention are switched off while counting, because the counter does not see through them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from isbench.store.records import Costs
from isbench.train.forward import Forward

if TYPE_CHECKING:
    from isbench.samplers.scores import Score


SAMPLES = 2  # every operation that is counted is linear in the batch


class Stand:
    """As much of a problem as a score needs; the counter does not count element-wise losses anyway."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Any loss per sample [b]."""
        return output.flatten(1).square().mean(1)


def measure_costs(model: nn.Module, shape: tuple[int, ...], score: Score | None) -> Costs:
    """rho, and the score's price: 1 for what one forward tells, counted for what runs the model itself."""
    stand = Stand(model.eval())
    x, index = torch.zeros(SAMPLES, *shape), torch.zeros(SAMPLES, dtype=torch.int64)
    outputs: list[Tensor] = []
    with unfused():
        forward = count(lambda: outputs.append(stand.loss(model(x), index)))
        backward = count(lambda: outputs[0].sum().backward())
        if score is None:
            price = 0.0
        elif "model" in score.needs:
            nothing = x.new_empty(0)
            price = count(lambda: score.compute(stand, Forward(index, x, index, nothing, nothing))) / forward  # type: ignore[arg-type]
        else:
            price = 1.0
    return Costs(rho=backward / forward, score=price)


@contextmanager
def unfused() -> Iterator[None]:
    """Inside, operators are torch's own and attention is made of matrix products.

    Torch warns about TF32 on Intel GPUs when it sets the flag of oneDNN.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="TF32 acceleration on top of oneDNN")
        with torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH):
            yield


def count(work: Callable[[], object]) -> int:
    """Floating-point operations of some work."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()
