"""Grid, scan and a count by hand find the same cards in the same order, wherever the points lie."""

import math
import random
from dataclasses import dataclass

import numpy as np
import pytest

from widget_server.domain.errors import SnapshotCorrupt
from widget_server.domain.geo import COLUMNS, ROWS, cells, in_grid
from widget_server.listing.search import SCAN_POSTINGS, _around, grid, scan
from widget_server.listing.search import _runs as runs_of
from widget_server.snapshot.index import STRIDE, PostingLists, PostingWriter, open_postings, verify_postings

PARIS = (48.8566, 2.3522)
KEYS = tuple(f"A{number:04}" for number in range(12))
CORNERS = [(-24.99999, -64.99999), (-24.99999, 59.99999), (54.99999, -64.99999), (54.99999, 59.99999)]


@dataclass
class Posting:
    key: str
    card: int
    score: int
    point: tuple[float, float]


@dataclass
class Centre:
    latitude: float
    longitude: float


def everywhere(rng):
    return (rng.uniform(-25, 54.99), rng.uniform(-65, 59.99))


def at_paris(rng):
    return (rng.gauss(PARIS[0], 0.05), rng.gauss(PARIS[1], 0.07))


def at_an_edge(rng):
    """Within half a degree of a side of the grid, which is where longitudes would have to wrap if they did."""
    lat, lon = rng.choice(CORNERS)
    along = everywhere(rng)
    near = (lat + math.copysign(rng.uniform(0, 0.5), -lat), lon + math.copysign(rng.uniform(0, 0.5), -lon))
    return rng.choice([near, (near[0], along[1]), (along[0], near[1])])


def on_a_cell_border(rng):
    return (round(rng.uniform(40, 50), 1), round(rng.uniform(-5, 9), 1))


def in_two_clusters(rng):
    """Everything between the two is empty cells."""
    lat, lon = rng.choice([(43.3, 5.4), (50.6, 3.1)])
    return (rng.gauss(lat, 0.01), rng.gauss(lon, 0.01))


SHAPES = [everywhere, at_paris, at_an_edge, on_a_cell_border, in_two_clusters]


def world(rng, shape, cards):
    """Cards with one to three occupations; a score may differ from one occupation to the other."""
    postings = []
    for card in range(1, cards + 1):
        lat, lon = shape(rng)
        point = (round(min(max(lat, -25), 54.99999), 5), round(min(max(lon, -65), 59.99999), 5))
        postings += [
            Posting(key, card, rng.choice([0, 64, 128, 255]), point) for key in rng.sample(KEYS[:-1], rng.randint(1, 3))
        ]
    return postings


def built(folder, postings):
    writer = PostingWriter()
    for posting in postings:
        writer.post([posting.key], posting.card, posting.score, posting.point)
    keys = writer.write(folder)
    return open_postings(folder, keys, max((posting.card for posting in postings), default=0), points=True)


def km(first, second):
    (lat1, lon1), (lat2, lon2) = [tuple(map(math.radians, point)) for point in (first, second)]
    h = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(h))


def by_hand(postings, keys, centre, radius_km):
    best = {}
    for posting in postings:
        if posting.key in keys and km(centre, posting.point) <= radius_km:
            best[posting.card] = max(best.get(posting.card, 0), posting.score)
    return best


def listed(hits):
    return list(zip(hits.card.tolist(), hits.tenths.tolist(), hits.score.tolist(), strict=True))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_grid_scan_and_a_count_by_hand_agree(tmp_path, shape, seed):
    rng = random.Random(f"{shape.__name__} {seed}")
    postings = world(rng, shape, rng.choice([40, 400]))
    index = built(tmp_path / "index", postings)
    points = {posting.card: posting.point for posting in postings}

    for _ in range(40):
        keys = sorted(rng.sample(KEYS, rng.randint(1, len(KEYS))))
        centre = rng.choice([shape(rng), rng.choice(postings).point])
        radius_km = rng.choice([0, 0.1, 1, 10, 30, 60, 100, 200])

        by_grid = grid(index, keys, *centre, radius_km)
        by_scan = scan(index, runs_of(index, keys), *centre, radius_km)
        expected = by_hand(postings, keys, centre, radius_km)

        assert listed(by_grid) == listed(by_scan)
        assert {card: score for card, _, score in listed(by_grid)} == expected
        order = [(-score, tenths, card) for card, tenths, score in listed(by_grid)]
        assert order == sorted(order)
        for card, tenths, _ in listed(by_grid):
            assert abs(tenths / 10 - km(centre, points[card])) <= 0.05 + 0.025
            assert tenths <= radius_km * 10


