"""Whose map a visitor may ask for: the tile server that the operator chose, if any."""

import re
from typing import Final
from urllib.parse import urlsplit

import msgspec

from widget_server.domain.errors import SettingError
from widget_server.settings import Settings
from widget_server.web.assets import Assets

_TILE_URL: Final = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?/[A-Za-z0-9./_~:&=?%+{}-]*")
"""Its origin goes into a policy, the whole into an attribute: nothing in it may end either."""


class Tiles(msgspec.Struct, frozen=True, kw_only=True):
    """Whose map a visitor may ask for, and what shows it.

    url             address of a tile, with {z}, {x} and {y}
    script, style   our own files, loaded on a click
    """

    url: str
    credit: str
    script: str
    style: str

    @property
    def origin(self) -> str:
        """Where tiles come from, as a policy names it."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def host(self) -> str:
        """Where tiles come from, as people write it."""
        return urlsplit(self.url).netloc


def read_tiles(settings: Settings, assets: Assets) -> Tiles | None:
    """The tile server that the operator chose; `SettingError` for an address that is none."""
    if not settings.tile_url:
        return None
    wanted = all(field in settings.tile_url for field in ("{z}", "{x}", "{y}"))
    if not wanted or not _TILE_URL.fullmatch(settings.tile_url):
        raise SettingError(
            f"TILE_URL: {settings.tile_url!r} is not the address of a tile, "
            "for example https://tiles.example/{z}/{x}/{y}.png"
        )
    return Tiles(
        url=settings.tile_url,
        credit=settings.tile_credit,
        script=f"/assets/{assets.built('map', '.js').name}",
        style=f"/assets/{assets.built('map', '.css').name}",
    )
