"""From an offer of France Travail to a card."""

import json
import re
from collections.abc import Mapping

import msgspec
import pytest

from tests.contract.upstream_fakes import SAMPLES, kit, recorded
from widget_server.domain.cards import Entry, Fact, Rejection
from widget_server.sources.kit.text import CONTACT_MASKED
from widget_server.sources.offers import Offer, duration_of, to_entry

RENNES = {"libelle": "35 - RENNES", "latitude": 48.11, "longitude": -1.68, "codePostal": "35000", "commune": "35238"}


def offer(**told: object) -> Entry | Rejection:
    row = {
        "id": "123ABCD", "intitule": "Boulanger (H/F)", "natureContrat": "Contrat apprentissage", "romeCode": "D1102",
        "dateCreation": "2026-11-20T23:30:00.000Z", "dateActualisation": "2026-11-21T10:00:00Z", "lieuTravail": RENNES,
        "entreprise": {"nom": "Boulangerie Fictive"},
    } | told  # fmt: skip
    return read({key: value for key, value in row.items() if value is not None})


def read(row: object) -> Entry | Rejection:
    return to_entry(msgspec.json.decode(json.dumps(row), type=Offer, strict=False), kit())


def card_of(found: Entry | Rejection) -> Entry:
    assert isinstance(found, Entry), found
    return found


def fact(found: Entry | Rejection, name: str) -> Fact | None:
    return next((each for each in card_of(found).facts if each.name == name), None)


def written(found: Entry | Rejection) -> str:
    return msgspec.json.encode(found).decode()


# The cases that the contract gives, with what we do on purpose otherwise.

OURS = {
    "standard offer with postcode and coordinates": {
        # 75056 is the code of Paris as a commune; it is no postcode, so the place has none.
        "address": "Paris",
    },
    "departement label without postcode falls back to the chef-lieu": {"address": "Cantal (15)", "point": None},
    "Corse-du-Sud": {"address": "Corse-du-Sud (2A)", "point": None},
    "La Reunion": {"address": "La Réunion (974)", "point": None},
    "no place at all": {"address": "France entière"},
    "coordinates as strings": {"address": "35000 Rennes", "point": [-1.68431, 48.11379]},
}
"""Where our value differs from the table's: a place that is known by its département only gets no point, because a
distance would be invented; names of communes are written as INSEE writes them; coordinates have five decimals."""


def cases() -> list[dict[str, object]]:
    path = SAMPLES / "france-travail" / "mapping-cases.json"
    return json.loads(path.read_text("utf-8"))["cases"] if path.exists() else []


def base() -> dict[str, object]:
    return json.loads((SAMPLES / "france-travail" / "mapping-cases.json").read_text("utf-8"))["base"]


@pytest.mark.skipif(not cases(), reason="the contract's samples are not beside this repository")
@pytest.mark.parametrize("case", cases(), ids=lambda case: re.sub(r"\W+", "-", case["name"]))
def test_a_case_of_the_contract_becomes_the_card_that_it_names(case: Mapping[str, object]):
    row = {key: value for key, value in (base() | case["set"]).items() if key not in case.get("remove", ())}
    expected = case["expect"] | OURS.get(case["name"], {})

    found = read(row)

    told = {key: SEEN[key](found) for key in expected}
    assert told == expected


def address(found: Entry | Rejection) -> str | None:
    place = card_of(found).card.place
    return f"{place.postcode} {place.label}" if place.postcode else place.label


def point(found: Entry | Rejection) -> list[float] | None:
    place = card_of(found).card.place
    return None if place.latitude is None else [place.longitude, place.latitude]


def posts(found: Entry | Rejection) -> int:
    told = fact(found, "posts")
    return int(told.text) if told and told.text else 1


def url_of(found: Entry | Rejection, name: str) -> str | None:
    told = fact(found, name)
    return told.url if told else None


