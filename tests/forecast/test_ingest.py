"""What becomes of each row of the operator's files, and when does an ingest refuse all of them?"""

import csv
import gzip
import json
import re
import stat
from collections import Counter
from datetime import date

import duckdb
import pytest

from tests.forecast.inputs import (
    REFERENCE,
    REQUEST,
    establishment,
    folder,
    hire,
    mix,
    need,
    siret,
    text_of,
    write,
)
from widget_server.domain.errors import InputsRefused
from widget_server.forecast.ingest import files, ingest, read_request
from widget_server.forecast.tables import REMEDIES, SKIPPED, TABLES

TOLERANT = {name: 1.0 for table in TABLES for name, _ in table.ceilings()}
CROSSING = [{"fap": "S0Z20", "rome": "D1102", "weight": "1"}]


def run(path, **more):
    report = ingest(path, path.parent / "out", path.parent / "rejects", REFERENCE, **more)
    return {counts.table: counts for counts in report.tables}, report


def rejected(path, table):
    with (path.parent / "rejects" / f"{table}.csv").open(newline="") as stream:
        return [(row["file"], int(row["row"]), row["reasons"]) for row in csv.DictReader(stream)]


def clean(path, table, columns="*"):
    return duckdb.sql(f"SELECT {columns} FROM '{path.parent / 'out' / table}.parquet'").fetchall()


def refusal(path, **more):
    with pytest.raises(InputsRefused) as caught:
        run(path, **more)
    assert not (path.parent / "out").exists()
    assert not (path.parent / "rejects").exists()
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    return "\n".join(caught.value.problems)


BAD = {
    "establishments": [
        ({"siret": "123"}, "siret_format"),
        ({"siret": siret(1)[:-1] + "0"}, "siret_check"),
        ({"statutDiffusionEtablissement": "X"}, "diffusion_code"),
        ({"statutDiffusionEtablissement": ""}, "diffusion_code"),
        ({"dateCreationEtablissement": "2026-07-02"}, "created_future"),
        ({"dateCreationEtablissement": "05/03/2012"}, "date_format"),
        ({"trancheEffectifsEtablissement": "04"}, "headcount_code"),
        ({"anneeEffectifsEtablissement": "1969"}, "headcount_year"),
        ({"anneeEffectifsEtablissement": "2027"}, "headcount_year"),
        ({"etablissementSiege": "peut-être"}, "boolean"),
        ({"codeCommuneEtablissement": ""}, "commune_missing"),
        ({"codeCommuneEtablissement": "3523"}, "commune_format"),
        ({"etatAdministratifEtablissement": "F", "dateDebut": ""}, "closing_missing"),
        ({"etatAdministratifEtablissement": "X"}, "state_code"),
        ({"activitePrincipaleEtablissement": "10.71"}, "naf_format"),
        ({"caractereEmployeurEtablissement": "?"}, "employer_code"),
        ({"siret": siret(1)}, "duplicate"),
    ],
    "hires": [
        ({"siret": "A" * 14}, "siret_format"),
        ({"siret": siret(2)[:-1] + ("1" if siret(2)[-1] != "1" else "2")}, "siret_check"),
        ({"siret": siret(999)}, "siret_unknown"),
        ({"month": "2025-13"}, "month_format"),
        ({"month": "1999-12"}, "month_range"),
        ({"month": "2028-07"}, "month_range"),
        ({"rome": "Z1102"}, "rome_format"),
        ({"n": "0"}, "n_range"),
        ({"n": "5001"}, "n_range"),
        ({"n": "1.5"}, "n_range"),
        ({"n": ""}, "n_range"),
    ],
    "tension": [
        ({"annee": "25"}, "year_format"),
        ({"Code métier BMO": "S0Z2"}, "fap_format"),
        ({"Dept": "99"}, "department_unknown"),
        ({"BE25": ""}, "basin_missing"),
        ({"met": "-1"}, "count_range;xmet_above_met"),
        ({"smet": "peu"}, "count_range"),
        ({"xmet": "101"}, "xmet_above_met"),
        ({}, "duplicate"),
    ],
    "rome_naf": [
        ({"rome": "D110"}, "rome_format"),
        ({"naf": "1071"}, "naf_format"),
        ({"hires": "0"}, "hires_range"),
        ({"hires": "inf"}, "hires_range"),
    ],
    "fap_rome": [
        ({"fap": "S0Z2"}, "fap_format"),
        ({"rome": "D110"}, "rome_format"),
        ({"weight": "1.1"}, "weight_range"),
        ({"weight": "0"}, "weight_range"),
    ],
}
GOOD = {
    "establishments": lambda number: establishment(number),
    "hires": lambda number: hire(number % 5 + 1, month=f"{2010 + number % 16}-{number % 12 + 1:02d}"),
    "tension": lambda number: need(basin=str(number)),
    "rome_naf": lambda _: mix(),
    "fap_rome": lambda _: CROSSING[0],
}


