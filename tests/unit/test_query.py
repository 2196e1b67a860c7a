"""What each parameter accepts, and what is said of everything else."""

import pytest

from widget_server.domain.query import BY_NAME, MOST_TOLD, PARAMETERS, PROBLEM_CODES, Area, Centre, parse


class France:
    """Six places and a handful of occupations."""

    def __init__(self):
        self.communes = {"35238": "Rennes", "75056": "Paris", "2A004": "Ajaccio", "97411": "Saint-Denis", "69383": "3e"}

    def current_romes(self, code):
        return {"X": ()}.get(code, {"A9999": ("A1101", "A1201")}.get(code, (code,) if not code.endswith("00") else ()))

    def similar_rome(self, code):
        return "D1102 (Boulanger)"

    def commune(self, insee):
        code = {"35999": "35238"}.get(insee, insee)
        if code not in self.communes:
            return None
        return centre(self.communes[code], given=(("insee", code),), municipalities=(code,))

    def postcode(self, postcode):
        return centre("Rennes", given=(("postcode", postcode),)) if postcode in ("35000", "01000") else None

    def point(self, latitude, longitude):
        return centre("près de là", latitude, longitude, given=(("latitude", latitude), ("longitude", longitude)))

    def departement(self, code):
        return area(code, given=(("departement", code),)) if code in ("01", "35", "2A", "974") else None

    def region(self, code):
        return area(code, given=(("region", code),)) if code == "53" else None


def centre(label, latitude=48.1, longitude=-1.7, *, given=(), municipalities=()):
    return Centre(
        label=label,
        latitude=latitude,
        longitude=longitude,
        municipalities=municipalities,
        departement=None,
        region=None,
        given=given,
    )


def area(code, *, given):
    return Area(label=code, departements=(code,), region=None, whole_region=False, given=given)


def read(query: str):
    pairs = [tuple(part.split("=", 1)) for part in query.split("&") if part]
    return parse(pairs, France())


def codes(parsed):
    return [(problem.param, problem.code) for problem in parsed.problems]


GOOD = "romes=D1102&insee=35238"


def test_a_plain_request_has_no_problem_and_every_default():
    parsed = read(GOOD)

    assert parsed.problems == ()
    assert parsed.request.canonical() == {
        "romes": ["D1102"],
        "insee": "35238",
        "radius": 30,
        "kinds": ["training", "offer", "recruiter"],
        "limit": 20,
        "page": 1,
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("romes=X1102&insee=35238", [("romes", "rome_malformed")], id="a letter beyond N"),
        pytest.param("romes=D1100&insee=35238", [("romes", "rome_unknown")], id="unknown code"),
        pytest.param("insee=35238", [("romes", "rome_missing")], id="no job"),
        pytest.param("romes=D1102", [("insee", "place_missing")], id="no place"),
        pytest.param(GOOD + "&postcode=35000", [("postcode", "place_ambiguous")], id="two places"),
        pytest.param(
            GOOD + "&departement=35&region=53",
            [("departement", "place_ambiguous"), ("region", "place_ambiguous")],
            id="three places",
        ),
        pytest.param(GOOD + "&radius=999", [("radius", "out_of_bounds")], id="radius 999"),
        pytest.param(GOOD + "&radius=-1", [("radius", "out_of_bounds")], id="radius -1"),
        pytest.param(GOOD + "&radius=ten", [("radius", "not_a_number")], id="radius in words"),
        pytest.param(GOOD + "&radius=nan", [("radius", "not_a_number")], id="radius nan"),
        pytest.param("romes=D1102&latitude=91&longitude=0", [("latitude", "out_of_bounds")], id="latitude 91"),
        pytest.param("romes=D1102&latitude=48", [("latitude", "pair_incomplete")], id="latitude alone"),
        pytest.param("romes=D1102&insee=99999", [("insee", "place_unknown")], id="unknown commune"),
        pytest.param("romes=D1102&insee=3523", [("insee", "malformed")], id="four characters"),
        pytest.param("romes=D1102&postcode=99999", [("postcode", "place_unknown")], id="unknown postcode"),
        pytest.param(GOOD + "&kinds=offre", [("kinds", "value_unknown")], id="kind in French"),
        pytest.param(GOOD + "&level=9", [("level", "value_unknown")], id="level 9"),
        pytest.param(GOOD + "&limit=51", [("limit", "out_of_bounds")], id="limit 51"),
        pytest.param(GOOD + "&romse=D1104", [("romse", "param_unknown")], id="mistyped name"),
        pytest.param(GOOD + "&radius=10&radius=30", [("radius", "param_repeated")], id="given twice"),
        pytest.param(GOOD + "&accent=red", [("accent", "malformed")], id="colour by name"),
        pytest.param("romes=A9999&insee=35238", [("romes", "rome_replaced")], id="retired ROME"),
        pytest.param("romes=D1102&insee=35999", [("insee", "place_replaced")], id="retired commune"),
    ],
)
def test_a_bad_parameter_is_named_with_a_remedy(query, expected):
    parsed = read(query)

    assert codes(parsed) == expected
    assert all(problem.hint and problem.code in PROBLEM_CODES for problem in parsed.problems)


