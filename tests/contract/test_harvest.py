"""Every offer of the country, and each département compared; what fails is carried over, what is gone is deleted."""

import asyncio
import sqlite3
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.contract.offers_upstream import DAWN, Ad, Params, Upstream, ads
from tests.contract.upstream_fakes import NOW, Clock, answer, kit
from widget_server.domain.cards import Entry, Rejection
from widget_server.domain.errors import UpstreamDown, UpstreamError, UpstreamMalformed, UpstreamRefused
from widget_server.settings import Settings
from widget_server.snapshot.manifest import Part
from widget_server.sources.harvest.journal import FILE_NAME
from widget_server.sources.kit.source import Kit, Notes
from widget_server.sources.offers import Offers
from widget_server.upstream.lane import Lanes

ROMES = ("A1101", "C1501", "D1102", "G1602", "M1805", "M1601", "K2101", "N4101")
PLAIN = Settings(
    france_travail_url="https://upstream.example",
    france_travail_token_url="https://token.example/token",  # noqa: S106 - fictitious
    france_travail_client_id="PAR_test",
    france_travail_client_secret="not a secret",  # noqa: S106 - fictitious
    france_travail_rate_per_s=100_000.0,
    attempts=1,
)


class Run:
    """What one harvest handed over, and what it said."""

    def __init__(self, rows: list[Entry | Rejection], notes: Notes) -> None:
        self.rows = rows
        self.notes = notes
        self.parts: dict[str, Part] = {part.name: part for part in notes.parts}
        self.ids = {row.card.id if isinstance(row, Entry) else row.id for row in rows}


class Station:
    """A folder that harvests follow one another in."""

    def __init__(self, folder: Path, upstream: Upstream) -> None:
        self.folder = folder
        self.upstream = upstream

    def harvest(
        self, *, hours: float = 0, increment: bool = False, settings: Settings = PLAIN, lanes: Lanes | None = None
    ) -> Run:
        self.upstream.asked.clear()
        tools: Kit = kit(
            settings=settings,
            folder=self.folder,
            now=NOW + timedelta(hours=hours),
            increment=increment,
            transport=self.upstream.transport(),
            lanes=lanes or Lanes(),
        )

        async def run() -> list[Entry | Rejection]:
            return [row async for row in Offers().rows(tools)]

        return Run(asyncio.run(run()), tools.notes)


@pytest.fixture
def station(tmp_path: Path) -> Callable[..., Station]:
    return lambda told, **more: Station(tmp_path, Upstream(told, **more))


def ids(told: list[Ad]) -> set[str]:
    return {f"ft:{ad.id}" for ad in told}


def spread(count: int, *, every_s: float = 60, **more: object) -> list[Ad]:
    """Offers in several départements, one in fifty without; one created every so often."""
    places = ("35", "2A", "974", "75", "59")
    return [
        Ad(
            number,
            departement=None if number % 50 == 0 else places[number % 5],
            rome=ROMES[number % 8],
            created=DAWN + timedelta(seconds=number * every_s),
            **more,
        )
        for number in range(count)
    ]


def failing(status: int, said: str = "", **wanted: str) -> Callable[[Params], httpx.Response | None]:
    """Answers so to the searches with these parameters."""
    return lambda params: (
        answer(status, {"message": said} if said else b"")
        if all(params.get(name) == value for name, value in wanted.items())
        else None
    )


def is_span(params: Params) -> bool:
    return "minCreationDate" in params and "departement" not in params and "codeROME" not in params


def without_place(params: Params) -> bool:
    return "departement" not in params and "minCreationDate" not in params and params["range"] != "0-0"


def spans_refused(params: Params) -> httpx.Response | None:
    """An upstream that cannot search by creation dates: départements and domains are what is left."""
    return answer(400, {"message": "Valeur du paramètre « minCreationDate » incorrecte."}) if is_span(params) else None


def only_departements(params: Params) -> httpx.Response | None:
    """One that shows départements only, and not the 35."""
    if without_place(params) or params.get("departement") == "35":
        return answer(500)
    return spans_refused(params)


# A whole harvest.


def test_every_offer_of_every_departement_and_those_without_one_are_read(station):
    there = station(spread(700))

    run = there.harvest()

    assert run.ids == ids(there.upstream.ads)
    assert run.notes.complete
    assert run.notes.announced == 700
    assert run.notes.as_of == NOW


