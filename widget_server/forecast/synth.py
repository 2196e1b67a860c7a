"""Write a synthetic economy as the files that a real operator would give, and its truth beside them.

    OUT/inputs.toml, establishments.parquet, hires.parquet, tension-<year>.csv, rome_naf.csv, fap_rome.csv, opt_out.csv
    OUT/truth.npz     what only the oracles may read; an ingest does not look at it

Names say that they are fictitious, and no SIRET belongs to anybody. Same seed, size and laws: same bytes.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb
import numpy as np

from widget_server.forecast.defects import soil
from widget_server.forecast.economy import BRANCH, MOVED, ONLY, Economy, Laws, make_economy, sirets
from widget_server.forecast.ground import Ground, grid
from widget_server.forecast.ingest import REQUEST
from widget_server.forecast.literals import literal
from widget_server.forecast.scorers import Flags, Integers, Numbers

TRUTH: Final = "truth.npz"
SOURCE: Final = "économie synthétique : tout est fictif"
_BRACKETS: Final = (
    (0, "00"), (1, "01"), (3, "02"), (6, "03"), (10, "11"), (20, "12"), (50, "21"), (100, "22"), (200, "31"),
    (250, "32"), (500, "41"), (1_000, "42"), (2_000, "51"), (5_000, "52"), (10_000, "53"),
)  # fmt: skip
"""The smallest size of each bracket of SIRENE."""
_TAILS: Final = (
    "du Tilleul", "des Trois Ponts", "de la Licorne", "du Merle Bleu", "des Nuages", "de l'Horloge", "du Vieux Puits",
    "de la Lune", "du Hérisson", "des Coquelicots", "de la Marelle", "du Phare", "de la Boussole", "du Cerf-Volant",
    "des Mirabelles", "de l'Étoile", "du Grand Large", "des Papillons", "de la Tortue", "des Lucioles",
    "du Chat Perché", "des Sept Lieues", "du Dragon", "de la Girouette", "du Cachalot", "de la Comète", "des Brumes",
)  # fmt: skip
_STREETS: Final = (
    ("RUE", "DES EXEMPLES"), ("AVENUE", "DE LA DEMONSTRATION"), ("RUE", "DU BAC A SABLE"), ("PLACE", "DE L'ESSAI"),
    ("IMPASSE", "DES DONNEES"), ("CHEMIN", "DE L'UTOPIE"), ("ALLEE", "DES MIRAGES"), ("QUAI", "DES CONTES"),
)  # fmt: skip
_ALL_HIRES: Final = 200.0  # of the open matrix, of each establishment; it counts every kind of contract
_PROJECTS: Final = 40.0  # of the survey, per occupation and year in a middling département
_SECRET: Final = 5  # the survey hides a smaller number
_BASINS: Final = (1, 3)
_LATEST: Final = 4
_YEARS_LATE: Final = 2

Columns = Mapping[str, Integers | Numbers | Flags]


@dataclass(frozen=True, kw_only=True)
class Dirt:
    """What is wrong with the files, all of it off by default; shares are of establishments.

    lag_months    what the request says of the newest months
    late          contracts of the last months are declared up to 4 months late
    moves         change their SIRET in a year, within their commune
    branches      have their contracts declared at a head office
    hidden        are partially diffusible
    opted_out     asked not to be scored, and as many more not to be contacted
    bad_rows      of every reason of every table
    """

    lag_months: int = 0
    late: bool = False
    moves: float = 0.0
    branches: float = 0.0
    hidden: float = 0.0
    opted_out: float = 0.0
    bad_rows: int = 0


def write_inputs(
    out: Path,
    *,
    seed: int,
    size: int,
    ground: Ground | None = None,
    laws: Laws | None = None,
    dirt: Dirt | None = None,
) -> Mapping[str, int]:
    """Draw an economy of `size` establishments and write its files into `out`, in place of what is there.

    The ground is a grid of its own unless one is given. Returns the rows of each table.
    """
    economy = make_economy(ground or grid(seed), seed=seed, size=size, laws=laws)
    return write_economy(out, economy, seed=seed, dirt=dirt)


def write_economy(out: Path, economy: Economy, *, seed: int, dirt: Dirt | None = None) -> Mapping[str, int]:
    """Write the files of an economy into `out`, in place of what is there; the rows of each table."""
    dirt = dirt or Dirt()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    dice = np.random.default_rng([seed, 2])
    register = _registered(economy, dirt, dice)
    truth = replace(economy.truth, siret=register.siret)
    with duckdb.connect() as database:
        database.execute("SET threads = 1; SET preserve_insertion_order = true")
        _lists(database, economy.ground)
        rows = {
            "establishments": _write_establishments(database, out, economy, register, dirt, dice),
            "hires": _write_hires(database, out, economy, register, dirt, dice),
            "tension": _write_tension(database, out, economy, dice),
            "rome_naf": _write_matrix(database, out, economy, dice),
            "fap_rome": _write_crosswalk(database, out, economy.ground),
            "opt_out": _write_opt_outs(database, out, economy, register, dirt, dice),
        }
    truth.save(out / TRUTH)
    day = economy.laws.day.first_day
    (out / REQUEST).write_text(
        f"# Fictitious: written by widget-server forecast synth, seed {seed}\n"
        f'day = {day}\nlag_months = {dirt.lag_months}\nestablishments_as_of = {day}\nsource = "{SOURCE}"\n'
        "demonstration = true\n",
        "utf-8",
    )
    if dirt.bad_rows:
        for defect in soil(out, dirt.bad_rows, seed=seed):
            rows[defect.table] += 1
    return rows


@dataclass(frozen=True, kw_only=True)
class _Register:
    """How establishments are registered: SIRET on the day, the one before a move, where contracts are declared.

    moved    the month of the move, beyond the last one for who never moved
    """

    siret: Integers
    before: Integers
    moved: Integers
    declared_by: Integers


def _registered(economy: Economy, dirt: Dirt, dice: np.random.Generator) -> _Register:
    truth, laws = economy.truth, economy.laws
    size = len(truth.siret)
    firm = np.arange(size, dtype=np.int64)
    company, number, declared_by = firm.copy(), np.full(size, ONLY, dtype=np.int64), firm.copy()
    branch = dice.random(size) < dirt.branches
    head = _heads(truth.activity, branch, dice)
    branch &= head >= 0
    company[branch] = head[branch]
    declared_by[branch] = head[branch]
    number[branch] = BRANCH + _ranks(head[branch])
    settled = np.maximum(truth.born, 0) + 1
    moved = settled + dice.geometric(max(dirt.moves / 12, 1e-300), size)
    gone = (moved >= np.minimum(truth.closed, laws.history)) | branch
    moved = np.where(gone if dirt.moves else True, laws.months, moved)
    now = np.where(moved < laws.months, MOVED, number)
    return _Register(siret=sirets(company, now), before=sirets(company, number), moved=moved, declared_by=declared_by)


def _heads(activity: Integers, branch: Flags, dice: np.random.Generator) -> Integers:
    """For each establishment another one of its activity that is no branch; -1 where there is none."""
    found = np.full(len(activity), -1, dtype=np.int64)
    for each in np.unique(activity):
        heads = np.flatnonzero((activity == each) & ~branch)
        mine = np.flatnonzero(activity == each)
        if len(heads):
            # Few heads: a company has several branches.
            heads = heads[: max(1, len(heads) // 50)]
            found[mine] = heads[dice.integers(0, len(heads), len(mine))]
    return found


def _ranks(keys: Integers) -> Integers:
    """For each one how many before it have its key."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    fresh = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(keys) else order
    ranks = np.empty(len(keys), dtype=np.int64)
    ranks[order] = np.arange(len(keys)) - np.repeat(fresh, np.diff(np.append(fresh, len(keys))))
    return ranks


