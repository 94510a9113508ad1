"""Cards say what an option takes in words, also where annotations are kept as text."""

import pytest

from isbench import cards


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("cifar10", "  zca: true or false (default false)"),
        ("cifar10", "  virtual: a whole number of at least 1 (default none)"),
        ("permuted-mnist", "  pool: one of 1, 2 (default 1)"),
        ("image-folder", "  path: text (must be given)"),
    ],
)
def test_a_card_names_the_types_of_options(name: str, line: str) -> None:
    assert line in cards.card(name).splitlines()
