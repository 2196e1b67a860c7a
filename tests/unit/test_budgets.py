"""What is built stays within its bytes, and what is served as a file lies there packed."""

import brotli
import pytest

from tests.budgets import built, packed
from widget_server.web.assets import read_assets

ASSETS = read_assets()


@pytest.mark.parametrize(("most", "files"), built(ASSETS).values(), ids=built(ASSETS))
def test_what_is_built_stays_within_its_budget(most, files):
    assert packed(files) <= most


@pytest.mark.parametrize("asset", [ASSETS.loader, ASSETS.script], ids=["loader", "list script"])
def test_what_is_served_as_a_file_lies_there_packed(asset):
    assert asset.brotli is not None
    assert brotli.decompress(asset.brotli) == asset.body