def _lists(database: duckdb.DuckDBPyConnection, ground: Ground) -> None:
    """What rows refer to by its number."""
    towns, activities = ground.towns, ground.activities
    for name, columns in (
        (
            "towns",
            {
                "insee": [town.insee for town in towns],
                "town": [town.name for town in towns],
                "postcode": [town.postcode for town in towns],
                "departement": [town.departement for town in towns],
            },
        ),
        (
            "activities",
            {
                "naf": [f"{each.naf[:2]}.{each.naf[2:]}" for each in activities],
                "heads": [list(each.names) for each in activities],
            },
        ),
        ("romes", {"rome": list(ground.romes), "fap": [_fap(nth) for nth in range(len(ground.romes))]}),
        ("departements", {"departement": list(ground.departements)}),
        ("tails", {"tail": list(_TAILS)}),
        ("streets", {"kind": [kind for kind, _ in _STREETS], "street": [street for _, street in _STREETS]}),
        ("brackets", {"code": [code for _, code in _BRACKETS]}),
    ):
        unnested = ", ".join(f"unnest(?) AS {column}" for column in columns)
        database.execute(
            f"CREATE TABLE {name} AS SELECT row_number() OVER () - 1 AS number, * FROM (SELECT {unnested})",
            list(columns.values()),
        )


