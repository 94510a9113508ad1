"""One claim of `expect:` with a test of its own: what is measured, of whom, and whether that makes sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from isbench.recipe import keys, trends
from isbench.recipe.nodes import Node, Problems, shown
from isbench.recipe.options import Option, check
from isbench.recipe.resolve import known_name
from isbench.recipe.schema import Question, Setting
from isbench.recipe.shares import number
from isbench.store.claims import ONCE, Expectation, Measure, Probe, Trend

OPPOSED = ("better_by", "worse_by", "no_worse_than")  # tests that must know which way is better
ONE_SIDED = ("above", "below", "exact")  # tests of a number that may stand alone
REACHING = ("speedup", "sooner_than")  # tests of the cost to a target
USUAL_CHANGE, OF_TIME = 0.02, 0.03  # that a trend must amount to: of what is measured, of costs in time
EXAMPLE = "{sampler: dlis, metric: test_error, better_by: 2%}"


@dataclass(frozen=True)
class Terms:
    """What claims of one variant may speak of; `targets`: whether every budget has a pilot."""

    variants: Mapping[str, Setting]
    setting: Setting
    question: Question
    targets: bool

    def at(self, node: Node, problems: Problems) -> Terms:
        """The terms of the variant that a claim names."""
        named = node.fields.get("variant")
        if named is None:
            return self
        known = [name for name in self.variants if name]
        if known:
            known_name(named, "variant is called", known, problems)
        else:
            problems.key(named, "there are no variants")
        return replace(self, setting=self.variants.get(str(named.content), self.setting))


@dataclass(frozen=True)
class Leaf:
    """A claim with a test of its own."""

    node: Node
    values: dict[str, Any]
    test: str
    terms: Terms
    problems: Problems

    def read(self) -> Expectation | None:
        """The claim, unless something in it makes no sense."""
        names = [name for name in ("phase", "probe", "selection") if name in self.node.fields]
        curve = [name for name in ("target", "metric") if name in self.node.fields]
        if len(names) > 1 or (names and curve):
            last = self.node.fields[(*names, *curve)[-1]]
            return self.problems.key(last, f"goes not together with {names[0]}")
        budgets = [spec.name for spec in self.terms.setting.budgets]
        if "budget" in self.node.fields:
            known_name(self.node.fields["budget"], "budget is named", budgets, self.problems)
        before = len(self.problems.found)
        trend = self._trend() if self.test == "trend" else None
        measure = self._measure()
        than = "" if measure is None else self._than(measure)
        if measure is None or len(self.problems.found) > before or self._senseless(measure, than):
            return None
        timed = measure.phase or measure.target is not None or measure.metric == "train_seconds"
        usual = OF_TIME if timed else USUAL_CHANGE
        found = {
            "test": self.test,
            "amount": number(self._of_trend("by", usual) if trend else self.values[self.test]),
            "sampler": self._sampler,
            "than": than,
            "variant": self.terms.setting.variant,
            "budget": self.values.get("budget", ""),
            "measure": measure,
            "trend": trend,
        }
        return Expectation.model_validate(found)

    def _measure(self) -> Measure | None:
        """What is measured."""
        parts = {
            name: self._options(name, options)
            for name, options in (("probe", keys.EXPECT_PROBE), ("selection", keys.EXPECT_SELECTION))
            if name in self.node.fields
        }
        if any(found is None for found in parts.values()):
            return None
        probe, selection = parts.get("probe"), parts.get("selection")
        given = {name: self.values[name] for name in ("target", "phase", "per_step") if name in self.values}
        metric = self.values.get("metric") or self._of_trend("metric", "")
        at = self.values.get("at") or ("auc" if probe else "end")
        if isinstance(at, list) and (len(at) != 2 or at[0] >= at[1]):
            self.problems.value(
                self.node.fields["at"], "must be two rising shares of the run, as in [0, 0.2]"
            )
            return None
        if probe is not None:
            steps = tuple(probe.pop("at", ()))
            given["probe"] = Probe(**{name: each for name, each in probe.items() if each}, steps=steps)
        if selection is not None:
            given["selection"] = selection["quantity"]
        return Measure(metric=metric, at=tuple(at) if isinstance(at, list) else at, **given)

    def _of_trend(self, name: str, usual: Any) -> Any:
        found = self.node.fields["trend"].fields.get(name) if "trend" in self.node.fields else None
        return usual if found is None or found.content is None else found.plain()

    def _options(self, name: str, options: Mapping[str, Option]) -> dict[str, Any] | None:
        inner, before = self.node.fields[name], len(self.problems.found)
        if not isinstance(inner.content, dict):
            self.problems.value(
                inner, f"must be a mapping of {', '.join(options)}, not {shown(inner.plain())}"
            )
            return None
        values = check(options, inner, self.problems, what=f"key of {name}")
        return values if len(self.problems.found) == before else None

    @property
    def _sampler(self) -> str:
        """Whose number it is; a probe is of the baseline's run where nothing is said."""
        found = self.node.fields.get("sampler")
        return self.terms.question.baseline if found is None else str(found.content)

    def _than(self, measure: Measure) -> str:
        """Whose number it is compared with; empty where it stands alone."""
        labels = [arm.sampler.label for arm in self.terms.setting.arms]
        said = self.node.fields
        for name in ("than", "sooner_than", *(("sampler",) if self.test != "trend" else ())):
            known_name(said.get(name), "sampler is labelled", labels, self.problems)
        if "sampler" not in said and measure.probe is None:
            self.problems.value(self.node, "is missing; expected the label of a sampler", ("sampler",))
        alone = measure.probe is not None or self.test in (*ONE_SIDED, "trend")
        usual = "" if alone else self.terms.question.baseline
        return str(self.values.get("sooner_than") or self.values.get("than") or usual)

    def _senseless(self, measure: Measure, than: str) -> bool:
        """Complain about what a test cannot be made of."""
        before = len(self.problems.found)
        for key, wrong, message in (*self._sides(measure, than), *self._quantity(measure)):
            if wrong:
                self.problems.key(self.node.fields.get(key, self.node), message)
        return len(self.problems.found) > before

    def _sides(self, measure: Measure, than: str) -> list[tuple[str, bool, str]]:
        """What may be wrong with who is compared: key, whether it is, and what to say."""
        said, probe, test = self.node.fields, measure.probe, self.test
        alone = test in ("sooner_than", "trend") or probe is not None
        two = test not in (*ONE_SIDED, "trend")
        itself = probe is None and test != "trend" and than == self._sampler
        return [
            ("than", "than" in said and alone, f"goes not together with {'probe' if probe else test}"),
            ("sampler", itself, f"{than} is compared with itself"),
            ("probe", probe is not None and two and not probe.than, "needs `than`, another score"),
            ("trend", test == "trend" and probe is not None, "goes not together with probe"),
        ]

    def _quantity(self, measure: Measure) -> list[tuple[str, bool, str]]:
        """What may be wrong with what is measured."""
        said, kind, test, asked = self.node.fields, measure.kind, self.test, self.terms.question.metric
        target, given = measure.target is not None, "at" in self.node.fields
        steps = measure.probe is not None and bool(measure.probe.steps)
        once = measure.selection in ONCE or target
        other = bool(target and asked and measure.metric and measure.metric != asked)
        unclear = test in OPPOSED and not kind.better
        return [
            ("at", given and once, "makes no sense here: a run has one such value"),
            ("at", given and steps, "is said twice: here and in probe"),
            (
                "at",
                measure.at == "auc" and bool(measure.phase),
                "is of metrics; a phase takes end or two shares",
            ),
            ("target", target and test in ONE_SIDED, f"goes not together with {test}"),
            ("target", target and not self._piloted(), "needs a pilot of that budget: add `targets: [0.95]`"),
            ("metric", other, f"must be that of primary, {asked}: targets are shares of its improvement"),
            ("per_step", "per_step" in said and not measure.phase, "goes with phase"),
            (test, test in REACHING and not target, "needs a target, as in target: 0.95"),
            (test, unclear, "makes no sense here: neither more nor less is better; say above or below"),
            (test, test == "at_most" and kind.scale == "difference", "is of ratios; say above or below"),
        ]

    def _piloted(self) -> bool:
        """Whether a pilot has measured what a share of the baseline's improvement is."""
        name = self.values.get("budget") or self.terms.question.budget
        spec = next((spec for spec in self.terms.setting.budgets if spec.name == name), None)
        asked = self.terms.question.target is not None and self.terms.question.budget == name
        return spec is None or bool(spec.like) or self.terms.targets or asked

    def _trend(self) -> Trend | None:
        """The arms of a trend."""
        found = self._options("trend", keys.EXPECT_TREND)
        if found is None:
            return None
        sampler = self.node.fields.get("sampler", self.node)
        arms = trends.Arms(self.terms.setting.written, self.node.fields["trend"], self.problems)
        return arms.trend(found["option"], found["sign"], sampler)
