"""The keys of a recipe, described once: what they accept, their defaults, and what a later version brings."""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import StringConstraints

from isbench.datasets import catalogue as datasets
from isbench.models import catalogue as models
from isbench.recipe.options import Option, accepted, hints
from isbench.samplers import catalogue as samplers
from isbench.samplers.scores import SCORES
from isbench.samplers.start import STARTS
from isbench.store.claims import METRICS, ONCE, PROBE, SELECTION
from isbench.store.records import PHASES, Gate, Metric

Whole = Annotated[int, Ge(1)]
Count = Annotated[int, Ge(1), Le(10_000)]
Seed = Annotated[int, Ge(0), Lt(2**31)]
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Share = Annotated[float, Gt(0), Le(1)]
Inside = Annotated[float, Gt(0), Lt(1)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._=,+()\[\]/:%-]{0,79}$")]
Percent = Annotated[str, StringConstraints(pattern=r"^-?[0-9]+(\.[0-9]+)? ?%$")]
Amount = NotNegative | Percent
Limit = NotNegative | Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)? ?%$")]
Reached = Annotated[float, Ge(0), Le(1)]
MetricOfClaim = Literal[*METRICS]
Exhibit = Literal["usage", "selection", "trace", "importance", "most_least", "geometry", "output"]

EXHIBITS = ("usage", "selection", "trace", "importance", "most_least", "geometry", "output")
SLUG = "made of at most 100 of a-z, 0-9, '-', '_' and '.'"
AMOUNT = "a share of at least 0, as in 2% or 0.02"
LABEL = "a label of at most 80 letters, digits, spaces and ._=,+()[]/:%-"