def _fap(nth: int) -> str:
    """A code in the shape of FAP for the nth occupation; it is no real one."""
    return f"X{nth // 100 % 10}Z{nth % 100:02d}"


def _copy(database: duckdb.DuckDBPyConnection, sql: str, path: Path, columns: Columns) -> int:
    database.register("given", dict(columns))
    kind = "FORMAT parquet, COMPRESSION zstd" if path.suffix == ".parquet" else "FORMAT csv, HEADER true, DELIMITER ';'"
    rows = database.execute(f"COPY ({sql}) TO {literal(path)} ({kind})").fetchall()
    database.unregister("given")
    return int(rows[0][0])


_SIRET: Final = "lpad(CAST(siret AS VARCHAR), 14, '0')"


def _day(month: str) -> str:
    """The first day of a month given by its number, as text."""
    return f"printf('%04d-%02d-01', {month} // 12, {month} % 12 + 1)"


def _write_establishments(
    database: duckdb.DuckDBPyConnection,
    out: Path,
    economy: Economy,
    register: _Register,
    dirt: Dirt,
    dice: np.random.Generator,
) -> int:
    truth, laws = economy.truth, economy.laws
    # The stock of the day knows who was there before, closed ones too, and nobody who comes later.
    here = np.flatnonzero(truth.born <= laws.history)
    gone = np.flatnonzero((register.moved < laws.months) & (truth.born <= laws.history))
    firm = np.concatenate((here, gone))
    old = np.arange(len(firm)) >= len(here)
    moved = register.moved[firm] < laws.months
    born = np.where(moved & ~old, register.moved[firm], truth.born[firm])
    closed = np.where(old, register.moved[firm], truth.closed[firm])
    bounds = np.array([least for least, _ in _BRACKETS])
    size, start = len(truth.siret), laws.start.number
    columns: Columns = {
        "siret": np.where(old, register.before[firm], register.siret[firm]),
        "town": economy.town[firm],
        "activity": truth.activity[firm],
        "bracket": np.searchsorted(bounds, truth.size[firm], side="right") - 1,
        "born": start + born,
        "closed": start + closed,
        "x": np.round(economy.x[firm], 1),
        "y": np.round(economy.y[firm], 1),
        "house": dice.integers(1, 99, size)[firm],
        "road": dice.integers(0, len(_STREETS), size)[firm],
        "head": dice.integers(0, 1 << 30, size)[firm],
        "called": dice.integers(0, len(_TAILS), size)[firm],
        "hidden": (dice.random(size) < dirt.hidden)[firm],
        "head_office": register.declared_by[firm] == firm,
        "lone": (truth.size[firm] < 2) & (dice.random(size) < 0.3)[firm],
    }
    shut = f"closed <= {laws.day.number}"
    sql = f"""
    SELECT {_SIRET} AS siret, CASE WHEN hidden THEN 'P' ELSE 'O' END AS "statutDiffusionEtablissement",
        {_day("born")} AS "dateCreationEtablissement", code AS "trancheEffectifsEtablissement",
        '{laws.day.year - _YEARS_LATE}' AS "anneeEffectifsEtablissement",
        CAST(head_office AS VARCHAR) AS "etablissementSiege",
        CAST(house AS VARCHAR) AS "numeroVoieEtablissement", kind AS "typeVoieEtablissement",
        street AS "libelleVoieEtablissement", postcode AS "codePostalEtablissement",
        towns.town AS "libelleCommuneEtablissement", insee AS "codeCommuneEtablissement",
        CAST(x AS VARCHAR) AS "coordonneeLambertAbscisseEtablissement",
        CAST(y AS VARCHAR) AS "coordonneeLambertOrdonneeEtablissement",
        CASE WHEN {shut} THEN {_day("closed")} ELSE {_day("born")} END AS "dateDebut",
        CASE WHEN {shut} THEN 'F' ELSE 'A' END AS "etatAdministratifEtablissement",
        heads[1 + head % len(heads)] || ' ' || tail AS "enseigne1Etablissement",
        CAST(NULL AS VARCHAR) AS "denominationUsuelleEtablissement",
        CASE WHEN lone THEN '1000' ELSE '5710' END AS "categorieJuridiqueUniteLegale",
        naf AS "activitePrincipaleEtablissement", 'NAFRev2' AS "nomenclatureActivitePrincipaleEtablissement",
        'O' AS "caractereEmployeurEtablissement"
    FROM given JOIN towns ON towns.number = given.town JOIN activities ON activities.number = activity
    JOIN brackets ON brackets.number = bracket JOIN streets ON streets.number = road JOIN tails ON tails.number = called
    ORDER BY siret"""
    return _copy(database, sql, out / "establishments.parquet", columns)


