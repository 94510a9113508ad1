"""Verdicts: from the curves of a results folder to comparisons, sentences and summaries; without torch."""

from isbench.verdicts.across import across, across_texts
from isbench.verdicts.between import between
from isbench.verdicts.curves import below
from isbench.verdicts.noise import noise_of
from isbench.verdicts.overview import claim_texts, claimed
from isbench.verdicts.summary import find, read, write

__all__ = [
    "across",
    "across_texts",
    "below",
    "between",
    "claim_texts",
    "claimed",
    "find",
    "noise_of",
    "read",
    "write",
]
