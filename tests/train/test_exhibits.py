import numpy as np
import pytest
import torch

from isbench.samplers.scores import SCORES
from isbench.train.exhibits import Exhibits, supported
from tests.builders import BATCH, N, model, run, stream, table

ALL = ("usage", "selection", "trace", "importance", "most_least", "geometry")


def test_a_table_without_pictures_or_a_plane_supports_three_exhibits() -> None:
    assert supported(table(), ALL, first=True) == ("usage", "trace", "importance")


def test_a_stream_has_no_usage() -> None:
    assert supported(stream(), ALL, first=True) == ("trace",)


def test_other_seeds_record_usage_only() -> None:
    assert supported(table(), ALL, first=False) == ("usage",)


def test_nothing_is_recorded_where_nothing_is_wanted() -> None:
    assert supported(table(), (), first=True) == ()


def recorded(sampler: str = "highest-loss", **options):
    made = run(sampler, trace=True, **options)
    exhibits = Exhibits(made.problem, made.tally, SCORES["loss"], ("usage", "trace", "importance"))
    for point in made.points:
        exhibits.at_point(point)
    return made, exhibits.finish()


def test_importance_is_recorded_at_every_point_and_counts_for_nothing() -> None:
    made, arrays = recorded(grid=(0.5, 1.0))
    assert arrays["importance"]["value"].shape == (3, N)
    assert made.problem.scored == 40 * 8 * 16


def test_recording_importance_leaves_the_run_bit_identical() -> None:
    made, _ = recorded()
    plain = run("highest-loss")
    plain.finish()
    pairs = zip(made.problem.model.parameters(), plain.problem.model.parameters(), strict=True)
    assert all(torch.equal(one, two) for one, two in pairs)


def test_usage_has_the_published_index_and_the_label_of_every_sample() -> None:
    _, arrays = recorded()
    usage = arrays["usage"]
    assert usage["index"].tolist() == list(range(N))
    assert usage["times_trained"].sum() == 40 * 16
    assert np.array_equal(usage["label"], table().labels.numpy())


def test_the_trace_says_when_importance_was_on() -> None:
    from isbench.store.records import StartSpec

    _, arrays = recorded(start=StartSpec(name="steps", options={"at": 10}))
    assert arrays["trace"]["active"].tolist() == [0.0] * 10 + [1.0] * 30
    assert np.isnan(arrays["trace"]["tau"][:10]).all()


def test_a_sampler_without_a_score_has_no_importance() -> None:
    made = run("uniform")
    exhibits = Exhibits(made.problem, made.tally, None, ("importance",))
    for point in made.points:
        exhibits.at_point(point)
    assert exhibits.finish() == {}


def test_the_importance_of_a_memory_is_what_it_holds_once_a_sample_was_trained_on() -> None:
    made = run("memory-as", budget=(28, "steps"), grid=(0.25, 1.0))
    exhibits = Exhibits(made.problem, made.tally, SCORES["loss"], ("importance",), made.sampler)
    for point in made.points:
        exhibits.at_point(point)
    untrained, early, last = exhibits.finish()["importance"]["value"]
    assert np.isnan(untrained).all()
    assert np.isfinite(early).sum() == 7 * BATCH
    assert last == pytest.approx(made.sampler.stored().numpy())


def test_the_importance_without_a_memory_is_the_score_as_it_is_now() -> None:
    made = run("dlis", budget=(4, "steps"), grid=(1.0,))
    exhibits = Exhibits(made.problem, made.tally, SCORES["loss"], ("importance",), made.sampler)
    for point in made.points:
        exhibits.at_point(point)
    assert np.isfinite(exhibits.finish()["importance"]["value"]).all()


def test_two_circles_records_selections_importance_and_outlines(tmp_path) -> None:
    from isbench.datasets.catalogue import build
    from isbench.store.records import DatasetSpec

    circles = build(DatasetSpec(name="two-circles"), tmp_path, torch.device("cpu"), 0)
    wanted = supported(circles, ALL, first=True)
    assert wanted == ("selection", "trace", "importance", "geometry")
    network = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    made = run("highest-loss", dataset=circles, network=network, selection=True, trace=True)
    exhibits = Exhibits(made.problem, made.tally, SCORES["loss"], wanted)
    for point in made.points:
        exhibits.at_point(point)
    arrays = exhibits.finish()
    assert arrays["selection"]["coordinates"].shape == (16, 2)
    assert arrays["importance"]["coordinates"].shape == (2000, 2)
    assert len(arrays["geometry"]) == 2


def test_pictures_of_the_most_and_least_used_are_bytes(tmp_path) -> None:
    from isbench.datasets.catalogue import build
    from isbench.store.records import DatasetSpec

    digits = build(DatasetSpec(name="digits", subset=100), tmp_path, torch.device("cpu"), 0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    made = run("highest-loss", dataset=digits, network=network, options={"pool": 64})
    made.finish()
    arrays = Exhibits(made.problem, made.tally, None, ("most_least",)).finish()["most_least"]
    assert arrays["most"].shape == (16, 8, 8, 1)
    assert arrays["most"].dtype == np.uint8
    assert arrays["most_count"].min() >= arrays["least_count"].max()


@pytest.mark.parametrize("name", ["uniform", "highest-loss-cdf"])
def test_evaluation_is_in_the_seconds_of_evaluation_to_the_last(name: str) -> None:
    from isbench.train.timing import FakeClock

    made = run(name, clock=FakeClock(), grid=(1.0,))
    last = made.finish()[-1]
    assert made.ledger.eval_seconds > last.eval_seconds


def test_reading_the_marks_is_nobodys_time() -> None:
    from isbench.train.timing import FakeClock

    class Slow(FakeClock):
        def seconds(self, a: float, b: float) -> float:
            self.time += 50
            return super().seconds(a, b)

    made = run(clock=Slow(), grid=(0.5, 1.0), network=model(table()))
    plain = run(clock=FakeClock(), grid=(0.5, 1.0), network=model(table()))
    assert made.finish()[-1].train_seconds == plain.finish()[-1].train_seconds
