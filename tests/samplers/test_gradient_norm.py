import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isbench.errors import UsageError
from isbench.models.catalogue import CATALOGUE, build
from isbench.models.norms import FrozenBatchNorm2d, SampleNorm2d
from isbench.samplers import closed_forms, gradient_norm, hooks
from isbench.samplers.gradient_norm import WAYS, gradient_norms, how, norms_one_by_one, ways
from isbench.store.records import ModelSpec

CLASSES = 3


def losses(output, target):
    return F.cross_entropy(output, target, reduction="none")


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def seeded(make):
    """A module with parameters and statistics that differ from their trivial initial values."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = make()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() == 1:
                    parameter.add_(0.3 * torch.randn(parameter.shape))
            for name, buffer in model.named_buffers():
                if name.endswith(("running_mean", "running_var")):
                    buffer.add_(torch.rand(buffer.shape))
    return model


def samples(shape, k=5, classes=CLASSES):
    x = torch.randn(k, *shape, generator=stream(1))
    return x, torch.randint(classes, (k,), generator=stream(2))


def by_loop(model, x, y):
    """One forward and backward for every sample, over the trainable parameters."""
    modes = [module.training for module in model.modules()]
    model.eval()
    norms = []
    parameters = [p for p in model.parameters() if p.requires_grad]
    for i in range(len(x)):
        loss = losses(model(x[i : i + 1]), y[i : i + 1])[0]
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        norms.append(torch.cat([g.flatten() for g in gradients if g is not None]).double().norm())
    for module, mode in zip(model.modules(), modes, strict=True):
        module.training = mode
    return torch.stack(norms).float()


class Tokens(nn.Module):
    """Token inputs [b, t, d], pooled before the last layer."""

    def __init__(self, tokens=4, width=6, hidden=5):
        super().__init__()
        self.first, self.norm = nn.Linear(width, hidden), nn.LayerNorm(hidden)
        self.last = nn.Linear(hidden, CLASSES)

    def forward(self, x):
        return self.last(F.gelu(self.norm(self.first(x))).mean(1))


class Residual(nn.Module):
    def __init__(self, inplace=False):
        super().__init__()
        self.first, self.norm = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.second, self.relu = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.ReLU(inplace=inplace)
        self.last = nn.Linear(4, CLASSES)

    def forward(self, x):
        h = self.relu(self.norm(self.first(x)))
        return self.last(self.relu(self.second(h) + h).mean((2, 3)))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.again, self.last = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, CLASSES)

    def forward(self, x):
        return self.last(self.again(torch.tanh(self.again(torch.tanh(self.first(x))))))


class Functional(nn.Module):
    """Uses a layer's weight once more behind its back."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 6), nn.Linear(6, CLASSES)

    def forward(self, x):
        return self.last(F.linear(torch.tanh(self.first(x)), self.first.weight))


class Folded(nn.Module):
    """Hands a layer all points of all samples as rows."""

    def __init__(self):
        super().__init__()
        self.point, self.last = nn.Linear(2, 5), nn.Linear(5, CLASSES)

    def forward(self, x):
        points = torch.relu(self.point(x.reshape(-1, 2)))
        return self.last(points.reshape(len(x), -1, 5).amax(1))


class Idle(nn.Module):
    """Has a layer that the loss does not depend on."""

    def __init__(self):
        super().__init__()
        self.used, self.idle = nn.Linear(6, CLASSES), nn.Linear(6, CLASSES)

    def forward(self, x):
        return self.used(x)


class Subclass(nn.Linear):
    """Is a linear layer under another name."""


class Doubled(nn.Linear):
    """Is a linear layer that computes something else."""

    def forward(self, x):
        return 2 * super().forward(x)


class Scaled(nn.Module):
    """Has a parameter outside of any layer."""

    def __init__(self):
        super().__init__()
        self.layer, self.scale = nn.Linear(6, CLASSES), nn.Parameter(torch.ones(CLASSES))

    def forward(self, x):
        return self.layer(x) * self.scale