def _write_hires(
    database: duckdb.DuckDBPyConnection,
    out: Path,
    economy: Economy,
    register: _Register,
    dirt: Dirt,
    dice: np.random.Generator,
) -> int:
    truth, laws = economy.truth, economy.laws
    by = register.declared_by[truth.firm]
    siret = np.where(truth.month < register.moved[by], register.before[by], register.siret[by])
    declared = truth.month + dice.integers(0, _LATEST + 1, len(siret)) if dirt.late else truth.month
    # A head office that is not there yet declares nothing; nobody gives contracts of days to come.
    known = (declared < laws.history) & (truth.month < laws.history) & (truth.born[by] <= laws.history)
    columns: Columns = {
        "siret": siret[known],
        "month": laws.start.number + truth.month[known],
        "rome": np.where(truth.told, truth.rome, -1)[known],
        "n": truth.n[known],
    }
    sql = f"""
    SELECT {_SIRET} AS siret, printf('%04d-%02d', month // 12, month % 12 + 1) AS month, romes.rome AS rome, n
    FROM (SELECT siret, month, rome, CAST(sum(n) AS INTEGER) AS n FROM given GROUP BY ALL) AS hired
    LEFT JOIN romes ON romes.number = hired.rome ORDER BY siret, month, romes.rome"""
    return _copy(database, sql, out / "hires.parquet", columns)


def _demand(economy: Economy) -> tuple[Numbers, Numbers]:
    """[sectors, romes] and [activities, romes]: the share of all recruitments."""
    truth = economy.truth
    count = len(truth.romes)
    by_activity = np.zeros((len(truth.naf), count + 1))
    np.add.at(by_activity, (np.arange(len(truth.naf))[:, None], truth.rome_of), truth.affinity)
    by_activity = by_activity[:, :count]  # what is beyond the last occupation went into the last column
    by_sector = np.zeros((len(economy.ground.sectors), count))
    np.add.at(by_sector, truth.sector_of, by_activity * economy.weight[:, None])
    return by_sector, by_activity


