from dataclasses import replace

import pytest

from isbench.recipe import load
from isbench.recipe.schema import BudgetSpec, Question
from isbench.samplers import catalogue
from isbench.store.records import OptimizerSpec, ScheduleSpec, StartSpec


@pytest.fixture
def loaded(write):
    def read(text, *overrides, profile=None, seeds=None):
        return load(write(text), profile, overrides, seeds)

    return read


def arms(recipe, variant=""):
    setting = next(setting for setting in recipe.settings if setting.variant == variant)
    return {arm.sampler.label: arm for arm in setting.arms}


def test_the_shortest_recipe_gets_every_default(loaded, small):
    recipe = loaded(small)
    (setting,) = recipe.settings
    assert (recipe.name, recipe.profile, recipe.seeds) == ("recipe", "", tuple(range(8)))
    assert recipe.record == ("usage", "selection", "trace", "importance", "most_least", "geometry", "output")
    assert recipe.text == small
    assert (setting.variant, setting.precision, setting.threads) == ("", "float32", None)
    assert setting.points == tuple(k / 40 for k in range(1, 41))
    assert setting.arms[0].optimizer == OptimizerSpec()
    assert setting.arms[0].schedule == ScheduleSpec()
    assert setting.arms[0].batch == 64


def test_the_full_recipe_means_what_it_says(loaded, full):
    recipe = loaded(full)
    plain, noisy = recipe.settings
    assert (plain.variant, noisy.variant) == ("plain", "noisy")
    assert (plain.dataset.label_noise, noisy.dataset.label_noise) == (0.1, 0.3)
    assert plain.dataset.classes == (0, 1, 2)
    assert plain.model.options == {"hidden": [32, 16]}
    assert recipe.seeds == (3, 5)
    assert recipe.primary == Question(metric="val_loss", budget="equal-time", target=0.95)
    assert recipe.targets == (0.9, 1.0)
    controls = [arm.sampler.label for arm in plain.arms if arm.control]
    assert controls == ["presample:128", "presample:64", "presample:96", "placebo:cdf", "aa"]
    assert plain.points == (0.1, 0.5, 1.0)
    cdf = arms(recipe, "plain")["cdf"]
    assert cdf.batch == 16
    assert cdf.optimizer == OptimizerSpec(name="sgd", lr=0.1, momentum=0.9, weight_decay=5e-4)
    assert cdf.schedule == ScheduleSpec(name="linear", to=1e-4)
    options = {"below": 0.5, "of": "val", "every": 5, "inertia": 0.1}
    assert cdf.sampler.start == StartSpec(name="loss_fraction", options=options)


def test_budgets_have_names_of_their_own_or_by_what_they_say(loaded, full):
    assert loaded(full).settings[0].budgets == (
        BudgetSpec(name="epochs-5", amount=5, unit="epochs"),
        BudgetSpec(name="equal-time", amount=5, unit="epochs", like="uniform"),
        BudgetSpec(name="seconds-30", amount=30, unit="seconds"),
        BudgetSpec(name="passes-10", amount=10, unit="passes"),
        BudgetSpec(name="steps-500", amount=500, unit="steps"),
    )


@pytest.mark.parametrize(
    ("budget", "name"),
    [
        ("{like: uniform, epochs: 0.5}", "like-uniform-0.5-epochs"),
        ("{epochs: 2.50}", "epochs-2.5"),
        ("{steps: 1000000}", "steps-1000000"),
        ("{epochs: 200, fraction: 0.3}", "epochs-200-fraction-0.3"),
        ("{like: uniform, epochs: 200, fraction: 0.3}", "like-uniform-200-epochs-fraction-0.3"),
        ("{epochs: 5, fraction: 1.0}", "epochs-5"),
    ],
)
def test_default_names_of_budgets_are_slugs(loaded, small, budget, name):
    (found,) = loaded(small.replace("{epochs: 1}", budget)).settings[0].budgets
    assert found.name == name


def test_a_budget_of_a_fraction_is_so_many_epochs_of_that_share_of_the_data(loaded, small):
    (found,) = (
        loaded(small.replace("{epochs: 1}", "{epochs: 10, fraction: 0.3, name: thirty}")).settings[0].budgets
    )
    assert found == BudgetSpec(name="thirty", amount=3.0, unit="epochs", fraction=0.3)


def test_points_may_be_listed_and_always_end_with_the_budget(loaded, small):
    assert loaded(small + "points: [0.25, 0.5]").settings[0].points == (0.25, 0.5, 1.0)


