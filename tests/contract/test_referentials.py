"""Refreshing the reference tables, from a server that answers like the real ones and from a folder of files."""

import asyncio
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from tests.contract.site import ASSETS
from tests.contract.upstream_fakes import answer
from widget_server.app import create_app
from widget_server.cli import main
from widget_server.domain.errors import SettingError
from widget_server.reference.certifications import Certifications
from widget_server.reference.occupations import Occupations
from widget_server.reference.places import Places
from widget_server.reference.tables import SHIPPED, Tables, current_version
from widget_server.reference.vintages import vintages
from widget_server.settings import Settings
from widget_server.sync.referentials import Refreshed, refresh

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DATA_SET = "https://www.data.gouv.fr/api/1/datasets/rncp"
ROME_CODES = "unix_referentiel_code_rome_v461_utf8.csv"
EXPORT = "https://static.data.gouv.fr/resources/rncp/export-fiches-csv-2026-11-23.zip"
Edit = Callable[[list[dict[str, object]]], list[dict[str, object]]]


@cache
def geo() -> Mapping[str, str]:
    """What the geo API would answer today: the tables that ship, in its words."""
    places = Places.load()
    retired: dict[str, list[str]] = {}
    for old, today in SHIPPED.rows("retired_communes"):
        retired.setdefault(today, []).append(old)
    communes = [
        {
            "code": each.insee,
            "nom": each.name,
            "codeParent": each.municipality if each.municipality != each.insee else None,
            "codesPostaux": each.postcodes,
            "codeDepartement": each.departement,
            "codeRegion": each.region,
            "population": each.population,
            "anciensCodes": retired.get(each.insee, []),
            "centre": {"type": "Point", "coordinates": [each.longitude, each.latitude]} if each.latitude else None,
        }
        for each in places.communes()
    ]
    # The real one names no collectivity among the départements and the régions.
    real = [{"code": each.code, "nom": each.name, "codeRegion": each.region} for each in places.real_departements()]
    regions = [{"code": each.code, "nom": each.name} for each in places.regions() if len(each.code) == 2]
    told = {"communes.json": communes, "departements.json": real, "regions.json": regions}
    return {
        name: json.dumps([{key: value for key, value in row.items() if value is not None} for row in rows])
        for name, rows in told.items()
    }


def communes(edit: Edit) -> str:
    return json.dumps(edit(json.loads(geo()["communes.json"])))


@cache
def rome_files() -> Mapping[str, str]:
    head = '"code_rome","code_fiche_metier","code_ogr","libelle_rome","code_rome_parent"\n'
    lines = [f'"{code}","1","{ogr}","{label}","{parent}"\n' for code, label, parent, ogr in SHIPPED.rows("rome")]
    new = '"M1999","1","9","Dompteur / Dompteuse de données","M1805"\n'
    names = (
        '"libelle_appellation_court","code_rome","peu_usite"\n'
        '"Rhabilleur / Rhabilleuse de pendules","B1604","N"\n'
        '"Rémouleur / Rémouleuse d\'antan","B1604","O"\n'
        '"Sans code","Z9999","N"\n'
    )
    return {
        ROME_CODES: head + "".join(lines) + new,
        "unix_referentiel_appellation_v461_utf8.csv": names,
    }


def rncp_files(day: str = "2026_11_23") -> dict[str, str]:
    head = '"Numero_Fiche";"Codes_Rome_Code";"Codes_Rome_Libelle"\n'
    lines = "".join(f'"RNCP{40000 + n}";"D1102";"Boulangerie - viennoiserie"\n' for n in range(200))
    return {f"export_fiches_CSV_Rome_{day}.csv": head + lines, f"export_fiches_CSV_Standard_{day}.csv": "x;y\n"}


def zipped(files: Mapping[str, str]) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return body.getvalue()


def server(changed: Mapping[str, httpx.Response] | None = None) -> httpx.MockTransport:
    """The three upstreams; `changed` answers instead of one of their paths."""
    resources = [
        {"title": "export-fiches-csv-2026-11-22.zip", "url": EXPORT.replace("23.zip", "22.zip")},
        {"title": "export-fiches-csv-2026-11-23.zip", "url": EXPORT},
        {"title": "export-fiches-rncp-v4-1-2026-11-24.zip", "url": "https://static.data.gouv.fr/other.zip"},
    ]

    def handle(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if changed and path in changed:
            return changed[path]
        if request.url.host == "geo.api.gouv.fr":
            assert path != "/communes" or "arrondissement-municipal" in request.url.params["type"]
            return answer(200, geo()[f"{path[1:]}.json"].encode())
        if request.url.host == "api.francetravail.fr":
            return answer(200, zipped(rome_files()), {"content-type": "application/zip"})
        if str(request.url) == f"{DATA_SET}/":
            return answer(200, {"resources": resources})
        assert str(request.url) == EXPORT
        return answer(200, zipped(rncp_files()), {"content-type": "application/zip"})

    return httpx.MockTransport(handle)


def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path / "data"), rncp_url=DATA_SET, attempts=1)


