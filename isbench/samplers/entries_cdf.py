"""The samplers of paper 000, CDF-based importance sampling, and the three forms of uniform."""

from isbench.samplers.entry import EXACT_COST, PRESAMPLE_COST, Entry
from isbench.samplers.presample import Presample
from isbench.samplers.rules import Proportional, Ranked, Rule, TopK
from isbench.samplers.scores import gradient, loss
from isbench.samplers.uniform import Uniform, UniformIid, UniformPresample

KNUTSSON = "Knutsson et al. 2023, CDF-based importance sampling (paper 000)"

D1 = "D1: the text samples from the CDF of the importance; the authors' code draws in proportion to it."
D2 = (
    "D2: the text's gradient norm is that of all parameters (exact here); the authors' code takes the last "
    "bias alone, which is the norm of the output gradient: `mirror: code`."
)
D3 = "D3: with two classes, taking the largest by loss and by output gradient picks the same samples."
D4 = "D4: the paper credits this baseline to Katharopoulos and Fleuret, who draw with weights and a gate."
D5 = (
    "D5: the text starts by the mini-batch loss; the authors' code by the test loss every 10 steps: "
    "`mirror: code` makes that the default of a loss_fraction start."
)
D6 = "D6: the paper's plots of training loss show test loss; isbench reports both under their own names."
D9 = "D9: the text has equal class areas on Two Circles; the code 51.05 % inside: `balanced: false`."
D10 = "D10: the authors' uniform baseline loads and sorts a pool of 1,024 first; here that is this sampler."
D11 = "D11: the text counts inclusions; the code's +1/-1 score is 2 x times_trained - presented in `usage`."
D12 = (
    "D12: the authors' runs inherit the optimiser's moments of the run before; here every run starts afresh."
)


def _cdf_family(kind: str, rule: Rule, rule_summary: str, *notes: str) -> Entry:
    by_loss = kind == "loss"
    score, what = (loss, "loss") if by_loss else (gradient, "exact gradient norm")
    mirror = {"start": "loss_fraction reads the test loss every 10 steps"}
    if not by_loss:
        mirror = {"score": "output_gradient", **mirror}
    return Entry(
        Presample,
        summary=f"{rule_summary} by {what}",
        paper=KNUTSSON,
        unbiased=False,
        cost=PRESAMPLE_COST if by_loss else EXACT_COST,
        score=score,
        rule=rule,
        options={"pool": "8x"},
        mirror=mirror,
        deviations=(*(() if by_loss else (D2,)), *notes, D5, D6, D9, D11, D12),
    )


TOP = "the batch is the part of a pool that is largest"
CDF = "the batch is drawn from a pool in proportion, with replacement, unweighted,"
RANK = "the batch is drawn from a pool in proportion to the rank, with replacement, unweighted,"

ENTRIES: dict[str, Entry] = {
    "uniform": Entry(
        Uniform,
        "every sample once a round, in random order or, `order: file`, as they lie",
        "all",
        True,
        "3b",
    ),
    "uniform-iid": Entry(
        UniformIid, "independent draws with replacement", "Katharopoulos and Fleuret 2018 (code)", True, "3b"
    ),
    "uniform-presample": Entry(
        UniformPresample,
        "loads a pool and ignores it: uniform at the price of handling candidates",
        KNUTSSON + "; the baseline of paper 003",
        True,
        "3b, and loading B",
        options={"pool": "8x"},
        deviations=(D10,),
    ),
    "highest-loss": _cdf_family("loss", TopK(), TOP, D3, D4),
    "gradient-norm": _cdf_family("gradient", TopK(), TOP, D3, D4),
    "highest-loss-cdf": _cdf_family("loss", Proportional(), CDF, D1),
    "gradient-norm-cdf": _cdf_family("gradient", Proportional(), CDF, D1),
    "highest-loss-rank": _cdf_family("loss", Ranked(), RANK, D1 + " This entry is the literal text."),
    "gradient-norm-rank": _cdf_family("gradient", Ranked(), RANK, D1 + " This entry is the literal text."),
}