def test_each_of_the_101_departements_is_asked_and_no_collectivity(station):
    there = station(spread(10))

    there.harvest()

    asked = {params["departement"] for params in there.upstream.asked if "departement" in params}
    assert len(asked) == 101
    assert {"01", "2A", "2B", "971", "976"} <= asked
    assert not asked & {"20", "975", "977", "978", "986", "987", "988"}


def test_every_partition_says_what_it_announced_and_what_was_read(station):
    there = station(spread(700) + ads(400, first=1000, departement="35"))

    parts = there.harvest().parts

    rennes = parts["35"]
    assert (rennes.announced, rennes.distinct, rennes.searches, rennes.problem) == (526, 526, 1, None)
    assert rennes.read == 526
    assert rennes.seen == "2026-11-24T12:00:00.000+00:00"
    assert (parts["01"].announced, parts["01"].read) == (0, 0)
    assert (parts["hors département"].announced, parts["hors département"].distinct) == (14, 14)


def test_every_offer_is_read_once_and_every_departement_only_asked_how_many_it_has(station):
    there = station(spread(3000))

    run = there.harvest()

    assert run.ids == ids(there.upstream.ads)
    assert run.notes.complete
    assert {params["range"] for params in there.upstream.asked if "departement" in params} == {"0-0"}
    pages = [params for params in there.upstream.asked if params["range"] != "0-0"]
    assert all(is_span(params) for params in pages)
    assert len(pages) <= 3000 / 150 + 5


def test_a_departement_that_has_more_than_was_found_for_it_is_read_by_itself(station):
    hidden = ads(40, first=2000, departement="35", created=NOW + timedelta(days=400))  # no span reaches so far
    there = station([*spread(500), *hidden])

    run = there.harvest()

    assert run.ids == ids(there.upstream.ads)
    assert run.notes.complete
    assert {p["departement"] for p in there.upstream.asked if "departement" in p and p["range"] != "0-0"} == {"35"}
    assert (run.parts["35"].announced, run.parts["35"].distinct) == (130, 130)


def test_where_the_country_has_more_than_was_found_it_is_read_by_domains(station):
    nowhere = ads(40, first=2000, departement=None, created=NOW + timedelta(days=400))
    there = station([*spread(500), *nowhere], window=300)

    run = there.harvest()

    assert run.ids == ids(there.upstream.ads)
    assert run.notes.complete
    assert any("grandDomaine" in params for params in there.upstream.asked)


def test_a_row_that_does_not_say_where_it_is_belongs_to_the_departement_that_shows_it(station):
    there = station(ads(30, labelled=False))

    first, second = there.harvest(), there.harvest(hours=12)

    assert (first.parts["35"].announced, first.parts["35"].distinct) == (30, 30)
    assert second.parts["35"].distinct == 30
    assert {params["range"] for params in there.upstream.asked if "departement" in params} == {"0-0"}


def test_an_offer_that_a_deleted_one_hides_from_the_counts_is_found(station):
    def delete(upstream: Upstream, params: Params) -> None:
        if params.get("departement") == "976":
            upstream.ads = [ad for ad in upstream.ads if ad.number != 5]

    there = station([*ads(10), Ad(20, departement=None)], before=delete)

    run = there.harvest()

    assert "ft:0000020" in run.ids


def test_only_contracts_of_apprenticeship_are_asked_for(station):
    there = station(spread(200))

    there.harvest()

    assert {params["natureContrat"] for params in there.upstream.asked} == {"E2,FS"}
    assert not any("typeContrat" in params or "partenaires" in params for params in there.upstream.asked)


def test_offers_passed_on_by_la_bonne_alternance_are_left_out_where_it_is_a_source_itself(station):
    there = station(spread(10))

    there.harvest(settings=replace(PLAIN, sources="offers:offer,offers-aa:offer"))

    assert {(params["partenaires"], params["modeSelectionPartenaires"]) for params in there.upstream.asked} == {
        ("LABONNEALTERNANCE", "EXCLU")
    }


def test_a_country_without_one_offer_is_not_believed(station):
    with pytest.raises(UpstreamMalformed, match="not one offer in the whole country"):
        station([]).harvest()


