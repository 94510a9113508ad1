from pathlib import Path

import pytest

from isbench.datasets.base import Facts
from isbench.errors import RecipeError
from isbench.recipe import check_facts, load, open_recipe
from isbench.samplers import catalogue
from isbench.samplers.uniform import Uniform


def place(text: str) -> str:
    """Where the text is marked by §, as `line:column: `."""
    before = text[: text.index("§")]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("model: mlp", "model: §[mlp]", "model: must be a name or a mapping with the key name, not a list"),
        ("model: mlp", "model: §{hidden: [2]}", "model.name: is missing; expected the name of a model"),
        ("model: mlp", "model: §mpl", "model: unknown model 'mpl' (did you mean 'mlp'?)"),
        ("model: mlp", "model: {name: mlp, §hiden: [2]}",
         "model.hiden: unknown option of mlp (did you mean 'hidden'?)"),
        ("model: mlp", "§modle: mlp\nmodel: mlp", "modle: unknown key (did you mean 'model'?)"),
        ("model: mlp", "model: mlp\n§model: lenet", "model: the key stands here twice, first in line 2"),
        ("model: mlp", "gate: §[exact]\nmodel: mlp",
         "gate: must be a mapping such as {slowdown: 5%, exact: true}, not a list"),
        ("model: mlp", "gate: {§slow: 5%}\nmodel: mlp",
         "gate.slow: unknown key of gate (did you mean 'slowdown'?)"),
        ("model: mlp", "gate: {slowdown: §-5%}\nmodel: mlp",
         "gate.slowdown: must be a share of at least 0, as in 2% or 0.02, not '-5%'"),
        ("digits", "§digist", "dataset: unknown dataset 'digist' (did you mean 'digits'?)"),
        ("digits", "{name: digits, val_fraction: §1.0}",
         "dataset.val_fraction: must be a number of at least 0 and below 1, not 1.0"),
        ("digits", "{name: digits, subset: §1.5}",
         "dataset.subset: must be a whole number of at least 1, not 1.5"),
        ("digits", "{name: digits, §samples: 3}", "dataset.samples: unknown option of digits"),
        ("digits", "{name: digits, augment: §mixip}",
         "dataset.augment: must be one of none, standard, mixup, ricap, randaugment, not 'mixip' "
         "(did you mean 'mixup'?)"),
        ("digits", "{name: digits, keep: §tape}",
         "dataset.keep: must be one of device, host, disk, not 'tape'"),
        ("- {epochs: 1}", "§[]", "budgets: must be a list of budgets, not an empty list"),
        ("{epochs: 1}", "§5", "budgets.0: must be a mapping such as {epochs: 5}, not 5"),
        ("{epochs: 1}", "§{}", "budgets.0: must name one of epochs, seconds, passes, steps, not 0 of them"),
        ("{epochs: 1}", "§{epochs: 1, steps: 2}",
         "budgets.0: must name one of epochs, seconds, passes, steps, not 2 of them"),
        ("{epochs: 1}", "{epochs: §0}", "budgets.0.epochs: must be a number above 0, not 0"),
        ("{epochs: 1}", "{steps: §1.5}", "budgets.0.steps: must be a whole number of at least 1, not 1.5"),
        ("{epochs: 1}", "{§epoch: 1}", "budgets.0.epoch: unknown key of a budget (did you mean 'epochs'?)"),
        ("{epochs: 1}", "{epochs: 1, fraction: §1.5}",
         "budgets.0.fraction: must be a number above 0 and of at most 1, not 1.5"),
        ("{epochs: 1}", "{steps: 1, §fraction: 0.3}",
         "budgets.0.fraction: goes with epochs: so many of that share of the data"),
        ("{epochs: 1}", "{like: §unifrom, epochs: 1}",
         "budgets.0.like: no sampler is labelled 'unifrom' (did you mean 'uniform'?)"),
        ("{epochs: 1}", "{like: uniform, §steps: 1}",
         "budgets.0.steps: a budget with like: counts the epochs of that label"),
        ("{epochs: 1}", "{epochs: 1}\n  - §{epochs: 1.0}",
         "budgets.1: two budgets are named 'epochs-1'; give one another name"),
        ("{epochs: 1}", "{epochs: 1}\n  - {steps: 2, name: §epochs-1}",
         "budgets.1.name: two budgets are named 'epochs-1'; give one another name"),
        ("{epochs: 1}", "{epochs: 1, name: §../x}",
         "budgets.0.name: must be made of at most 100 of a-z, 0-9, '-', '_' and '.', not '../x'"),
        ("highest-loss", "§highest-los",
         "samplers.1: unknown sampler 'highest-los' (did you mean 'highest-loss'?)"),
        ("highest-loss", "§7", "samplers.1: must be a name or a mapping with the key sampler, not 7"),
        ("highest-loss", "§{pool: 512}", "samplers.1.sampler: is missing; expected the name of a sampler"),
        ("highest-loss", "{sampler: highest-loss, pool: §32}",
         "samplers.1.pool: a pool of 32 is smaller than the batch of 64"),
        ("highest-loss", "{sampler: impon, bank: §32}",
         "samplers.1.bank: a bank of 32 is smaller than the batch of 64"),
        ("highest-loss", "{sampler: highest-loss, batch: 128, pool: §0.5x}",
         "samplers.1.pool: a pool of 64 is smaller than the batch of 128"),
        ("highest-loss", "{sampler: selective-backprop-composer, §from: 0.2}",
         "samplers.1.from: unknown option of selective-backprop-composer (did you mean 'since'?)"),
        ("highest-loss", "{sampler: highest-loss, §from: 0.2}",
         "samplers.1.from: unknown option of highest-loss"),
        ("highest-loss", "{sampler: highest-loss, score: §los}",
         "samplers.1.score: must be one of loss, upper_bound, output_gradient, output_gradient_autograd, "
         "last_layer, gradient, gradient_one_by_one, not 'los' (did you mean 'loss'?)"),
        ("highest-loss", "{sampler: highest-loss, label: §'a|b'}",
         "samplers.1.label: must be a label of at most 80 letters, digits, spaces and ._=,+()[]/:%-, not "
         "'a|b'"),
        ("- highest-loss", "- §uniform", "samplers.1: is the same as samplers.0 ('uniform')"),
        ("- highest-loss", "- §{sampler: uniform, label: again}",
         "samplers.1: is the same as samplers.0 ('uniform')"),
        ("- highest-loss", "- {sampler: uniform, §start: {epochs: 1}}",
         "samplers.1.start: uniform has nothing to start"),
        ("- highest-loss", "- §{sampler: uniform, batch: 7}",
         "samplers.1: the label 'uniform' is taken by samplers.0; give this one a label of its own"),
        ("- highest-loss", "- {sampler: highest-loss, label: §uniform}",
         "samplers.1.label: the label 'uniform' is taken by samplers.0; give this one a label of its own"),
        ("- uniform", "§- {sampler: uniform, label: base}",
         "samplers: none of them is uniform, by sampler and by label, to which all others are compared; "
         "leave the label of 'base' out"),
        ("- uniform", "- §{sampler: uniform, order: file}",
         "samplers.0: has options; give it a label of its own, and add one without, to compare with"),
        ("  - uniform\n  - highest-loss\n", "  §{}\n",
         "samplers: must be a list of samplers, not an empty mapping"),
        ("  - uniform\n  - highest-loss\n", "  §[]\n",
         "samplers: must be a list of samplers, not an empty list"),
        ("  - uniform\n  - highest-loss\n", "  §- highest-loss\n",
         "samplers: none of them is uniform, by sampler and by label, to which all others are compared; "
         "add it"),
    ],
)  # fmt: skip
def test_a_mistake_gives_one_line_with_its_place_and_what_to_do(mistakes, small, old, new, told):
    assert mistakes(small.replace(old, new.replace("§", ""))) == [place(small.replace(old, new)) + told]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("schema: §2", "schema: must be 1, the only version so far, not 2"),
        ("name: §My Recipe",
         "name: must be made of at most 100 of a-z, 0-9, '-', '_' and '.', not 'My Recipe'"),
        ("name: §.hidden",
         "name: must be made of at most 100 of a-z, 0-9, '-', '_' and '.', not '.hidden'"),
        ("batch: §0", "batch: must be a whole number of at least 1, not 0"),
        ("batch: §'64'", "batch: must be a whole number of at least 1, not '64'"),
        ("precision: §float16",
         "precision: must be one of float32, bfloat16, not 'float16' (did you mean 'bfloat16'?)"),
        ("threads: §all", "threads: must be auto or a whole number of at least 1, not 'all'"),
        ("threads: §yes", "threads: must be auto or a whole number of at least 1, not 'yes'"),
        ("points: §0",
         "points: must be a whole number from 1 to 10000 or a list of progress values, not 0"),
        ("points: §[0.5, 0.2]", "points: must be increasing"),
        ("points: [§0.0, 1]", "points.0: must be a number above 0 and of at most 1, not 0.0"),
        ("seeds: §1.5", "seeds: must be a whole number from 1 to 10000 or a list of seeds, not 1.5"),
        ("seeds: §10001", "seeds: must be a whole number from 1 to 10000 or a list of seeds, not 10001"),
        ("seeds: §[]", "seeds: must hold at least one seed"),
        ("seeds: §[1, 2, 1]", "seeds: must not hold a seed twice"),
        ("seeds: [§-1]", "seeds.0: must be a whole number of at least 0 and below 2147483648, not -1"),
        ("record: [§usages]",
         "record.0: must be one of usage, selection, trace, importance, most_least, geometry, output, not "
         "'usages' (did you mean 'usage'?)"),
        ("optimizer: §rmsprop", "optimizer: unknown optimizer 'rmsprop'; known are sgd, adam, adamw"),
        ("optimizer: {lr: §-1}", "optimizer.lr: must be a number above 0, not -1"),
        ("optimizer: {name: adam, §momentum: 0.9}", "optimizer.momentum: unknown option of adam"),
        ("optimizer: {name: sgd, clip_norm: §0}",
         "optimizer.clip_norm: must be a number above 0, not 0"),
        ("schedule: §cosin", "schedule: unknown schedule 'cosin' (did you mean 'cosine'?)"),
        ("schedule: {step: §{at: [0.5]}}", "schedule.step.factor: is missing; expected a number above 0"),
        ("schedule: §step", "schedule: needs at and factor"),
        ("schedule: §{cosine: {}, linear: {}}",
         "schedule: must be a name or a mapping of one key, not one of 2"),
        ("schedule: {linear: §3}", "schedule.linear: must be a mapping of the options of linear, not 3"),
        ("schedule: {step: {at: §[0.8, 0.4], factor: 0.1}}", "schedule.step.at: must be increasing"),
        ("start: {§loss_fracton: {below: 1}}",
         "start.loss_fracton: unknown start 'loss_fracton' (did you mean 'loss_fraction'?)"),
        ("start: {loss_fraction: §{of: val}}",
         "start.loss_fraction.below: is missing; expected a number above 0"),
        (
            "start: {tau: {above: 1.5, §rule: sqrt}}",
            "start.tau.rule: chooses what `above` is where it is not given; leave one out",
        ),
        ("start: {epochs: §two}", "start.epochs: must be a number of at least 0, not 'two'"),
        ("start: {steps: §1.5}", "start.steps: must be a whole number of at least 0, not 1.5"),
        ("start: §5", "start: must be a name or a mapping of one key, not 5"),
        ("variants: §[a]", "variants: must be a mapping of variants, not a list"),
        ("variants: {a: §5}", "variants.a: must be a mapping of the keys it changes, not 5"),
        ("variants: {§A b: {}}",
         "variants.A b: the name of a variant is made of a-z, 0-9, '-', '_' and '.'"),
        ("profiles: {a: §[1]}", "profiles.a: must be a mapping of the keys it changes, not a list"),
    ],
)  # fmt: skip
def test_a_wrong_key_of_the_recipe_is_told_at_its_place(mistakes, small, line, told):
    assert mistakes(small + line.replace("§", "")) == [place(small + line) + told]


