"""Local stand-ins of the upstreams with a fictitious national data set: for the demo, the tests and the benchmarks."""

from widget_server.sandbox.economy import SIZES, Counts, Economy, make_economy
from widget_server.sandbox.server import create_sandbox, serve_sandbox
from widget_server.sandbox.settings import SandboxSettings

__all__ = ["SIZES", "Counts", "Economy", "SandboxSettings", "create_sandbox", "make_economy", "serve_sandbox"]