def test_rows_that_are_no_offers_are_handed_over_as_rejections(station):
    there = station([Ad(1), Ad(2, rome="Z9999")])

    run = there.harvest()

    assert [row.reason for row in run.rows if isinstance(row, Rejection)] == ["rome_unknown"]


def test_a_row_that_cannot_be_read_costs_that_row_and_is_counted(station):
    there = station([*ads(300), Ad(300, title="half of a pair: \ud83d")])

    run = there.harvest()

    assert ids(ads(300)) <= run.ids
    assert [row.reason for row in run.rows if isinstance(row, Rejection)] == ["unreadable"]
    assert run.notes.complete


# Splitting.


@pytest.mark.parametrize(
    ("more", "axis"),
    [
        ([{"origin": "1"}, {"origin": "2"}], "origineOffre"),
        ([{"nature": "E2"}, {"nature": "FS"}], "natureContrat"),
        ([{"rome": rome} for rome in ROMES], "grandDomaine"),
        ([{"rome": "M1805"}, {"rome": "M1810"}, {"rome": "M1802"}], "codeROME"),
        ([{}], "minCreationDate"),
    ],
    ids=lambda told: told if isinstance(told, str) else "",
)
def test_a_departement_beyond_the_window_is_split_by_the_first_axis_that_helps(station, more, axis):
    told = [Ad(number, departement="59", **more[number % len(more)]) for number in range(900)]
    there = station([*told, *ads(20, first=2000)], window=600, instead=spans_refused)

    run = there.harvest()

    assert run.ids == ids(there.upstream.ads)
    assert run.notes.complete
    part = run.parts["59"]
    assert (part.announced, part.distinct, part.problem) == (900, 900, None)
    assert part.searches > 1
    assert any(axis in params for params in there.upstream.asked)


def test_axes_are_used_in_their_order_and_once(station):
    told = [Ad(number, departement="59", rome="M1805", origin="2", nature="FS") for number in range(700)]
    there = station(told, window=300, instead=spans_refused)

    there.harvest()

    asked = [params for params in there.upstream.asked if params.get("departement") == "59"]
    first = {
        name: next(turn for turn, params in enumerate(asked) if is_used(params))
        for name, is_used in (
            ("origineOffre", lambda params: "origineOffre" in params),
            ("natureContrat", lambda params: "," not in params["natureContrat"]),
            ("grandDomaine", lambda params: "grandDomaine" in params),
            ("codeROME", lambda params: "codeROME" in params),
            ("minCreationDate", lambda params: "minCreationDate" in params),
        )
    }
    assert list(first) == sorted(first, key=first.__getitem__)
    assert all("grandDomaine" not in params for params in asked if "codeROME" in params)
    assert max(len(params.get("codeROME", "").split(",")) for params in asked) <= 200
    assert all(("minCreationDate" in params) == ("maxCreationDate" in params) for params in asked)


@pytest.mark.parametrize("letters_only", [False, True], ids=["a letter shows all of its domain", "letters leave out"])
def test_domains_that_may_overlap_are_united_by_id(station, letters_only):
    romes = ("M1805", "M1601", "M1302", "C1501", "C1201", "D1102", "L1401", "L1101")
    told = [Ad(number, departement="59", rome=romes[number % 8]) for number in range(1600)]
    there = station(told, window=800, letters_only=letters_only, instead=spans_refused)

    run = there.harvest()

    assert run.ids == ids(told)
    assert (run.parts["59"].distinct, run.parts["59"].problem) == (1600, None)
    whole = there.upstream.pages(departement="59", grandDomaine="M18")
    assert (len(whole) > 1) == letters_only


def test_what_no_axis_can_split_is_said(station):
    same = NOW.replace(microsecond=0)
    told = [Ad(number, departement="59", created=same) for number in range(400)]
    there = station([*told, *ads(500, first=10_000)], window=300)

    run = there.harvest()

    assert not run.notes.complete
    assert run.parts["59"].problem == "announces 400 offers, more than a search shows, and nothing splits it"


# Failures, and what is carried over.


