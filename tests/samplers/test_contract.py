"""The laws of the sampler interface, over the whole catalogue."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from isbench.samplers import catalogue
from isbench.samplers.base import Sampler
from isbench.samplers.catalogue import CATALOGUE
from isbench.samplers.placebo import Placebo
from isbench.samplers.start import StartWhen
from isbench.store.records import OptimizerSpec, SamplerSpec, StartSpec
from isbench.train.forward import Batch, Forward
from isbench.train.problem import Problem
from isbench.train.timing import FakeClock, PhaseTimer
from tests.builders import BATCH, CPU, N, model, regression, run, stream, table

NAMES = list(CATALOGUE)
ROUNDS = 3
LESSONS = {  # looks at all samples until the sampler tells them apart
    "biased-lstm": 200,
    "active-bias-spd": 2,
    "active-bias-wpd": 2,
}
PATIENCE = {"p-sgd": 500, "c-sgd": 500, "active-bias-spd": 500}  # rounds in which a slight bias shows
READ = {  # numbers that are read from the host, or from a gauge that lags behind a device
    *("dlis-constant-time", "dlis-constant-variance"),
    "biased-lstm",
    *(name for name, entry in CATALOGUE.items() if entry.sampler.waits),
}
WEIGHED = ("low", "memory-weight", "active-bias-wd", "active-bias-wpd", "active-bias-wtc")  # uniform draws
NARROW = {  # options that fit the small task: samples on both sides, a pool of its size
    "unhandled": {"above": 0.6},
    "biased-lstm": {"pool": 128},
    "impon": {"reset": "never"},  # else what is taught before a round is forgotten
    "impon-low": {"reset": "never"},
    "selective-backprop-composer": {"since": 0.0, "until": 1.0, "interrupt": 0},
    "p-sgd": {"fraction": 0.3},  # all of the data is not a choice
    "c-sgd": {"fraction": 0.3},
    **{f"active-bias-{kind}": {"epsilon": 0.01} for kind in ("sd", "wd", "spd", "wpd", "stc", "wtc")},
}


def build(
    name: str, *, dataset=None, network: nn.Module | None = None, start: str = "none", **options
) -> tuple[Problem, Sampler]:
    dataset = dataset or table()
    problem = Problem(
        dataset, network or model(dataset, dropout=0.2, norm=True), BATCH, PhaseTimer(FakeClock()), seed=0
    )
    spec = SamplerSpec(
        label=name, name=name, start=StartSpec(name=start, options={} if start == "none" else {"at": 0.2})
    )
    return problem, catalogue.build(spec.model_copy(update={"options": options}), problem)


def look(problem: Problem, index: Tensor) -> Forward:
    return problem.forward(index, *problem.fetch(index))


def play(problem: Problem, sampler: Sampler, rounds: int = ROUNDS) -> list[Batch]:
    """Rounds without an optimiser: what the loop asks, in its order."""
    batches = []
    for _ in range(rounds):
        for batch in sampler.epoch():
            seen = look(problem, batch.index)
            weight = sampler.weigh(batch, seen)
            batches.append(batch)
            check_weight(weight, batch)
            sampler.observe(batch, seen.detach())
    return batches


def check_weight(weight: Tensor | None, batch: Batch) -> None:
    if weight is not None:
        assert weight.shape == batch.index.shape
        assert torch.isfinite(weight).all()
        assert (weight >= 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_round_ends_and_its_batches_are_valid_indices(name: str) -> None:
    for batch in play(*build(name)):
        assert batch.index.dtype == torch.int64
        assert batch.index.ndim == 1
        assert 1 <= len(batch.index) <= BATCH
        assert batch.index.min() >= 0
        assert batch.index.max() < N


@pytest.mark.parametrize("name", NAMES)
def test_batches_and_weights_live_on_the_device(name: str) -> None:
    problem, sampler = build(name)
    batch = next(iter(sampler.epoch()))
    assert batch.index.device == problem.device == CPU


@pytest.mark.parametrize("name", NAMES)
def test_learns_from_batches_that_it_did_not_draw(name: str) -> None:
    problem, sampler = build(name)
    index = problem.some(BATCH)
    sampler.observe(Batch(index), look(problem, index).detach())
    assert play(problem, sampler, 1)


aten = torch.ops.aten
COUNTED = {  # how large their result is, or the result itself, is read from the device
    *(aten._local_scalar_dense.default, aten.nonzero.default, aten.masked_select.default),
    *(aten._unique2.default, aten.unique_dim.default, aten.bincount.default, aten.repeat_interleave.Tensor),
}
INDEXING = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default}


class Reads(TorchDispatchMode):
    """Counts the operations for which a device would be waited for: a number or a size is read from it."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        masks = [each for each in args[1] if each is not None] if func in INDEXING else []
        self.count += func in COUNTED or any(each.dtype in (torch.bool, torch.uint8) for each in masks)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "look",
    [
        lambda x: x.sum().item(),
        lambda x: x.nonzero(),
        lambda x: x[x > 1],
        lambda x: x.clone().__setitem__(x > 1, x[:2]),
        lambda x: x.unique(),
    ],
    ids=["a number", "places", "a mask", "writing by a mask", "what differs"],
)
def test_what_waits_for_a_device_is_counted(look) -> None:
    with Reads() as reads:
        look(torch.arange(4.0))
    assert reads.count


