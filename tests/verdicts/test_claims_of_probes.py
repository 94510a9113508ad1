"""Claims about probes: which checkpoints of which runs count, and what is said where none can be read."""

import numpy as np
import pytest

from isbench.store.claims import Expectation, Measure, Probe
from isbench.store.probes import Probed
from isbench.store.records import Outcome
from isbench.store.store import Store
from isbench.verdicts import find
from isbench.verdicts.curves import load
from isbench.verdicts.probed import number, worst
from isbench.verdicts.readings import read
from tests.report import synthetic

STEPS = np.array([0, 10, 100, 200])
MEASURED = Probed(
    step=STEPS,
    batch=16,
    loss=np.ones((4, 3)),
    share={},
    quantity={"loss": {"pearson": np.array([0.1, 0.2, 0.4, 0.9]), "tau": np.array([np.nan, 2, 4, 6])}},
)


def claim(test="above", amount=0.0, score="loss", **more):
    probe = {k: more.pop(k) for k in ("quantity", "than", "steps") if k in more}
    found = Probe(score=score, **{"quantity": "squared_error", **probe})
    measure = Measure(probe=found, at=more.pop("at", "auc"))
    given = {"test": test, "amount": amount, "sampler": "uniform", "measure": measure}
    return Expectation.model_validate(given | more)


@pytest.fixture
def folder(tmp_path):
    """A folder with probes of uniform; keyword arguments go to what is probed."""

    def filled(expect=(), **probes):
        plan = synthetic.plan_of((synthetic.UNIFORM,), (synthetic.EPOCHS,), 1)
        plan = synthetic.with_probes(plan, **probes).model_copy(update={"expect": tuple(expect)})
        synthetic.fill_probes(tmp_path, plan)
        return tmp_path

    return filled


@pytest.mark.parametrize(
    ("at", "steps", "expected"),
    [
        ("auc", (), 0.4),
        ("end", (), 0.9),
        ((0.0, 0.05), (), 0.15),
        ((0.5, 1.0), (), 0.65),
        ("auc", (10, 100), 0.3),
        ("auc", (10, 7), np.nan),
    ],
)
def test_a_probe_is_the_mean_over_the_checkpoints_that_count(at, steps, expected):
    probe = Probe(score="loss", quantity="pearson", steps=steps)
    assert number(MEASURED, "loss", Measure(probe=probe, at=at)) == pytest.approx(expected, nan_ok=True)


def test_an_identity_is_told_by_its_worst_checkpoint():
    signs = Probed(STEPS, 16, MEASURED.loss, {}, {"loss": {"bias": np.array([0.0, -0.5, 0.5, np.nan])}})
    bias = Measure(probe=Probe(score="loss", quantity="bias"), at="auc")
    assert (number(signs, "loss", bias), worst(signs, "loss", bias)) == (0.0, 0.5)


def test_checkpoints_at_which_nothing_is_known_are_left_out():
    probe = Probe(score="loss", quantity="tau")
    assert number(MEASURED, "loss", Measure(probe=probe, at="auc")) == 4


def test_a_score_that_was_not_probed_has_no_number():
    assert np.isnan(number(MEASURED, "gradient", Measure(probe=Probe(score="gradient", quantity="tau"))))


def test_two_scores_are_compared_run_by_run(folder):
    found = find(folder([claim("better_by", 0.02, "upper_bound", than="loss")], seeds=3)).claims[0]
    assert (found.answer, found.reading.n, found.reading.seeds) == ("held", 3, 3)
    assert found.interval.mean > 0.9


def test_the_other_way_round_it_is_worse(folder):
    found = find(folder([claim("worse_by", 0.02, "loss", than="upper_bound")], seeds=3)).claims[0]
    assert found.answer == "held"


def test_one_score_is_compared_with_a_constant(folder):
    late = {"amount": 1.0, "quantity": "tau", "at": (0.1, 1.0)}
    claims = [claim("above", **late), claim("below", **late)]
    assert [one.answer for one in find(folder(claims, seeds=6)).claims] == ["held", "not held"]


def test_an_identity_holds_at_every_seed(folder):
    claims = [claim("exact", 0.0, quantity="lost_support"), claim("exact", 0.4, quantity="bias")]
    assert [one.answer for one in find(folder(claims)).claims] == ["held", "not held"]


def test_probes_of_another_variant_are_not_its(folder):
    path = folder(seeds=2, variants=("a", "b"))
    assert read(load(path), claim(variant="a")).n == 2
    assert read(load(path), claim(variant="c")).why == "no run of uniform, c is probed: run isbench probe"


def test_a_probe_without_a_result_is_missing(folder):
    path = folder(seeds=2)
    plan = load(path).plan
    Store(path).forget([plan.probes[0].cells[0]])
    found = read(load(path), claim())
    assert (found.n, found.seeds) == (1, 2)


def test_a_probe_that_failed_half_way_is_missing_too(folder):
    path = folder(seeds=2)
    (lost, _) = (block.cells[0] for block in load(path).plan.probes)
    Store(path).finish(lost, Outcome(status="failed", started="2026-01-02T03:04:05Z"))
    assert read(load(path), claim()).n == 1


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (claim(sampler="dlis"), "no run of dlis is probed: run isbench probe"),
        (claim(score="stored"), "stored: no squared_error was measured"),
        (claim(steps=(7,)), "loss: no squared_error at steps 7 was measured"),
    ],
)
def test_what_was_not_probed_is_inconclusive_and_says_so(folder, one, why):
    found = find(folder([one])).claims[0]
    assert (found.answer, found.reason) == ("inconclusive", why)


def test_the_sentence_says_whose_run_was_probed(folder):
    one = claim("above", 1.0, quantity="tau", at=(0.1, 1.0), claim="C-2", variant="a", scale="proxy")
    ((said, sentence),) = find(folder([one], seeds=3, variants=("a",))).told_claims
    assert said == "held on proxy"
    assert sentence.startswith("C-2 held on proxy. tau of loss from 0.1 to 1 of the run, claimed above 1: ")
    assert sentence.endswith("] (probe, a, run of uniform, n = 3).")
