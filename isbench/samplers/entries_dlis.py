"""The samplers of paper 001, DLIS: those of its text, of its authors' library, and its baselines."""

from isbench.samplers.biased import Biased
from isbench.samplers.biased_lstm import BiasedLstm
from isbench.samplers.dlis import ConstantTime, ConstantVariance, Dlis
from isbench.samplers.entry import EXACT_COST, PRESAMPLE_COST, Entry, Options
from isbench.samplers.online_batch import OnlineBatch
from isbench.samplers.prioritized import Prioritized, PrioritizedRank
from isbench.samplers.rules import Proportional
from isbench.samplers.scores import Score, gradient, loss, upper_bound
from isbench.samplers.unhandled import Unhandled
from isbench.store.records import StartSpec

DLIS = "Katharopoulos and Fleuret 2018, Not all samples are created equal (paper 001)"
LIBRARY = "Katharopoulos and Fleuret's library"
BIASED = "Katharopoulos and Fleuret 2017, Biased importance sampling (arXiv 1706.00043)"
MEMORY_COST = "3b, and work on n numbers"

GATE = (
    "While the gate is shut, batches are those of `uniform`, in shuffled order; the authors' code draws them "
    "with replacement."
)
D13 = (
    "D13: the text takes tau for the factor by which a batch would have to grow; that is tau squared. "
    "Printed tau and printed threshold are the default; `start: {tau: {rule: sqrt}}` is where it breaks even."
)
D14 = "D14: the authors' wide ResNets have layer norms, their ResNet-50 frozen batch norms: option `norm`."
D15 = "D15: their weight decay of 5e-4 is Keras's, which is 1e-3 here, and spares shortcuts and norms."
D16 = "D16: their Figure 1 weighs twice and by itself; `isbench probe` takes the unbiased estimate."
D17 = (
    "D17: the authors run this baseline with a look at all losses every 600 steps and, for prioritized, with "
    "weights rescaled to the same weighted score and a fixed beta: `mirror: code`."
)
D18 = "D18: the text's gains of 8 % and 5 % are 9.2 % and 5.9 % by the errors that it prints."
D31 = "D31: their class is documented for the loss; its default score is the bound: `mirror: code`."
D32 = "D32: the paper divides weights by the batch's largest, OpenAI's code by the memory's: `weight_max`."
FORMULAE = (
    "p = score / sum of the pool's B scores; the batch's b samples are drawn by p and weighed by 1 / (B p)",
    "tau of a step = sqrt(B sum p^2) = sqrt(B / ess), with b in place of B while the gate is shut",
    "smoothed tau <- inertia tau + (1 - inertia) tau of the step, from 0; the gate is open while it is above",
    "threshold: by default what a step costs in steps of uniform, (B + 3b) / (3b), by exact norms "
    "(3B + 3b) / (3b); `rule: sqrt` its root",
    "measured: 1 + c B / ((1 + rho) b), with rho backward over forward and c forwards per score, by counting "
    "operations; `isbench plan` prints it",
)
UPDATED = "While the gate is shut, its scores are exact norms of the batch under the updated parameters."


def _dlis(score: Score, what: str, cost: str, *notes: str) -> Entry:
    return Entry(
        Dlis,
        f"while tau is above its threshold, the batch is drawn from a pool in proportion to {what} and "
        "weighed by 1/p; else uniform",
        DLIS,
        True,
        cost,
        score=score,
        rule=Proportional(unbiased=True),
        start=StartSpec(name="tau"),
        options={"pool": "5x"},
        deviations=(D13, D14, D15, D16, D18, GATE, *notes),
        formulae=FORMULAE,
    )


def _constant_variance(options: Options, batch: int) -> float:
    """Above it the smaller batch pays for the scores: backward is twice forward."""
    extra = options.get("extra")
    return 1 / (2 / 3 - (extra if isinstance(extra, int | float) else 0.0))


