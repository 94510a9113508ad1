"""`expect:`: claims that a run is to decide, checked against the arms, budgets and variants there are."""

from __future__ import annotations

from collections.abc import Mapping

from isbench.recipe import keys
from isbench.recipe.claims import EXAMPLE, Leaf, Terms
from isbench.recipe.nodes import Node, Problems, shown
from isbench.recipe.options import check
from isbench.recipe.resolve import Meaning
from isbench.recipe.schema import Question
from isbench.store.claims import JOINS, TESTS, Expectation

STRUCTURE = ("probe", "selection", "trend", *JOINS)
OWN = ("claim", "says", *TESTS, *JOINS)  # what a part of a claim does not take over
MEASURED = ("metric", "target", "phase", "probe", "selection")


def read(meanings: Mapping[str, Meaning], problems: Problems) -> tuple[Expectation, ...]:
    """The claims of a recipe, whose variants mean what they mean; what is wrong goes to `problems`."""
    first = next(iter(meanings.values()))
    node = first.tree.fields.get("expect")
    settings = {name: each.setting for name, each in meanings.items() if each.setting is not None}
    if node is None or node.content is None or len(settings) < len(meanings):
        return ()
    if not isinstance(node.content, list):
        problems.value(node, f"must be a list of claims such as {EXAMPLE}, not {shown(node.plain())}")
    shares, question = bool(first.values.get("targets")), first.primary or Question()
    terms = {name: Terms(settings, setting, question, shares) for name, setting in settings.items()}
    return tuple(found for item in node.items for found in _claim(item, terms, problems))


def _claim(node: Node, terms: Mapping[str, Terms], problems: Problems) -> list[Expectation]:
    """A claim; where it names no variant and there are several, it must hold in all of them."""
    if not _mapping(node, problems):
        return []
    chosen = list(terms.values())[:1] if _placed(node) else list(terms.values())
    parts = [found for each in chosen for found in _part(node, each, problems)]
    if len(chosen) == 1 or not parts:
        return parts
    one = parts[0]
    whole = Expectation(claim=one.claim, says=one.says, scale=one.scale, test="all", parts=tuple(parts))
    return [whole]


def _placed(node: Node) -> bool:
    """Whether a claim, or every part of it, names its variant."""
    parts = [part for join in JOINS if join in node.fields for part in _parts(node.fields[join])]
    return "variant" in node.fields or (bool(parts) and all(_placed(part) for part in parts))


def _parts(node: Node) -> list[Node]:
    return node.items or ([node] if isinstance(node.content, dict) else [])


def _mapping(node: Node, problems: Problems) -> bool:
    if not isinstance(node.content, dict):
        problems.value(node, f"must be a claim such as {EXAMPLE}, not {shown(node.plain())}")
    return isinstance(node.content, dict)


def _part(node: Node, terms: Terms, problems: Problems) -> list[Expectation]:
    """A claim or a part of one; nothing where something is wrong with it."""
    own, found = Problems(), None
    values = check(keys.EXPECT, node, own, what="key of expect", others=STRUCTURE)
    terms = terms.at(node, own)
    tests = [name for name in (*TESTS, *JOINS) if name in node.fields]
    if len(tests) != 1 and not own.found:
        names = ", ".join((*TESTS, *JOINS))
        own.value(node, f"must name one of {names}; it names {' and '.join(tests) or 'none'}")
    if not own.found and tests[0] in JOINS:
        found = _joined(node, tests[0], terms, own)
    elif not own.found:
        found = Leaf(node, values, tests[0], terms, own).read()
    problems.extend(own)
    told = {name: values[name] for name in ("claim", "says", "scale") if name in values}
    return [] if found is None or own.found else [found.model_copy(update=told)]


def _joined(node: Node, join: str, terms: Terms, problems: Problems) -> Expectation | None:
    """Parts, each of which takes over what the whole says and it does not."""
    inner = node.fields[join]
    if (join == "not") is not isinstance(inner.content, dict) or not _parts(inner):
        what = "a claim" if join == "not" else "a list of claims"
        return problems.value(inner, f"must be {what} such as {EXAMPLE}, not {shown(inner.plain())}")
    common = {name: each for name, each in node.fields.items() if name not in OWN}
    parts = []
    for item in _parts(inner):
        if _mapping(item, problems):
            taken = [name for name in common if name in MEASURED and set(MEASURED) & item.fields.keys()]
            rest = {name: each for name, each in common.items() if name not in taken}
            parts += _part(Node({**rest, **item.fields}, item.place), terms, problems)
    return Expectation.model_validate({"test": join, "parts": tuple(parts)})
