import math
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isbench.datasets.losses import cross_entropy as house_cross_entropy
from isbench.samplers import gradient_norm, scores
from isbench.samplers.rules import TopK
from isbench.samplers.scores import SCORES, Score, doubt, last_layer, loss, output_gradient, upper_bound
from isbench.train.forward import Forward


def cross_entropy(output, target):
    return F.cross_entropy(output, target, reduction="none")


def squared_error(output, target):
    return (output - target).square().sum(-1)


def binary_cross_entropy(output, target):
    return F.binary_cross_entropy_with_logits(output, target, reduction="none").sum(-1)


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def seen(output, target, losses=cross_entropy, features=None):
    return Forward(torch.arange(len(output)), output, target, output, losses(output, target), features)


def problem(losses=cross_entropy, model=None):
    return SimpleNamespace(loss=losses, model=model)


def logits(k=50, classes=10, scale=2.0):
    return torch.randn(k, classes, generator=stream(), dtype=torch.float64) * scale


def labels(k=50, classes=10):
    return torch.randint(classes, (k,), generator=stream(1))


def soft_targets(k=50, classes=10):
    return torch.rand(k, classes, generator=stream(2), dtype=torch.float64).softmax(-1)


def by_loop(losses, output, target):
    norms = []
    for z, y in zip(output, target, strict=True):
        z = z.detach().clone().requires_grad_()
        losses(z[None], y[None])[0].backward()
        norms.append(z.grad.norm())
    return torch.stack(norms)


@pytest.mark.parametrize("target", [labels(), soft_targets()], ids=["hard", "soft"])
def test_the_upper_bound_is_the_gradient_norm_at_the_logits(target):
    forward = seen(logits(), target)
    closed = upper_bound(problem(), forward)
    assert (closed - output_gradient(problem(), forward)).abs().max() < 1e-6
    assert (closed - by_loop(cross_entropy, logits(), target)).abs().max() < 1e-6


def test_the_upper_bound_holds_in_float32():
    forward = seen(logits().float(), labels())
    assert (upper_bound(problem(), forward) - by_loop(cross_entropy, logits(), labels())).abs().max() < 1e-6


@pytest.mark.parametrize("losses", [cross_entropy, squared_error, binary_cross_entropy])
def test_the_output_gradient_is_that_of_a_loop_for_any_loss(losses):
    forward = seen(logits(), soft_targets(), losses)
    expected = by_loop(losses, logits(), soft_targets())
    assert torch.allclose(output_gradient(problem(losses), forward), expected, rtol=1e-10)


def test_the_output_gradient_of_squared_errors_is_twice_the_distance():
    forward = seen(logits(), soft_targets(), squared_error)
    expected = 2 * (logits() - soft_targets()).norm(dim=-1)
    assert torch.allclose(output_gradient(problem(squared_error), forward), expected)


def test_the_output_gradient_takes_the_norm_over_all_dimensions_of_an_output():
    def losses(output, target):
        return (output - target).square().sum((1, 2))

    output, target = torch.randn(2, 6, 3, 4, generator=stream())
    forward = seen(output, target, losses)
    expected = 2 * (output - target).flatten(1).norm(dim=-1)
    assert torch.allclose(output_gradient(problem(losses), forward), expected)


@pytest.mark.parametrize("target", [labels(), soft_targets()], ids=["hard", "soft"])
def test_the_components_of_the_logit_gradient_sum_to_zero(target):
    output = logits().requires_grad_()
    (gradient,) = torch.autograd.grad(cross_entropy(output, target).sum(), output)
    assert gradient.sum(-1).abs().max() < 1e-12


