"""The JSON Schema of recipes, for editors, made from the same keys and signatures that the loader checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from isbench.datasets.catalogue import CATALOGUE as DATASETS
from isbench.models.catalogue import CATALOGUE as MODELS
from isbench.recipe import controls, keys
from isbench.recipe.entries import GRID
from isbench.recipe.options import Option
from isbench.samplers.catalogue import CATALOGUE as SAMPLERS
from isbench.store.claims import JOINS, TESTS

Schema = dict[str, Any]
NULL: Schema = {"type": "null"}  # restores the default
PARTS = (
    *("dataset", "model", "optimizer", "schedule", "start", "budgets", "samplers", "tuning"),
    *("controls", "primary", "expect", "gate"),
)


def json_schema() -> Schema:
    """The schema of a recipe (JSON Schema 2020-12)."""
    layer = {**_options(keys.RECIPE), **{part: _nullable(_reference(part)) for part in PARTS}}
    variant = {key: schema for key, schema in layer.items() if key not in keys.GLOBAL}
    variants = {"type": "object", "additionalProperties": {"anyOf": [_mapping(_loose(variant)), NULL]}}
    profile = {key: schema for key, schema in layer.items() if key not in ("schema", "name")}
    profile["variants"] = variants
    whole = {**layer, "variants": variants}
    whole["profiles"] = {
        "type": "object",
        "additionalProperties": {"anyOf": [_mapping(_loose(profile)), NULL]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "isbench recipe",
        **_mapping(whole),
        "anyOf": [{"required": list(keys.NEEDED)}, {"required": ["variants"]}, {"required": ["profiles"]}],
        "$defs": _definitions(),
    }


def _definitions() -> dict[str, Schema]:
    models = {name: keys.model_options(name) for name in MODELS}
    datasets = {name: keys.dataset_options(name) for name in DATASETS}
    optimizer = _named(keys.OPTIMIZERS, {})
    optimizer["anyOf"].append(_mapping(_options(keys.OPTIMIZER)))  # of the optimiser that holds already
    return {
        "dataset": _named(datasets, {name: entry.summary for name, entry in DATASETS.items()}),
        "model": _named(models, {name: entry.summary for name, entry in MODELS.items()}, ("pretrain",)),
        "pretrain": _mapping(
            {"dataset": _reference("dataset"), **_options(keys.PRETRAIN)}, ["dataset", "epochs"]
        ),
        "optimizer": optimizer,
        "schedule": _tagged(keys.SCHEDULES),
        "start": _tagged({name: keys.start_options(name) for name in keys.start_names()}),
        "budgets": {"type": "array", "minItems": 1, "items": _budget()},
        "samplers": {"type": "array", "minItems": 1, "items": _reference("entry")},
        "tuning": _mapping({**_options(keys.TUNING), "space": _space()}, ["trials", "space"]),
        "controls": {"type": "array", "items": _control()},
        "primary": _mapping(_options(keys.PRIMARY)),
        "gate": _mapping(_options(keys.GATE)),
        "expect": {"type": "array", "items": _reference("claim")},
        "claim": _claim(),
        "entry": {"anyOf": [{"enum": list(SAMPLERS)}, *(_entry(name) for name in SAMPLERS)]},
    }


def _entry(name: str) -> Schema:
    options = _options(keys.sampler_options(name))
    own = {**_options(keys.ENTRY), **{key: _reference(key) for key in ("start", "optimizer", "schedule")}}
    free = {key: schema for key, schema in {**options, **own}.items() if key in (*options, *GRID)}
    grid = _mapping({key: {"type": "array", "minItems": 1, "items": schema} for key, schema in free.items()})
    fields = {"sampler": {"const": name}, **own, "grid": grid, **options}
    return {"description": SAMPLERS[name].summary, **_mapping(fields, ["sampler"])}


def _control() -> Schema:
    """A kind of control, or one with a label."""
    kinds = "|".join(controls.KINDS)
    says = "one of the kinds, for every sampler that it suits, or KIND:LABEL for one"
    return {"description": says, "type": "string", "pattern": f"^({kinds})(:.+)?$"}


def _claim() -> Schema:
    """A claim: one test, of one thing that is measured, or claims that are joined."""
    parts = {"all": {"type": "array", "minItems": 1, "items": _reference("claim")}}
    parts |= {"any": parts["all"], "not": _reference("claim")}
    inner = {"probe": keys.EXPECT_PROBE, "selection": keys.EXPECT_SELECTION, "trend": keys.EXPECT_TREND}
    fields = {name: _mapping(_options(options), _required(options)) for name, options in inner.items()}
    tests = [{"required": [name]} for name in (*TESTS, *JOINS)]
    return {**_mapping({**_options(keys.EXPECT), **fields, **parts}), "oneOf": tests}


def _space() -> Schema:
    """Paths, some of them nested, with their lists of values."""
    values: Schema = {"type": "array", "minItems": 1}
    nested: Schema = {"type": "object", "minProperties": 1, "additionalProperties": values}
    says = "paths such as optimizer.lr, or SAMPLER.option, each with a list of values to try"
    deep = {**nested, "additionalProperties": {"anyOf": [values, nested, NULL]}}
    return {"description": says, **deep}


def _budget() -> Schema:
    fields = _options(keys.BUDGET)
    units = [{"required": [unit]} for unit in keys.BUDGETS]
    return {
        **_mapping(fields),
        "oneOf": units,
        "dependentRequired": {"like": ["epochs"], "fraction": ["epochs"]},
    }


def _named(
    kinds: Mapping[str, Mapping[str, Option]], summaries: Mapping[str, str], parts: Sequence[str] = ()
) -> Schema:
    """A name, or a mapping with the name, its options and the parts that have a definition of their own."""
    more = {part: _nullable(_reference(part)) for part in parts}
    mappings = [
        {
            **_described(summaries.get(name)),
            **_mapping({"name": {"const": name}, **_options(options), **more}, ["name"]),
        }
        for name, options in kinds.items()
    ]
    return {"anyOf": [{"enum": list(kinds)}, *mappings]}


def _tagged(kinds: Mapping[str, Mapping[str, Option]]) -> Schema:
    """A name, or a mapping of the name to its options; what has `at` alone takes it directly."""
    choices: list[Schema] = []
    for name, options in kinds.items():
        if not any(option.required for option in options.values()):
            choices.append({"const": name})
        inner = _mapping(_options(options), _required(options))
        choices.append(_mapping({name: _option(options["at"]) if set(options) == {"at"} else inner}, [name]))
    return {"anyOf": choices}


def _loose(layer: Mapping[str, Schema]) -> Schema:
    """The keys of a layer, where a data set or a model may go without its name."""
    nameless = {"type": "object", "not": {"required": ["name"]}}
    return {
        key: {"anyOf": [schema, nameless]} if key in ("dataset", "model") else schema
        for key, schema in layer.items()
    }


def _options(options: Mapping[str, Option]) -> dict[str, Schema]:
    return {name: _option(option) for name, option in options.items()}


def _option(option: Option) -> Schema:
    schema = TypeAdapter(option.annotation).json_schema()
    if option.samples:
        batches = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?x$"}
        schema = {"anyOf": [{"type": "integer", "minimum": 1}, batches]}
    says = _described(option.expects)
    if option.required or option.default in (None, ""):
        return {**says, **_nullable(schema)}
    return {**says, "default": option.default, **_nullable(schema)}


def _required(options: Mapping[str, Option]) -> list[str]:
    return [name for name, option in options.items() if option.required]


def _described(text: str | None) -> Schema:
    return {"description": text} if text else {}


def _mapping(fields: Mapping[str, Schema], required: Sequence[str] = ()) -> Schema:
    schema: Schema = {"type": "object", "properties": dict(fields), "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [*(schema["anyOf"] if set(schema) == {"anyOf"} else [schema]), NULL]}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