@pytest.mark.parametrize("table", BAD)
def test_every_documented_defect_injected_twenty_times_is_rejected_for_its_own_reason(tmp_path, table):
    rows = [GOOD[table](number) for number in range(1, 31)]
    if table == "tension":
        rows[0] = need()  # what the duplicates repeat
    expected = []
    for time in range(20):
        for change, reason in BAD[table]:
            number = 1000 + len(rows)
            defect = need() if table == "tension" else GOOD[table](number)
            if table == "tension" and reason != "duplicate":
                defect["BE25"] = str(number)
            rows.append(defect | change)
            expected.append((f"{table}.csv", len(rows), reason))
        rows.append(GOOD[table](100 + time))
    given = {"tension": [need()], "fap_rome": CROSSING} | {table: rows}
    path = folder(tmp_path / "in", **given)

    counts, _ = run(path, ceilings=TOLERANT)

    assert rejected(path, table) == expected
    assert counts[table].read == len(rows)
    assert counts[table].accepted == 50
    for other in set(given) - {table}:
        assert rejected(path, other) == []


def test_a_row_with_two_defects_is_kept_whole_with_both_reasons(tmp_path):
    bad = hire(1, month="sept", n="0")
    path = folder(tmp_path / "in", hires=[hire(1), bad])

    run(path, ceilings=TOLERANT)

    with (tmp_path / "rejects" / "hires.csv").open(newline="") as stream:
        row = next(csv.DictReader(stream))
    assert row["reasons"] == "month_format;n_range"
    assert json.loads(row["raw"]) == bad


def test_rejected_rows_are_for_the_eyes_of_the_operator_only(tmp_path):
    path = folder(tmp_path / "in")

    run(path)

    assert stat.S_IMODE((tmp_path / "rejects").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "rejects").iterdir()} == {0o600}


REPAIRS = {
    "commune_unknown": {"codeCommuneEtablissement": "35999"},
    "placed_at_commune": {"coordonneeLambertAbscisseEtablissement": "[ND]"},
    "naf_old": {
        "activitePrincipaleEtablissement": "52.4C",
        "nomenclatureActivitePrincipaleEtablissement": "NAF1993",
    },
}


@pytest.mark.parametrize("reason", REPAIRS)
def test_a_repair_is_named_and_counted(tmp_path, reason):
    rows = [establishment(1), establishment(2, **REPAIRS[reason])]
    path = folder(tmp_path / "in", establishments=rows, hires=[hire(1)])

    counts, _ = run(path)

    assert counts["establishments"].repaired == {reason: 1}
    assert counts["establishments"].accepted == 2


def test_a_siret_without_its_leading_zeros_is_padded_and_counted_in_every_table(tmp_path):
    bare = siret(1_234_567_890).lstrip("0")
    path = folder(
        tmp_path / "in",
        establishments=[establishment(1_234_567_890, siret=bare)],
        hires=[hire(1_234_567_890, siret=bare), hire(1_234_567_890, siret=bare + ".0", month="2025-10")],
        opt_out=[{"siret": bare, "since": "2026-01-01", "scope": "contact"}],
    )

    counts, _ = run(path)

    assert [counts[name].repaired for name in ("establishments", "hires", "opt_out")] == [
        {"siret_padded": 1},
        {"siret_padded": 2},
        {"siret_padded": 1},
    ]
    assert clean(path, "opt_out", "siret") == [(siret(1_234_567_890),)]