def shared():
    model = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, CLASSES))
    model[2].weight = model[0].weight
    return model


def convolved(layer, shape):
    """The layer, a nonlinearity, and a linear layer on all that comes out."""
    with torch.random.fork_rng(devices=[]):
        size = layer(torch.zeros(1, *shape)).numel()
    return nn.Sequential(layer, nn.Tanh(), nn.Flatten(), nn.Linear(size, CLASSES))


def normed(norm, shape):
    return nn.Sequential(norm, nn.Tanh(), nn.Flatten(), nn.Linear(torch.Size(shape).numel(), CLASSES))


IMAGE, LINE = (4, 7, 6), (4, 9)
BY_HOOKS = {
    "linear": (lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, CLASSES)), (6,)),
    "no bias": (lambda: nn.Sequential(nn.Linear(6, 8, False), nn.ReLU(), nn.Linear(8, CLASSES)), (6,)),
    "tokens": (Tokens, (4, 6)),
    "many tokens": (Tokens, (40, 6)),
    "two token dimensions": (
        lambda: nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Flatten(), nn.Linear(30, CLASSES)),
        (2, 3, 6),
    ),
    "conv": (lambda: convolved(nn.Conv2d(4, 6, 3), IMAGE), IMAGE),
    "conv, padding": (lambda: convolved(nn.Conv2d(4, 6, (3, 2), padding=(1, 2)), IMAGE), IMAGE),
    "conv1d, padding": (lambda: convolved(nn.Conv1d(4, 6, 3, padding=2), LINE), LINE),
    "conv, stride and padding": (
        lambda: convolved(nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 2)), IMAGE),
        IMAGE,
    ),
    "conv, dilation": (lambda: convolved(nn.Conv2d(4, 6, 2, dilation=(3, 2)), IMAGE), IMAGE),
    "conv, groups": (lambda: convolved(nn.Conv2d(4, 6, 3, groups=2), IMAGE), IMAGE),
    "conv, depthwise": (lambda: convolved(nn.Conv2d(4, 8, 3, groups=4, bias=False), IMAGE), IMAGE),
    "conv, few places": (lambda: convolved(nn.Conv2d(4, 30, 5), IMAGE), IMAGE),
    "conv, few places and groups": (lambda: convolved(nn.Conv2d(4, 30, 5, groups=2), IMAGE), IMAGE),
    "conv 1x1": (lambda: convolved(nn.Conv2d(4, 6, 1), IMAGE), IMAGE),
    "conv1d": (lambda: convolved(nn.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2), LINE), LINE),
    "batch norm": (lambda: normed(nn.BatchNorm2d(4), IMAGE), IMAGE),
    "batch norm of rows": (lambda: normed(nn.BatchNorm1d(4), (4,)), (4,)),
    "batch norm of lines": (lambda: normed(nn.BatchNorm1d(4), LINE), LINE),
    "layer norm": (lambda: normed(nn.LayerNorm(6), IMAGE), IMAGE),
    "layer norm of rows": (lambda: normed(nn.LayerNorm(4), (4,)), (4,)),
    "layer norm of images": (lambda: normed(nn.LayerNorm(IMAGE), IMAGE), IMAGE),
    "layer norm without shift": (lambda: normed(nn.LayerNorm((7, 6), bias=False), IMAGE), IMAGE),
    "sample norm": (lambda: normed(SampleNorm2d(4), IMAGE), IMAGE),
    "frozen batch norm": (lambda: normed(FrozenBatchNorm2d(4), IMAGE), IMAGE),
    "a subclass": (lambda: nn.Sequential(Subclass(6, 8), nn.Tanh(), nn.Linear(8, CLASSES)), (6,)),
    "group norm": (lambda: normed(nn.GroupNorm(2, 4), IMAGE), IMAGE),
    "norm without parameters": (lambda: normed(nn.BatchNorm2d(4, affine=False), IMAGE), IMAGE),
    "an idle layer": (Idle, (6,)),
    "residual": (Residual, (2, 6, 6)),
    "residual in place": (lambda: Residual(inplace=True), (2, 6, 6)),
}
BY_VMAP = {
    "reflected padding": (
        lambda: convolved(nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), IMAGE),
        IMAGE,
    ),
    "same padding": (lambda: convolved(nn.Conv2d(4, 6, 3, padding="same"), IMAGE), IMAGE),
    "instance norm": (lambda: normed(nn.InstanceNorm2d(4, affine=True), IMAGE), IMAGE),
    "a parameter outside of layers": (Scaled, (6,)),
    "shared parameters": (shared, (6,)),
    "a subclass with another forward": (lambda: nn.Sequential(Doubled(6, CLASSES)), (6,)),
    "weight norm": (
        lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, CLASSES))),
        (6,),
    ),
}
OTHERWISE = {
    "a layer used twice": (Twice, (6,)),
    "a weight used by hand": (Functional, (6,)),
    "points folded into rows": (Folded, (7, 2)),
}
ALL = BY_HOOKS | BY_VMAP | OTHERWISE