def test_every_problem_is_reported_at_once():
    parsed = read("romes=zzz&insee=1&radius=999&limit=0&kinds=x&level=a&nothing=1")

    assert {param for param, _ in codes(parsed)} == {"romes", "insee", "radius", "limit", "kinds", "level", "nothing"}


def test_a_corrected_request_keeps_what_was_right():
    request = read("romes=D1102,zzz&insee=35238&radius=999&limit=0&kinds=offer,x").request

    assert (request.romes, request.radius_km, request.limit, request.kinds) == (("D1102",), 200, 1, ("offer",))


def test_zero_zero_is_a_place():
    parsed = read("romes=D1102&latitude=0&longitude=0")

    assert parsed.problems == ()
    assert (parsed.request.place.latitude, parsed.request.place.longitude) == (0.0, 0.0)


def test_coordinates_are_rounded_to_three_decimals():
    place = read("romes=D1102&lat=48.11189&lon=-1.68").request.place

    assert place.given == (("latitude", 48.112), ("longitude", -1.68))


def test_a_commune_beside_coordinates_names_the_point():
    parsed = read("romes=D1102&insee=35238&latitude=48.2&longitude=-1.5")

    assert parsed.problems == ()
    assert (parsed.request.place.label, parsed.request.place.latitude) == ("Rennes", 48.2)


@pytest.mark.parametrize(
    ("query", "romes"),
    [
        pytest.param("romes=d1102&insee=35238", ("D1102",), id="lower case"),
        pytest.param("rome=D1104,D1102&insee=35238", ("D1102", "D1104"), id="alias, sorted"),
        pytest.param("romes=D1102,D1102,,D1102&insee=35238", ("D1102",), id="repeated"),
        pytest.param("romes=D1102&romes=D1104&insee=35238", ("D1102", "D1104"), id="given twice"),
    ],
)
def test_romes_are_read_in_any_spelling(query, romes):
    parsed = read(query)

    assert (parsed.request.romes, parsed.problems) == (romes, ())


def test_of_twenty_one_romes_the_first_twenty_are_kept():
    asked = [f"D{number}" for number in range(1101, 1122)]

    parsed = read(f"romes={','.join(asked)}&insee=35238")

    assert parsed.request.romes == tuple(asked[:20])
    assert codes(parsed) == [("romes", "too_many")]


class Slow(France):
    """Counts what takes long."""

    def __init__(self):
        super().__init__()
        self.searched = 0

    def similar_rome(self, code):
        self.searched += 1
        return super().similar_rome(code)


def test_of_thousands_of_wrong_codes_the_first_are_told_and_the_others_counted():
    france = Slow()
    wrong = [f"{letter}{number}00" for letter in "ABCDEFGHIJKLMN" for number in range(10, 100)]

    parsed = parse([("romes", ",".join(wrong)), ("insee", "35238")], france)

    assert codes(parsed) == [("romes", "rome_unknown")] * MOST_TOLD + [("romes", "and_more")]
    assert parsed.problems[-1].value == str(len(wrong) - MOST_TOLD)
    assert france.searched == MOST_TOLD


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        pytest.param([(f"p{number}", "1") for number in range(50)], ("", "and_more", "30"), id="parameters"),
        pytest.param(
            [("kinds", ",".join(f"k{n}" for n in range(50)))], ("kinds", "and_more", "30"), id="names of a list"
        ),
        pytest.param([("level", str(number)) for number in range(51)], ("level", "and_more", "30"), id="repetitions"),
    ],
)
def test_whatever_is_wrong_too_often_is_counted(pairs, told):
    parsed = parse([("romes", "D1102"), ("insee", "35238"), *pairs], France())

    assert told in [(problem.param, problem.code, problem.value) for problem in parsed.problems]
    assert len(parsed.problems) <= MOST_TOLD + 2


