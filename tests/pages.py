"""Pages to render in tests: a search with every kind of card, and the ways in which it can go wrong."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from widget_server.domain.answer import Answer, AnswerPlace, Apart, ListedCard, Notice, Occupation, SourceState
from widget_server.domain.cards import AlsoOn, CardPlace, Duration, Fact, Organisation, Reason, SourceName
from widget_server.domain.query import Centre, SearchRequest
from widget_server.web.document import Rendered, Shell, plain_look
from widget_server.web.method_recruiters import render_method
from widget_server.web.page import (
    DetailPage,
    ListPage,
    render_detail,
    render_down,
    render_gone,
    render_list,
    render_notice,
)
from widget_server.web.standalone import render_accessibility, render_lost
from widget_server.web.typed import Choice, Typed

ASSETS = Path(__file__).parents[1] / "widget_assets"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
RENNES = Centre(
    label="Rennes (35)",
    latitude=48.112,
    longitude=-1.682,
    municipalities=("35238",),
    departement="35",
    region="53",
    given=(("insee", "35238"),),
)
BAKERY = Occupation(rome="D1102", label="Boulangerie - viennoiserie")
EVIL = "</script><img src=x onerror=alert(1)>\"'>"

NAMES = ["du Tilleul", "des Trois Rivières", "du Vieux Moulin", "de la Place Verte", "des Quatre Vents", "du Grand Pré"]
TOWNS = ["Rennes", "Cesson-Sévigné", "Bruz", "Saint-Jacques-de-la-Lande", "Betton", "Vern-sur-Seiche", "Pacé"]
TITLES = {
    "offer": [
        "Apprenti boulanger / Apprentie boulangère (H/F)",
        "Boulanger-pâtissier en alternance",
        "Employé de boulangerie en contrat d’apprentissage, horaires du matin",
        "Ouvrier boulanger ou ouvrière boulangère, CAP en un an",
        "Alternance : vente et fabrication en boulangerie artisanale",
        "Tourier en viennoiserie - contrat de professionnalisation",
        "Second de fournil, brevet professionnel en alternance",
    ],
    "training": [
        "CAP boulanger",
        "Brevet professionnel boulanger",
        "Mention complémentaire pâtisserie boulangère",
        "BTM pâtissier confiseur glacier traiteur",
        "CAP pâtissier en un an après un premier diplôme",
        "Titre professionnel employé polyvalent de la restauration et de la fabrication boulangère",
        "Bac professionnel boulanger-pâtissier",
    ],
}
REASONS = [
    "A déjà accueilli des apprentis dans ce métier",
    "Recrute régulièrement dans ce métier",
    "Son secteur recrute beaucoup en alternance dans ce département",
    "Entreprise récente\u00a0: estimation moins sûre",
]


def source(kind: str = "offer", **changes: object) -> SourceState:
    label, role = {
        "training": ("Catalogue des formations en apprentissage", "target"),
        "offer": ("France Travail", "required"),
        "recruiter": ("La bonne alternance", ""),
    }[kind]
    told = {
        "name": f"{kind}s",
        "kind": kind,
        "label": label,
        "status": "ok",
        "count": 12_000,
        "age_s": 3600,
        "as_of": "2026-11-24T11:00:00+00:00",
        "attribution": f"Source : {label}, données du 24/11/2026.",
        "home_url": "https://source.example",
        "licence_url": "https://source.example/licence",
        "level_role": role,
        "demonstration": True,
    }
    return SourceState(**(told | changes))


def card(kind: str = "offer", number: int = 1, **changes: object) -> ListedCard:
    """A card like real ones: texts differ from one number to the next, so that sizes are honest."""
    town = TOWNS[number % len(TOWNS)]
    labels = {"training": "Catalogue des formations", "offer": "France Travail", "recruiter": "La bonne alternance"}
    told: dict[str, object] = {
        "id": f"{kind[0]}:{number * 7919 % 100003:06d}",
        "kind": kind,
        "title": TITLES[kind][number % 7] if kind in TITLES else f"Boulangerie Fictive {NAMES[number % 6]}",
        "organisation": Organisation(name=f"Boulangerie Fictive {NAMES[(number + 2) % 6]} n° {number}"),
        "place": CardPlace(label=town, precision="address", departement="35", latitude=48.1, longitude=-1.6),
        "romes": ("D1102",),
        "source": SourceName(name=f"{kind}s", label=labels.get(kind, kind)),
        "reasons": (),
        "distance_km": round(0.7 + number * 1.3, 1),
        "also_on": (),
        "url": f"https://source.example/{kind}/{number * 104729 % 1299709}",
    }
    if kind == "offer":
        told |= {
            "contract": ("apprentissage",) if number % 3 else ("professionnalisation",),
            "duration": Duration(months=(12, 24, 18)[number % 3]),
            "level": (3, None, 4)[number % 3],
            "starts_on": f"2027-0{1 + number % 8}-01" if number % 2 else None,
            "published_on": f"2026-11-{24 - number % 20:02d}",
            "apply_url": f"https://employeur.example/postuler/{number}" if number % 4 else None,
            "flags": ("handi",) if number % 5 == 0 else (),
        }
    elif kind == "training":
        told |= {
            "organisation": Organisation(name=f"CFA Imaginaire n° {number} {NAMES[number % 6]}"),
            "level": 3 + number % 3,
            "diploma": ("CAP", "Brevet professionnel", "BTS")[number % 3],
            "duration": Duration(months=12 * (1 + number % 2)),
            "starts_on": "2027-09-01",
        }
    else:
        told |= {
            "organisation": Organisation(
                name=str(told["title"]), sector="Boulangerie et boulangerie-pâtisserie", headcount="6 à 9 salariés"
            ),
            "reasons": tuple(Reason(code=f"r{i}", text=REASONS[(number + i) % 4]) for i in range(1 + number % 3)),
            "score_band": "ABC"[number % 3],
            "estimated": "Estimation de novembre 2026, pour les six prochains mois",
            "optout_url": "https://recruteurs.example/retrait",
        }
    return ListedCard(**(told | changes))


def cards(count: int = 20) -> tuple[ListedCard, ...]:
    kinds = ("training", "offer", "recruiter")
    return tuple(card(kinds[number % 3], number) for number in range(1, count + 1))


def hostile_cards() -> tuple[ListedCard, ...]:
    rtl = "\u202eتدريب مهني\u200f"
    return (
        card("offer", 1, title=EVIL, organisation=Organisation(name=EVIL), url="javascript:alert(1)", apply_url=None),
        card("offer", 2, title="Titre sans fin " * 700, place=CardPlace(label=EVIL, precision="region")),
        card("training", 3, title=rtl, organisation=Organisation(name=rtl + " École Imaginaire"), diploma=EVIL),
        card("recruiter", 4, reasons=(Reason(code=EVIL, text=EVIL),), optout_url="data:text/html,<script>1</script>"),
        card("offer", 5, title="A" * 400, apply_url="JAVASCRIPT:alert(1)", url='https://source.example/"onclick=x'),
        card(
            "offer",
            6,
            title="",
            organisation=Organisation(),
            distance_km=None,
            also_on=(AlsoOn(id=EVIL, kind="offer", label=EVIL, url="vbscript:x"),),
        ),
        card("jury", 7, id="jury:7/../8?x=1&y=<b>", title="Une sorte de fiche qui n’existe pas encore"),
    )


def answer(shown: tuple[ListedCard, ...] | None = None, **changes: object) -> Answer:
    shown = cards() if shown is None else shown
    counts = {"training": 37, "offer": 29, "recruiter": 20} if shown else {"training": 0, "offer": 0, "recruiter": 0}
    total = sum(counts.values())
    told: dict[str, object] = {
        "query": {"romes": ["D1102"], "insee": "35238", "radius": 30, "kinds": list(counts), "limit": 20, "page": 1},
        "place": AnswerPlace(label="Rennes (35)", latitude=48.112, longitude=-1.682, radius_km=30),
        "occupations": (BAKERY,),
        "total": total,
        "counts": counts,
        "listed": total,
        "capped": False,
        "level_unknown": {},
        "page": 1,
        "pages": 5 if shown else 1,
        "cards": shown,
        "apart": (
            Apart(
                kind="offer",
                reason="unplaced",
                count=8,
                label="offres sans adresse précise dans le département",
                query={"romes": ["D1102"], "kinds": ["offer"], "departement": "35", "page": 1},
            ),
        )
        if shown
        else (),
        "sources": (source("training"), source("offer"), source("recruiter")),
        "notices": (),
        "attribution": ("Source : France Travail",),
        "demonstration": True,
    }
    return Answer(**(told | changes))


def notice(code: str, param: str, value: str, hint: str = "") -> Notice:
    return Notice(code=code, param=param, value=value, hint=hint)


def request(**changes: object) -> SearchRequest:
    told: dict[str, object] = {"romes": ("D1102",), "place": RENNES, "partner": "demo-mission-locale"}
    return SearchRequest(**(told | changes))


def shell(**changes: object) -> Shell:
    built = ASSETS / "dist" / "neutral.css"
    bridge = ASSETS / "dist" / "bridge.js"
    told = {
        "base_url": "https://widget.example",
        "css": (built if built.is_file() else ASSETS / "src" / "neutral.css").read_text("utf-8"),
        "bridge": bridge.read_text("utf-8") if bridge.is_file() else "void 0",
        "version": "0.1.0",
        "origins": ("https://www.mission-locale.example",),
        "partner_name": "Mission locale de l’Exemple",
    }
    return Shell(**(told | changes))


def alone() -> Shell:
    """The shell of a page that stands in no frame."""
    told = {"origins": (), "partner_name": None, "list_path": "/", "card_path": "/fiche/"}
    return shell(**told, public_url="https://widget.example", base_url="")


def list_page(found: Answer | None = None, asked: SearchRequest | None = None, **changes: object) -> ListPage:
    told = {
        "shell": shell(),
        "answer": answer() if found is None else found,
        "request": asked or request(),
        "received": {"partner": "demo-mission-locale", "romes": "D1102", "insee": "35238"},
        "now": NOW,
    }
    return ListPage(**(told | changes))


FACTS = (
    Fact(
        name="description",
        label="Description",
        html="<p>Au fournil dès cinq heures, vous apprenez à pétrir, façonner et cuire pains et viennoiseries.</p>"
        "<p>Vous alternez <strong>deux semaines</strong> au centre et quatre en entreprise.</p>",
    ),
    Fact(name="skills", label="Compétences demandées", items=("Ponctualité", "Travail en équipe", "Hygiène", "Calcul")),
    Fact(name="salary", label="Salaire", text="Selon l’âge et l’année du contrat"),
    Fact(name="posts", label="Nombre de postes", text="2"),
    Fact(name="company", label="Site de l’entreprise", text="boulangerie-fictive.example", url="https://b.example"),
)


def detail_page(shown: ListedCard | None = None, facts: tuple[Fact, ...] = FACTS, **changes: object) -> DetailPage:
    shown = shown or card("offer", 1)
    told = {
        "shell": shell(),
        "card": shown,
        "facts": facts,
        "source": source(shown.kind),
        "request": request(),
        "received": {"partner": "demo-mission-locale"},
        "now": NOW,
    }
    return DetailPage(**(told | changes))


FEW = cards(6)
"""Two of each kind."""
LATE = source("offer", status="late", age_s=100_000, as_of="2026-11-23T13:00:00+00:00")
MISSING = source("offer", status="missing", count=0, age_s=None, as_of=None)
WITHHELD = source("offer", status="missing", age_s=200_000, as_of="2026-11-21T13:00:00+00:00")
TRAININGS, RECRUITERS = source("training"), source("recruiter")
OTHER_JOBS = (
    Choice(label="Vente en alimentation", query=(("romes", "D1106"),)),
    Choice(label="Pâtisserie, confiserie, chocolaterie et glacerie", query=(("romes", "D1104"),)),
)


def _list(found: Answer | None = None, look: dict[str, str] | None = None, **changes: object) -> Rendered:
    asked = changes.pop("asked", None) or request()
    return render_list(list_page(found, replace(asked, look=asked.look | (look or {})), **changes))


def _without(kind: str) -> Answer:
    """The list of the other kinds, while the source of this one is missing."""
    shown = tuple(item for item in cards(9) if item.kind != kind)
    counts = {"training": 37, "offer": 29, "recruiter": 20} | {kind: 0}
    return answer(shown, counts=counts, total=sum(counts.values()), sources=(TRAININGS, MISSING, RECRUITERS))


def _typed(text: str, taken: Choice | None, others: tuple[Choice, ...] = ()) -> Typed:
    return Typed(text=text, taken=taken, others=others)


def _empty(**changes: object) -> Answer:
    return answer((), **changes)


def _nowhere() -> Answer:
    return _empty(place=None, sources=(TRAININGS, source("offer"), RECRUITERS))


def _model(look: dict[str, str]) -> Rendered:
    """The card of a model, which is in French whatever the language; `forecast` is imported by whoever asks for it."""
    from tests.forecast.test_model_card import INGESTED, SYNTHETIC, story
    from widget_server.forecast.model_card import sections

    told = sections(story(synthetic=SYNTHETIC, ingested=replace(INGESTED, demonstration=True)))
    return render_method(told, alone(), plain_look(look.get("scheme", "light")))


State = Callable[[dict[str, str]], Rendered]

STATES: dict[str, State] = {
    "results": lambda look: _list(look=look),
    "last page": lambda look: _list(answer(FEW, page=5), look),
    "partial": lambda look: _list(_without("offer"), look),
    "late": lambda look: _list(answer(FEW, sources=(TRAININGS, LATE, RECRUITERS)), look),
    "withheld": lambda look: _list(answer(FEW, sources=(TRAININGS, WITHHELD, RECRUITERS)), look),
    "all missing": lambda look: render_down(
        list_page(
            _empty(sources=tuple(source(kind, status="missing", as_of=None) for kind in ("training", "offer"))),
            request(look=look),
        )
    ),
    "empty": lambda look: _list(_empty(), look, near=OTHER_JOBS),
    "empty and partial": lambda look: _list(_empty(sources=(TRAININGS, MISSING, RECRUITERS)), look),
    "job unknown": lambda look: _list(_empty(occupations=()), look, asked=request(romes=())),
    "place unknown": lambda look: _list(_nowhere(), look, asked=request(place=None)),
    "job not understood": lambda look: _list(
        _empty(occupations=()), look, asked=request(romes=()), job=_typed("zzzz", None)
    ),
    "job understood otherwise": lambda look: _list(
        answer(FEW), look, job=_typed("pain", Choice(label=BAKERY.label, query=(("romes", "D1102"),)), OTHER_JOBS)
    ),
    "corrected": lambda look: _list(
        answer(
            FEW,
            notices=(
                notice("rome_unknown", "romes", "D9999", "Vérifiez le code."),
                notice("out_of_bounds", "radius", "999", "0 à 200"),
            ),
            capped=True,
            listed=450,
            level_unknown={"offer": 12},
        ),
        look,
    ),
    "locked": lambda look: _list(
        answer(FEW), look, asked=request(lock=("romes", "place", "radius", "kinds", "level", "contract"))
    ),
    "no form": lambda look: _list(answer(FEW), look | {"form": "none"}),
    "widened": lambda look: _list(
        answer(
            cards(3),
            place=AnswerPlace(label="Rennes (35)", latitude=48.112, longitude=-1.682, radius_km=60),
            counts={"training": 1, "offer": 1, "recruiter": 1},
            total=3,
            pages=1,
        ),
        look,
        asked=request(radius_km=60),
        widened_from_km=30,
        tried_km=(30,),
    ),
    "nowhere near": lambda look: _list(
        _empty(), look, near=OTHER_JOBS, tried_km=(30, 60, 100), nearest=tuple(card("offer", n) for n in (91, 95))
    ),
    "hostile": lambda look: _list(answer(hostile_cards()), look),
    "offer": lambda look: render_detail(detail_page(card("offer", 5), request=request(look=look))),
    "training": lambda look: render_detail(detail_page(card("training", 2), request=request(look=look))),
    "recruiter": lambda look: render_detail(detail_page(card("recruiter", 3), request=request(look=look))),
    "alone": lambda look: _list(answer(FEW), look, shell=alone(), asked=request(partner=None)),
    "alone, card": lambda look: render_detail(
        detail_page(card("offer", 5), shell=alone(), request=request(look=look, partner=None))
    ),
    "accessibility": lambda look: render_accessibility(alone(), request(look=look)),
    "model": lambda look: _model(look),
    "no model": lambda look: render_method(None, alone(), plain_look(look.get("scheme", "light"))),
    "gone": lambda look: render_gone(shell(), request(look=look), {"partner": "demo-mission-locale"}),
    "lost": lambda look: render_lost(alone(), request(look=look)),
    "not here": lambda look: render_notice(shell()),
}
"""Every state of the page by name. Call one with the look that a partner chose, `{}` for the default."""
