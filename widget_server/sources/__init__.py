"""One file per source: its upstream calls, its payload, its mapping to cards, its kind. `SOURCES` lists them."""

from collections.abc import Mapping
from typing import Final

from widget_server.sources.kit.source import Source
from widget_server.sources.offers import Offers
from widget_server.sources.offers_aa import OffersAA
from widget_server.sources.recruiters import Recruiters
from widget_server.sources.recruiters_aa import RecruitersAA
from widget_server.sources.recruiters_lbb import RecruitersLBB
from widget_server.sources.trainings import Trainings
from widget_server.sources.trainings_aa import TrainingsAA

SOURCES: Final[Mapping[str, Source]] = {
    source.declaration.name: source
    for source in (
        Trainings(),
        TrainingsAA(),
        Offers(),
        OffersAA(),
        Recruiters(),
        RecruitersAA(),
        RecruitersLBB(),
    )
}
"""Every source by name. The setting SOURCES says which of them are synced and shown, and in which order."""
