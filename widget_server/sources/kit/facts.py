"""Say things on the detail page: every text cleaned, every link checked, what is empty left out."""

from collections.abc import Iterable, Iterator

from widget_server.domain.cards import Fact
from widget_server.sources.kit.text import line, link, text


def said(name: str, label: str, told: str | None) -> Fact:
    """A fact that is a text of any length, in paragraphs."""
    return Fact(name=name, label=label, text=text(told))


def linked(name: str, label: str, told: str | None) -> Fact:
    """A fact that is a link, when it is a web address; anything else, such as the opaque logos of old rows, is none."""
    return Fact(name=name, label=label, url=link(told))


def listed(name: str, label: str, told: Iterable[str | None]) -> Fact:
    """A fact that is a list of short texts."""
    return Fact(name=name, label=label, items=tuple(item for item in map(line, told) if item))


def answered(name: str, label: str, told: bool | None) -> Fact:
    """A fact that is yes or no."""
    return Fact(name=name, label=label, text=None if told is None else "Oui" if told else "Non")


def filled(facts: Iterable[Fact]) -> Iterator[Fact]:
    """Those that say something."""
    return (fact for fact in facts if fact.text or fact.items or fact.url)
