"""Sending windows keep to the wall clock of their zone, and a warm-up to its days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.sender.pacing.hours import Hours, Opening, WarmUp, midnight_before

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Opening((Hours(9 * 60, 17 * 60, frozenset(range(5))),), BERLIN)
NIGHT = Opening((Hours(22 * 60, 6 * 60, frozenset({4})),), BERLIN)  # Friday evening to Saturday morning
YEAR = (datetime(2025, 12, 20, tzinfo=UTC).timestamp(), datetime(2027, 1, 10, tzinfo=UTC).timestamp())


def _at(text: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-01-05 09:00", "2026-01-05 09:00"),
        ("2026-01-05 08:59", "2026-01-05 09:00"),
        ("2026-01-05 16:59", "2026-01-05 16:59"),
        ("2026-01-05 17:00", "2026-01-06 09:00"),
        ("2026-01-09 17:00", "2026-01-12 09:00"),
        ("2026-03-27 18:00", "2026-03-30 09:00"),  # over the night in which the clock is put forward
        ("2026-10-23 18:00", "2026-10-26 09:00"),  # and back
    ],
)
def test_an_office_opens_at_nine_on_the_next_weekday(now: str, opens: str) -> None:
    """Nine by the clock on the wall, whatever became of the clock in the meantime."""
    assert _at(now) + OFFICE.wait(_at(now)) == _at(opens)


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    """Friday night: Saturday at five it is still open, Friday at five it is not."""
    assert NIGHT.wait(_at("2026-01-10 05:00")) == 0
    assert NIGHT.wait(_at("2026-01-09 05:00")) == 17 * 3600
    assert NIGHT.wait(_at("2026-01-10 06:00")) == 6 * 86400 + 16 * 3600


def test_a_window_is_an_hour_shorter_or_longer_in_the_night_of_the_change() -> None:
    """Two to three: does not exist when the clock is put forward, and is two hours when it is put back."""
    hour = Opening((Hours(2 * 60, 3 * 60),), BERLIN)

    assert _at("2026-03-28 12:00") + hour.wait(_at("2026-03-28 12:00")) == _at("2026-03-30 02:00")
    assert hour.wait(_at("2026-10-25 02:30")) == hour.wait(_at("2026-10-25 02:30", fold=1)) == 0


def test_a_window_that_ends_at_a_time_left_out_ends_an_hour_later() -> None:
    """When the clock is put forward there is no half past two: it is read as half past three."""
    early = Opening((Hours(60, 150),), BERLIN)

    assert early.wait(_at("2026-03-29 03:29")) == 0
    assert early.wait(_at("2026-03-29 03:30")) > 0


def test_without_hours_it_is_always_open() -> None:
    """And a turn uses nothing up."""
    assert Opening().wait(5.0) == 0
    assert OFFICE.turn(_at("2026-01-05 10:00")) == _at("2026-01-05 10:00")


@pytest.mark.parametrize(
    ("begin", "end", "days"), [(-1, 60, {0}), (0, 0, {0}), (60, 60, {0}), (0, 1441, {0}), (0, 60, set())]
)
def test_hours_that_make_no_sense_are_refused(begin: int, end: int, days: set[int]) -> None:
    """No window that never opens."""
    with pytest.raises(ValueError, match="hours must begin before midnight"):
        Hours(begin, end, frozenset(days))


@given(st.floats(*YEAR), st.integers(0, 1439), st.integers(1, 1440), st.sets(st.integers(0, 6), min_size=1))
def test_what_is_open_is_open_by_the_wall_clock(now: float, begin: int, end: int, days: set[int]) -> None:
    """Opens never in the past, within a week and a day, and at an instant that the wall clock has in the window."""
    if begin == end:
        return
    opening = Opening((Hours(begin, end, frozenset(days)),), BERLIN)
    at = now + opening.wait(now)
    there = datetime.fromtimestamp(at, BERLIN)
    minute = there.hour * 60 + there.minute
    yesterday = (there - timedelta(days=1)).weekday()

    assert now <= at <= now + 8 * 86400 + 7200
    assert opening.wait(at) == 0
    if end > begin:
        inside = there.weekday() in days and begin <= minute < end
    else:
        inside = (there.weekday() in days and minute >= begin) or (yesterday in days and minute < end)
    moved = abs((there.utcoffset() or timedelta()) - ((there - timedelta(hours=3)).utcoffset() or timedelta()))
    assert inside or moved  # in the hours after a change a time that does not exist is read as one that does


def test_a_warm_up_allows_so_many_a_day_and_then_all() -> None:
    """Two on Monday, three on Tuesday, then as many as there are."""
    monday = _at("2026-01-05 20:00")
    warm_up, now, taken = WarmUp((2, 3), BERLIN, first=monday, now=monday), monday, list[str]()
    for _ in range(8):
        now += warm_up.wait(now)
        taken.append(datetime.fromtimestamp(warm_up.turn(now), BERLIN).strftime("%a"))

    assert taken == ["Mon", "Mon", "Tue", "Tue", "Tue", "Wed", "Wed", "Wed"]


def test_a_warm_up_goes_on_where_an_earlier_run_ended() -> None:
    """What was sent today counts today, not tomorrow."""
    monday = _at("2026-01-05 20:00")
    warm_up = WarmUp((2, 1), BERLIN, first=monday, now=monday, used=2)

    assert warm_up.wait(monday) == 4 * 3600
    assert warm_up.wait(monday + 4 * 3600) == 0
    assert WarmUp((1,), BERLIN, first=monday, now=monday).wait(monday - 86400) == 0


def test_a_day_begins_at_midnight_there() -> None:
    """Also on the day of 23 hours."""
    assert midnight_before(_at("2026-03-29 12:00"), BERLIN) == _at("2026-03-29 00:00")
