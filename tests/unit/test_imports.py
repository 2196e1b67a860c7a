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
