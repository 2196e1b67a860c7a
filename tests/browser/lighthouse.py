"""Lighthouse on the list and on the page that stands by itself: `python -m tests.browser.lighthouse`.

Fails below what the budgets ask. Performance is measured on this machine: a busy one gives less.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.browser.site import ARGUMENTS, NAMES, ROOT, served

LEAST: Final = {"performance": 99, "accessibility": 100, "best-practices": 100}
PATHS: Final = ("/v1/widget?romes=D1102&insee=35238", "/?romes=D1102&insee=35238", "/?romes=D1102&insee=35238&lang=en")


def measure(url: str, folder: Path) -> dict[str, int]:
    """The scores of one address, out of 100."""
    chromium = next(filter(None, map(shutil.which, NAMES)))
    out = folder / "lighthouse.json"
    subprocess.run(
        [
            "npx",
            "--no-install",
            "lighthouse",
            url,
            "--quiet",
            "--output=json",
            f"--output-path={out}",
            f"--only-categories={','.join(LEAST)}",
            f"--chrome-flags=--headless=new {' '.join(ARGUMENTS)}",
        ],
        check=True,
        cwd=ROOT,
        env=os.environ | {"CHROME_PATH": chromium},
    )
    told = json.loads(out.read_text("utf-8"))
    for audit in told["audits"].values():
        if audit["score"] is not None and audit["score"] < 0.9:
            print(f"  {audit['id']}: {audit['score']} {audit.get('displayValue', '')}")
    return {name: round(told["categories"][name]["score"] * 100) for name in LEAST}


def main() -> int:
    """Print every score; 1 when one is too low."""
    low = 0
    with tempfile.TemporaryDirectory() as name, served(Path(name) / "data") as site:
        for path in PATHS:
            scores = measure(site.widget + path, Path(name))
            print(path, *(f"{each} {score}" for each, score in scores.items()), flush=True)
            low += sum(score < LEAST[each] for each, score in scores.items())
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
