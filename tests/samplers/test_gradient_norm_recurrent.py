import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from isbench.samplers import hooks
from isbench.samplers.gradient_norm import gradient_norms, how, norms_one_by_one
from isbench.samplers.recurrent import stepped
from tests.builders import cross_entropy, rng

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

T, WIDTH, HIDDEN, CLASSES = 7, 3, 5, 4


class Reader(nn.Module):
    """A recurrent layer and a linear one on what `read` takes of its results."""

    def __init__(self, layer, read, width=HIDDEN):
        super().__init__()
        self.layer, self.read, self.last = layer, read, nn.Linear(width, CLASSES)

    def forward(self, x):
        return self.last(self.read(*self.layer(x)))


class Translator(nn.Module):
    """An LSTM between layers, which starts from another one's last state."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(WIDTH, HIDDEN)
        self.encoder = nn.LSTM(HIDDEN, HIDDEN, batch_first=True)
        self.decoder = nn.LSTM(HIDDEN, HIDDEN, batch_first=True)
        self.last = nn.Linear(HIDDEN, CLASSES)

    def forward(self, x):
        steps = torch.tanh(self.embed(x))
        return self.last(self.decoder(steps, self.encoder(steps)[1])[0].mean(1))


class Again(nn.Module):
    """Uses an LSTM twice."""

    def __init__(self):
        super().__init__()
        self.layer, self.last = nn.LSTM(WIDTH, HIDDEN, batch_first=True), nn.Linear(HIDDEN, CLASSES)

    def forward(self, x):
        return self.last(self.layer(x)[0][:, -1] + self.layer(x.flip(1))[0][:, -1])


class Packed(nn.Module):
    """Hands its LSTM sequences of different lengths."""

    def __init__(self):
        super().__init__()
        self.layer, self.last = nn.LSTM(WIDTH, HIDDEN, batch_first=True), nn.Linear(HIDDEN, CLASSES)

    def forward(self, x):
        packed = pack_padded_sequence(x, torch.full((len(x),), T - 2), batch_first=True)
        return self.last(self.layer(packed)[1][0][-1])


class Unbatched(nn.Module):
    """Hands its LSTM the numbers of a sample as if they were a sequence of their own."""

    def __init__(self):
        super().__init__()
        self.layer, self.last = nn.LSTM(WIDTH, HIDDEN), nn.Linear(HIDDEN, CLASSES)

    def forward(self, x):
        return torch.stack([self.last(self.layer(each)[0][-1]) for each in x])


def last_step(steps, state):
    return steps[:, -1]


def mean_step(steps, state):
    return steps.mean(1)


def both_states(steps, state):
    return torch.cat([state[0][-1], state[1][0]], 1)


def first_axis_is_time(layer):
    """A layer that is not batch-first, fed as it wants to be."""

    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.last = layer, nn.Linear(HIDDEN, CLASSES)

        def forward(self, x):
            return self.last(self.layer(x.transpose(0, 1))[0][-1])

    return Turned()


def recurrent(kind=nn.LSTM, **options):
    return kind(WIDTH, HIDDEN, batch_first=True, **options)


STEPPED = {
    "last step": lambda: Reader(recurrent(), last_step),
    "all steps": lambda: Reader(recurrent(), mean_step),
    "no bias": lambda: Reader(recurrent(bias=False), last_step),
    "two levels": lambda: Reader(recurrent(num_layers=2), mean_step),
    "three levels and dropout": lambda: Reader(recurrent(num_layers=3, dropout=0.5), last_step),
    "last state and first level's cell": lambda: Reader(recurrent(num_layers=2), both_states, 2 * HIDDEN),
    "time first": lambda: first_axis_is_time(nn.LSTM(WIDTH, HIDDEN, num_layers=2)),
    "between layers": Translator,
}
ONE_BY_ONE = {
    "gru": lambda: Reader(recurrent(nn.GRU), last_step),
    "rnn": lambda: Reader(recurrent(nn.RNN), last_step),
    "bidirectional": lambda: Reader(recurrent(bidirectional=True), mean_step, 2 * HIDDEN),
    "projected": lambda: Reader(recurrent(proj_size=2), last_step, 2),
    "used twice": Again,
    "packed": Packed,
    "unbatched": Unbatched,
}


def made(make, dtype=torch.float32):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make().to(dtype)


def samples(k=6, dtype=torch.float32):
    x = torch.randn(k, T, WIDTH, generator=rng()).to(dtype)
    return x, torch.randint(CLASSES, (k,), generator=rng("classes"))


def by_loop(model, x, y):
    """One forward and backward of the untouched model for every sample."""
    modes = [module.training for module in model.modules()]
    model.eval()
    norms = []
    for i in range(len(x)):
        model.zero_grad()
        cross_entropy(model(x[i : i + 1]), y[i : i + 1]).sum().backward()
        gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        norms.append(torch.cat(gradients).double().norm())
    model.zero_grad()
    for module, mode in zip(model.modules(), modes, strict=True):
        module.training = mode
    return torch.stack(norms).to(x.dtype)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", [*STEPPED, *ONE_BY_ONE])
def test_norms_are_those_of_one_backward_per_sample(name, training):
    model, (x, y) = made((STEPPED | ONE_BY_ONE)[name]).train(training), samples()
    norms = gradient_norms(model, cross_entropy, x, y)
    assert torch.allclose(norms, by_loop(model, x, y), rtol=1e-5, atol=0)
    assert model.training is training


@pytest.mark.parametrize("name", STEPPED)
def test_in_float64_they_agree_to_float64(name):
    model, (x, y) = made(STEPPED[name], torch.float64), samples(dtype=torch.float64)
    norms = gradient_norms(model, cross_entropy, x, y)
    assert torch.allclose(norms, by_loop(model, x, y), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", STEPPED)
def test_lstms_go_by_hooks(name):
    assert how(made(STEPPED[name]), samples()[0]) == "hooks"


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_other_recurrent_layers_go_one_by_one(name):
    assert how(made(ONE_BY_ONE[name]), samples()[0]) == "one by one"


def test_one_by_one_gives_the_norms_of_an_lstm():
    model, (x, y) = made(STEPPED["two levels"]), samples()
    norms = norms_one_by_one(model, cross_entropy, x, y)
    assert torch.allclose(norms, gradient_norms(model, cross_entropy, x, y), rtol=1e-5)


def test_small_chunks_give_the_same_norms(monkeypatch):
    model, (x, y) = made(STEPPED["two levels"]), samples()
    whole = gradient_norms(model, cross_entropy, x, y)
    monkeypatch.setattr(hooks, "STEPPED", {"cpu": 2})
    assert torch.allclose(gradient_norms(model, cross_entropy, x, y), whole, rtol=1e-5)


@pytest.mark.parametrize("frozen", ["weight_ih_l0", "weight_hh_l1", "bias_ih_l0", "bias_hh_l1", "all"])
def test_a_frozen_parameter_does_not_count(frozen):
    model, (x, y) = made(STEPPED["two levels"]), samples()
    for name, parameter in model.layer.named_parameters():
        parameter.requires_grad_(frozen not in (name, "all"))
    norms = gradient_norms(model, cross_entropy, x, y)
    assert torch.allclose(norms, by_loop(model, x, y), rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", ["two levels", "used twice"])
def test_the_model_is_left_as_it_was(name):
    model, (x, y) = made((STEPPED | ONE_BY_ONE)[name]).train(), samples()
    with torch.no_grad():
        before = model(x)
    gradient_norms(model, cross_entropy, x, y)
    assert "forward" not in vars(model.layer)
    assert all(p.grad is None for p in model.parameters())
    with torch.no_grad():
        assert torch.equal(model(x), before)


def test_step_by_step_the_results_are_those_of_the_layer():
    layer, (x, _) = made(lambda: recurrent(num_layers=2)), samples()
    state = (torch.randn(2, 6, HIDDEN, generator=rng("h")), torch.randn(2, 6, HIDDEN, generator=rng("c")))
    expected, (h, c) = layer(x, state)
    steps, (last, cell) = stepped(layer, lambda zeros, squares: None)(x, state)
    assert torch.allclose(steps, expected, atol=1e-6)
    assert torch.allclose(last, h, atol=1e-6)
    assert torch.allclose(cell, c, atol=1e-6)


def test_results_that_somebody_changes_in_place_are_no_silent_mistake():
    def overwrite(steps, state):
        return steps[:, -1].sigmoid_()

    model, (x, y) = made(lambda: Reader(recurrent(), overwrite)), samples()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        gradient_norms(model, cross_entropy, x, y)
