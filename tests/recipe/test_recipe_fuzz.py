"""Recipes with arbitrary values in arbitrary places are resolved or refused; nothing else ever happens."""

import copy
import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from isbench.errors import RecipeError
from isbench.recipe import load, yaml12

ROOT = yaml12.read(Path(__file__).with_name("full.yaml").read_text(), "full").root
assert ROOT is not None
FULL = ROOT.plain()
WORDS = st.sampled_from(
    [
        "name",
        "sampler",
        "pool",
        "start",
        "grid",
        "none",
        "uniform",
        "sgd",
        "5x",
        "epochs",
        "like",
        "steps",
        "mlp",
        "",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS
VALUES = st.recursive(
    SCALARS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


def paths(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield from paths(below, (*path, key))


PATHS = [path for path in paths(FULL) if path]


def replaced(path, value):
    recipe = copy.deepcopy(FULL)
    parent = recipe
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    return recipe


def resolved_or_refused(path: Path, text: str, *overrides: str) -> bool:
    path.write_text(text, encoding="utf-8")
    try:
        load(path, None, overrides)
    except RecipeError as error:
        return str(error) != ""
    return True


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.sampled_from(PATHS), VALUES)
def test_any_value_anywhere_is_resolved_or_refused(tmp_path_factory, path, value):
    file = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    assert resolved_or_refused(file, json.dumps(replaced(path, value)))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.sampled_from(PATHS), VALUES)
def test_any_override_anywhere_is_resolved_or_refused(tmp_path_factory, path, value):
    file = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    override = f"{'.'.join(map(str, path))}={json.dumps(value)}"
    assert resolved_or_refused(file, json.dumps(FULL), override)