SEEN = {
    "title": lambda found: card_of(found).card.title,
    "rome_codes": lambda found: list(card_of(found).card.romes),
    "creation": lambda found: card_of(found).newest.replace("+00:00", "Z"),
    "opening_count": posts,
    "contract_type": lambda found: card_of(found).card.contract[0].capitalize(),
    "contract_months": lambda found: getattr(card_of(found).card.duration, "months", None),
    "company": lambda found: card_of(found).card.organisation.name,
    "siret": lambda found: card_of(found).card.organisation.siret,
    "website": lambda found: url_of(found, "company_site"),
    "logo": lambda found: url_of(found, "logo"),
    "address": address,
    "point": point,
    "precision": lambda found: card_of(found).card.place.precision,
    "apply_url": lambda found: card_of(found).card.apply_url,
    "level": lambda found: None if (level := card_of(found).card.level) is None else str(level),
    "skills": lambda found: [re.sub(r" \(.*\)", "", item) for item in fact(found, "skills").items],
    "rejected": lambda found: isinstance(found, Rejection) and found.reason == "contract_unknown",
    "school": lambda found: isinstance(found, Rejection) and found.reason == "school_as_employer",
}


@pytest.mark.skipif(not cases(), reason="the contract's samples are not beside this repository")
@pytest.mark.parametrize(
    ("page", "reasons"),
    [
        (
            "search-2019-alternance-anonymised",
            [None, "school_as_employer", None, *["school_as_employer"] * 3, None, None],
        ),
        ("partner-offers-2021-anonymised", ["contract_unknown"] * 2),
        ("search-official-example", ["contract_unknown"]),
    ],
)
def test_offers_of_the_samples_become_cards_or_say_why_not(page: str, reasons: list[str | None]):
    rows = json.loads((SAMPLES / "france-travail" / f"{page}.json").read_text("utf-8"))["resultats"]

    found = [read(row) for row in rows]

    assert [each.reason if isinstance(each, Rejection) else None for each in found] == reasons
    assert "@" not in "".join(map(written, found))


@pytest.mark.skipif(not cases(), reason="the contract's samples are not beside this repository")
def test_everything_that_the_official_example_says_is_on_the_detail_page_but_contacts():
    row = json.loads((SAMPLES / "france-travail" / "search-official-example.json").read_text("utf-8"))["resultats"][0]

    found = read(row | {"natureContrat": "Contrat apprentissage"})

    said = written(found)
    for value in (
        "Nous rechercons un/e Boulanger/ère", "Expérience dans la vente souhaitée", "Mention bien souhaitée", "Anglais",
        "Véhicule léger", "Traitement de texte", "environnement de travail propre", "Mensuel de 1923.00 Euros",
        "Selon expérience", "Véhicule de fonction", "Prime de vacances", "35H", "Temps plein", "Gestion de la comptab",
        "Travail de nuit", "A contacter après 19h", "exemple.invalid/carrieres", "Jamais", "Employé qualifié", "10.71C",
        "Boulangerie et boulangerie-pâtisserie", "Capacité à prendre en charge", "1 à 5 employés", "PARTENAIRE1",
        "exemple.invalid/logo.png", "12 impasse du caillou", "Port de tenue professionnelle", "35H Travail le samedi",
        "manque de candidats", "Entreprise adaptée", "travailleurs handicapés", "74 - ANNECY",
    ):  # fmt: skip
        assert value in said, value
    for value in ("Contact Exemple", "01 00 00 00", "contact@", "agence@"):
        assert value not in said, value


# What the table does not say.


def test_days_are_those_of_france():
    card = card_of(offer()).card

    assert (card.published_on, card.updated_on) == ("2026-11-21", "2026-11-21")


def test_a_card_names_its_page_at_the_source():
    assert card_of(offer()).card.url == "https://candidat.francetravail.fr/offres/recherche/detail/123ABCD"