GATED = "; 3b while the gate is shut"
ENTRIES: dict[str, Entry] = {
    "dlis": _dlis(upper_bound, "the bound of the gradient norm", PRESAMPLE_COST + GATED),
    "dlis-loss": _dlis(loss, "the loss", PRESAMPLE_COST + GATED),
    "dlis-gradient": _dlis(
        gradient, "the exact gradient norm", EXACT_COST + "; about 6b while the gate is shut", UPDATED
    ),
    "dlis-constant-time": Entry(
        ConstantTime,
        "the pool grows and the batch shrinks with tau, so that a step costs what a uniform one does",
        LIBRARY,
        True,
        "about 3b: B forwards and less than 3b",
        score=upper_bound,
        rule=Proportional(unbiased=True),
        start=StartSpec(name="tau", options={"above": 2.0}),
        deviations=(D13, GATE),
        formulae=(
            "a = max(least b, b / tau); pool B = b + share ((1 + backward) (b - a) - b), at least b",
            "batch = ((1 + backward) b - B) / (1 + backward), drawn by p and weighed by 1 / (B p)",
        ),
    ),
    "dlis-constant-variance": Entry(
        ConstantVariance,
        "the batch shrinks with tau, at the variance of uniform",
        LIBRARY,
        True,
        "b forwards, and 3b (1/tau + extra)",
        score=upper_bound,
        rule=Proportional(unbiased=True),
        start=StartSpec(name="tau"),
        threshold=_constant_variance,
        deviations=(D13, GATE),
        formulae=(
            "batch = (1 / tau + extra) b of b scored samples, drawn by p and weighed by 1 / (b p)",
            "threshold: by default 1 / (2/3 - extra), where what is saved pays for the scores",
        ),
    ),
    "biased": Entry(
        Biased,
        "the batch is drawn from a pool in proportion to the loss, and weighed by (1/p)^k; unbiased at k = 1",
        BIASED,
        False,
        PRESAMPLE_COST,
        score=loss,
        options={"pool": "5x"},
        mirror={"score": "upper_bound"},
        deviations=(D31,),
    ),
    "biased-lstm": Entry(
        BiasedLstm,
        "the batch is drawn from a pool in proportion to losses that a small recurrent net predicts, and "
        "weighed by (1/p)^k",
        BIASED,
        False,
        "3b, and the predictor's pass over the pool and the batch, which passes do not count",
    ),
    "online-batch": Entry(
        OnlineBatch,
        "the batch is drawn by the rank of the last known loss, exponentially, unweighted",
        "Loshchilov and Hutter 2015 (arXiv 1511.06343)",
        False,
        "3b, sorting n numbers, and n forwards at each recomputation",
        score=loss,
        mirror={"recompute": 600, "resort": 300},
        deviations=(D17,),
    ),
    "prioritized": Entry(
        Prioritized,
        "the batch is drawn in proportion to a power of the last known loss, and weighed by (1/p)^beta",
        "Schaul et al. 2015 (arXiv 1511.05952)",
        False,
        MEMORY_COST,
        score=loss,
        mirror={"recompute": 600, "weight_max": "rescaled", "anneal": False, "unseen": "mean"},
        deviations=(D17, D32, "Unbiased with beta 1 and weight_max none; the paper draws in strata."),
    ),
    "prioritized-rank": Entry(
        PrioritizedRank,
        "the batch is drawn in proportion to a power of 1/rank of the last known loss, and weighed by "
        "(1/p)^beta",
        "Schaul et al. 2015 (arXiv 1511.05952)",
        False,
        "3b, and sorting n numbers",
        score=loss,
        deviations=(D32, "The paper's heap is sorted only now and then; here `resort` says how often."),
    ),
    "unhandled": Entry(
        Unhandled,
        "every sample once a round that had a loss of at least `above` when the sampler began",
        DLIS + ", its first sentence",
        False,
        "3b, and n forwards once",
        score=loss,
    ),
}
