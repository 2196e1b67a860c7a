"""Links of a page: the same partner and the same look, another search or one of its cards."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from widget_server.domain.query import PLACE_NAMES, SearchRequest
from widget_server.web.document import LOOK, Shell
from widget_server.web.typed import Choice

_REMOVABLE: Final = ("level", "contract")
_TAKEN_AWAY: Final = ("level", "contract")
_PLACES: Final = frozenset(PLACE_NAMES)


class Urls:
    """The addresses that a page leads to, relative to the server's own path."""

    def __init__(self, shell: Shell, request: SearchRequest) -> None:
        root = urlsplit(shell.base_url).path.rstrip("/")
        self.list_path = root + shell.list_path
        self._card_path = root + shell.card_path
        self.query = request.canonical()
        self.look = _look_pairs(request)
        self._terms = request.terms

    def list(self, **changes: object) -> str:
        """The list with some parameters changed; None removes one."""
        return self.other(self.query | {"page": 1} | changes)

    def oembed(self, public_url: str) -> str | None:
        """Where another site learns how to show this list; None when this server has no address of its own."""
        return f"{public_url}/oembed?url={quote(public_url + self.here(), safe='')}" if public_url else None

    def page(self, number: int) -> str:
        """Another page of the same list."""
        return self.list(page=number)

    def here(self) -> str:
        """The same list at the same page."""
        return self.other(self.query)

    def view(self, view: str) -> str:
        """The same list, with the map first or without it."""
        kept = [(name, value) for name, value in self.look if name != "view"]
        return self._address(self.query, [*kept, *([] if view == self._terms.default("view") else [("view", view)])])

    def other(self, query: Mapping[str, object]) -> str:
        """Another search in the same look."""
        return self._address(query, self.look)

    def choice(self, choice: Choice) -> str:
        """The same search with what a choice stands for; a choice of place replaces the whole place."""
        names = {name for name, _ in choice.query}
        replaced = {"romes"} if "romes" in names else _PLACES
        kept: dict[str, object] = {name: value for name, value in self.query.items() if name not in replaced}
        return self.other(kept | dict(choice.query) | {"page": 1})

    def elsewhere(self, place: Mapping[str, object]) -> str:
        """The same search in another place."""
        kept: dict[str, object] = {name: value for name, value in self.query.items() if name not in _PLACES}
        return self.other(kept | dict(place) | {"page": 1})

    def other_language(self, code: str) -> str:
        """The same list in another language."""
        look = [(name, value) for name, value in self.look if name != "lang"]
        return self._address(self.query, [*look, *([] if code == self._terms.default("lang") else [("lang", code)])])

    def card(self, card_id: str) -> str:
        """The detail page of a card, which leads back to this list."""
        return f"{self._card_path}{quote(card_id, safe=':')}?{self._encoded(self.query, self.look)}"

    def _address(self, query: Mapping[str, object], look: Sequence[tuple[str, str]]) -> str:
        encoded = self._encoded(query, look)
        return f"{self.list_path}?{encoded}" if encoded else self.list_path

    def _encoded(self, query: Mapping[str, object], look: Sequence[tuple[str, str]]) -> str:
        pairs = [(name, _said(value)) for name, value in query.items() if value is not None]
        kept = [(name, value) for name, value in pairs if value != self._terms.default(name)]
        # The visitor took a filter of the partner's away: only an empty one says so.
        kept += [(name, "") for name in _REMOVABLE if name in self._terms.defaults and name not in dict(pairs)]
        return urlencode([*kept, *look], safe=",")


def safe_url(url: str | None) -> str | None:
    """The address itself when a browser may follow it from our page: http or https with a host. None otherwise."""
    if not url or any(char <= " " or char in '\\"<>' for char in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname and not parts.username else None


def _look_pairs(request: SearchRequest) -> list[tuple[str, str]]:
    """Everything of a request that is not the search itself, where it differs from the default."""
    pairs = [("partner", request.partner)] if request.partner else []
    pairs += [(name, request.look.get(name, "")) for name in LOOK]
    pairs += [("lock", ",".join(request.lock))]
    return [(name, value) for name, value in pairs if value and value != request.terms.default(name)]


def _said(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
