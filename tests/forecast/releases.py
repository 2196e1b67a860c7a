"""A small release and everything that its gates look at; a test changes what matters to it."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import msgspec

from tests.forecast.inputs import REFERENCE, REQUEST, establishment, folder, hire, siret
from widget_server.domain.spreading import band
from widget_server.forecast.clock import Month, Origin, Split
from widget_server.forecast.features import open_tables, write_features
from widget_server.forecast.gates import Check, Evidence, Synthetic, mean_of
from widget_server.forecast.ingest import COUNTS, Ingested, ingest
from widget_server.forecast.metrics import Bin, Curves, Difference, Metrics, Score, Trained
from widget_server.forecast.release import FILE, read_rows, write_release

ORIGIN = Origin(Month.parse("2026-07"))
TODAY = date(2026, 7, 9)
MODEL = "2026-07-01-abcdef01"
SIZE = 60
SYNTHETIC = Synthetic(
    code="0123456789ab", size=20_000, seeds=[1], checks=[Check(name="p@10", value=1.0, bound=">= 0.92", ok=True)]
)


def stock(size=SIZE, **changes):
    """Establishments 1 to `size`, the odd ones in Rennes, the others in Paris; changes by number."""
    paris = {"codeCommuneEtablissement": "75056", "codePostalEtablissement": "75001",
             "libelleCommuneEtablissement": "PARIS", "coordonneeLambertAbscisseEtablissement": "652000",
             "coordonneeLambertOrdonneeEtablissement": "6862000"}  # fmt: skip
    return [
        establishment(number, **({} if number % 2 else paris), **changes.get(f"of_{number}", {}))
        for number in range(1, size + 1)
    ]


def hires(size=SIZE):
    """Hires of four years, more of them from larger numbers."""
    months = [f"{year}-{month:02d}" for year in (2022, 2023, 2024, 2025) for month in (3, 9)]
    return [hire(number, month, n=1 + number // 20) for number in range(1, size + 1, 2) for month in months]


def tables_of(path: Path, *, establishments=None, opt_out=(), request=REQUEST) -> Path:
    """The clean tables of a small folder of inputs."""
    made = folder(
        path / "given", establishments=establishments or stock(), hires=hires(), opt_out=list(opt_out), request=request
    )
    ingest(made, path / "tables", path / "rejects", REFERENCE)
    return path / "tables"


def chance(number: int) -> float:
    return round(0.01 + 0.9 * ((number * 37) % SIZE) / SIZE, 4)


def scores_of(path: Path, tables: Path, pairs=None) -> Path:
    """A folder of scores: (siret, rome, p, expected hires), by default two occupations of everybody."""
    path.mkdir(parents=True)
    if pairs is None:
        pairs = [
            (siret(number), rome, chance(number) / times, 1.3 * chance(number))
            for number in range(1, SIZE + 1) for rome, times in (("D1102", 1), ("F1703", 20))
        ]  # fmt: skip
    with duckdb.connect() as database:
        database.execute(
            "CREATE TABLE scores (siret VARCHAR, rome VARCHAR, p FLOAT, p_any FLOAT, expected_hires FLOAT, share FLOAT,"
            " band VARCHAR, reasons VARCHAR[], day DATE, until DATE, model VARCHAR)"
        )
        numbers, romes, chances, expected = (list(column) for column in zip(*pairs, strict=True))
        database.execute(
            f"INSERT INTO scores SELECT siret, rome, p, p, expected, 1, band, ['history'], DATE '{ORIGIN.first_day}',"
            f" DATE '2027-01-01', '{MODEL}' FROM (SELECT unnest(?) AS siret, unnest(?) AS rome, unnest(?) AS p,"
            " unnest(?) AS expected, unnest(?) AS band)",
            [numbers, romes, chances, expected, [band(p) for p in chances]],
        )
        database.execute(f"COPY scores TO '{path / 'scores.parquet'}' (FORMAT parquet)")
    with open_tables(tables) as database:
        write_features(database, ORIGIN, path / "features.parquet")
    return path


def trained(origin: Origin) -> Trained:
    return Trained(test=str(origin.day), lag=origin.lag, train=[str(each.day) for each in Split.before(origin).train])


def backtest(**changed: float) -> Metrics:
    """Two origins; figures of the model by metric, of others by `scorer:metric`."""
    told = {
        "hurdle:precision_at_10": 0.40, "lbb:precision_at_10": 0.35, "last_year:precision_at_10": 0.33,
        "hurdle:ece": 0.005, "hurdle:deviance": 0.70, "random:precision_at_10": 0.03,
        "hurdle:small_at_10": 0.3, "hurdle_beta_0.1:precision_at_10": 0.39, "hurdle:auc": 0.82,
        "hurdle_without_tension:precision_at_10": 0.399,
    }  # fmt: skip
    told |= {name if ":" in name else f"hurdle:{name}": value for name, value in changed.items()}
    origins = ORIGIN.backtests()[:2]
    line = [place / 100 for place in range(101)]
    return Metrics(
        day=str(ORIGIN.day),
        origins=[str(origin.day) for origin in origins],
        scorers=sorted({name.partition(":")[0] for name in told}),
        scores=[
            Score(origin=str(origin.day), scorer=name.split(":")[0], metric=name.split(":")[1], value=value,
                  low=value * 0.95, high=value * 1.05, n=1470)
            for origin in origins for name, value in told.items()
        ],
        differences=[
            Difference(origin=str(origin.day), scorer="hurdle", against="hurdle_without_tension",
                       metric="precision_at_10", value=0.001, low=-0.002, high=0.004) for origin in origins
        ],
        calibration=None,
        curves=Curves(
            origin=str(origins[0].day),
            gains={"hurdle": [each**0.3 for each in line], "lbb": [each**0.4 for each in line], "random": line},
            lorenz={"hurdle": [each**9 for each in line], "hurdle_beta_0.1": [each**6 for each in line]},
            reliability=[
                Bin(size=size, said=said, so=min(1.0, said * 1.02), n=100)
                for size in ("small", "medium", "large", "unknown") for said in (0.02, 0.1, 0.3, 0.7)
            ],
        ),
        splits=[trained(origin) for origin in origins],
        live=trained(ORIGIN),
        later_than_origin=0.5,
        tension=True,
        moves={str(origin.day): 3 for origin in origins},
    )  # fmt: skip


def released(path: Path, tables: Path, scores: Path, *, told=None, **more) -> Path:
    """A folder with a release in it, as `publish` writes it."""
    path.mkdir(parents=True)
    means = {name: mean_of(told or backtest(), name) for name in ("precision_at_10", "ece", "deviance")}
    write_release(tables, scores, path, origin=ORIGIN, model=MODEL, metrics=means, **more)
    return path


def evidence(tables: Path, scores: Path, release: Path, new, old=None, old_file=None, **changes) -> Evidence:
    """What the gates of a good release see."""
    told = Evidence(
        new=new,
        release=release,
        scores=scores,
        tables=tables,
        origin=ORIGIN,
        ingested=msgspec.json.decode((tables / COUNTS).read_bytes(), type=Ingested),
        metrics=backtest(),
        today=TODAY,
        code="0123456789ab",
        old=old,
        old_file=old_file,
        synthetic=Synthetic(
            code="0123456789ab",
            size=20_000,
            seeds=[1],
            checks=[Check(name="p@10", value=1.0, bound=">= 0.92", ok=True)],
        ),
        regions={"35": "53", "75": "11"},
    )
    return replace(told, **changes)


def sirets(release: Path) -> list[str]:
    return [row.siret for row in read_rows(release / FILE)]
