import pytest

from isbench.recipe import load, yaml12
from isbench.recipe.grid import words


@pytest.fixture
def labels(write, small):
    def expand(entry):
        recipe = load(write(small.replace("- highest-loss", f"- {entry}")))
        return {arm.sampler.label: arm for arm in recipe.settings[0].arms if arm.sampler.label != "uniform"}

    return expand


def test_a_grid_gives_one_arm_for_each_value(labels):
    found = labels("{sampler: highest-loss, grid: {pool: [2x, 5x]}}")
    assert {label: arm.sampler.options["pool"] for label, arm in found.items()} == {
        "highest-loss[pool=2x]": 128,
        "highest-loss[pool=5x]": 320,
    }


def test_several_keys_are_combined_in_the_order_they_are_written(labels):
    found = labels("{sampler: highest-loss, grid: {sweep: [false, true], pool: [2x, 5x]}}")
    assert list(found) == [
        "highest-loss[sweep=false,pool=2x]",
        "highest-loss[sweep=false,pool=5x]",
        "highest-loss[sweep=true,pool=2x]",
        "highest-loss[sweep=true,pool=5x]",
    ]


def test_a_label_of_the_entry_comes_before_the_grid_s(labels):
    assert list(labels("{sampler: highest-loss, label: top, grid: {pool: [2x]}}")) == ["top[pool=2x]"]


def test_a_grid_over_start_criteria_is_labelled_by_their_numbers(labels):
    starts = "[none, {loss_fraction: {below: 0.5}}, {loss_fraction: {below: 0.25}}]"
    found = labels(f"{{sampler: highest-loss, grid: {{start: {starts}}}}}")
    assert {label: arm.sampler.start.options for label, arm in found.items()} == {
        "highest-loss[start=none]": {},
        "highest-loss[start=0.5]": {"below": 0.5},
        "highest-loss[start=0.25]": {"below": 0.25},
    }


def test_a_grid_may_vary_batch_optimizer_and_schedule(labels):
    found = labels(
        "{sampler: highest-loss, grid: {batch: [8, 16], optimizer: [sgd, {lr: 1e-2}], schedule: [cosine]}}"
    )
    assert {(arm.batch, arm.optimizer.name, arm.optimizer.lr) for arm in found.values()} == {
        (8, "sgd", 1e-3),
        (8, "adam", 1e-2),
        (16, "sgd", 1e-3),
        (16, "adam", 1e-2),
    }
    assert {arm.schedule.name for arm in found.values()} == {"cosine"}


def test_a_grid_changes_what_the_entry_says_of_the_same_criterion(labels):
    found = labels(
        "{sampler: highest-loss, start: {loss_fraction: {below: 1, of: val}}, "
        "grid: {start: [{loss_fraction: {below: 0.5}}]}}"
    )
    assert [arm.sampler.start.options for arm in found.values()] == [{"below": 0.5, "of": "val"}]


@pytest.mark.parametrize(
    ("values", "spelt"),
    [
        ("[2x, 5x]", ["2x", "5x"]),
        ("[0.5, 1, true, null]", ["0.5", "1", "true", "default"]),
        ("[{steps: 2}, {epochs: 2}]", ["steps=2", "epochs=2"]),
        ("[[1, 2], [3]]", ["1/2", "3"]),
        ("['a|b', 'a b']", ["a-b", "a b"]),
        ("['a|b', 'a&b']", ["0", "1"]),
        ("[1, '1']", ["0", "1"]),
    ],
)
def test_values_get_the_shortest_words_that_tell_them_apart(values, spelt):
    assert words(yaml12.read(values, "x").root) == spelt


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        ("{poool: [2x, 5x]}",
         "36: samplers.1.grid.poool: is nothing that a grid can vary (did you mean 'pool'?)"),
        ("{label: [a, b]}", "36: samplers.1.grid.label: is nothing that a grid can vary"),
        ("{pool: 5x}", "42: samplers.1.grid.pool: must be a list of values, not '5x'"),
        ("{pool: []}", "42: samplers.1.grid.pool: must be a list of values, not an empty list"),
        ("[2x]", "35: samplers.1.grid: must be a mapping of options to lists of values, not a list"),
        ("{pool: [2x, 2.0x]}", "5: samplers.1: is the same as samplers.1 ('highest-loss[pool=2x]')"),
        ("{pool: [2x, 1]}", "47: samplers.1.grid.pool.1: a pool of 1 is smaller than the batch of 64"),
        ("{start: [{epohs: 1}]}",
         "45: samplers.1.grid.start.0.epohs: unknown start 'epohs' (did you mean 'epochs'?)"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_grid_is_told_once(mistakes, small, grid, told):
    text = small.replace("- highest-loss", f"- {{sampler: highest-loss, grid: {grid}}}")
    assert mistakes(text) == [f"7:{told}"]


def test_a_wrong_value_of_one_axis_is_told_once_for_all_combinations(mistakes, small):
    entry = "{sampler: highest-loss, grid: {pool: [2x, x], sweep: [true, false]}}"
    (told,) = mistakes(small.replace("- highest-loss", f"- {entry}"))
    assert told.startswith("7:47: samplers.1.grid.pool.1: must be a whole number of samples")


def test_a_grid_that_explodes_is_refused_before_it_expands(mistakes, small):
    values = list(range(1, 301))
    entry = f"{{sampler: highest-loss, grid: {{pool: {values}, batch: {values}, score: {values}}}}}"
    (told,) = mistakes(small.replace("- highest-loss", f"- {entry}"))
    assert told.endswith("samplers.1.grid: would expand to 27000000 arms; at most 1000 are allowed")


def test_many_grids_together_are_limited_too(mistakes, small):
    values = list(range(64, 664))
    entries = "".join(
        f"  - {{sampler: {name}, grid: {{pool: {values}}}}}\n" for name in ("highest-loss", "gradient-norm")
    )
    told = mistakes(small.replace("  - highest-loss\n", entries))
    assert told[0].endswith("samplers.2: is one too many: at most 1000 arms are allowed")
    assert len(told) == 1
