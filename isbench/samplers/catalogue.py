"""The catalogue: name -> lifecycle x score x rule x start. Docs, checks and contract tests follow it."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import JsonValue

from isbench.samplers.base import Sampler
from isbench.samplers.presample import Presample
from isbench.samplers.rules import Proportional, Ranked, Rule, TopK
from isbench.samplers.scores import SCORES, Score, gradient, loss
from isbench.samplers.start import STARTS, StartWhen
from isbench.samplers.uniform import Uniform, UniformIid, UniformPresample
from isbench.store.records import SamplerSpec, StartSpec

if TYPE_CHECKING:
    from isbench.train.problem import Problem

ScoreName = Literal["loss", "upper_bound", "output_gradient", "last_layer", "gradient"]
KNUTSSON = "Knutsson et al. 2023, CDF-based importance sampling (paper 000)"


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
    options: Mapping[str, JsonValue] = field(default_factory=dict)  # where they differ from the constructor's
    mirror: Mapping[str, str] = field(default_factory=dict)  # what `mirror: code` changes
    deviations: tuple[str, ...] = ()
    version: int = 1  # raised when a change makes other numbers

    @property
    def finite(self) -> bool:
        """Whether it keeps a number per sample, and so needs a finite data set."""
        return self.sampler.finite


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
PRESAMPLE_COST = "pool forwards for scores, and 3b for the step: B + 3b, where uniform pays 3b"
EXACT_COST = "one backward-like pass over the pool for exact norms, and 3b for the step: about 3B + 3b"


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

CATALOGUE: dict[str, Entry] = {
    "uniform": Entry(Uniform, "every sample once a round, in random order", "all", True, "3b", deviations=()),
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


def options(name: str) -> dict[str, inspect.Parameter]:
    """What a recipe may set of a sampler: keyword-only parameters with annotations and defaults."""
    entry = CATALOGUE[name]
    found = {
        key: parameter.replace(default=entry.options.get(key, parameter.default))
        for key, parameter in inspect.signature(entry.sampler).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and key not in ("score", "rule")
    }
    if entry.score is not None:
        found["score"] = _parameter("score", ScoreName, entry.score.name)
    if entry.mirror:
        found["mirror"] = _parameter("mirror", Literal["text", "code"], "text")
    return found


def _parameter(name: str, annotation: Any, default: JsonValue) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def resolve(name: str, given: Mapping[str, JsonValue], batch: int) -> dict[str, JsonValue]:
    """All options of a sampler: what was given, then the defaults; counts like `8x` become samples."""
    entry = CATALOGUE[name]
    merged = {key: parameter.default for key, parameter in options(name).items()}
    if given.get("mirror") == "code" and "score" in entry.mirror:
        merged["score"] = entry.mirror["score"]
    merged.update(given)
    return {key: samples(value, batch) for key, value in merged.items()}


def samples(value: JsonValue, batch: int) -> JsonValue:
    """`5x` as five batches; anything else as it is."""
    if isinstance(value, str) and value.endswith("x") and value[:-1].isdigit():
        return int(value[:-1]) * batch
    return value


def resolve_start(name: str, given: Mapping[str, JsonValue], start: StartSpec) -> StartSpec:
    """The start criterion as it will run: with `mirror: code` a loss fraction reads the test loss."""
    mirrored = given.get("mirror") == "code" and "start" in CATALOGUE[name].mirror
    if mirrored and start.name == "loss_fraction" and "of" not in start.options:
        return start.model_copy(update={"options": {**start.options, "of": "test"}})
    return start


def score_of(name: str, given: Mapping[str, JsonValue]) -> Score | None:
    """The score that a sampler will use."""
    chosen = resolve(name, given, 1).get("score")
    return SCORES[str(chosen)] if chosen is not None else None


def build(spec: SamplerSpec, problem: "Problem") -> Sampler:
    """The sampler of an arm, behind its start criterion."""
    entry = CATALOGUE[spec.name]
    arguments: dict[str, Any] = resolve(spec.name, spec.options, problem.batch)
    arguments.pop("mirror", None)
    if entry.score is not None:
        arguments["score"] = score = SCORES[str(arguments["score"])]
        problem.require(score)
    if entry.rule is not None:
        arguments["rule"] = entry.rule
    sampler = entry.sampler(problem, **arguments)
    start = resolve_start(spec.name, spec.options, spec.start)
    if start.name == "none":
        return sampler
    return StartWhen(problem, sampler, STARTS[start.name](problem, **start.options))
