"""The keys `controls`, `primary` and `targets`: which arms and questions they make, and what they refuse."""

import pytest

from isbench.datasets.base import Facts
from isbench.errors import RecipeError
from isbench.recipe import check_facts, load, open_recipe
from isbench.recipe.schema import Question

ARMS = """\
dataset: digits
model: mlp
batch: 32
optimizer: {name: sgd, lr: 0.1}
budgets: [{epochs: 1}, {seconds: 3}]
samplers:
  - uniform
  - {sampler: dlis, pool: 96, batch: 16, start: {epochs: 1}}
  - {sampler: highest-loss, pool: 96}
  - {sampler: memory-is, label: memory}
"""


def controls(path, *overrides, profile=None, variant=0):
    arms = load(path, profile, overrides).settings[variant].arms
    return {arm.sampler.label: arm for arm in arms if arm.control}


def test_a_kind_alone_is_made_of_every_sampler_that_it_suits(write):
    found = controls(write(f"{ARMS}controls: [presample, placebo, free, aa]"))
    assert [(label, arm.control, arm.of) for label, arm in found.items()] == [
        ("presample:96", "presample", "dlis"),
        ("placebo:dlis", "placebo", "dlis"),
        ("placebo:highest-loss", "placebo", "highest-loss"),
        ("placebo:memory", "placebo", "memory"),
        ("free:dlis", "free", "dlis"),
        ("free:highest-loss", "free", "highest-loss"),
        ("aa", "aa", "uniform"),
    ]


def test_a_kind_with_a_label_is_made_of_that_arm(write):
    found = controls(write(f"{ARMS}controls: ['placebo:memory', free:dlis, 'presample:highest-loss']"))
    assert [*found] == ["placebo:memory", "free:dlis", "presample:96"]
    assert found["presample:96"].of == "highest-loss"


def test_what_is_asked_for_twice_is_there_once(write):
    found = controls(write(f"{ARMS}controls: [placebo:memory, placebo]"))
    assert [*found] == ["placebo:memory", "placebo:dlis", "placebo:highest-loss"]


def test_placebo_and_free_are_as_the_arm_that_they_control(write):
    path = write(f"{ARMS}controls: [placebo:dlis, free:dlis]")
    arm = next(arm for arm in load(path).settings[0].arms if arm.sampler.label == "dlis")
    placebo, free = controls(path).values()
    assert (placebo.batch, placebo.optimizer) == (free.batch, free.optimizer) == (16, arm.optimizer)
    assert placebo.sampler == arm.sampler.model_copy(update={"label": "placebo:dlis", "placebo": True})
    assert free.sampler == arm.sampler.model_copy(update={"label": "free:dlis"})


def test_presample_and_aa_are_as_uniform(write):
    path = write(f"{ARMS}controls: [presample, aa]")
    uniform = load(path).settings[0].arms[0]
    presample, again = controls(path).values()
    assert (presample.batch, presample.optimizer) == (again.batch, again.optimizer) == (32, uniform.optimizer)
    assert (presample.sampler.name, presample.sampler.options) == ("uniform-presample", {"pool": 96})
    assert again.sampler == uniform.sampler.model_copy(update={"label": "aa"})


def test_a_bank_is_a_pool_and_every_size_is_a_control_of_its_own(write):
    text = ARMS.replace("{sampler: highest-loss, pool: 96}", "{sampler: impon, bank: 128}")
    assert [*controls(write(f"{text}controls: [presample]"))] == ["presample:96", "presample:128"]


def test_a_pool_that_an_arm_handles_blindly_already_needs_no_control(write):
    text = ARMS.replace("  - uniform\n", "  - uniform\n  - {sampler: uniform-presample, pool: 96}\n")
    text = text.replace("{sampler: highest-loss, pool: 96}", "{sampler: highest-loss, pool: 64}")
    assert [*controls(write(f"{text}controls: [presample]"))] == ["presample:64"]


@pytest.mark.parametrize(
    ("sampler", "scores"),
    [
        ("{sampler: selective-backprop}", True),
        ("{sampler: prioritized}", False),
        ("{sampler: prioritized, recompute: 50}", True),
        ("{sampler: memory-as, score: gradient}", True),
        ("{sampler: biased-lstm, pool: 96}", False),
        ("{sampler: impon}", False),
        ("{sampler: impon, features: penultimate}", True),
        ("{sampler: low}", False),
    ],
)
def test_free_is_made_of_what_runs_the_model_for_scores(write, mistakes, sampler, scores):
    text = ARMS.replace("{sampler: memory-is, label: memory}", sampler.replace("{", "{label: it, "))
    if scores:
        assert "free:it" in controls(write(f"{text}controls: [free]"))
    else:
        assert "free:it" not in controls(write(f"{text}controls: [free]"))
        assert mistakes(f"{text}controls: ['free:it']")


