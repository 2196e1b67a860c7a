"""What each reference table holds, of which date, from whom."""

import msgspec

from widget_server.reference.tables import FOLDER


class Vintage(msgspec.Struct, frozen=True, kw_only=True):
    """What a table holds, of which date, from whom."""

    name: str
    rows: int
    sha256: str
    vintage: str
    source: str
    licence: str


def vintages() -> list[Vintage]:
    """Every table's vintage, for `doctor` and for manifests."""
    return msgspec.json.decode((FOLDER / "vintages.json").read_bytes(), type=list[Vintage])
