"""What drawing by a score does to the estimate of the gradient: measured on fixed samples of a model at rest.

N samples have the gradients g_i with the mean G. Drawn with the probabilities p_i and weighed by 1/(N p_i),
one draw estimates G with the variance sum |g_i|^2 / (N^2 p_i) - |G|^2, which needs the norms of all samples
and one mean, no draw. Samples that cannot be drawn although they have a gradient (lost support) are left out
of that variance and of uniform's alike; what the estimate lacks without them is its bias.
"""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from isbench.samplers.rules import Proportional
from isbench.train.problem import Problem

RESAMPLINGS = 10  # batches drawn for the distance that paper 001 plots
CHUNK = 256  # samples whose graph is held at once
HANDLED = 0.1  # a cross-entropy below this is next to nothing

Statistics = dict[str, float]
RULE = Proportional(unbiased=True)


def gradients(problem: Problem, index: Tensor, coefficients: Tensor) -> Tensor:
    """Sums of the samples' gradients under each column of coefficients [k, m]: [m, parameters].

    In evaluation mode, without augmentation; leaves the parameters' own gradients alone.
    """
    parameters = [parameter for parameter in problem.parameters if parameter.requires_grad]
    columns = coefficients.shape[1]
    total = torch.zeros(columns, sum(parameter.numel() for parameter in parameters), device=problem.device)
    training = problem.model.training
    problem.model.eval()
    recurrent = any(isinstance(module, nn.RNNBase) for module in problem.model.modules())
    # cuDNN has no backward pass of recurrent layers in evaluation mode.
    plain = torch.backends.cudnn.flags(enabled=False) if recurrent else nullcontext()
    with torch.enable_grad(), plain:
        for chunk, share in zip(index.split(CHUNK), coefficients.split(CHUNK), strict=True):
            x, y = problem.fetch(chunk)
            losses = problem.loss(problem.model(x), y)
            for column in range(columns):
                parts = torch.autograd.grad(
                    losses,
                    parameters,
                    share[:, column].to(losses.dtype),
                    retain_graph=column + 1 < columns,
                    materialize_grads=True,
                )
                total[column] += torch.cat([part.reshape(-1) for part in parts])
    problem.model.train(training)
    return total


