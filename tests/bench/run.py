"""All of it, one after the other, and one table at the end: `make bench`.

python -m tests.bench.run              every file
python -m tests.bench.run search hits  some of them
"""

import importlib
import sys
import time
import traceback

from tests.bench import data
from tests.bench.pairs import Row, publish

FILES = ("counts", "search", "merge", "hits", "misses", "swap", "start", "page")


def main() -> None:
    """Measure, print, and fail when a goal is missed; an inconclusive row fails nobody."""
    begun = time.monotonic()
    data.national()
    data.shelf(1_000_000)
    print(f"data ready after {time.monotonic() - begun:.0f} s", flush=True)
    rows: list[Row] = []
    broken = []
    for name in sys.argv[1:] or FILES:
        print(f"\n{name}", flush=True)
        try:
            rows += publish(name, importlib.import_module(f"tests.bench.{name}").measure())
        except Exception:  # one file that breaks must not hide what the others measure
            traceback.print_exc()
            broken.append(name)
    print(f"\n{'subject':<58} {'goal':<9} {'measured':<14} verdict")
    for row in rows:
        print(row.line())
    failed = [row.subject for row in rows if row.verdict == "fail"]
    minutes = (time.monotonic() - begun) / 60
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in ("pass", "fail", "inconclusive")}
    print(f"\n{counts}, {minutes:.1f} minutes" + (f"; could not be measured: {', '.join(broken)}" if broken else ""))
    sys.exit(1 if failed or broken else 0)


if __name__ == "__main__":
    main()
