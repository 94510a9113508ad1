"""What the catalogue holds of each sampler, and what entries have in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from isbench.samplers.base import Sampler
from isbench.samplers.rules import Rule
from isbench.samplers.scores import SCORES, Score
from isbench.samplers.tau import break_even
from isbench.store.records import StartSpec

Options = Mapping[str, JsonValue]
PRESAMPLE_COST = "pool forwards for scores, and 3b for the step: B + 3b, where uniform pays 3b"
EXACT_COST = "one backward-like pass over the pool for exact norms, and 3b for the step: about 3B + 3b"


def of_pool(options: Options, batch: int) -> float:
    """(B + 3b) / (3b) for the pool that a sampler scores, (3B + 3b) / (3b) by exact norms; 1 where none."""
    pool, score = options.get("pool"), SCORES.get(str(options.get("score")))
    cost = 3.0 if score is not None and "model" in score.needs else 1.0
    return break_even(pool if isinstance(pool, int) else 0, batch, cost=cost)


@dataclass(frozen=True)
class Entry:
    """A sampler that recipes may name, and its card."""

    sampler: type[Sampler]
    summary: str
    paper: str
    unbiased: bool
    cost: str
    score: Score | None = None
    rule: Rule | None = None
    start: StartSpec | None = None
    options: Options = field(default_factory=dict)  # where they differ from the constructor's
    mirror: Options = field(
        default_factory=dict
    )  # what `mirror: code` changes: options, and in words `start`
    deviations: tuple[str, ...] = ()
    formulae: tuple[str, ...] = ()
    threshold: Callable[[Options, int], float] = of_pool  # of tau, where a start criterion gives none
    version: int = 1  # raised when a change makes other numbers

    @property
    def finite(self) -> bool:
        """Whether it keeps a number per sample, and so needs a finite data set."""
        return self.sampler.finite
