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


def test_the_card_of_dlis_prints_its_formulae() -> None:
    card = " ".join(cards.card("dlis").split())
    assert "tau of a step = sqrt(B sum p^2)" in card
    assert "(B + 3b) / (3b)" in card
    assert "1 + c B / ((1 + rho) b)" in card


def test_the_card_of_a_gated_sampler_says_how_it_starts() -> None:
    assert "starts by: tau" in cards.card("dlis-loss")
    assert "starts by" not in cards.card("biased")
