"""Everything that a sampler may know: the samples, the model's opinion of them, and how far training is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from isbench.datasets.base import Dataset
from isbench.train.credit import Book
from isbench.train.device import Gauge, at_once, generator, stream_seed
from isbench.train.forward import Batch, Forward
from isbench.train.timing import PhaseTimer

if TYPE_CHECKING:
    from isbench.samplers.scores import Score


class Problem:
    """A data set and a model on one device, and the few ways in which a sampler may look at them."""

    def __init__(
        self,
        dataset: Dataset,
        model: nn.Module,
        batch: int,
        timer: PhaseTimer,
        *,
        seed: int,
        lag: int = 0,
        precision: str = "float32",
        fraction: float = 1.0,
    ) -> None:
        self.dataset, self.model, self.timer = dataset, model, timer
        self.parameters = list(model.parameters())
        self.loss, self.classes, self.device = dataset.loss, dataset.classes, dataset.device
        self.n, self.batch, self.lag = dataset.n, batch, lag
        self.size = dataset.epoch_size  # n, or what stands for it
        self.steps = max(1, self.size // batch)
        self.fraction = fraction  # of the data, that a round may train on
        self.rng = generator(seed, "sampler", self.device)
        self.data_rng = generator(seed, "data", self.device)
        self.next = (stream_seed(seed, "data") % 2**30) << 31  # where a stream's numbers begin
        self.autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bfloat16")
        self.reduced = precision == "bfloat16"
        self.progress, self.round = 0.0, 0
        self.trained = self.scored = self.loaded = 0
        self.held_out_loss: Callable[[str], float] | None = None
        self.features: Tensor | None = None  # of the last forward, once a score asked for them
        self.catching = False
        self.judged: Tensor | None = None  # what the step's scores were, until it is booked
        self.judged_of: Forward | None = None
        self.gate: Tensor | None = None  # the smoothed tau that a start criterion follows
        self.weight: Tensor | None = None  # what the samples of the step counted
        self.healed: Tensor | None = None  # how many scores of the step had to be mended after its draw
        self.chunk = at_once(self.device, dataset.shape, model)
        self.mean = torch.full((batch,), 1 / batch, device=self.device)
        self.order = torch.empty(0, dtype=torch.int64, device=self.device)
        self.book: Book | None = None  # of `remember`

    # the model's opinion

    def fetch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and targets of some training samples; charged to `load`."""
        back = self.timer.lap("load")
        pair = self.dataset.train.fetch(index, self.round)
        self.loaded += index.shape[0]
        self.timer.lap(back)
        return pair

    def forward(self, index: Tensor, x: Tensor, y: Tensor) -> Forward:
        """Run the model, with a graph where gradients are on."""
        if self.reduced:
            with self.autocast:
                output = self.model(x)
            output = output.float()
        else:
            output = self.model(x)
        return Forward(index, x, y, output, self.loss(output, y), self.features, *self.parts(index))

    def parts(self, index: Tensor) -> tuple[Tensor, Tensor] | tuple[None, None]:
        """What samples [k] are mixed of in this round, and by what share [k, m]; None, None: of nothing."""
        return self.dataset.train.parts(index, self.round) or (None, None)

    def score(self, score: Score, index: Tensor) -> Tensor:
        """How important some samples are [k]: the only door to extra model work.

        Without a graph, in evaluation mode, in chunks; charged to `score` and counted.
        """
        back = self.timer.lap("score")
        self.scored += index.shape[0]
        self.model.eval()
        scores = [self._score(score, part) for part in index.tensor_split(-(-len(index) // self.chunk))]
        self.model.train()
        self.timer.lap(back)
        return scores[0] if len(scores) == 1 else torch.cat(scores)

    def _score(self, score: Score, index: Tensor) -> Tensor:
        x, y = self.fetch(index)
        if "model" in score.needs:
            nothing = x.new_empty(0)
            return score(self, Forward(index, x, y, nothing, nothing, None, *self.parts(index)))
        with torch.no_grad():
            seen = self.forward(index, x, y)
        return score(self, seen)

    def judge(self, score: Score, batch: Batch, seen: Forward) -> Tensor:
        """The scores of a step [k]: those that it was drawn by, else those of the batch; made once a step."""
        if self.judged is None or self.judged_of is not seen:
            self.judged_of = seen
            self.judged = self.fresh(score, seen) if batch.scores is None else batch.scores
        return self.judged

    def fresh(self, score: Score, seen: Forward) -> Tensor:
        """The scores [b] of samples just seen: free, except where a score runs the model itself."""
        return self.score(score, seen.index) if "model" in score.needs else score(self, seen)

    def rejudge(self, score: Score, batch: Batch, seen: Forward) -> Tensor:
        """The scores [b] of samples just seen, for a memory; made once a step."""
        return self.judge(score, batch, seen) if batch.scores is None else self.fresh(score, seen)

    def require(self, score: Score) -> None:
        """Prepare what a score needs of every forward: the input of the last linear layer."""
        if "features" in score.needs and not self.catching:
            self.catching = True
            last = [module for module in self.model.modules() if isinstance(module, nn.Linear)][-1]
            last.register_forward_pre_hook(self._catch)

    def _catch(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.features = inputs[0].flatten(1)

    # draws of samples, charged to `draw`

    def some(self, k: int) -> Tensor:
        """Independent uniform draws with replacement [k]; of a stream, the next k numbers."""
        back = self.timer.lap("draw")
        index = (
            self._fresh(k)
            if self.n is None
            else torch.randint(self.n, (k,), generator=self.data_rng, device=self.device)
        )
        self.timer.lap(back)
        return index

    def distinct(self, k: int) -> Tensor:
        """A uniform draw of k different samples, in random order.

        Handed out from one shuffled order until less than k is left of it, so that a draw costs k, not n.
        """
        if self.n is None:
            return self.some(k)
        back = self.timer.lap("draw")
        if self.order.shape[0] < k:
            self.order = torch.randperm(self.n, generator=self.data_rng, device=self.device)
        index, self.order = self.order[:k], self.order[k:]
        self.timer.lap(back)
        return index

    def shuffled(self, index: Tensor | None = None) -> Tensor:
        """All samples, or those of `index`, in random order; of a stream, as many new ones as stand for n."""
        if self.n is None:
            return self.some(self.dataset.epoch_size)
        back = self.timer.lap("draw")
        n = self.n if index is None else len(index)
        order = torch.randperm(n, generator=self.data_rng, device=self.device)
        order = order if index is None else index[order]
        self.timer.lap(back)
        return order

    def batches(self, order: Tensor) -> tuple[Tensor, ...]:
        """The order cut into batches; only the last may be shorter."""
        return order.split(self.batch)

    def _fresh(self, k: int) -> Tensor:
        self.next += k
        return torch.arange(self.next - k, self.next, device=self.device)

    # numbers that a sampler keeps of every sample

    def everything(self) -> Tensor:
        """The numbers of all samples [n]."""
        return torch.arange(self.finite_n, device=self.device)

    def full(self, value: float) -> Tensor:
        """A number for every sample [n]."""
        return torch.full((self.finite_n,), value, device=self.device)

    def labels(self, index: Tensor) -> Tensor:
        """The classes of some samples, without a look at their pixels; 0 where the data set has none."""
        labels = self.dataset.labels
        return torch.zeros_like(index) if labels is None else labels[index]

    def remember(self, store: Tensor, seen: Forward | Tensor, value: Tensor, *, keep: float = 0.0) -> Tensor:
        """Write a number [b] of each sample of a forward, or of an index, into a store [n].

        Of a sample that occurs twice, the mean. What mixed samples are made of moves by its share. `keep`:
        how much of the old number stays. Returns the samples written to, each as often as it occurs.
        """
        if self.book is None:
            self.book = Book(self.finite_n, self.device)
        index = seen.index if isinstance(seen, Forward) else seen
        parts, share = (seen.parts, seen.share) if isinstance(seen, Forward) else self.parts(seen)
        if parts is None or share is None:
            return self.book.write(store, index, value, keep)
        return self.book.spread(store, parts, share, value, keep)

    @property
    def finite_n(self) -> int:
        """n of a finite set; a sampler that asks for it on a stream was refused while planning."""
        if self.n is None:
            raise ValueError(f"{self.dataset.name} is a stream: it has no n")
        return self.n

    # what the loop and start criteria share

    def backward(self, weight: Tensor | None, loss: Tensor) -> None:
        """Gradients of the weighted mean of the losses [b], in place of those of the last step.

        What each loss counts is handed to autograd, which saves the mean and its own gradient.
        """
        for parameter in self.parameters:
            parameter.grad = None
        self.weight, b = weight, loss.shape[0]
        if weight is not None:
            share = (weight / b).to(loss.dtype)
        else:
            share = self.mean if b == self.batch else torch.full_like(loss, 1 / b)
        loss.backward(share)

    def gauge(self) -> Gauge:
        """A reader of one device scalar that does not stall the device."""
        return Gauge(self.device, self.lag)