def close(norms, expected):
    return torch.allclose(norms, expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", ALL)
def test_norms_are_those_of_one_backward_per_sample(name):
    make, shape = ALL[name]
    model, (x, y) = seeded(make), samples(shape)
    assert close(gradient_norms(model, losses, x, y), by_loop(model, x, y))


@pytest.mark.parametrize("name", BY_HOOKS)
def test_layers_with_closed_forms_go_by_hooks(name, monkeypatch):
    for way in ("vmap", "one by one"):
        monkeypatch.setitem(WAYS, way, None)
    make, shape = BY_HOOKS[name]
    model = seeded(make)
    assert how(model, samples(shape)[0]) == "hooks"
    assert gradient_norms(model, losses, *samples(shape)).shape == (5,)


@pytest.mark.parametrize("name", BY_VMAP)
def test_what_has_no_closed_form_goes_by_vmap(name):
    make, shape = BY_VMAP[name]
    assert ways(seeded(make)) == ("vmap", "one by one")
    assert how(seeded(make), samples(shape)[0]) == "vmap"


@pytest.mark.parametrize("name", OTHERWISE)
def test_layers_that_are_used_in_another_way_go_by_vmap(name, monkeypatch):
    make, shape = OTHERWISE[name]
    monkeypatch.setitem(WAYS, "vmap", lambda model, loss, x, y: "vmap")
    assert gradient_norms(seeded(make), losses, *samples(shape)) == "vmap"
    assert ways(seeded(make))[0] == "hooks"
    assert how(seeded(make), samples(shape)[0]) == "vmap"


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("mlp", (1, 8, 8), 10),
        ("circles-mlp", (2,), 2),
        ("pcam-cnn", (3, 96, 96), 2),
        ("mnist-cnn", (1, 28, 28), 10),
        ("cifar-cnn", (3, 32, 32), 10),
        ("lenet", (1, 28, 28), 10),
        ("wide-resnet", (3, 16, 16), 10),
        ("resnet50", (3, 32, 32), 10),
        ("lstm", (20,), 10),
        ("resnet18", (3, 16, 16), 10),
        ("vit", (3, 16, 16), 10),
        ("pointnet", (30, 3), 10),
        ("siren", (2,), 3),
        ("vgg16-head", (40,), 10),
    ],
)
def test_every_model_has_exact_norms_by_hooks(name, shape, classes):
    assert name in CATALOGUE
    options = {"weights": "none", "norm": "batch"} if name == "resnet50" else {}
    model = seeded(lambda: build(ModelSpec(name=name, options=options), shape, classes))
    x, y = samples(shape, 4, classes)
    assert how(model, x) == "hooks"
    assert close(gradient_norms(model, losses, x, y), by_loop(model, x, y))


