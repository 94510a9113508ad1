import pytest
import torch
from torch import nn

from isbench.errors import EnvironmentFault
from isbench.models.catalogue import build
from isbench.store.records import ModelSpec
from isbench.train import device as devices
from isbench.train.device import Gauge

CPU = torch.device("cpu")


def test_named_streams_are_repeatable() -> None:
    one, two = devices.generator(3, "data"), devices.generator(3, "data")
    assert torch.equal(torch.rand(5, generator=one), torch.rand(5, generator=two))


def test_streams_of_other_names_and_seeds_are_others() -> None:
    seeds = {devices.stream_seed(seed, name) for seed in range(20) for name in ("data", "init", "sampler")}
    assert len(seeds) == 60


def test_a_global_stream_leaves_the_global_generator_as_it_was() -> None:
    before = torch.get_rng_state()
    with devices.global_stream(0, "init"):
        first = torch.rand(3)
    assert torch.equal(before, torch.get_rng_state())
    with devices.global_stream(0, "init"):
        assert torch.equal(first, torch.rand(3))


@pytest.mark.parametrize("lag", [0, 3])
def test_a_gauge_reads_exactly_lag_pushes_late(lag: int) -> None:
    gauge = Gauge(CPU, lag)
    read = []
    for value in range(6):
        gauge.push(torch.tensor(float(value)))
        read.append(gauge.read())
    assert read == [None] * lag + [float(v) for v in range(6 - lag)]


def test_a_gauge_keeps_the_value_of_the_push() -> None:
    gauge, value = Gauge(CPU, 0), torch.tensor(1.0)
    gauge.push(value)
    value.add_(1)
    assert gauge.read() == 1.0


@pytest.mark.parametrize("name", ["tpu", "cuda:99", "mps", "meta"])
def test_a_device_that_is_not_there_is_an_environment_fault(name: str) -> None:
    if name == "mps" and torch.backends.mps.is_available():
        pytest.skip("this machine has MPS")
    with pytest.raises(EnvironmentFault):
        devices.choose(name)


def test_auto_finds_a_device() -> None:
    assert devices.choose("auto").type in devices.LAG


@pytest.mark.parametrize(
    ("shape", "samples"), [((2,), 4096), ((1, 28, 28), 640), ((3, 32, 32), 128), ((3, 224, 224), 16)]
)
def test_as_many_samples_go_through_a_model_at_once_as_caches_hold(
    shape: tuple[int, ...], samples: int
) -> None:
    assert devices.at_once(torch.device("cpu"), shape, nn.Identity()) == samples


@pytest.mark.parametrize(("points", "samples"), [(256, 32), (1024, 8)])
def test_fewer_go_through_a_model_that_says_that_it_makes_much_of_them(points: int, samples: int) -> None:
    model = build(ModelSpec(name="pointnet"), (points, 3), 10)
    assert devices.at_once(torch.device("cpu"), (points, 3), model) == samples
