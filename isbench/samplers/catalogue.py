"""The catalogue: name -> lifecycle x score x rule x start. Docs, checks and contract tests follow it."""

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import JsonValue

from isbench.errors import UsageError
from isbench.samplers import entries_cdf, entries_dlis, entries_impon, entries_memory
from isbench.samplers.base import Sampler
from isbench.samplers.entry import Entry
from isbench.samplers.placebo import Placebo
from isbench.samplers.scores import SCORES, Score, penultimate
from isbench.samplers.start import STARTS, StartWhen
from isbench.store.records import SamplerSpec, StartSpec

if TYPE_CHECKING:
    from isbench.train.problem import Problem

ScoreName = Literal[
    "loss",
    "upper_bound",
    "output_gradient",
    "output_gradient_autograd",
    "last_layer",
    "gradient",
    "gradient_one_by_one",
]

CATALOGUE: dict[str, Entry] = {
    **entries_cdf.ENTRIES,
    **entries_dlis.ENTRIES,
    **entries_memory.ENTRIES,
    **entries_impon.ENTRIES,
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
    if given.get("mirror") == "code":
        merged.update({key: value for key, value in entry.mirror.items() if key != "start"})
    merged.update(given)
    return {key: samples(value, batch) for key, value in merged.items()}


def samples(value: JsonValue, batch: int) -> JsonValue:
    """`5x` as five batches; anything else as it is."""
    if isinstance(value, str) and value.endswith("x") and value[:-1].isdigit():
        return int(value[:-1]) * batch
    return value


def resolve_start(name: str, given: Mapping[str, JsonValue], start: StartSpec, batch: int) -> StartSpec:
    """The start criterion as it will run: with `mirror: code` a loss fraction reads the test loss.

    A tau start has its threshold written out.
    """
    own = start.options
    mirrored = given.get("mirror") == "code" and "start" in CATALOGUE[name].mirror
    if mirrored and start.name == "loss_fraction" and "of" not in own:
        return start.model_copy(update={"options": {**own, "of": "test"}})
    if start.name == "tau" and "above" not in own:
        usual = CATALOGUE[name].threshold(resolve(name, given, batch), batch)
        above = usual**0.5 if own.get("rule") == "sqrt" else usual
        kept = {key: value for key, value in own.items() if key != "rule"}
        return start.model_copy(update={"options": {**kept, "above": float(f"{above:.6g}")}})
    return start


def score_of(name: str, given: Mapping[str, JsonValue]) -> Score | None:
    """The score that a sampler will use."""
    chosen = resolve(name, given, 1).get("score")
    return SCORES[str(chosen)] if chosen is not None else None


def asked_of(name: str, given: Mapping[str, JsonValue]) -> Score | None:
    """What a sampler asks the model about candidates: its score, or the features that it reads."""
    reads = resolve(name, given, 1).get("features") == penultimate.name
    return penultimate if reads else score_of(name, given)


def scoring(name: str, given: Mapping[str, JsonValue]) -> bool:
    """Whether a sampler runs the model for scores, beside the forward passes of its steps."""
    score = asked_of(name, given)
    if score is None:
        return False
    apart = CATALOGUE[name].sampler.scores or score is penultimate or "model" in score.needs
    return apart or bool(resolve(name, given, 1).get("recompute"))


def build(spec: SamplerSpec, problem: "Problem") -> Sampler:
    """The sampler of an arm, behind its start criterion; or what does all of its work and draws uniformly."""
    sampler = started(spec, problem)
    return Placebo(problem, sampler) if spec.placebo else sampler


def started(spec: SamplerSpec, problem: "Problem") -> Sampler:
    """The sampler itself, behind its start criterion."""
    entry = CATALOGUE[spec.name]
    arguments: dict[str, Any] = resolve(spec.name, spec.options, problem.batch)
    arguments.pop("mirror", None)
    score = None
    if entry.score is not None:
        arguments["score"] = score = SCORES[str(arguments["score"])]
        problem.require(score)
    if entry.rule is not None:
        arguments["rule"] = entry.rule
    sampler = entry.sampler(problem, **arguments)
    start = resolve_start(spec.name, spec.options, spec.start, problem.batch)
    if start.name == "none":
        return sampler
    if start.name == "tau" and score is None:
        raise UsageError(f"{spec.name} has no scores that tau could be made of", "choose another start")
    return StartWhen(problem, sampler, STARTS[start.name](problem, score, **start.options))
