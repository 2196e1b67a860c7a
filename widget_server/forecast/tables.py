"""The input tables as data: their columns, how each is read, and what makes a row repaired, skipped or rejected.

Every cell arrives as trimmed text in `raw`, a struct with the columns of the file; "" is null. `parsed` makes typed
columns of it, `rejects`, `skips` and `repairs` are conditions over `raw` and the parsed columns: true means that the
reason applies, null that it does not. `clean` is what the rest of the forecast reads. All of it is DuckDB's SQL.

The database knows `getvariable('day')` (the month of the origin), `'first_day'` (its first day), `'first_origin'`,
`as_of` (the day of a row's stock file) and the reference: `known_communes`, `known_romes`, `known_departements`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from widget_server.forecast.coordinates import place_steps

SCOPES: Final = ("all", "contact")
"""What an establishment can ask: not to be scored at all, or to be shown without a contact."""
HEADCOUNTS: Final = ("00", "01", "02", "03", "11", "12", "21", "22", "31", "32", "41", "42", "51", "52", "53")
"""The brackets of SIRENE from nobody to 10 000 people and more; their place here is the feature `headcount`."""
HEADCOUNT_FLOORS: Final = (0, 1, 3, 6, 10, 20, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10000)
"""How many people there are at least in each of them."""
_SECTIONS: Final = {
    "A": (1, 3), "B": (5, 9), "C": (10, 33), "D": (35, 35), "E": (36, 39), "F": (41, 43), "G": (45, 47), "H": (49, 53),
    "I": (55, 56), "J": (58, 63), "K": (64, 66), "L": (68, 68), "M": (69, 75), "N": (77, 82), "O": (84, 84),
    "P": (85, 85), "Q": (86, 88), "R": (90, 93), "S": (94, 96), "T": (97, 98), "U": (99, 99),
}  # fmt: skip
_LA_POSTE: Final = "356000000"
_MOST_HIRES: Final = 5_000
_FIRST_MONTH: Final = 2000 * 12
_MASKED: Final = "[ND]"

# Shapes of text, as regular expressions over a whole cell.
_SIRET: Final = r"\d{14}"
_SHORT_SIRET: Final = r"\d{9,13}"
_ROME: Final = r"[A-N]\d{4}"
_FAP: Final = r"[A-Z]\d[A-Z]\d\d"
_NAF: Final = r"\d\d\.?\d\d[A-Z]"
_COMMUNE: Final = r"(\d\d|2A|2B)\d{3}"
_MONTH: Final = r"\d{4}-(0[1-9]|1[0-2])"
_YEAR: Final = r"[12]\d{3}(\.0+)?"
_BASIN: Final = r"BE\d\d"
_BASIN_NAME: Final = r"NOMBE\d\d"
_WHOLE: Final = r"-?\d+(\.0+)?"
_NO_DECIMALS: Final = r"\.0+$"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a file by its header. `pattern` also finds it under a moving name; `masked`: "[ND]" is null."""

    name: str
    optional: bool = False
    aliases: tuple[str, ...] = ()
    pattern: str = ""
    masked: bool = False

    def find(self, header: Sequence[str]) -> list[str]:
        """The names under which a header has this column."""
        named = {self.name, *self.aliases}
        return [name for name in header if name in named or (self.pattern and re.fullmatch(self.pattern, name))]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A reason and the condition under which it applies."""

    reason: str
    sql: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """One input table.

    ceiling     the rejected share above which a run aborts; `apart` has ceilings of single reasons
    strict      a column that is not listed aborts the run
    key         a second good row with the same key is rejected as `duplicate`
    total       instead, rows with the same key become one with the sum of this column, repaired as `summed`
    fatal       one rejected row aborts the run
    order       of the clean rows, so that equal inputs give equal bytes
    """

    name: str
    columns: tuple[Column, ...]
    parsed: tuple[tuple[str, str], ...]
    rejects: tuple[Rule, ...]
    skips: tuple[Rule, ...] = ()
    repairs: tuple[Rule, ...] = ()
    clean: tuple[tuple[str, str], ...]
    order: str
    key: tuple[str, ...] = ()
    total: str = ""
    ceiling: float
    apart: tuple[tuple[str, float], ...] = ()
    optional: bool = False
    strict: bool = False
    fatal: bool = False

    def ceilings(self) -> Iterator[tuple[str, float]]:
        """Its ceilings as they are named on the command line: `hires`, `hires.siret_unknown`."""
        yield self.name, self.ceiling
        for reason, share in self.apart:
            yield f"{self.name}.{reason}", share


def _text(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name=name) for name in names)


def _masked(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name=name, masked=True) for name in names)


def _named(*reasons: tuple[str, str]) -> tuple[Rule, ...]:
    return tuple(Rule(reason=reason, sql=sql) for reason, sql in reasons)


def _matches(text: str, pattern: str) -> str:
    return f"coalesce(regexp_full_match({text}, '{pattern}'), false)"


def _one_of(text: str, codes: Sequence[str]) -> str:
    return f"{text} IN ({', '.join(repr(code) for code in codes)})"


def _whole(text: str) -> str:
    """A whole number; 3.0 is one, since nulls turn a column of integers into floats in many tools."""
    # The shape first: a cast alone would round 1.5 to 2.
    return f"CASE WHEN {_matches(text, _WHOLE)} THEN TRY_CAST(TRY_CAST({text} AS DECIMAL(18, 3)) AS BIGINT) END"


def _day(text: str) -> str:
    return f"TRY_CAST({text} AS DATE)"


def _luhn() -> str:
    digits = [f"(number // {10**place}) % 10" for place in range(14)]
    # From the right, every second digit counts twice; the digits of what that gives are added.
    luhn = " + ".join(
        f"2 * ({digit}) - 9 * CAST(({digit}) > 4 AS INTEGER)" if place % 2 else f"({digit})"
        for place, digit in enumerate(digits)
    )
    plain = " + ".join(f"({digit})" for digit in digits)
    return (
        f"list_transform([TRY_CAST(siret AS BIGINT)], lambda number: ({luhn}) % 10 = 0 "
        f"OR (number // 100000 = {_LA_POSTE} AND ({plain}) % 5 = 0))[1]"
    )


# A SIRET that went through a spreadsheet or an integer column has lost its leading zeros.
_PARSED_SIRET: Final = (
    ("written", f"regexp_replace(raw.siret, '{_NO_DECIMALS}', '')"),
    ("siret", f"CASE WHEN {_matches('written', _SHORT_SIRET)} THEN lpad(written, 14, '0') ELSE written END"),
)
_SIRET_FORMAT: Final = f"NOT {_matches('siret', _SIRET)}"
_SIRET_CHECK: Final = f"{_matches('siret', _SIRET)} AND NOT {_luhn()}"
_SIRET_PADDED: Final = "length(written) < 14"
_ROME_FORMAT: Final = f"NOT {_matches('raw.rome', _ROME)}"
_PARENT: Final = "(SELECT parent FROM known_romes WHERE code = raw.rome)"
_FAP_FORMAT: Final = f"NOT {_matches('fap', _FAP)}"


def section_sql(naf: str) -> str:
    """The letter of the section of a NAF code."""
    cases = " ".join(
        f"WHEN TRY_CAST({naf}[1:2] AS INTEGER) BETWEEN {first} AND {last} THEN '{section}'"
        for section, (first, last) in _SECTIONS.items()
    )
    return f"CASE {cases} END"


def section_ordinal_sql(letter: str) -> str:
    """1 for section A, 2 for B: trees split an order, and neighbours in NAF are related."""
    return f"ascii({letter}) - ascii('A') + 1"


_BOOLEAN: Final = {"true": True, "false": False, "1": True, "0": False}


def _boolean(text: str) -> str:
    cases = " ".join(f"WHEN '{written}' THEN {value}" for written, value in _BOOLEAN.items())
    return f"CASE lower({text}) {cases} END"


_CURRENT_NAF: Final = "coalesce(raw.nomenclatureActivitePrincipaleEtablissement, 'NAFRev2') IN ('NAFRev2', 'NAF2025')"
_CLOSED: Final = "raw.etatAdministratifEtablissement = 'F'"

ESTABLISHMENTS: Final = Table(
    name="establishments",
    columns=(
        *_text(
            "siret",
            "statutDiffusionEtablissement",
            "dateCreationEtablissement",
            "trancheEffectifsEtablissement",
            "anneeEffectifsEtablissement",
            "etablissementSiege",
        ),
        *_masked(
            "numeroVoieEtablissement",
            "typeVoieEtablissement",
            "libelleVoieEtablissement",
            "codePostalEtablissement",
            "libelleCommuneEtablissement",
        ),
        Column(name="codeCommuneEtablissement"),
        *_masked("coordonneeLambertAbscisseEtablissement", "coordonneeLambertOrdonneeEtablissement"),
        *_text("dateDebut", "etatAdministratifEtablissement"),
        *_masked("enseigne1Etablissement", "denominationUsuelleEtablissement"),
        Column(name="denominationUniteLegale", optional=True, masked=True),
        Column(name="categorieJuridiqueUniteLegale", optional=True),
        *_text(
            "activitePrincipaleEtablissement",
            "nomenclatureActivitePrincipaleEtablissement",
            "caractereEmployeurEtablissement",
        ),
    ),
    parsed=(
        *_PARSED_SIRET,
        ("created", _day("raw.dateCreationEtablissement")),
        ("closed", f"CASE WHEN {_CLOSED} THEN {_day('raw.dateDebut')} END"),
        (
            "headcount",
            f"list_position([{', '.join(repr(code) for code in HEADCOUNTS)}], raw.trancheEffectifsEtablissement) - 1",
        ),
        ("headcount_year", _whole("raw.anneeEffectifsEtablissement")),
        ("head_office", _boolean("raw.etablissementSiege")),
        ("commune", "upper(raw.codeCommuneEtablissement)"),
        ("departement", "CASE WHEN commune[1:2] IN ('97', '98') THEN commune[1:3] ELSE commune[1:2] END"),
        ("x", "TRY_CAST(replace(raw.coordonneeLambertAbscisseEtablissement, ',', '.') AS DOUBLE)"),
        ("y", "TRY_CAST(replace(raw.coordonneeLambertOrdonneeEtablissement, ',', '.') AS DOUBLE)"),
        *place_steps("x", "y", "departement"),
        ("naf", f"CASE WHEN {_CURRENT_NAF} THEN replace(raw.activitePrincipaleEtablissement, '.', '') END"),
    ),
    rejects=_named(
        ("siret_format", _SIRET_FORMAT),
        ("siret_check", _SIRET_CHECK),
        ("diffusion_code", f"NOT coalesce({_one_of('raw.statutDiffusionEtablissement', ('O', 'P', 'N'))}, false)"),
        (
            "date_format",
            "(raw.dateCreationEtablissement IS NOT NULL AND created IS NULL) "
            f"OR ({_CLOSED} AND raw.dateDebut IS NOT NULL AND closed IS NULL)",
        ),
        ("created_future", "created > as_of"),
        (
            "headcount_code",
            "headcount IS NULL AND raw.trancheEffectifsEtablissement <> 'NN'",
        ),
        (
            "headcount_year",
            "raw.anneeEffectifsEtablissement IS NOT NULL "
            "AND NOT coalesce(headcount_year BETWEEN 1970 AND year(getvariable('first_day')), false)",
        ),
        ("boolean", "raw.etablissementSiege IS NOT NULL AND head_office IS NULL"),
        ("commune_missing", "commune IS NULL"),
        ("commune_format", f"commune IS NOT NULL AND NOT {_matches('commune', _COMMUNE)}"),
        ("closing_missing", f"{_CLOSED} AND raw.dateDebut IS NULL"),
        ("state_code", f"NOT coalesce({_one_of('raw.etatAdministratifEtablissement', ('A', 'F'))}, false)"),
        (
            "naf_format",
            f"{_CURRENT_NAF} AND raw.activitePrincipaleEtablissement IS NOT NULL "
            f"AND NOT {_matches('raw.activitePrincipaleEtablissement', _NAF)}",
        ),
        ("employer_code", f"NOT {_one_of('raw.caractereEmployeurEtablissement', ('O', 'N'))}"),
    ),
    skips=_named(("before_history", "closed < getvariable('first_origin')")),
    repairs=_named(
        ("siret_padded", _SIRET_PADDED),
        ("commune_unknown", "commune NOT IN (SELECT code FROM known_communes)"),
        ("placed_at_commune", "place IS NULL"),
        ("naf_old", f"NOT {_CURRENT_NAF}"),
    ),
    clean=(
        ("as_of", "as_of"),
        ("siret", "siret"),
        ("created", "created"),
        ("closed", "closed"),
        ("headcount", "CAST(headcount AS TINYINT)"),
        ("headcount_year", "CAST(headcount_year AS SMALLINT)"),
        ("head_office", "head_office"),
        ("number", "raw.numeroVoieEtablissement"),
        ("street_type", "raw.typeVoieEtablissement"),
        ("street", "raw.libelleVoieEtablissement"),
        ("postcode", "raw.codePostalEtablissement"),
        ("town", "raw.libelleCommuneEtablissement"),
        ("commune", "commune"),
        ("departement", "departement"),
        ("latitude", "coalesce(place.latitude, (SELECT latitude FROM known_communes WHERE code = commune))"),
        ("longitude", "coalesce(place.longitude, (SELECT longitude FROM known_communes WHERE code = commune))"),
        ("own_place", "place IS NOT NULL"),
        ("naf", "naf"),
        ("section", section_sql("naf")),
        ("employer", "raw.caractereEmployeurEtablissement = 'O'"),
        ("diffusible", "raw.statutDiffusionEtablissement = 'O'"),
        (
            "name",
            "coalesce(raw.enseigne1Etablissement, raw.denominationUsuelleEtablissement, raw.denominationUniteLegale)",
        ),
        ("sole_trader", "raw.categorieJuridiqueUniteLegale = '1000'"),
    ),
    order="as_of, siret",
    key=("as_of", "siret"),
    ceiling=0.005,
)

HIRES: Final = Table(
    name="hires",
    columns=_text("siret", "month", "rome", "n"),
    parsed=(
        *_PARSED_SIRET,
        (
            "month",
            f"CASE WHEN {_matches('raw.month', _MONTH)} "
            "THEN CAST(raw.month[1:4] AS INTEGER) * 12 + CAST(raw.month[6:7] AS INTEGER) - 1 END",
        ),
        ("rome", _PARENT),
        ("n", _whole("raw.n")),
    ),
    rejects=_named(
        ("siret_format", _SIRET_FORMAT),
        ("siret_check", _SIRET_CHECK),
        (
            "siret_unknown",
            f"NOT ({_SIRET_FORMAT}) AND NOT ({_SIRET_CHECK}) AND siret NOT IN (SELECT siret FROM read_establishments)",
        ),
        ("month_format", "month IS NULL"),
        ("month_range", f"month < {_FIRST_MONTH} OR month >= getvariable('day') + 24"),
        ("rome_format", f"raw.rome IS NOT NULL AND {_ROME_FORMAT}"),
        ("n_range", f"NOT coalesce(n BETWEEN 1 AND {_MOST_HIRES}, false)"),
    ),
    skips=_named(
        ("signed_ahead", "month >= getvariable('day')"),
        ("before_history", "siret NOT IN (SELECT siret FROM clean_establishments)"),
    ),
    repairs=_named(
        ("siret_padded", _SIRET_PADDED),
        ("rome_child", "rome <> raw.rome"),
        ("rome_unknown", "raw.rome IS NOT NULL AND rome IS NULL"),
    ),
    clean=(("siret", "siret"), ("month", "CAST(month AS SMALLINT)"), ("rome", "rome"), ("n", "CAST(n AS INTEGER)")),
    order="siret, month, rome",
    key=("siret", "month", "rome"),
    total="n",
    ceiling=0.005,
    apart=(("siret_unknown", 0.05),),
    strict=True,
)


def _count(name: str) -> tuple[str, str]:
    # The star stands for a secret; it is never nobody.
    return name, f"CASE WHEN raw.{name} <> '*' THEN {_whole(f'raw.{name}')} END"


TENSION: Final = Table(
    name="tension",
    columns=(
        *_text("annee", "Code métier BMO", "Dept"),
        Column(name="BE", pattern=_BASIN),
        Column(name="NOMBE", pattern=_BASIN_NAME),
        *_text("met", "xmet", "smet"),
    ),
    parsed=(
        (
            "year",
            f"CASE WHEN {_matches('raw.annee', _YEAR)} THEN {_whole('raw.annee')} END",
        ),
        ("fap", 'raw."Code métier BMO"'),
        ("departement", "CASE WHEN length(raw.Dept) = 1 THEN '0' || raw.Dept ELSE upper(raw.Dept) END"),
        *(_count(name) for name in ("met", "xmet", "smet")),
    ),
    rejects=_named(
        ("year_format", "year IS NULL"),
        ("fap_format", _FAP_FORMAT),
        ("department_unknown", "departement IS NULL OR departement NOT IN (SELECT code FROM known_departements)"),
        ("basin_missing", "raw.BE IS NULL"),
        (
            "count_range",
            " OR ".join(f"({name} < 0 OR (raw.{name} <> '*' AND {name} IS NULL))" for name in ("met", "xmet", "smet")),
        ),
        ("xmet_above_met", "xmet > met"),
    ),
    clean=(
        ("year", "CAST(year AS SMALLINT)"),
        ("departement", "departement"),
        ("basin", "raw.BE"),
        ("fap", "fap"),
        ("projects", "met"),
        ("difficult", "xmet"),
    ),
    order="year, departement, basin, fap",
    key=("year", "raw.BE", "fap"),
    ceiling=0.01,
    optional=True,
)

ROME_NAF: Final = Table(
    name="rome_naf",
    columns=(
        Column(name="rome", aliases=("rome_id",)),
        Column(name="naf", aliases=("naf_id",)),
        Column(name="hires", aliases=("hirings",)),
    ),
    parsed=(
        ("rome", _PARENT),
        ("naf", "replace(raw.naf, '.', '')"),
        ("hires", "TRY_CAST(replace(raw.hires, ',', '.') AS DOUBLE)"),
    ),
    rejects=_named(
        ("rome_format", _ROME_FORMAT),
        ("naf_format", f"NOT {_matches('raw.naf', _NAF)}"),
        ("hires_range", "NOT coalesce(hires > 0 AND isfinite(hires), false)"),
    ),
    skips=_named(("rome_unknown", "rome IS NULL")),
    repairs=_named(("rome_child", "rome <> raw.rome")),
    clean=(("rome", "rome"), ("naf", "naf"), ("hires", "CAST(hires AS DOUBLE)")),
    order="naf, rome",
    key=("rome", "naf"),
    total="hires",
    ceiling=0.01,
)

FAP_ROME: Final = Table(
    name="fap_rome",
    columns=_text("fap", "rome", "weight"),
    parsed=(
        ("fap", "raw.fap"),
        ("rome", _PARENT),
        ("weight", "TRY_CAST(replace(raw.weight, ',', '.') AS DOUBLE)"),
    ),
    rejects=_named(
        ("fap_format", _FAP_FORMAT),
        ("rome_format", _ROME_FORMAT),
        ("weight_range", "NOT coalesce(weight > 0 AND weight <= 1, false)"),
    ),
    skips=_named(("rome_unknown", "rome IS NULL")),
    repairs=_named(("rome_child", "rome <> raw.rome")),
    clean=(("fap", "fap"), ("rome", "rome"), ("weight", "CAST(weight AS DOUBLE)")),
    order="fap, rome",
    key=("fap", "rome"),
    total="weight",
    ceiling=0.01,
    optional=True,
)

OPT_OUT: Final = Table(
    name="opt_out",
    columns=_text("siret", "since", "scope"),
    parsed=(*_PARSED_SIRET, ("since", _day("raw.since")), ("scope", "raw.scope")),
    rejects=_named(
        ("siret_format", _SIRET_FORMAT),
        ("date_format", "raw.since IS NOT NULL AND since IS NULL"),
        ("scope_code", f"NOT coalesce({_one_of('scope', SCOPES)}, false)"),
    ),
    repairs=_named(("siret_padded", _SIRET_PADDED)),
    clean=(("siret", "siret"), ("since", "since"), ("scope", "scope")),
    order="siret, scope, since",
    ceiling=0.0,
    optional=True,
    strict=True,
    fatal=True,
)

REMEDIES: Final = {
    "basin_missing": "the column BE and two digits holds the code of the employment area",
    "boolean": "true, false, or nothing",
    "closing_missing": "a closed establishment has its day of closing in dateDebut",
    "commune_format": "five characters, such as 35238 or 2A004",
    "commune_missing": "every establishment has the code of its commune",
    "count_range": "a whole number from 0, or * for a secret",
    "created_future": "nothing was created after the day of its stock file; see establishments_as_of",
    "date_format": "a day such as 2012-03-05",
    "department_unknown": "a département such as 06, 2A or 974",
    "diffusion_code": "O, P or N",
    "duplicate": "a row is there once; keep the first",
    "employer_code": "O, N, or nothing",
    "fap_format": "a code of FAP such as S0Z20",
    "headcount_code": "a bracket of SIRENE such as 11, NN, or nothing",
    "headcount_year": "a year from 1970 to that of the forecast",
    "hires_range": "a number above 0",
    "month_format": "a month such as 2025-09",
    "month_range": "a month from 2000-01 to two years after the day; check the date of the export",
    "n_range": f"a whole number from 1 to {_MOST_HIRES}",
    "naf_format": "a code of NAF such as 10.71C or 1071C",
    "rome_format": "a code of ROME such as D1102, or nothing",
    "row_shape": "as many cells as the header has, quotes closed",
    "scope_code": "all or contact",
    "siret_check": "14 digits of which the last one checks the others; one of them is mistyped",
    "siret_format": "14 digits as text",
    "siret_unknown": "the stock file has to hold closed establishments too",
    "state_code": "A or F",
    "weight_range": "a number above 0, at most 1",
    "xmet_above_met": "difficult projects are a part of all projects",
    "year_format": "a year of four digits",
}
"""What would be right, for each reason to reject a row."""
SKIPPED: Final = {
    "before_history": "closed before anything is learnt",
    "rome_unknown": "the reference knows no such code of ROME",
    "signed_ahead": "contracts that begin on the day of the forecast or later; see day in inputs.toml",
}
"""What each reason to skip a row means."""
TABLES: Final = (ESTABLISHMENTS, HIRES, TENSION, ROME_NAF, FAP_ROME, OPT_OUT)
"""In the order in which they are read: hires are checked against establishments."""
MASKED: Final = _MASKED
