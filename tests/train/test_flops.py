import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isbench.models.catalogue import build
from isbench.samplers.scores import SCORES
from isbench.store.records import ModelSpec
from isbench.train.flops import count, measure_costs, unfused


def test_a_matrix_product_has_two_flops_for_each_multiplication() -> None:
    assert count(lambda: torch.ones(8, 16) @ torch.ones(16, 4)) == 2 * 8 * 16 * 4


def test_rho_of_two_square_layers_is_three_halves() -> None:
    # backward: both weight gradients, but only one input gradient, for two forward products
    costs = measure_costs(nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 32)), (32,), None)
    assert costs.rho == pytest.approx(1.5)
    assert costs.score == 0


@pytest.mark.parametrize("name", ["loss", "upper_bound", "output_gradient", "last_layer"])
def test_scores_that_read_a_forward_cost_one(name: str) -> None:
    assert measure_costs(nn.Linear(4, 3), (4,), SCORES[name]).score == 1.0


@pytest.mark.parametrize(
    ("name", "shape"),
    [("resnet18", (3, 16, 16)), ("vit", (3, 16, 16)), ("pointnet", (32, 3)), ("siren", (2,))],
)
def test_rho_of_a_deep_model_is_about_two(name: str, shape: tuple[int, ...]) -> None:
    assert 1.9 < measure_costs(build(ModelSpec(name=name), shape, 10), shape, None).rho < 2.0


def test_attention_is_counted_as_two_products_of_matrices_both_ways() -> None:
    tokens, outputs = torch.ones(1, 1, 8, 16, requires_grad=True), []
    with unfused():
        forward = count(lambda: outputs.append(F.scaled_dot_product_attention(tokens, tokens, tokens)))
        backward = count(lambda: outputs[0].sum().backward())
    assert (forward, backward) == (2 * 2 * 8 * 8 * 16, 2 * forward)


def test_an_lstm_is_counted_both_ways() -> None:
    model = build(ModelSpec(name="lstm", options={"hidden": 32}), (20,), 10)
    assert 1.5 < measure_costs(model, (20,), None).rho < 2.5


@pytest.mark.parametrize(("name", "low", "high"), [("gradient", 2.0, 3.5), ("gradient_one_by_one", 2.5, 3.5)])
def test_the_exact_norm_of_an_lstm_costs_about_a_training_step(name: str, low: float, high: float) -> None:
    model = build(ModelSpec(name="lstm", options={"hidden": 32}), (20,), 10)
    assert low < measure_costs(model, (20,), SCORES[name]).score < high


def test_the_exact_norm_costs_its_forward_and_the_backward_to_the_layers() -> None:
    network = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32))
    assert 1.4 < measure_costs(network, (32,), SCORES["gradient"]).score < 2.6
