"""Every documented reason to reject a row, as a row that has it; and how to spoil input files with them."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np

from widget_server.forecast.economy import ONLY, sirets

_STRANGERS: Final = 8_000_000  # companies from this number on are in no economy
_BASIN: Final = "BE"
_SHAPE: Final = "row_shape"

Row = dict[str, str | None]

DEFECTS: Final[Mapping[str, tuple[tuple[str, Mapping[str, str]], ...]]] = {
    "establishments": (
        ("siret_format", {"siret": "123"}),
        ("siret_check", {}),
        ("duplicate", {}),
        ("diffusion_code", {"statutDiffusionEtablissement": "X"}),
        ("date_format", {"dateCreationEtablissement": "05/03/2012"}),
        ("created_future", {"dateCreationEtablissement": "2999-01-01"}),
        ("headcount_code", {"trancheEffectifsEtablissement": "04"}),
        ("headcount_year", {"anneeEffectifsEtablissement": "1969"}),
        ("boolean", {"etablissementSiege": "peut-être"}),
        ("commune_missing", {"codeCommuneEtablissement": ""}),
        ("commune_format", {"codeCommuneEtablissement": "3523"}),
        ("closing_missing", {"etatAdministratifEtablissement": "F", "dateDebut": ""}),
        ("state_code", {"etatAdministratifEtablissement": "X"}),
        ("naf_format", {"activitePrincipaleEtablissement": "10.71"}),
        ("employer_code", {"caractereEmployeurEtablissement": "?"}),
    ),
    "hires": (
        ("siret_format", {"siret": "A" * 14}),
        ("siret_check", {}),
        ("siret_unknown", {}),
        ("month_format", {"month": "2025-13"}),
        ("month_range", {"month": "1999-12"}),
        ("month_range", {"month": "2999-01"}),
        ("rome_format", {"rome": "Z1102"}),
        ("n_range", {"n": "0"}),
        ("n_range", {"n": "5001"}),
    ),
    "tension": (
        ("year_format", {"annee": "25"}),
        ("fap_format", {"Code métier BMO": "S0Z2"}),
        ("department_unknown", {"Dept": "99"}),
        ("basin_missing", {_BASIN: ""}),
        ("count_range", {"met": "-1", "xmet": "*"}),
        ("xmet_above_met", {"met": "100", "xmet": "101"}),
        ("duplicate", {}),
        (_SHAPE, {}),
    ),
    "rome_naf": (
        ("rome_format", {"rome": "D110"}),
        ("naf_format", {"naf": "1071"}),
        ("hires_range", {"hires": "0"}),
        (_SHAPE, {}),
    ),
    "fap_rome": (
        ("fap_format", {"fap": "S0Z2"}),
        ("rome_format", {"rome": "D110"}),
        ("weight_range", {"weight": "1.1"}),
        (_SHAPE, {}),
    ),
}
"""By table: a reason, and what is changed in a good row. An unreadable opt-out aborts the run, so it has none here."""


@dataclass(frozen=True, kw_only=True, order=True)
class Defect:
    """A bad row where an ingest will find it: `row` counts from 1 after the header."""

    table: str
    file: str
    row: int
    reason: str


def soil(folder: Path, times: int, *, seed: int) -> list[Defect]:
    """Put every defect so many times into the files of a synthetic economy, each after a good row drawn by lot.

    The good rows stay. Returns the defects by table, file and row. A table has its defects in its last file.
    """
    dice = np.random.default_rng([seed, 3])
    found: list[Defect] = []
    stranger = _STRANGERS
    for table, defects in DEFECTS.items():
        path = max(each for each in folder.iterdir() if each.name.split(".")[0].split("-")[0] == table)
        wanted = [defect for defect in defects for _ in range(times)]
        rows = _count(path)
        places = dice.choice(rows, len(wanted), replace=rows < len(wanted))
        good = _rows(path, sorted(set(places.tolist())))
        spoiled: list[tuple[int, str, Row]] = []
        for (reason, change), place in zip(wanted, places.tolist(), strict=True):
            spoiled.append((place, reason, _spoiled(table, good[place], reason, change, stranger)))
            stranger += 1
        spoiled.sort(key=lambda each: each[0])
        (_insert_parquet if path.suffix == ".parquet" else _insert_csv)(path, spoiled)
        found += [
            Defect(table=table, file=path.name, row=place + 2 + nth, reason=reason)
            for nth, (place, reason, _) in enumerate(spoiled)
        ]
    return sorted(found)


def _spoiled(table: str, good: Row, reason: str, change: Mapping[str, str], stranger: int) -> Row:
    row = dict(good)
    if reason == "siret_unknown" or (table == "establishments" and reason != "duplicate"):
        row["siret"] = f"{sirets(np.array([stranger]), np.array([ONLY]))[0]:014d}"
    if reason == "siret_check" and (siret := row["siret"]):
        row["siret"] = siret[:-1] + str((int(siret[-1]) + 1) % 10)
    basin = next((name for name in row if re.fullmatch(_BASIN + r"\d\d", name)), None)
    if basin and reason != "duplicate":
        row[basin] = f"{row[basin]}-{stranger}"
    return row | {basin if name == _BASIN and basin else name: value for name, value in change.items()}


def _text(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def _count(path: Path) -> int:
    if path.suffix == ".csv":
        return len(_text(path)) - 1
    with duckdb.connect() as database:
        return int(database.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchall()[0][0])


def _rows(path: Path, places: Sequence[int]) -> dict[int, Row]:
    """Some rows of a file as text, by their place from 0 on."""
    if path.suffix == ".csv":
        lines = _text(path)
        header = next(csv.reader(lines[:1], delimiter=";"))
        cells = csv.reader([lines[1 + place] for place in places], delimiter=";")
        return {place: dict(zip(header, row, strict=True)) for place, row in zip(places, cells, strict=True)}
    with duckdb.connect() as database:
        result = database.execute(
            "SELECT file_row_number, CAST(COLUMNS(* EXCLUDE (file_row_number)) AS VARCHAR) "
            "FROM read_parquet(?, file_row_number = true) WHERE list_contains(?, file_row_number)",
            [str(path), list(places)],
        )
        header = [str(column[0]) for column in result.description[1:]]
        return {int(row[0]): dict(zip(header, row[1:], strict=True)) for row in result.fetchall()}


def _insert_csv(path: Path, spoiled: Sequence[tuple[int, str, Row]]) -> None:
    lines = _text(path)
    written: list[str] = []
    at = 0
    for place, reason, row in spoiled:
        written += lines[at : place + 2]
        at = place + 2
        stream = io.StringIO()
        csv.writer(stream, delimiter=";", lineterminator="").writerow([*row.values()])
        written.append(stream.getvalue() + (";TROP" if reason == _SHAPE else ""))
    path.write_text("\n".join([*written, *lines[at:]]) + "\n", "utf-8")


def _insert_parquet(path: Path, spoiled: Sequence[tuple[int, str, Row]]) -> None:
    beside = path.with_suffix(".spoiled")
    names = list(spoiled[0][2])
    with duckdb.connect() as database:
        database.execute("SET threads = 1")
        unnested = ", ".join(f'unnest(?) AS "{name}"' for name in ("place", *names))
        database.execute(
            f"CREATE TABLE spoiled AS SELECT {unnested}",
            [
                [place + (nth + 1) / (len(spoiled) + 1) for nth, (place, _, _) in enumerate(spoiled)],
                *([row[name] for _, _, row in spoiled] for name in names),
            ],
        )
        database.execute(
            "COPY (SELECT * EXCLUDE (place) FROM (SELECT CAST(file_row_number AS DOUBLE) AS place, "
            "CAST(COLUMNS(* EXCLUDE (file_row_number)) AS VARCHAR) FROM "
            f"read_parquet('{path}', file_row_number = true) UNION ALL BY NAME SELECT * FROM spoiled) ORDER BY place) "
            f"TO '{beside}' (FORMAT parquet, COMPRESSION zstd)"
        )
    beside.replace(path)
