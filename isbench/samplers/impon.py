"""IMPON: train on what an online linear model takes for the largest losses of a bank (paper 002).

The linear model reads each candidate's features and the size of the net's weights, and learns from the losses
of the batches that were trained on: no forward pass is spent on the bank.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from annotated_types import Gt
from torch import Tensor
from torch.nn.utils import get_total_norm

from isbench.samplers.base import Sampler, Samples
from isbench.samplers.scores import penultimate
from isbench.train.forward import Batch, Forward

if TYPE_CHECKING:
    from isbench.train.problem import Problem

NARROWEST = 0.1  # no feature is scaled as if it varied less than this share of what features do on average


class Linear:
    """A linear model of the loss, from zero: of a sample's features and the norm of the net's weights.

    Where `standardise` is on, features are centred and scaled by those that it is made with.
    """

    def __init__(self, features: Tensor, standardise: bool) -> None:
        self.coefficients = features.new_zeros(features.shape[1] + 2)  # the intercept last
        self.centre, self.scale = features.new_zeros(()), features.new_ones(())
        if standardise:
            spread = features.std(0, correction=0)
            self.centre = features.mean(0)
            self.scale = spread.maximum((NARROWEST * spread.mean()).clamp(min=1e-6))

    def context(self, features: Tensor, norm: Tensor) -> Tensor:
        """Features [k, d], the norm, and 1: what the model reads [k, d + 2]."""
        context = features.new_ones(len(features), features.shape[1] + 2)
        context[:, :-2] = (features - self.centre) / self.scale
        context[:, -2] = norm
        return context

    def predict(self, features: Tensor, norm: Tensor) -> Tensor:
        """The expected losses [k]."""
        return self.context(features, norm) @ self.coefficients

    def learn(self, features: Tensor, norm: Tensor, loss: Tensor, rate: float) -> Tensor:
        """One gradient step on the mean squared error; a model that has lost its way begins anew (0-d: 1)."""
        context = self.context(features, norm)
        off = context @ self.coefficients - loss
        stepped = self.coefficients - rate * 2 / len(loss) * (off @ context)
        sound = stepped.isfinite().all()
        self.coefficients = torch.where(sound, stepped, 0.0)
        return (~sound).long()


class Impon(Sampler):
    """Draws a bank without repetition and trains on the batch with the highest predicted losses.

    `rate`: of the linear model's one gradient step per batch. `features`: what it reads of a sample, its
    pixels or what the net's last layer reads, which takes a forward pass of the bank. `standardise`: features
    are centred and scaled by the first bank of a round. `reset`: when the linear model begins anew, at zero.
    `norm`: whether it also reads the norm of the net's weights, which is the same for the whole bank.
    """

    distinct = True
    highest = True

    def __init__(
        self,
        problem: "Problem",
        *,
        bank: Samples = 200,
        rate: Annotated[float, Gt(0)] = 1e-6,
        features: Literal["pixels", "penultimate"] = "pixels",
        standardise: bool = True,
        reset: Literal["round", "never"] = "round",
        norm: bool = True,
    ) -> None:
        super().__init__(problem)
        self.bank, self.rate, self.features = bank, rate, features
        self.standardise, self.reset, self.norm = standardise, reset, norm
        if features == "penultimate":
            problem.require(penultimate)
        self.linear: Linear | None = None
        self.before: Tensor | None = None  # the norm of the weights that a batch was chosen for

    def epoch(self) -> Iterator[Batch]:
        """As many batches as a shuffled round has full ones."""
        problem = self.problem
        if self.reset == "round":
            self.linear = None
        for _ in range(problem.steps):
            bank = problem.distinct(self.bank)  # in random order, which settles ties
            features, self.before = self.look(problem, bank), self.weights()
            predicted = self.linear_for(features).predict(features, self.before)
            order = predicted.argsort(descending=self.highest, stable=True)
            yield Batch(bank[order[: problem.batch]], None, predicted, bank)

    def look(self, problem: "Problem", index: Tensor) -> Tensor:
        """The features of some samples [k, d]."""
        if self.features == "penultimate":
            return problem.score(penultimate, index)
        return problem.fetch(index)[0].flatten(1)

    def weights(self) -> Tensor:
        """The norm of all parameters of the net together; 0 where the linear model does not read it."""
        if not self.norm:
            return torch.zeros((), device=self.problem.device)
        return get_total_norm(self.problem.parameters).detach()

    def linear_for(self, features: Tensor) -> Linear:
        """The linear model; where there is none, a new one, centred and scaled by these features."""
        if self.linear is None:
            self.linear = Linear(features, self.standardise)
        return self.linear

    def observe(self, batch: Batch, seen: Forward) -> None:
        """The linear model learns from the losses of the batch."""
        features = seen.input.flatten(1) if self.features == "pixels" else penultimate(self.problem, seen)
        norm = self.before if batch.candidates is not None else None  # of a batch that it chose itself
        norm = self.weights() if norm is None else norm
        self.problem.healed = self.linear_for(features).learn(features, norm, seen.loss, self.rate)
        self.before = None

    def predicted(self, problem: "Problem", index: Tensor) -> Tensor | None:
        """The losses [k] that the linear model expects of some samples."""
        if self.linear is None:
            return None
        return self.linear.predict(self.look(problem, index), self.weights())


class ImponLow(Impon):
    """The same with the lowest predicted losses: the paper's control."""

    highest = False
