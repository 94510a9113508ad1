"""Scores: how important a sample is, read from one forward pass; larger is more important."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from isbench.datasets.losses import cross_entropy
from isbench.samplers.gradient_norm import gradient_norms, norms_one_by_one
from isbench.train.forward import Forward

if TYPE_CHECKING:
    from isbench.train.problem import Problem


@dataclass(frozen=True)
class Score:
    """A number per sample [k], without a graph.

    `needs` names what `problem` has to provide: "features" (the forward carries the input of the last linear
    layer), "model" (the score does its own forward, so it is handed one without output and loss).
    """

    name: str
    compute: Callable[[Problem, Forward], Tensor]
    needs: frozenset[str] = frozenset()

    def __call__(self, problem: Problem, seen: Forward) -> Tensor:
        """The scores [k] of what was seen."""
        return self.compute(problem, seen).detach()


def _loss(problem: Problem, seen: Forward) -> Tensor:
    """The loss of each sample."""
    return seen.loss


def _upper_bound(problem: Problem, seen: Forward) -> Tensor:
    """||softmax - y||: the gradient norm of a cross-entropy at the logits, in closed form (paper 001)."""
    share = seen.output.detach().softmax(-1)
    if seen.target.is_floating_point():
        return (share - seen.target).norm(dim=-1)
    others = share.scatter_(-1, seen.target.unsqueeze(-1), 0.0)
    # The components sum to 0, so the target's is minus the sum of the others; 1 - share would round it to 0.
    return torch.hypot(torch.linalg.vector_norm(others, dim=-1), others.sum(-1))


def _output_gradient(problem: Problem, seen: Forward) -> Tensor:
    """The norm of the loss's gradient at the output: in closed form where the loss has one (paper 003)."""
    closed = problem.loss is cross_entropy
    return _upper_bound(problem, seen) if closed else _output_gradient_autograd(problem, seen)


def _output_gradient_autograd(problem: Problem, seen: Forward) -> Tensor:
    """The same by autograd, whatever the loss."""
    with torch.enable_grad():
        output = seen.output.detach().requires_grad_()
        loss = problem.loss(output, seen.target)
        (gradient,) = torch.autograd.grad(loss.sum(), output)
    return gradient.reshape(len(gradient), -1).norm(dim=-1)


def _doubt(problem: Problem, seen: Forward) -> Tensor:
    """1 - the probability that the net gives to the class; of shares of classes half of sum |p - share|."""
    p = seen.output.detach().softmax(-1)
    if seen.target.is_floating_point():
        return (p - seen.target).clamp_(min=0).sum(-1)  # what is too much is half of all, and rounds less
    return p.scatter_(-1, seen.target.unsqueeze(-1), 0.0).sum(-1)  # 1 - p would round it to 0


def _penultimate(problem: Problem, seen: Forward) -> Tensor:
    """No score but what the last linear layer reads of each sample [k, d], for those that learn from it."""
    if seen.features is None:
        raise ValueError("the penultimate features need the features of the forward")
    return seen.features.float()


def _last_layer(problem: Problem, seen: Forward) -> Tensor:
    """The norm of the loss's gradient at the last linear layer: ||dl/dz|| * ||[features, 1]||."""
    if seen.features is None:
        raise ValueError("the score last_layer needs the features of the forward")
    size = seen.features.detach().square().sum(-1)
    last = [module for module in problem.model.modules() if isinstance(module, nn.Linear)][-1]
    if last.bias is not None:
        size = size + 1
    return _output_gradient(problem, seen) * size.sqrt()


def _gradient(problem: Problem, seen: Forward) -> Tensor:
    """The exact norm of the loss's gradient over all trainable parameters."""
    return gradient_norms(problem.model, problem.loss, seen.input, seen.target)


def _gradient_one_by_one(problem: Problem, seen: Forward) -> Tensor:
    """The exact norm by one backward pass per sample, as the papers describe it: to show what that costs."""
    return norms_one_by_one(problem.model, problem.loss, seen.input, seen.target)


loss = Score("loss", _loss)
upper_bound = Score("upper_bound", _upper_bound)
output_gradient = Score("output_gradient", _output_gradient)
output_gradient_autograd = Score("output_gradient_autograd", _output_gradient_autograd)
last_layer = Score("last_layer", _last_layer, frozenset({"features"}))
gradient = Score("gradient", _gradient, frozenset({"model"}))
gradient_one_by_one = Score("gradient_one_by_one", _gradient_one_by_one, frozenset({"model"}))

# Not for recipes: what samplers of one use look at.
doubt = Score("doubt", _doubt)
penultimate = Score("penultimate", _penultimate, frozenset({"features"}))

SCORES: dict[str, Score] = {
    score.name: score
    for score in (
        *(loss, upper_bound, output_gradient, output_gradient_autograd),
        *(last_layer, gradient, gradient_one_by_one),
    )
}
