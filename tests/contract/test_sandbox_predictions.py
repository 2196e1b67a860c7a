"""The sandbox's files of predicted recruiters: a release, and an integrator's own file in three wrappings."""

import gzip
import json

import pytest

from tests.contract.sandbox import RELEASE, Sandbox, companies, economy, sandbox
from tests.contract.upstream_fakes import SAMPLES
from widget_server.sources.kit.sirene import is_siret

pytestmark = pytest.mark.anyio
OWN = "/recruiters/predictions.json"
COUNT = len(economy().recruiters)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def lines(body: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in body.splitlines()]


async def release(box: Sandbox) -> tuple[dict[str, object], list[dict[str, object]]]:
    header, *rows = lines(gzip.decompress((await box.http.get(RELEASE)).content))
    return header, rows


async def test_a_release_begins_with_its_format_its_day_and_its_count():
    async with sandbox() as box:
        header, rows = await release(box)

    assert (header["format"], header["day"], header["count"]) == (1, "2026-11-24", len(rows))
    assert header["until"] == "2027-05-23"
    assert len(rows) == COUNT


async def test_a_file_says_when_it_was_made():
    async with sandbox() as box:
        now = await box.http.get(RELEASE)
        await box.fault(recruiters={"older_days": 8})
        old = await box.http.get(RELEASE)

    assert now.headers["last-modified"] == "Tue, 24 Nov 2026 00:00:00 GMT"
    assert old.headers["last-modified"] == "Mon, 16 Nov 2026 00:00:00 GMT"


async def test_the_same_file_is_the_same_bytes():
    async with sandbox() as box:
        first, second = [(await box.http.get(RELEASE)).content for _ in range(2)]

    assert first == second


async def test_an_own_file_is_the_same_as_an_array_as_lines_and_in_gzip():
    async with sandbox() as box:
        array = (await box.http.get(OWN)).json()
        ndjson = lines((await box.http.get("/recruiters/predictions.ndjson")).content)
        zipped = json.loads(gzip.decompress((await box.http.get(f"{OWN}.gz")).content))

    assert len(array) == COUNT
    assert array == ndjson == zipped


async def test_both_shapes_are_of_the_same_companies():
    async with sandbox() as box:
        _, rows = await release(box)
        own = (await box.http.get(OWN)).json()

    assert [row["siret"] for row in rows] == [row["siret"] for row in own]
    assert [[code for code, _, _ in row["romes"]] for row in rows] == [
        [each["rome_code"] for each in row["rome_codes"]] for row in own
    ]


async def test_the_documented_dirt_is_in_the_file():
    async with sandbox(made=economy(0.1)) as box:
        _, rows = await release(box)
        own = (await box.http.get(OWN)).json()

    sirets = [str(row["siret"]) for row in rows]
    assert any(row["lat"] is None for row in rows)
    assert any(row["lat"] == 0 for row in rows)
    assert any(not is_siret(siret) for siret in sirets)
    assert any(row["name"] is None for row in rows)
    assert any(row["name"] == "[ND]" for row in rows)
    assert any(row["romes"] == [] for row in rows)
    assert any(len(str(row["postcode"])) == 4 for row in rows)
    assert any("horoscope" in row["reasons"] for row in rows)
    assert len(set(sirets)) < len(sirets)
    x = "coordonneeLambertAbscisseEtablissement"
    assert any(row[x] is None for row in own)
    assert any(row[x] == 0 for row in own)
    assert {"200", "971", "972", "973", "974", "976"} <= {str(row["zip_code"])[:3] for row in own}


async def test_a_probability_falls_from_one_occupation_of_a_company_to_the_next():
    async with sandbox() as box:
        _, rows = await release(box)

    for row in rows:
        told = [probability for _, probability, _ in row["romes"]]
        assert told == sorted(told, reverse=True)
        assert all(0 < probability < 1 for probability in told)


@pytest.mark.parametrize(
    ("fault", "count"),
    [({"only": 7}, 7), ({"half": True}, -(-COUNT // 2)), ({"empty": True}, 0), ({"duplicates": True}, 2 * COUNT)],
    ids=["few", "half", "none", "twice"],
)
async def test_the_file_may_hold_less_or_more(fault: dict[str, object], count: int):
    async with sandbox() as box:
        await box.fault(recruiters=fault)
        header, rows = await release(box)

    assert header["count"] == len(rows) == count


async def test_the_file_may_lie_about_its_count_and_its_format():
    async with sandbox() as box:
        await box.fault(recruiters={"count_off": 5, "format": 2})
        header, rows = await release(box)

    assert (header["count"], header["format"]) == (len(rows) + 5, 2)


async def test_the_file_may_stop_in_the_middle():
    async with sandbox() as box:
        await box.fault(recruiters={"truncate": 5000})
        body = (await box.http.get(RELEASE)).content

    assert len(body) == 5000
    with pytest.raises(EOFError):
        gzip.decompress(body)


async def test_the_truth_names_each_row_that_a_reader_rejects():
    async with sandbox() as box:
        truth = (await box.http.get("/_truth/recruiters")).json()

    reasons = {row["rejected"] for row in truth["rejected"]}
    assert len(truth["kept"]) + len(truth["rejected"]) == len(companies(economy()))
    assert reasons == {"siret_invalid", "name_missing", "no_rome", "rome_unknown", "postcode_invalid", "not_diffusible"}


@pytest.mark.parametrize("kind", ["offers", "trainings", "recruiters"])
async def test_what_is_to_be_kept_is_told_without_its_text_too(kind: str):
    async with sandbox() as box:
        whole = (await box.http.get(f"/_truth/{kind}")).json()
        short = (await box.http.get(f"/_truth/{kind}/kept")).text.split()

    assert whole["rejected"]
    assert sorted(short) == sorted(row["id"] for row in whole["kept"])


@pytest.mark.skipif(not SAMPLES.exists(), reason="the contract's samples are not beside this repository")
async def test_a_row_of_an_own_file_has_the_fields_of_the_sample_with_their_types():
    sample = json.loads((SAMPLES / "recruiters" / "lba-raw-recruiters.json").read_text("utf-8"))
    async with sandbox() as box:
        rows = (await box.http.get(OWN)).json()

    assert all(row.keys() == sample[0].keys() for row in rows)
    allowed = {name: {type(row[name]) for row in sample} | {type(None), str} for name in sample[0]}
    odd = {name for row in rows for name, value in row.items() if type(value) not in allowed[name]}
    assert odd == set()