def test_with_two_classes_the_upper_bound_is_root_two_times_what_the_target_lacks():
    output, target = logits(classes=2), labels(classes=2)
    lacks = 1 - output.softmax(-1).gather(1, target[:, None])[:, 0]
    assert torch.allclose(upper_bound(problem(), seen(output, target)), 2**0.5 * lacks, rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_with_two_classes_top_k_by_loss_and_by_upper_bound_is_one_set(seed):
    output = torch.randn(1024, 2, generator=stream(seed), dtype=torch.float64) * 3
    forward = seen(output, torch.randint(2, (1024,), generator=stream(seed + 10)))
    by_loss, by_bound = (
        set(TopK()(score(problem(), forward), 128, stream()).index.tolist()) for score in (loss, upper_bound)
    )
    assert by_loss == by_bound


def test_with_three_classes_they_can_differ():
    output = torch.randn(1024, 3, generator=stream(), dtype=torch.float64) * 3
    forward = seen(output, torch.randint(3, (1024,), generator=stream(10)))
    by_loss, by_bound = (
        set(TopK()(score(problem(), forward), 128, stream()).index.tolist()) for score in (loss, upper_bound)
    )
    assert by_loss != by_bound


def test_the_upper_bound_stays_between_zero_and_root_two():
    bound = upper_bound(problem(), seen(logits(500, scale=30.0), labels(500)))
    assert bound.min() >= 0
    assert bound.max() <= 2**0.5 + 1e-12


def test_the_upper_bound_of_a_learnt_sample_is_small_but_not_lost_in_float32():
    output = torch.tensor([[30.0, 0.0], [40.0, 0.0]])
    bound = upper_bound(problem(), seen(output, torch.tensor([0, 0])))
    expected = 2**0.5 * torch.exp(torch.tensor([-30.0, -40.0]))
    assert torch.allclose(bound, expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("losses", "target"), [(cross_entropy, labels()), (squared_error, soft_targets())])
def test_the_last_layer_score_is_the_gradient_norm_of_the_last_linear_layer(bias, losses, target):
    layer = nn.Linear(7, 10, bias=bias).double()
    features = torch.randn(50, 7, generator=stream(3), dtype=torch.float64)
    score = last_layer(problem(losses, nn.Sequential(layer)), seen(layer(features), target, losses, features))
    for i in range(50):
        gradients = torch.autograd.grad(
            losses(layer(features[i : i + 1]), target[i : i + 1])[0], list(layer.parameters())
        )
        norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
        assert score[i].item() == pytest.approx(norm.item(), rel=1e-10)


def test_the_last_layer_score_refuses_a_forward_without_features():
    with pytest.raises(ValueError, match="features"):
        last_layer(problem(model=nn.Linear(2, 10)), seen(logits(), labels()))


def test_the_gradient_score_does_its_own_forward():
    model = nn.Linear(4, 3)
    x, y = torch.randn(6, 4, generator=stream()), labels(6, 3)
    nothing = torch.empty(0)
    score = scores.gradient(problem(model=model), Forward(torch.arange(6), x, y, nothing, nothing))
    closed = upper_bound(problem(), seen(model(x), y)) * (x.square().sum(1) + 1).sqrt()
    assert torch.allclose(score, closed, rtol=1e-5)


@pytest.mark.parametrize("score", [loss, upper_bound, output_gradient], ids=lambda score: score.name)
def test_a_score_has_no_graph_and_works_without_gradients(score):
    with torch.no_grad():
        forward = seen(logits().requires_grad_(), labels())
        values = score(problem(), forward)
    assert not values.requires_grad
    assert values.shape == (50,)


@pytest.mark.parametrize("score", [loss, upper_bound, output_gradient], ids=lambda score: score.name)
def test_a_score_leaves_the_graph_of_the_forward_for_the_training_step(score):
    output = logits().requires_grad_()
    forward = seen(output, labels())
    score(problem(), forward)
    forward.loss.sum().backward()
    assert output.grad is not None


@pytest.mark.parametrize("score", [loss, upper_bound, output_gradient], ids=lambda score: score.name)
def test_the_score_of_a_sample_does_not_depend_on_its_batch(score):
    whole = score(problem(), seen(logits(), labels()))
    part = score(problem(), seen(logits()[10:20], labels()[10:20]))
    assert torch.allclose(whole[10:20], part, rtol=1e-12)


def test_scores_are_found_by_their_names():
    names = ["loss", "upper_bound", "output_gradient", "output_gradient_autograd", "last_layer", "gradient"]
    assert list(SCORES) == [*names, "gradient_one_by_one"]
    assert all(score.name == name for name, score in SCORES.items())


def test_a_score_of_ones_own_is_a_name_and_a_function():
    margin = Score("margin", lambda problem, seen: -seen.output.max(-1).values)
    assert torch.equal(margin(problem(), seen(logits(), labels())), -logits().max(-1).values)


def test_doubt_is_what_the_probability_of_the_class_lacks_to_1():
    output, target = logits(), labels()
    lacks = 1 - output.softmax(1)[torch.arange(50), target]
    assert torch.allclose(doubt(problem(), seen(output, target)), lacks, atol=1e-12)


def test_doubt_of_a_mixture_of_classes_is_half_the_distance_to_its_shares():
    output, share = logits(), soft_targets()
    half = (output.softmax(1) - share).abs().sum(1) / 2
    assert torch.allclose(doubt(problem(), seen(output, share)), half, atol=1e-12)


def test_a_net_that_knows_the_shares_of_a_mixture_doubts_nothing():
    share = soft_targets()
    assert doubt(problem(), seen(share.log(), share)).max() < 1e-12


def test_doubt_of_shares_that_are_all_of_one_class_is_that_of_the_class():
    output, target = logits(), labels()
    hard, soft = (doubt(problem(), seen(output, each)) for each in (target, F.one_hot(target, 10).double()))
    assert torch.allclose(hard, soft, rtol=1e-12)


@pytest.mark.parametrize("target", [torch.tensor([0]), torch.tensor([[1.0, 0.0, 0.0]])], ids=["hard", "soft"])
def test_the_doubt_of_a_learnt_sample_is_small_but_not_lost_in_float32(target):
    output = torch.tensor([[40.0, 0.0, 0.0]])
    assert doubt(problem(), seen(output, target)).item() == pytest.approx(2 * math.exp(-40), rel=1e-5)


@pytest.mark.parametrize("name", SCORES)
def test_a_target_that_is_all_of_one_class_scores_as_that_class(name):
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=stream(3)))
    x, y = torch.randn(20, 6, generator=stream()), labels(20, 4)
    features = model[:3](x)
    asked = problem(house_cross_entropy, model)
    output, found = model(x), []
    for target in (y, F.one_hot(y, 4).float()):
        loss = house_cross_entropy(output, target)
        found.append(SCORES[name](asked, Forward(torch.arange(20), x, target, output, loss, features)))
    hard, soft = found
    assert torch.allclose(hard, soft, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["gradient", "gradient_one_by_one"])
@pytest.mark.parametrize("way", ["hooks", "vmap", "one by one"])
def test_exact_norms_of_mixed_targets_are_those_of_a_loop(name, way, monkeypatch):
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=stream(3)))
    monkeypatch.setattr(gradient_norm, "ways", lambda model: (way,))
    x, share = torch.randn(9, 6, generator=stream(), dtype=torch.float64), soft_targets(9, 4)
    nothing = torch.empty(0)
    found = SCORES[name](
        problem(house_cross_entropy, model), Forward(torch.arange(9), x, share, nothing, nothing)
    )
    for i in range(9):
        total = cross_entropy(model(x[i : i + 1]), share[i : i + 1])
        gradients = torch.autograd.grad(total, list(model.parameters()))
        norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
        assert found[i].item() == pytest.approx(norm.item(), rel=1e-9)
