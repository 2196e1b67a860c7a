"""Make the recordings anew: `python -m tests.contract.recorder`. Each holds every oddity of the sandbox once.

A recording is what our own sandbox answers on one day: {note, exchanges, truth}. `truth` is what a perfect reader knows
of each row, as the sandbox tells it. Everything in it is fictitious.
"""

import json
from collections.abc import Iterable

from tests.contract.sandbox import book, catalogue, companies, economy
from tests.contract.upstream_fakes import RECORDINGS
from widget_server.sandbox.companies import private_row, release_row
from widget_server.sandbox.dirt import DIRT, Kind
from widget_server.sandbox.economy import Rows
from widget_server.sources.trainings import COUNT, STREAM, Training

NOTE = "Recorded from this repository's own sandbox: every company, school, person and text is fictitious."
SCALE = 0.5
SOME_PLACES = ("2A", "974", "75")


def odd_rows(kind: Kind, rows: Rows, departement_of: Iterable[str]) -> list[int]:
    """The first row of each oddity, the row that a twin repeats, and clean rows of a few départements."""
    dirt = rows.dirt.tolist()
    where = list(departement_of)
    found = [where.index(code) for code in SOME_PLACES]
    for position, oddity in enumerate(DIRT[kind], 1):
        row = dirt.index(position)
        found += [row - 1, row] if oddity.name == "twin" else [row]
    return sorted(set(found))


def trainings() -> dict[str, object]:
    """The catalogue's count and stream."""
    made = catalogue(economy(SCALE))
    chosen = odd_rows("trainings", economy(SCALE).trainings, (made.departement(row) for row in range(len(made))))
    documents = [made.document(row) for row in chosen]
    asked = [{name: told[name] for name in Training.__struct_fields__ if name in told} for told in documents]
    return {
        "note": NOTE,
        "exchanges": [{"path": COUNT, "json": len(asked)}, {"path": STREAM, "json": asked}],
        "truth": [made.truth(row) for row in chosen],
    }


def recruiters(own: bool) -> dict[str, object]:
    """A file of predictions: a release, or an integrator's own rows."""
    made = companies(economy(SCALE))
    chosen = odd_rows("recruiters", economy(SCALE).recruiters, (made.departement(row) for row in range(len(made))))
    if own:
        rows = [private_row(made.company(row), made.naf) for row in chosen]
        exchange: dict[str, object] = {"path": "/recruiters/predictions.json", "json": rows}
    else:
        header = {"format": 1, "model": "m", "day": "2026-11-24", "until": "2027-05-23", "count": len(chosen)}
        lines = [header, *(release_row(made.company(row)) for row in chosen)]
        exchange = {"path": "/recruiters/recruiters.ndjson.gz", "lines_gz": lines}
    return {"note": NOTE, "exchanges": [exchange], "truth": [made.truth(row) for row in chosen]}


def offers() -> dict[str, object]:
    """One page of a search."""
    made = book(economy(SCALE))
    departements = economy(SCALE).geography.departements
    where = (departements[number] for number in economy(SCALE).geography.departement_of[made.rows.commune])
    chosen = odd_rows("offers", made.rows, where)
    rows = [made.offer(row) for row in chosen]
    page = {"path": "/partenaire/offresdemploi/v2/offres/search", "status": 206, "json": {"resultats": rows}}
    return {"note": NOTE, "exchanges": [page], "truth": [made.truth(row) for row in chosen]}


def write(name: str, recording: dict[str, object]) -> None:
    """Write one recording, for people to read."""
    text = json.dumps(recording, ensure_ascii=False, indent=1)
    (RECORDINGS / f"{name}.json").write_text(text + "\n", "utf-8")


def main() -> None:
    """Write all recordings."""
    RECORDINGS.mkdir(exist_ok=True)
    write("offers", offers())
    write("trainings", trainings())
    write("recruiters", recruiters(own=False))
    write("recruiters-own-file", recruiters(own=True))


if __name__ == "__main__":
    main()
