"""Two environments in turns: who runs when, what is run again, and what their folders say of each other."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from isbench.bench import site as sites
from isbench.bench.pair import in_both, pythons, run_in_turns
from isbench.bench.site import Request, Site
from isbench.errors import EnvironmentFault, UsageError
from isbench.verdicts import between
from tests.bench_tools import InProcess, Silent, site

BUDGETS = [{"steps": 4}, {"like": "uniform", "epochs": 0.5}]
Pair = tuple[Site, Site]


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Pair]:
    monkeypatch.setattr(sites, "Worker", InProcess)
    monkeypatch.setattr("isbench.bench.machine.code", lambda: "as it is")

    def make(**changes) -> Pair:
        interpreters = {"base": sys.executable, "head": sys.executable}
        return in_both(site(tmp_path, **{"seeds": 2, "budgets": BUDGETS[:1], **changes}), interpreters)

    return make


def turns(watch: Silent) -> list[str]:
    return [began.split()[0].partition(":")[0] for began in watch.began]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["base=python3"], "1 environments, not two"),
        (["base=python3", "base=python3"], "base is there twice"),
        (["python3", "head=python3"], "expected NAME=PATH"),
        (["Base=python3", "head=python3"], "expected NAME=PATH"),
        (["base=/no/such/python", "head=python3"], "/no/such/python is no program"),
    ],
)
def test_environments_that_make_no_sense_are_refused(given: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        pythons(given)


def test_the_first_environment_is_what_the_second_is_compared_with() -> None:
    assert list(pythons(["new=python3", "old=python3"])) == ["new", "old"]


def test_each_seed_of_an_arm_runs_in_both_at_once_and_who_goes_first_alternates(pair) -> None:
    watch = Silent()
    assert run_in_turns(pair(), watch) == []
    assert turns(watch) == ["base", "head"] * 2 + ["head", "base"] * 2


def test_nothing_runs_again_while_the_environments_stay_as_they_are(pair) -> None:
    run_in_turns(pair(), Silent())
    watch = Silent()
    run_in_turns(pair(), watch)
    assert watch.began == []


def test_both_of_a_pair_run_again_where_one_is_missing(pair) -> None:
    first = pair()
    run_in_turns(first, Silent())
    head = first[1].store
    head.forget([head.plan().blocks[0].cells[0]])
    watch = Silent()
    run_in_turns(pair(), watch)
    assert sorted(turns(watch)) == ["base", "head"]


def test_a_pair_that_was_stopped_in_between_leaves_no_half_of_the_one_before(pair) -> None:
    run_in_turns(pair(seeds=1), Silent())

    class Stopping(Silent):
        def begin(self, cell, number: int, total: int) -> None:
            if number == 2:
                raise KeyboardInterrupt
            super().begin(cell, number, total)

    two = pair(seeds=1)
    cell = two[1].store.plan().blocks[0].cells[0]
    two[0].store.forget([cell])
    with pytest.raises(KeyboardInterrupt):
        run_in_turns(two, Stopping())
    watch = Silent()
    run_in_turns(pair(seeds=1), watch)
    assert sorted(turns(watch)) == ["base", "head"]


def test_what_another_code_has_run_is_run_again(pair, monkeypatch) -> None:
    run_in_turns(pair(), Silent())
    monkeypatch.setattr("isbench.bench.machine.code", lambda: "edited")
    watch = Silent()
    run_in_turns(pair(), watch)
    assert len(watch.began) == 8


def test_two_environments_that_are_alike_are_said_to_measure_noise(pair) -> None:
    watch = Silent()
    run_in_turns(pair(), watch)
    assert any("this measures noise" in said for said in watch.said)


def test_only_the_first_environment_runs_pilots_and_both_get_their_time(pair) -> None:
    watch, two = Silent(), pair(budgets=BUDGETS, seeds=1)
    run_in_turns(two, watch)
    base, head = (each.store.plan() for each in two)
    assert turns(watch)[:3] == ["base"] * 3
    assert [p.seconds for p in base.pilots] == [p.seconds for p in head.pilots] != [None]
    assert set(base.blocks[-1].cells) == set(head.blocks[-1].cells)


def test_the_second_folder_names_the_first_and_their_invocation(pair) -> None:
    two = pair(seeds=1)
    run_in_turns(two, Silent())
    base, head = (each.store.plan().environment for each in two)
    assert (base.name, base.against, head.name, head.against) == ("base", "", "head", "../tiny-base")
    assert base.invocation == head.invocation != ""


def test_times_of_turns_are_pairs_without_a_word_of_two_invocations(pair) -> None:
    base, head = pair()
    run_in_turns((base, head), Silent())
    met = between(base.store.folder, head.store.folder)
    times = [row for row in met.comparisons if row.quantity.metric == "train_seconds"]
    assert [row.names.paired for row in times] == [True, True]
    assert not any("invocations" in note for note in met.notes)


def test_an_environment_without_isbench_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("#!/bin/sh\necho no isbench here >&2; exit 1\n")
    empty.chmod(0o755)
    here = site(tmp_path, Request(out=tmp_path / "out", device="cpu"), seeds=1, budgets=BUDGETS[:1])
    with pytest.raises(EnvironmentFault, match=r"no worker in .*empty"):
        run_in_turns(in_both(here, {"base": str(empty), "head": str(empty)}), Silent())


def test_an_interpreter_beside_the_recipe_is_found(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert pythons(["base=./one", "head=./two"])["head"] == str(tmp_path / "two")