def test_what_does_not_wait_is_not_counted() -> None:
    x = torch.arange(4.0)
    with Reads() as reads:
        x[torch.tensor([2, 0])].masked_fill(x[:2] > 1, 0.0).topk(1).indices.clamp(max=1)
        torch.where(x > 1, x, 0.0).index_add_(0, torch.tensor([1]), x[:1])
    assert reads.count == 0


@pytest.mark.parametrize("name", [name for name in NAMES if name not in READ])
def test_no_step_waits_for_the_device(name: str) -> None:
    problem, sampler = build(name, **NARROW.get(name, {}))
    play(problem, sampler, 1)
    with Reads() as reads:
        play_unchecked(problem, sampler)
    assert reads.count == 0


def play_unchecked(problem: Problem, sampler: Sampler) -> None:
    """One round, as the loop asks."""
    for batch in sampler.epoch():
        seen = look(problem, batch.index)
        sampler.weigh(batch, seen)
        sampler.observe(batch, seen.detach())


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_makes_the_same_run_bit_for_bit(name: str) -> None:
    one, two = run(name), run(name)
    first, second = one.finish(), two.finish()
    assert [p.test_loss for p in first] == [p.test_loss for p in second]
    assert one.tally.usage is not None
    assert two.tally.usage is not None
    assert torch.equal(one.tally.usage.times_trained, two.tally.usage.times_trained)


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_makes_another_run(name: str) -> None:
    assert run(name, seed=0).finish()[-1].test_loss != run(name, seed=1).finish()[-1].test_loss


@pytest.mark.parametrize("name", NAMES)
def test_drawing_and_scoring_leave_mode_buffers_gradients_and_global_state_as_they_were(name: str) -> None:
    problem, sampler = build(name)
    network = problem.model.train()
    buffers = copy.deepcopy(dict(network.named_buffers()))
    before = torch.get_rng_state()
    for batch in sampler.epoch():
        assert batch.index.numel()
    assert torch.equal(before, torch.get_rng_state())
    assert all(module.training for module in network.modules())
    assert all(torch.equal(value, buffers[key]) for key, value in network.named_buffers())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_extra_model_work_is_counted(name: str) -> None:
    problem, sampler = build(name)
    calls = []
    problem.model.register_forward_hook(lambda module, inputs, output: calls.append(len(output)))
    for _ in sampler.epoch():
        pass
    assert sum(calls) == problem.scored


@pytest.mark.parametrize("name", NAMES)
def test_between_rounds_all_state_is_attributes(name: str) -> None:
    problem, sampler = build(name)
    play(problem, sampler, 1)
    saved = copy.deepcopy(sampler.state())
    streams = problem.rng.get_state(), problem.data_rng.get_state(), problem.order.clone()
    expected = [batch.index for batch in sampler.epoch()]

    problem.rng.set_state(streams[0])
    problem.data_rng.set_state(streams[1])
    problem.order = streams[2]
    fresh = build(name)[1]
    vars(fresh).update(saved, problem=problem)
    again = [batch.index for batch in fresh.epoch()]
    assert all(torch.equal(one, two) for one, two in zip(expected, again, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_round_may_be_abandoned_after_any_batch(name: str) -> None:
    problem, sampler = build(name)
    for stop in (1, 2, 5):
        for count, batch in enumerate(sampler.epoch(), start=1):
            sampler.observe(batch, look(problem, batch.index).detach())
            if count == stop:
                break
    assert play(problem, sampler, 1)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("uniform")])
def test_a_start_at_20_percent_leaves_the_uniform_distribution(name: str) -> None:
    start = StartSpec(name="progress", options={"at": 0.2})
    made = run(
        name, start=start, options=NARROW.get(name), budget=(100, "steps"), grid=(0.2, 1.0), trace=True
    )
    points = made.finish()
    assert points[1].active == 0
    assert points[2].active == 1
    uniform = run("uniform", budget=(100, "steps"), grid=(0.2, 1.0))
    uniform.finish()
    assert made.tally.usage is not None
    assert uniform.tally.usage is not None
    spread = made.tally.usage.times_trained.float().var()
    if name in WEIGHED:
        assert points[1].weight_ess == 1.0
        assert (points[2].weight_ess or 1.0) < 0.95
    else:
        assert spread > 2 * uniform.tally.usage.times_trained.float().var()


@pytest.mark.parametrize("name", [name for name in NAMES if not CATALOGUE[name].finite])
def test_what_is_not_finite_runs_on_a_stream(name: str) -> None:
    dataset = stream()
    points = run(name, dataset=dataset, network=model(dataset), budget=(2.0, "epochs")).finish()
    assert points[-1].epochs >= 2.0


