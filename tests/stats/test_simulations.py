"""What the statistics promise, simulated: a small version of `python -m tests.long stats`."""

import pytest

from tests.stats.simulations import SIMULATIONS


@pytest.mark.parametrize(
    ("simulation", "runs"),
    [(s, runs) for s, (runs, _) in SIMULATIONS.items()],
    ids=[s.__name__ for s in SIMULATIONS],
)
def test_the_rates_are_those_that_are_printed(simulation, runs: int) -> None:
    wrong = [str(figure) for figure in simulation(runs) if not figure.holds]
    assert not wrong, "\n".join(wrong)