def test_the_establishments_of_la_poste_have_a_check_of_their_own(tmp_path):
    def luhn(text):
        doubled = (sum(divmod(int(digit) * (1 + place % 2), 10)) for place, digit in enumerate(reversed(text)))
        return sum(doubled) % 10 == 0

    def drawn(luhn_holds, fives, siren="356000000"):
        """The first SIRET of La Poste, or of another company, whose checks come out as asked."""
        numbers = (f"{siren}{number:05d}" for number in range(100_000))
        return next(each for each in numbers if (luhn(each), sum(map(int, each)) % 5 == 0) == (luhn_holds, fives))

    path = folder(
        tmp_path / "in",
        establishments=[
            establishment(1),
            establishment(2, siret=drawn(True, False)),
            establishment(3, siret=drawn(False, True)),
            establishment(4, siret=drawn(False, False)),
            establishment(5, siret=drawn(False, True, "999000000")),
        ],
        hires=[hire(1)],
    )

    run(path, ceilings=TOLERANT)

    assert rejected(path, "establishments") == [
        ("establishments.csv", 4, "siret_check"),
        ("establishments.csv", 5, "siret_check"),
    ]


def test_who_closed_before_the_first_origin_is_skipped_with_its_hires(tmp_path):
    closed = {"etatAdministratifEtablissement": "F", "dateDebut": "2015-01-01"}
    path = folder(
        tmp_path / "in",
        establishments=[establishment(1), establishment(2, **closed)],
        hires=[hire(1), hire(1, month="2026-07"), hire(2, month="2014-09")],
    )

    counts, _ = run(path)

    assert counts["establishments"].skipped_for == {"before_history": 1}
    assert counts["hires"].skipped_for == {"before_history": 1, "signed_ahead": 1}
    assert counts["hires"].accepted == 1


def test_the_same_hires_twice_are_added_up(tmp_path):
    path = folder(tmp_path / "in", hires=[hire(1, n=2), hire(1, n=3), hire(1, rome="", n=4), hire(1, rome="D1103")])

    counts, _ = run(path)

    assert counts["hires"].repaired == {"summed": 2, "rome_child": 1}
    assert clean(path, "hires", "rome, n") == [("D1102", 6), (None, 4)]


def test_an_occupation_that_the_reference_does_not_know_is_no_occupation(tmp_path):
    path = folder(tmp_path / "in", hires=[hire(1, rome="N9999")])

    counts, _ = run(path)

    assert counts["hires"].repaired == {"rome_unknown": 1}
    assert clean(path, "hires", "rome") == [(None,)]


def test_a_secret_of_the_survey_is_null_and_never_zero(tmp_path):
    path = folder(tmp_path / "in", tension=[need(met="*", xmet="*", smet="*"), need(basin="2", met="0", xmet="0")])

    counts, _ = run(path)

    assert counts["tension"].accepted == 2
    assert clean(path, "tension", "projects, difficult") == [(0, 0), (None, None)]


def test_the_survey_of_each_year_has_its_own_column_names(tmp_path):
    path = folder(tmp_path / "in", tension__2019=[need(annee="2019")], tension__2025=[need(departement="6")])

    run(path)

    assert clean(path, "tension", "year, departement, basin") == [(2019, "35", "3501"), (2025, "06", "3501")]


def test_the_open_matrix_is_read_under_its_own_names(tmp_path):
    rows = [{"rome_id": "D1102", "naf_id": "10.71C", "hirings": "7"}, {"rome_id": "X", "naf_id": "1071C", "hirings": 1}]
    path = folder(tmp_path / "in", rome_naf=rows)

    run(path, ceilings=TOLERANT)

    assert clean(path, "rome_naf") == [("D1102", "1071C", 7.0)]


