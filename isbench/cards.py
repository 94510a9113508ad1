"""What recipes can name: the lists and cards that `isbench list`, `isbench show` and the README print."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from isbench.datasets.augmented import AUGMENTATIONS
from isbench.datasets.catalogue import CATALOGUE as DATASETS
from isbench.errors import UsageError
from isbench.models.catalogue import CATALOGUE as MODELS
from isbench.recipe.options import describe, hints
from isbench.samplers import catalogue
from isbench.samplers.catalogue import CATALOGUE as SAMPLERS
from isbench.samplers.rules import RULES
from isbench.samplers.scores import SCORES
from isbench.samplers.start import STARTS

Row = dict[str, str]


@dataclass(frozen=True)
class Kind:
    """One kind of thing that recipes name."""

    rows: Callable[[], list[Row]]
    card: Callable[[str], str]


def sentence(thing: object) -> str:
    """The first sentence of a docstring."""
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")


def whole(thing: object) -> str:
    """A docstring as running text."""
    return textwrap.fill(" ".join((inspect.getdoc(thing) or "").split()), 100, subsequent_indent="    ")


def sampler_rows() -> list[Row]:
    """The catalogue of samplers."""
    return [
        {
            "name": name,
            "what": entry.summary,
            "bias": "unbiased" if entry.unbiased else "biased",
            "cost of a step": entry.cost,
            "source": entry.paper,
        }
        for name, entry in SAMPLERS.items()
    ]


def option_lines(parameters: Iterable[inspect.Parameter]) -> list[str]:
    """Options with what they take and their defaults."""
    lines = []
    for parameter in parameters:
        default = (
            "must be given" if parameter.default is parameter.empty else f"default {shown(parameter.default)}"
        )
        lines.append(f"  {parameter.name}: {describe(parameter.annotation)} ({default})")
    return lines


def shown(value: Any) -> str:
    """A default as a recipe would write it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)


def keyword_options(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The keyword-only parameters of a callable, their annotations resolved."""
    known, parameters = hints(function), inspect.signature(function).parameters.values()
    return [
        parameter.replace(annotation=known.get(parameter.name, parameter.annotation))
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY
    ]


def sampler_card(name: str) -> str:
    """All that is known of a sampler."""
    entry = SAMPLERS[name]
    lines = [
        f"{name}: {entry.summary}",
        "",
        f"source: {entry.paper}",
        f"bias: {'unbiased' if entry.unbiased else 'biased'}",
        f"cost of a step: {entry.cost} (a sample's forward counts 1, its backward 2)",
        f"data: {'finite sets only' if entry.finite else 'finite sets and streams'}",
        "options:",
        *(option_lines(catalogue.options(name).values()) or ["  none"]),
    ]
    if entry.start is not None:
        lines.append(
            f"starts by: {entry.start.name}, whatever the recipe's start for all; its entry may have another"
        )
    if entry.formulae:
        lines += ["formulae:", *(f"  {line}" for line in entry.formulae)]
    if entry.mirror:
        lines += ["mirror: code changes:", *(f"  {what}: {shown(to)}" for what, to in entry.mirror.items())]
    lines += (
        ["where text and code differ:", *(f"  {line}" for line in entry.deviations)]
        if entry.deviations
        else []
    )
    return "\n".join(textwrap.fill(line, 100, subsequent_indent="    ") for line in lines)


def plain_card(
    name: str, summary: str, source: str, function: Callable[..., Any] | None, *, told: bool = False
) -> str:
    """A card of something with options; `told`: with all that its docstring says."""
    options = option_lines(keyword_options(function)) if function else []
    lines = [f"{name}: {summary}", f"source: {source}"] if source else [f"{name}: {summary}"]
    lines += [whole(function)] if told else []
    return "\n".join([*lines, "options:", *options] if options else lines)


def named_rows(things: Mapping[str, Any], summary: Callable[[Any], str]) -> list[Row]:
    """Names and what they are."""
    return [{"name": name, "what": summary(thing)} for name, thing in things.items()]


def start_rows() -> list[Row]:
    """The start criteria."""
    return [{"name": "none", "what": "At once."}, *named_rows(STARTS, sentence)]


KINDS: dict[str, Kind] = {
    "samplers": Kind(sampler_rows, sampler_card),
    "datasets": Kind(
        lambda: [
            {"name": name, "what": e.summary, "size": e.size, "source": e.source}
            for name, e in DATASETS.items()
        ],
        lambda name: plain_card(
            name, DATASETS[name].summary, DATASETS[name].source, DATASETS[name].build, told=True
        ),
    ),
    "augmentations": Kind(
        lambda: [{"name": name, "what": what} for name, what in AUGMENTATIONS.items()],
        lambda name: f"{name}: {AUGMENTATIONS[name]}\nof images, as in dataset: {{augment: {name}}}",
    ),
    "models": Kind(
        lambda: [{"name": name, "what": e.summary, "source": e.source} for name, e in MODELS.items()],
        lambda name: plain_card(name, MODELS[name].summary, MODELS[name].source, MODELS[name].build),
    ),
    "starts": Kind(
        start_rows,
        lambda name: (
            plain_card(name, whole(STARTS[name]), "", STARTS[name]) if name in STARTS else "none: at once"
        ),
    ),
    "scores": Kind(
        lambda: named_rows(SCORES, lambda score: sentence(score.compute)),
        lambda name: plain_card(name, sentence(SCORES[name].compute), "", None),
    ),
    "rules": Kind(
        lambda: named_rows(RULES, sentence), lambda name: plain_card(name, sentence(RULES[name]), "", None)
    ),
}


def listing(kind: str) -> dict[str, list[Row]]:
    """The names of one kind, or of all."""
    if kind and kind not in KINDS:
        raise UsageError(f"there is no list of '{kind}'", f"there are {', '.join(KINDS)}")
    return {name: found.rows() for name, found in KINDS.items() if kind in ("", name)}


def card(name: str) -> str:
    """The cards of everything that has this name."""
    names = {kind: [row["name"] for row in found.rows()] for kind, found in KINDS.items()}
    cards = [KINDS[kind].card(name) for kind, known in names.items() if name in known]
    if cards:
        return "\n\n".join(cards)
    everything = [each for known in names.values() for each in known]
    close = get_close_matches(name, everything, n=1)
    raise UsageError(f"there is no '{name}'", f"did you mean '{close[0]}'?" if close else "see isbench list")
