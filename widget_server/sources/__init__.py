"""One file per source: its upstream calls, its payload, its mapping to cards, its kind. `SOURCES` lists them."""

from collections.abc import Mapping
from typing import Final

from widget_server.sources.offers import Offers
from widget_server.sources.recruiters import Recruiters
from widget_server.sources.source import Source
from widget_server.sources.trainings import Trainings

SOURCES: Final[Mapping[str, Source]] = {
    source.declaration.name: source for source in (Trainings(), Offers(), Recruiters())
}
"""Every source by name, in the order of the list."""
