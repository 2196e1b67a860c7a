"""What partners paste into their pages: the forms of the tag, the height that they reserve, the policy that they need.

Form A works without a script. Its height is what keeps the host page from moving while the list arrives: too high costs
nothing, too low moves what stands below.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final
from urllib.parse import urlencode

from widget_server.domain.query import BY_NAME
from widget_server.web.language import Language
from widget_server.web.visits import LIST_PATH

SANDBOX: Final = "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox"
"""`allow-same-origin` gives the frame an origin by which messages are checked; the popups are links in new tabs."""
AROUND_PX: Final = 1000
PER_CARD_PX: Final = 350
"""What stands around the cards, and a card, on a screen of 360 px: a browser test compares them with the real page."""


def reserved_height_px(cards: int) -> int:
    """The height to reserve for so many cards: that on a telephone, since a wider list is only lower."""
    return AROUND_PX + PER_CARD_PX * cards


def frame_title(t: Language, job: str, place: str) -> str:
    """What a screen reader says of the frame: specific, since a page may hold several."""
    what = ", ".join(part for part in (job, place) if part)
    return (
        t("Offres et formations en alternance : {what}", what=what) if what else t("Offres et formations en alternance")
    )


def form_a(url: str, title: str, *, height_px: int) -> str:
    """The element with its frame. The script that sizes it is the partner's to add."""
    return (
        f'<alternance-widget><iframe src="{escape(url)}" title="{escape(title)}" width="100%" height="{height_px}" '
        f'loading="lazy" referrerpolicy="strict-origin" sandbox="{SANDBOX}"></iframe></alternance-widget>'
    )


@dataclass(frozen=True, kw_only=True)
class Pasted:
    """One list as partners put it into their pages, in each of the forms of the tag.

    base      how browsers reach this server
    query     the parameters of the list, the shortest that say it
    title     what a screen reader says of the frame
    host      what only the loader reads (`loading`, `sizing`), where it is not the default
    pinned    the loader of one release with its hash; None for the one that moves
    """

    base: str
    query: tuple[tuple[str, str], ...]
    title: str
    height_px: int
    host: Mapping[str, str] = field(default_factory=dict)
    pinned: tuple[str, str] | None = None

    @property
    def url(self) -> str:
        """The address of the list, which is also a page that can be linked to."""
        return f"{self.base}{LIST_PATH}" + (f"?{urlencode(self.query, safe=',')}" if self.query else "")

    def script(self, attributes: Mapping[str, str] | None = None) -> str:
        """The loader's element."""
        url, integrity = self.pinned or (f"{self.base}/embed/v1.js", "")
        told = {"integrity": integrity, "crossorigin": "anonymous"} if integrity else {}
        rest = "".join(
            f"\n  {_attributes({name: value}).strip()}" for name, value in (told | dict(attributes or {})).items()
        )
        return f'<script async src="{escape(url)}"{rest}></script>'

    def form_a(self) -> str:
        """A frame inside the element: the list without any script, and the script that sizes it."""
        sizing = {"sizing": self.host["sizing"]} if "sizing" in self.host else {}
        room = {"width": "100%", "height": str(self.height_px), "loading": self.host.get("loading", "lazy")}
        lines = (
            {"src": self.url},
            {"title": self.title},
            room,
            {"referrerpolicy": "strict-origin"},
            {"sandbox": SANDBOX},
        )
        frame = "\n    ".join(_attributes(line).strip() for line in lines)
        element = f"<alternance-widget{_attributes(sizing)}>\n  <iframe {frame}></iframe>\n</alternance-widget>"
        return f"{element}\n{self.script()}"

    def form_b(self) -> str:
        """The element with attributes, the room that it takes, and the link that stands in for it."""
        room = f"<style>alternance-widget{{display:block;min-height:{self.height_px}px}}</style>\n"
        link = f'  <a href="{escape(self.url)}">{escape(self.title)}</a>\n'
        named = "\n  ".join(_attributes({name: value}).strip() for name, value in self._named().items())
        return f"{room}<alternance-widget {named}>\n{link}</alternance-widget>\n{self.script()}"

    def form_c(self) -> str:
        """The script alone. It needs a partner: that is how it knows that it has to make an element."""
        return self.script({f"data-{name}": value for name, value in self._named().items()})

    def _named(self) -> dict[str, str]:
        """The parameters as attributes of the element."""
        named = {BY_NAME[name].attribute or name: value for name, value in self.query if BY_NAME[name].attribute}
        return named | {"height": str(self.height_px)} | dict(self.host)


def csp_lines(base: str) -> tuple[str, ...]:
    """What the policy of a host page has to allow, whatever the form."""
    return (f"script-src {base};", f"frame-src {base};")


def _attributes(values: Mapping[str, str]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in values.items())
