"""What probes have measured: an exhibit of each probed cell, checked, and as rows of `probe.csv`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from isbench.errors import EnvironmentFault
from isbench.store.store import Store

QUANTITIES = (
    *("bias", "variance_ratio", "tau", "ess", "distinct", "pearson", "spearman", "squared_error"),
    *("lost_support", "distance_ratio", "unweighted_bias", "spread"),
    *("spearman_low", "spearman_high", "spearman_loss", "handled"),
    *("age", "spearman_young", "spearman_old"),
)
CONTRACT = 9  # quantities that come first; what names the run and the others follow
PROBE_COLUMNS = (
    *("cell", "seed", "step", "score", *QUANTITIES[:CONTRACT]),
    *("variant", "sampler", *QUANTITIES[CONTRACT:], "samples", "batch"),
)


@dataclass(frozen=True)
class Probed:
    """One run at its checkpoints: `step` [c], `loss` [c, N]; of each score `share` [c, N], quantities [c].

    A score that was not there at a checkpoint has NaN.
    """

    step: np.ndarray
    batch: int
    loss: np.ndarray
    share: dict[str, np.ndarray]
    quantity: dict[str, dict[str, np.ndarray]]

    def rows(self) -> list[dict[str, Any]]:
        """A row for each checkpoint and score."""
        return [
            {"step": int(step), "score": score, "samples": self.loss.shape[1], "batch": self.batch}
            | {name: float(values[place]) for name, values in found.items()}
            for place, step in enumerate(self.step)
            for score, found in self.quantity.items()
            if np.isfinite(found["tau"][place])
        ]


def probed(store: Store, identity: str) -> Probed | None:
    """The probe of a cell; None if it has none, EnvironmentFault if it is odd."""
    arrays = store.exhibit(identity, "probe")
    if arrays is None:
        return None
    share = {key.removesuffix(".p"): array for key, array in arrays.items() if key.endswith(".p")}
    try:
        found = Probed(
            step=arrays["step"],
            batch=int(arrays["batch"]),
            loss=arrays["loss"],
            share=share,
            quantity={score: _quantities(arrays, score) for score in share},
        )
        whole = found.loss.ndim == 2 and all(array.shape == found.loss.shape for array in share.values())
        each = [array for values in found.quantity.values() for array in values.values()]
        if not whole or any(array.shape != found.loss.shape[:1] for array in (found.step, *each)):
            raise ValueError
    except (KeyError, ValueError, TypeError) as error:
        path = store.cell_folder(identity) / "exhibits" / "probe.npz"
        raise EnvironmentFault(
            f"{path} lacks an array or has arrays of unequal length", "probe the cell again with --fresh"
        ) from error
    return found


def _quantities(arrays: dict[str, np.ndarray], score: str) -> dict[str, np.ndarray]:
    """All quantities of a score; one that came later than the probe is unknown."""
    unknown = np.full(len(arrays["step"]), np.nan)
    first = {name: arrays[f"{score}.{name}"] for name in QUANTITIES[:CONTRACT]}
    return first | {name: arrays.get(f"{score}.{name}", unknown) for name in QUANTITIES[CONTRACT:]}
