"""How each arm is drawn, in every figure of every page alike: its colour is its sampler's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

from isbench.report.frames import Results
from isbench.store.plans import Card
from isbench.store.records import Cell, SamplerSpec

BLACK, GREY = "#000000", "#767676"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#882255", "#7f7f2f")
BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE, WINE, OLIVE = PALETTE
COLORS = {  # by sampler, so that those that papers compare with each other differ
    **dict.fromkeys(("uniform", "uniform-iid", "uniform-presample", "uniform-budget"), GREY),
    **dict.fromkeys(("gradient-norm", "dlis-gradient", "memory-is", "prioritized-rank"), BLUE),
    **dict.fromkeys(("selective-backprop", "active-bias-spd"), BLUE),
    **dict.fromkeys(("highest-loss", "dlis-loss", "impon", "active-bias-wpd"), VERMILION),
    **dict.fromkeys(("dlis", "gradient-norm-rank", "selective-backprop-composer", "active-bias-isd"), GREEN),
    **dict.fromkeys(("memory-as", "dlis-constant-variance", "active-bias-sd"), PURPLE),
    **dict.fromkeys(("gradient-norm-cdf", "prioritized", "active-bias-wd", "selective-backprop-stale"), SKY),
    **dict.fromkeys(("highest-loss-cdf", "online-batch", "low", "impon-low", "active-bias-stc"), ORANGE),
    **dict.fromkeys(("highest-loss-rank", "biased", "biased-lstm", "memory-weight", "unhandled"), WINE),
    **dict.fromkeys(("c-sgd", "active-bias-wtc"), WINE),
    **dict.fromkeys(("p-sgd", "dlis-constant-time"), OLIVE),
}
BASELINE = (0, (4, 2))  # dashed is the baseline's own
DASHES = ("-", "-.", (0, (1, 1)), (0, (6, 1, 1, 1, 1, 1)))  # of arms that share a colour, in order
CONTROLS = {  # their markers and lines: they take the colour of the arm that they are a control of
    "placebo": ("s", (0, (1, 1))),
    "free": ("^", (0, (5, 1))),
    "aa": ("D", (0, (1, 1))),
    "presample": ("v", (0, (3, 1, 1, 1))),
}


@dataclass(frozen=True)
class Look:
    """How an arm is drawn, in every figure alike."""

    color: str
    dash: Any  # a line style of matplotlib
    mark: str  # an id that ties together all that is drawn of an arm
    marker: str = "o"
    control: bool = False

    @property
    def swatch(self) -> str:
        """What its line is called in a style sheet."""
        dotted = self.dash in ((0, (1, 1)), "-.", DASHES[3])
        return "solid" if self.dash == "-" else "dotted" if dotted else "dashed"

    def line(self, **more: Any) -> dict[str, Any]:
        """Keyword arguments of a line."""
        return {"color": self.color, "linestyle": self.dash, "gid": self.mark} | more


def looks(results: Results) -> dict[str, Look]:
    """The look of each label: baseline black dashed, a sweep as a sequence, others by their samplers."""
    cards = {card.label: card for card in results.plan.cards}
    sweep = thresholds(results) or banks(results)
    shades = colormaps["viridis"](np.linspace(0.05, 0.85, len(sweep)))
    colors = {label: to_hex(shade) for label, shade in zip(sweep, shades, strict=True)}
    found: dict[str, Look] = {}
    place = 0
    for label in sorted(results.labels, key=lambda each: bool(cards[each].control) if each in cards else 0):
        if label == results.baseline:
            found[label] = Look(BLACK, BASELINE, "arm0")
            continue
        place += 1
        card = cards.get(label)
        if card is not None and card.control:
            marker, dash = CONTROLS[card.control]
            color = found[card.of].color if card.of in found else color_of(card.name)
            found[label] = Look(color, dash, f"arm{place}", marker, True)
            continue
        color, dash = _unused(found, colors.get(label) or color_of(card.name if card else label))
        found[label] = Look(color, dash, f"arm{place}")
    return {label: found[label] for label in results.labels}


def _unused(found: dict[str, Look], color: str) -> tuple[str, Any]:
    """A colour and a dash that no arm has yet: another colour only where all dashes are taken."""
    taken = {(look.color, look.dash) for look in found.values()}
    pairs = [(each, dash) for each in (color, *PALETTE) for dash in DASHES]
    return next((pair for pair in pairs if pair not in taken), pairs[len(found) % len(pairs)])


def color_of(name: str) -> str:
    """The colour of a sampler; one of somebody's own has its own as long as its name stays."""
    return COLORS.get(name) or PALETTE[crc32(name.encode()) % len(PALETTE)]


def thresholds(results: Results) -> dict[str, float]:
    """Label -> threshold, rising, where all arms but the baseline differ in their start threshold only."""
    arms = _arms(results)
    starts = {label: cell.sampler.start.options.get("below") for label, cell in arms.items()}
    values = {label: float(value) for label, value in starts.items() if isinstance(value, int | float)}
    kinds = {_but_threshold(cell) for cell in arms.values()}
    if len(values) < 2 or len(values) != len(arms) or len(kinds) != 1:
        return {}
    return dict(sorted(values.items(), key=lambda item: item[1]))


def banks(results: Results) -> dict[str, float]:
    """Label -> bank, rising, where all arms but the baseline differ in the option `bank` only."""
    arms, cards = _arms(results), {card.label: card for card in results.plan.cards}
    found = {label: cards[label].options.get("bank") for label in arms if label in cards}
    values = {label: float(value) for label, value in found.items() if isinstance(value, int | float)}
    kinds = {_but_bank(arms[label], cards[label]) for label in values}
    if len(values) < 2 or len(values) != len(arms) or len(kinds) != 1:
        return {}
    return dict(sorted(values.items(), key=lambda item: item[1]))


def _arms(results: Results) -> dict[str, Cell]:
    """A cell of each arm but the baseline."""
    arms: dict[str, Cell] = {}
    for run in results.runs:
        if run.cell.sampler.label != results.baseline:
            arms.setdefault(run.cell.sampler.label, run.cell)
    return arms


def _but_bank(cell: Cell, card: Card) -> tuple[str, ...]:
    others = {name: value for name, value in card.options.items() if name != "bank"}
    bare = SamplerSpec(label="", name=card.name, options=others, start=cell.sampler.start)
    return bare.model_dump_json(), cell.optimizer.model_dump_json(), cell.schedule.model_dump_json()


def _but_threshold(cell: Cell) -> str:
    start = cell.sampler.start
    others = {name: value for name, value in start.options.items() if name != "below"}
    bare = start.model_copy(update={"options": others})
    return cell.sampler.model_copy(update={"label": "", "start": bare}).model_dump_json()