@pytest.mark.parametrize(
    ("label", "contract"),
    [("Contrat apprentissage", "apprentissage"), ("Cont. professionnalisation", "professionnalisation")],
)
def test_both_natures_of_contract_are_told_apart(label: str, contract: str):
    assert card_of(offer(natureContrat=label)).card.contract == (contract,)


@pytest.mark.parametrize("missing", ["entreprise", "formations", "typeContratLibelle", "contact", "dateActualisation"])
def test_a_field_that_is_missing_or_empty_loses_no_offer(missing: str):
    assert card_of(offer(**{missing: None})).card.id == "ft:123ABCD"
    if missing in ("formations", "contact"):
        assert card_of(offer(**{missing: [] if missing == "formations" else {}})).card.level is None


def test_the_siret_of_an_employer_is_kept_for_comparison():
    assert (
        card_of(offer(entreprise={"nom": "x", "siret": "30000000000018"})).card.organisation.siret == "30000000000018"
    )


@pytest.mark.parametrize(
    ("contact", "origin", "url"),
    [
        ({"urlPostulation": "https://a.example"}, {"urlOrigine": "https://c.example"}, "https://a.example"),
        (
            {},
            {"partenaires": [{"url": "https://b.example"}], "urlOrigine": "https://c.example"},
            "https://b.example",
        ),
        ({}, {"partenaires": [], "urlOrigine": "https://c.example"}, "https://c.example"),
        ({}, {}, None),
    ],
    ids=["the recruiter's form", "the first partner", "the page of origin", "nothing"],
)
def test_one_applies_at_the_recruiter_else_at_the_partner_else_at_the_origin(
    contact: dict[str, object], origin: dict[str, object], url: str | None
):
    assert card_of(offer(contact=contact, origineOffre=origin)).card.apply_url == url


def test_an_old_offer_that_is_still_served_is_still_open():
    assert card_of(offer(dateCreation="2025-01-01T00:00:00Z")).card.published_on == "2025-01-01"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"id": None}, "id_missing"),
        ({"id": "../../etc"}, "id_missing"),
        ({"intitule": " <b></b> "}, "title_missing"),
        ({"natureContrat": None}, "contract_unknown"),
        ({"natureContrat": "Contrat travail"}, "contract_unknown"),
        ({"codeNAF": "85.59A"}, "school_as_employer"),
        ({"romeCode": None}, "no_rome"),
        ({"romeCode": "Z9999"}, "rome_unknown"),
        ({"lieuTravail": None}, "place_unknown"),
        ({"lieuTravail": {"latitude": 10.0, "longitude": 10.0}}, "place_outside"),
    ],
)
def test_a_row_that_is_no_card_says_why(told: dict[str, object], reason: str):
    row = {"id": "1", "intitule": "x", "natureContrat": "Contrat apprentissage", "romeCode": "D1102"}
    row |= {"lieuTravail": RENNES} | told

    found = read({key: value for key, value in row.items() if value is not None})

    assert isinstance(found, Rejection)
    assert found.reason == reason


@pytest.mark.parametrize(
    ("label", "level"),
    [
        ("CAP, BEP et équivalents", 3), ("3ème achevée ou Brevet", 3), ("2nd ou 1ère achevée", 3),
        ("Bac ou équivalent", 4), ("Bac+2 ou équivalents", 5), ("BAC+2 OU EQUIVALENT", 5),
        ("Bac+3, Bac+4 ou équivalents", 6), ("Bac+5 et plus ou équivalents", 7), ("Doctorat", None),
    ],
)  # fmt: skip
def test_each_label_of_level_is_read_without_accents_plural_or_case(label: str, level: int | None):
    found = offer(formations=[{"niveauLibelle": label, "exigence": "E"}])

    assert card_of(found).card.level == level


def test_the_level_is_the_lowest_of_those_required():
    diplomas = [("Bac+5 et plus ou équivalents", "E"), ("Bac+2 ou équivalents", "E"), ("Bac ou équivalent", "S")]

    found = offer(formations=[{"niveauLibelle": label, "exigence": need} for label, need in diplomas])

    assert card_of(found).card.level == 5


