"""What a worker imports before it is bound: the core, and nothing that a visitor's answer does not need."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT
from widget_server.app import Application, create_app
from widget_server.settings import Settings
from widget_server.web.fast import FastPath

NEVER = (
    "httpx", "httpcore", "h2", "xgboost", "scipy", "pandas", "duckdb", "rich", "structlog", "pyarrow", "dask", "babel",
    "fsspec", "widget_server.upstream", "widget_server.sources", "widget_server.forecast", "widget_server.sandbox",
    "widget_server.sync",
)  # fmt: skip


def test_a_worker_imports_the_core_only():
    code = "import sys, widget_server.app; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = told.stdout.split()

    assert [name for name in loaded if name.startswith(NEVER)] == []
    assert "numpy" in loaded


def refused(folder: Path) -> list[str]:
    """Where middleware is used that wraps each request in tasks, or compresses each answer again."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            words = ("BaseHTTPMiddleware", "middleware.base", "gzip.GZipMiddleware", "compress_middleware",
                     "starlette_compress", "brotli_asgi")  # fmt: skip
            found += [f"{path.name}: {name}" for name in names if any(word in name for word in words)]
    return found


def test_no_middleware_wraps_or_compresses_each_request():
    parts = [ROOT / "widget_server" / name for name in ("web", "listing", "snapshot", "domain", "reference")]

    assert [line for part in parts for line in refused(part)] == []
    assert refused(ROOT / "widget_server" / "sandbox"), "the rule finds the one place where it is allowed"


@pytest.mark.parametrize("base", ["BaseHTTPMiddleware", "GZipMiddleware"])
def test_what_stands_around_the_router_is_pure(tmp_path, base):
    app = create_app(Settings(data_dir=str(tmp_path)))
    assert isinstance(app, Application)
    layer, seen = app.build_middleware_stack(), []
    while layer is not None:
        seen.append(type(layer))
        layer = getattr(layer, "_app", None) or getattr(layer, "app", None)

    assert base not in {parent.__name__ for kind in seen for parent in kind.__mro__}
    assert FastPath in seen
