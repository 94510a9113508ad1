import pytest

from isbench.report import frames
from tests.report import synthetic


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """A whole benchmark: five arms, two budgets, two seeds, exhibits of the first seed."""
    folder = tmp_path_factory.mktemp("whole")
    synthetic.fill(folder, synthetic.plan_of(seeds=2, points=8), exhibits=True)
    return frames.load(folder)


@pytest.fixture(scope="session")
def sweep(tmp_path_factory):
    """Arms that differ in their start threshold only."""
    folder = tmp_path_factory.mktemp("sweep")
    plan = synthetic.plan_of(synthetic.THRESHOLDS, (synthetic.SECONDS,), seeds=2, points=8)
    synthetic.fill(folder, plan, synthetic.THRESHOLDS)
    return frames.load(folder)
