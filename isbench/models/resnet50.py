"""ResNet-50 with the weights that torchvision publishes, which are read from a file and never downloaded."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Literal

import torch
from torch import nn

from isbench.errors import EnvironmentFault, UsageError
from isbench.models.norms import FrozenBatchNorm2d
from isbench.models.torchvision_import import torchvision

GET = "python -c \"import torchvision; torchvision.models.resnet50(weights='IMAGENET1K_V1')\""


def resnet50(
    shape: tuple[int, ...],
    outputs: int,
    *,
    weights: str = "imagenet",
    norm: Literal["frozen", "batch"] = "frozen",
) -> nn.Module:
    """ResNet-50 with a new last layer, all layers trained; `frozen` batch norm keeps its stored statistics.

    `weights`: imagenet (IMAGENET1K_V1 in torchvision's cache), none, or the path of a state dict.
    """
    if len(shape) != 3 or shape[0] != 3:
        size = "x".join(map(str, shape))
        raise UsageError(f"resnet50 needs images of 3 channels, the data set gives {size}", "try wide-resnet")
    layer = FrozenBatchNorm2d if norm == "frozen" else nn.BatchNorm2d
    model = torchvision("models").resnet50(num_classes=outputs, norm_layer=layer)
    if weights != "none":
        load_body(model, published() if weights == "imagenet" else Path(weights).expanduser())
    return model


def published() -> Path:
    """Where torchvision keeps its weights; an EnvironmentFault that says how to get them if they are not."""
    name = torchvision("models").ResNet50_Weights.IMAGENET1K_V1.url.rpartition("/")[2]
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    if not path.is_file():
        raise EnvironmentFault(
            f"the ImageNet weights of resnet50 are missing: {path}",
            f"fetch them with {GET}, here or on a machine with a network, and put the file there; "
            "or name one with weights: FILE, or train from scratch with weights: none",
        )
    return path


def load_body(model: nn.Module, path: Path) -> None:
    """Read all weights but those of the last layer `fc` from a state dict of the same architecture."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise EnvironmentFault(f"there is no file {path}", "check the path in weights:") from None
    except (OSError, RuntimeError, EOFError, UnpicklingError, ValueError) as error:
        raise EnvironmentFault(
            f"cannot read weights from {path}: {(str(error) or 'it is empty').splitlines()[0]}",
            "weights: needs a state dict that torch.save wrote",
        ) from error
    wanted = {key: value.shape for key, value in model.state_dict().items() if not _elsewhere(key)}
    given = state if isinstance(state, dict) else {}
    wrong = [key for key, shape in wanted.items() if getattr(given.get(key), "shape", None) != shape]
    if wrong:
        raise UsageError(
            f"{path} holds no weights of this network: {wrong[0]} and {len(wrong) - 1} more are missing or "
            "of another shape",
            "weights: needs a state dict as torchvision's resnet50 has it",
        )
    model.load_state_dict({key: given[key] for key in wanted}, strict=False)


def _elsewhere(key: str) -> bool:
    """Whether a number is not read: the last layer is new, counters of batches mean nothing here."""
    return key.startswith("fc.") or key.endswith("num_batches_tracked")
