"""The entries of `samplers:` become arms; the recipe's own optimiser, schedule, start and batch fill in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from isbench.recipe import grid, parts
from isbench.recipe.keys import ENTRY, ENTRY_STRUCTURE, sampler_options
from isbench.recipe.merge import overlay
from isbench.recipe.nodes import Node, Problems, shown
from isbench.recipe.options import Option, check
from isbench.recipe.schema import Arm
from isbench.samplers import catalogue
from isbench.store.records import SamplerSpec, StartSpec

BASELINE = "uniform"
POOLS = ("pool", "bank")  # options that say how many candidates there are
GRID = ("batch", "start", "optimizer", "schedule")  # what a grid can vary beside a sampler's options


@dataclass
class Arms:
    """The arms of one setting by label; `entries` holds what each label was written as."""

    tree: Node
    batch: int | None  # None: the recipe's is wrong, and nothing is measured by it
    problems: Problems
    found: dict[str, Arm] = field(default_factory=dict)
    entries: dict[str, Node] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)  # all but the label, as JSON -> label

    def read(self) -> bool:
        """Read every entry; what is wrong goes to `problems`. Whether nothing was wrong."""
        samplers = self.tree.fields["samplers"]
        if not samplers.items:
            self.problems.value(samplers, f"must be a list of samplers, not {shown(samplers.plain())}")
            return False
        right = [self._entry(entry) for entry in samplers.items]
        return all(right) and self._baseline(samplers)

    def _entry(self, entry: Node) -> bool:
        name = parts.named(entry, "sampler", "sampler", catalogue.CATALOGUE, self.problems)
        if name is None:
            return False
        options = sampler_options(name)
        before = len(self.problems.found)
        points = grid.expand(entry, (*options, *GRID), self.problems)
        right = [self._add(name, *each, options) for each in points]  # all, not up to the first wrong one
        return len(self.problems.found) == before and all(right)

    def arm(self, name: str, node: Node, suffix: str, options: dict[str, Option]) -> Arm | None:
        """An entry without a grid as an arm; what is wrong goes to `problems`."""
        own = {key: node.fields[key] for key in ENTRY if key in node.fields}
        entry = check(ENTRY, Node(own, node.place), self.problems)
        batch = entry.get("batch", None if "batch" in own else self.batch)
        what, others = f"option of {name}", (*ENTRY, *ENTRY_STRUCTURE)
        values = check(options, node, self.problems, what=what, batch=batch, others=others)
        optimizer = parts.optimizer(self._optimizer(node), self.problems)
        schedule = parts.schedule(
            node.fields.get("schedule", self.tree.fields.get("schedule")), self.problems
        )
        start = self._start(name, node)
        if batch is None or optimizer is None or schedule is None or start is None:
            return None
        spec = SamplerSpec(
            label=f"{entry.get('label') or name}{suffix}",
            name=name,
            options=self._spoken(name, node, values, batch),
            start=start,
            version=catalogue.CATALOGUE[name].version,
        )
        return Arm(sampler=spec, optimizer=optimizer, schedule=schedule, batch=batch)

    def _optimizer(self, node: Node) -> Node | None:
        """An entry's optimiser changes the recipe's, unless it is another one."""
        common, own = self.tree.fields.get("optimizer"), node.fields.get("optimizer")
        return common if own is None else overlay(common, own, self.problems, "optimizer")

    def _start(self, name: str, node: Node) -> StartSpec | None:
        """The entry's own start, else the sampler's, else the recipe's; uniform sampling has none."""
        own = node.fields.get("start")
        common, usual = self.tree.fields.get("start"), catalogue.CATALOGUE[name].start
        if name.startswith(BASELINE):
            if own is not None:
                self.problems.key(own, f"{name} has nothing to start")
            return StartSpec()
        if own is None and (usual is not None or common is None):
            return usual or StartSpec()
        given = common if own is None else own
        start = parts.start(given, self.problems) if given is not None else None
        if start is not None and start.name == "tau" and catalogue.CATALOGUE[name].score is None:
            self.problems.value(given or node, f"tau is made of scores, and {name} has none")
        return start

    def _spoken(self, name: str, node: Node, values: dict[str, Any], batch: int) -> dict[str, Any]:
        """The options that say something else than the sampler's defaults; a pool must hold the batch."""
        mirror = {"mirror": values["mirror"]} if "mirror" in values else {}
        usual = {**catalogue.resolve(name, mirror, batch), "mirror": "text"}
        for pool in POOLS:
            size = {**usual, **values}.get(pool)
            if isinstance(size, int) and size < batch:
                below, blamed = () if pool in node.fields else (pool,), node.fields.get(pool, node)
                self.problems.value(blamed, f"a {pool} of {size} is smaller than the batch of {batch}", below)
        return {key: value for key, value in values.items() if not parts.same(usual[key], value)}

    def _add(self, name: str, suffix: str, node: Node, options: dict[str, Option]) -> bool:
        """Take an arm that is right and differs from all before."""
        before = len(self.problems.found)
        arm = self.arm(name, node, suffix, options)
        if arm is None or len(self.problems.found) > before:
            return False
        label = arm.sampler.label
        content = arm.model_dump_json(exclude={"sampler": {"label"}})
        twin = self.contents.get(content)
        if twin is not None:
            self.problems.value(node, f"is the same as {self._path(twin)} ('{twin}')")
        elif label in self.found:
            blamed = node.fields.get("label", node)
            taken = f"the label '{label}' is taken by {self._path(label)}"
            self.problems.value(blamed, f"{taken}; give this one a label of its own")
        elif len(self.found) == grid.MOST:
            self.problems.value(node, f"is one too many: at most {grid.MOST} arms are allowed")
        else:
            self.found[label], self.entries[label], self.contents[content] = arm, node, label
        return len(self.problems.found) == before

    def _path(self, label: str) -> str:
        return ".".join(map(str, self.entries[label].place.path))

    def _baseline(self, samplers: Node) -> bool:
        """Everything is compared to the arm `uniform`, which must be there and be what its label says."""
        arm = self.found.get(BASELINE)
        if arm is not None and arm.sampler.name == BASELINE:
            if arm.sampler.options:
                what = "has options; give it a label of its own, and add one without, to compare with"
                self.problems.value(self.entries[BASELINE], what)
            return not arm.sampler.options
        others = [label for label, each in self.found.items() if each.sampler.name == BASELINE]
        hint = f"; leave the label of '{others[0]}' out" if len(others) == 1 else "; add it"
        what = f"none of them is {BASELINE}, by sampler and by label, to which all others are compared"
        self.problems.value(samplers, what + hint)
        return False
