"""The documented dirt of the upstreams, as a table: which rows are odd, how often, and what becomes of them.

A row has at most one oddity. The first row of each frequent trade in each département has none; the shares are of all
other rows. `rejected` is the reason for
which a correct reader leaves the row out; None when it can be read all the same.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from widget_server.sandbox.dice import Numbers

Kind = Literal["offers", "trainings", "recruiters"]


@dataclass(frozen=True, kw_only=True)
class Dirt:
    """One oddity: its share of the rows of a kind in per mille."""

    name: str
    per_mille: float
    help: str
    rejected: str | None = None


def _dirt(name: str, per_mille: float, help: str, rejected: str | None = None) -> Dirt:
    return Dirt(name=name, per_mille=per_mille, help=help, rejected=rejected)


DIRT: Final[dict[Kind, tuple[Dirt, ...]]] = {
    "offers": (
        _dirt("no_company_name", 24, "entreprise without nom"),
        _dirt("no_coordinates", 24, "lieuTravail without latitude and longitude"),
        _dirt("text_coordinates", 4, "latitude and longitude as text"),
        _dirt("zero_coordinates", 1, "latitude and longitude 0"),
        _dirt("inverted_coordinates", 2, "latitude and longitude exchanged"),
        _dirt("departement_label", 5, "placed in a département only: '49 - Maine-et-Loire'"),
        _dirt("region_label", 3, "placed in a région only: shown by no search by département"),
        _dirt("country_label", 2, "placed in 'France': shown by no search by département"),
        _dirt("postcode_as_commune", 3, "the postcode stands in the field of the commune"),
        _dirt("retired_commune", 2, "a commune code that no longer exists, where one is known"),
        _dirt("html", 14, "tags and entities in the description"),
        _dirt("broken_salary", 4, "the salary lost its 'à' to a wrong encoding"),
        _dirt("opaque_logo", 3, "the logo is an identifier, not an address"),
        _dirt("empty_formations", 4, "formations: []"),
        _dirt("odd_level", 3, "a level label that no list knows"),
        _dirt("contact_in_coordonnees", 4, "an e-mail address in coordonnees1"),
        _dirt("twin", 5, "the offer before it once more, under another id"),
        _dirt("school", 10, "a school poses as the employer", "school_as_employer"),
        _dirt("new_rome", 2, "a ROME code that is newer than every list", "rome_unknown"),
        _dirt("odd_contract", 1, "natureContrat is neither of the two labels", "contract_unknown"),
    ),
    "trainings": (
        _dirt("unpublished", 10, "published: false; a query with the filter does not show it", "unpublished"),
        _dirt("past", 8, "tags of past years; a query with the filter does not show it", "session_past"),
        _dirt("no_coordinates", 16, "lieu_formation_geo_coordonnees: null"),
        _dirt("inverted_coordinates", 5, "'lon,lat'"),
        _dirt("no_rncp", 8, "rncp_code: RNCPNR"),
        _dirt("city_of_districts", 4, "the code of a whole city and the postcode of an arrondissement"),
        _dirt("postcode_as_commune", 4, "the postcode stands in the field of the commune"),
        _dirt("unequal_sessions", 16, "more starts than ends"),
        _dirt("unsorted_sessions", 6, "sessions in no order"),
        _dirt("remote", 8, "taught at a distance only: the key ends in #LAD"),
        _dirt("twin", 6, "the training before it once more, under another key"),
        _dirt("bad_onisep", 6, "onisep_url is not an address"),
        _dirt("odd_year", 4, "annee: 'X'"),
        _dirt("no_rome", 2, "rome_codes: []", "no_rome"),
        _dirt("unknown_rome", 1, "rome_codes that exist in no list", "rome_unknown"),
    ),
    "recruiters": (
        _dirt("no_coordinates", 25, "no coordinates at all"),
        _dirt("zero_coordinates", 10, "coordinates 0 and 0"),
        _dirt("inverted_coordinates", 5, "latitude and longitude exchanged (Lambert file: far outside France)"),
        _dirt("unknown_rome_too", 8, "one unknown ROME code among known ones"),
        _dirt("odd_reason", 4, "a reason that no list knows"),
        _dirt("bad_siret", 4, "a SIRET whose check digit is wrong", "siret_invalid"),
        _dirt("no_name", 6, "no name", "name_missing"),
        _dirt("no_rome", 5, "no ROME code", "no_rome"),
        _dirt("unknown_rome", 3, "unknown ROME codes only", "rome_unknown"),
        _dirt("bad_postcode", 3, "a postcode of four digits", "postcode_invalid"),
        _dirt("not_diffusible", 6, "[ND] as name and address", "not_diffusible"),
        _dirt("twin", 3, "the SIRET of the row before it once more"),
        _dirt("la_poste", 1, "the SIREN of La Poste, whose numbers have a check of their own"),
        _dirt("closed", 3, "closed since the file was made: /_lists/closed names it"),
        _dirt("opted_out", 2, "asked not to be proposed: /_lists/opted_out names it"),
    ),
}

_GOLDEN: Final = 0.6180339887498949


def soiled(kind: Kind, seed: int, rows: Numbers, clean: int) -> Numbers:
    """For each row the position of its oddity in the table plus one, 0 for none.

    Rows below `clean` have none. The golden ratio spreads the others so evenly that even a few hundred rows show the
    shares of the table.
    """
    edges = np.cumsum([dirt.per_mille for dirt in DIRT[kind]]) / 1000
    draws = (rows.astype(np.float64) * _GOLDEN + seed % 1000 / 1000) % 1.0
    found = np.searchsorted(edges, draws, side="right").astype(np.int64)
    return np.where((rows < clean) | (found >= len(edges)), 0, found + 1).astype(np.int64)


def named(kind: Kind, position: int) -> str:
    """The name of an oddity; "" for none."""
    return DIRT[kind][position - 1].name if position else ""


def rejected(kind: Kind, position: int) -> str | None:
    """Why a reader leaves the row out."""
    return DIRT[kind][position - 1].rejected if position else None
