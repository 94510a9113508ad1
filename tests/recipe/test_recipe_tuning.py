"""The key `tuning`: what of each arm is tried, and what cannot be."""

import pytest

from isbench.datasets.base import Facts
from isbench.errors import RecipeError
from isbench.recipe import check_facts, json_schema, load, open_recipe
from isbench.recipe.tuning import drawn

ARMS = """\
dataset: digits
model: mlp
batch: 32
budgets: [{epochs: 1}]
samplers:
  - uniform
  - {sampler: prioritized, label: first}
  - {sampler: prioritized, label: second, start: {epochs: 1}}
"""


def grids(path, *overrides):
    (setting,) = load(path, overrides=overrides).settings
    return {label: [each.options for each in grid] for label, grid in setting.tuning.grids.items()}


def test_shared_paths_are_tried_of_all_and_named_ones_of_their_sampler_or_label(write):
    space = "{optimizer.lr: [0.1], prioritized.alpha: [0.2], second.alpha: [0.3], first.batch: [16]}"
    assert grids(write(f"{ARMS}tuning: {{trials: 9, space: {space}}}")) == {
        "uniform": [{"optimizer.lr": 0.1}],
        "first": [{"optimizer.lr": 0.1, "alpha": 0.2, "batch": 16}],
        "second": [{"optimizer.lr": 0.1, "alpha": 0.3}],
    }


def test_uniform_has_nothing_to_start(write):
    found = grids(write(f"{ARMS}tuning: {{trials: 9, space: {{batch: [8], start: [none, {{steps: 3}}]}}}}"))
    assert found["uniform"] == [{"batch": 8}]
    assert [options["start"] for options in found["first"]] == ["none", {"steps": 3}]


def test_what_is_tried_becomes_an_arm_of_the_same_label(write):
    space = "{optimizer: [sgd], schedule.linear.to: [1e-4], prioritized.beta: [0.1]}"
    (setting,) = load(write(f"{ARMS}tuning: {{trials: 1, space: {space}}}")).settings
    arm = setting.tuning.grids["second"][0].arm
    assert (arm.optimizer.name, arm.schedule.name, arm.schedule.to) == ("sgd", "linear", 1e-4)
    assert (arm.sampler.label, arm.sampler.options, arm.sampler.start.name) == (
        "second",
        {"beta": 0.1},
        "epochs",
    )


def test_nested_paths_and_the_command_line_say_the_same(write):
    nested = write(f"{ARMS}tuning: {{trials: 2, space: {{optimizer: {{lr: [0.1, 0.2]}}}}}}")
    assert grids(nested)["uniform"] == [{"optimizer.lr": 0.1}, {"optimizer.lr": 0.2}]
    assert grids(nested, "tuning.space.optimizer.lr=[0.3]")["uniform"] == [{"optimizer.lr": 0.3}]


def test_a_grid_that_is_larger_than_the_trials_is_drawn_from_without_repetition():
    grid = [{"a": value} for value in range(50)]
    found = drawn(grid, 8, None)
    assert len(set(found)) == 8
    assert found == sorted(found) == drawn(grid, 8, None)


def test_more_trials_keep_the_ones_before():
    grid = [{"a": value} for value in range(50)]
    assert set(drawn(grid, 8, None)) < set(drawn(grid, 9, None))


def test_the_draw_does_not_depend_on_the_order_of_paths_nor_on_other_values():
    first = [{"a": value, "b": 0} for value in range(20)]
    again = [{"b": 0, "a": value} for value in range(40)]
    assert {i for i in drawn(again, 10, None) if i < 20} <= set(drawn(first, 10, None))


def test_the_recipes_own_setting_is_among_the_trials():
    grid = [{"a": value} for value in range(50)]
    assert all(i in drawn(grid, 1, {"a": i}) for i in range(50))


def test_the_recipes_own_setting_is_found_in_the_grid(write):
    values = ", ".join(str(k / 1000) for k in range(1, 40))
    assert grids(write(f"{ARMS}tuning: {{trials: 1, space: {{optimizer.lr: [{values}]}}}}"))["first"] == [
        {"optimizer.lr": 0.001}  # the default
    ]


def test_other_arms_do_not_change_what_is_drawn(write):
    values = ", ".join(str(k / 10) for k in range(1, 40))
    tuning = f"tuning: {{trials: 5, space: {{optimizer.lr: [{values}]}}}}"
    alone = ARMS.replace("  - {sampler: prioritized, label: first}\n", "")
    assert grids(write(ARMS + tuning))["second"] == grids(write(alone + tuning))["second"]