def run(tmp_path: Path, **more: object) -> dict[str, Refreshed]:
    told = {"now": NOW, "transport": server()} | more
    return {each.part: each for each in asyncio.run(refresh(settings(tmp_path), **told))}


def in_use(tmp_path: Path) -> Tables:
    return Tables(settings(tmp_path).reference_path())


def files(tmp_path: Path, told: Mapping[str, str | bytes]) -> Path:
    folder = tmp_path / "files"
    folder.mkdir(exist_ok=True)
    for name, body in told.items():
        (folder / name).write_bytes(body.encode() if isinstance(body, str) else body)
    return folder


def test_all_tables_are_refreshed_from_the_network_and_say_when(tmp_path):
    reports = run(tmp_path)

    assert {part: report.cause for part, report in reports.items()} == {"places": None, "rome": None, "rncp": None}
    told = {each.name: each for each in vintages(in_use(tmp_path))}
    assert told["rome"].vintage == "v4.61"
    assert told["rncp_rome"].vintage == "2026-11-23"
    assert told["communes"].vintage == "geo API, 2026-11-24"
    assert told["communes"].fetched == "2026-11-24T12:00:00+00:00"
    assert told["naf"].fetched == ""
    assert told["everyday_names"].licence == "MIT"


def test_places_read_again_are_the_places_that_were_there(tmp_path):
    run(tmp_path, parts=["places"])
    before, after = Places.load(), Places.load(in_use(tmp_path))

    assert after.communes() == before.communes()
    assert {each.code: each for each in after.departements()} == {each.code: each for each in before.departements()}
    assert {each.code for each in after.regions()} == {each.code for each in before.regions()}
    assert all(after.commune(old).insee == today for old, today in SHIPPED.rows("retired_communes"))


def test_a_commune_that_merged_leads_to_the_one_that_took_it_in_and_so_do_its_own_former_codes(tmp_path):
    # Rennes takes in Saint-Malo, and with it a code that had led there.
    old = next(old for old, today in SHIPPED.rows("retired_communes") if today == "35288")

    def merge(rows):
        (rennes,) = [row for row in rows if row["code"] == "35238"]
        rennes["anciensCodes"] = ["35288"]
        return [row for row in rows if row["code"] != "35288"]

    folder = files(tmp_path, dict(geo()) | {"communes.json": communes(merge)})
    report = run(tmp_path, folder=folder)["places"]
    places = Places.load(in_use(tmp_path))

    assert report.ok
    assert places.commune("35288").insee == "35238"
    assert places.commune(old).insee == "35238"


def test_a_new_rome_brings_codes_and_appellations_to_the_suggestions(tmp_path):
    run(tmp_path, parts=["rome"])
    occupations = Occupations.load(in_use(tmp_path))

    assert "M1999" in occupations.expand("M1805")
    assert occupations.suggest("dompteuse de donn")[0].romes == ("M1999",)
    assert occupations.suggest("rhabilleuse")[0].romes == ("B1604",)
    assert occupations.suggest("rémouleuse") == []
    assert all(each.romes != ("B1604",) for each in Occupations.load().suggest("rhabilleuse"))


def test_the_server_prefers_what_a_refresh_left(tmp_path):
    run(tmp_path, parts=["rome"])
    site = create_app(settings(tmp_path), assets=ASSETS).state.site

    assert site.occupations.label("M1999") == "Dompteur / Dompteuse de données"
    assert site.gazetteer.current_romes("M1999") == ("M1999",)


def test_a_version_that_never_became_current_changes_nothing(tmp_path):
    run(tmp_path, parts=["rncp"])
    folder = settings(tmp_path).reference_path()
    before = current_version(folder)
    run(tmp_path, parts=["rome"], now=NOW + timedelta(days=1))
    (folder / "current").write_text(f"{before}\n")

    assert [each.name for each in in_use(tmp_path).refreshed] == ["rncp_rome"]


