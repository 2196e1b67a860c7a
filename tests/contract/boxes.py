"""What the sandbox must reproduce, box by box, and the test that shows it; test_sandbox_boxes_table.py checks both."""

from collections.abc import Mapping
from typing import Final

BOXES: Final[Mapping[str, str]] = {
    # France Travail
    "test_the_token": (
        "token: TTL, the 400 bodies, both realm spellings, `/individu` refused; 401 with empty body once the token has"
        " expired in mid-harvest"
    ),
    "test_the_answers_of_a_search": (
        "206 / 204 / 400 semantics, exact French messages, `Content-Range: offres p-min(d,total-1)/total`,"
        " `Accept-Range: 150`, `*/0`"
    ),
    "test_the_window": (
        "p > 3000 and span > 150 refused; a département above 3 150 so that splitting is exercised; p ≥ total"
        " (behaviour unverified: answer 204)"
    ),
    "test_the_starvation_of_partners": (
        "`origineOffre` starvation: beyond the window an unfiltered query shows origin 1 only"
    ),
    "test_the_quirks_of_parameters": (
        "OR of `natureContrat` and `typeContrat`; default `distance` 10; commune white list (75001 ⇒ 400, 13001 ⇒ Aix);"
        " `75056/69123/13055` switchable between 400 and accepted"
    ),
    "test_the_dates": (
        "`minCreationDate` without `maxCreationDate` refused; `publieeDepuis=2` ⇒ 400; unknown ROME ⇒ 204 (unverified)"
    ),
    "test_the_bad_days": (
        "429 with `Retry-After` after 10/s and the four rate headers; one 502; one slow page; one truncated body"
    ),
    "test_the_rows_of_offers": (
        "rows: no coordinates, no `entreprise.nom`, `contact: {}`, `formations: []`, `appellationlibelle`, each salary"
        ' form, broken encoding, HTML entities, region-only and "France" labels, 2A/2B/DROM, a school as employer,'
        " partner offers, the same offer twice under two ids"
    ),
    "test_the_changes_of_offers": (
        "deletion between two harvests (204 on the detail), modification with the same `dateCreation`, creation during"
        " paging"
    ),
    "test_the_referentials": "referentials",
    # Carif-Oref
    "test_the_routes_of_the_catalogue": (
        "bare-number count; default limit 10; cap 1 000 on GET, refusal on POST; `page` echoed as string; streamed"
        " array with slow chunks; truncated array; 500 on malformed JSON; 404 and 400 texts; unknown `$` operator"
        " matches nothing; default-filter asymmetry"
    ),
    "test_the_rows_of_trainings": (
        'unpublished rows when the filter is missing; `tags` as strings; "lat,lon" strings, missing or inverted;'
        " `RNCPNR`; 36T31203-like `cfd`; arrondissement and postcode in `code_commune_insee`; unequal session arrays;"
        " distance-only trainings (`#LAD`); duplicated rows; 2A, DROM; a key whose `#` must be encoded"
    ),
    "test_the_bad_days_of_the_catalogue": (
        "count that changes between the two calls; 429; 401 variant of the Éducation nationale instance"
    ),
    # API Apprentissage
    "test_the_errors_of_api_apprentissage": (
        "every 401 text, 400, 404 (two shapes), 429 with `retry-after`, 504 after 10 s, 500; LBA-shaped errors on"
        " `/job/*`"
    ),
    "test_the_pages_of_trainings": (
        "formation paging with `page_count`, `publié`/`archivé`, a row archived between two pages, Paris offsets, null"
        " organisme, `mef_10` null"
    ),
    "test_the_export": (
        "export envelope; object-store URL that returns 403 after 2 minutes and serves a flat array in slow chunks;"
        " unchanged `lastUpdate`; truncated file; all row types of the sample, unknown `partner_label`, FT duplicates,"
        " delegated row, recruiter without name, expired row"
    ),
    "test_the_search_of_jobs": "`/job/v1/search` caps (150 per source), warnings, items without `naf`",
    # Recruiters
    "test_the_file_of_recruiters": (
        "the file of §5.2 with: null coordinates, 0/0, each projection zone, bad SIRET, La Poste SIRET, no ROME,"
        " unknown ROME, no name, closed company, opted-out SIRET, same SIRET twice, file under the guard rail, older"
        " file than the last one, broken stream"
    ),
    "test_la_bonne_boite": (
        """LBB v2: 302 to another host, 403 "Invalid scope", 422 on missing place or distance > 200, csv `rome` ⇒ 0"""
        " hits, `department_number` without zero, quota 2/s"
    ),
}
"""Test -> box, in the words of the contract."""
