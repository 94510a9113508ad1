"""`controls:`: arms that take a sampler apart, so that what it wins or loses can be explained."""

from __future__ import annotations

from dataclasses import dataclass, field

from isbench.recipe import grid
from isbench.recipe.entries import BASELINE, POOLS, Arms
from isbench.recipe.nodes import Node, Problems, shown, similar
from isbench.recipe.schema import Arm
from isbench.samplers import catalogue
from isbench.store.records import SamplerSpec

KINDS = {  # and why one of them may find no sampler to be made of
    "presample": "no sampler draws from a pool",
    "placebo": "every sampler draws uniformly as it is",
    "free": "no sampler runs the model for scores",
    "aa": "",
}
PRESAMPLER = "uniform-presample"


@dataclass
class Controls:
    """The control arms of a setting by label; `nodes` holds what asked for each."""

    arms: Arms
    problems: Problems
    found: dict[str, Arm] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)

    def read(self, node: Node) -> None:
        """Read the list, once the arms are known; what is wrong goes to `problems`."""
        if not isinstance(node.content, list):
            example = "[placebo, 'free:dlis', aa]"
            self.problems.value(node, f"must be a list such as {example}, not {shown(node.plain())}")
        for item in node.items:
            self._item(item)

    def _item(self, item: Node) -> None:
        if not isinstance(item.content, str):
            says = f"must be {', '.join(KINDS)}, or one of them with a label, as in free:dlis"
            return self.problems.value(item, f"{says}, not {shown(item.plain())}")
        kind, named, label = item.content.partition(":")
        if kind not in KINDS:
            hint = similar(kind, KINDS) or f"; known are {', '.join(KINDS)}"
            return self.problems.value(item, f"unknown control {shown(kind)}{hint}")
        before = len(self.problems.found), len(self.found)
        for arm in self._controlled(kind, label if named else None, item):
            self._add(kind, arm, item)
        if (len(self.problems.found), len(self.found)) == before:
            self.problems.value(item, "adds nothing: what it asks for is there already")
        return None

    def _controlled(self, kind: str, label: str | None, item: Node) -> list[Arm]:
        """The arms that a control is to be made of."""
        arms = self.arms.found
        if label is None:
            fitting = [arm for arm in arms.values() if not senseless(kind, arm)]
            if not fitting:
                self.problems.value(item, f"adds nothing: {KINDS[kind]}")
            return fitting
        if label not in arms:
            hint = similar(label, arms) or f"; there are {', '.join(list(arms)[:8])}"
            self.problems.value(item, f"no sampler is labelled '{label}'{hint}")
            return []
        if why := senseless(kind, arms[label]):
            self.problems.value(item, f"makes no sense: {why}")
            return []
        return [arms[label]]

    def _add(self, kind: str, arm: Arm, item: Node) -> None:
        """Take a control arm, unless it is there."""
        made = MAKERS[kind](arm, self.arms.found[BASELINE])
        label, pool = made.sampler.label, pool_of(made)
        if label in self.found or any(alike(made, each) for each in self.arms.found.values()):
            return
        if label in self.arms.found:
            taken = ".".join(map(str, self.arms.entries[label].place.path))
            self.problems.value(item, f"its label '{label}' is taken by {taken}; give that one another")
        elif kind == "presample" and pool is not None and pool < made.batch:
            what = f"a pool of {pool}, as {arm.sampler.label} has, is smaller than the batch of {BASELINE}"
            self.problems.value(item, f"{what}, {made.batch}")
        elif len(self.arms.found) + len(self.found) == grid.MOST:
            self.problems.value(item, f"is too much: at most {grid.MOST} arms are allowed")
        else:
            self.found[label], self.nodes[label] = made, item


def senseless(kind: str, arm: Arm) -> str:
    """Why a control cannot be made of an arm; empty where it can."""
    spec, label = arm.sampler, arm.sampler.label
    uniform = spec.name.startswith(BASELINE)
    if kind == "presample":
        return f"{label} draws from no pool" if uniform or pool_of(arm) is None else ""
    if kind == "placebo":
        return f"{label} draws uniformly as it is" if uniform else ""
    if kind == "free":
        return "" if catalogue.scoring(spec.name, spec.options) else f"{label} runs the model for no scores"
    return "" if label == BASELINE else f"aa repeats {BASELINE}, and nothing else"


def pool_of(arm: Arm) -> int | None:
    """How many candidates a sampler draws from."""
    options = catalogue.resolve(arm.sampler.name, arm.sampler.options, arm.batch)
    sizes = (options.get(pool) for pool in POOLS)
    return next((size for size in sizes if isinstance(size, int)), None)


def alike(one: Arm, other: Arm) -> bool:
    """Whether two arms are the same run, whatever their labels: only uniform ones with a pool can be."""
    if not one.sampler.name == other.sampler.name == PRESAMPLER or pool_of(one) != pool_of(other):
        return False
    return (one.optimizer, one.schedule, one.batch) == (other.optimizer, other.schedule, other.batch)


def presample(arm: Arm, uniform: Arm) -> Arm:
    """Uniform at the price of handling the arm's pool."""
    pool, version = pool_of(arm), catalogue.CATALOGUE[PRESAMPLER].version
    spec = SamplerSpec(label=f"presample:{pool}", name=PRESAMPLER, options={"pool": pool}, version=version)
    return uniform.model_copy(update={"sampler": spec, "control": "presample", "of": arm.sampler.label})


def placebo(arm: Arm, uniform: Arm) -> Arm:
    """The arm's work and uniform batches."""
    return _of(arm, "placebo", placebo=True)


def free(arm: Arm, uniform: Arm) -> Arm:
    """The arm with its scores for nothing."""
    return _of(arm, "free")


def again(arm: Arm, uniform: Arm) -> Arm:
    """Uniform once more, with other draws."""
    spec = uniform.sampler.model_copy(update={"label": "aa"})
    return uniform.model_copy(update={"sampler": spec, "control": "aa", "of": BASELINE})


def _of(arm: Arm, kind: str, **changes: bool) -> Arm:
    label = arm.sampler.label
    spec = arm.sampler.model_copy(update={"label": f"{kind}:{label}", **changes})
    return arm.model_copy(update={"sampler": spec, "control": kind, "of": label})


MAKERS = {"presample": presample, "placebo": placebo, "free": free, "aa": again}