@pytest.mark.parametrize(
    ("name", "options", "shape"),
    [
        ("resnet18", {"norm": "layer"}, (3, 9, 9)),
        ("vit", {"dim": 16, "depth": 2}, (3, 8, 8)),
        ("pointnet", {}, (30, 3)),
        ("siren", {"width": 16}, (2,)),
    ],
)
def test_hooks_and_torch_func_agree_on_models_in_float64_with_a_loss_of_numbers(name, options, shape):
    model = seeded(lambda: build(ModelSpec(name=name, options=options), shape, 3)).double().eval()
    x, y = samples(shape)[0].double(), samples((3,))[0].double()

    def squares(output, target):
        return (output - target).square().mean(1)

    by_vmap = gradient_norm._by_vmap(model, squares, x, y)
    assert torch.allclose(gradient_norms(model, squares, x, y), by_vmap, rtol=1e-10, atol=0)


def test_class_token_and_positions_count_by_themselves():
    spec = ModelSpec(name="vit", options={"dim": 8, "depth": 1, "heads": 2})
    model, (x, y) = seeded(lambda: build(spec, (1, 8, 8), CLASSES)), samples((1, 8, 8))
    for only in ("token.weight", "positions.weight"):
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name == only)
        assert how(model, x) == "hooks"
        assert close(gradient_norms(model, losses, x, y), by_loop(model, x, y))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("norm", ["batch", "layer", "frozen"])
def test_a_small_resnet_has_exact_norms_by_hooks_with_every_norm(norm, training):
    spec = ModelSpec(name="wide-resnet", options={"depth": 10, "widen": 1, "norm": norm})
    model = seeded(lambda: build(spec, (3, 32, 32), 10)).train(training)
    x, y = samples((3, 32, 32), 4, 10)
    x = x.contiguous(memory_format=torch.channels_last)
    assert how(model, x) == "hooks"
    assert close(gradient_norms(model, losses, x, y), by_loop(model, x, y))