def test_one_posting_is_found_from_where_it_stands_and_nowhere_else(tmp_path):
    index = built(tmp_path / "index", [Posting("A0001", 1, 7, PARIS)])

    for radius_km in (0, 1, 200):
        assert listed(grid(index, ["A0001"], *PARIS, radius_km)) == [(1, 0, 7)]
    assert not len(grid(index, ["A0001"], 51.0, 2.35, 200))
    assert not len(grid(index, ["A0002"], *PARIS, 200))


@pytest.mark.parametrize("corner", CORNERS, ids=["south-west", "south-east", "north-west", "north-east"])
def test_a_circle_over_the_edge_of_the_grid_finds_what_is_inside_and_does_not_wrap_around(tmp_path, corner):
    postings = [Posting("A0001", card, 0, point) for card, point in enumerate(CORNERS, 1)]
    index = built(tmp_path / "index", postings)
    beyond = (corner[0] + math.copysign(0.3, corner[0]), corner[1] + math.copysign(0.3, corner[1]))

    assert [card for card, _, _ in listed(grid(index, ["A0001"], *beyond, 200))] == [CORNERS.index(corner) + 1]


def test_a_point_that_single_precision_moves_out_of_the_grid_cannot_be_posted():
    assert in_grid(54.99999, 59.99999)
    assert not in_grid(54.99999, 59.9999999)
    assert not in_grid(float("nan"), 0)
    assert int(cells(np.array([54.99999], np.float32), np.array([59.99999], np.float32))[0]) == ROWS * COLUMNS - 1


def test_central_paris_has_the_cell_that_the_format_names():
    assert int(cells(np.array([48.8566], np.float32), np.array([2.3522], np.float32))[0]) == 923_173


def test_above_the_rule_the_grid_answers_and_below_the_scan_with_the_same_cards(tmp_path):
    rng = random.Random(4)
    postings = [
        Posting(rng.choice(["A0001", "A0002"]), card, 0, (round(rng.uniform(45, 49), 5), round(rng.uniform(0, 6), 5)))
        for card in range(1, SCAN_POSTINGS + 200)
    ]
    index = built(tmp_path / "index", postings)

    for keys in (["A0001"], ["A0001", "A0002"]):
        told = _around(index, keys, Centre(47.0, 3.0), 60.0)
        assert listed(told) == listed(grid(index, keys, 47.0, 3.0, 60))
        assert {card for card, _, _ in listed(told)} == set(by_hand(postings, keys, (47.0, 3.0), 60))


def test_the_same_postings_in_any_order_give_the_same_bytes(tmp_path):
    rng = random.Random(9)
    postings = world(rng, at_paris, 300)
    built(tmp_path / "one", postings)
    rng.shuffle(postings)
    built(tmp_path / "two", postings)

    for name in ("key", "start", "lat", "lon", "score", "card"):
        assert (tmp_path / "one" / f"{name}.npy").read_bytes() == (tmp_path / "two" / f"{name}.npy").read_bytes()


def test_the_files_are_what_the_format_says_byte_by_byte(tmp_path):
    rng = random.Random(2)
    postings = world(rng, at_paris, 300)
    index = built(tmp_path / "index", postings)
    types = {"key": "<u4", "start": "<u4", "lat": "<f4", "lon": "<f4", "score": "|u1", "card": "<u4"}

    for name, expected in types.items():
        told = (tmp_path / "index" / f"{name}.npy").read_bytes()
        array = np.frombuffer(told, expected, offset=128)
        assert told[:8] == b"\x93NUMPY\x01\x00"
        assert f"'descr': '{expected}'".encode() in told[:128]
        assert array.tolist() == getattr(index, name).tolist()
    assert type(index.key) is np.ndarray
    sizes = [len(index.key), len(index.start), len(index.card)]
    assert sizes == [len(index.key), len(index.key) + 1, len(postings)]
    assert index.start[-1] == len(postings)


def _broken(index: PostingLists, name: str, change) -> PostingLists:
    arrays = {each: getattr(index, each).copy() for each in ("key", "start", "lat", "lon", "score", "card")}
    arrays[name] = change(arrays[name])
    return PostingLists(keys=index.keys, **arrays)


def _set(place, value):
    def change(array):
        array[place] = value
        return array

    return change


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("key", lambda key: key[::-1]),
        ("key", _set(-1, STRIDE * 100)),
        ("start", _set(1, 0)),
        ("start", _set(-1, 5)),
        ("start", lambda start: start[:-1]),
        ("card", _set(0, 0)),
        ("card", _set(0, 10_000)),
        ("lat", _set(0, np.nan)),
        ("lon", _set(0, np.inf)),
        ("lat", _set(0, 12.0)),
        ("lat", lambda lat: lat[:-1]),
        ("score", lambda score: score[:-1]),
    ],
)
def test_a_broken_index_is_refused_when_it_is_published_or_opened(tmp_path, name, change):
    index = built(tmp_path / "index", world(random.Random(2), at_paris, 50))

    with pytest.raises(SnapshotCorrupt):
        verify_postings(_broken(index, name, change), 50)
