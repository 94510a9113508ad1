"""The one place that imports torchvision, so that it also loads where its compiled operators do not.

Under a torch without CUDA a CUDA build of torchvision cannot load its operators, and `import torchvision`
then fails while it describes `nms` to torch's compiler. Defining the missing schemas first is enough:
models and data sets work; only detection operators are absent, and isbench uses none.
"""

import importlib
from types import ModuleType

import torch

SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_kept: list[torch.library.Library] = []  # schemas last as long as their library object


def torchvision(part: str = "") -> ModuleType:
    """The package torchvision or a part of it, such as `models`."""
    name = f"torchvision.{part}" if part else "torchvision"
    try:
        return importlib.import_module(name)
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    define_missing()
    return importlib.import_module(name)


def define_missing() -> list[str]:
    """Defines those schemas that torch does not know; returns their names."""
    missing = [name for name in SCHEMAS if not hasattr(torch.ops.torchvision, name)]
    if missing:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in missing:
            library.define(SCHEMAS[name])
        _kept.append(library)
    return missing