def _write_tension(database: duckdb.DuckDBPyConnection, out: Path, economy: Economy, dice: np.random.Generator) -> int:
    """One file for each year, as the columns of the basin carry the year in their names.

    The projects of an occupation are those of every sector that hires it, each as difficult as the survey shows.
    """
    truth = economy.truth
    demand, _ = _demand(economy)
    places = len(economy.ground.departements)
    share_of_place = np.bincount(truth.place, minlength=places) / len(truth.place)
    hard = 1 / (1 + np.exp(-economy.survey))
    basins = dice.integers(_BASINS[0], _BASINS[1] + 1, places)
    rows = 0
    for nth, year in enumerate(economy.years):
        expected = _PROJECTS * places * len(truth.romes) * share_of_place[:, None, None] * demand
        found: dict[str, list[Integers]] = {name: [] for name in ("place", "basin", "rome", "met", "xmet", "smet")}
        for basin in range(_BASINS[1]):
            share = np.where(basin < basins, 1 / basins, 0)[:, None, None]
            met = dice.poisson(expected * share)
            difficult = dice.binomial(met, hard[nth][:, :, None])
            total, of_them = met.sum(axis=1), difficult.sum(axis=1)
            place, rome = np.nonzero(total)
            found["place"].append(place)
            found["rome"].append(rome)
            found["basin"].append(np.full(len(place), basin))
            found["met"].append(total[place, rome])
            found["xmet"].append(of_them[place, rome])
            found["smet"].append(dice.binomial(total[place, rome], 0.2))
        columns: Columns = {name: np.concatenate(parts).astype(np.int64) for name, parts in found.items()}
        suffix = f"{year % 100:02d}"
        sql = f"""
        SELECT '{year}' AS annee, fap AS "Code métier BMO", 'Métier ' || rome AS "Nom métier BMO",
            'X' AS "{"Famille_metier" if year == 2019 else "Famille_met"}", 'Fictif' AS "Lbl_fam_met",
            '00' AS "REG", 'Fictive' AS "NOM_REG", ltrim(departement, '0') AS "Dept", 'Fictif' AS "NomDept",
            departement || printf('%02d', basin) AS "BE{suffix}", 'BASSIN ' || basin AS "NOMBE{suffix}",
            {
            ", ".join(
                f"CASE WHEN {name} < {_SECRET} THEN '*' ELSE CAST({name} AS VARCHAR) END AS {name}"
                for name in ("met", "xmet", "smet")
            )
        }
        FROM (SELECT * RENAME (rome AS needed) FROM given) JOIN romes ON romes.number = needed
        JOIN departements ON departements.number = place ORDER BY departement, basin, fap"""
        rows += _copy(database, sql, out / f"tension-{year}.csv", columns)
    return rows


def _write_matrix(database: duckdb.DuckDBPyConnection, out: Path, economy: Economy, dice: np.random.Generator) -> int:
    _, by_activity = _demand(economy)
    expected = _ALL_HIRES * len(economy.truth.siret) * economy.weight[:, None] * by_activity
    activity, rome = np.nonzero(expected)
    columns: Columns = {"activity": activity, "needed": rome, "hires": dice.poisson(expected[activity, rome])}
    sql = """
    SELECT rome, naf, hires FROM given JOIN activities ON activities.number = activity
    JOIN romes ON romes.number = needed WHERE hires > 0 ORDER BY naf, rome"""
    return _copy(database, sql, out / "rome_naf.csv", columns)


def _write_crosswalk(database: duckdb.DuckDBPyConnection, out: Path, ground: Ground) -> int:
    columns: Columns = {"needed": np.arange(len(ground.romes))}
    sql = "SELECT fap, rome, 1 AS weight FROM given JOIN romes ON romes.number = needed ORDER BY fap"
    return _copy(database, sql, out / "fap_rome.csv", columns)


def _write_opt_outs(
    database: duckdb.DuckDBPyConnection,
    out: Path,
    economy: Economy,
    register: _Register,
    dirt: Dirt,
    dice: np.random.Generator,
) -> int:
    count = round(dirt.opted_out * len(register.siret))
    drawn = dice.choice(len(register.siret), 2 * count, replace=False)
    since = economy.laws.day - 1
    columns: Columns = {"siret": register.siret[drawn], "all": np.arange(2 * count) < count}
    sql = f"""
    SELECT {_SIRET} AS siret, '{since.first_day}' AS since, CASE WHEN "all" THEN 'all' ELSE 'contact' END AS scope
    FROM given ORDER BY siret"""
    return _copy(database, sql, out / "opt_out.csv", columns)