def test_a_departement_that_is_refused_is_skipped_and_its_offers_are_found_without_place(station):
    there = station(spread(500))
    there.upstream.instead = failing(400, "Valeur du paramètre « departement » incorrecte.", departement="35")

    run = there.harvest()

    assert run.parts["35"].problem == "refused: Valeur du paramètre « departement » incorrecte."
    assert run.ids == ids(there.upstream.ads)
    assert run.notes.complete


def test_a_partition_that_fails_twice_keeps_what_it_had_with_its_own_age(station):
    there = station(spread(500))
    there.harvest()
    there.upstream.instead = only_departements
    gone = there.upstream.ads.pop(5)

    run = there.harvest(hours=6)

    part = run.parts["35"]
    assert part.problem is not None
    assert "500" in part.problem
    assert part.carried == 100 - 10
    assert run.parts["59"].carried == 0
    assert part.seen == "2026-11-24T12:00:00.000+00:00"
    assert not run.notes.complete
    assert run.notes.as_of == NOW
    assert run.ids == ids([*there.upstream.ads, gone])


@pytest.mark.parametrize(
    "fails",
    [lambda params: params.get("departement") == "35", is_span, lambda params: is_span(params) and len(params) > 3],
    ids=["a département", "a count of a span", "a span"],
)
def test_what_failed_once_is_read_again_at_the_end(station, fails):
    there = station(spread(500))
    left = [answer(500)]
    there.upstream.instead = lambda params: left.pop() if fails(params) and left else None

    run = there.harvest()

    assert not left
    assert [part.name for part in run.notes.parts if part.problem] == []
    assert run.notes.complete
    assert run.ids == ids(there.upstream.ads)


def test_a_part_of_a_split_that_failed_once_is_read_again_alone(station):
    there = station([Ad(number, departement="59", rome=ROMES[number % 8]) for number in range(900)], window=300)
    left = [answer(500)]
    there.upstream.instead = lambda params: (
        left.pop() if params.get("grandDomaine") == "D" and left else spans_refused(params)
    )

    run = there.harvest()

    assert not left
    assert run.parts["59"].problem is None
    assert len(there.upstream.pages(departement="59", grandDomaine="A")) == 1
    assert len(there.upstream.pages(departement="59", grandDomaine="D")) == 2
    assert run.ids == ids(there.upstream.ads)


def test_offers_without_a_departement_that_are_all_gone_leave_nothing_behind(station):
    there = station(spread(500))
    there.harvest()
    there.upstream.ads = [ad for ad in there.upstream.ads if ad.departement]

    run = there.harvest(hours=12)

    assert run.ids == ids(there.upstream.ads)
    assert (run.parts["hors département"].announced, run.parts["hors département"].distinct) == (0, 0)


def test_nothing_is_carried_over_for_more_than_a_day_and_what_is_left_out_is_counted(station):
    there = station(spread(500))
    there.harvest()
    there.upstream.instead = only_departements

    run = there.harvest(hours=25)

    part = run.parts["35"]
    assert (part.carried, part.left_out) == (0, 90)
    assert run.notes.remarks["not_seen_for_a_day"] == 100
    assert run.ids == ids([ad for ad in there.upstream.ads if ad.departement not in ("35", None)])


def test_what_is_gone_is_deleted_by_a_complete_harvest(station):
    there = station(spread(500))
    there.harvest()
    del there.upstream.ads[100:200]

    run = there.harvest(hours=12)

    assert run.ids == ids(there.upstream.ads)
    assert sum(part.carried for part in run.notes.parts) == 0


def test_a_changed_offer_is_changed_by_a_complete_harvest(station):
    there = station(ads(3))
    there.harvest()
    there.upstream.ads[1] = replace(there.upstream.ads[1], company="Autre nom fictif")

    run = there.harvest(hours=12)

    names = {row.card.id: row.card.organisation.name for row in run.rows if isinstance(row, Entry)}
    assert names["ft:0000001"] == "Autre nom fictif"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(lambda: answer(500), UpstreamDown), (lambda: answer(206, b"<html>"), UpstreamMalformed)],
    ids=["500", "malformed"],
)
def test_an_upstream_that_fails_again_and_again_ends_the_harvest(station, reply, kind):
    there = station(spread(500))
    there.upstream.instead = lambda params: reply() if "departement" in params else None

    with pytest.raises(kind):
        there.harvest()

    assert len([params for params in there.upstream.asked if "departement" in params]) < 15


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_that_concerns_every_search_ends_the_harvest_at_once(station, status):
    there = station(spread(500))
    there.upstream.instead = failing(status, departement="35")

    with pytest.raises(UpstreamRefused):
        there.harvest()


