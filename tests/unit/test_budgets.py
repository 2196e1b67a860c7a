"""What travels to a candidate's telephone, in bytes of brotli at quality 11."""

import brotli
import pytest

from widget_server.web.assets import read_assets

ASSETS = read_assets()


@pytest.mark.parametrize(
    ("asset", "most"),
    [(ASSETS.loader, 1200), (ASSETS.bridge, 500), (ASSETS.script, 4000)],
    ids=["loader", "bridge", "list script"],
)
def test_a_script_stays_within_its_budget(asset, most):
    assert len(brotli.compress(asset.body, mode=brotli.MODE_TEXT, quality=11)) <= most


@pytest.mark.parametrize("asset", [ASSETS.loader, ASSETS.script], ids=["loader", "list script"])
def test_what_is_served_as_a_file_lies_there_packed(asset):
    assert asset.brotli is not None
    assert brotli.decompress(asset.brotli) == asset.body


def test_the_map_with_its_style_stays_within_its_budget():
    sizes = [len(ASSETS.built("map", suffix).brotli) for suffix in (".js", ".css")]

    assert sum(sizes) <= 45_000