@pytest.mark.parametrize("key", ["dataset", "model", "budgets", "samplers"])
def test_a_missing_part_is_named(mistakes, small, key):
    assert mistakes(small + f"profiles: {{a: {{{key}: null}}}}") == [f"1:1: {key}: is missing"]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(mistakes):
    text = "samplers: [unifrom]\nbatch: x\nbatch: 3\nmodel: mpl\nbugdets: []\ndataset: 3\nbudgets: [{}]\n"
    told = mistakes(text, "modle=3")
    assert [line.split(" ")[0] for line in told[:-1]] == [
        "1:12:",
        "2:8:",
        "3:1:",
        "4:8:",
        "5:1:",
        "6:10:",
        "7:11:",
    ]
    assert told[-1].startswith("--set modle=3: modle: unknown key")


def test_the_source_line_stands_below_with_a_caret(write, small):
    path = write(small + "seeds: {}\n")
    with pytest.raises(RecipeError) as caught:
        load(path)
    told = "seeds: must be a whole number from 1 to 10000 or a list of seeds, not an empty mapping"
    assert str(caught.value) == f"{path}:8:8: {told}\n    seeds: {{}}\n           ^"


def test_a_long_line_is_cut_around_its_mistake(write, small):
    path = write(small + "seeds: [" + ", ".join(map(str, range(200))) + ", x]\n")
    with pytest.raises(RecipeError) as caught:
        load(path)
    _, source, caret = str(caught.value).splitlines()
    assert source[caret.index("^")] == "x"
    assert len(source) < 120


