"""Recipes: what a benchmark compares, read from YAML."""

from isbench.recipe.editor import json_schema
from isbench.recipe.facts import check_facts
from isbench.recipe.find import shipped
from isbench.recipe.schema import Arm, BudgetSpec, Recipe, Setting
from isbench.recipe.source import Source, load, open_recipe

__all__ = [
    "Arm",
    "BudgetSpec",
    "Recipe",
    "Setting",
    "Source",
    "check_facts",
    "json_schema",
    "load",
    "open_recipe",
    "shipped",
]
