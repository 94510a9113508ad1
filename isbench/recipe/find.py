"""Where recipes are: files, and those that are shipped with isbench."""

from __future__ import annotations

from importlib import util
from pathlib import Path

from isbench.errors import RecipeError
from isbench.recipe.nodes import printable, similar, slug
from isbench.recipe.yaml12 import SIZE

SUFFIXES = (".yaml", ".yml")


def shipped() -> dict[str, Path]:
    """The recipes that come with isbench: name -> file."""
    checkout, installed = Path(__file__).parents[2], util.find_spec("isbench.recipes")
    roots = [checkout / "recipes"] if (checkout / "pyproject.toml").is_file() else []
    if installed is not None:
        roots += map(Path, installed.submodule_search_locations or ())
    return {name(path): path for root in roots for path in sorted(root.rglob("*.yaml"))}


def name(path: Path) -> str:
    """A recipe's default name: its path below a folder `recipes`, joined by `-`, else its stem."""
    steps = path.resolve().with_suffix("").parts
    if "recipes" in steps[:-1]:
        below = len(steps) - steps[::-1].index("recipes")
        return slug("-".join(steps[below:]))
    return slug(steps[-1])


def find(asked: str | Path) -> Path:
    """The file of a path or of a shipped recipe's name; RecipeError where there is neither."""
    path = Path(asked)
    if path.is_file():
        return path
    known = shipped()
    wanted = str(asked)
    for suffix in SUFFIXES:
        wanted = wanted.removesuffix(suffix)
    found = known.get(wanted.replace("/", "-"))
    if found is not None:
        return found
    if path.is_dir():
        raise RecipeError(f"{printable(str(asked))} is a folder", "name a recipe file in it")
    hint = similar(wanted, known).strip(" ()") or f"shipped recipes: {', '.join(known)}"
    raise RecipeError(f"there is no recipe file and no shipped recipe {printable(str(asked))}", hint)


def contents(path: Path, title: str) -> str:
    """The text of a recipe file; RecipeError where it cannot be read as UTF-8 text of a sane size."""
    try:
        with path.open("rb") as file:
            data = file.read(SIZE + 1)
    except OSError as error:
        raise RecipeError(f"{title} cannot be read: {error.strerror}") from None
    if len(data) > SIZE:
        raise RecipeError(f"{title}:1:1: larger than {SIZE // 1_000_000} MB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RecipeError(f"{title}:{line}:1: not UTF-8 text", "save the file as UTF-8") from None
