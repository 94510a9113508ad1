import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isbench.recipe import yaml12


def value(text: str) -> object:
    document = yaml12.read(text, "x")
    assert not document.problems.found
    assert document.root is not None
    return document.root.plain()


def refusal(text: str) -> str:
    document = yaml12.read(text, "x")
    assert document.root is None
    return document.problems.text("x", document.lines).splitlines()[0]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1e-3", 1e-3),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("+7", 7),
        ("010", 10),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("2020-01-01", "2020-01-01"),
        ("'5'", "5"),
        ('"null"', "null"),
    ],
)
def test_scalars_have_the_types_of_yaml_1_2(text, meant):
    found = value(f"a: {text}")["a"]
    assert found == meant
    assert type(found) is type(meant)


def test_every_value_knows_the_line_and_column_of_its_key_and_of_itself():
    root = yaml12.read("a: 1\nb:\n  - {c: [x, y]}\n", "x").root
    inner = root.fields["b"].items[0].fields["c"]
    assert (inner.place.path, inner.place.key, inner.place.value) == (("b", 0, "c"), (3, 6), (3, 9))
    assert inner.items[1].place.value == (3, 13)


def test_an_alias_stands_for_the_value_of_its_anchor():
    assert value("a: &x {b: 1}\nc: *x") == {"a": {"b": 1}, "c": {"b": 1}}


def test_a_key_that_stands_twice_is_a_mistake_at_the_second_and_the_first_one_counts():
    document = yaml12.read("a: 1\nb: 2\na: 3\n", "x")
    assert document.root.plain() == {"a": 1, "b": 2}
    assert document.problems.text("x", document.lines) == (
        "x:3:1: a: the key stands here twice, first in line 1\n    a: 3\n    ^"
    )


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("a: [1", "1:6", "not valid YAML"),
        ("a:\n\tb: 1", "2:1", "cannot start any token"),
        ("a: 1\n---\nb: 2", "2:1", "found another document"),
        ("a: *x", "1:4", "undefined alias"),
        ("a: !!python/object/apply:os.system [true]", "1:4", "tags are not used"),
        ("a: !!int '5'", "1:4", "tags are not used"),
        ("!thing {a: 1}", "1:1", "tags are not used"),
        ("b: &b {c: 1}\na: {<<: *b}", "2:5", "merge keys are not used"),
        ("1: x", "1:1", "a key must be a word"),
        ("? [a]\n: x", "1:3", "a key must be a word"),
        ("~: x", "1:1", "a key must be a word"),
        ("a: .inf", "1:4", "must be finite"),
        ("a: -.INF", "1:4", "must be finite"),
        ("a: .nan", "1:4", "must be finite"),
        ("a: 1e999", "1:4", "must be finite"),
        ("a: 9223372036854775808", "1:4", "64 bits"),
        ("a: " + "9" * 5000, "1:4", "64 bits"),
        ("a: \a", "1:4", "character that YAML does not allow"),
        ('a: "\\UFFFFFFFF"', "1:7", "stands for no character"),
        ("a: &a [*a]", "1:4", "deeper than 20"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_position(text, position, words):
    told = refusal(text)
    assert told.startswith(f"x:{position}: ")
    assert words in told


def test_a_python_tag_is_never_obeyed(tmp_path):
    target = tmp_path / "made"
    refusal(f"a: !!python/object/apply:os.mkdir [{target}]")
    assert not os.path.exists(target)


def test_an_alias_bomb_is_refused_while_it_is_walked():
    levels = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    assert "10000 values" in refusal("\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x, x]", *levels]))


def test_values_are_counted_once_for_every_alias_up_to_the_limit():
    text = f"a: &a [{', '.join(['1'] * 99)}]\nb: [{', '.join(['*a'] * 98)}]"  # 1 + 100 + 1 + 98 * 100 values
    assert len(value(text)["b"]) == 98
    assert "10000 values" in refusal(text.replace("[*a,", "[*a, *a,"))


@pytest.mark.parametrize("text", ["[" * 100_000, "\n".join(" " * i + "a:" for i in range(1000))])
def test_deep_nesting_is_refused_before_it_exhausts_the_stack(text):
    assert "nested deeper than 20 levels" in refusal(text)


def test_twenty_levels_are_allowed():
    assert value("[" * 20 + "]" * 20)


def test_a_giant_text_is_refused():
    assert refusal("a: " + "x" * 1_000_000) == "x:1:1: larger than 1 MB"


def test_a_long_flat_list_is_refused_before_all_of_it_is_read():
    assert "10000 values" in refusal("[" + "1," * 300_000 + "]")


@settings(derandomize=True, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_but_never_breaks_the_reader(text):
    document = yaml12.read(text, "x")
    assert (document.root is None) <= bool(document.problems.found)


@settings(derandomize=True, deadline=None)
@given(st.text(alphabet="[]{}:,-&*!|>'\"%@#? \n\tab1.~<", max_size=40))
def test_any_punctuation_is_read_or_refused_but_never_breaks_the_reader(text):
    document = yaml12.read(text, "x")
    assert document.problems.text("x", document.lines) or document.root is not None
