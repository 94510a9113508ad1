import pytest
import torch
from torch import nn

from isbench.errors import EnvironmentFault, UsageError
from isbench.models import resnet50 as module
from isbench.models.norms import FrozenBatchNorm2d
from isbench.models.resnet50 import load_body, published, resnet50
from isbench.models.torchvision_import import torchvision


def small(classes=10, norm_layer=FrozenBatchNorm2d):
    """The smallest net of torchvision's family."""
    from torchvision.models.resnet import BasicBlock, ResNet

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(classes)
        return ResNet(BasicBlock, [1, 1, 1, 1], num_classes=classes, norm_layer=norm_layer)


@pytest.fixture(autouse=True)
def _importable():
    torchvision()


@pytest.fixture
def weights(tmp_path):
    """A file of weights as ImageNet's would be, with statistics of its own."""
    net = small(1000, nn.BatchNorm2d)
    net.bn1.running_mean.fill_(3.0)
    torch.save(net.state_dict(), tmp_path / "weights.pth")
    return tmp_path / "weights.pth"


def test_all_weights_but_the_last_layers_come_from_the_file(weights):
    net, kept = small(), small().fc.weight
    load_body(net, weights)
    given = torch.load(weights, weights_only=True)
    for key, value in net.state_dict().items():
        if not key.startswith("fc.") and "num_batches" not in key:
            assert torch.equal(value, given[key]), key
    assert torch.equal(net.fc.weight, kept)


def test_frozen_statistics_are_those_of_the_file_after_training_steps(weights):
    net = small()
    load_body(net, weights)
    net.train()(torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))).sum().backward()
    assert (net.bn1.running_mean == 3.0).all()
    assert all(p.grad is not None for p in net.parameters())


def test_weights_of_another_network_are_refused(weights, tmp_path):
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "other.pth")
    with pytest.raises(
        UsageError, match=r"other.pth holds no weights of this network: conv1.weight and \d+ more"
    ):
        load_body(small(), tmp_path / "other.pth")


@pytest.mark.parametrize("content", [[1, 2], {"conv1.weight": 3}])
def test_a_file_without_a_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "list.pth")
    with pytest.raises(UsageError, match="holds no weights"):
        load_body(small(), tmp_path / "list.pth")


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 cut off"])
def test_a_file_that_torch_cannot_read_is_an_environment_fault(tmp_path, content):
    (tmp_path / "bad.pth").write_bytes(content)
    with pytest.raises(EnvironmentFault, match=r"cannot read weights from .*bad.pth"):
        load_body(small(), tmp_path / "bad.pth")


def test_a_path_that_is_not_there_is_an_environment_fault(tmp_path):
    with pytest.raises(EnvironmentFault, match=r"there is no file .*gone.pth .check the path in weights"):
        load_body(small(), tmp_path / "gone.pth")


def test_missing_imagenet_weights_say_how_to_get_them_and_where_they_belong(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(EnvironmentFault) as fault:
        published()
    assert fault.value.code == 6
    assert str(tmp_path / "hub" / "checkpoints" / "resnet50-0676ba61.pth") in str(fault.value)
    assert "resnet50(weights='IMAGENET1K_V1')" in str(fault.value)


def test_imagenet_weights_are_read_from_the_cache_of_torchvision(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = tmp_path / "hub" / "checkpoints" / "resnet50-0676ba61.pth"
    path.parent.mkdir(parents=True)
    path.touch()
    assert published() == path


@pytest.mark.parametrize("norm", ["frozen", "batch"])
def test_options_reach_torchvision(monkeypatch, norm):
    asked = {}
    tv = type("Models", (), {"resnet50": staticmethod(lambda **given: asked.update(given) or nn.Identity())})
    monkeypatch.setattr(module, "torchvision", lambda part: tv)
    resnet50((3, 224, 224), 67, weights="none", norm=norm)
    assert asked["num_classes"] == 67
    assert asked["norm_layer"] is (FrozenBatchNorm2d if norm == "frozen" else nn.BatchNorm2d)


def test_a_path_in_weights_is_loaded(monkeypatch, weights):
    tv = type("Models", (), {"resnet50": staticmethod(lambda **given: small(given["num_classes"]))})
    monkeypatch.setattr(module, "torchvision", lambda part: tv)
    net = resnet50((3, 224, 224), 10, weights=str(weights))
    assert (net.bn1.running_mean == 3.0).all()


def test_images_need_three_channels():
    with pytest.raises(UsageError, match="resnet50 needs images of 3 channels, the data set gives 1x28x28"):
        resnet50((1, 28, 28), 10, weights="none")
