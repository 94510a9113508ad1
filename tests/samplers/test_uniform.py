import torch

from isbench.samplers.uniform import Uniform
from isbench.train.problem import Problem
from isbench.train.timing import FakeClock, PhaseTimer
from tests.builders import BATCH, N, model, stream, table


def problem(dataset) -> Problem:
    return Problem(dataset, model(dataset), BATCH, PhaseTimer(FakeClock()), seed=0)


def test_in_file_order_every_round_reads_the_samples_as_they_lie():
    sampler = Uniform(problem(table()), order="file")
    for _ in range(2):
        batches = [batch.index for batch in sampler.epoch()]
        assert torch.equal(torch.cat(batches), torch.arange(N))
        assert {len(index) for index in batches[:-1]} == {BATCH}


def test_shuffled_is_the_default_and_no_round_is_like_another():
    sampler = Uniform(problem(table()))
    one, two = (torch.cat([batch.index for batch in sampler.epoch()]) for _ in range(2))
    assert torch.equal(one.sort().values, torch.arange(N))
    assert not torch.equal(one, two)


def test_a_stream_goes_on_where_it_was_in_either_order():
    for order in ("file", "shuffled"):
        sampler = Uniform(problem(stream()), order=order)
        one, two = (torch.cat([batch.index for batch in sampler.epoch()]) for _ in range(2))
        assert torch.equal(torch.cat([one, two]), torch.arange(2 * N) + one[0])
