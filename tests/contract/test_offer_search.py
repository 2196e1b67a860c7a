"""One search is read to its end, whatever happens to its offers meanwhile."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.offers_upstream import Ad, Params, Upstream, ads, page
from tests.contract.upstream_fakes import answer, client
from widget_server.domain.errors import UpstreamDown, UpstreamMalformed, UpstreamRepeats
from widget_server.sources.harvest.search import OVERLAP, Reading, Row, Search

CONTRACTS = {"natureContrat": "E2,FS"}


def read(upstream: Upstream, known: set[str] | None = None) -> tuple[Reading, list[Row]]:
    taken: list[Row] = []

    async def run() -> Reading:
        async with client(upstream.transport()) as http:
            return await Search(http).read(CONTRACTS, taken.extend, known=known)

    return asyncio.run(run()), taken


def keys(told: list[Ad]) -> set[str]:
    return {f"ft:{ad.id}" for ad in told}


def at_call(number: int, change: Callable[[Upstream], None]) -> Callable[[Upstream, Params], None]:
    """Change the offers just before a call, counted from 1."""

    def before(upstream: Upstream, _: Params) -> None:
        if len(upstream.asked) == number - 1:
            change(upstream)

    return before


@pytest.mark.parametrize("count", [0, 1, 149, 150, 151, 290, 3149, 3150])
def test_a_search_that_keeps_still_is_read_once_page_by_page(count):
    upstream = Upstream(ads(count))

    reading, taken = read(upstream)

    assert reading.keys == {row.key for row in taken} == keys(upstream.ads)
    assert len(taken) == count
    assert (reading.announced, reading.moved, reading.too_many, reading.problem) == (count, False, False, None)
    assert all(int(asked.split("-")[0]) <= 3000 for asked in upstream.pages())


def test_one_offer_more_than_the_window_is_not_read_but_said():
    reading, _ = read(Upstream(ads(3151)))

    assert reading.too_many
    assert reading.problem is None


def test_a_window_smaller_than_documented_is_told_by_the_refusal():
    reading, _ = read(Upstream(ads(700), window=300))

    assert reading.too_many


@pytest.mark.parametrize("gone", [1, OVERLAP, 60, 149, 150])
def test_offers_deleted_from_a_page_already_read_do_not_hide_those_behind_it(gone):
    def delete(upstream: Upstream) -> None:
        upstream.ads = upstream.ads[: len(upstream.ads) - gone]

    upstream = Upstream(ads(700), before=at_call(3, delete))
    everything = list(upstream.ads)

    reading, _ = read(upstream)

    assert keys(everything[: 700 - gone]) <= reading.keys <= keys(everything)
    assert reading.moved
    assert reading.problem is None


def test_when_the_end_moves_before_the_next_page_no_content_is_not_taken_for_the_end():
    def delete(upstream: Upstream) -> None:
        upstream.ads = upstream.ads[:130]

    upstream = Upstream(ads(155), before=at_call(2, delete))

    reading, _ = read(upstream)

    assert keys(upstream.ads) <= reading.keys
    assert reading.problem is None


@pytest.mark.parametrize("count", [1, 40, 400])
def test_offers_created_meanwhile_are_found_by_reading_the_top_again(count):
    upstream = Upstream(ads(700), before=at_call(3, lambda told: told.ads.extend(ads(count, first=5000))))

    reading, _ = read(upstream)

    assert reading.keys == keys(upstream.ads)
    assert reading.problem is None


def test_a_second_reading_ends_where_nothing_is_new():
    upstream = Upstream(ads(1500), before=at_call(5, lambda told: told.ads.append(Ad(5000))))

    read(upstream)

    assert len(upstream.asked) == 11 + 2


def test_an_offer_that_jumps_to_the_top_before_it_was_read_is_found_there():
    def jump(upstream: Upstream) -> None:
        upstream.ads[0] = Ad(0, created=Ad(9000).moment)

    upstream = Upstream(ads(700), before=at_call(3, jump))

    reading, _ = read(upstream)

    assert reading.keys == keys(upstream.ads)


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 900),
    steps=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 200), st.integers(0, 2**30)), min_size=1, max_size=12),
)
def test_whatever_comes_and_goes_an_offer_that_stays_is_read(count, steps):
    left = list(steps)
    first = [5000]

    def change(upstream: Upstream, _: Params) -> None:
        if left:
            created, deleted, draw = left.pop()
            upstream.ads += ads(created, first=first[0])
            first[0] += created
            for turn in range(min(deleted, len(upstream.ads))):
                del upstream.ads[(draw + turn * 7919) % len(upstream.ads)]

    upstream = Upstream(ads(count), before=change)
    before = set(upstream.ads)

    reading, _ = read(upstream)

    assert keys(list(before & set(upstream.ads))) <= reading.keys
    assert reading.keys <= keys(ads(count) + ads(first[0] - 5000, first=5000))


def test_what_moves_too_fast_is_given_up_and_said():
    def churn(upstream: Upstream, _: Params) -> None:
        upstream.ads = ads(700, first=upstream.ads[-1].number + 1)

    reading, _ = read(Upstream(ads(700), before=churn))

    assert reading.problem == "its 700 offers move faster than they can be read"


def test_an_upstream_that_shows_offers_twice_on_one_page_is_not_believed():
    def twice(params: Params) -> httpx.Response | None:
        return page([Ad(number // 2) for number in range(100)], 0, 100)

    with pytest.raises(UpstreamRepeats, match="shows offers more than once on one page: 50 of 100 rows"):
        read(Upstream([], instead=twice))


def test_a_few_rows_shown_twice_on_one_page_do_not_count_as_found():
    def twice(params: Params) -> httpx.Response | None:
        return page([Ad(max(number, 10)) for number in range(110)], 0, 110)

    reading, taken = read(Upstream([], instead=twice))

    assert len(taken) == len(reading.keys) == 100
    assert reading.problem == "100 of 110 offers found after reading twice"


@pytest.mark.parametrize(
    "spoilt",
    [rb'"\ud800"', b'"\xed\xa0\x80"', b'"\xff"', rb'"\q"', b"NaN", b"01"],
    ids=["lone surrogate", "surrogate as bytes", "not UTF-8", "escape", "NaN", "number"],
)
def test_a_row_that_cannot_be_read_costs_no_other(spoilt):
    body = b'{"resultats":[{"id":"0000001"},{"id":"0000002","intitule":%b},{"id":"0000003"}],"filtresPossibles":[]}'
    reply = lambda _: answer(206, body % spoilt, {"Content-Range": "offres 0-2/3"})  # noqa: E731

    reading, taken = read(Upstream([], instead=reply))

    assert {"ft:0000001", "ft:0000003"} < reading.keys
    assert len(taken) == len(reading.keys) == 3
    assert reading.problem is None


def test_hardly_anything_missing_after_a_second_reading_is_accepted_but_told():
    def one_less(params: Params) -> httpx.Response | None:
        start = int(params["range"].split("-")[0])
        return page(ads(199)[start : start + 150], start, 200) if start < 199 else None

    reading, _ = read(Upstream([], instead=one_less))

    assert (len(reading.keys), reading.announced, reading.problem) == (199, 200, None)
    assert reading.is_short


def test_what_is_known_already_is_not_read_further():
    upstream = Upstream(ads(700))

    reading, _ = read(upstream, known=keys(ads(700)))

    assert reading.covered
    assert len(upstream.asked) == 1


def test_rows_without_a_usable_id_are_told_apart_by_what_they_say():
    rows = [{"intitule": "a"}, {"intitule": "b"}, {"id": ["x"]}, {"id": "../etc"}, 7, {"intitule": "a"}]
    headers = {"Content-Range": "offres 0-5/6"}

    reading, taken = read(Upstream([], instead=lambda _: answer(206, {"resultats": rows}, headers)))

    assert len(taken) == 5
    assert all(key.startswith("?") for key in reading.keys)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (lambda: page([], 0, 10), "announces 10 offers and sends an empty page"),
        (lambda: answer(206, {"resultats": []}), "without saying how many there are"),
        (lambda: answer(206, b'{"resultats": [{"id": }]}', {"Content-Range": "offres 0-0/1"}), "cannot be read"),
        (lambda: answer(206, {"resultats": "none"}, {"Content-Range": "offres 0-0/1"}), "cannot be read"),
    ],
    ids=["empty page", "no total", "malformed", "another shape"],
)
def test_an_answer_that_makes_no_sense_is_never_an_empty_page(reply, said):
    with pytest.raises(UpstreamMalformed, match=said):
        read(Upstream([], instead=lambda _: reply()))


def test_an_error_in_the_middle_is_raised():
    upstream = Upstream(ads(700))
    upstream.instead = lambda params: answer(502) if params["range"].startswith("280-") else None

    with pytest.raises(UpstreamDown):
        read(upstream)
