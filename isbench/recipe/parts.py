"""The parts of a recipe, one function each: from what is written to the record that it means."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from isbench.datasets.catalogue import CATALOGUE as DATASETS
from isbench.models.catalogue import CATALOGUE as MODELS
from isbench.recipe import keys
from isbench.recipe.nodes import Node, Problems, shown, similar, slug
from isbench.recipe.options import Option, check
from isbench.recipe.schema import BudgetSpec, Question
from isbench.store.records import (
    DatasetSpec,
    ModelSpec,
    OptimizerSpec,
    PretrainSpec,
    ScheduleSpec,
    StartSpec,
)


def named(node: Node, kind: str, key: str, known: Collection[str], problems: Problems) -> str | None:
    """The name that a mapping gives under `key`, if there is such a thing."""
    if not isinstance(node.content, dict):
        problems.value(node, f"must be a name or a mapping with the key {key}, not {shown(node.plain())}")
        return None
    if key not in node.fields:
        layer = node.place.path[:1] in (("variants",), ("profiles",)) or bool(node.place.option)
        problems.value(node, f"is missing; expected the name of a {kind}", (key,), follows=layer)
        return None
    name = node.fields[key].content
    if isinstance(name, str) and name in known:
        return name
    hint = similar(name, known) if isinstance(name, str) else ""
    few = "" if hint or len(known) > 8 else f"; known are {', '.join(known)}"
    more = "" if hint or few else f"; `isbench list {kind}s` names them"
    problems.value(node.fields[key], f"unknown {kind} {shown(node.fields[key].plain())}{hint or few or more}")
    return None


def tagged(node: Node, kind: str, known: Collection[str], problems: Problems) -> str | None:
    """The one key of a mapping, if it names something known."""
    if len(node.fields) != 1:
        problems.value(node, f"must be a name or a mapping of one key, not {_count(node)}")
        return None
    name, inner = next(iter(node.fields.items()))
    if name in known:
        return name
    hint = similar(name, known) or f"; known are {', '.join(known)}"
    blame = problems.value if inner.place == node.place else problems.key  # `start: x` has no key of its own
    blame(inner, f"unknown {kind} {shown(name)}{hint}")
    return None


def _count(node: Node) -> str:
    return f"one of {len(node.fields)}" if isinstance(node.content, dict) else shown(node.plain())


def dataset(node: Node, problems: Problems) -> DatasetSpec | None:
    """The data set, its own options apart from those that all have."""
    name = named(node, "dataset", "name", DATASETS, problems)
    if name is None:
        return None
    options = keys.dataset_options(name)
    values = check(options, node, problems, what=f"option of {name}", others=("name",))
    common = {key: values.pop(key) for key in keys.DATASET if key in values}
    if "classes" in common:
        common["classes"] = tuple(common["classes"])
    return DatasetSpec(name=name, options=spoken(options, values), **common)


def model(node: Node, problems: Problems) -> ModelSpec | None:
    """The model, its options, and what it learns before the benchmark begins."""
    name = named(node, "model", "name", MODELS, problems)
    before = pretrain(node.fields["pretrain"], problems) if "pretrain" in node.fields else None
    if name is None:
        return None
    options = keys.model_options(name)
    values = check(options, node, problems, what=f"option of {name}", others=("name", "pretrain"))
    return ModelSpec(name=name, options=spoken(options, values), pretrain=before)


def pretrain(node: Node, problems: Problems) -> PretrainSpec | None:
    """On what and for how long a model is trained beforehand."""
    if not isinstance(node.content, dict):
        example = "{dataset: cifar10, epochs: 5}"
        problems.value(node, f"must be a mapping such as {example}, not {shown(node.plain())}")
        return None
    others = ("dataset",)
    values = check(keys.PRETRAIN, node, problems, what="key of pretrain", others=others, needed=others)
    data = dataset(node.fields["dataset"], problems) if "dataset" in node.fields else None
    if data is None or "epochs" not in values:
        return None
    return PretrainSpec.model_validate({**values, "dataset": data})


def optimizer(node: Node | None, problems: Problems) -> OptimizerSpec | None:
    """The optimiser; Adam where only its settings are given."""
    if node is None:
        return OptimizerSpec()
    if isinstance(node.content, dict) and "name" not in node.fields:
        name = "adam"
    else:
        name = named(node, "optimizer", "name", keys.OPTIMIZERS, problems)
    if name is None:
        return None
    what, own = f"option of {name}", Problems()
    values = check(keys.OPTIMIZER, node, own, what=what, others=("name",))
    for key in values.keys() - keys.OPTIMIZERS[name].keys():
        if not own.found:  # a misspelt name explains it
            own.key(node.fields[key], f"unknown {what}")
    problems.extend(own)
    usual = {"weight_decay": 0.01} if name == "adamw" else {}  # without it, adamw is adam
    return OptimizerSpec.model_validate({"name": name, **usual, **values})


def schedule(node: Node | None, problems: Problems) -> ScheduleSpec | None:
    """The learning rate over progress."""
    if node is None:
        return ScheduleSpec()
    name = tagged(node, "schedule", keys.SCHEDULES, problems)
    if name is None:
        return None
    values = _options_of(node.fields[name], keys.SCHEDULES[name], name, problems)
    if "at" in values:
        values["at"] = tuple(values["at"])
        if list(values["at"]) != sorted(set(values["at"])):
            problems.value(node.fields[name].fields["at"], "must be increasing")
    return ScheduleSpec.model_validate({"name": name, **values})


def start(node: Node, problems: Problems) -> StartSpec | None:
    """The start criterion; `{epochs: 2}` is the criterion `epochs` with `at` 2."""
    name = tagged(node, "start", keys.start_names(), problems)
    if name is None:
        return None
    options = keys.start_options(name)
    inner = node.fields[name]
    values = _options_of(
        Node({"at": inner}, inner.place) if set(options) == {"at"} else inner, options, name, problems
    )
    if {"above", "rule"} <= values.keys():
        problems.key(inner.fields["rule"], "chooses what `above` is where it is not given; leave one out")
    return StartSpec(name=name, options=spoken(options, values))


def _options_of(node: Node, options: Mapping[str, Option], name: str, problems: Problems) -> dict[str, Any]:
    if not isinstance(node.content, dict):
        problems.value(node, f"must be a mapping of the options of {name}, not {shown(node.plain())}")
        return {}
    return check(options, node, problems, what=f"option of {name}")


def spoken(options: Mapping[str, Option], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that say something else than the default: what says the default tells no two runs apart."""
    return {name: value for name, value in values.items() if not same(options[name].default, value)}


