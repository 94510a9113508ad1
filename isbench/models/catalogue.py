"""The models by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from torch import nn

from isbench.errors import UsageError
from isbench.models import cnn, lstm, mlp, pointnet, resnet, resnet50, siren, vit, wide_resnet
from isbench.store.records import ModelSpec


@dataclass(frozen=True)
class Entry:
    """How a model is built from (shape of one input, outputs, its own options), and where it comes from."""

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
    "wide-resnet": Entry(
        wide_resnet.wide_resnet,
        "WRN-28-2 for square images, on 3x32x32 1,467,610 parameters at 10 classes and 1,479,220 at 100 "
        "(norm: layer 1,465,827 and 1,477,437)",
        "001, norm: layer its code",
    ),
    "resnet18": Entry(
        resnet.resnet18,
        "ResNet-18 for small images: a 3x3 first convolution, no pooling, 11,173,962 parameters on 3x32x32",
        "003",
    ),
    "resnet50": Entry(
        resnet50.resnet50,
        "ResNet-50 pre-trained on ImageNet with a new last layer, 23,508,032 + 2,049 parameters per class",
        "001",
    ),
    "lstm": Entry(
        lstm.lstm,
        "an LSTM of 128 units and a linear layer, 68,362 parameters on sequences of one number",
        "001 (67,850 where the LSTM has one bias instead of torch's two)",
    ),
    "vit": Entry(
        vit.vit,
        "a Vision Transformer: patches of 4x4, dim 256, 6 blocks, 4 heads, 4,771,082 parameters on 3x32x32",
        "003, which gives no sizes: these are ours",
    ),
    "pointnet": Entry(
        pointnet.pointnet,
        "3 layers shared by all points (64, 128, 1024) with batch norm, maximum, one linear layer, "
        "184,104 parameters at 40 classes",
        "003",
    ),
    "siren": Entry(
        siren.siren,
        "5 layers of width 256 with sines between them, 198,915 parameters from (x, y) to 3 numbers",
        "003, sizes and initial values after Sitzmann et al.",
    ),
    "vgg16-head": Entry(
        mlp.vgg16_head,
        "2 linear layers on features of a frozen VGG-16, 512 hidden units",
        "003, which gives no widths: 512 is ours",
    ),
}
WORDS = ("imagenet", "none")  # of `weights`; anything else is a path


def build(spec: ModelSpec, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """The model, on the CPU, initialised from torch's global generator; it returns [b, outputs].

    Logits of that many classes, or the numbers of a regression.

    A UsageError where there is no such model or it does not fit the data; options are taken as checked.
    """
    if spec.name not in CATALOGUE:
        close = get_close_matches(spec.name, CATALOGUE, n=1) or sorted(CATALOGUE)
        raise UsageError(f"there is no model '{spec.name}'", f"did you mean {' or '.join(close)}?")
    if outputs < 1:
        raise UsageError(f"{spec.name} needs a data set with something to predict", "choose another data set")
    return CATALOGUE[spec.name].build(shape, outputs, **spec.options)


def located(spec: ModelSpec, folder: Path) -> ModelSpec:
    """The same with a relative path of `weights` read from a folder: the recipe's."""
    weights = spec.options.get("weights")
    if not isinstance(weights, str) or weights in WORDS:
        return spec
    return _with(spec, str(folder / Path(weights).expanduser()))


def unloaded(spec: ModelSpec) -> ModelSpec:
    """The same without weights from a file: for what depends on the architecture alone."""
    loads = "weights" in inspect.signature(CATALOGUE[spec.name].build).parameters
    return _with(spec, "none") if loads else spec


def _with(spec: ModelSpec, weights: str) -> ModelSpec:
    return spec.model_copy(update={"options": {**spec.options, "weights": weights}})
