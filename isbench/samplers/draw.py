"""Draws from a categorical distribution of any size, without waiting for the device."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def wide(device: torch.device) -> torch.dtype:
    """The widest float of a device: float64, but float32 on MPS, which has no other."""
    return torch.float32 if device.type == "mps" else torch.float64


def categorical(p: Tensor, k: int, rng: torch.Generator) -> Tensor:
    """Draw k indices [k] independently, with replacement, in proportion to p [n].

    p is finite and non-negative with a positive sum, which need not be 1. `rng` lives on the device of p.
    """
    return invert(p, torch.rand(k, generator=rng, device=p.device, dtype=wide(p.device)))


def invert(p: Tensor, u: Tensor) -> Tensor:
    """The index [k] at each quantile u [k] in [0, 1) of the distribution that is proportional to p [n]."""
    edges = p.to(wide(p.device)).cumsum(0)
    target = u.to(edges.dtype) * edges[-1]
    edges[-1] = math.inf  # the last index is the last, however sum and product were rounded
    return torch.searchsorted(edges, target, right=True)


def weighted(mass: Tensor, k: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw k indices [k] as `categorical` does, and how likely each of them was [k]: mass / sum of all."""
    u = torch.rand(k, generator=rng, device=mass.device, dtype=wide(mass.device))
    edges = mass.to(u.dtype).cumsum(0)
    total = edges[-1]
    index = torch.searchsorted(edges, u * total, right=True).clamp_(
        max=len(mass) - 1
    )  # however it was rounded
    return index, mass[index] / total


def without_replacement(p: Tensor, k: int, rng: torch.Generator) -> Tensor:
    """Draw k different indices [k], one after the other, in proportion to p [n] among those that are left.

    p is positive; its sum need not be 1. All draws are one: of n clocks that ring at the rates p, those that
    ring first, in the order in which they ring.
    """
    p = p.to(wide(p.device))
    rings = torch.empty_like(p).exponential_(generator=rng) / p
    return rings.topk(k, largest=False).indices


def exponential_rank(n: int, pressure: float, k: int, rng: torch.Generator) -> Tensor:
    """Draw k ranks [k] from 0 to n - 1 with p in proportion to pressure^(-rank/n); no work per rank."""
    u = torch.rand(k, generator=rng, device=rng.device, dtype=wide(rng.device))
    if pressure > 1:
        u = torch.log1p(u * (1 / pressure - 1)) / -math.log(pressure)
    return (u * n).long().clamp_(max=n - 1)


def descending(values: Tensor, ties: Tensor) -> Tensor:
    """The positions of values [n] from the largest to the smallest; equal ones in the order of `ties` [n]."""
    return ties[values[ties].argsort(descending=True, stable=True)]
