"""The wheel holds everything that a server needs: it runs where neither the checkout nor Node is."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVE = """
import asyncio, sys
import httpx
import widget_server
from widget_server.app import create_app
from widget_server.settings import Settings

assert widget_server.__file__.startswith(sys.argv[1]), widget_server.__file__

async def ask():
    transport = httpx.ASGITransport(create_app(Settings(data_dir=sys.argv[1] + "/data")))
    async with httpx.AsyncClient(transport=transport, base_url="http://widget.test") as http:
        for path in ("/embed/v1.js", "/v1/widget?romes=D1102&insee=35238", "/v1/jobs?q=boulang"):
            answer = await http.get(path)
            print(path, answer.status_code, len(answer.content))

asyncio.run(ask())
"""


def test_a_server_runs_from_the_wheel_alone(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "wheel")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")

    # -P: the folder of the checkout is not on the path; the editable install is shadowed by PYTHONPATH.
    done = subprocess.run(
        [sys.executable, "-P", "-c", SERVE, str(tmp_path / "site")],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    told = [line.split() for line in done.stdout.splitlines()]
    # No snapshot: the page says so with 503, and is a page.
    assert [(path, status) for path, status, _ in told] == [
        ("/embed/v1.js", "200"),
        ("/v1/widget?romes=D1102&insee=35238", "503"),
        ("/v1/jobs?q=boulang", "200"),
    ]
    assert all(int(size) > 300 for _, _, size in told)