@pytest.mark.parametrize(
    ("label", "months"),
    [("CDD - 12 Mois", 12), ("12 mois", 12), ("Mois", None), ("0 Mois", None), ("9999999 Mois", None), (None, None)],
)
def test_months_are_read_only_where_they_make_sense(label: str | None, months: int | None):
    found = duration_of(label)

    assert (found.months if found else None) == months


@pytest.mark.parametrize(
    ("place", "precision", "where"),
    [
        (RENNES | {"latitude": None, "longitude": None}, "commune", "35238"),
        ({"libelle": "57 - METZ TECHNOPOLE"}, "commune", "57463"),
        ({"libelle": "75 - PARIS 12E ARRONDISSEMENT"}, "commune", "75112"),
        (RENNES | {"latitude": -1.68, "longitude": 48.11}, "address", "35238"),
        (RENNES | {"latitude": 0, "longitude": 0}, "commune", "35238"),
        (RENNES | {"latitude": "x", "longitude": "y"}, "commune", "35238"),
        (RENNES | {"latitude": 43.6, "longitude": 1.44}, "commune", "35238"),
        ({"libelle": "49 - Maine et Loire"}, "departement", None),
        ({"libelle": "Bretagne"}, "region", None),
        ({"libelle": "France"}, "country", None),
    ],
)
def test_a_place_is_as_exact_as_its_row_and_no_more(place: dict[str, object], precision: str, where: str | None):
    told = card_of(offer(lieuTravail=place)).card.place

    assert (told.precision, told.insee) == (precision, where)
    assert (told.latitude is not None) == (precision in ("address", "commune"))


def test_repaired_coordinates_are_counted():
    tools = kit()
    row = {"id": "1", "intitule": "x", "natureContrat": "Contrat apprentissage", "romeCode": "D1102"}
    for latitude, longitude in ((-1.68, 48.11), (10.0, 10.0)):
        place = RENNES | {"latitude": latitude, "longitude": longitude}
        to_entry(msgspec.json.decode(json.dumps(row | {"lieuTravail": place}), type=Offer), tools)

    assert tools.notes.remarks == {"coordinates_inverted": 1, "coordinates_outside": 1}


def test_two_rows_of_one_offer_are_twins_and_an_unknown_company_has_none():
    one = card_of(offer(id="1", intitule="BOULANGER (h/f)", entreprise={"nom": "Boulangerie fictive"}))

    assert card_of(offer(id="2")).twin == one.twin != ""
    assert card_of(offer(id="3", lieuTravail=RENNES | {"commune": "35047", "codePostal": "35170"})).twin != one.twin
    assert card_of(offer(id="4", entreprise=None)).twin == ""


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//e.example", "mailto:a@b.example", "https://a b", "http://u:p@h"]
)
def test_only_web_addresses_become_links(url: str):
    found = offer(
        contact={"urlPostulation": url, "urlRecruteur": url},
        entreprise={"nom": "x", "url": url, "logo": url},
        origineOffre={"origine": "2", "urlOrigine": url, "partenaires": [{"nom": "p", "url": url, "logo": url}]},
    )

    assert card_of(found).card.apply_url is None
    assert [each.url for each in card_of(found).facts if each.url] == []


def test_a_description_is_plain_text_in_paragraphs():
    told = "<p>Vous &eacute;tes <b>motiv&eacute;</b>&nbsp;?</p><ul><li>Pain</li><li>Pâte</li></ul>"
    told += "<script>alert(1)</script>"

    found = fact(offer(description=told + "&amp;eacute;\t\x00\u202e fin\r\n\r\n\r\n\r\nLigne"), "description")

    assert found is not None
    assert found.text == "Vous étes motivé ?\n\n• Pain\n\n• Pâte\n\né fin\n\nLigne"
    assert found.html is None


