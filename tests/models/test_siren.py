import pytest
import torch

from isbench.errors import UsageError
from isbench.models.catalogue import build
from isbench.store.records import ModelSpec
from tests.builders import rng


def made(shape=(2,), outputs=3, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(ModelSpec(name="siren", options=options), shape, outputs)


def coordinates(k=2000, d=2):
    return 2 * torch.rand(k, d, generator=rng()) - 1


@pytest.mark.parametrize(("shape", "outputs"), [((1,), 1), ((2,), 1), ((3,), 7)])
def test_any_coordinates_and_any_number_of_outputs_fit(shape, outputs):
    assert made(shape, outputs, width=8)(torch.zeros(4, *shape)).shape == (4, outputs)


@pytest.mark.parametrize(("width", "omega"), [(256, 30.0), (64, 10.0)])
def test_weights_begin_uniform_within_the_bounds_of_sitzmann_et_al(width, omega):
    model = made(width=width, omega=omega)
    first, *hidden = [layer.weight.detach() for layer in model.hidden]
    bounds = [(first, 1 / 2), *((weight, (6 / width) ** 0.5 / omega) for weight in hidden)]
    for weight, bound in [*bounds, (model.last.weight.detach(), bounds[-1][1])]:
        assert 0.9 * bound < weight.abs().max() <= bound
        assert float(weight.std()) == pytest.approx(bound / 3**0.5, rel=0.1)


def test_what_the_weights_hand_to_the_sines_has_the_spread_of_one_at_every_hidden_layer():
    model, spreads = made(), []
    for layer in model.hidden[1:]:
        layer.register_forward_hook(
            lambda layer, inputs, output: spreads.append(30 * float((output - layer.bias).std()))
        )
    with torch.no_grad():
        model(coordinates())
    assert spreads == pytest.approx([1.0] * 3, abs=0.1)


def test_it_is_sines_of_omega_times_linear_layers():
    model, x = made(width=8, omega=5.0), coordinates(10)
    expected = x
    for layer in model.hidden:
        expected = torch.sin(5.0 * (expected @ layer.weight.T + layer.bias))
    assert torch.allclose(model(x), model.last(expected), atol=1e-6)


def test_it_learns_a_pattern_with_many_periods():
    model, x = made(width=32), coordinates(512, 1)[:, :1].repeat(1, 2)
    target = torch.sin(15 * x[:, :1]).expand(-1, 3)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(60):
        loss = (model(x) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.05


@pytest.mark.parametrize("shape", [(), (1, 28, 28), (784, 1)])
def test_what_is_no_vector_of_coordinates_is_refused(shape):
    with pytest.raises(UsageError, match=r"siren needs coordinates, the data set gives .*try mlp"):
        made(shape)