def test_csv_gzip_and_parquet_give_the_same_tables(tmp_path):
    rows = [establishment(number) for number in range(1, 8)]
    as_csv, as_gzip, as_parquet = (folder(tmp_path / name / "in", establishments=rows) for name in ("c", "g", "p"))
    for path, file in ((as_gzip, "establishments.csv.gz"), (as_parquet, "establishments.parquet")):
        (path / "establishments.csv").unlink()
        if file.endswith("gz"):
            (path / file).write_bytes(gzip.compress(("\ufeff" + text_of(rows, ",")).encode()))
        else:
            duckdb.sql(f"COPY (FROM read_csv('{as_csv / 'establishments.csv'}')) TO '{path / file}'")

    for path in (as_csv, as_gzip, as_parquet):
        run(path)

    tables = [(path.parent / "out" / "establishments.parquet").read_bytes() for path in (as_csv, as_gzip, as_parquet)]
    assert len(clean(as_csv, "establishments")) == 7
    assert tables[0] == tables[1] == tables[2]


def test_two_runs_over_the_same_files_give_the_same_bytes(tmp_path):
    rows = [establishment(number) for number in range(3000, 1, -1)]
    hires = [hire(number) for number in range(2, 200)]
    one, two = (folder(tmp_path / name / "in", establishments=rows, hires=hires) for name in ("one", "two"))

    run(one, threads=1)
    run(two, threads=2)

    for file in sorted((tmp_path / "one" / "out").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / "out" / file.name).read_bytes(), file.name


def test_lines_of_the_wrong_shape_are_rejected_and_the_rows_after_them_keep_their_numbers(tmp_path):
    path = folder(tmp_path / "in")
    good = siret(1)
    (path / "hires.csv").write_text(
        "siret;month;rome;n\n"
        f"{good};2025-01;;1\n"
        f"{good};2025-02;\n"
        f"{good};2025-03;;1;9\n"
        f"{good};2025-04;;0\n"
        f'{good};2025-05;"";1\n'
        f"{good};2025-06;;0\n"
    )

    counts, _ = run(path, ceilings=TOLERANT)

    assert rejected(path, "hires") == [
        ("hires.csv", 2, "row_shape"),
        ("hires.csv", 3, "row_shape"),
        ("hires.csv", 4, "n_range"),
        ("hires.csv", 6, "n_range"),
    ]
    assert counts["hires"].read == 6
    assert counts["hires"].accepted == 2


def test_a_column_that_nobody_asked_for_aborts_a_raw_export(tmp_path):
    path = folder(tmp_path / "in", hires=[hire(1, date_naissance="2009-01-01")])

    said = refusal(path)

    assert "date_naissance" in said
    assert "personal data" in said


def test_other_columns_of_the_stock_are_not_read(tmp_path):
    path = folder(
        tmp_path / "in",
        establishments=[establishment(1, nic="00018")],
        hires=[hire(1)],
    )

    run(path)

    assert len(clean(path, "establishments")) == 1


def test_one_unreadable_line_of_the_opt_outs_aborts_the_run(tmp_path):
    path = folder(
        tmp_path / "in",
        opt_out=[{"siret": siret(1), "since": "", "scope": "all"}, {"siret": siret(2), "since": "", "scope": "al"}],
    )

    said = refusal(path, ceilings=TOLERANT)

    assert "scope_code (opt_out.csv row 2;" in said


def test_an_opt_out_needs_no_right_check_digit(tmp_path):
    wrong = siret(1)[:-1] + ("3" if siret(1)[-1] != "3" else "4")
    path = folder(tmp_path / "in", opt_out=[{"siret": wrong, "since": "", "scope": "all"}])

    counts, _ = run(path)

    assert counts["opt_out"].accepted == 1


def test_more_rejects_than_the_ceiling_abort_before_anything_is_written(tmp_path):
    rows = [hire(1, month=f"{2014 + month // 12}-{month % 12 + 1:02d}") for month in range(99)]
    path = folder(tmp_path / "in", hires=[*rows, hire(1, n="0")])

    said = refusal(path)
    counts, report = run(path, ceilings={"hires": 0.02})

    assert "hires: 1 of 100 rows are rejected, more than 0.50%" in said
    assert "--max-rejects hires=SHARE" in said
    assert counts["hires"].rejected == 1
    assert report.ceilings["hires"] == 0.02


