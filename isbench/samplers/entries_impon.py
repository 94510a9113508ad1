"""The samplers of paper 002: IMPON and its control, and the baselines that it names."""

from isbench.samplers.active_bias import ActiveBias
from isbench.samplers.base import Sampler
from isbench.samplers.budgeted import CSgd, PSgd, UniformBudget
from isbench.samplers.entry import Entry
from isbench.samplers.impon import Impon, ImponLow
from isbench.samplers.scores import loss
from isbench.samplers.selective_backprop import (
    SelectiveBackprop,
    SelectiveBackpropComposer,
    SelectiveBackpropStale,
)

IMPON = "IMPON, importance sampling by online prediction (paper 002)"
JIANG = "Jiang et al. 2019, arXiv 1910.00762 (paper 002's baseline)"
COMPOSER = "MosaicML's Composer, after Jiang et al. 2019"
ARAZO = "Arazo et al. 2021, importance sampling under a budget (paper 002's baseline)"
CHANG = "Chang et al. 2017, arXiv 1704.07433 (the lineage of paper 002's p-SGD and c-SGD)"

D23 = (
    "D23: the norm of the net's weights is the same for all candidates of a step, and the model is linear: "
    "it cannot change who is chosen. It enters the residual and so later steps: the mean loss is learnt by "
    "it ||w||^2 times as fast as by the intercept. `norm: false` leaves it out, and that learning with it."
)
D24 = "D24: the paper's 30 iterations are epochs; p-SGD is Chang et al.'s, not Katharopoulos and Fleuret's."
D35 = "D35: text and steps differ on whether what is chosen at step i trains step i + 1; here it trains i."
D36 = "D36: said to outperform throughout, though all methods end at a similar accuracy."
D37 = "D37: the rivals run at learning rate 1e-1, Adam among them, IMPON at 1e-3; tune them alike to compare."
OPEN = (
    "Not given: the features (here pixels, without a forward), their scale (here standardised by the first "
    "bank of a round, no feature as if it varied less than a tenth of what features do), the batch (with 128 "
    "of a bank of 200, two thirds are trained on, and a step loads 328: the batch is fetched and augmented "
    "again), the linear model's start (here zero; equal predictions are settled at random), which weights "
    "the norm is of (here all, as they are when the bank is drawn), whether banks are independent draws "
    "(here they are slices of one shuffled order, which is shuffled anew when less than a bank is left of "
    "it)."
)
CHASE = (
    "How near predictions come to losses within a round depends on the net: a step takes the share "
    "2 rate ||w||^2, by the norm alone, off what is missing of the mean loss. At the published rate, 1e-6, "
    "that is 99.99 % of it in a round of ResNet-18 on CIFAR-10 (norm 111.8 at its start, 351 steps, half of "
    "it in the first 28): then what is learnt from is how losses differ from their mean. Small nets and few "
    "steps leave predictions near 0: 5 % with wide-resnet 10-1 on 4,500 images (26.4, 35 steps), 14 % with "
    "mlp [256, 256] on MNIST (13.2, 421 steps). There what is learnt from is minus the loss itself, of "
    "samples that the model chose: it is drawn towards what it has chosen, whatever that loses. The probe's "
    "row `predicted` says how predictions and losses agree, at any `rate`."
)
MODES = (
    "With `features: penultimate` a bank is looked at in evaluation mode, while the linear model learns from "
    "the features of the training forward: under batch norm or dropout the two differ."
)
LOST = (
    "A linear model that is not finite any more begins anew; `healed` counts how often. It diverges at rates "
    "above 1 / ||w||^2, with ResNet-18 from 8e-5 on."
)

D27 = (
    "D27: the text averages over all epochs, the authors' code over those in which a sample was drawn, and "
    "so it is here. The code credits RICAP's crops to the wrong samples and mixup's two to the first."
)
KEPT = "The short last batch of a round is trained on; the authors' code drops it."
SCORED = "Scored in evaluation mode and trained on by a second forward, which `passes` counts as scoring."
BETA = "The authors' code has beta 3, which keeps a quarter; here beta is 1, which keeps half."
STARVED = (
    "Where all of the last losses are equal, no sample's is larger than another's, and the authors' code "
    "keeps nothing: here everything is kept. If the coins keep nothing in a whole round, its last batch is "
    "trained on. `healed` counts both."
)
LONE = "A single sample left over at the end of a round is dropped: batch norm cannot be trained on one."
MIXED = "A loss that serves again is that of the sample as it was mixed when it was made."
PRIMED = "The first round's losses are those of its training forward; the authors' code scores it first."
D28 = (
    "D28: Composer's text has one whole batch after two selected ones, its code one after each: "
    "`mirror: code`, or `interrupt: 1`."
)
TRAINED = "Composer scores in training mode, so that batch norm sees each batch twice; here evaluation mode."
LOOKS = (
    "A sample that a batch holds twice was looked at twice, and what a mixed one is made of by its share. "
    "Looks are of the training forward (training mode, augmented)."
)
SINGLE = (
    "After a single look the published variance divides by zero; here it is 0, and only epsilon is left. "
    "epsilon is not given as a number; here it is the mean of the measure over all samples, as p-SGD's."
)
SUBSET = (
    "int(fraction n) samples a round, without replacement, each once; unweighted",
    "m = mean over a sample's looks of 1 - p(class); never looked at: the largest m",
)
SHARES = "of an image mixed of shares t of classes, sum |p - t| / 2 stands for 1 - p(class)"
STEP = "3b"
SUMS = "3b, and three sums per sample trained on"