def test_an_everyday_name_of_a_code_that_rome_dropped_is_left_out(tmp_path):
    kept = "\n".join(line for line in rome_files()[ROME_CODES].splitlines() if not line.startswith('"D1102"'))
    kept = "\n".join(line for line in kept.splitlines() if not line.endswith('"D1102"'))
    run(tmp_path, folder=files(tmp_path, {ROME_CODES: kept}))
    occupations = Occupations.load(in_use(tmp_path))

    assert occupations.label("D1102") is None
    assert all("D1102" not in each.romes for each in occupations.suggest("boulanger"))


def test_the_newest_daily_export_of_the_rncp_is_read(tmp_path):
    run(tmp_path, parts=["rncp"])

    assert Certifications.load(in_use(tmp_path)).romes("RNCP40007") == ("D1102",)


def test_a_folder_of_files_needs_no_network_and_leaves_the_other_parts_alone(tmp_path):
    def nobody(request):
        raise AssertionError(request.url)

    folder = files(tmp_path, {"export-fiches-csv-2026-11-23.zip": zipped(rncp_files()), "notes.txt": "nothing"})
    reports = run(tmp_path, folder=folder, transport=httpx.MockTransport(nobody))

    assert list(reports) == ["rncp"]
    assert reports["rncp"].tables == {"rncp_rome": (len(list(SHIPPED.rows("rncp_rome"))), 200)}
    assert [each.name for each in in_use(tmp_path).refreshed] == ["rncp_rome"]


def test_what_an_earlier_refresh_left_stays_with_its_own_date(tmp_path):
    run(tmp_path, parts=["rncp"])
    run(tmp_path, parts=["rome"], now=NOW + timedelta(days=1))

    fetched = {each.name: each.fetched[:10] for each in in_use(tmp_path).refreshed}
    assert fetched == {"rncp_rome": "2026-11-24", "rome": "2026-11-25", "appellations": "2026-11-25"}


