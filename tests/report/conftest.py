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
def predicting(tmp_path_factory):
    """Probes of uniform and of two arms that predict losses, on two data sets."""
    plan = synthetic.plan_of(synthetic.STRATEGIES[:1], ())
    plan = synthetic.with_probes(plan, variants=("mnist", "digits"), predicting=("impon", "impon-no-norm"))
    return frames.load(synthetic.fill_probes(tmp_path_factory.mktemp("predicting"), plan).folder)


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


@pytest.fixture(scope="session")
def imponed(tmp_path_factory):
    """Arms of paper 002 on three data sets."""
    folder = tmp_path_factory.mktemp("imponed")
    variants = ("svhn", "cifar10", "cifar100")
    plan = synthetic.plan_of(synthetic.IMPONS, (synthetic.EPOCHS,), seeds=2, variants=variants, points=10)
    synthetic.fill(folder, plan, synthetic.IMPONS)
    return frames.load(folder)


@pytest.fixture(scope="session")
def banked(tmp_path_factory):
    """Arms of IMPON that differ in their bank only, on two data sets."""
    folder = tmp_path_factory.mktemp("banked")
    variants = ("cifar10", "svhn")
    plan = synthetic.plan_of(synthetic.BANKS, (synthetic.EPOCHS,), seeds=3, variants=variants, points=10)
    synthetic.fill(folder, plan, synthetic.BANKS)
    return frames.load(folder)


@pytest.fixture(scope="session")
def budgeted(tmp_path_factory):
    """Samplers of several papers at two budgets, with two augmentations; the last run is missing."""
    folder = tmp_path_factory.mktemp("budgeted")
    budgets, variants = (synthetic.THIRTY, synthetic.EPOCHS), ("standard", "ricap")
    plan = synthetic.plan_of(synthetic.BUDGETED, budgets, seeds=3, variants=variants, points=5)
    synthetic.fill(folder, plan, synthetic.BUDGETED, only=list(plan.cells)[:-1])
    return frames.load(folder)


@pytest.fixture(scope="session")
def tuned(tmp_path_factory):
    """Trials alone: two arms, three trials on two seeds, two variants; four were asked for."""
    folder = tmp_path_factory.mktemp("tuned")
    plan = synthetic.with_trials(synthetic.plan_of(synthetic.STRATEGIES[:2], ()), variants=("easy", "hard"))
    synthetic.fill(folder, plan)
    return frames.load(folder)
