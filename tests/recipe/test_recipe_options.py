from pathlib import Path
from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Lt

from isbench.recipe import yaml12
from isbench.recipe.keys import sampler_options
from isbench.recipe.nodes import Node, Problems
from isbench.recipe.options import accepted, check, describe
from isbench.samplers.base import Samples


def build(
    root: Path,
    *,
    width: int = 3,
    rate: float = 0.1,
    flag: bool = False,
    kind: Literal["text", "code"] = "text",
    sizes: list[int] | None = None,
    pair: tuple[float, ...] = (0.5,),
    share: Annotated[float, Ge(0), Lt(1)] = 0.0,
    pool: Samples | None = None,
    file: str = "",
) -> Path:
    return root


def node(text: str) -> Node:
    root = yaml12.read(text, "x").root
    assert root is not None
    return root


def checked(text: str, batch: int | None = 16) -> dict[str, object]:
    problems = Problems()
    values = check(accepted(build), node(text), problems, batch=batch)
    assert not problems.found
    return values


def complaint(text: str) -> str:
    problems = Problems()
    check(accepted(build), node(text), problems, batch=16)
    (problem,) = problems.found
    return f"{'.'.join(map(str, problem.place.path))}: {problem.message}"


def test_options_are_the_keyword_only_parameters():
    assert list(accepted(build)) == [
        "width", "rate", "flag", "kind", "sizes", "pair", "share", "pool", "file"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("width: 5", {"width": 5}),
        ("rate: 2", {"rate": 2.0}),
        ("flag: true", {"flag": True}),
        ("kind: code", {"kind": "code"}),
        ("sizes: [1, 2]", {"sizes": [1, 2]}),
        ("pair: [1, 0.5]", {"pair": [1.0, 0.5]}),
        ("share: 0", {"share": 0.0}),
        ("pool: 40", {"pool": 40}),
        ("pool: 5x", {"pool": 80}),
        ("pool: 1.5x", {"pool": 24}),
        ("file: '5'", {"file": "5"}),
    ],
)
def test_values_of_the_right_type_are_taken(text, values):
    found = checked(text)
    assert found == values
    assert list(map(type, found.values())) == list(map(type, values.values()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("width: 5.0", "width: must be a whole number, not 5.0"),
        ("width: true", "width: must be a whole number, not true"),
        ("width: '5'", "width: must be a whole number, not '5'"),
        ("rate: fast", "rate: must be a number, not 'fast'"),
        ("flag: 1", "flag: must be true or false, not 1"),
        ("flag: yes", "flag: must be true or false, not 'yes'"),
        ("kind: coed", "kind: must be one of text, code, not 'coed' (did you mean 'code'?)"),
        ("sizes: 3", "sizes: must be a list of whole numbers, not 3"),
        ("sizes: [1, a]", "sizes.1: must be a whole number, not 'a'"),
        ("pair: [[1]]", "pair.0: must be a number, not a list"),
        ("share: 1", "share: must be a number of at least 0 and below 1, not 1"),
        ("pool: 0", "pool: must be a whole number of samples above 0, or of batches, as in 5x, not 0"),
        (
            "pool: 0.3x",
            "pool: must be a whole number of samples above 0, or of batches, as in 5x, not '0.3x'",
        ),
        ("pool: 0x", "pool: must be a whole number of samples above 0, or of batches, as in 5x, not '0x'"),
        ("file: 5", "file: must be text, not 5"),
        ("file: {a: 1}", "file: must be text, not a mapping"),
        ("widht: 5", "widht: unknown option (did you mean 'width'?)"),
        ("root: x", "root: unknown option"),
    ],
)
def test_a_wrong_value_gives_one_complaint_at_its_place(text, message):
    assert complaint(text) == message


def test_batches_are_left_out_where_the_batch_is_not_known():
    assert checked("pool: 5x", batch=None) == {}


def test_a_missing_option_without_default_is_said_to_be_missing():
    def needs(*, fraction: float) -> None: ...

    problems = Problems()
    check(accepted(needs), node("{}"), problems)
    (problem,) = problems.found
    assert problem.below == ("fraction",)
    assert problem.message == "is missing; expected a number"


def test_the_options_of_a_class_are_those_of_its_constructor():
    class Thing:
        def __init__(self, problem: "Unknown", *, size: "int" = 1) -> None:  # noqa: F821
            self.size = size

    assert accepted(Thing)["size"].annotation is int


def test_a_sampler_offers_its_own_defaults():
    options = sampler_options("highest-loss")
    assert options["pool"].samples
    assert options["pool"].default == "8x"
    assert options["score"].default == "loss"


def test_types_are_named_in_words():
    assert describe(list[int] | None) == "a list of whole numbers"
    assert describe(Literal["auto"] | int) == "one of auto or a whole number"
