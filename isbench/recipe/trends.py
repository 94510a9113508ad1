"""Arms that differ in one option alone, so that a claim can say where a quantity goes with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from isbench.recipe.nodes import Node, Problems, similar
from isbench.recipe.schema import Arm
from isbench.samplers import catalogue
from isbench.store.claims import Trend

FEWEST = 3  # settings that show a trend


@dataclass(frozen=True)
class Arms:
    """The arms of a recipe; what is wrong with the trend at `node` goes to `problems`."""

    arms: Sequence[Arm]
    node: Node
    problems: Problems

    def trend(self, option: str, sign: Literal["+", "-"], sampler: Node) -> Trend | None:
        """The trend over the arms like `sampler`, a label or the name of a sampler, that differ in an option.

        `option` is a path, such as pool, start.above or optimizer.lr.
        """
        alike = self._alike(sampler)
        if not alike:
            return None
        flat = {arm.sampler.label: options_of(arm) for arm in alike}
        known = list(dict.fromkeys(name for options in flat.values() for name in options))
        where = self.node.fields.get("option", self.node)
        if option not in known:
            hint = similar(option, known) or f"; there are {', '.join(known[:12])}"
            return self.problems.value(where, f"no such option{hint}")
        groups: dict[str, list[tuple[float, str]]] = {}
        for label, options in flat.items():
            value = options.pop(option, None)
            if isinstance(value, int | float) and not isinstance(value, bool):
                groups.setdefault(json.dumps(options, sort_keys=True), []).append((float(value), label))
        found = [sorted(group) for group in groups.values()]
        named = [group for group in found if sampler.content in [label for _, label in group]]
        fitting = [group for group in named or found if len(dict(group)) >= FEWEST]
        if len(fitting) == 1:
            values, labels = zip(*fitting[0], strict=True)
            return Trend(option=option, sign=sign, labels=labels, values=values)
        what = "several sets of arms differ in it alone: name the label of one" if fitting else FEW
        return self.problems.value(where, what)

    def _alike(self, sampler: Node) -> list[Arm]:
        """The arms of the sampler that a label or a name means."""
        name = sampler.content
        by_label = {arm.sampler.label: arm.sampler.name for arm in self.arms}
        meant = by_label.get(str(name), name)
        found = [arm for arm in self.arms if arm.sampler.name == meant]
        if not found and isinstance(name, str):
            hint = similar(name, by_label) or f"; there are {', '.join(list(by_label)[:8])}"
            self.problems.value(sampler, f"no sampler is labelled '{name}'{hint}")
        return found


FEW = f"makes no trend: fewer than {FEWEST} arms have it as a number and differ in nothing else"


def options_of(arm: Arm) -> dict[str, Any]:
    """All options of an arm by path."""
    spec = arm.sampler
    start = catalogue.resolve_start(spec.name, spec.options, spec.start, arm.batch)
    return {
        **catalogue.resolve(spec.name, spec.options, arm.batch),
        "batch": arm.batch,
        "start": start.name,
        **{f"start.{name}": value for name, value in start.options.items()},
        **{f"optimizer.{name}": value for name, value in arm.optimizer.model_dump(mode="json").items()},
        **{f"schedule.{name}": value for name, value in arm.schedule.model_dump(mode="json").items()},
    }
