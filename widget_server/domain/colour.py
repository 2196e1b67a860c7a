"""Turn a partner's accent colour into a palette in which every text and every control can be read.

Contrast is that of WCAG 2: (L1 + 0.05) / (L2 + 0.05) of the relative luminances of two sRGB colours. Text needs 4.5:1,
focus rings and the borders of controls need 3:1. Colours are six lower-case hexadecimal digits, without "#".
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

Scheme = Literal["light", "dark"]

TEXT_RATIO: Final = 4.5
CONTROL_RATIO: Final = 3.0
DEFAULT_ACCENT: Final = "0b5cad"
_DIGITS: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True, kw_only=True)
class Surfaces:
    """The part of a palette that no partner can change. `panel` carries the filters, `line` only decorates."""

    page: str
    panel: str
    text: str
    muted: str
    border: str
    line: str


SURFACES: Final[dict[Scheme, Surfaces]] = {
    "light": Surfaces(page="ffffff", panel="f5f7f9", text="1f2328", muted="57606a", border="767676", line="dde1e6"),
    "dark": Surfaces(page="16191d", panel="1f242a", text="f0f3f6", muted="b1bac4", border="8b949e", line="363d45"),
}


@dataclass(frozen=True, kw_only=True)
class Palette:
    """Every colour of the page in one scheme.

    accent       as the partner gave it: the ground of the main button
    on_accent    black or white, whichever reads better on it (never below 4.58:1, the square root of 21)
    accent_text  links: the accent, darkened or lightened until it reads on every surface
    accent_edge  focus rings and borders of buttons: the same, until it can be seen
    adjusted     whether the accent had to be changed anywhere
    """

    surfaces: Surfaces
    accent: str
    on_accent: str
    accent_text: str
    accent_edge: str
    adjusted: bool


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two colours that meet on the page, and the contrast that they owe."""

    name: str
    ink: str
    ground: str
    minimum: float


@lru_cache(maxsize=1024)
def make_palette(accent: str, scheme: Scheme) -> Palette:
    """The palette for an accent of six hexadecimal digits. `ValueError` when it is not that."""
    surfaces = SURFACES[scheme]
    grounds = (surfaces.page, surfaces.panel)
    text = _readable(accent, grounds, TEXT_RATIO, scheme)
    edge = _readable(accent, grounds, CONTROL_RATIO, scheme)
    return Palette(
        surfaces=surfaces,
        accent=accent,
        on_accent=max(("ffffff", "000000"), key=lambda ink: contrast(ink, accent)),
        accent_text=text,
        accent_edge=edge,
        adjusted=text != accent,
    )


def pairs(palette: Palette) -> tuple[Pair, ...]:
    """Every pair of colours that the style sheet puts together."""
    surfaces = palette.surfaces
    found = [Pair(name="on-accent/accent", ink=palette.on_accent, ground=palette.accent, minimum=TEXT_RATIO)]
    for name, ground in (("page", surfaces.page), ("panel", surfaces.panel)):
        found += [
            Pair(name=f"text/{name}", ink=surfaces.text, ground=ground, minimum=TEXT_RATIO),
            Pair(name=f"muted/{name}", ink=surfaces.muted, ground=ground, minimum=TEXT_RATIO),
            Pair(name=f"accent-text/{name}", ink=palette.accent_text, ground=ground, minimum=TEXT_RATIO),
            Pair(name=f"accent-edge/{name}", ink=palette.accent_edge, ground=ground, minimum=CONTROL_RATIO),
            Pair(name=f"border/{name}", ink=surfaces.border, ground=ground, minimum=CONTROL_RATIO),
        ]
    return tuple(found)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, from 1 to 21. https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    dark, light = sorted((_luminance(_channels(one)), _luminance(_channels(other))))
    return (light + 0.05) / (dark + 0.05)


def _readable(colour: str, grounds: tuple[str, ...], minimum: float, scheme: Scheme) -> str:
    """The colour itself, or the nearest mix with black (white in a dark scheme) that reaches the ratio everywhere."""
    towards = 0 if scheme == "light" else 255
    start = _channels(colour)
    for step in range(101):
        mixed = "".join(f"{round(value + (towards - value) * step / 100):02x}" for value in start)
        if all(contrast(mixed, ground) >= minimum for ground in grounds):
            return mixed
    raise ValueError(f"no mix of {colour} reaches {minimum} on {grounds}")


def _channels(colour: str) -> tuple[int, int, int]:
    # int() alone would take "+1", " f" and "1_1".
    if len(colour) != 6 or not set(colour) <= _DIGITS:
        raise ValueError(f"{colour!r} is not six hexadecimal digits")
    return int(colour[:2], 16), int(colour[2:4], 16), int(colour[4:], 16)


def _luminance(channels: tuple[int, int, int]) -> float:
    """Relative luminance of an sRGB colour. https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    red, green, blue = (_linear(channel / 255) for channel in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(share: float) -> float:
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)
