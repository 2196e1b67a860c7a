"""No name, telephone or e-mail address of a contact reaches the disk: no snapshot, nothing that a sync keeps beside."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from tests.contract.sandbox import FORM, NOW, SEARCH, SIGN_IN, served, settings_for
from widget_server.sync.sync import sync

EMAIL = re.compile(rb"[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}")
TELEPHONE = re.compile(r"(?<!\d)(?:\+33|0)\s?[1-9](?:[\s.-]?\d\d){4}(?!\d)")
SPACED_TELEPHONE = re.compile(rb"(?<![\d.])0[1-9](?:[ .-]\d\d){4}(?!\d)")


def records(address: str) -> list[object]:
    """Everything that the sandbox's upstreams would say, contacts included."""
    found: list[object] = []
    with httpx.Client(base_url=address, timeout=30) as http:
        token = http.post(SIGN_IN, data=FORM).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        for departement in ("75", "13", "69", "35", "59", "974"):
            answer = http.get(SEARCH, params={"natureContrat": "E2,FS", "departement": departement}, headers=headers)
            found += answer.json()["resultats"]
        every = {
            "query": "{}",
            "limit": "100000",
            "select": '{"email":1,"num_tel":1,"etablissement_formateur_courriel":1}',
        }
        found += http.get("/api/v1/entity/formations.json", params=every).json()
        found += http.get("/recruiters/predictions.json").json()
    return found


def contacts(told: object, under: str = "") -> set[str]:
    """Every telephone, e-mail address and contact's name in a record."""
    if isinstance(told, dict):
        return {needle for name, value in told.items() for needle in contacts(value, f"{under}.{name}")}
    if isinstance(told, list):
        return {needle for value in told for needle in contacts(value, under)}
    if not isinstance(told, str):
        return set()
    found = {match.group() for match in TELEPHONE.finditer(told)} | {
        match.group().decode() for match in EMAIL.finditer(told.encode())
    }
    return found | ({told} if under.endswith("contact.nom") else set())


@pytest.mark.parametrize("recruiters", ["/recruiters/recruiters.ndjson.gz", "/recruiters/predictions.json"])
def test_no_contact_of_any_record_is_in_any_file(tmp_path: Path, recruiters: str):
    with served() as address:
        settings = settings_for(address, str(tmp_path), recruiters_url=address + recruiters)
        reports = asyncio.run(sync([], settings, now=NOW))
        needles = contacts(records(address))
    assert all(report.ok for report in reports)
    assert any("@" in needle for needle in needles)
    assert any(needle[0] == "0" for needle in needles)
    assert any("personnage" in needle for needle in needles), "no contact has a name: the test proves nothing"

    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        body = path.read_bytes()
        assert {needle for needle in needles if needle.encode() in body} == set(), path.name
        if path.suffix in (".sqlite", ".json"):  # arrays of numbers look like anything
            assert EMAIL.findall(body) == [], path.name
            assert SPACED_TELEPHONE.findall(body) == [], path.name
