"""`gate:` in recipes: margins, and what an exact gate asks for."""

from __future__ import annotations

import pytest
import yaml

from isbench.plan import make_plan
from isbench.recipe import load
from isbench.store.records import Gate
from tests.builders import GROUND

EXACT = "threads: 1\ngate: {exact: true}\n"


def planned(write, text: str):
    return make_plan(load(write(text)), GROUND, {})


def test_margins_are_shares(write, small) -> None:
    assert load(write(small + "gate: {slowdown: 5%, metric_drop: 0.01}")).gate == Gate(
        slowdown=0.05, metric_drop=0.01
    )


def test_without_a_gate_margins_are_the_usual_ones(write, small) -> None:
    assert planned(write, small).gate == Gate(slowdown=0.03, metric_drop=0.02, exact=False)


def test_an_exact_gate_records_digests(write, small) -> None:
    assert "digests" in planned(write, small + EXACT).record
    assert "digests" not in planned(write, small).record


def test_margins_leave_a_recipe_what_it_is_and_an_exact_gate_does_not(write, small) -> None:
    text = small + "threads: 1\n"
    plain, wide, exact = (
        planned(write, text + gate).recipe
        for gate in ("", "gate: {slowdown: 9%, metric_drop: 9%}", "gate: {exact: true}")
    )
    assert plain == wide != exact


def test_a_gate_leaves_cells_what_they_are(write, small) -> None:
    text = small + "threads: 1\n"
    assert planned(write, text).cells.keys() == planned(write, small + EXACT).cells.keys()


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({"threads": 2}, "write threads: 1"),
        ({"threads": "auto"}, "write threads: 1"),
        ({"model": "lenet"}, "write model: mlp"),
        ({"budgets": [{"seconds": 3}, {"like": "uniform", "epochs": 1}]}, "add a budget such as"),
    ],
)
def test_an_exact_gate_says_what_it_asks_for(mistakes, small, change, advice) -> None:
    content = {**yaml.safe_load(small + EXACT), **change}
    text = yaml.safe_dump(content, sort_keys=False)
    (told,) = mistakes(text)
    line = text.splitlines().index("  exact: true") + 1
    assert told.startswith(f"{line}:10: gate.exact: ")
    assert advice in told


def test_a_clock_next_to_a_budget_of_epochs_is_no_mistake(write, small) -> None:
    text = small.replace("- {epochs: 1}", "- {epochs: 1}\n  - {seconds: 3}")
    assert load(write(text + EXACT)).gate.exact


def test_a_variant_has_no_gate_of_its_own(mistakes, small) -> None:
    (told,) = mistakes(small + "variants: {a: {gate: {exact: true}}}")
    assert "holds for the whole recipe" in told
