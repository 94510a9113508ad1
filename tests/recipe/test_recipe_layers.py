import pytest

from isbench.recipe import load

LAYERS = """\
dataset: {name: digits, subset: 100}
model: {name: mlp, hidden: [1]}
budgets: [{epochs: 1}]
samplers: [uniform, {sampler: highest-loss, pool: 64}]
optimizer: {name: sgd, lr: 0.1, momentum: 0.5}
batch: 8
start: {epochs: 1}
seeds: 2
variants:
  wide: {model: {hidden: [2]}, batch: 16}
profiles:
  cpu: {model: {hidden: [3]}, seeds: 1}
  empty:
"""


@pytest.fixture
def loaded(write):
    def read(*overrides, profile=None, seeds=None, text=LAYERS):
        return load(write(text), profile, overrides, seeds)

    return read


def hidden(recipe):
    return recipe.settings[0].model.options["hidden"]


def test_the_command_line_wins_over_the_profile_over_the_variant_over_the_recipe(loaded):
    assert hidden(loaded(text=LAYERS.replace("model: {hidden: [2]}, ", ""))) == [1]
    assert hidden(loaded()) == [2]
    assert hidden(loaded(profile="cpu")) == [3]
    assert hidden(loaded("model.hidden=[4]", profile="cpu")) == [4]


def test_mappings_merge_deeply_and_lists_are_replaced(loaded):
    setting = loaded("dataset.val_fraction=0.3", "samplers=[uniform]").settings[0]
    assert (setting.dataset.subset, setting.dataset.val_fraction) == (100, 0.3)
    assert [arm.sampler.label for arm in setting.arms] == ["uniform"]


def test_a_profile_names_the_recipe_and_replaces_its_seeds(loaded):
    recipe = loaded(profile="cpu")
    assert (recipe.profile, recipe.seeds) == ("cpu", (0,))


def test_a_profile_of_which_nothing_is_said_changes_nothing(loaded):
    assert loaded(profile="empty").settings == loaded().settings


def test_a_profile_may_add_and_remove_variants(loaded):
    text = LAYERS + "  other: {variants: {wide: null, narrow: {batch: 4}}}\n"
    assert [setting.variant for setting in loaded(profile="other", text=text).settings] == ["narrow"]


def test_without_variants_there_is_one_setting_without_a_name(loaded):
    text = LAYERS.replace("  wide: {model: {hidden: [2]}, batch: 16}\n", "").replace("variants:\n", "")
    assert [setting.variant for setting in loaded(text=text).settings] == [""]


@pytest.mark.parametrize("override", ["batch=null", "batch=", "batch=~"])
def test_null_restores_the_default(loaded, override):
    assert loaded(override).settings[0].arms[0].batch == 64


def test_null_restores_the_default_in_entries_and_in_variants(loaded):
    recipe = loaded("samplers.1.pool=null", text=LAYERS.replace("batch: 16", "start: null"))
    assert recipe.settings[0].arms[1].sampler.options == {}
    assert recipe.settings[0].arms[1].sampler.start.name == "none"


def test_set_reaches_into_list_items(loaded):
    assert loaded("samplers.1.pool=96").settings[0].arms[1].sampler.options == {"pool": 96}


def test_set_reaches_into_a_shorthand(loaded):
    text = LAYERS.replace("{sampler: highest-loss, pool: 64}", "highest-loss")
    arm = loaded("samplers.1.pool=32", text=text).settings[0].arms[1]
    assert arm.sampler.options == {"pool": 32}


def test_a_shorthand_may_be_set(loaded):
    setting = loaded("samplers.1=gradient-norm", "start=none", "optimizer=adam").settings[0]
    assert setting.arms[1].sampler.name == "gradient-norm"
    assert setting.arms[1].optimizer.name == "adam"
    assert setting.arms[1].sampler.start.name == "none"


def test_what_names_another_thing_drops_the_options_of_the_former_one(loaded):
    setting = loaded(
        "model.name=lenet", "dataset=two-circles", "dataset.subset=null", "optimizer.name=adam"
    ).settings[0]
    assert (setting.model.name, setting.model.options) == ("lenet", {})
    assert setting.arms[0].optimizer.momentum == 0.0


def test_what_all_data_sets_take_outlives_another_data_set(loaded):
    assert loaded("dataset=mnist").settings[0].dataset.subset == 100


def test_another_start_criterion_replaces_the_former_one(loaded):
    start = loaded("start.steps=5").settings[0].arms[1].sampler.start
    assert (start.name, start.options) == ("steps", {"at": 5})


