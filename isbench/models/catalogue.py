"""The models by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from torch import nn

from isbench.errors import UsageError
from isbench.models import cnn, mlp
from isbench.store.records import ModelSpec


@dataclass(frozen=True)
class Entry:
    """How a model is built from (shape of one input, classes, its own options), and where it comes from."""

    build: Callable[..., nn.Module]
    summary: str
    source: str


CATALOGUE: dict[str, Entry] = {
    "mlp": Entry(mlp.mlp, "linear layers with ReLU on the flattened input, 784-256-256-10 on MNIST", "003"),
    "circles-mlp": Entry(mlp.circles_mlp, "2-50-2, 252 parameters", "000 (code)"),
    "pcam-cnn": Entry(cnn.pcam_cnn, "2 convolutions, 2 linear layers, 446,932 parameters, 96x96", "000"),
    "mnist-cnn": Entry(
        cnn.mnist_cnn, "2 convolutions, 2 linear layers, 21,840 parameters, 28x28", "000 (code)"
    ),
    "cifar-cnn": Entry(
        cnn.cifar_cnn, "3 convolutions, 2 linear layers, 126,730 parameters, 32x32", "000 (code)"
    ),
    "lenet": Entry(
        cnn.lenet, "LeNet-5, 2 convolutions, 3 linear layers, 61,706 parameters, 28x28", "LOW (code)"
    ),
}


def build(spec: ModelSpec, shape: tuple[int, ...], classes: int) -> nn.Module:
    """The model, on the CPU, initialised from torch's global generator; its output are logits [b, classes].

    A UsageError where there is no such model or it does not fit the data; options are taken as checked.
    """
    if spec.name not in CATALOGUE:
        close = get_close_matches(spec.name, CATALOGUE, n=1) or sorted(CATALOGUE)
        raise UsageError(f"there is no model '{spec.name}'", f"did you mean {' or '.join(close)}?")
    if classes < 2:
        raise UsageError(f"{spec.name} needs a data set with classes", "choose another model or data set")
    return CATALOGUE[spec.name].build(shape, classes, **spec.options)