# A crash.


def killed_at(call: int, there: Station) -> Callable[[Params], httpx.Response | None]:
    def instead(_: Params) -> httpx.Response | None:
        if len(there.upstream.asked) >= call:
            raise RuntimeError("killed")
        return None

    return instead


def spans_read(there: Station) -> set[tuple[str, str]]:
    """The spans whose first page was asked for, but for the newest."""
    return {
        (params["minCreationDate"], params["maxCreationDate"])
        for params in there.upstream.asked
        if is_span(params) and params["range"] == "0-149" and params["minCreationDate"] < "2026-11-24"
    }


@pytest.mark.parametrize(("call", "most"), [(22, 5), (60, 0)], ids=["while spans are read", "after them"])
def test_a_harvest_that_crashed_goes_on_where_it_was(station, call, most):
    there = station(spread(2500, every_s=800))
    there.upstream.instead = killed_at(call, there)
    with pytest.raises(RuntimeError):
        there.harvest()
    before = spans_read(there)
    there.upstream.instead = lambda _: None

    run = there.harvest(hours=1)

    assert len(before) >= 6
    assert len(before & spans_read(there)) <= most
    assert run.ids == ids(there.upstream.ads)
    assert run.notes.complete
    assert run.notes.as_of == NOW


def test_after_some_hours_a_crashed_harvest_begins_anew(station):
    there = station(spread(500))
    there.upstream.instead = killed_at(60, there)
    with pytest.raises(RuntimeError):
        there.harvest()
    before = spans_read(there)
    there.upstream.instead = lambda _: None

    run = there.harvest(hours=4)

    assert before
    assert run.ids == ids(there.upstream.ads)
    assert run.notes.as_of == NOW + timedelta(hours=4)


def test_a_harvest_that_stayed_incomplete_reads_only_what_failed_when_it_is_repeated_soon(station):
    there = station(spread(500))
    there.upstream.instead = only_departements
    assert not there.harvest().notes.complete
    there.upstream.instead = lambda _: None

    run = there.harvest(hours=0.5)

    assert {params["departement"] for params in there.upstream.asked if "departement" in params} == {"35"}
    assert run.notes.complete
    assert run.ids == ids(there.upstream.ads)


@pytest.mark.parametrize("damage", [b"not a data base", b""], ids=["rubbish", "empty"])
def test_a_damaged_journal_is_begun_anew(station, damage):
    there = station(spread(200))
    there.harvest()
    (there.folder / FILE_NAME).write_bytes(damage)

    run = there.harvest(hours=0.5, increment=True)

    assert run.ids == ids(there.upstream.ads)
    assert run.notes.as_of == NOW + timedelta(hours=0.5)


def test_the_journal_of_another_upstream_is_not_carried_over(station):
    there = station(spread(200))
    there.harvest()
    other = replace(PLAIN, france_travail_url="https://other.example")
    there.upstream.ads = ads(50, first=5000)

    run = there.harvest(hours=0.5, increment=True, settings=other)

    assert run.ids == ids(there.upstream.ads)


def test_the_journal_holds_no_contact(station):
    there = station(spread(200))

    there.harvest()

    db = sqlite3.connect(there.folder / FILE_NAME)
    written = b"".join(zlib.decompress(body) for (body,) in db.execute("SELECT body FROM found"))
    db.close()
    assert b"Emploi 199" in written
    for contact in (b"exemple.invalid", b"01 99 00", b"Mme Fictive"):
        assert contact not in written
        assert contact not in b"".join(path.read_bytes() for path in there.folder.glob(f"{FILE_NAME}*"))


# Increments.


def test_an_increment_brings_what_was_created_and_keeps_the_age_of_the_whole(station):
    there = station(spread(500))
    there.harvest()
    created = [Ad(9000, created=NOW + timedelta(minutes=5)), Ad(9001, departement=None, created=NOW)]
    there.upstream.ads = [*there.upstream.ads[:-50], *created]

    run = there.harvest(hours=0.25, increment=True)

    assert run.ids == ids(spread(500) + created)
    assert run.notes.as_of == NOW
    assert run.notes.complete
    assert len(there.upstream.asked) == 2
    part = run.parts["nouvelles offres"]
    assert (part.announced, part.distinct) == (2, 2)
    assert run.parts["35"].seen == "2026-11-24T12:00:00.000+00:00"


