"""A small world as clean tables, without files; and its features computed a second time, slowly, in plain Python."""

import random
from datetime import date
from statistics import mean, pstdev

import duckdb

from tests.forecast.inputs import siret
from widget_server.forecast.clock import Month

SCHEMA = {
    "establishments": {
        "as_of": "DATE", "siret": "VARCHAR", "created": "DATE", "closed": "DATE", "headcount": "TINYINT",
        "commune": "VARCHAR", "departement": "VARCHAR", "naf": "VARCHAR", "section": "VARCHAR", "employer": "BOOLEAN",
    },
    "hires": {"siret": "VARCHAR", "month": "SMALLINT", "rome": "VARCHAR", "n": "INTEGER"},
    "tension": {
        "year": "SMALLINT", "departement": "VARCHAR", "basin": "VARCHAR", "fap": "VARCHAR", "projects": "BIGINT",
        "difficult": "BIGINT",
    },
    "rome_naf": {"rome": "VARCHAR", "naf": "VARCHAR", "hires": "DOUBLE"},
    "fap_rome": {"fap": "VARCHAR", "rome": "VARCHAR", "weight": "DOUBLE"},
}  # fmt: skip
NAFS = {"1071C": "C", "4120A": "F", "6201Z": "J"}
ROMES = ("D1102", "F1703", "M1805")
FAPS = {"S0Z20": "D1102", "B2Z40": "F1703", "M1Z80": "M1805"}

EXPOSURE = (
    "pace_6m", "pace_12m", "pace_24m", "pace_60m", "silence", "silence_before", "last_hires", "peers_12m", "local_12m",
    "pace_12m_peers", "peers_24m", "local_24m", "pace_24m_peers", "hired_12m_peers",
)  # fmt: skip


def month(text):
    return Month.parse(text).number


def establishment(number, **changes):
    return {
        "as_of": date(2026, 7, 1), "siret": siret(number), "created": date(2001, 1, 1), "closed": None, "headcount": 4,
        "commune": "35238", "departement": "35", "naf": "1071C", "section": "C", "employer": True,
    } | changes  # fmt: skip


def hire(number, when, n=1, rome="D1102"):
    return {"siret": siret(number), "month": month(when) if isinstance(when, str) else when, "rome": rome, "n": n}