def test_unknown_establishments_have_a_ceiling_of_their_own(tmp_path):
    rows = [hire(1, month=f"{2018 + month // 12}-{month % 12 + 1:02d}") for month in range(50)]
    few, many = (
        folder(tmp_path / name / "in", hires=[*rows, *(hire(900 + more) for more in range(unknown))])
        for name, unknown in (("few", 2), ("many", 4))
    )

    counts, _ = run(few)
    said = refusal(many)

    assert counts["hires"].rejected_for == {"siret_unknown": 2}
    assert "hires.siret_unknown: 4 of 54 rows" in said


def test_a_missing_table_a_missing_column_and_a_file_that_is_no_table_are_told_together(tmp_path):
    path = folder(tmp_path / "in", hires=[{"siret": siret(1), "month": "2025-01"}])
    (path / "rome_naf.csv").rename(path / "matrix.csv")

    said = refusal(path)

    assert "hires.csv: the columns rome, n are missing" in said
    assert "there is no rome_naf" in said
    assert "matrix.csv is none of the tables" in said


def test_the_same_part_in_two_shapes_is_not_counted_twice(tmp_path):
    path = folder(tmp_path / "in")
    write(path / "hires.csv.gz", [hire(1)])

    assert "the same rows twice" in refusal(path)


@pytest.mark.parametrize("name", ["opt_out.CSV", "OPT_OUT.csv.gz.part", "opt_out.xlsx", "opt_out-2026.txt"])
def test_opt_outs_that_would_not_be_read_are_not_passed_over(tmp_path, name):
    path = folder(tmp_path / "in")
    (path / name).write_text("siret;since;scope\n")

    assert f"{name} is named like the table opt_out and would not be read" in refusal(path)


def test_the_spreadsheet_of_a_table_may_lie_beside_it(tmp_path):
    path = folder(tmp_path / "in", tension=[need()])
    (path / "tension.xlsx").write_bytes(b"PK")
    (path / "notes.txt").write_text("not a table")

    assert run(path)[0]["tension"].accepted == 1


@pytest.mark.parametrize("part", ["2025", "2025-07", "202507", "2025-07-32"])
def test_a_stock_file_with_a_part_of_a_day_is_not_taken_for_the_stock_of_today(tmp_path, part):
    path = folder(tmp_path / "in")
    write(path / f"establishments-{part}.csv", [establishment(9)])

    assert f"establishments-{part}.csv: a stock file names its whole day" in refusal(path)


@pytest.mark.parametrize("part", ["0001", "bretagne", "part-1"])
def test_a_stock_may_come_in_parts(tmp_path, part):
    path = folder(tmp_path / "in")
    write(path / f"establishments-{part}.csv", [establishment(9)])

    assert run(path)[0]["establishments"].accepted == 6


def test_a_folder_may_have_any_name(tmp_path):
    counts, _ = run(folder(tmp_path / "l'été [1] *" / "in"))

    assert counts["hires"].accepted == 3


@pytest.mark.parametrize(
    ("spoil", "remedy"),
    [
        (lambda body: body.replace(b"\r\n", b"\r"), r"convert it: tr '\r' '\n'"),
        (lambda body: body.replace(b"\r\n", b"\n", 2), r"sed -i 's/\r$//' hires.csv"),
    ],
    ids=["old Mac", "two files behind each other"],
)
def test_line_ends_that_cannot_be_read_are_named_with_the_command_that_mends_them(tmp_path, spoil, remedy):
    path = folder(tmp_path / "in")
    (path / "hires.csv").write_bytes(spoil((path / "hires.csv").read_bytes()))

    assert remedy in refusal(path)


def test_a_table_of_which_every_row_is_skipped_says_why(tmp_path):
    said = refusal(folder(tmp_path / "in", hires=[hire(1, month="2026-09")]))

    assert "hires: not one row of 1 can be used: 1 signed_ahead (contracts that begin on the day" in said


