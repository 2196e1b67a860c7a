"""Draw a plot as SVG: lines, points, intervals. Lines differ by dash and mark as well as by colour.

Presentation stands in attributes, so that a page needs no style of its own to show it, and text is escaped.
"""

from collections.abc import Iterator
from html import escape
from typing import Final

from widget_server.domain.sections import Plot, Series

WIDTH: Final = 340
"""So narrow that its text can be read on a telephone, where a page is 288 px wide."""
_LEFT, _RIGHT, _TOP, _HEIGHT, _BELOW, _ROW = 68, 28, 12, 210, 52, 22
_SIZE: Final = 14
_INK, _GRID, _PAPER = "#1e1e1e", "#d0d0d0", "#ffffff"
_COLOURS: Final = ("#0b4f9e", "#b3261e", "#1b6b3a", "#6a3d9a", "#8a5a00", "#444444")
"""Each has a contrast of 4.5 or more with the paper."""
_DASHES: Final = ("", "7 4", "2 3", "9 3 2 3", "4 4", "1 4")
_MARKS: Final = ("circle", "square", "triangle")
_APART: Final = 7
_FEW: Final = 15
"""Up to so many points are marked one by one."""


def draw(plot: Plot) -> str:
    """The plot as one SVG element, readable without any style sheet."""
    height = _TOP + _HEIGHT + _BELOW + _ROW * len(plot.series) + 6
    told = f"{plot.title}. {plot.told}"
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'font-family="system-ui, sans-serif" font-size="{_SIZE}" fill="{_INK}">',
            f"<title>{escape(told)}</title>",
            f'<rect width="{WIDTH}" height="{height}" fill="{_PAPER}"/>',
            *_axes(plot),
            *_lines(plot),
            *_legend(plot),
            "</svg>",
        ]
    )


def _x(plot: Plot, value: float) -> float:
    places = len(plot.x_ticks)
    # Places of a few labels stand away from the axes, so that their intervals can be seen.
    share = (value + 0.5) / places if places else value
    return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)


def _y(plot: Plot, value: float) -> float:
    return round(_TOP + _HEIGHT * (1 - min(1.0, max(0.0, value / plot.y_most))), 1)


def _axes(plot: Plot) -> Iterator[str]:
    bottom = _TOP + _HEIGHT
    for step in range(5):
        value = plot.y_most * step / 4
        y = _y(plot, value)
        yield f'<path d="M{_LEFT} {y}H{WIDTH - _RIGHT}" stroke="{_GRID}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{_number(value, plot.y_most)}</text>'
    ticks = list(enumerate(plot.x_ticks)) if plot.x_ticks else [(step / 4, _percent(step / 4)) for step in range(5)]
    for place, label in ticks:
        x = _x(plot, place)
        yield f'<path d="M{x} {bottom}v5" stroke="{_INK}"/>'
        yield f'<text x="{x}" y="{bottom + 20}" text-anchor="middle">{escape(label)}</text>'
    yield f'<path d="M{_LEFT} {_TOP}V{bottom}H{WIDTH - _RIGHT}" fill="none" stroke="{_INK}"/>'
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    yield f'<text x="{middle}" y="{bottom + 41}" text-anchor="middle">{escape(plot.x_label)}</text>'
    side = _TOP + _HEIGHT / 2
    yield f'<text transform="translate(13 {side}) rotate(-90)" text-anchor="middle">{escape(plot.y_label)}</text>'
    if plot.diagonal:
        yield (
            f'<path d="M{_x(plot, 0)} {_y(plot, 0)}L{_x(plot, 1)} {_y(plot, 1)}" stroke="#767676" '
            'stroke-dasharray="1 3" fill="none"/>'
        )


def _lines(plot: Plot) -> Iterator[str]:
    for nth, series in enumerate(plot.series):
        aside = _aside(plot, nth)
        points = [(round(_x(plot, x) + aside, 1), _y(plot, y)) for x, y in zip(series.x, series.y, strict=True)]
        path = "L".join(f"{x} {y}" for x, y in points)
        if points:
            yield f'<path d="M{path}" fill="none" {_stroke(nth)}/>'
        if series.low and series.high:
            yield from _intervals(plot, series, nth)
        if len(points) <= _FEW:
            yield from (_mark(nth, x, y) for x, y in points)


def _aside(plot: Plot, nth: int) -> float:
    """Series over the same few places stand side by side, so that no interval hides another."""
    return (nth - (len(plot.series) - 1) / 2) * _APART if plot.x_ticks else 0.0


def _intervals(plot: Plot, series: Series, nth: int) -> Iterator[str]:
    for x, low, high in zip(series.x, series.low, series.high, strict=True):
        if low is not None and high is not None:
            at = round(_x(plot, x) + _aside(plot, nth), 1)
            colour = _COLOURS[nth % len(_COLOURS)]
            yield f'<path d="M{at} {_y(plot, low)}V{_y(plot, high)}" stroke="{colour}" stroke-width="1.5"/>'


def _legend(plot: Plot) -> Iterator[str]:
    top, left = _TOP + _HEIGHT + _BELOW, 8
    for nth, series in enumerate(plot.series):
        y = top + _ROW * nth + 12
        yield f'<path d="M{left} {y - 4}h34" fill="none" {_stroke(nth)}/>'
        if len(series.x) <= _FEW:
            yield _mark(nth, left + 17, y - 4)
        yield f'<text x="{left + 42}" y="{y}">{escape(series.name)}</text>'


def _stroke(nth: int) -> str:
    dash = _DASHES[nth % len(_DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'stroke="{_COLOURS[nth % len(_COLOURS)]}" stroke-width="2"{dashed}'


def _mark(nth: int, x: float, y: float) -> str:
    colour = _COLOURS[nth % len(_COLOURS)]
    match _MARKS[nth % len(_MARKS)]:
        case "circle":
            return f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>'
        case "square":
            return f'<rect x="{x - 3}" y="{y - 3}" width="6" height="6" fill="{colour}"/>'
        case _:
            return f'<path d="M{x} {y - 4}l4 7h-8z" fill="{colour}"/>'


def _percent(value: float) -> str:
    return f"{value:.0%}".replace("%", "\u00a0%")


def _number(value: float, most: float) -> str:
    """A share of something small needs decimals."""
    return f"{value:.2f}".replace(".", ",") if most < 1 else _percent(value)