def database(world):
    """A database of the tables of a world; what is not named is empty."""
    found = duckdb.connect()
    found.execute("SET threads = 1")
    for table, columns in SCHEMA.items():
        found.execute(f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
        rows = [[row[name] for name in columns] for row in world.get(table, ())]
        if rows:
            values = ", ".join(f"({', '.join('?' * len(columns))})" for _ in rows)
            found.execute(f"INSERT INTO {table} VALUES {values}", [cell for row in rows for cell in row])
    return found


def drawn(seed, size=60):
    """A world drawn at random: two stock files, births, closings, hires of ten years, two surveys."""
    dice = random.Random(seed)
    establishments, hires = [], []
    for number in range(1, size + 1):
        naf = dice.choice([*NAFS, None])
        created = dice.choice([None, date(dice.randint(1990, 2026), dice.randint(1, 12), 1)])
        closed = dice.choice([None, None, date(dice.randint(2022, 2026), dice.randint(1, 12), dice.choice([1, 15]))])
        for as_of in (date(2024, 1, 1), date(2026, 7, 1)):
            establishments.append(
                establishment(
                    number,
                    as_of=as_of,
                    created=created,
                    closed=closed,
                    headcount=dice.choice([None, 0, 1, 4, 9]),
                    commune=f"{number:05d}",
                    departement=dice.choice(["35", "75"]),
                    naf=naf,
                    section=NAFS.get(naf),
                    employer=dice.choice([True, False, None]),
                )
            )
        for _ in range(dice.choice([0, 0, 3, 30])):
            when = dice.randint(month("2018-07"), month("2026-06"))
            hires.append(hire(number, when, dice.randint(1, 4), dice.choice([*ROMES, None])))
    surveys = [
        {
            "year": year, "departement": departement, "basin": f"{departement}{basin}", "fap": fap,
            "projects": dice.choice([None, 0, 20, 90]), "difficult": dice.choice([None, 0, 15]),
        }
        for year in (2023, 2025) for departement in ("35", "75") for basin in (1, 2) for fap in FAPS
    ]  # fmt: skip
    return {
        "establishments": establishments,
        "hires": hires,
        "tension": surveys,
        "rome_naf": [{"rome": rome, "naf": naf, "hires": dice.uniform(1, 9)} for rome in ROMES for naf in NAFS],
        "fap_rome": [{"fap": fap, "rome": rome, "weight": 1.0} for fap, rome in FAPS.items()],
    }


def slow_features(world, origin):
    """Every feature by SIRET, from its definition; no moves."""
    day, end = origin.day.number, origin.known_end.number
    days = sorted({row["as_of"] for row in world["establishments"]})
    as_of = max((each for each in days if each <= origin.first_day), default=days[0])
    stock = [
        row
        for row in world["establishments"]
        if row["as_of"] == as_of and (row["created"] is None or row["created"] <= origin.first_day)
    ]
    months = {}
    for row in world["hires"]:
        if row["month"] < end:
            of = months.setdefault(row["siret"], {})
            of[row["month"]] = of.get(row["month"], 0) + row["n"]
    first = min((when for of in months.values() for when in of), default=None)

    def total(siret, start, stop):
        if first is None or start < first:
            return None
        return sum(n for when, n in months.get(siret, {}).items() if start <= when < stop)

    def growth(naf):
        if first is None or end - 24 < first:
            return None
        of = [row["siret"] for row in stock if naf is not None and row["naf"] == naf]
        return (sum(total(each, end - 12, end) for each in of) + 10) / (
            sum(total(each, end - 24, end - 12) for each in of) + 10
        )

    found = {}
    for row in stock:
        siret, of = row["siret"], months.get(row["siret"], {})
        if row["closed"] is not None and row["closed"] <= origin.first_day:
            continue
        if not (row["employer"] or (row["headcount"] or 0) >= 1 or any(when >= end - 60 for when in of)):
            continue
        known = found[siret] = {
            f"sum_{n}m": total(siret, end - n, end) for n in (1, 2, 3, 6, 9, 12, 18, 24, 36, 48, 60)
        }
        known["months_since_last"] = day - max(of) if of and max(of) >= end - 60 else None
        for nth in range(1, 8):
            known[f"semester_{nth}"] = total(siret, end - 6 * nth, end - 6 * nth + 6)
        years = [total(siret, end - 12 * year, end - 12 * year + 12) for year in range(1, 6)]
        whole = None not in years
        known["years_active_5"] = sum(n > 0 for n in years) if whole else None
        known["std_5y"] = pstdev(years) if whole else None
        for n in (24, 60):
            enough = first is not None and first <= end - n
            known[f"active_months_{n}"] = sum(when >= end - n for when in of) if enough else None
        for year in range(1, 5):
            known[f"same_window_y{year}"] = total(siret, day - 12 * year, day - 12 * year + 6)
        for nth in range(1, 4):
            september = (origin.rentree - nth + 1) * 12 + 8
            enough = first is not None and first <= september
            known[f"peak_{nth}"] = max(of.get(september, 0), of.get(september + 1, 0)) if enough else None
        known["section"] = ord(row["section"]) - 64 if row["section"] else None
        known["headcount"] = row["headcount"]
        created = row["created"]
        known["age_months"] = min(240, day - Month.of(created).number) if created else None
        before = total(siret, end - 24, end - 12)
        known["trend"] = None if before is None else total(siret, end - 12, end) - before
        known["sector_growth"] = growth(row["naf"])
        known["tension"] = slow_tension(world, origin, row["departement"], row["naf"])
        known["month"] = origin.day.of_year
    by_siret = {row["siret"]: row for row in stock}

    def encode(name, value, by, shrink):
        values = {siret: value(known) for siret, known in found.items()}
        if None in values.values():
            values = dict.fromkeys(values)
        for siret, known in found.items():
            if values[siret] is None:
                known[name] = None
                continue
            group = [values[other] for other in found if by(by_siret[other]) == by(by_siret[siret])]
            known[name] = (sum(group) + shrink * mean(values.values())) / (len(group) + shrink)

    def hired(known):
        return None if known["sum_12m"] is None else int(known["sum_12m"] > 0)

    def naf(row):
        return row["naf"]

    def naf_bracket(row):
        return row["naf"], row["headcount"]

    slow_exposure(origin, stock, months, first, found)

    encode("mean_24m_naf", lambda known: known["sum_24m"], naf, 30)
    encode("mean_24m_naf_bracket", lambda known: known["sum_24m"], naf_bracket, 15)
    encode("mean_24m_departement", lambda known: known["sum_24m"], lambda row: row["departement"], 30)
    encode(
        "mean_24m_departement_section",
        lambda known: known["sum_24m"],
        lambda row: (row["departement"], row["section"]),
        30,
    )
    encode("hired_12m_naf", hired, naf, 30)
    encode("hired_12m_naf_bracket", hired, naf_bracket, 15)
    encode("same_window_naf", lambda known: known["same_window_y1"], naf, 30)
    encode("same_window_naf_bracket", lambda known: known["same_window_y1"], naf_bracket, 15)
    return found


def slow_exposure(origin, stock, months, first, found):
    """The paces, silences and peers of those who are found, added to what is known of them."""
    day, end = origin.day.number, origin.known_end.number
    by_siret = {row["siret"]: row for row in stock}
    if first is None:
        for known in found.values():
            known |= dict.fromkeys(EXPOSURE)
        return
    whole = range(end - min(60, (end - first) // 12 * 12), end)

    def in_year(letter_is, of_year):
        return sum(
            n
            for row in stock
            if letter_is(row["section"])
            for when, n in months.get(row["siret"], {}).items()
            if when in whole and when % 12 in of_year
        )

    def normal(letter):
        """Normal months in each calendar month."""
        everything = in_year(lambda _: True, range(12))
        shares = [in_year(lambda _: True, {each}) / everything if everything else 1 / 12 for each in range(12)]
        own = [in_year(lambda other: other == letter, {each}) for each in range(12)]
        return [12 * (n + 300 * share) / (sum(own) + 300) for n, share in zip(own, shares, strict=True)]

    busy = {letter: normal(letter) for letter in {row["section"] for row in stock}}
    faded, exposure, ahead = {}, {}, {}
    for key, known in found.items():
        row, of = by_siret[key], months.get(key, {})
        year = busy[row["section"]]
        began = [end - 60, first]
        if row["created"] is not None:
            began = [*began, min([Month.of(row["created"]).number, *of])]
        exposed = range(max(began), end)
        ahead[key] = sum(year[(day + each) % 12] for each in range(6))
        for half in (6, 12, 24, 60):
            faded[half, key] = sum(n * 0.5 ** ((end - when) / half) for when, n in of.items() if when >= end - 60)
            exposure[half, key] = sum(year[when % 12] * 0.5 ** ((end - when) / half) for when in exposed)
            known[f"pace_{half}m"] = faded[half, key] / (exposure[half, key] + 1) * ahead[key]
        newest = sorted((when for when in of if when >= end - 60), reverse=True)
        for name, nth in (("silence", 0), ("silence_before", 1)):
            quiet = [year[when % 12] for when in range(newest[nth] + 1, end)] if len(newest) > nth else None
            known[name] = None if quiet is None else sum(quiet)
        known["last_hires"] = of[newest[0]] if newest else 0

    def observed_over_expected(key, seen, expected, group):
        of = [other for other in found if group(by_siret[other]) == group(by_siret[key])]
        return (sum(seen[each] for each in of) + 10) / (sum(expected[each] for each in of) + 10)

    groups = (
        lambda row: row["naf"],
        lambda row: row["headcount"],
        lambda row: (row["naf"], row["headcount"]),
        lambda row: (row["departement"], row["section"]),
    )
    hired = {key: int(any(when >= end - 12 for when in months.get(key, ()))) for key in found}
    counted = {
        12: [{key: of[12, key] for key in found} for of in (faded, exposure)],
        24: [{key: of[24, key] for key in found} for of in (faded, exposure)],
        "any": [hired, dict.fromkeys(found, 1)],
    }
    for half, (seen, exposed) in counted.items():
        worth = sum(exposed.values())
        rate = dict.fromkeys(found, sum(seen.values()) / worth if worth else 0)
        for group in groups:
            expected = {key: exposed[key] * rate[key] for key in found}
            ratio = {key: observed_over_expected(key, seen, expected, group) for key in found}
            rate = {key: rate[key] * ratio[key] for key in found}
        for key, known in found.items():
            if half == "any":
                known["hired_12m_peers"] = rate[key] if first <= end - 12 else None
                continue
            known[f"peers_{half}m"] = rate[key] * ahead[key]
            known[f"local_{half}m"] = ratio[key]
            drawn_to = (seen[key] + 1) / (exposed[key] * rate[key] + 1)
            known[f"pace_{half}m_peers"] = drawn_to * rate[key] * ahead[key]


def slow_tension(world, origin, departement, naf):
    years = {row["year"] for row in world["tension"] if row["year"] <= origin.tension_year}
    if not years or naf is None:
        return None
    told = [
        row
        for row in world["tension"]
        if row["year"] == max(years) and row["projects"] is not None and row["difficult"] is not None
    ]
    weighed = []
    for fap, rome in FAPS.items():
        country = [row for row in told if row["fap"] == fap]
        projects = sum(row["projects"] for row in country)
        if not projects:
            continue
        ratio = sum(row["difficult"] for row in country) / projects
        here = [row for row in country if row["departement"] == departement]
        local = (sum(row["difficult"] for row in here) + 20 * ratio) / (sum(row["projects"] for row in here) + 20)
        weight = sum(row["hires"] for row in world["rome_naf"] if row["rome"] == rome and row["naf"] == naf)
        weighed.append((weight, local))
    total = sum(weight for weight, _ in weighed)
    return sum(weight * local for weight, local in weighed) / total if total else None