def expectation(problem: Problem, sampler: Sampler, value: Tensor, rounds: int) -> tuple[float, float]:
    """Mean and standard error of the weighted mean of a value over what is drawn."""
    means = []
    for _ in range(rounds):
        total, count = 0.0, 0
        for batch in sampler.epoch():
            weight = sampler.weigh(batch, look(problem, batch.index))
            weight = torch.ones(len(batch.index)) if weight is None else weight
            total += float((weight * value[batch.index]).sum())
            count += len(batch.index)
        means.append(total / count)
    sample = torch.tensor(means, dtype=torch.float64)
    return float(sample.mean()), float(sample.std() / len(sample) ** 0.5)


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_marked_unbiased_is_and_one_marked_biased_is_not(name: str) -> None:
    dataset = table()
    problem, sampler = build(name, dataset=dataset, network=model(dataset), **NARROW.get(name, {}))
    problem.model.eval()
    everything = look(problem, torch.arange(N)).detach()
    for lesson in range(1, 1 + LESSONS.get(name, 1)):  # what keeps a number per sample has one
        told = everything._replace(output=lesson**2 * everything.output)  # never sure of it in the same way
        sampler.observe(Batch(everything.index), told)
    value = everything.loss.square()  # what importance follows: bias shows in it
    mean, error = expectation(problem, sampler, value, PATIENCE.get(name, 60))
    distance = abs(mean - float(value.mean()))
    if CATALOGUE[name].unbiased:
        assert distance < 5 * error + 1e-6
    else:
        assert distance > 10 * error


@pytest.mark.parametrize("name", NAMES)
def test_every_option_of_the_card_can_be_set(name: str) -> None:
    for key, parameter in catalogue.options(name).items():
        assert parameter.annotation is not parameter.empty, key
        default = catalogue.resolve(name, {}, BATCH)[key]
        build(name, **{key: default})


class Spied(Sampler):
    """Another sampler, and what was asked of it."""

    def __init__(self, sampler: Sampler) -> None:
        super().__init__(sampler.problem)
        self.sampler, self.drawn, self.weighed, self.observed = sampler, [], 0, 0

    def epoch(self):
        for batch in self.sampler.epoch():
            self.drawn.append(batch)
            yield batch

    def weigh(self, batch: Batch, seen: Forward) -> Tensor | None:
        self.weighed += 1
        return self.sampler.weigh(batch, seen)

    def observe(self, batch: Batch, seen: Forward) -> None:
        self.observed += 1
        self.sampler.observe(batch, seen)


def tried_as_placebo(name: str, dataset) -> None:
    """Two rounds: sizes, range, no weights; the sampler asked in full, its model work counted."""
    problem, sampler = build(name, dataset=dataset, **NARROW.get(name, {}))
    spied = Spied(sampler)
    placebo, calls, given = Placebo(problem, spied), [], []
    problem.model.register_forward_hook(lambda module, inputs, output: calls.append(len(output)))
    for _ in range(2):
        for batch in placebo.epoch():
            given.append(batch)
            seen = look(problem, batch.index)
            assert placebo.weigh(batch, seen) is None
            placebo.observe(batch, seen.detach())
    assert spied.weighed == spied.observed == len(spied.drawn) == len(given) > 0
    assert sum(calls) == problem.scored + sum(len(batch.index) for batch in given)
    for batch, own in zip(given, spied.drawn, strict=True):
        assert batch == own._replace(index=batch.index, weight=None)
        assert batch.index.dtype == torch.int64
        assert batch.index.shape == own.index.shape
        if problem.n is not None:
            assert 0 <= int(batch.index.min()) <= int(batch.index.max()) < problem.n
        if not batch.active:
            assert batch.index is own.index
        elif batch.candidates is not None and len(batch.candidates) >= len(batch.index):
            assert torch.isin(batch.index, batch.candidates).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_placebo_asks_for_all_of_the_work_and_draws_as_many_samples_without_weights(name: str) -> None:
    tried_as_placebo(name, table())
    if not CATALOGUE[name].finite:
        tried_as_placebo(name, stream())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in READ])
def test_no_step_of_a_placebo_waits_for_the_device(name: str) -> None:
    problem, sampler = build(name, **NARROW.get(name, {}))
    placebo = Placebo(problem, sampler)
    play_unchecked(problem, placebo)
    with Reads() as reads:
        play_unchecked(problem, placebo)
    assert reads.count == 0


def test_a_start_criterion_is_fed_by_every_step() -> None:
    problem, sampler = build("highest-loss", start="steps")
    assert isinstance(sampler, StartWhen)
    play(problem, sampler, 1)
    assert sampler.criterion.made > 0


@pytest.mark.parametrize("name", [name for name in NAMES if not CATALOGUE[name].sampler.classes])
def test_every_entry_that_needs_no_classes_learns_a_regression_by_a_score_that_it_has(name: str) -> None:
    dataset, score = regression(), catalogue.score_of(name, {})
    bound = score is not None and score.name == "upper_bound"
    options = {**({"score": "output_gradient"} if bound else {}), **NARROW.get(name, {})}
    adam = OptimizerSpec(lr=0.01)
    points = run(name, dataset=dataset, network=model(dataset), options=options, optimizer=adam).finish()
    assert points[-1].test_loss < points[0].test_loss
    assert points[-1].test_error is None
