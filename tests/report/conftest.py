import pytest

from isbench.report import frames
from tests.report import synthetic


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """A whole benchmark: three arms, two budgets, two seeds, exhibits of the first seed."""
    folder = tmp_path_factory.mktemp("whole")
    plan = synthetic.plan_of(synthetic.STRATEGIES[:3], seeds=2, points=8)
    synthetic.fill(folder, plan, exhibits=True)
    return frames.load(folder)


@pytest.fixture(scope="session")
def sweep(tmp_path_factory):
    """Arms that differ in their start threshold only."""
    folder = tmp_path_factory.mktemp("sweep")
    plan = synthetic.plan_of(synthetic.THRESHOLDS, (synthetic.SECONDS,), seeds=2, points=8)
    synthetic.fill(folder, plan, synthetic.THRESHOLDS)
    return frames.load(folder)


@pytest.fixture(scope="session")
def probed(tmp_path_factory):
    """Probes alone: two seeds of uniform."""
    folder = tmp_path_factory.mktemp("probed")
    plan = synthetic.with_probes(synthetic.plan_of(synthetic.STRATEGIES[:1], ()))
    synthetic.fill_probes(folder, plan)
    return frames.load(folder)


@pytest.fixture(scope="session")
def pictured(tmp_path_factory):
    """A picture that was learnt by six arms, the last of which diverged."""
    folder = tmp_path_factory.mktemp("pictured")
    plan = synthetic.plan_of(synthetic.PAINTERS, seeds=1, points=6, dataset="image-regression")
    broken = {one.id: "diverged" for one in plan.cells.values() if one.sampler.label == "broken"}
    store = synthetic.fill(folder, plan, synthetic.PAINTERS, statuses=broken, classes=False)
    for one in plan.cells.values():
        synthetic.write_output(store, one)
    return frames.load(folder)


@pytest.fixture(scope="session")
def remembered(tmp_path_factory):
    """Arms of paper 003 at equal epochs and at equal time, two variants."""
    folder = tmp_path_factory.mktemp("remembered")
    plan = synthetic.plan_of(synthetic.MEMORIES, seeds=2, variants=("easy", "hard"), points=12)
    synthetic.fill(folder, plan, synthetic.MEMORIES)
    return frames.load(folder)