def test_the_same_start_criterion_is_changed(loaded):
    text = LAYERS.replace("{epochs: 1}\nseeds", "{loss_fraction: {below: 0.5, of: val}}\nseeds")
    options = loaded("start.loss_fraction.below=0.3", text=text).settings[0].arms[1].sampler.start.options
    assert options == {"below": 0.3, "of": "val"}


def test_values_of_the_command_line_are_yaml(loaded):
    setting = loaded('budgets=[{steps: 3, name: "3"}]', "optimizer.lr=1e-2").settings[0]
    assert (setting.budgets[0].name, setting.arms[0].optimizer.lr) == ("3", 0.01)


def test_a_single_variant_may_be_changed(loaded):
    assert hidden(loaded("variants.wide.model.hidden=[9]")) == [9]


def test_the_last_of_two_settings_of_one_key_wins(loaded):
    assert loaded("batch=4", "batch=2").settings[0].arms[0].batch == 2


def test_seeds_of_the_command_line_win(loaded):
    assert loaded("seeds=[7]", profile="cpu", seeds=3).seeds == (0, 1, 2)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("modle.hidden=[3]", "modle: unknown key (did you mean 'model'?)"),
        ("model.hiden=[3]", "model.hiden: unknown option of mlp (did you mean 'hidden'?)"),
        ("samplers.2.pool=64", "samplers.2: there is no such item; they are numbered 0 to 1"),
        ("samplers.x.pool=64", "samplers.x: there is no such item; they are numbered 0 to 1"),
        ("samplers.-1.pool=64", "samplers.-1: there is no such item; they are numbered 0 to 1"),
        ("samplers.1.pol=64", "samplers.1.pol: unknown option of highest-loss (did you mean 'pool'?)"),
        ("samplers.1=null", "samplers.1: an item of a list cannot be left out"),
        ("batch.size=3", "batch: must be a whole number of at least 1, not a mapping"),
        ("batch=many", "batch: must be a whole number of at least 1, not 'many'"),
        ("batch=[", "batch: not valid YAML"),
        ("batch=!!int 3", "batch: tags are not used in recipes"),
        ("variants.wied.batch=3", "variants.wied: there is no such variant (did you mean 'wide'?)"),
        ("profiles.cpu.seeds=3", "profiles: cannot be set from the command line"),
        ("batch", "write it as key.key=value"),
        ("a..b=3", "write it as key.key=value"),
        ("=3", "write it as key.key=value"),
    ],
)
def test_a_wrong_override_is_named(mistakes, override, told):
    (found,) = mistakes(LAYERS, override)
    assert found.startswith(f"--set {override}: {told}")


def test_an_unknown_profile_is_named_with_those_that_there_are(mistakes):
    assert mistakes(LAYERS, profile="cup") == ["--profile cup: unknown profile (did you mean 'cpu'?)"]
    assert mistakes(LAYERS, profile="x") == ["--profile x: unknown profile; the recipe has cpu, empty"]


def test_no_seeds_are_refused(mistakes):
    (found,) = mistakes(LAYERS, seeds=0)
    assert found.startswith("--seeds 0: seeds: must be a whole number from 1 to 10000")


def test_a_mistake_in_a_profile_is_told_even_if_another_one_is_chosen(mistakes):
    text = LAYERS + "  typo: {bacth: 3}\n"
    for profile in (None, "cpu", "typo"):
        assert mistakes(text, profile=profile) == [
            "14:10: profiles.typo.bacth: unknown key (did you mean 'batch'?)"
        ]


def test_a_mistake_in_a_variant_is_told_at_the_path_as_written(mistakes):
    text = LAYERS.replace("batch: 16", "dataset: {label_noise: 2}")
    told = "10:55: variants.wide.dataset.label_noise: must be a number of at least 0 and of at most 1, not 2"
    assert mistakes(text) == [told]


@pytest.mark.parametrize(
    "key", ["seeds: 3", "name: x", "record: []", "schema: 1", "profiles: {}", "variants: {}"]
)
def test_what_holds_for_the_whole_recipe_is_refused_in_a_variant(mistakes, key):
    (found,) = mistakes(LAYERS.replace("batch: 16", key))
    assert found.endswith(f"variants.wide.{key.split(':')[0]}: holds for the whole recipe, not for a variant")


@pytest.mark.parametrize("key", ["name: x", "schema: 1", "profiles: {}"])
def test_what_belongs_to_the_recipe_is_refused_in_a_profile(mistakes, key):
    (found,) = mistakes(LAYERS.replace("seeds: 1", key))
    assert found.endswith("does not belong into a profile")