def test_a_variant_may_tune_something_else(write):
    tuning = "tuning: {trials: 1, space: {optimizer.lr: [0.1]}}\n"
    variants = "variants: {a: {}, b: {tuning: {trials: 2}}, c: {tuning: null}}"
    found = [setting.tuning for setting in load(write(ARMS + tuning + variants)).settings]
    assert [tuning and tuning.trials for tuning in found] == [1, 2, None]


WRONG = [
    ("{trials: §0, space: {batch: [8]}}",
     "trials: must be a whole number of at least 1 and of at most 1000, not 0"),
    ("{trials: 2, seeds: §0, space: {batch: [8]}}",
     "seeds: must be a whole number of at least 1 and of at most 100, not 0"),
    ("§{trials: 2}", "space: is missing"),
    ("{trials: 2, space: §{}}",
     "space: must be a mapping of paths to lists of values, not an empty mapping"),
    ("{trials: 2, space: {batch: §[]}}",
     "space.batch: must be a list of values, not an empty list"),
    ("{trials: 2, space: {batch: §8}}", "space.batch: must be a list of values, not 8"),
    ("{trials: 2, space: {batch: [8, §0]}}",
     "space.batch: must be a whole number of at least 1, not 0"),
    ("{trials: 2, space: {batch: [8, §8]}}", "space.batch.1: says the same as a value before it"),
    ("{trials: 2, space: {§bacth: [8]}}", "space.bacth: unknown path (did you mean 'batch'?)"),
    ("{trials: 2, space: {batch: [8], §low.smoothness: [1]}}",
     "space.low.smoothness: no arm is of the sampler low"),
    ("{trials: 2, space: {batch: [8], §first.alhpa: [1, 2]}}",
     "space.first.alhpa: unknown option of prioritized (did you mean 'alpha'?)"),
    ("{trials: 2, space: {§optimizer.rate: [1, 2]}}",
     "space.optimizer.rate: unknown option of adam"),
    ("{trials: 2, space: {batch: [8], first.alpha: [§-1]}}",
     "space.first.alpha: must be a number of at least 0, not -1"),
    ("{trials: 2, space: {batch: [8], §first.label: [a]}}",
     "space.first.label: unknown option of prioritized"),
    ("{trials: 2, space: §{first.alpha: [1]}}",
     "space: has nothing to tune for uniform, second; every arm needs a path"),
]  # fmt: skip


@pytest.mark.parametrize(("tuning", "told"), WRONG)
def test_a_wrong_space_is_told_at_its_place(mistakes, tuning, told):
    column = len("tuning: ") + tuning.index("§") + 1
    assert mistakes(f"{ARMS}tuning: {tuning.replace('§', '')}") == [f"9:{column}: tuning.{told}"]


def test_a_grid_without_end_is_refused(mistakes):
    values = list(range(1, 102))
    told, *_ = mistakes(f"{ARMS}tuning: {{trials: 1, space: {{batch: {values}, optimizer.lr: {values}}}}}")
    assert "holds 10201 settings of 'uniform'; at most 10000" in told


def test_a_start_by_the_test_loss_cannot_be_tuned(mistakes):
    arm = "  - {sampler: highest-loss, start: {loss_fraction: {below: 0.5, of: test}}}\n"
    told = mistakes(f"{ARMS}{arm}tuning: {{trials: 1, space: {{optimizer.lr: [0.1]}}}}")
    assert told == ["9:5: samplers.3: starts by the test loss, which tuning must not see"]


def test_what_the_data_rule_out_is_told_before_anything_runs(write):
    path = write(f"{ARMS}tuning: {{trials: 2, space: {{batch: [8, 5000]}}}}")
    recipe, source = open_recipe(path)
    facts = Facts(n=1000, epoch_size=1000, shape=(64,), classes=10)
    with pytest.raises(RecipeError, match=r":9:\d+: tuning.space: a batch of 5000 is larger than the 1000"):
        check_facts(recipe, source, {"": facts})


def test_the_schema_knows_the_key():
    from jsonschema import Draft202012Validator

    valid = Draft202012Validator(json_schema()).is_valid
    base = {"dataset": "digits", "model": "mlp", "budgets": [{"epochs": 1}], "samplers": ["uniform"]}
    assert valid({**base, "tuning": {"trials": 2, "space": {"optimizer.lr": [1, 2], "low": {"a": ["x"]}}}})
    for wrong in ({}, {"trials": 0, "space": {"batch": [1]}}, {"trials": 1, "space": {"batch": []}}):
        assert not valid({**base, "tuning": wrong})
