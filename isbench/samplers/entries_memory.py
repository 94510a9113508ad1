"""The samplers of paper 003: importance sampling, adaptive sampling and weighting by a memory, and LOW."""

from isbench.samplers.base import Sampler
from isbench.samplers.entry import Entry
from isbench.samplers.low import Low
from isbench.samplers.memory import MemoryAs, MemoryIs, MemoryWeight
from isbench.samplers.scores import output_gradient

MEMORY = "adaptive and importance sampling with a memory (paper 003, arXiv 2311.14468v1)"
LOW = "Santiago et al. 2021, LOW (paper 003's baseline)"
COST = "3b, and the running sum of n numbers"
MEAN_COST = "3b, and the mean of n numbers"

D19 = (
    "D19: Algorithm 2 sums the components of softmax - y, which is always 0; its norm is meant (Appendix A)."
)
D20 = "D20: Algorithm 1 adds epsilon at every step; the text says once an epoch, and so it is here."
D21 = "D21: the first epoch's slices have b + 1 elements and no random order; here it is an ordinary round."
D22 = (
    "D22: the paper sets its score apart from DLIS's; for softmax and cross-entropy it is DLIS's bound. Its "
    "own DLIS takes the last layer's gradient: `score: last_layer`."
)
D25 = (
    "D25: the text takes each sample's own gradient, the authors' code the batch's mean loss's, b times "
    "smaller: with b = 256 and smoothness 0.1 no weight is further than 2e-4 from 1, and LOW is uniform "
    "sampling at a price. `mirror: code`, or `scale: batch_mean`."
)
ALPHA = "Not given: epsilon (here 1e-3; scores go to 1.41), and which alpha of 0, 0.1, 0.2, 0.3 (here 0.1)."
TWICE = (
    "A sample that a batch holds twice is updated once, with the mean of its scores; the paper is silent. "
    "Under mixup and RICAP each sample that an image is made of moves towards its score, by its share."
)
UPDATED = (
    "With `score: gradient` the model runs once more, so the memory sees the updated parameters; the other "
    "scores read the training forward (training mode, augmented)."
)
SOLVED = (
    "The authors solve it by an interior-point method on the host (20 iterations); here it is solved "
    "exactly, on the device, so its cost is not theirs."
)
OWN = (
    "Ours: the paper describes adaptive weighting and compares with LOW, but lists no weighting by a memory. "
    "In expectation its gradient is that of memory-as."
)
D39 = "D39: Figure 9's caption has it slowed down by its overhead, which the text calls negligible."
UNBOUNDED = "Where output gradients lack a bound, as with mse, one sample may take all of a batch's weight."
FORMULAE = (
    "p = importance / sum of all n; the first round is ordinary and fills the memory",
    "importance <- alpha importance + (1 - alpha) score, for the samples just trained on",
    "importance <- importance + epsilon, for all samples, at the end of a round",
)


def _memory(
    sampler: type[Sampler], summary: str, unbiased: bool, formula: str, *notes: str, cost: str = COST
) -> Entry:
    return Entry(
        sampler,
        summary,
        MEMORY,
        unbiased,
        cost,
        score=output_gradient,
        deviations=(D19, D20, D21, D22, *notes, ALPHA, UPDATED),
        formulae=(*FORMULAE, formula),
    )


ENTRIES: dict[str, Entry] = {
    "memory-is": _memory(
        MemoryIs,
        "the batch is drawn in proportion to the last known gradient norm at the output, and weighed by 1/p",
        True,
        "batch drawn by p with replacement, weight 1 / (n p)",
        D39,
        TWICE,
    ),
    "memory-as": _memory(
        MemoryAs,
        "the batch is drawn in proportion to the last known gradient norm at the output, unweighted",
        False,
        "batch drawn by p with replacement, weight 1",
        TWICE,
    ),
    "memory-weight": _memory(
        MemoryWeight,
        "every sample once a round, weighed in proportion to its last known gradient norm at the output",
        False,
        "a shuffled round, weight n p",
        OWN,
        cost=MEAN_COST,
    ),
    "low": Entry(
        Low,
        "every sample once a round, weighed so that the large gradients of its batch count more",
        LOW,
        False,
        "3b, and sorting b numbers",
        score=output_gradient,
        mirror={"scale": "batch_mean"},
        deviations=(D25, SOLVED, UNBOUNDED),
        formulae=(
            "weights w >= 0 with sum b maximise sum w n^2 - smoothness ||w - 1||^2, with n the gradient norm "
            "at the output",
            "that is n^2 / (2 smoothness), all lowered by one amount, and 0 where that would be negative",
        ),
    ),
}
