"""From a recipe to blocks of cells: who runs with which seed, in which order, for how long."""

from isbench.plan.cells import Ground, make_cell, plan_block, spent
from isbench.plan.make import make_plan
from isbench.plan.pilots import Frozen, pilot_key

__all__ = ["Frozen", "Ground", "make_cell", "make_plan", "pilot_key", "plan_block", "spent"]