@pytest.mark.parametrize(
    ("edit", "rules"),
    [
        pytest.param(lambda rows: rows[: len(rows) // 2], "drop departement", id="half of the communes"),
        pytest.param(lambda rows: [], "few departement", id="none"),
        pytest.param(
            lambda rows: [row for row in rows if row["codeDepartement"] != "48"], "departement", id="a département"
        ),
        pytest.param(
            lambda rows: [row for row in rows if "codeParent" not in row], "departement", id="arrondissements"
        ),
    ],
)
def test_tables_that_lost_much_are_refused_until_the_operator_says_why(tmp_path, edit, rules):
    folder = files(tmp_path, dict(geo()) | {"communes.json": communes(edit)})

    refused = run(tmp_path, folder=folder)["places"]

    assert all(f"(rule {rule})" in refused.cause for rule in rules.split())
    assert "If this is right: reference refresh places" in refused.cause
    assert current_version(settings(tmp_path).reference_path()) is None
    accepted = run(tmp_path, folder=folder, accept=dict.fromkeys(("few", "drop", "departement"), "essai"))["places"]
    assert accepted.ok
    told = {each.name: each for each in in_use(tmp_path).refreshed}
    assert set(told["communes"].accepted) >= set(rules.split()) - {"few"}
    assert set(told["communes"].accepted.values()) == {"essai"}


@pytest.mark.parametrize(
    ("changed", "part", "said"),
    [
        pytest.param({"/communes": answer(503)}, "places", "503", id="geo API down"),
        pytest.param({"/communes": answer(200, b"[{]")}, "places", "stops", id="half an answer"),
        pytest.param(
            {"/regions": answer(200, [{"code": 1}])}, "places", "cannot be read", id="other types"
        ),
        pytest.param(
            {"/api-nomenclatureemploi/v1/open-data/csv": answer(200, b"PK\x03\x04 broken")},
            "rome",
            "no zip",
            id="a broken zip",
        ),
        pytest.param(
            {"/api-nomenclatureemploi/v1/open-data/csv": answer(200, zipped({"a.csv": ""}))},
            "rome",
            "holds no",
            id="a zip of something else",
        ),
        pytest.param(
            {"/api/1/datasets/rncp/": answer(200, {"resources": [
                {"title": "export-fiches-csv-2026-11-23.zip", "url": "https://elsewhere.example/x.zip"}]})},
            "rncp",
            "not of data.gouv.fr",
            id="a file elsewhere",
        ),
    ],
)  # fmt: skip
def test_an_upstream_that_fails_leaves_its_tables_and_the_other_parts_go_on(tmp_path, changed, part, said):
    other = "rome" if part == "rncp" else "rncp"
    reports = run(tmp_path, parts=[part, other], transport=server(changed))

    assert said in reports[part].cause
    assert reports[other].ok
    assert {each.name for each in in_use(tmp_path).refreshed} == set(reports[other].tables)


def test_columns_that_changed_are_named(tmp_path):
    folder = files(tmp_path, {ROME_CODES: '"code_rome","libelle"\n"A1101","x"\n'})

    assert "no column code_ogr, code_rome_parent, libelle_rome" in run(tmp_path, folder=folder)["rome"].cause


def test_a_folder_without_any_of_the_files_is_an_error(tmp_path):
    with pytest.raises(SettingError, match="none of the files"):
        run(tmp_path, folder=files(tmp_path, {"notes.txt": ""}))


def test_a_damaged_table_is_not_used_and_doctor_says_so(tmp_path):
    run(tmp_path, parts=["rncp"])
    folder = settings(tmp_path).reference_path()
    table = folder / current_version(folder) / "rncp_rome.csv.gz"
    table.write_bytes(gzip.compress(b"rncp,rome\nRNCP1,Z9999\n"))

    tables = in_use(tmp_path)
    told = CliRunner(env={"DATA_DIR": str(tmp_path / "data")}).invoke(main, ["doctor", "--offline"])

    assert "damaged" in tables.problem
    assert [*tables.rows("rncp_rome")] == [*SHIPPED.rows("rncp_rome")]
    assert "damaged" in told.output


def test_old_versions_are_swept_and_drafts_of_a_crash_too(tmp_path):
    folder = settings(tmp_path).reference_path()
    (folder / ".draft-1").mkdir(parents=True)
    for day in range(5):
        run(tmp_path, parts=["rncp"], now=NOW + timedelta(days=day))

    left = sorted(each.name for each in folder.iterdir())
    assert len(left) == settings(tmp_path).keep_versions + 1
    assert "current" in left
    assert current_version(folder) == left[-2]


def test_the_command_reads_a_folder_and_says_what_came_of_it(tmp_path):
    folder = files(tmp_path, {"export-fiches-csv-2026-11-23.zip": zipped(rncp_files()), ROME_CODES: "code_rome\n"})
    runner = CliRunner(env={"DATA_DIR": str(tmp_path / "data")})

    told = runner.invoke(main, ["reference", "refresh", "--from", str(folder)])

    assert told.exit_code == 1
    assert "rncp: rncp_rome 200 rows" in told.output
    assert "rome: " in told.output
    doctor = runner.invoke(main, ["doctor", "--offline"])
    assert "2026-11-23" in doctor.output


def test_the_command_wants_a_reason_for_a_rail(tmp_path):
    runner = CliRunner(env={"DATA_DIR": str(tmp_path)})

    told = runner.invoke(main, ["reference", "refresh", "--from", str(tmp_path), "--accept", "drop"])

    assert told.exit_code == 2
    assert "--because" in told.output


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ({"export-fiches-csv-2026-11-23.zip": b"an error page"}, "export-fiches-csv-2026-11-23.zip: is no zip"),
        (dict.fromkeys(("communes.json", "departements.json", "regions.json"), '[{"nom":"é"}]'.encode("latin-1")), ""),
    ],
    ids=["no zip", "no UTF-8"],
)
def test_the_command_tells_in_a_sentence_what_is_wrong_with_a_file(tmp_path, left, said):
    runner = CliRunner(env={"DATA_DIR": str(tmp_path / "data")})

    told = runner.invoke(main, ["reference", "refresh", "--from", str(files(tmp_path, left))])

    assert (told.exit_code, type(told.exception)) == (1, SystemExit), told.output
    assert said in told.output


def test_a_part_that_is_named_and_has_no_files_is_not_passed_over(tmp_path):
    folder = files(tmp_path, {"export-fiches-csv-2026-11-23.zip": zipped(rncp_files())})
    runner = CliRunner(env={"DATA_DIR": str(tmp_path / "data")})

    told = runner.invoke(main, ["reference", "refresh", "rome", "rncp", "--from", str(folder)])

    assert told.exit_code == 1
    assert "rncp: rncp_rome 200 rows" in told.output
    assert f"rome: {folder} holds none of its files; its tables stay" in told.output
