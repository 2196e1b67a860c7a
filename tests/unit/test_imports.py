"""The web process learns nothing and calls nobody."""

import subprocess
import sys
from pathlib import Path

LEARNING = ("xgboost", "scipy", "pandas", "duckdb", "widget_server.forecast")
HEAVY = (*LEARNING, "httpx", "httpcore", "rich", "widget_server.upstream")
ROOT = Path(__file__).parents[2]


def among(loaded: list[str], packages: tuple[str, ...]) -> list[str]:
    return [name for name in loaded if any(name == each or name.startswith(f"{each}.") for each in packages)]


def run(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_the_web_process_imports_no_client_and_no_machine_learning():
    loaded = run("import sys, widget_server.app; print(*sys.modules)").split()

    assert among(loaded, HEAVY) == []


def test_a_sync_imports_no_machine_learning():
    loaded = run("import sys, widget_server.sync.sync, widget_server.cli; print(*sys.modules)").split()

    assert among(loaded, LEARNING) == []


def test_answering_opens_no_connection(tmp_path):
    code = f"""
import asyncio, socket, sys
from pathlib import Path
def refuse(*arguments, **more):
    raise AssertionError("a connection was opened")
from tests.contract.site import client, fill
fill(Path({str(tmp_path)!r}))
async def ask():
    async with client(Path({str(tmp_path)!r})) as http:
        socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse
        for path in ("/v1/cards?romes=D1102&insee=35238", "/v1/jobs?q=boul", "/v1/places?q=ren", "/readyz"):
            answer = await http.get(path)
            assert answer.status_code in (200, 503), (path, answer.status_code)
    print("quiet")
asyncio.run(ask())
"""
    assert run(code) == "quiet"


def test_a_sync_and_an_answer_do_without_machine_learning_even_where_it_cannot_be_imported(tmp_path):
    release, data = tmp_path / "recruiters.ndjson.gz", tmp_path / "data"
    code = f"""
import asyncio, gzip, json, os, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if any(name == each or name.startswith(each + ".") for each in {LEARNING!r}):
            raise ImportError(name + " is not installed here")
sys.meta_path.insert(0, Absent())
header = {{"format": 1, "model": "m", "day": "2026-11-23", "until": "2027-05-22", "count": 1}}
row = {{
    "siret": "73282932000074", "name": "Boulangerie Fictive", "naf": "1071C", "headcount": "03", "address": "1 rue",
    "postcode": "35000", "commune": "35238", "lat": 48.11, "lon": -1.68, "expected_hires": 0.6,
    "romes": [["D1102", 0.41, "A"]], "reasons": ["history"],
}}
with gzip.open({str(release)!r}, "wt") as stream:
    stream.write(json.dumps(header) + "\\n" + json.dumps(row) + "\\n")
os.environ |= {{"RECRUITERS_URL": {str(release)!r}, "DATA_DIR": {str(data)!r}}}
from pathlib import Path
from widget_server.cli import main
try:
    main(["sync", "recruiters", "--accept", "few", "--because", "one company is enough for a test"])
except SystemExit as end:
    assert not end.code, end.code
from tests.contract.site import client
async def ask():
    async with client(Path({str(data)!r})) as http:
        answer = await http.get("/v1/cards?romes=D1102&insee=35238")
        print([card["title"] for card in answer.json()["cards"]])
asyncio.run(ask())
"""
    assert run(code) == "['Boulangerie Fictive']"
