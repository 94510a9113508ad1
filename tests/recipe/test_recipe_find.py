from pathlib import Path

import pytest

from isbench.errors import RecipeError
from isbench.recipe import find, load, shipped


def test_a_path_is_read_and_kept_as_it_was_given(write, small, monkeypatch, tmp_path):
    write(small)
    monkeypatch.chdir(tmp_path)
    assert load("recipe.yaml").file == "recipe.yaml"
    assert load(tmp_path / "recipe.yaml").file == str(tmp_path / "recipe.yaml")


@pytest.mark.parametrize("asked", ["papers-cdf-fig3-two-circles", "papers/cdf/fig3-two-circles",
                                   "papers/cdf/fig3-two-circles.yaml"])  # fmt: skip
def test_a_shipped_recipe_is_found_by_its_name(asked, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    recipe = load(asked)
    assert recipe.name == "papers-cdf-fig3-two-circles"
    assert recipe.file == asked


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("recipes/smoke.yaml", "smoke"),
        ("recipes/papers/dlis/fig3.yaml", "papers-dlis-fig3"),
        ("recipes/recipes/a.yaml", "a"),
        ("elsewhere/My Own.yml", "my-own"),
        ("recipes.yaml", "recipes"),
    ],
)
def test_the_default_name_is_the_path_below_recipes_or_the_stem(path, name):
    assert find.name(Path("/somewhere") / path) == name


def refusal(asked) -> str:
    with pytest.raises(RecipeError) as caught:
        load(asked)
    assert caught.value.code == 2
    return str(caught.value)


def test_a_missing_file_is_told_with_what_is_spelt_alike(tmp_path):
    assert refusal("smoek") == "there is no recipe file and no shipped recipe smoek (did you mean 'smoke'?)"
    missing = tmp_path / "x.yaml"
    assert refusal(missing).startswith(
        f"there is no recipe file and no shipped recipe {missing} (shipped recipes:"
    )


def test_a_folder_is_no_recipe(tmp_path):
    assert refusal(tmp_path) == f"{tmp_path} is a folder (name a recipe file in it)"


def test_a_file_that_is_no_text_is_refused_with_the_line(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"batch: 3\nname: \xff\n")
    assert refusal(path) == f"{path}:2:1: not UTF-8 text (save the file as UTF-8)"


def test_a_giant_file_is_refused(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * 1_000_001)
    assert refusal(path) == f"{path}:1:1: larger than 1 MB"


def test_a_byte_order_mark_is_no_mistake(tmp_path, small):
    path = tmp_path / "x.yaml"
    path.write_text("\ufeff" + small, encoding="utf-8")
    assert load(path).name == "x"


def test_every_shipped_recipe_has_a_name_of_its_own():
    found = shipped()
    assert {"smoke", "papers-cdf-fig3-two-circles"} <= found.keys()
    assert len(set(found.values())) == len(found)
