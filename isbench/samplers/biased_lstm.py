"""Biased importance sampling by predicted losses: no forward pass is spent on the pool.

Katharopoulos and Fleuret 2017, arXiv 1706.00043: a small recurrent network reads the last losses of a sample
and its class, and predicts its loss now.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import torch
from annotated_types import Le
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from isbench.samplers.base import Sampler, Samples
from isbench.samplers.rules import Tempered
from isbench.train.forward import Batch, Forward

if TYPE_CHECKING:
    from isbench.train.problem import Problem

HISTORY, HIDDEN, RATE, LEAST = 10, 32, 1e-3, 1e-6  # as in the authors' library


class Predictor(nn.Module):
    """Two stacked LSTMs over the last losses, an embedding of the class, one linear layer over both."""

    def __init__(self, classes: int, rng: torch.Generator) -> None:
        super().__init__()
        with torch.device("meta"):  # no global generator is asked
            self.past = nn.LSTM(1, HIDDEN, 2, batch_first=True)
            self.embedding = nn.Embedding(max(1, classes), HIDDEN)
            self.head = nn.Linear(2 * HIDDEN, 1)
        self.to_empty(device=rng.device)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-(HIDDEN**-0.5), HIDDEN**-0.5, generator=rng)

    def forward(self, history: Tensor, count: Tensor, label: Tensor) -> Tensor:
        """The losses [k] predicted from history [k, h], of which the first `count` [k] are known."""
        read, _ = self.past(history[:, :, None])
        last = read.gather(1, (count - 1)[:, None, None].expand(-1, 1, HIDDEN))[:, 0]
        return self.head(torch.cat([last, self.embedding(label)], 1))[:, 0]


class BiasedLstm(Sampler):
    """Draws from a pool in proportion to predicted losses, weighed by (1/(B p))^k.

    Every sample has a history of at most ten losses that begins with 1. The predictor is trained on each
    batch by Adam.
    """

    finite = True

    def __init__(self, problem: "Problem", *, pool: Samples = 2048, k: Annotated[float, Le(1)] = 0.5) -> None:
        super().__init__(problem)
        self.pool, self.rule = pool, Tempered(k)
        self.predictor = Predictor(problem.classes, problem.rng)
        self.optimizer = torch.optim.Adam(self.predictor.parameters(), lr=RATE)
        n = problem.finite_n
        self.history = torch.zeros(n, HISTORY, device=problem.device)
        self.history[:, 0] = 1.0
        self.count = torch.ones(n, dtype=torch.int64, device=problem.device)
        self.last = problem.full(torch.nan)

    def epoch(self) -> Iterator[Batch]:
        """As many batches as a shuffled round has full ones."""
        for _ in range(self.problem.steps):
            pool = self.problem.some(self.pool)
            with torch.no_grad():
                scores = self.predict(pool).clamp(min=LEAST)
            picked = self.rule(scores, self.problem.batch, self.problem.rng)
            yield Batch(pool[picked.index], picked.weight, scores, pool, healed=picked.healed)

    def predict(self, index: Tensor) -> Tensor:
        """What the losses [k] of some samples probably are; of mixed ones, by share of their parts."""
        parts, share = self.problem.parts(index)
        if parts is None or share is None:
            return self._predict(index)
        return (self._predict(parts.flatten()).view_as(share) * share).sum(1)

    def _predict(self, index: Tensor) -> Tensor:
        return self.predictor(self.history[index], self.count[index], self.problem.labels(index))

    def observe(self, batch: Batch, seen: Forward) -> None:
        """One step of the predictor; then the losses join their histories, in place of the oldest."""
        with torch.enable_grad():
            self.optimizer.zero_grad()
            mse_loss(self.predict(seen.index), seen.loss).backward()
        self.optimizer.step()
        index = self.problem.remember(self.last, seen, seen.loss)
        past, count = self.history[index], self.count[index]
        past = torch.where((count == HISTORY)[:, None], past.roll(-1, 1), past)
        place = count.clamp(max=HISTORY - 1)
        past = past.scatter(1, place[:, None], self.last[index][:, None])
        present = self.present(seen, index)
        self.history.index_copy_(0, index, torch.where(present[:, None], past, self.history[index]))
        self.count.index_copy_(0, index, torch.where(present, place + 1, count))

    def present(self, seen: Forward, index: Tensor) -> Tensor:
        """Which of the samples were in the batch: a mixed one may have a share of nothing in it."""
        if seen.parts is None or seen.share is None:
            return torch.ones_like(index, dtype=torch.bool)
        mass = torch.zeros_like(self.last).index_add_(0, seen.parts.flatten(), seen.share.flatten())
        return mass[index] > 0

    def stored(self) -> Tensor:
        """The last known losses."""
        return self.last