def test_a_hundred_mistakes_are_told_and_the_rest_is_counted(mistakes, small):
    told = mistakes(small + "".join(f"key{i}: 1\n" for i in range(130)))
    assert len(told) == 101
    assert told[-1] == "... and 30 more"


def test_control_characters_of_a_recipe_never_reach_the_terminal(write, small):
    path = write(small + 'precision: "\\e[31m"\n"\\e[2J": 1\n')
    with pytest.raises(RecipeError) as caught:
        load(path)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "[1, 2]", "digits"])
def test_a_recipe_that_is_no_mapping_is_refused(mistakes, text):
    (told,) = mistakes(text)
    assert told.startswith("1:1: a recipe is a mapping of keys, not ")


def test_a_mistake_that_all_variants_and_profiles_share_is_told_once(mistakes, full):
    assert len(mistakes(full.replace("hidden: [32, 16]", "hidden: [x]"))) == 1


def facts(n: int | None) -> dict[str, Facts]:
    return {"": Facts(n, n or 16384, (64,), 10)}


def misfits(path: Path, n: int | None) -> list[str]:
    recipe, source = open_recipe(path)
    with pytest.raises(RecipeError) as caught:
        check_facts(recipe, source, facts(n))
    return [
        line.removeprefix(f"{path}:")
        for line in str(caught.value).splitlines()
        if not line.startswith("    ")
    ]


