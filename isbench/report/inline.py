"""Figures as parts of a page: no addresses, ids of their own, and colours that follow the theme."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterable

from markupsafe import Markup, escape

from isbench.report.figures.style import Picture

PAPER, NIGHT = "#ffffff", "#15181c"  # what figures are drawn on, and the page by night
INK_BY_NIGHT = "#e8eaed"
GREYISH = 20  # how far apart the channels of a grey may be, of 255
READABLE = 3.6  # contrast of a line with what it is drawn on
PALE = 0.82  # lightness from which a colour is a ground, and dark by night
CROWDED = 40  # colours, from which a figure is a map of colours, which keeps them

COLOR = re.compile(r"((?:fill|stroke|stop-color): ?)#([0-9a-f]{6})")


def inline(svg: str, picture: Picture) -> Markup:
    """An SVG as part of a page: scaled to it, its colours by name (see `tones`)."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", body).replace("xlink:href", "href")
    body = re.sub(r'\bid="([^"]+)"', rf'id="{picture.name}-\1"', body)
    body = re.sub(r'url\(#|href="#', lambda found: f"{found[0]}{picture.name}-", body)
    body = re.sub(r' fill="(#[0-9a-f]{6})"', r' style="fill: \1"', body)  # of hatches
    crowded = len({found[2] for found in COLOR.finditer(body)}) > CROWDED
    body = COLOR.sub(lambda found: found[0] if crowded and not _grey(found[2]) else _named(found), body)
    head, rest = body.split(">", 1)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    return Markup(f'{head} role="img" aria-label="{escape(picture.caption)}">{rest}')


def tones(texts: Iterable[str]) -> dict[str, str]:
    """What the named colours of some texts are by night, by what they are by day."""
    named = {f"#{code}" for text in texts for code in re.findall(r"var\(--c-([0-9a-f]{6})\)", text)}
    return {color: by_night(color) for color in sorted(named)}


def tone(color: str) -> str:
    """A colour by its name."""
    return f"var(--c-{color.removeprefix('#')})"


def by_night(color: str) -> str:
    """The colour that does by night what this one does by day: greys trade places, others get lighter."""
    channels = _channels(color.removeprefix("#"))
    if _grey(color.removeprefix("#")):
        share = sum(channels) / (3 * 255)
        ends = zip(_channels(INK_BY_NIGHT[1:]), _channels(NIGHT[1:]), strict=True)
        return _code([ink + share * (night - ink) for ink, night in ends])
    hue, light, saturation = colorsys.rgb_to_hls(*(value / 255 for value in channels))
    if light > PALE:
        return _code([255 * value for value in colorsys.hls_to_rgb(hue, 0.22, 0.5 * saturation)])
    found = color
    while contrast(found, NIGHT) < READABLE:
        light += 0.02
        found = _code([255 * value for value in colorsys.hls_to_rgb(hue, light, saturation)])
    return found


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21, as the accessibility guidelines define it."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _named(found: re.Match[str]) -> str:
    return found[1] + tone(found[2])


def _grey(code: str) -> bool:
    channels = _channels(code)
    return max(channels) - min(channels) < GREYISH


def _channels(code: str) -> list[int]:
    return [int(code[at : at + 2], 16) for at in (0, 2, 4)]


def _code(channels: Iterable[float]) -> str:
    return "#" + "".join(f"{round(value):02x}" for value in channels)


def _luminance(color: str) -> float:
    shares = [value / 255 for value in _channels(color.removeprefix("#"))]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
