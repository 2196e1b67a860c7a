"""The interface does what its own description says, whatever is asked."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contract.site import ASSETS, PARTNERS, fill
from widget_server.app import create_app
from widget_server.settings import Settings
from widget_server.web.openapi import describe

EXAMPLES = 12


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """The application by its own description."""
    folder = tmp_path_factory.mktemp("data")
    fill(folder)
    (folder / "partners.toml").write_text(PARTNERS, "utf-8")
    told = Settings(data_dir=str(folder), partners_file=str(folder / "partners.toml"), quota_per_minute=0)
    return schemathesis.openapi.from_asgi("/v1/openapi.json", create_app(told, assets=ASSETS))


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.mark.parametrize("path", describe("")["paths"])
def test_every_answer_is_one_that_is_described(described, path):
    @given(case=described[path]["get"].as_strategy())
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def ask(case):
        case.call_and_validate(checks=CHECKS)

    ask()