def test_an_increment_asks_from_some_time_before_the_last_one(station):
    there = station(spread(100))
    there.harvest()
    there.harvest(hours=0.25, increment=True)
    first = there.upstream.asked[-1]

    there.harvest(hours=0.5, increment=True)

    second = there.upstream.asked[-1]
    assert (first["minCreationDate"], first["maxCreationDate"]) == ("2026-11-24T10:00:00Z", "2026-11-24T12:15:00Z")
    assert (second["minCreationDate"], second["maxCreationDate"]) == ("2026-11-24T10:15:00Z", "2026-11-24T12:30:00Z")


def test_what_an_increment_brought_is_deleted_by_the_next_complete_harvest_when_it_is_gone(station):
    there = station(spread(100))
    there.harvest()
    there.upstream.ads.append(Ad(9000, created=NOW + timedelta(minutes=5)))
    there.harvest(hours=0.25, increment=True)
    del there.upstream.ads[-1]

    run = there.harvest(hours=12)

    assert run.ids == ids(there.upstream.ads)


def test_without_a_harvest_an_increment_is_one(station):
    there = station(spread(100))

    run = there.harvest(increment=True)

    assert run.ids == ids(there.upstream.ads)
    assert run.notes.complete


def test_after_a_day_without_a_complete_harvest_an_increment_is_one(station):
    there = station(spread(100))
    there.harvest()
    del there.upstream.ads[:50]

    run = there.harvest(hours=25, increment=True)

    assert run.ids == ids(there.upstream.ads)
    assert run.notes.as_of == NOW + timedelta(hours=25)


def test_with_other_settings_an_increment_is_a_harvest_that_carries_over_what_it_cannot_read(station):
    there = station(spread(500))
    there.harvest()
    there.upstream.instead = only_departements

    run = there.harvest(hours=1, increment=True, settings=replace(PLAIN, keep_versions=7))

    assert run.parts["59"].seen == "2026-11-24T13:00:00.000+00:00"
    assert run.parts["35"].carried == 90
    assert run.ids == ids(there.upstream.ads)


def test_an_increment_that_fails_is_no_increment(station):
    there = station(spread(100))
    there.harvest()
    there.upstream.instead = lambda params: answer(500) if "minCreationDate" in params else None

    with pytest.raises(UpstreamError):
        there.harvest(hours=0.25, increment=True)

    there.upstream.instead = lambda _: None
    there.harvest(hours=0.5, increment=True)
    assert there.upstream.asked[-1]["minCreationDate"] == "2026-11-24T10:00:00Z"


def test_more_new_offers_than_a_search_shows_are_split(station):
    there = station(spread(100))
    there.harvest()
    there.upstream.ads += [
        Ad(5000 + number, created=NOW + timedelta(seconds=number), rome=ROMES[number % 8]) for number in range(900)
    ]
    there.upstream.window = 300

    run = there.harvest(hours=0.5, increment=True)

    assert run.ids == ids(there.upstream.ads)


def test_repairs_are_counted_for_every_row_that_is_published_whenever_it_was_read(station):
    there = station([*ads(20), Ad(30, rome="Z9999")])
    first = there.harvest()

    second = there.harvest(hours=0.25, increment=True)

    assert first.notes.remarks == second.notes.remarks == {"rome_unknown": 1}


# The budget.


def test_a_harvest_takes_hardly_longer_than_its_calls_at_the_given_rate(station):
    there = station(spread(600))
    rate = 25.0
    clock = Clock()
    worked_s = time.process_time()

    there.harvest(settings=replace(PLAIN, france_travail_rate_per_s=rate), lanes=Lanes(clock=clock, sleep=clock.sleep))

    waited_s, worked_s = sum(clock.slept), time.process_time() - worked_s
    calls = len(there.upstream.asked)
    assert calls > 105
    assert calls / rate * 0.9 <= waited_s
    assert waited_s + worked_s <= 1.3 * calls / rate
