"""The house keeps its shape: who imports whom, how long things are, where phases are timed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "isbench"
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 250, 50

MAY_IMPORT = {
    "errors": set(),
    "store": {"errors"},
    "stats": {"errors"},
    "datasets": {"errors", "store.records"},
    "models": {"errors", "store.records"},
    "samplers": {"errors", "store.records", "train.forward", "datasets.losses"},
    "train": {"errors", "store.records", "datasets.base"},
    "recipe": {"errors", "store.records", "store.claims", "samplers", "datasets", "models"},
    "plan": {"errors", "store.records", "store.plans", "samplers.catalogue", "samplers.tau", "recipe"},
    "bench": {"errors", "store", "samplers", "datasets", "models", "train", "recipe", "plan"},
    "verdicts": {"errors", "store", "stats"},
    "gate": {"errors", "store", "stats", "verdicts"},
    "report": {"errors", "store", "stats", "verdicts"},
    "console": set(),
    "watches": set(),
    "cards": {"errors", "samplers", "datasets", "models", "recipe.options"},
    "cli": {
        *(
            "errors",
            "console",
            "watches",
            "bench",
            "recipe",
            "report",
            "verdicts",
            "gate",
            "cards",
            "datasets",
        )
    },
}


def module(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(tree: ast.AST) -> list[str]:
    """Modules of isbench that some code imports when it runs, without the leading `isbench.`."""
    found: list[str] = []
    for node in ast.iter_child_nodes(tree):
        if for_types_only(node):
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "isbench":
            inside = (node.module or "").removeprefix("isbench").removeprefix(".")
            found += [f"{inside}.{alias.name}".removeprefix(".") for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [a.name.removeprefix("isbench.") for a in node.names if a.name.startswith("isbench.")]
        found += imports(node)
    return found


@pytest.mark.parametrize("path", FILES, ids=module)
def test_an_arrow_of_the_plan_is_all_that_a_module_imports(path: Path) -> None:
    room = module(path).split(".")[0]
    if room == "__init__":
        return
    allowed = MAY_IMPORT[room] | {room}
    for name in imports(ast.parse(path.read_text())):
        assert any(name == a or name.startswith(f"{a}.") for a in allowed), f"{module(path)} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=module)
def test_no_file_is_longer_than_a_design_question(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", FILES, ids=module)
def test_no_function_is_longer_than_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


def test_phases_are_timed_in_one_place() -> None:
    laps = {module(path) for path in FILES if ".lap(" in path.read_text() or "lap = " in path.read_text()}
    assert {name.split(".")[0] for name in laps - {"bench.doctor"}} == {"train"}


def test_the_loop_is_sixteen_lines() -> None:
    tree = ast.parse((PACKAGE / "train" / "loop.py").read_text())
    (loop,) = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert (loop.end_lineno or 0) - loop.body[1].lineno + 1 <= 16


def test_samplers_know_no_clock_no_optimiser_and_no_file() -> None:
    for path in (PACKAGE / "samplers").glob("*.py"):
        text = path.read_text()
        text = text.replace("torch.optim.Adam(self.predictor", "")  # of a network that is the sampler's own
        assert not any(word in text for word in ("import time", "torch.optim", "open(", "pathlib")), path.name


def test_only_the_device_module_seeds_the_global_generator() -> None:
    seeding = {
        module(path) for path in FILES if "manual_seed(" in path.read_text().replace(").manual_seed(", "")
    }
    assert seeding == {"train.device"}


def test_the_top_level_holds_nothing_else() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    if not listed:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in listed.splitlines()}
    expected = {"pyproject.toml", "isbench", "recipes", "tests", "results", "README.md"}
    assert {name for name in top if not name.startswith(".")} <= expected


def test_every_folder_of_the_package_is_packaged() -> None:
    import tomllib

    packaged = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {
        ".".join(("isbench", *p.relative_to(PACKAGE).parent.parts)) for p in PACKAGE.rglob("__init__.py")
    }
    assert packaged == folders | {"isbench.recipes"}


def test_statistics_start_without_torch_pandas_and_scipy() -> None:
    names = [module(path) for path in FILES if module(path).startswith("stats.")]
    code = (
        "import importlib, sys\n"
        f"[importlib.import_module('isbench.' + name) for name in {names}]\n"
        "heavy = {'torch', 'pandas', 'scipy', 'isbench.store', 'isbench.train'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_and_report_start_without_heavy_libraries() -> None:
    code = (
        "import sys\n"
        "import isbench.cli\n"
        "heavy = {'torch', 'pandas', 'scipy', 'matplotlib', 'pydantic', 'numpy'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
        "import isbench.gate, isbench.report\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