def test_text_that_only_looks_like_markup_stays():
    assert (
        fact(offer(description="salaire < 2000 & primes > 100"), "description").text == "salaire < 2000 & primes > 100"
    )


def test_contacts_inside_a_text_are_masked():
    told = "Écrivez à jean.dupont@exemple.invalid ou au 06 00 00 00 01, +33 6 00 00 00 02, 02.99.00.00.03. 12 345 678 €"

    found = fact(offer(description=told), "description")

    assert found is not None
    assert (
        found.text
        == f"Écrivez à {CONTACT_MASKED} ou au {CONTACT_MASKED}, {CONTACT_MASKED}, {CONTACT_MASKED}. 12 345 678 €"
    )


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"id": "c@d.example"}, "id_missing"),
        ({"romeCode": "c@d.example 0100000000"}, "rome_unknown"),
        ({"natureContrat": "c@d.example 0100000000"}, "contract_unknown"),
    ],
)
def test_a_rejection_tells_no_contact_either(told: dict[str, object], reason: str):
    found = offer(**told)

    assert isinstance(found, Rejection)
    assert found.reason == reason
    assert CONTACT_MASKED in found.id + found.detail
    assert "c@d" not in found.id + found.detail


def test_a_contact_is_never_written():
    found = offer(
        contact={
            "nom": "Mme Fictive DUPONT", "coordonnees1": "Mme Fictive DUPONT", "coordonnees2": "Courriel : a@b.invalid",
            "coordonnees3": "3 rue du Four", "telephone": "0100000000", "courriel": "c@d.invalid",
        },
        agence={"telephone": "0100000001", "courriel": "e@f.invalid"},
    )  # fmt: skip

    assert fact(found, "contact_lines").items == ("3 rue du Four",)
    for value in ("DUPONT", "invalid", "01000000"):
        assert value not in written(found)


def test_lists_and_texts_are_both_understood():
    found = offer(
        contexteTravail={"horaires": ["Matin", "Soir"], "conditionsExercice": "Debout"}, outilsBureautiques=["Tableur"]
    )

    assert fact(found, "hours").items == ("Matin", "Soir")
    assert fact(found, "conditions").items == ("Debout",)
    assert fact(found, "software").items == ("Tableur",)


def test_a_broken_encoding_in_a_range_of_pay_is_mended():
    found = offer(salaire={"libelle": "Mensuel de 1600,00 Euros ï¿½ 1800,00 Euros"})

    assert fact(found, "salary").items == ("Mensuel de 1600,00 Euros à 1800,00 Euros",)


@pytest.mark.parametrize("told", [{"accessibleTH": True}, {"employeurHandiEngage": True}, {"entrepriseAdaptee": True}])
def test_an_offer_open_to_disabled_workers_says_so(told: dict[str, object]):
    assert card_of(offer(**told)).card.flags == ("handi",)


def test_very_long_texts_are_cut():
    found = card_of(offer(intitule="x" * 10_000, description="y" * 1_000_000))

    assert len(found.card.title) == 300
    assert len(written(found)) < 40_000


# A recording of our sandbox: every oddity of its table once.


def test_every_oddity_of_the_recording_becomes_what_the_truth_says():
    recording = recorded("offers")
    rows = recording["exchanges"][0]["json"]["resultats"]

    found = [read(row) for row in rows]

    truth = {f"ft:{row['id']}": row for row in recording["truth"]}
    assert "fictitious" in recording["note"]
    assert {row["oddity"] for row in truth.values()} >= {"school", "html", "inverted_coordinates", "twin"}
    assert {row.id: row.reason for row in found if isinstance(row, Rejection)} == {
        card_id: row["rejected"] for card_id, row in truth.items() if row["rejected"]
    }
    for row in found:
        if isinstance(row, Entry):
            told = truth[row.card.id]
            assert (row.card.place.insee, row.card.place.departement) == (told["insee"], told["departement"])
            assert row.card.romes == (told["rome"],)
            assert "@" not in written(row), told["oddity"]