def test_variants_profiles_and_the_command_line_change_controls_as_other_lists(write):
    variants = "variants: {a: {}, b: {controls: [placebo:dlis]}, c: {controls: null}}\n"
    path = write(f"{ARMS}controls: [aa]\n{variants}profiles: {{p: {{controls: [free:dlis]}}}}\n")
    assert [[*controls(path, variant=k)] for k in range(3)] == [["aa"], ["placebo:dlis"], []]
    assert [[*controls(path, variant=k, profile="p")] for k in range(3)] == [["free:dlis"]] * 3
    assert [*controls(path, "controls=['placebo:memory']", profile="p")] == ["placebo:memory"]


def test_the_command_line_changes_a_single_control(write):
    assert [*controls(write(f"{ARMS}controls: [aa, free:dlis]"), "controls.0=placebo:memory")] == [
        "placebo:memory",
        "free:dlis",
    ]


WRONG = [
    ("controls: §placebo", "controls: must be a list such as [placebo, 'free:dlis', aa], not 'placebo'"),
    ("controls: [§{free: dlis}]",
     "controls.0: must be presample, placebo, free, aa, or one of them with a label, as in free:dlis, not a "
     "mapping"),
    ("controls: [aa, §placbo]", "controls.1: unknown control 'placbo' (did you mean 'placebo'?)"),
    ("controls: [§'x:dlis']", "controls.0: unknown control 'x'; known are presample, placebo, free, aa"),
    ("controls: [§'free:dlsi']", "controls.0: no sampler is labelled 'dlsi' (did you mean 'dlis'?)"),
    ("controls: [§'free:memory-is']",
     "controls.0: no sampler is labelled 'memory-is' (did you mean 'memory'?)"),
    ("controls: [§'free:']",
     "controls.0: no sampler is labelled ''; there are uniform, dlis, highest-loss, memory"),
    ("controls: [§'free:memory']", "controls.0: makes no sense: memory runs the model for no scores"),
    ("controls: [§'presample:memory']", "controls.0: makes no sense: memory draws from no pool"),
    ("controls: [§'placebo:uniform']", "controls.0: makes no sense: uniform draws uniformly as it is"),
    ("controls: [§'aa:dlis']", "controls.0: makes no sense: aa repeats uniform, and nothing else"),
    ("controls: [placebo, §'placebo:dlis']",
     "controls.1: adds nothing: what it asks for is there already"),
    ("primary: §3", "primary: must be a mapping such as {metric: val_error, budget: seconds-30}, not 3"),
    ("primary: {§metrc: val_loss}", "primary.metrc: unknown key of primary (did you mean 'metric'?)"),
    ("primary: {metric: §val_eror}",
     "primary.metric: must be one of val_error, val_loss, test_error, test_loss, train_loss, not 'val_eror' "
     "(did you mean 'val_error'?)"),
    ("primary: {target: §1.5}", "primary.target: must be a number above 0 and of at most 1, not 1.5"),
    ("primary: {budget: §second-3}",
     "primary.budget: no budget is named 'second-3' (did you mean 'seconds-3'?)"),
    ("primary: {baseline: §mine}",
     "primary.baseline: no sampler is labelled 'mine'; there are uniform, dlis, highest-loss, memory"),
    ("targets: §0.9", "targets: must be a list of shares, above 0 and at most 1, not 0.9"),
    ("targets: [0.5, §0]", "targets.1: must be a number above 0 and of at most 1, not 0"),
    ("targets: §[1.0, 0.9]", "targets: must be increasing"),
    ("variants: {a: {§primary: {target: 1}}}",
     "variants.a.primary: holds for the whole recipe, not for a variant"),
    ("variants: {a: {§targets: [1]}}", "variants.a.targets: holds for the whole recipe, not for a variant"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "told"), WRONG)
def test_a_wrong_control_or_question_is_told_at_its_place(mistakes, line, told):
    assert mistakes(ARMS + line.replace("§", "")) == [f"11:{line.index('§') + 1}: {told}"]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("presample", "no sampler draws from a pool"),
        ("placebo", "every sampler draws uniformly as it is"),
        ("free", "no sampler runs the model for scores"),
    ],
)
def test_a_kind_that_suits_no_sampler_is_refused(mistakes, kind, told):
    text = ARMS[: ARMS.index("  - {sampler: dlis")]
    assert mistakes(f"{text}controls: [{kind}]") == [f"8:12: controls.0: adds nothing: {told}"]


