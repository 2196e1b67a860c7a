"""What partners paste into their pages: form A of the tag, and the height that it reserves.

Form A works without a script. Its height is what keeps the host page from moving while the list arrives: too high costs
nothing, too low moves what stands below.
"""

from html import escape
from typing import Final

from widget_server.web.language import Language

SANDBOX: Final = "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox"
"""`allow-same-origin` gives the frame an origin by which messages are checked; the popups are links in new tabs."""
AROUND_PX: Final = 850
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