def test_who_is_not_diffusible_or_closed_does_not_count_among_the_placed(tmp_path):
    nowhere = {"coordonneeLambertAbscisseEtablissement": "[ND]", "coordonneeLambertOrdonneeEtablissement": "[ND]"}
    rows = [
        *(establishment(number) for number in range(1, 4)),
        establishment(4, **nowhere),
        establishment(5, statutDiffusionEtablissement="P", **nowhere),
        establishment(6, etatAdministratifEtablissement="F", dateDebut="2026-06-01", **nowhere),
    ]

    _, report = run(folder(tmp_path / "in", establishments=rows))

    assert report.own_place == 0.75


def test_latin_1_is_named_with_its_remedy(tmp_path):
    path = folder(tmp_path / "in")
    rows = [establishment(number, libelleCommuneEtablissement="LIFFRÉ") for number in range(1, 6)]
    (path / "establishments.csv").write_bytes(text_of(rows).encode("latin-1"))

    said = refusal(path)

    assert "establishments.csv: line 2 is not UTF-8" in said
    assert "iconv" in said


def test_a_header_in_latin_1_is_named_with_its_remedy(tmp_path):
    path = folder(tmp_path / "in")
    (path / "tension.csv").write_bytes(text_of([need()]).encode("latin-1"))

    assert "tension.csv: its header is not UTF-8" in refusal(path)


