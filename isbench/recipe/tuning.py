"""`tuning:`: which settings of every arm are tried, of each arm as many as of any other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from isbench.recipe import keys
from isbench.recipe.entries import BASELINE, GRID, Arms
from isbench.recipe.merge import overlay, written_out
from isbench.recipe.nodes import Node, Problems, shown, similar
from isbench.recipe.options import check
from isbench.recipe.schema import Arm, Configuration, Tuning
from isbench.samplers import catalogue
from isbench.store.records import Options, digest

MOST = 10_000  # settings in the grid of an arm
LONGEST = 80  # letters of a label, which the tuned recipe writes out
EXAMPLE = "{trials: 8, space: {optimizer.lr: [1e-3, 1e-2]}}"

Axes = dict[str, Node]  # path in an entry -> the list of values to try there


def varied(entry: Node, options: Mapping[str, Node]) -> Node:
    """The entry of an arm with other values at some paths, such as `optimizer.lr`."""
    for path, value in options.items():
        layer = value
        for step in reversed(path.split(".")):
            layer = Node({step: layer}, value.place)
        entry = overlay(entry, written_out(layer, "entry"), Problems(), "entry") or entry
    return entry


def read(node: Node, arms: Arms, problems: Problems) -> Tuning | None:
    """What is tried of every arm; None where something is wrong, which goes to `problems`."""
    if not isinstance(node.content, dict):
        problems.value(node, f"must be a mapping such as {EXAMPLE}, not {shown(node.plain())}")
        return None
    before = len(problems.found)
    values = check(keys.TUNING, node, problems, what="key of tuning", others=("space",), needed=("space",))
    if "space" not in node.fields:
        return None
    space = _Space(node.fields["space"], arms, problems)
    grids = {label: space.grid(label, values.get("trials", 1)) for label in arms.found}
    if len(problems.found) > before:
        return None
    seeds = values.get("seeds", keys.TUNING["seeds"].default)
    return Tuning(trials=values["trials"], seeds=seeds, grids=grids)


def drawn(grid: list[Options], trials: int, own: Options | None) -> list[int]:
    """Which settings of a grid are tried: all, or as many as there are trials, drawn without repetition.

    The draw ranks settings by a hash, the stream `tune`: it depends neither on other arms nor on other
    settings, so that more trials repeat none. What the recipe itself says (`own`) is among them where the
    grid has it: tuning then never ends with less. So arms of equal grids try the same where all is tried;
    with fewer trials than settings, each has its own setting in place of one that others try.
    """
    ranked = sorted(range(len(grid)), key=lambda i: (grid[i] != own, digest(["tune", grid[i]])))
    return sorted(ranked[:trials])


class _Space:
    """The values to try, by arm; what is wrong with them goes to `problems`."""

    def __init__(self, node: Node, arms: Arms, problems: Problems) -> None:
        self.node, self.arms, self.problems = node, arms, problems
        self.axes: dict[str, Axes] = {label: {} for label in arms.found}
        self.space: Axes = {}
        before = len(problems.found)
        if not node.fields:
            problems.value(node, f"must be a mapping of paths to lists of values, not {shown(node.plain())}")
        by_name: dict[str, list[str]] = {}
        for label, arm in arms.found.items():
            by_name.setdefault(arm.sampler.name, []).append(label)
        known = tuple(dict.fromkeys((*GRID, *by_name, *arms.found)))
        for key, axis in node.fields.items():
            if not axis.items:
                problems.value(axis, f"must be a list of values, not {shown(axis.plain())}")
            elif not _heads(key, known):
                problems.key(axis, _unknown(key, known))
            else:
                self.space[key] = axis
        misspelt = len(problems.found) > before  # which explains an arm without anything to tune
        self._share()
        for owners in (by_name, {label: [label] for label in arms.found}):  # what names a label wins
            self._assign(owners)
        idle = [label for label, axes in self.axes.items() if not axes]
        if idle and not misspelt:
            problems.value(node, f"has nothing to tune for {', '.join(idle)}; every arm needs a path")

    def _share(self) -> None:
        """Paths that hold for every arm; uniform sampling has nothing to start."""
        for key, axis in self.space.items():
            for label, arm in self.arms.found.items() if _heads(key, GRID) else ():
                if not (_heads(key, ("start",)) and arm.sampler.name.startswith(BASELINE)):
                    self.axes[label][key] = axis

    def _assign(self, owners: Mapping[str, list[str]]) -> None:
        """Paths that begin with the name of a sampler, or with a label, which may hold dots itself."""
        for key, axis in self.space.items():
            heads = [] if _heads(key, GRID) else _heads(key, owners)
            for label in owners[max(heads, key=len)] if heads else ():
                self.axes[label][key.removeprefix(max(heads, key=len)).lstrip(".")] = axis

    def grid(self, label: str, trials: int) -> tuple[Configuration, ...]:
        """The settings of an arm that are tried; empty where something is wrong."""
        axes, entry, wrong = self.axes[label], self.arms.entries[label], Problems()
        total = math.prod(len(axis.items) for axis in axes.values())
        if total > MOST:
            wrong.value(self.node, f"holds {total} settings of '{label}'; at most {MOST} are allowed")
        if len(label) > LONGEST:
            wrong.value(entry, f"'{label}' is too long a label for the tuned recipe; give it another")
        own = {path: self._axis(label, path, axis, wrong) for path, axis in axes.items()}
        self.problems.extend(wrong)
        if wrong.found or not axes:
            return ()
        lists = [[_at(value, axis) for value in axis.items] for axis in axes.values()]
        points = [dict(zip(axes, point, strict=True)) for point in itertools.product(*lists)]
        grid = [{path: value.plain() for path, value in point.items()} for point in points]
        usual = {path: value.plain() for path, value in own.items() if value is not None}
        chosen = drawn(grid, trials, usual if len(usual) == len(axes) else None)
        found = [(grid[i], self._arm(label, points[i], self.problems)) for i in chosen]
        return tuple(Configuration(options=options, arm=arm) for options, arm in found if arm is not None)

    def _axis(self, label: str, path: str, axis: Node, problems: Problems) -> Node | None:
        """The value that the recipe itself has, if it is one of the list; every value is checked."""
        name, own = self.arms.found[label].sampler.name, None
        head, known = path.partition(".")[0], (*keys.sampler_options(name), *GRID)
        if head not in known:
            problems.key(axis, f"unknown option of {name}{similar(head, known)}")
            return None
        contents: set[str] = set()
        for value in axis.items:
            wrong = Problems()
            arm = self._arm(label, {path: _at(value, axis)}, wrong)
            problems.extend(wrong)
            if any(problem.at_key for problem in wrong.found):
                return None  # the same would be told of every value
            if arm is not None and arm.model_dump_json() in contents:
                problems.value(value, "says the same as a value before it")
            contents.add("" if arm is None else arm.model_dump_json())
            own = value if arm == self.arms.found[label] else own
        return own

    def _arm(self, label: str, options: Mapping[str, Node], problems: Problems) -> Arm | None:
        """An arm with other values; it must not start by the test loss, which tuning never sees."""
        name, entry, own = self.arms.found[label].sampler.name, self.arms.entries[label], Problems()
        builder = Arms(self.arms.tree, self.arms.batch, own)
        arm = builder.arm(name, varied(entry, options), "", keys.sampler_options(name))
        if arm is not None:
            spec = arm.sampler.model_copy(update={"label": label})
            start = catalogue.resolve_start(name, spec.options, spec.start, arm.batch)
            if start.options.get("of") == "test":
                own.value(entry, "starts by the test loss, which tuning must not see")
            arm = arm.model_copy(update={"sampler": spec})
        problems.extend(own)
        return None if own.found else arm


def _at(value: Node, axis: Node) -> Node:
    """A value of a list under the path of the list, so that a wrong path is blamed where it stands."""
    return Node(value.content, replace(value.place, path=axis.place.path, key=axis.place.key))


def _heads(key: str, known: Iterable[str]) -> list[str]:
    return [head for head in known if key == head or key.startswith(f"{head}.")]


def _unknown(key: str, known: tuple[str, ...]) -> str:
    head = key.partition(".")[0]
    if head in catalogue.CATALOGUE:
        return f"no arm is of the sampler {head}"
    return f"unknown path{similar(head, known) or '; it begins with one of ' + ', '.join(known)}"
