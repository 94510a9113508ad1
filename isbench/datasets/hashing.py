"""Numbers scattered by integer arithmetic: the same on every device and with every version of a library."""

import hashlib

import torch
from torch import Tensor

# Odd constants whose bits look random (the first is 2^64 over the golden ratio), as signed 64-bit integers.
FIRST, SECOND = -7046029254386353131, -7723592293110705685
START = torch.tensor(-4658895280553007687)  # without it, twice the number would be twice the bits


def scramble(number: Tensor) -> Tensor:
    """64 well-mixed bits [k] int64 of numbers [k] int64; one-to-one but for the sign."""
    bits = torch.add(START, number, alpha=FIRST)
    bits ^= bits >> 32
    bits *= SECOND
    return bits


def key(*words: str | int) -> int:
    """A 62-bit number that stands for some words."""
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 2


def pick(number: Tensor, choices: int | Tensor, *words: str | int) -> Tensor:
    """For each number [k] one of `choices`, fixed by the words: the upper bits, which are the best mixed."""
    return torch.remainder(scramble(number + key(*words)) >> 16, choices)


def shuffled(number: Tensor, *words: str | int) -> Tensor:
    """Positions [k] of the numbers in an order that is fixed by the words; a part keeps the order."""
    return torch.argsort(scramble(number + key(*words)), stable=True)