@pytest.mark.parametrize("insee", ["75056", "69383", "2A004", "2a004", "97411"])
def test_every_form_of_commune_code_is_a_place(insee):
    parsed = read(f"romes=D1102&insee={insee}")

    assert parsed.problems == ()
    assert parsed.request.place.label


@pytest.mark.parametrize(
    ("query", "given"), [("departement=1", "01"), ("departement=2a", "2A"), ("zipcode=1000", "01000")]
)
def test_codes_that_lost_a_zero_are_repaired(query, given):
    parsed = read(f"romes=D1102&{query}")

    assert parsed.problems == ()
    assert parsed.request.place.given[0][1] == given


def test_campaign_parameters_are_ignored_without_a_word():
    assert read(GOOD + "&utm_source=x&mtm_campaign=y").problems == ()


@pytest.mark.parametrize("raw", ["4 (BAC...)", "4"])
def test_a_level_is_read_from_the_catalogues_own_label(raw):
    assert read(GOOD + f"&diploma={raw}").request.level == 4


def test_hostile_text_never_raises():
    for row in PARAMETERS:
        for value in ("\x00", "💥" * 9999, "</script>", "'; drop", "%00", "١٢٣", "1e999", "-", ","):
            read(f"{row.name}={value}")


def test_every_row_documents_itself():
    for row in PARAMETERS:
        assert row.help.endswith(".")
        assert row.example
        assert row.group == "host" or row.name in BY_NAME


def beyond(row):
    """Values that a row does not take: just outside its bounds, another word, another shape."""
    match row.type:
        case "integer":
            return [f"{row.minimum - 1:.0f}", f"{row.maximum + 1:.0f}", "1.5", "dix", "1e3"]
        case "number":
            return [f"{row.minimum - 1:.0f}", f"{row.maximum + 1:.0f}", "nord", "nan"]
        case "choice" | "csv":
            return ["zzz", "?"]
        case "text":
            return ["x" * (row.max_length + 1)]
        case _:
            return ["?", "zz zz", "x" * 50]


def within(row):
    """Values that a row takes: its example, its default, its bounds, each of its choices."""
    values = [row.example, *([row.default] if row.default else []), *row.choices]
    if row.minimum is not None:
        values += [f"{row.minimum:.0f}", f"{row.maximum:.0f}"]
    if row.max_length:
        values.append("x" * row.max_length)
    return dict.fromkeys(values)


def asked(row, value):
    """A query that is right but for one value."""
    rest = {"romes": "D1102", "insee": "35238"} if row.group not in ("job", "place") else {"romes": "D1102"}
    rest |= {"insee": "35238"} if row.name in ("romes", "radius") else {}
    pair = {"latitude": "longitude", "longitude": "latitude"}.get(row.name)
    rest |= {pair: "0"} if pair else {}
    return list({**rest, row.name: value}.items())


TAKEN = [pytest.param(row, value, id=f"{row.name}={value[:20]}") for row in BY_NAME.values() for value in within(row)]
REFUSED = [pytest.param(row, value, id=f"{row.name}={value[:20]}") for row in BY_NAME.values() for value in beyond(row)]


@pytest.mark.parametrize(("row", "value"), TAKEN)
def test_a_row_takes_its_example_its_default_its_bounds_and_its_choices(row, value):
    parsed = parse(asked(row, value), France())

    assert [problem for problem in parsed.problems if problem.param == row.name] == []


@pytest.mark.parametrize(("row", "value"), REFUSED)
def test_a_row_says_what_is_wrong_with_everything_else_and_what_would_be_right(row, value):
    parsed = parse(asked(row, value), France())

    (problem,) = [problem for problem in parsed.problems if problem.param == row.name]
    assert problem.value == value[:200]
    assert problem.hint
