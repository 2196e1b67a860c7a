"""Every state of the page is valid HTML and CSS, in both languages, by the checker of the W3C."""

import json
import re
import shutil
import subprocess

import pytest

from tests.browser.site import ROOT
from tests.pages import STATES

CHECKER = ROOT / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
LINES = ("sh", "tests/browser/install-java.sh")


@pytest.mark.skipif(shutil.which("java") is None, reason=f"the W3C checker needs Java: {' '.join(LINES)}")
def test_the_checker_finds_no_error_in_any_state(tmp_path):
    for state, show in STATES.items():
        for lang in ("fr", "en"):
            (tmp_path / f"{re.sub(r'[^a-z]+', '-', state)}.{lang}.html").write_bytes(show({"lang": lang}).html)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2 * len(STATES)

    # One process for all of them: starting Java costs more than a hundred pages.
    told = subprocess.run(
        ["java", "-jar", str(CHECKER), "--also-check-css", "--format", "json", *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )

    messages = json.loads(told.stderr)["messages"]
    errors = [f"{one['url'].rsplit('/')[-1]}: {one['message']}" for one in messages if one["type"] != "info"]
    assert errors == []
    # It did read the pages: it always remarks that lists have a role, which Safari needs.
    assert any("role is unnecessary" in one["message"] for one in messages)