def test_what_draws_uniformly_is_known_by_its_sampler_not_by_its_label(write, mistakes):
    text = ARMS.replace("  - uniform\n", "  - uniform\n  - {sampler: uniform-iid, label: mine}\n")
    assert "placebo:mine" not in controls(write(text + "controls: [placebo]\n"))
    assert "mine draws uniformly as it is" in mistakes(text + "controls: ['placebo:mine']")[0]


def test_a_label_that_a_control_needs_must_be_free(mistakes):
    text = ARMS.replace("label: memory", "label: aa")
    told = "controls.0: its label 'aa' is taken by samplers.3; give that one another"
    assert mistakes(f"{text}controls: [aa]") == [f"11:12: {told}"]


def test_the_pool_of_a_presample_control_must_hold_the_batch_of_uniform(mistakes):
    told = "controls.0: a pool of 96, as dlis has, is smaller than the batch of uniform, 128"
    text = ARMS.replace("batch: 32", "batch: 128").replace("{sampler: highest-loss, pool: 96}", "low")
    assert mistakes(f"{text}controls: [presample]") == [f"11:12: {told}"]


def test_a_mistake_in_the_arms_hides_what_can_only_follow_from_it(mistakes):
    text = ARMS.replace("sampler: dlis", "sampler: dlsi")
    assert len(mistakes(f"{text}controls: [free:dlis]\nprimary: {{baseline: dlis}}")) == 1
    assert len(mistakes(f"{ARMS}controls: [free:dlsi]\nprimary: {{baseline: free:dlsi}}")) == 1
    text = ARMS.replace("seconds: 3", "second: 3")
    assert len(mistakes(f"{text}primary: {{budget: seconds-3}}")) == 1


def test_nothing_is_asked_where_nothing_is_said(write):
    recipe = load(write(ARMS))
    assert (recipe.primary, recipe.targets) == (None, ())
    assert load(write(f"{ARMS}primary: {{}}\ntargets: null")).primary is None


def test_the_question_is_as_it_is_written(write):
    primary = "primary: {metric: val_loss, budget: seconds-3, target: 0.95, baseline: aa}"
    recipe = load(write(f"{ARMS}controls: [aa]\n{primary}\ntargets: [0.9, 1]"))
    assert recipe.primary == Question(metric="val_loss", budget="seconds-3", target=0.95, baseline="aa")
    assert recipe.targets == (0.9, 1.0)


def test_a_question_merges_key_by_key(write):
    path = write(
        f"{ARMS}primary: {{metric: val_loss, target: 0.9}}\nprofiles: {{p: {{primary: {{target: null}}}}}}"
    )
    assert load(path, "p").primary == Question(metric="val_loss")
    assert load(path, None, ["primary.budget=seconds-3"]).primary == Question(
        metric="val_loss", budget="seconds-3", target=0.9
    )


def misfit(path, facts):
    recipe, source = open_recipe(path)
    with pytest.raises(RecipeError) as caught:
        check_facts(recipe, source, {"": facts})
    return str(caught.value).splitlines()[0].removeprefix(f"{path}:")


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (Facts(1000, 1000, (64,), 0, 2), "has no classes, so no error; choose one of val_loss, test_loss"),
        (Facts(1000, 1000, (64,), 10, validation=False),
         "has no samples to validate on; choose one of test_error, test_loss"),
    ],
)  # fmt: skip
def test_a_metric_that_the_data_do_not_have_is_refused(write, facts, told):
    path = write(ARMS.replace("dlis, pool", "dlis, score: loss, pool") + "primary: {metric: val_error}")
    assert misfit(path, facts) == f"11:19: primary.metric: digits {told}, train_loss"


def test_a_control_with_too_large_a_pool_is_blamed_where_it_was_asked_for(write):
    text = ARMS.replace("{sampler: highest-loss, pool: 96}", "{sampler: dlis, label: wide, pool: 2000}")
    path = write(f"{text}controls: [presample, placebo, free, aa]")
    told = "controls.0.pool: a pool of 2000 is larger than the 1000 training samples"
    assert misfit(path, Facts(1000, 1000, (64,), 10)) == f"11:12: {told}"


def test_what_is_wrong_with_an_arm_is_not_told_again_of_its_controls(write):
    path = write(f"{ARMS}controls: [placebo, free:dlis]")
    recipe, source = open_recipe(path)
    with pytest.raises(RecipeError) as caught:
        check_facts(recipe, source, {"": Facts(None, 16384, (64,), 10)})
    told = [line for line in str(caught.value).splitlines() if not line.startswith("    ")]
    assert [line.split(":")[1:3] for line in told] == [["10", "5"]]
