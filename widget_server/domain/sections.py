"""A document of sections: paragraphs, tables and plots as data, so that a file and a page say the same."""

import msgspec


class Series(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a plot; `low` and `high` are an interval around each point, None where there is none."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


class Plot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Lines over two axes that begin at 0.

    name        of its file, without an ending
    told        what it shows, for those who cannot see it
    diagonal    draw what would be perfect, or equal
    x_ticks     labels of the places 0, 1, 2 … of the x axis; () for shares from 0 to 1
    y_most      the end of the y axis
    """

    name: str
    title: str
    told: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    diagonal: bool = False
    x_ticks: tuple[str, ...] = ()
    y_most: float = 1.0


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of text under a header; the first cell of each row names it."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Section(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A heading and what stands below it: paragraphs, then points, then tables, then plots."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()


class Sections(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole document. `demonstration`: what it tells of is fictitious."""

    title: str
    sections: tuple[Section, ...]
    demonstration: bool = False