def test_a_pool_that_is_larger_than_the_data_is_refused(write, small):
    path = write(small.replace("highest-loss", "{sampler: highest-loss, pool: 101}"))
    assert misfits(path, 100) == [
        "7:35: samplers.1.pool: a pool of 101 is larger than the 100 training samples"
    ]


def test_a_bank_that_is_larger_than_the_data_is_refused(write, small):
    assert misfits(write(small.replace("highest-loss", "impon")), 100) == [
        "7:5: samplers.1.bank: a bank of 200 is larger than the 100 training samples"
    ]


@pytest.mark.parametrize("name", ["p-sgd", "c-sgd", "active-bias-wd"])
def test_what_reads_the_probability_of_a_class_is_refused_where_there_are_none(write, small, name):
    path = write(small.replace("highest-loss", name))
    recipe, source = open_recipe(path)
    with pytest.raises(RecipeError) as caught:
        check_facts(recipe, source, {"": Facts(10_000, 10_000, (8,), 0, 3)})
    told = str(caught.value).splitlines()[0].removeprefix(f"{path}:")
    reads = f"{name} reads how likely the net takes each sample's class to be"
    assert told == f"7:5: samplers.1: {reads}, and digits has no classes"


def test_a_default_pool_that_is_larger_than_the_data_is_refused_at_its_entry(write, small):
    assert misfits(write(small), 100) == [
        "7:5: samplers.1.pool: a pool of 512 is larger than the 100 training samples"
    ]


def test_a_batch_that_is_larger_than_the_data_is_one_mistake(write, small):
    path = write("batch: 128\n" + small)
    assert misfits(path, 100) == ["1:8: batch: a batch of 128 is larger than the 100 training samples"]


def test_pools_are_no_matter_for_a_stream(write, small):
    recipe, source = open_recipe(write(small))
    check_facts(recipe, source, facts(None))


def test_a_sampler_with_a_memory_is_refused_on_a_stream(write, small, monkeypatch):
    class Memory(Uniform):
        finite = True

    entry = catalogue.Entry(Memory, "remembers", "", True, "")
    monkeypatch.setitem(catalogue.CATALOGUE, "memory-test", entry)
    path = write(small.replace("highest-loss", "memory-test").replace("digits", "two-circles"))
    assert misfits(path, None) == [
        "7:5: samplers.1: memory-test keeps a number for every sample, but two-circles is a stream "
        "(`samples: n` makes it finite)"
    ]
    recipe, source = open_recipe(path)
    check_facts(recipe, source, facts(1000))


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ("dlis", "7:5: samplers.1.score"),
        ("dlis-constant-time", "7:5: samplers.1.score"),
        ("{sampler: highest-loss, score: upper_bound, start: {tau: {above: 2}}}", "7:36: samplers.1.score"),
    ],
)
def test_the_bound_is_refused_where_there_are_no_classes(write, small, entry, place):
    path = write(small.replace("highest-loss", entry))
    recipe, source = open_recipe(path)
    with pytest.raises(RecipeError) as caught:
        check_facts(recipe, source, {"": Facts(10_000, 10_000, (8,), 0, 3)})
    told = str(caught.value).splitlines()[0].removeprefix(f"{path}:")
    bound = "upper_bound is of the cross-entropy, and digits has no classes"
    assert told == f"{place}: {bound}; choose score: output_gradient"


def test_later_errors_point_at_the_recipe_too(write, full):
    path = write(full)
    _, source = open_recipe(path)
    told = str(source.error("does not fit", "noisy", "model", "hidden")).splitlines()[0]
    assert told == f"{path}:4:28: model.hidden: does not fit"
    told = str(source.error("too small", "plain", "samplers", "cdf", "pool")).splitlines()[0]
    assert told == f"{path}:23:11: samplers.1.pool: too small"
