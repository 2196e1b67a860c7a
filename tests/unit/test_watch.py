"""When each source is synced: schedules, what was missed, what failed, one watch per folder. Time is a list here."""

from datetime import datetime, timedelta

import pytest

from widget_server.domain.errors import SettingError
from widget_server.settings import Settings
from widget_server.snapshot.runs import Run, read_run, write_run
from widget_server.sources.kit.source import PARIS
from widget_server.sync.sync import SyncReport
from widget_server.sync.watch import Job, Plan, WatchBusy, first_job, is_watched, next_job, plans, watch

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=PARIS)
OFFERS = Plan(source="offers", full="0 3 * * *", increment="*/15 * * * *")


@pytest.fixture
def anyio_backend():
    return "asyncio"


def report(source="offers", cause=None):
    return SyncReport(
        source=source, ok=cause is None, version=None, previous=None, counts=None, announced=None, complete=True,
        demonstration=False, remarks={}, calls=0, retries=0, bytes=0, waited_s=0, seconds=0, peak_mb=0, cause=cause,
    )  # fmt: skip


def run(ended=NOON, ok=True):
    return Run(started=ended, ended=ended, ok=ok, last_success=ended if ok else None)


def job(at, increment=False):
    return Job(source="offers", at=at, increment=increment)


def test_the_lighter_run_comes_in_between_and_gives_way_to_the_full_one():
    assert OFFERS.next(NOON) == job(NOON + timedelta(minutes=15), increment=True)
    before_three = NOON.replace(hour=2, minute=50)
    assert OFFERS.next(before_three) == job(NOON.replace(hour=3))


def test_the_hour_of_a_schedule_is_that_of_paris_in_summer_too():
    in_july = datetime(2026, 7, 1, 0, 0, tzinfo=PARIS)

    assert Plan(source="trainings", full="30 2 * * *").next(in_july).at.isoformat() == "2026-07-01T02:30:00+02:00"


@pytest.mark.parametrize("last", [None, run(ok=False)])
def test_what_was_never_done_or_failed_is_done_at_once_and_whole(last):
    assert first_job(OFFERS, last, NOON) == job(NOON)


def test_what_was_missed_while_nobody_watched_is_done_at_once():
    last = run(ended=NOON - timedelta(hours=10))

    assert first_job(Plan(source="offers", full="0 3 * * *"), last, NOON) == job(NOON)


def test_what_is_fresh_waits_for_its_schedule():
    assert first_job(Plan(source="offers", full="0 3 * * *"), run(), NOON).at == NOON.replace(day=25, hour=3)


@pytest.mark.parametrize(("failures", "minutes"), [(1, 5), (2, 10), (4, 40), (20, 360)])
def test_a_failed_run_is_tried_again_after_a_pause_that_doubles_up_to_six_hours(failures, minutes):
    plan = Plan(source="offers", full="0 11 * * *")

    again = next_job(plan, job(NOON), report(cause="down"), failures, NOON)

    assert again == job(NOON + timedelta(minutes=minutes))


def test_a_failed_full_run_is_not_replaced_by_an_increment():
    assert next_job(OFFERS, job(NOON), report(cause="down"), 3, NOON) == job(NOON + timedelta(minutes=20))


def test_the_schedule_wins_when_it_comes_before_the_next_try():
    plan = Plan(source="offers", full="3 12 * * *")

    assert next_job(plan, job(NOON), report(cause="down"), 3, NOON).at == NOON.replace(minute=3)


def test_the_longest_time_between_two_full_runs_is_known():
    assert Plan(source="offers", full="0 3,15 * * *").period(NOON) == timedelta(hours=12)
    assert Plan(source="offers", full="0 5 * * 1").period(NOON) == timedelta(days=7)


def test_a_schedule_that_is_not_cron_is_named_with_every_other():
    settings = Settings(offers_schedule="daily", recruiters_schedule="0 25 * * *")

    with pytest.raises(SettingError, match=r'OFFERS_SCHEDULE: "daily".*RECRUITERS_SCHEDULE: "0 25 \* \* \*"'):
        plans(settings)


class End(Exception):
    """The test has seen enough."""


class Hours:
    """A clock that jumps; it ends the watch after so many waits."""

    def __init__(self, waits):
        self.moment = NOON
        self.left = waits

    def now(self):
        return self.moment

    async def sleep(self, seconds):
        self.left -= 1
        if self.left < 0:
            raise End
        self.moment += timedelta(seconds=seconds)


async def watched(tmp_path, schedule, sync, waits):
    with pytest.raises(BaseExceptionGroup) as ended:
        await watch(schedule, tmp_path, sync, clock=Hours(waits), jitter_s=0, say=lambda line: None)
    assert ended.group_contains(End)


async def test_a_watch_runs_full_and_lighter_syncs_and_recovers_by_itself_after_failures(tmp_path):
    done = []

    async def sync(due):
        done.append((f"{due.at:%H:%M}", due.increment))
        return report(cause="down" if len(done) == 1 else None)

    await watched(tmp_path, [OFFERS], sync, waits=3)

    assert done == [("12:00", False), ("12:05", False), ("12:15", True), ("12:30", True)]


async def test_a_second_watch_of_the_same_folder_is_refused(tmp_path):
    async def sync(due):
        assert is_watched(tmp_path)
        with pytest.raises(WatchBusy, match="another process watches"):
            await watch([OFFERS], tmp_path, sync, clock=Hours(0), jitter_s=0)
        return report()

    await watched(tmp_path, [OFFERS], sync, waits=0)
    assert not is_watched(tmp_path)


def test_failures_in_a_row_are_counted_and_the_last_success_is_remembered(tmp_path):
    moments = [NOON + timedelta(hours=hour) for hour in range(4)]
    for moment, cause in zip(moments, [None, "down", "still down", None], strict=True):
        write_run(tmp_path, started=moment, ended=moment, cause=cause)
        told = read_run(tmp_path)
        if cause == "still down":
            assert (told.failures, told.last_success, told.cause) == (2, moments[0], "still down")

    assert (told.ok, told.failures, told.cause) == (True, 0, None)