@pytest.mark.parametrize(
    "name", ["conv, groups", "conv, padding", "tokens", "batch norm", "layer norm", "sample norm", "residual"]
)
def test_closed_forms_agree_with_torch_func_in_float64(name):
    make, shape = BY_HOOKS[name]
    model, (x, y) = seeded(make).double(), samples(shape)
    x = x.double()
    by_vmap = gradient_norm._by_vmap(model.eval(), losses, x, y)
    assert torch.allclose(gradient_norms(model, losses, x, y), by_vmap, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", ["conv, groups", "many tokens", "conv, few places", "conv, padding"])
def test_small_chunks_give_the_same_norms(name, monkeypatch):
    make, shape = BY_HOOKS[name]
    model, (x, y) = seeded(make), samples(shape, 7)
    whole = gradient_norms(model, losses, x, y)
    monkeypatch.setattr(closed_forms, "NUMBERS", 1)
    for limit, value in (("SAMPLES", 3), ("CONVOLVED", {"cpu": 3})):
        monkeypatch.setattr(hooks, limit, value)
    assert close(gradient_norms(model, losses, x, y), whole)


def test_gram_matrices_of_a_product_that_cancels_do_not_give_a_negative_square():
    u = torch.randn(500, 40, 1, generator=stream()).expand(500, 40, 5)
    g = torch.randn(500, 40, 5, generator=stream(1))
    g = g - g.mean(-1, keepdim=True)
    assert (closed_forms._squared_product(u, g) >= 0).all()


def test_small_chunks_of_vmap_give_the_same_norms(monkeypatch):
    model, (x, y) = seeded(Twice), samples((6,), 7)
    whole = gradient_norms(model, losses, x, y)
    monkeypatch.setattr(gradient_norm, "KEPT", 200)
    assert close(gradient_norms(model, losses, x, y), whole)


@pytest.mark.parametrize("frozen", ["0.weight", "0.bias", "3.weight", "3.bias"])
@pytest.mark.parametrize("name", ["conv", "layer norm", "sample norm"])
def test_a_frozen_parameter_does_not_count(name, frozen):
    make, shape = BY_HOOKS[name]
    model, (x, y) = seeded(make), samples(shape)
    model.get_parameter(frozen).requires_grad_(False)
    assert close(gradient_norms(model, losses, x, y), by_loop(model, x, y))


def test_a_model_without_trainable_parameters_has_norms_of_zero():
    model = nn.Linear(6, CLASSES).requires_grad_(False)
    assert gradient_norms(model, losses, *samples((6,))).tolist() == [0.0] * 5


@pytest.mark.parametrize("name", ["residual", "instance norm", "a layer used twice"])
def test_the_model_is_left_as_it_was(name):
    make, shape = ALL[name]
    model, (x, y) = seeded(make), samples(shape)
    model.train()
    next(iter(model.children())).eval()
    losses(model(x), y).sum().backward()
    parameters = dict(model.named_parameters())
    next(iter(parameters.values())).requires_grad_(False)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    gradients = {key: p.grad.clone() for key, p in parameters.items()}
    modes, before = [module.training for module in model.modules()], torch.get_rng_state()

    gradient_norms(model, losses, x, y)

    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert all(torch.equal(p.grad, gradients[key]) for key, p in parameters.items())
    assert [p.requires_grad for p in parameters.values()] == [False] + [True] * (len(parameters) - 1)
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(module._forward_hooks for module in model.modules())


def test_the_mode_is_restored_after_an_error():
    model = seeded(BY_HOOKS["linear"][0]).train()
    with pytest.raises(RuntimeError):
        gradient_norms(model, losses, torch.zeros(5, 99), samples((6,))[1])
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


def test_dropout_is_inactive_while_scoring():
    model = seeded(lambda: build(ModelSpec(name="circles-mlp", options={"dropout": True}), (2,), 2)).train()
    x, y = samples((2,), 50, 2)
    assert close(gradient_norms(model, losses, x, y), by_loop(model, x, y))


def test_norms_have_no_graph_and_work_where_gradients_are_off():
    model, (x, y) = seeded(BY_HOOKS["conv"][0]), samples(IMAGE)
    with torch.no_grad():
        norms = gradient_norms(model, losses, x, y)
    assert not norms.requires_grad
    assert close(norms, by_loop(model, x, y))


def test_neither_weight_gradients_nor_the_input_gradient_are_computed():
    model, (x, y) = seeded(BY_HOOKS["linear"][0]), samples((6,), 50)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True) as seen:
        gradient_norms(model, losses, x, y)
    products = [event.input_shapes for event in seen.events() if event.name == "aten::mm"]
    assert products == [[[50, 3], [3, 8]]]


def test_batch_norm_without_statistics_is_refused():
    with pytest.raises(UsageError, match="no gradient of its own where BatchNorm1d keeps no statistics"):
        ways(nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False), nn.Linear(3, 2)))


class Reads(nn.Module):
    """Looks at a number, which torch.func cannot."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(6, CLASSES))

    def forward(self, x):
        return x @ self.scale if x.sum().item() > -1e9 else x[:, :CLASSES]


def test_a_model_that_torch_func_cannot_run_goes_one_by_one():
    model, (x, y) = seeded(Reads), samples((6,))
    assert how(model, x) == "one by one"
    assert close(gradient_norms(model, losses, x, y), by_loop(model, x, y))


@pytest.mark.parametrize("name", ["linear", "residual", "an idle layer", "a layer used twice"])
def test_one_backward_per_sample_gives_the_same_norms(name):
    make, shape = ALL[name]
    model, (x, y) = seeded(make).train(), samples(shape)
    assert close(norms_one_by_one(model, losses, x, y), gradient_norms(model, losses, x, y))
    assert model.training


def test_one_by_one_a_model_without_trainable_parameters_has_norms_of_zero():
    model = nn.Linear(6, CLASSES).requires_grad_(False)
    assert norms_one_by_one(model, losses, *samples((6,))).tolist() == [0.0] * 5