@pytest.mark.parametrize("ending", [".parquet", ".csv.gz"])
def test_a_truncated_file_is_named_with_its_remedy(tmp_path, ending):
    path = folder(tmp_path / "in")
    (path / "establishments.csv").unlink()
    whole = tmp_path / f"whole{ending}"
    rows = [establishment(number) for number in range(1, 4000)]
    if ending == ".parquet":
        write(tmp_path / "rows.csv", rows)
        duckdb.sql(f"COPY (FROM read_csv('{tmp_path / 'rows.csv'}', all_varchar = true)) TO '{whole}'")
        (tmp_path / "rows.csv").unlink()
    else:
        write(whole, rows)
    body = whole.read_bytes()
    whole.unlink()
    (path / f"establishments{ending}").write_bytes(body[: len(body) // 2])

    said = refusal(path)

    assert f"establishments{ending} is not a whole" in said
    assert "copy it again" in said


def test_an_empty_file_is_named(tmp_path):
    path = folder(tmp_path / "in")
    (path / "hires.csv").write_text("")

    assert "hires.csv has no header" in refusal(path)


def test_a_table_of_which_no_row_can_be_used_aborts_the_run(tmp_path):
    path = folder(tmp_path / "in", hires=[hire(1, n="0")])

    assert "hires: not one row of 1 can be used" in refusal(path, ceilings=TOLERANT)


def test_a_dated_stock_carries_its_own_day(tmp_path):
    path = folder(tmp_path / "in")
    write(path / "establishments-2025-01-01.csv", [establishment(1, dateCreationEtablissement="2025-01-02")])
    write(path / "establishments-2025-07-01.csv", [establishment(1, dateCreationEtablissement="2025-01-02")])

    _, report = run(path, ceilings=TOLERANT)

    assert [str(day) for day in report.stocks] == ["2025-01-01", "2025-07-01", "2026-07-01"]
    assert Counter(str(day) for (day,) in clean(path, "establishments", "as_of")) == {"2025-07-01": 1, "2026-07-01": 5}
    assert rejected(path, "establishments") == [("establishments-2025-01-01.csv", 1, "created_future")]


def test_every_problem_of_the_request_is_told_at_once(tmp_path):
    request = "day = 2026-07-02\nlag_months = 7\nestablishments_as_of = 'July'\nsource = 3\nDay = 1\n"
    path = folder(tmp_path / "in", request=request)

    with pytest.raises(InputsRefused) as caught:
        read_request(path)

    assert len(caught.value.problems) == 5


@pytest.mark.parametrize("request_text", ["", "lag_months = 0", "day = "], ids=["empty", "no day", "no TOML"])
def test_a_request_without_a_day_is_refused(tmp_path, request_text):
    with pytest.raises(InputsRefused):
        read_request(folder(tmp_path / "in", request=request_text))


@pytest.mark.parametrize(
    ("request_text", "said"),
    [
        ("day = 0001-01-01", "day lies in the years 2001 to 2999; it says 0001-01-01"),
        ("day = 9999-12-01", "day lies in the years 2001 to 2999"),
        ("day = 2026-07-01\nlag_months = true", "lag_months is a whole number from 0 to 6; it says True"),
    ],
)
def test_a_value_of_the_request_that_means_nothing_is_named(tmp_path, request_text, said):
    with pytest.raises(InputsRefused, match=re.escape(said)):
        read_request(folder(tmp_path / "in", request=request_text))


def test_a_request_may_begin_with_the_mark_of_an_editor(tmp_path):
    path = folder(tmp_path / "in", request="\ufeff" + REQUEST)

    assert read_request(path).source == "test"


def test_a_request_that_is_a_folder_is_named(tmp_path):
    (tmp_path / "inputs.toml").mkdir()

    with pytest.raises(InputsRefused, match=r"inputs\.toml cannot be read"):
        read_request(tmp_path)


def test_a_folder_without_a_request_says_what_to_write(tmp_path):
    with pytest.raises(InputsRefused, match="day = 2026-07-01"):
        read_request(tmp_path)


def test_an_unknown_ceiling_is_refused(tmp_path):
    assert "there is no ceiling hire;" in refusal(folder(tmp_path / "in"), ceilings={"hire": 0.1})


def test_the_files_of_a_stage_are_those_that_are_read(tmp_path):
    path = folder(tmp_path / "in", request=REQUEST)
    (path / "notes.txt").write_text("not read")

    assert [file.name for file in files(path)] == ["inputs.toml", "establishments.csv", "hires.csv", "rome_naf.csv"]


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("last", ["", "end"], ids=["without a last line end", "with one"])
def test_line_ends_quotes_and_spaces_are_read_as_they_are_meant(tmp_path, end, last):
    path = folder(tmp_path / "in")
    lines = ['"siret"; month;rome;n', f'"{siret(1)}"; 2025-09;" D1102 ";2', f"{siret(2)};2025-10;;1"]
    (path / "hires.csv").write_bytes((end.join(lines) + (end if last else "")).encode())

    counts, _ = run(path)

    assert counts["hires"].accepted == 2
    assert clean(path, "hires", "rome, n") == [("D1102", 2), (None, 1)]


def test_a_table_of_opt_outs_with_a_header_alone_is_empty(tmp_path):
    path = folder(tmp_path / "in")
    (path / "opt_out.csv").write_text("siret;since;scope\n")

    counts, _ = run(path)

    assert counts["opt_out"].read == 0


def test_cells_of_parquet_may_have_types(tmp_path):
    path = folder(tmp_path / "in", tension=[need()])
    for table in ("establishments", "hires", "tension"):
        file = path / f"{table}.csv"
        duckdb.sql(f"COPY (FROM read_csv('{file}', header = true)) TO '{file.with_suffix('.parquet')}'")
        file.unlink()
    columns = dict(duckdb.sql(f"DESCRIBE FROM '{path / 'establishments.parquet'}'").project("#1, #2").fetchall())
    assert columns["dateCreationEtablissement"] == "DATE"
    assert columns["etablissementSiege"] == "BOOLEAN"

    counts, _ = run(path)

    assert [counts[name].accepted for name in ("establishments", "hires", "tension")] == [5, 3, 1]
    assert clean(path, "establishments", "created, head_office")[0] == (date(2012, 3, 5), True)


def test_every_reason_has_a_remedy():
    reasons = {rule.reason for table in TABLES for rule in table.rejects}

    assert reasons | {"duplicate", "row_shape"} == set(REMEDIES)
    assert {rule.reason for table in TABLES for rule in table.skips} == set(SKIPPED)


def test_a_refusal_says_what_would_be_right(tmp_path):
    path = folder(tmp_path / "in", hires=[hire(1), hire(1, month="2030-01")])

    assert f"1 month_range (hires.csv row 2; {REMEDIES['month_range']})" in refusal(path)
