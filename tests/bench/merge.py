"""What a miss is made of, step by step: merge and join, the cards, the page, the compression.

Each step is compared with its plain alternative in this process, interleaved, and with equal results first.
"""

import itertools
import statistics
import zlib
from dataclasses import dataclass, replace

import brotli
import msgspec
import orjson

from tests.bench import data
from tests.bench.pairs import Row, publish, timed
from tests.bench.queries import questions
from widget_server.app import create_app
from widget_server.domain.answer import ListedCard
from widget_server.domain.query import parse
from widget_server.listing.answers import Listing, make_listing
from widget_server.listing.merge import Shelved, merge
from widget_server.listing.rank import interleave
from widget_server.listing.search import Hits, search
from widget_server.settings import Settings
from widget_server.web.page import render_list
from widget_server.web.search_page import read_search, search_page, shell_of
from widget_server.web.site import Site

QUERIES = 60
HITS = 150
CARDS = 60
_CARDS = msgspec.json.Decoder(list[ListedCard])


@dataclass(frozen=True)
class Case:
    """One search on the national set: its three lists of 150 hits, and its listing."""

    listing: Listing
    found: tuple[Shelved, ...]
    pairs: list[tuple[str, str]]


def measure(*, scale: str = "national", queries: int = QUERIES) -> list[Row]:
    """The steps of a miss."""
    forever = 10**9
    app = create_app(
        Settings(
            data_dir=str(data.national(scale)),
            offers_withheld_after_s=forever,
            trainings_withheld_after_s=forever,
            recruiters_withheld_after_s=forever,
        )
    )
    site: Site = app.state.site
    cases = [_case(site, asked.query()) for asked in itertools.islice(questions(4, 5, 60), queries)]
    return [*_merge(cases), *_page(site, cases), *_compression(cases)]


def _case(site: Site, query: str) -> Case:
    pairs = [tuple(pair.split("=")) for pair in f"{query}&limit=50".split("&")]
    request = parse(pairs, site.gazetteer).request
    sources = [source for source in site.sources() if source.snapshot is not None]
    found = []
    for source in sources:
        hits = search(source.snapshot, request.romes, request.place, request.radius_km)
        some = Hits(card=hits.card[:HITS], tenths=hits.tenths[:HITS], score=hits.score[:HITS])
        found.append(Shelved(name=source.state.name, kind=source.state.kind, snapshot=source.snapshot, hits=some))
    return Case(make_listing(request, (), sources, site.occupations), tuple(found), pairs)


def _merge(cases: list[Case]) -> list[Row]:
    """60 of 450 hits, merged by columns and joined from stored bytes, over orjson of the same cards as dicts."""
    joined, dumped, decoded = [], [], []
    for case in cases:
        merged = merge(case.found)
        rows = _sixty(case, merged)
        dicts = [orjson.loads(body) for body in rows]
        assert orjson.loads(_join(rows)) == dicts
        told = timed(
            {
                "ours": lambda case=case, rows=rows: (_order(merge(case.found)), _join(rows)),
                "orjson": lambda dicts=dicts: orjson.dumps(dicts),
                "decoded": lambda rows=rows: msgspec.json.encode(_CARDS.decode(_join(rows))),
            },
            repeats=9,
        )
        joined.append(statistics.median(told["ours"]))
        dumped.append(statistics.median(told["orjson"]))
        decoded.append(statistics.median(told["decoded"]))
    base = statistics.median(dumped)
    return [
        Row(
            subject=f"merge and join {CARDS} of {3 * HITS}: CPU / orjson.dumps of those cards",
            measured=statistics.median(joined) / base,
            goal=3.0,
            note=f"{statistics.median(joined) * 1000:.0f} us, orjson {base * 1000:.0f} us",
        ),
        Row(
            subject="the same cards decoded and encoded again: CPU / orjson.dumps",
            measured=statistics.median(decoded) / base,
        ),
    ]


def _order(merged) -> list[tuple[int, int]]:
    return interleave([len(part.hits) for part in merged.kept], 0, CARDS)


def _sixty(case: Case, merged) -> list[bytes]:
    rows = []
    for kind, place in _order(merged):
        part = merged.kept[kind]
        number, tenths = int(part.hits.card[place]), int(part.hits.tenths[place])
        body = part.snapshot.cards.stored([number])[number].body
        rows.append(b'{"distance_km":%.1f,"also_on":[],' % (tenths / 10) + body[1:])
    return rows


def _join(rows: list[bytes]) -> bytes:
    return b"[%b]" % b",".join(rows)


def _page(site: Site, cases: list[Case]) -> list[Row]:
    """A page: how much of it is its cards, as they are now (decoded, then the template)."""
    whole, bare, json = [], [], []
    for case in cases[:20]:
        pairs = [(name, value) for name, value in case.pairs if name != "limit"]
        settled, parsed = read_search(site, pairs)
        edition = site.editions.current()
        page, _ = search_page(site, edition, settled, parsed, shell_of(site, None))
        without = msgspec.structs.replace(page.answer, cards=())
        told = timed(
            {
                "whole": lambda page=page: render_list(page),
                "bare": lambda page=page, without=without: render_list(replace(page, answer=without)),
                "json": case.listing.json,
            },
            repeats=5,
        )
        whole.append(statistics.median(told["whole"]))
        bare.append(statistics.median(told["bare"]))
        json.append(statistics.median(told["json"]))
    cards = statistics.median(whole) - statistics.median(bare)
    return [
        Row(subject="rendering a page of 20 cards", measured=statistics.median(whole), unit="ms"),
        Row(
            subject="of it the cards: the most that pre-rendered fragments could save",
            measured=cards,
            unit="ms",
            note=f"{cards / statistics.median(whole):.0%} of the page; JSON of 50 {statistics.median(json):.2f} ms",
        ),
    ]


def _compression(cases: list[Case]) -> list[Row]:
    bodies = [case.listing.json() for case in cases[:30]]
    raw = statistics.median(map(len, bodies))
    rows = []
    for name, pack in (
        ("brotli 4", lambda body: brotli.compress(body, quality=4)),
        ("brotli 5", lambda body: brotli.compress(body, quality=5)),
        ("gzip 6", lambda body: zlib.compress(body, 6)),
    ):
        ms = [statistics.median(timed({"p": lambda b=body, pack=pack: pack(b)}, repeats=3)["p"]) for body in bodies]
        size = statistics.median(len(pack(body)) for body in bodies)
        rows.append(
            Row(
                subject=f"compressing a list of 50 cards, {name}",
                measured=statistics.median(ms),
                unit="ms",
                note=f"{raw:.0f} -> {size:.0f} B",
            )
        )
    return rows


if __name__ == "__main__":
    publish("merge", measure())