class Estimator:
    """The samples of one checkpoint, all of their scores [N], and draws of batches from them.

    `scores` holds at least `loss`, `gradient` (the exact norms) and `uniform`.
    """

    def __init__(self, problem: Problem, index: Tensor, scores: dict[str, Tensor], batch: int) -> None:
        self.problem, self.index, self.scores = problem, index, scores
        self.batch, self.n = batch, len(index)
        self.shares = {name: RULE.probabilities(score) for name, score in scores.items()}
        self.norms, self.losses = host(scores["gradient"]), host(scores["loss"])
        self.ideal = host(self.shares["gradient"])

    def statistics(self, seed: int) -> dict[str, Statistics]:
        """What every score is worth; `seed` begins the resamplings, the same quantiles for each score."""
        twins = self._twins()
        shares = {name: p for name, p in self.shares.items() if twins[name] == name}
        whole, unweighted, expected = self._means(shares)
        distance = {name: self._distance(self.scores[name], whole, seed) for name in shares}
        found: dict[str, Statistics] = {}
        for name, p in self.shares.items():
            twin = twins[name]
            own = self._of(host(p), length(expected[twin]))
            own["bias"] = _ratio(length(expected[twin] - whole), length(whole))
            own["unweighted_bias"] = _ratio(length(unweighted[twin] - whole), length(whole))
            own["distance_ratio"] = _ratio(distance[twin], distance["uniform"])
            found[name] = own | self._agreement(host(self.scores[name]))
        return found

    def _twins(self) -> dict[str, str]:
        """For each score the first one that gives the same probabilities, whose gradients are then its own.

        With a cross-entropy the bound is the gradient at the output.
        """
        found: dict[str, str] = {}
        for name, p in self.shares.items():
            twins = (each for each in found if _alike(self.shares[each], p))
            found[name] = next(twins, name)
        return found

    def _means(self, shares: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """The mean gradient; for each score, the mean of unweighted draws, and of draws that are weighed."""
        lost = {name: p for name, p in shares.items() if bool((p == 0).any())}
        columns = [*shares.values(), *((p > 0) / self.n for p in lost.values())]  # p times 1/(N p)
        means = gradients(self.problem, self.index, torch.stack(columns, 1))
        unweighted = dict(zip(shares, means, strict=False))
        short = dict(zip(lost, means[len(shares) :], strict=True))
        whole = unweighted["uniform"]
        return whole, unweighted, {name: short.get(name, whole) for name in shares}

    def _distance(self, score: Tensor, whole: Tensor, seed: int) -> float:
        """The mean distance between the mean gradient and that of a batch, over some drawn batches."""
        rng = torch.Generator(self.index.device).manual_seed(seed)
        distances = []
        for _ in range(RESAMPLINGS):
            picked = RULE(score, self.batch, rng)
            weight = torch.ones_like(picked.index) if picked.weight is None else picked.weight
            counts = torch.zeros_like(score, dtype=weight.dtype)
            counts.index_add_(0, picked.index, weight / self.batch)
            drawn = counts.nonzero().flatten()
            (estimate,) = gradients(self.problem, self.index[drawn], counts[drawn, None])
            distances.append(length(estimate - whole))
        return float(np.mean(distances))

    def _of(self, p: np.ndarray, reached: float) -> Statistics:
        """What the probabilities alone say; `reached`: the length of the mean gradient on their support."""
        concentration = float(np.square(p).sum())
        return {
            "variance_ratio": variance_ratio(p, self.norms, reached),
            "tau": (self.n * concentration) ** 0.5,
            "ess": 1 / concentration,
            "distinct": float(-np.expm1(self.batch * np.log1p(-np.minimum(p, 1 - 1e-16))).sum()),
            "pearson": correlation(p, self.ideal),
            "spearman": rank_correlation(p, self.ideal),
            "squared_error": float(np.square(p - self.ideal).sum()),
            "lost_support": float(((p == 0) & (self.norms > 0)).sum()),
        }

    def _agreement(self, score: np.ndarray) -> Statistics:
        """How a score follows the gradient norm and the loss, and how many samples have next to no loss."""
        order = self.norms.argsort(kind="stable")
        low, high = order[: self.n // 3], order[-(self.n // 3) :]
        known = np.isfinite(score)
        return {
            "spread": variation(self.norms, score),
            "spearman_low": rank_correlation(score[low], self.norms[low]),
            "spearman_high": rank_correlation(score[high], self.norms[high]),
            "spearman_loss": rank_correlation(score[known], self.losses[known]),
            "handled": float((self.losses < HANDLED).mean()) if self.problem.classes else np.nan,
        }


def variance_ratio(p: np.ndarray, norms: np.ndarray, reached: float) -> float:
    """The variance of one weighted draw over that of a uniform one; NaN where uniform has none.

    p, norms [N]; reached: the length of the mean gradient of the samples that can be drawn. The others count
    as samples without a gradient, above and below.
    """
    drawn = p > 0
    squares, n = np.square(norms[drawn]), len(p)
    uniform = squares.sum() / n - reached**2
    own = (squares / p[drawn]).sum() / n**2 - reached**2
    return float(own / uniform) if uniform > 1e-12 * squares.sum() / n else np.nan


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation; NaN where one of both does not vary, or is not finite."""
    if len(a) < 2 or not (np.isfinite(a).all() and np.isfinite(b).all()) or np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's correlation, equal values sharing a rank; NaN as above."""
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return np.nan
    return correlation(ranks(a), ranks(b))


def ranks(values: np.ndarray) -> np.ndarray:
    """Ascending ranks from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (counts.cumsum() - (counts - 1) / 2)[place]


def variation(norms: np.ndarray, score: np.ndarray) -> float:
    """The coefficient of variation of norm over score, where the score is not 0."""
    known = np.isfinite(score) & (score > 0)
    ratio = norms[known] / score[known]
    return float(ratio.std() / ratio.mean()) if known.any() and ratio.mean() > 0 else np.nan


def length(vector: Tensor) -> float:
    """The Euclidean norm, summed in the widest float that a host has."""
    return float(np.linalg.norm(host(vector)))


def host(tensor: Tensor) -> np.ndarray:
    """A tensor as an array of float64."""
    return tensor.detach().cpu().double().numpy()


def _alike(a: Tensor, b: Tensor) -> bool:
    """Whether two scores give the same probabilities up to rounding, and none to the same samples."""
    return torch.equal(a > 0, b > 0) and torch.allclose(a, b, rtol=1e-4, atol=1e-9)


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else np.nan
