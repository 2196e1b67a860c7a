"""Which offers and recruiters the rules of hygiene keep out, which they keep with a remark, and what is said of it."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.builders import NOW, declaration, entry
from tests.unit.labelled import HYGIENE, rows, score_hygiene, verdict
from widget_server.domain.cards import Declaration, Entry, Rejection
from widget_server.domain.errors import SettingError
from widget_server.settings import Settings
from widget_server.snapshot.manifest import Manifest
from widget_server.snapshot.shelf import Shelf
from widget_server.sources.kit.hygiene import Hygiene, read_hygiene
from widget_server.sources.kit.lists import Lists, Numbers, hidden, opt_out, read_lists, write_schools
from widget_server.sources.kit.phrases import plain
from widget_server.sources.kit.rejects import REASONS
from widget_server.sources.kit.rules import RULES, WITH_TRAINING, Record
from widget_server.sources.kit.source import Kit
from widget_server.sync.sync import sync

SIRET, SISTER, OTHER = "10000000100017", "10000000100025", "20000000200018"
SECRET = "un sel d'essai"  # noqa: S105 - fictitious
LONG = "Vous préparez les commandes et accueillez les clients, en contrat d'apprentissage de deux ans."


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def record(**told: object) -> Record:
    row = {"id": "ft:1", "title": "Vendeur", "text": LONG, "company": "Atelier Fictif", "contracts": ("Apprentissage",)}
    return Record(**(row | {"now": NOW} | told))


def broken(hygiene: Hygiene, **told: object) -> list[str]:
    """The rules that a row breaks, those that reject marked."""
    found = hygiene.judge(record(**told))
    return [f"!{found.rejection.reason}"] if found.rejection else [rule.id for rule in found.flagged]


def admitted(hygiene: Hygiene, card_id: str = "ft:1", **told: object) -> Entry | Rejection:
    return hygiene.admit(entry(card_id, **told))


def lists(tmp_path: Path, **files: str) -> Settings:
    """Settings that name these files."""
    told = {}
    for setting, content in files.items():
        path = tmp_path / f"{setting}.txt"
        path.write_text(content, "utf-8")
        told[setting] = str(path)
    return Settings(data_dir=str(tmp_path / "data"), **told)


# The figures. When the held-out offers were judged for the first time, 32 of 33 wrong ones were found, with 2 false
# alarms; one of these, a rejected waiter ("garçon de café"), has been mended since.


@pytest.mark.parametrize(("name", "precision", "recall"), [("hygiene", 0.98, 0.98), ("hygiene_held_out", 0.9, 0.9)])
def test_labelled_offers_are_judged_right(name: str, precision: float, recall: float):
    scores = score_hygiene([name])

    for rule, score in sorted(scores.items()):
        print(f"{name}, {rule}: {score}", *score.wrong, sep="\n    ")
    assert scores["all"].precision >= precision
    assert scores["all"].recall >= recall


def test_no_harmless_offer_of_the_labelled_ones_is_rejected_more_than_once_in_fifty():
    harmless = [row for name in ("hygiene", "hygiene_held_out") for row in rows(name) if not row["rules"]]
    actions = {rule.id: rule.action for rule in RULES}

    rejected = [row["case"] for row in harmless if "reject" in {actions[rule] for rule in verdict(row)}]

    assert len(harmless) > 100
    assert len(rejected) <= len(harmless) / 50, rejected


@pytest.mark.parametrize("rule", [rule.id for rule in RULES if rule.on == "row" and rule.id != "expired"])
def test_every_rule_for_texts_has_a_labelled_offer_that_breaks_it(rule: str):
    told = [row for name in ("hygiene", "hygiene_held_out") for row in rows(name)]

    assert any(rule in row["rules"].split() and rule in verdict(row) for row in told)


# The table.


def test_rules_have_distinct_names_and_a_sentence_for_everybody():
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.why.endswith(".") and rule.field for rule in RULES)


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.action == "flag" or rule.flag], ids=lambda rule: rule.id
)
def test_a_rule_that_keeps_a_card_has_a_remark_for_its_reader(rule):
    assert rule.remark.endswith(".")


def test_a_text_is_compared_without_accents_case_and_punctuation():
    assert plain("Coût : 4\u202f900 € / an.\nÀ régler d’avance !") == " cout 4900 euros an | | a regler d avance | "


# Rows.


def test_an_offer_that_has_expired_is_left_out_and_one_that_has_not_stays():
    assert broken(HYGIENE, expires=NOW.replace(year=2025)) == ["!expired"]
    assert broken(HYGIENE, expires=NOW.replace(year=2027)) == []


def test_a_school_is_left_out_and_a_group_of_employers_is_none():
    school = Hygiene(lists=Lists(geiq=Numbers([SIRET])))

    assert broken(school, naf="85.59A", siret=OTHER) == ["!school_as_employer"]
    assert broken(school, naf="85.59A", siret=SIRET) == []
    assert broken(school, naf="85.59A", company="GEIQ Bâtiment Fictif") == []


def test_an_offer_that_a_school_publishes_for_an_employer_is_not_taken_for_a_schools_own():
    assert broken(HYGIENE, naf="85.59A", delegated=True) == []


def test_the_detail_of_a_rejection_never_holds_a_whole_number_that_can_be_called():
    found = HYGIENE.judge(record(text=LONG + " Appelez le 0899 000 000.")).rejection

    assert found is not None
    assert (found.reason, found.detail) == ("dear_phone", "089…")


def test_a_flagged_card_says_so_first_and_is_counted_by_its_rule():
    found = HYGIENE.judge(record(text="Court")).on(entry("ft:1"))

    assert found.card.flags == ("text_short",)
    assert found.flagged == ("text_short",)
    assert found.facts[0].name == "remark_text_short"
    assert [fact.name for fact in found.facts[1:]] == ["description"]


# What an operator sets.


def test_an_operator_shows_the_offers_of_schools_with_a_badge_instead_of_hiding_them():
    shown = read_hygiene(Settings(hygiene="school_as_employer:flag"), "offer")
    verdict = shown.judge(record(naf="85.59A"))

    assert verdict.rejection is None
    assert verdict.on(entry("ft:1")).card.flags == (WITH_TRAINING,)


def test_a_rule_that_is_off_does_nothing_and_says_so():
    off = read_hygiene(Settings(hygiene="text_short:off, age_limit:off"), "offer")

    assert broken(off, text="Court") == []
    told = {rule.id: (rule.action, rule.active) for rule in off.described("offer")}
    assert told["text_short"] == ("off", False)
    assert told["internship"] == ("reject", True)


@pytest.mark.parametrize("told", ["age_limit", "age_limit:hide", "ages:off"])
def test_a_setting_that_names_no_rule_or_no_action_is_refused(told: str):
    with pytest.raises(SettingError, match="HYGIENE"):
        read_hygiene(Settings(hygiene=told), "offer")


def test_an_occupation_that_is_hidden_takes_only_cards_that_have_no_other():
    hygiene = read_hygiene(Settings(hidden_romes="d1102, K2202"), "offer")

    assert isinstance(admitted(hygiene, romes=("D1102",)), Rejection)
    assert isinstance(admitted(hygiene, romes=("D1102", "D1106")), Entry)


# Lists.


def test_a_school_is_known_by_whole_words_of_its_name(tmp_path: Path):
    settings = lists(tmp_path, school_names_file="# des écoles\nÉcole Fictive\n\nMewa # une marque imaginaire\n")
    hygiene = read_hygiene(settings, "offer")

    refused = [
        name
        for name in ("Mewa Campus", "ECOLE FICTIVE - Lyon", "Mewadis", "École très Fictive", "Fictive École")
        if isinstance(admitted(hygiene, name=name), Rejection)
    ]

    assert refused == ["Mewa Campus", "ECOLE FICTIVE - Lyon"]


def test_a_closed_establishment_is_left_out_whatever_its_kind(tmp_path: Path):
    hygiene = read_hygiene(lists(tmp_path, closed_file=f"{SIRET[:9]} {SIRET[9:]}\n"), "offer")

    assert isinstance(admitted(hygiene, siret=SIRET), Rejection)
    assert isinstance(admitted(hygiene, SIRET, siret=SIRET, kind="recruiter"), Rejection)
    assert isinstance(admitted(hygiene, siret=SISTER), Entry)
    assert isinstance(admitted(hygiene), Entry)


@pytest.mark.parametrize(("listed", "gone"), [(SIRET, {SIRET}), (SIRET[:9], {SIRET, SISTER})], ids=["SIRET", "SIREN"])
def test_a_company_that_asked_not_to_be_shown_is_left_out_by_its_hash(tmp_path: Path, listed: str, gone: set[str]):
    settings = replace(lists(tmp_path, optout_file=hidden(listed, SECRET) + "\n"), optout_secret=SECRET)
    hygiene = read_hygiene(settings, "recruiter")

    found = {siret: admitted(hygiene, siret, siret=siret, kind="recruiter") for siret in (SIRET, SISTER, OTHER)}

    assert {siret for siret, row in found.items() if isinstance(row, Rejection)} == gone
    assert all(siret not in str(row) for siret, row in found.items() if isinstance(row, Rejection))


def test_the_hash_of_a_company_says_nothing_without_the_secret():
    assert hidden(SIRET, SECRET) != hidden(SIRET, SECRET + "!")
    assert SIRET not in hidden(SIRET, SECRET)


def test_a_company_opts_out_by_one_command_and_once_only(tmp_path: Path):
    settings = replace(lists(tmp_path, optout_file="# demandes reçues"), optout_secret=SECRET)

    assert [opt_out(settings, told) for told in ([SIRET, SIRET], [SIRET, OTHER[:9]], [])] == [1, 1, 0]

    content = Path(settings.optout_file).read_text("utf-8")
    assert SIRET not in content
    assert OTHER[:9] not in content
    hygiene = read_hygiene(settings, "recruiter")
    assert isinstance(admitted(hygiene, OTHER, siret=OTHER, kind="recruiter"), Rejection)


@pytest.mark.parametrize("number", ["1234", "1000000010001A", "100000001000170"])
def test_what_is_no_number_of_a_company_cannot_opt_out(tmp_path: Path, number: str):
    settings = replace(lists(tmp_path, optout_file=""), optout_secret=SECRET)

    with pytest.raises(SettingError, match="neither a SIRET"):
        opt_out(settings, [number])


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"closed_file": "123"}, "CLOSED_FILE: entry 1 is not a SIRET"),
        ({"geiq_file": f"{SIRET}\nabc"}, "GEIQ_FILE: entry 2 is not a SIRET"),
        ({"optout_file": "SIRET en clair"}, "OPTOUT_SECRET is empty"),
    ],
    ids=["a short SIRET", "letters", "no secret"],
)
def test_a_list_that_cannot_be_used_is_named(tmp_path: Path, told: dict[str, str], complaint: str):
    with pytest.raises(SettingError, match=complaint):
        read_lists(lists(tmp_path, **told))


def test_a_list_of_hashes_that_holds_something_else_is_refused(tmp_path: Path):
    settings = replace(lists(tmp_path, optout_file=f"{SIRET}\n"), optout_secret=SECRET)

    with pytest.raises(SettingError, match="OPTOUT_FILE: 1 line"):
        read_lists(settings)


def test_lists_with_other_content_have_another_mark(tmp_path: Path):
    one = read_lists(lists(tmp_path, closed_file=SIRET)).mark
    two = read_lists(lists(tmp_path, closed_file=OTHER)).mark

    assert len({one, two, read_lists(Settings()).mark}) == 3


def test_a_school_of_the_catalogue_is_left_out_and_its_sisters_keep_a_remark(tmp_path: Path):
    settings = lists(tmp_path)
    folder = tmp_path / "data" / "trainings"
    folder.mkdir(parents=True)
    write_schools(folder, {SIRET})
    hygiene = read_hygiene(settings, "offer")

    assert isinstance(admitted(hygiene, siret=SIRET), Rejection)
    sister = admitted(hygiene, siret=SISTER)
    assert isinstance(sister, Entry)
    assert sister.flagged == ("runs_school",)
    assert isinstance(admitted(hygiene, SIRET, siret=SIRET, kind="recruiter"), Entry)


# A whole sync.


class Given:
    """A source that hands over what it was given."""

    def __init__(self, told: Declaration, *given: Entry | Rejection, schools: tuple[str, ...] = ()) -> None:
        self.declaration = told
        self._given = given
        self._schools = schools

    async def rows(self, kit: Kit) -> AsyncGenerator[Entry | Rejection, None]:
        kit.notes.schools.update(self._schools)
        for row in self._given:
            yield row

    async def probe(self, kit: Kit) -> str:
        return "given"


async def synced(settings: Settings, *given: Given) -> dict[str, str | None]:
    """Sync these sources one after the other; the cause of each failure."""
    causes = {}
    for source in given:
        name = source.declaration.name
        (report,) = await sync([name], replace(settings, **least()), now=NOW, sources={name: source})
        causes[name] = report.cause
    return causes


def least() -> dict[str, int]:
    return {f"{kind}s_least": 1 for kind in ("training", "offer", "recruiter")}


def manifest(settings: Settings, name: str) -> Manifest:
    shelf = Shelf(settings.data_path() / name)
    version = shelf.current_version()
    assert version is not None
    return shelf.read_manifest(version)


@pytest.mark.anyio
async def test_what_every_rule_did_is_in_the_manifest(tmp_path: Path):
    settings = lists(tmp_path, closed_file=SIRET)
    flagged = HYGIENE.judge(record(text="Court")).on(entry("ft:2"))
    offers = Given(declaration(), entry("ft:1", siret=SIRET), flagged, entry("ft:3"))

    assert await synced(settings, offers) == {"offers": None}

    counts = manifest(settings, "offers").counts
    assert counts.rejected == {"closed_company": 1}
    assert counts.flagged == {"text_short": 1}
    told = {rule.id: rule for rule in manifest(settings, "offers").source.rules}
    assert told["closed_company"].active
    assert not told["opted_out"].active
    assert told["closed_company"].why == "L'établissement est fermé d'après le répertoire Sirene."
    assert set(counts.rejected) <= set(told)


@pytest.mark.anyio
async def test_schools_are_asleep_until_a_sync_of_trainings_has_left_them(tmp_path: Path):
    settings = lists(tmp_path)
    offers = Given(declaration(), entry("ft:1", siret=SIRET), *(entry(f"ft:{number}") for number in range(2, 9)))
    (before,) = await sync(["offers"], replace(settings, **least()), now=NOW, sources={"offers": offers})
    trainings = Given(declaration("trainings", "training"), entry("t", kind="training"), schools=(SIRET,))

    assert await synced(settings, trainings, offers) == {"trainings": None, "offers": None}

    assert before.remarks == {"asleep_school_in_catalogue": 1, "asleep_runs_school": 1}
    assert before.counts is not None
    assert before.counts.rejected == {}
    assert manifest(settings, "offers").counts.rejected == {"school_in_catalogue": 1}


@pytest.mark.anyio
async def test_a_list_that_is_not_there_stops_its_source_and_no_other(tmp_path: Path):
    settings = replace(lists(tmp_path), closed_file=str(tmp_path / "absent.txt"))

    causes = await synced(
        settings,
        Given(declaration(), entry("ft:1")),
        Given(declaration("trainings", "training"), entry("t", kind="training")),
    )

    assert causes["trainings"] is None
    assert "CLOSED_FILE cannot be read" in str(causes["offers"])
    assert Shelf(settings.data_path() / "offers").current_version() is None


@pytest.mark.parametrize("kind", ["training", "offer", "recruiter"])
def test_a_kind_tells_every_reason_for_which_its_rows_are_left_out_once(kind: str):
    told = [rule.id for rule in HYGIENE.described(kind)]

    assert len(told) == len(set(told))
    assert {"unreadable", "id_missing", "rome_unknown"} <= set(told)
    assert ("session_past" in told) == (kind == "training")
    assert ("not_diffusible" in told) == (kind == "recruiter")
    assert set(told) <= set(REASONS) | {rule.id for rule in RULES}
