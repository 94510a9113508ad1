"""Rules: from scores to the samples that are trained on, and how much each of them counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from isbench.samplers.draw import categorical, wide

TINY = torch.finfo(torch.float32).tiny


class Picked(NamedTuple):
    """What a rule chose: index [k] int64 positions among the scores, weight [k] or None, healed 0-d int64."""

    index: Tensor  # pyright: ignore[reportIncompatibleMethodOverride]
    weight: Tensor | None
    healed: Tensor


class Rule(Protocol):
    """Scores [n] and how many to pick in, positions and weights out; larger scores are more important."""

    def __call__(self, scores: Tensor, k: int, rng: torch.Generator) -> Picked:
        """Pick k positions."""
        ...

    def probabilities(self, scores: Tensor, k: int = 1) -> Tensor:
        """How likely each position is [n] at each of k picks; sums to 1, in the device's widest float."""
        ...


def mend(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Finite scores [n], in the widest float of the device, and how many had to be mended (0-d).

    What is not finite becomes the largest finite score; 0 where no score is.
    """
    scores = scores.detach().to(wide(scores.device))
    marked = scores.nan_to_num(nan=-math.inf, posinf=-math.inf, neginf=-math.inf)
    bad = marked == -math.inf
    return marked.masked_fill(bad, marked.amax().nan_to_num(neginf=0.0)), bad.sum()


def heal(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Scores [n] fit to draw from, and how many had to be mended (0-d).

    Where no score is finite, or all are too small to tell apart, all become 1: a uniform draw.
    """
    mended, bad = mend(scores)
    empty = mended.abs().sum() < TINY
    return mended + empty, torch.where(empty, len(scores), bad)


@dataclass(frozen=True)
class TopK:
    """The k largest scores; no draw, no weights."""

    def __call__(self, scores: Tensor, k: int, rng: torch.Generator) -> Picked:
        """Pick the k largest; which of equal ones is up to the device."""
        scores, healed = heal(scores)
        return Picked(scores.topk(k, sorted=False).indices, None, healed)

    def probabilities(self, scores: Tensor, k: int = 1) -> Tensor:
        """1/k for the k largest scores, 0 for the others."""
        scores, _ = heal(scores)
        return torch.zeros_like(scores).index_fill_(0, scores.topk(k).indices, 1 / k)


@dataclass(frozen=True)
class Proportional:
    """Independent draws in proportion to the scores; `unbiased` weighs each by 1/(n p)."""

    unbiased: bool = False

    def __call__(self, scores: Tensor, k: int, rng: torch.Generator) -> Picked:
        """Draw k positions with replacement."""
        p, healed = _shares(scores)
        index = categorical(p, k, rng)
        if not self.unbiased:
            return Picked(index, None, healed)
        weight = 1 / (len(p) * p[index])
        return Picked(index, weight.to(torch.promote_types(scores.dtype, torch.float32)), healed)

    def probabilities(self, scores: Tensor, k: int = 1) -> Tensor:
        """Each score's share of their sum."""
        return _shares(scores)[0]


@dataclass(frozen=True)
class Ranked:
    """Independent draws in proportion to the ascending mid-rank of the scores, the wording of paper 000."""

    def __call__(self, scores: Tensor, k: int, rng: torch.Generator) -> Picked:
        """Draw k positions with replacement."""
        scores, healed = heal(scores)
        return Picked(categorical(_mid_ranks(scores), k, rng), None, healed)

    def probabilities(self, scores: Tensor, k: int = 1) -> Tensor:
        """Mid-rank over the sum of ranks, n(n+1)/2."""
        ranks = _mid_ranks(heal(scores)[0])
        return ranks / ranks.sum()


@dataclass(frozen=True)
class Tempered:
    """Independent draws in proportion to the scores, weighed by 1/(n p) to a power: 1 is unbiased, 0 is not.

    The weights are scaled so that weight times score sums to what it does at the power 1 (Katharopoulos and
    Fleuret's library).
    """

    power: float = 0.5

    def __call__(self, scores: Tensor, k: int, rng: torch.Generator) -> Picked:
        """Draw k positions with replacement."""
        p, healed = _shares(scores)
        index = categorical(p, k, rng)
        weight = tempered(1 / (len(p) * p[index]), p[index], self.power)
        return Picked(index, weight.to(torch.promote_types(scores.dtype, torch.float32)), healed)

    def probabilities(self, scores: Tensor, k: int = 1) -> Tensor:
        """Each score's share of their sum."""
        return _shares(scores)[0]


def tempered(weight: Tensor, scores: Tensor, power: float) -> Tensor:
    """Weights [b] to a power, scaled so that weight times score sums to what it did before."""
    softer = weight**power
    return softer * ((weight * scores).sum() / (softer * scores).sum())


RULES: dict[str, type[Rule]] = {
    "top-k": TopK,
    "proportional": Proportional,
    "ranked": Ranked,
    "tempered": Tempered,
}


def _shares(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Scores over their sum; what is below 0 has no share."""
    scores, healed = heal(scores.clamp(min=0))
    return scores / scores.sum(), healed


def _mid_ranks(scores: Tensor) -> Tensor:
    """Ascending ranks from 1 to n; equal scores share the mean of theirs."""
    ordered = scores.sort().values
    below = torch.searchsorted(ordered, scores)
    up_to = torch.searchsorted(ordered, scores, right=True)
    return (below + up_to + 1).to(scores.dtype) / 2
