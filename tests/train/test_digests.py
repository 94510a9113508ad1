"""Digests of what was selected: any other index, order, batch or weight is another number."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isbench.train.digests import FACTOR, FIRST_STEPS, Digests
from isbench.train.forward import Batch
from isbench.train.tally import Step
from tests.builders import CPU, rng, run


def step(index: list[int], weight: list[float] | None = None) -> Step:
    chosen = torch.tensor(index)
    return Step(
        0, Batch(chosen), torch.zeros(len(index)), weight=None if weight is None else torch.tensor(weight)
    )


def digested(*steps: Step) -> tuple[int, int]:
    digests = Digests(CPU)
    for one in steps:
        digests.add([one], torch.zeros(1))
    return int(digests.selection), int(digests.weights)


def test_a_digest_is_the_polynomial_that_it_says_it_is() -> None:
    index = torch.randint(1000, (50,), generator=rng()).tolist()
    known = 0
    for value in (*index, -len(index)):
        known = (known * FACTOR + value) % 2**64
    assert digested(step(index))[0] % 2**64 == known


OTHERS = {
    "another index": [step([1, 2, 4]), step([5, 6])],
    "another order": [step([2, 1, 3]), step([5, 6])],
    "batches in another order": [step([5, 6]), step([1, 2, 3])],
    "other batches of the same samples": [step([1, 2]), step([3, 5, 6])],
    "a batch less": [step([1, 2, 3])],
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_selection_is_another_number(other: str) -> None:
    assert digested(*OTHERS[other])[0] != digested(step([1, 2, 3]), step([5, 6]))[0]


def test_another_weight_changes_the_digest_of_weights_alone() -> None:
    selection, weights = digested(step([1, 2], [1.0, 0.5]))
    assert digested(step([1, 2], [1.0, 0.5000001]))[0] == selection
    assert digested(step([1, 2], [1.0, 0.5000001]))[1] != weights


def test_no_weight_is_a_weight_of_1() -> None:
    assert digested(step([1, 2])) == digested(step([1, 2], [1.0, 1.0]))


def kept(monkeypatch: pytest.MonkeyPatch, fold: int, first: float = 0.25) -> dict[str, np.ndarray]:
    monkeypatch.setattr("isbench.train.ledger.FOLD", fold)
    made = run("highest-loss-cdf", grid=(first, 1.0))
    made.tally.digests = Digests(CPU)
    made.finish()
    return made.tally.digests.arrays()


def test_when_steps_are_counted_changes_no_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, pieces = kept(monkeypatch, 4096), kept(monkeypatch, 3)
    assert all(np.array_equal(whole[name], pieces[name]) for name in whole)


def test_there_is_a_digest_for_each_point_and_a_loss_for_each_of_the_first_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arrays = kept(monkeypatch, 4096)
    assert arrays["steps"].tolist() == [0, 10, 40]
    assert len(set(arrays["selection"].tolist())) == 3
    assert arrays["losses"].shape == (FIRST_STEPS,)


def test_of_many_steps_at_once_only_the_first_losses_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    early, late = kept(monkeypatch, 4096), kept(monkeypatch, 4096, first=0.5)
    assert late["losses"].tolist() == early["losses"].tolist()