RECIPE: dict[str, Option] = {
    "schema": Option(Literal[1], 1, "1, the only version so far"),
    "name": Option(Slug, "", SLUG),
    "batch": Option(Whole, 64),
    "precision": Option(Literal["float32", "bfloat16"], "float32"),
    "threads": Option(Literal["auto"] | Whole, "auto", "auto or a whole number of at least 1"),
    "points": Option(Count | list[Share], 40, "a whole number from 1 to 10000 or a list of progress values"),
    "seeds": Option(Count | list[Seed], 8, "a whole number from 1 to 10000 or a list of seeds"),
    "record": Option(list[Exhibit], list(EXHIBITS)),
    "targets": Option(list[Share], [], "a list of shares, above 0 and at most 1"),
}
STRUCTURE = (
    "dataset",
    "model",
    "optimizer",
    "schedule",
    "budgets",
    "start",
    "samplers",
    "tuning",
    "controls",
    "primary",
    "expect",
    "gate",
    "variants",
    "profiles",
)
NEEDED = ("dataset", "model", "budgets", "samplers")
GLOBAL = (  # one value for all variants
    *("schema", "name", "seeds", "record", "primary", "targets", "expect", "gate", "variants", "profiles"),
)
ENTRY: dict[str, Option] = {"label": Option(Label, "", LABEL), "batch": RECIPE["batch"]}
ENTRY_STRUCTURE = ("sampler", "start", "grid", "optimizer", "schedule")
DATASET: dict[str, Option] = {
    "subset": Option(Whole, None),
    "classes": Option(list[Annotated[int, Ge(0)]], None),
    "val_fraction": Option(Annotated[float, Ge(0), Lt(1)], 0.1),
    "label_noise": Option(Annotated[float, Ge(0), Le(1)], 0.0),
    "augment": Option(Literal["none", "standard", "mixup", "ricap", "randaugment"], "none"),
    "keep": Option(Literal["device", "host", "disk"], "device"),
}
PRETRAIN: dict[str, Option] = {
    "epochs": Option(Positive),
    "lr": Option(Positive, 1e-3),
    "batch": Option(Whole, 64),
}
PRIMARY: dict[str, Option] = {
    "metric": Option(Metric, None),
    "budget": Option(str, None),
    "target": Option(Share, None),
    "baseline": Option(str, "uniform"),
}
GATE: dict[str, Option] = {
    "slowdown": Option(Limit, Gate().slowdown, AMOUNT),
    "metric_drop": Option(Limit, Gate().metric_drop, AMOUNT),
    "exact": Option(bool, Gate().exact),
}
TUNING: dict[str, Option] = {
    "trials": Option(Annotated[int, Ge(1), Le(1000)]),
    "seeds": Option(Annotated[int, Ge(1), Le(100)], 2),
}
OPTIMIZER: dict[str, Option] = {
    "lr": Option(Positive, 1e-3),
    "momentum": Option(Annotated[float, Ge(0), Lt(1)], 0.0),
    "weight_decay": Option(NotNegative, 0.0),
    "clip_norm": Option(Positive, None),
}
OPTIMIZERS = {
    name: {key: option for key, option in OPTIMIZER.items() if name == "sgd" or key != "momentum"}
    for name in ("sgd", "adam", "adamw")
}
SCHEDULES: dict[str, dict[str, Option]] = {
    "constant": {},
    "linear": {"to": Option(NotNegative, 0.0)},
    "cosine": {},
    "step": {"at": Option(list[Inside]), "factor": Option(Positive)},
}
BUDGETS: dict[str, Option] = {
    "epochs": Option(Positive, None),
    "seconds": Option(Positive, None),
    "passes": Option(Positive, None),
    "steps": Option(Whole, None),
}
BUDGET: dict[str, Option] = {
    **BUDGETS,
    "fraction": Option(Share, 1.0),
    "like": Option(str, None),
    "name": Option(Slug, "", SLUG),
}
EXPECT: dict[str, Option] = {
    **dict.fromkeys(
        ("claim", "says", "sampler", "than", "variant", "budget", "sooner_than"), Option(str, "")
    ),
    "scale": Option(Literal["proxy", "paper"], None),
    "metric": Option(MetricOfClaim, None),
    "at": Option(
        Literal["end", "auc"] | list[Reached], None, "end, auc, or two shares of the run, as in [0, 0.2]"
    ),
    "target": Option(Share, None),
    "phase": Option(Literal["all", *PHASES], None),
    "per_step": Option(bool, True),
    **dict.fromkeys(
        ("better_by", "worse_by", "within", "no_worse_than", "exact"), Option(Amount, None, AMOUNT)
    ),
    **dict.fromkeys(("speedup", "at_most"), Option(Positive, None)),
    **dict.fromkeys(("above", "below"), Option(float | Percent, None, "a number, or a share as in 2%")),
}
EXPECT_PROBE: dict[str, Option] = {
    "score": Option(Literal[*SCORES, "uniform", "low", "stored", "predicted"]),
    "than": Option(Literal[*SCORES, "uniform", "low", "stored", "predicted"], None),
    "quantity": Option(Literal[*PROBE]),
    "at": Option(list[Annotated[int, Ge(0)]], None),
}
EXPECT_SELECTION: dict[str, Option] = {"quantity": Option(Literal[*SELECTION, *ONCE])}
EXPECT_TREND: dict[str, Option] = {
    "option": Option(str),
    "sign": Option(Literal["+", "-"]),
    "metric": Option(MetricOfClaim, None),
    "by": Option(Amount, None, AMOUNT),
}


def dataset_options(name: str) -> dict[str, Option]:
    """What a data set takes: what all take, and its own."""
    return {**DATASET, **accepted(datasets.CATALOGUE[name].build)}


def model_options(name: str) -> dict[str, Option]:
    """What a model takes."""
    return accepted(models.CATALOGUE[name].build)


def sampler_options(name: str) -> dict[str, Option]:
    """What a sampler takes, with the entry's own defaults."""
    known = hints(samplers.CATALOGUE[name].sampler)
    return {
        key: Option(
            known.get(key, Any) if isinstance(each.annotation, str) else each.annotation, each.default
        )
        for key, each in samplers.options(name).items()
    }


def start_options(name: str) -> dict[str, Option]:
    """What a start criterion takes; `none` takes nothing."""
    return {} if name == "none" else accepted(STARTS[name])


def start_names() -> tuple[str, ...]:
    """The start criteria."""
    return ("none", *(name for name in STARTS if name != "none"))