def test_batches_are_counted_in_the_entry_s_own_batch(loaded, full):
    recipe = loaded(full, "samplers.1.pool=5x")
    assert arms(recipe, "plain")["cdf"].sampler.options == {"pool": 80}


def test_an_option_that_says_the_default_leaves_no_trace(loaded, small):
    assert (
        arms(loaded(small))["highest-loss"]
        == arms(
            loaded(
                small.replace(
                    "- highest-loss", "- {sampler: highest-loss, pool: 512, score: loss, sweep: false}"
                )
            )
        )["highest-loss"]
    )


def test_an_option_that_contradicts_what_mirror_sets_is_kept(loaded, small):
    text = small.replace("highest-loss", "{sampler: gradient-norm, mirror: code, score: gradient}")
    assert arms(loaded(text))["gradient-norm"].sampler.options == {"mirror": "code", "score": "gradient"}


def test_the_start_of_the_recipe_holds_for_entries_without_one_but_not_for_uniform(loaded, small):
    found = arms(loaded(small + "  - {sampler: gradient-norm, start: none}\nstart: {steps: 7}"))
    assert found["highest-loss"].sampler.start == StartSpec(name="steps", options={"at": 7})
    assert found["gradient-norm"].sampler.start == StartSpec()
    assert found["uniform"].sampler.start == StartSpec()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("none", StartSpec()),
        ("{epochs: 2}", StartSpec(name="epochs", options={"at": 2.0})),
        ("{steps: 10}", StartSpec(name="steps", options={"at": 10})),
        ("{progress: 0.2}", StartSpec(name="progress", options={"at": 0.2})),
        ("{loss_fraction: {below: 1}}", StartSpec(name="loss_fraction", options={"below": 1.0})),
    ],
)
def test_start_criteria_are_written_as_a_name_with_what_it_needs(loaded, small, text, meant):
    assert arms(loaded(f"{small}start: {text}"))["highest-loss"].sampler.start == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("constant", ScheduleSpec()),
        ("linear", ScheduleSpec(name="linear")),
        ("{linear: {to: 1e-6}}", ScheduleSpec(name="linear", to=1e-6)),
        ("cosine", ScheduleSpec(name="cosine")),
        ("{step: {at: [0.5], factor: 0.1}}", ScheduleSpec(name="step", at=(0.5,), factor=0.1)),
    ],
)
def test_schedules_are_written_as_a_name_with_what_it_needs(loaded, small, text, meant):
    assert loaded(f"{small}schedule: {text}").settings[0].arms[0].schedule == meant


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_every_optimizer_takes_a_clip_norm(loaded, small, name):
    text = small + f"optimizer: {{name: {name}, clip_norm: 1}}\n"
    assert loaded(text).settings[0].arms[0].optimizer.clip_norm == 1.0


def test_an_entry_s_optimizer_changes_the_recipe_s_unless_it_is_another_one(loaded, small):
    text = (
        "optimizer: {name: sgd, lr: 0.1, momentum: 0.9}\n"
        + small
        + "  - {sampler: highest-loss, label: slow, optimizer: {lr: 0.01}}\n"
        + "  - {sampler: highest-loss, label: adam, optimizer: adam}\n"
    )
    found = arms(loaded(text))
    assert found["slow"].optimizer == OptimizerSpec(name="sgd", lr=0.01, momentum=0.9)
    assert found["adam"].optimizer == OptimizerSpec(name="adam")


def test_a_recipe_is_the_same_in_long_and_in_short(loaded, small):
    long = (
        "dataset: {name: digits}\nmodel: {name: mlp}\nbudgets: [{epochs: 1.0}]\n"
        "samplers: [{sampler: uniform}, {sampler: highest-loss}]\nschema: 1\n"
        "seeds: [0, 1, 2, 3, 4, 5, 6, 7]\n"
        "schedule: constant\nstart: none\noptimizer: {name: adam, lr: 1e-3}\nthreads: auto\npoints: 40\n"
    )
    assert loaded(long).settings == loaded(small).settings
    assert loaded(long).seeds == loaded(small).seeds


def test_a_sampler_with_a_start_of_its_own_keeps_it_unless_its_entry_says_otherwise(
    loaded, small, monkeypatch
):
    entry = catalogue.CATALOGUE["highest-loss"]
    gated = replace(entry, start=StartSpec(name="steps", options={"at": 3}))
    monkeypatch.setitem(catalogue.CATALOGUE, "gated-test", gated)
    text = small + "  - gated-test\n  - {sampler: gated-test, label: own, start: none}\nstart: {epochs: 1}\n"
    found = arms(loaded(text))
    assert found["gated-test"].sampler.start == gated.start
    assert found["own"].sampler.start == StartSpec()
