"""The plan of a results folder: blocks of cells, pilots, and the cards of the arms (`plan.json`)."""

from isbench.store.records import Cell, Record


class Card(Record):
    """What report and tables must know of an arm's sampler without importing it."""

    label: str
    name: str
    summary: str
    paper: str
    unbiased: bool
    cost: str
    deviations: tuple[str, ...] = ()
    start: str = "none"


class Block(Record):
    """One seed, one variant, one budget, every sampler: the unit of pairing and of distribution."""

    seed: int
    variant: str
    budget: str
    cells: tuple[str, ...]
    labels: tuple[str, ...]


class Pilot(Record):
    """Three cells of a baseline on seeds of their own; `seconds`, once measured, is the frozen budget."""

    budget: str
    variant: str
    like: str
    cells: tuple[str, ...]
    seconds: float | None = None


class Plan(Record):
    """What a recipe amounts to (`plan.json`)."""

    schema_version: int = 1
    name: str
    profile: str
    recipe: str
    recipe_file: str  # as it was asked for
    recipe_place: str = ""  # as seen from the results folder
    machine: str
    primary_label: str = "uniform"
    record: tuple[str, ...]
    cells: dict[str, Cell]
    pilots: tuple[Pilot, ...] = ()
    blocks: tuple[Block, ...] = ()
    cards: tuple[Card, ...] = ()
    notes: tuple[str, ...] = ()

    def placed(self, block: Block) -> list[Cell]:
        """The cells of a block under its own names; blocks may share a cell, whose identity has no names."""
        return [
            self.cells[identity].named(label, block.budget, block.variant)
            for identity, label in zip(block.cells, block.labels, strict=True)
        ]
