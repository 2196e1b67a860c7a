"""A France Travail small enough to know every offer of: it answers searches, and a test moves its offers meanwhile."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from tests.contract.upstream_fakes import answer, token

DAWN = datetime(2026, 11, 1, tzinfo=UTC)
PAGE = 150
WINDOW = 3150
NATURES = {"E2": "Contrat apprentissage", "FS": "Cont. professionnalisation"}

Params = Mapping[str, str]


@dataclass(frozen=True)
class Ad:
    """An offer; the higher its number, the younger it is."""

    number: int
    departement: str | None = "35"
    rome: str = "D1102"
    origin: str = "1"
    nature: str = "E2"
    created: datetime | None = None
    company: str = "Fictive"
    labelled: bool = True
    title: str = "Emploi"

    @property
    def id(self) -> str:
        return f"{self.number:07d}"

    @property
    def moment(self) -> datetime:
        return self.created or DAWN + timedelta(minutes=self.number)

    def row(self) -> dict[str, object]:
        place = f"{self.departement} - quelque part" if self.departement and self.labelled else "France"
        return {
            "id": self.id, "intitule": f"{self.title} {self.number}", "romeCode": self.rome,
            "natureContrat": NATURES[self.nature], "dateCreation": f"{self.moment:%Y-%m-%dT%H:%M:%SZ}",
            "lieuTravail": {"libelle": place}, "entreprise": {"nom": self.company},
            "origineOffre": {"origine": self.origin},
            "contact": {"nom": "Mme Fictive", "telephone": "01 99 00 11 22", "courriel": "a@exemple.invalid"},
        }  # fmt: skip


@dataclass
class Upstream:
    """The service. `before` is called before each search, `instead` may answer in its place."""

    ads: list[Ad]
    before: Callable[["Upstream", Params], None] = lambda upstream, params: None
    instead: Callable[[Params], httpx.Response | None] = lambda params: None
    window: int = WINDOW
    letters_only: bool = False
    """Whether the search of a letter leaves out the domains that have more than a letter."""
    asked: list[dict[str, str]] = field(default_factory=list)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def pages(self, **wanted: str) -> list[str]:
        """The ranges that were asked of the searches with these parameters."""
        return [asked["range"] for asked in self.asked if all(asked.get(name) == wanted[name] for name in wanted)]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return token()
        params = dict(request.url.params)
        self.before(self, params)
        self.asked.append(params)
        other = self.instead(params)
        return other if other is not None else self.search(params)

    def search(self, params: Params) -> httpx.Response:
        first, last = (int(told) for told in params["range"].split("-"))
        if last - first >= PAGE:
            return answer(400, {"message": "La plage de résultats demandée est trop importante."})
        if first > self.window - PAGE:
            far = f"La position de début doit être inférieure ou égale à {self.window - PAGE}."
            return answer(400, {"message": far})
        found = sorted(filter(lambda ad: self._fits(ad, params), self.ads), key=lambda ad: ad.moment, reverse=True)
        shown = found[first : last + 1]
        if not shown:
            return answer(204, headers={"Content-Range": "*/0"})
        return page(shown, first, len(found))

    def _fits(self, ad: Ad, params: Params) -> bool:
        domain = params.get("grandDomaine", "")
        nested = ad.rome[:3] in ("C15", "L14", "M13", "M14", "M15", "M16", "M17", "M18")
        return (
            ad.nature in params["natureContrat"].split(",")
            and params.get("departement", ad.departement) == ad.departement
            and params.get("origineOffre", ad.origin) == ad.origin
            and ad.rome.startswith(domain)
            and not (self.letters_only and nested and len(domain) == 1)
            and ad.rome in params.get("codeROME", ad.rome).split(",")
            and _instant(params.get("minCreationDate", "0001-01-01T00:00:00Z")) <= ad.moment
            and ad.moment < _instant(params.get("maxCreationDate", "9998-01-01T00:00:00Z")) + timedelta(seconds=1)
        )


def page(shown: list[Ad], first: int, total: int) -> httpx.Response:
    headers = {"Content-Range": f"offres {first}-{first + len(shown) - 1}/{total}", "Accept-Range": str(PAGE)}
    return answer(206, {"resultats": [ad.row() for ad in shown]}, headers)


def _instant(told: str) -> datetime:
    return datetime.fromisoformat(told)


def ads(count: int, *, first: int = 0, **more: object) -> list[Ad]:
    return [Ad(first + number, **more) for number in range(count)]
