"""The reference tables as the parser of requests wants them: every way to name a place or a job, resolved."""

from widget_server.domain.query import Area, Centre
from widget_server.reference.occupations import Occupations
from widget_server.reference.places import Commune, Places


class ReferenceGazetteer:
    """Answers `domain.query.Gazetteer` from the tables that ship with the package."""

    def __init__(self, places: Places, occupations: Occupations) -> None:
        self._places = places
        self._occupations = occupations

    def current_romes(self, code: str) -> tuple[str, ...]:
        """The code itself when it is current, those that replace it when it is retired, () when unknown."""
        return self._occupations.current(code) or ()

    def similar_rome(self, code: str) -> str | None:
        """An existing code near a mistyped one, with its label."""
        near = self._occupations.nearest(code)
        return f"{near} ({self._occupations.label(near)})" if near else None

    def commune(self, insee: str) -> Centre | None:
        """The commune or arrondissement; retired codes give today's commune."""
        commune = self._places.commune(insee)
        return None if commune is None else _centre(commune, commune.name, (commune,), "insee", commune.insee)

    def postcode(self, postcode: str) -> Centre | None:
        """The most populous commune of a postcode that has a point; radius 0 means all of them."""
        communes = self._places.postcode(postcode)
        placed = next((commune for commune in communes if commune.latitude is not None), None)
        if placed is None:
            return None
        return _centre(placed, f"{postcode} {placed.name}", communes, "postcode", postcode)

    def point(self, latitude: float, longitude: float) -> Centre:
        """Any point of the globe, named after the nearest commune when there is one."""
        near = self._places.nearest(latitude, longitude)
        return Centre(
            label=near.name if near else f"{latitude}, {longitude}",
            latitude=latitude,
            longitude=longitude,
            municipalities=(near.municipality,) if near else (),
            departement=near.departement if near else None,
            region=near.region if near else None,
            given=(("latitude", latitude), ("longitude", longitude)),
        )

    def departement(self, code: str) -> Area | None:
        """A département by code."""
        found = self._places.departement(code)
        if found is None:
            return None
        return Area(
            label=f"{found.name} ({found.code})",
            departements=(found.code,),
            region=found.region,
            whole_region=False,
            given=(("departement", found.code),),
        )

    def region(self, code: str) -> Area | None:
        """A région by INSEE code."""
        found = self._places.region(code)
        if found is None:
            return None
        inside = tuple(each.code for each in self._places.departements() if each.region == found.code)
        return Area(
            label=found.name,
            departements=inside,
            region=found.code,
            whole_region=True,
            given=(("region", found.code),),
        )


def _centre(commune: Commune, label: str, all_of: tuple[Commune, ...], param: str, value: str) -> Centre | None:
    if commune.latitude is None or commune.longitude is None:
        return None
    return Centre(
        label=label,
        latitude=commune.latitude,
        longitude=commune.longitude,
        municipalities=tuple(dict.fromkeys(each.municipality for each in all_of)),
        departement=commune.departement,
        region=commune.region,
        given=((param, value),),
    )
