import pytest
import torch
from PIL import Image
from torch import nn

from isbench.datasets import features
from isbench.errors import EnvironmentFault, UsageError
from isbench.models.torchvision_import import torchvision
from tests.builders import rng

NARROW = [2, 2, "M", 2, 2, "M", 3, 3, 3, "M", 3, 3, 3, "M", 2, 2, 2, "M"]
HIDDEN, FEATURES = 7, 5


class NarrowVgg(nn.Module):
    """torchvision's VGG-16 of small widths."""

    def __init__(self) -> None:
        super().__init__()
        self.features = torchvision("models.vgg").make_layers(NARROW)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        linear = (nn.Linear(2 * 49, HIDDEN), nn.Linear(HIDDEN, FEATURES), nn.Linear(FEATURES, 4))
        first, second, last = linear
        relu, drop = nn.ReLU(), nn.Dropout()
        self.classifier = nn.Sequential(first, relu, drop, second, relu, drop, last)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=rng()) * 0.3)

    def forward(self, x):
        return self.classifier[:5](self.avgpool(self.features(x)).flatten(1))


def narrow(path) -> None:
    torch.save(NarrowVgg().state_dict(), path)


def picture(path, size=(300, 260)) -> None:
    pixels = torch.randint(256, (size[1] // 20, size[0] // 20, 3), generator=rng(path.name))
    Image.fromarray(pixels.to(torch.uint8).numpy()).resize(size).save(path)


def quiet(line: str) -> None:
    pass


@pytest.fixture
def weights(tmp_path) -> features.Weights:
    narrow(tmp_path / "narrow.pth")
    return features.chosen(str(tmp_path / "narrow.pth"))


@pytest.fixture
def files(tmp_path) -> list:
    found = [tmp_path / f"{number}.png" for number in range(3)]
    for path in found:
        picture(path)
    return found


def test_the_network_is_torchvisions_up_to_the_layer_before_the_classes(weights):
    images = torch.randn(2, 3, 224, 224, generator=rng())
    expected = NarrowVgg().eval()(images).detach()
    torch.testing.assert_close(features.network(features.loaded(weights.path), images), expected)
    assert expected.shape == (2, FEATURES)
    assert (expected > 0).any()


@pytest.mark.parametrize("size", [(300, 257), (231, 499), (640, 480)])
def test_an_image_is_put_before_it_as_torchvision_does(tmp_path, size):
    picture(tmp_path / "a.png", size)
    transform = torchvision("models").VGG16_Weights.IMAGENET1K_V1.transforms()
    with Image.open(tmp_path / "a.png") as image:
        expected = transform(image)
    torch.testing.assert_close(features.pixels(tmp_path / "a.png"), expected, atol=1e-6, rtol=1e-5)


def test_imagenets_weights_are_those_that_torchvision_names():
    url = torchvision("models").VGG16_Weights.IMAGENET1K_V1.url
    assert features.chosen("imagenet").path.name == url.rpartition("/")[2]
    assert features.chosen("imagenet").key in url


def test_every_image_gets_its_features(weights, files, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "BATCH", 2)
    found = features.extracted(tmp_path / "f.npy", weights, files, quiet)
    state = features.loaded(weights.path)
    for row, file in zip(found, files, strict=True):
        torch.testing.assert_close(row, features.network(state, features.pixels(file)[None])[0])


def test_they_are_made_once_and_then_need_no_weights(weights, files, tmp_path):
    first = features.extracted(tmp_path / "f.npy", weights, files, quiet)
    weights.path.unlink()
    assert torch.equal(features.extracted(tmp_path / "f.npy", weights, files, quiet), first)
    assert features.width(tmp_path / "f.npy", weights) == FEATURES


def test_it_says_how_far_it_is(weights, files, tmp_path):
    said = []
    features.extracted(tmp_path / "f.npy", weights, files, said.append)
    assert said == ["VGG-16 has seen 0 of 3 images"]


def test_a_damaged_file_is_made_anew(weights, files, tmp_path):
    first = features.extracted(tmp_path / "f.npy", weights, files, quiet).clone()
    (tmp_path / "f.npy").write_bytes((tmp_path / "f.npy").read_bytes()[:-4])
    assert torch.equal(features.extracted(tmp_path / "f.npy", weights, files, quiet), first)


def test_an_image_that_cannot_be_read_is_named_and_nothing_is_left(weights, files, tmp_path):
    files[1].write_bytes(b"no image")
    with pytest.raises(EnvironmentFault, match=r"1\.png is no image"):
        features.extracted(tmp_path / "f.npy", weights, files, quiet)
    assert not list(tmp_path.glob("*.npy*"))


def test_the_width_is_that_of_the_weights_before_there_are_features(weights, tmp_path):
    assert features.width(tmp_path / "none.npy", weights) == FEATURES


def test_missing_weights_of_imagenet_are_not_downloaded_but_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(EnvironmentFault, match=r"vgg16-397923af\.pth.*torchvision\.models\.vgg16"):
        features.width(tmp_path / "f.npy", features.chosen("imagenet"))


def test_other_bytes_than_the_published_ones_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    narrow(tmp_path / "checkpoints" / features.PUBLISHED)
    with pytest.raises(EnvironmentFault, match="its SHA-256 is not 397923af"):
        features.require(features.chosen("imagenet"))


def test_a_path_that_is_not_there_is_named():
    with pytest.raises(EnvironmentFault, match=r"no file nowhere\.pth"):
        features.chosen("nowhere.pth")


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"features.0.weight": torch.zeros(2, 1, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(UsageError, match=r"features\.0 is missing or of another shape"):
        features.loaded(tmp_path / "other.pth")


def test_a_file_that_is_no_state_dict_is_refused(tmp_path):
    (tmp_path / "no.pth").write_bytes(b"")
    with pytest.raises(EnvironmentFault, match="cannot read weights"):
        features.loaded(tmp_path / "no.pth")
