import subprocess
import sys

import pytest
import torch

from isbench.models import torchvision_import
from isbench.models.torchvision_import import define_missing, torchvision

FRESH = """
import torch
from isbench.models.torchvision_import import torchvision
print(torchvision("models").resnet18(num_classes=3).eval()(torch.zeros(1, 3, 32, 32)).shape[1])
"""


def test_torchvision_works_in_a_fresh_process():
    done = subprocess.run(
        [sys.executable, "-c", FRESH], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.strip() == "3", done.stderr


def test_schemas_that_are_there_are_left_alone():
    torchvision()
    assert define_missing() == []


def test_only_missing_schemas_are_defined(monkeypatch):
    torchvision()
    probe = {"isbench_probe": "isbench_probe(Tensor x) -> Tensor"}
    monkeypatch.setattr(torchvision_import, "SCHEMAS", torchvision_import.SCHEMAS | probe)
    assert define_missing() == ["isbench_probe"]
    assert define_missing() == []
    assert (
        str(torch.ops.torchvision.isbench_probe.default._schema)
        == "torchvision::isbench_probe(Tensor x) -> Tensor"
    )


@pytest.mark.parametrize("message", ["operator torchvision::nms does not exist", "something else"])
def test_only_the_known_failure_is_mended(monkeypatch, message):
    calls = []

    def load(name: str):
        calls.append(name)
        if len(calls) == 1:
            raise RuntimeError(message)
        return torch

    monkeypatch.setattr(torchvision_import.importlib, "import_module", load)
    if message == "something else":
        with pytest.raises(RuntimeError, match=message):
            torchvision()
    else:
        assert torchvision() is torch
        assert calls == ["torchvision", "torchvision"]