def _impon(sampler: type[Sampler], which: str) -> Entry:
    return Entry(
        sampler,
        f"the batch is the part of a bank whose losses an online linear model predicts to be {which}",
        IMPON,
        False,
        "3b, loading the bank and then the batch again, and a product with the bank; with "
        "`features: penultimate` also the bank's forward",
        deviations=(D23, D24, D35, D36, D37, OPEN, MODES, CHASE, LOST),
        formulae=(
            "predicted loss = a . [features, norm of the net's weights] + a0, for each of a bank",
            f"the batch is the b {which} of the bank, unweighted",
            "(a, a0) <- (a, a0) - rate gradient of the batch's mean (predicted - loss)^2; zero at each round",
        ),
    )


def _selective(
    sampler: type[Sampler],
    summary: str,
    cost: str,
    formulae: tuple[str, ...] = (),
    more: tuple[str, ...] = (),
) -> Entry:
    return Entry(
        sampler,
        summary,
        JIANG,
        False,
        cost,
        score=loss,
        deviations=(BETA, SCORED, STARVED, PRIMED, LONE, *more),
        formulae=(
            "chance = (share of the last `history` losses, its own batch among them, that are smaller)^beta",
            "b kept samples make a step, unweighted; 1 / (1 + beta) are kept while losses are stationary",
            *formulae,
        ),
    )


def _active_bias(measure: str, use: str, summary: str, formula: str) -> Entry:
    how = {
        "draw": "batch drawn in proportion to it with replacement, weight 1",
        "weigh": "a shuffled round, weight in proportion to it, 1 on average in a batch",
        "both": "batch drawn by p in proportion to it with replacement, weight 1 / (n p)",
    }
    return Entry(
        ActiveBias,
        summary,
        CHANG,
        use == "both",
        SUMS,
        options={"measure": measure, "use": use},
        deviations=(SINGLE, LOOKS),
        formulae=(
            *(formula, SHARES, how[use]),
            "the first `burn_in` rounds are ordinary; measured anew at each round",
        ),
        version=2,
    )


HARD = "1 - mean p(class) + epsilon, over a sample's looks"
WIDE = "sqrt(v + v^2 / (looks - 1)) + epsilon, with v the variance of p(class) over a sample's looks"
NEAR = "m (1 - m) + epsilon, with m the mean p(class) over a sample's looks"

ENTRIES: dict[str, Entry] = {
    "impon": _impon(Impon, "highest"),
    "impon-low": _impon(ImponLow, "lowest"),
    "selective-backprop": _selective(
        SelectiveBackprop,
        "a coin keeps or drops each sample by the percentile of its loss; a step trains on b kept ones",
        "b (1 + beta) forwards for scores, and 3b",
    ),
    "selective-backprop-stale": _selective(
        SelectiveBackpropStale,
        "the same by losses that serve for three rounds",
        "b (1 + beta) forwards for scores in one round of `staleness`, and 3b",
        ("a loss serves for `staleness` rounds",),
        (MIXED,),
    ),
    "selective-backprop-composer": Entry(
        SelectiveBackpropComposer,
        "in the middle of training, half of each batch is kept, by the rank of its loss",
        COMPOSER,
        False,
        "b forwards for scores, and 3 keep b, while it selects",
        score=loss,
        mirror={"interrupt": 1},
        deviations=(D28, TRAINED),
        formulae=(
            "int(keep b) of a batch, by ((rank + 1/2) / b)^(1/keep - 1), rank 0 the smallest loss, without "
            "replacement, unweighted",
        ),
    ),
    "uniform-budget": Entry(
        UniformBudget,
        "a random subset a round, the budget's fraction of the data: the control of every budget",
        ARAZO,
        True,
        STEP,
        deviations=(KEPT,),
        formulae=SUBSET[:1],
    ),
    "p-sgd": Entry(
        PSgd,
        "a subset a round, drawn by how much the net doubted each sample's class on average",
        ARAZO,
        False,
        SUMS,
        deviations=(D24, D27, KEPT, LOOKS),
        formulae=(*SUBSET, SHARES, "p = (m + mean m) / sum, so p >= 1 / (2n)"),
        version=2,
    ),
    "c-sgd": Entry(
        CSgd,
        "a subset a round, drawn by how undecided the net was about each sample's class on average",
        ARAZO,
        False,
        SUMS,
        deviations=(D24, D27, KEPT, LOOKS),
        formulae=(*SUBSET, SHARES, "c = m (1 - m) + 1e-10; p = (c + mean c) / sum, so p >= 1 / (2n)"),
        version=2,
    ),
    "active-bias-sd": _active_bias("difficulty", "draw", "drawn by the mean doubt of a sample's class", HARD),
    "active-bias-wd": _active_bias(
        "difficulty", "weigh", "every sample once a round, weighed by the mean doubt of its class", HARD
    ),
    "active-bias-isd": _active_bias(
        "difficulty", "both", "drawn by the mean doubt of a sample's class, and weighed by 1/p", HARD
    ),
    "active-bias-spd": _active_bias(
        "variance", "draw", "drawn by how much the probability of a sample's class has varied", WIDE
    ),
    "active-bias-wpd": _active_bias(
        "variance",
        "weigh",
        "every sample once a round, weighed by how much its class's probability has varied",
        WIDE,
    ),
    "active-bias-stc": _active_bias(
        "closeness", "draw", "drawn by how close the mean probability of a sample's class is to 1/2", NEAR
    ),
    "active-bias-wtc": _active_bias(
        "closeness",
        "weigh",
        "every sample once a round, weighed by how close its class's mean probability is to 1/2",
        NEAR,
    ),
}
