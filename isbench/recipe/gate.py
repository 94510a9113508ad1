"""`gate:`: what counts as a regression, and whether runs are to be compared bit by bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from isbench.recipe import keys
from isbench.recipe.nodes import Node, Problems, shown
from isbench.recipe.options import check
from isbench.recipe.schema import BudgetSpec
from isbench.recipe.shares import number
from isbench.store.records import Gate, ModelSpec


def read(
    tree: Node,
    values: Mapping[str, Any],
    model: ModelSpec | None,
    budgets: Sequence[BudgetSpec],
    problems: Problems,
) -> Gate:
    """The gate of a recipe, of whose plain keys, model and budgets an exact one asks for something."""
    node = tree.fields.get("gate")
    if node is None:
        return Gate()
    if not isinstance(node.content, dict):
        problems.value(
            node, f"must be a mapping such as {{slowdown: 5%, exact: true}}, not {shown(node.plain())}"
        )
        return Gate()
    given = check(keys.GATE, node, problems, what="key of gate")
    if given.get("exact"):
        for advice in _inexact(values, model, budgets):
            problems.value(node.fields["exact"], advice)
    shares = {name: number(each) for name, each in given.items() if name != "exact"}
    return Gate.model_validate({**given, **shares})


def _inexact(
    values: Mapping[str, Any], model: ModelSpec | None, budgets: Sequence[BudgetSpec]
) -> Iterator[str]:
    """What keeps a recipe from giving the same bits again, and what to write instead."""
    if values.get("threads", 1) != 1:
        yield "several threads add up in any order; write threads: 1"
    if model is not None and model.name != "mlp":
        yield f"the kernels of {model.name} may choose another order; write model: mlp"
    if budgets and all(spec.like or spec.unit == "seconds" for spec in budgets):
        yield "no run ends by the clock at the same step twice; add a budget such as {epochs: 5}"