def same(default: Any, value: Any) -> bool:
    """Whether a value is the default, which may be a tuple where the value is a list."""
    plain = list(default) if isinstance(default, tuple) else default
    return plain == value and isinstance(plain, bool) == isinstance(value, bool)


def budgets(node: Node, problems: Problems) -> list[BudgetSpec]:
    """The budgets, each under its own name."""
    if not node.items:
        problems.value(node, f"must be a list of budgets, not {shown(node.plain())}")
    found: dict[str, BudgetSpec] = {}
    for item in node.items:
        spec = budget(item, problems)
        if spec is not None and spec.name in found:
            where = item.fields.get("name", item)
            problems.value(where, f"two budgets are named '{spec.name}'; give one another name")
        elif spec is not None:
            found[spec.name] = spec
    return list(found.values())


def budget(node: Node, problems: Problems) -> BudgetSpec | None:
    """One budget: an amount of one unit, or as long as a label needs for some epochs.

    With a fraction, so many epochs of that share of the data.
    """
    if not isinstance(node.content, dict):
        problems.value(node, f"must be a mapping such as {{epochs: 5}}, not {shown(node.plain())}")
        return None
    before = len(problems.found)
    values = check(keys.BUDGET, node, problems, what="key of a budget")
    if len(problems.found) > before:
        return None
    units = [unit for unit in keys.BUDGETS if unit in values]
    if len(units) != 1:
        problems.value(node, f"must name one of {', '.join(keys.BUDGETS)}, not {len(units)} of them")
        return None
    like, unit, amount = values.get("like"), units[0], values[units[0]]
    if like is not None and unit != "epochs":
        problems.key(node.fields[unit], "a budget with like: counts the epochs of that label")
        return None
    fraction = values.get("fraction", 1.0)
    if "fraction" in values and unit != "epochs":
        problems.key(node.fields["fraction"], "goes with epochs: so many of that share of the data")
        return None
    number = f"{amount:.12g}".replace("+", "")
    default = f"{unit}-{number}" if like is None else f"like-{like}-{number}-epochs"
    default = default if fraction == 1 else f"{default}-fraction-{fraction:.12g}"
    name = values.get("name") or slug(default)
    spent = float(f"{amount * fraction:.12g}")  # 0.3 x 10 is 3
    found = {"name": name, "amount": spent, "unit": unit, "like": like, "fraction": float(fraction)}
    return BudgetSpec.model_validate(found)


def primary(node: Node | None, problems: Problems) -> Question | None:
    """The question that the benchmark is there to answer; None where nothing is said of it."""
    if node is None or node.content == {}:
        return None
    if not isinstance(node.content, dict):
        example = "{metric: val_error, budget: seconds-30}"
        problems.value(node, f"must be a mapping such as {example}, not {shown(node.plain())}")
        return None
    return Question.model_validate(check(keys.PRIMARY, node, problems, what="key of primary"))
