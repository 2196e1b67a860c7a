"""What may travel to a candidate's telephone: bytes, at brotli quality 11 for what is built."""

from collections.abc import Sequence
from typing import Final

import brotli

from widget_server.web.assets import Asset, Assets

PAGE: Final = 12_000
"""A page of twenty cards, with its style and the bridge in it, as it is sent."""


def built(assets: Assets) -> dict[str, tuple[int, Sequence[Asset]]]:
    """The most bytes of each thing that is built, and the files that it is made of."""
    return {
        "loader": (1_200, [assets.loader]),
        "inline bridge": (500, [assets.bridge]),
        "style": (5_000, [assets.style]),
        "list script": (4_000, [assets.script]),
        "map on demand, without tiles": (45_000, [assets.built("map", ".js"), assets.built("map", ".css")]),
    }


def packed(assets: Sequence[Asset]) -> int:
    """How many bytes these take together."""
    return sum(len(brotli.compress(asset.body, mode=brotli.MODE_TEXT, quality=11)) for asset in assets)
