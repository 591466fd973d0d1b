"""When a simulated keypad code opens."""

from datetime import datetime, timedelta

import pytest

from simulators.bluetooth.records import Refusal, Window

NOON = datetime.fromisoformat("2026-07-01T12:00")  # a Wednesday
TWO_HOURS = timedelta(hours=2)


@pytest.mark.parametrize(
    ("window", "refusal"),
    [
        (Window(), None),
        (Window(starts=NOON), None),
        (Window(starts=NOON + timedelta(seconds=1)), Refusal.EARLY),
        (Window(ends=NOON), Refusal.LATE),
        (Window(ends=NOON + timedelta(seconds=1)), None),
        (Window(weekdays=0x10), None),
        (Window(weekdays=0x6F), Refusal.WEEKDAY),
        (Window(from_time=(14, 0), until_time=(14, 1)), None),
        (Window(from_time=(12, 0), until_time=(14, 0)), Refusal.TIME),
        (Window(from_time=(14, 1), until_time=(15, 0)), Refusal.TIME),
        (Window(from_time=(22, 0), until_time=(6, 0)), Refusal.TIME),
        (Window(from_time=(13, 0), until_time=(6, 0)), None),
    ],
)
def test_dates_are_utc_and_times_of_day_local(window: Window, refusal: Refusal | None) -> None:
    assert window.refuses(NOON, NOON + TWO_HOURS) == refusal


def test_the_weekday_is_the_local_one() -> None:
    late = NOON.replace(hour=23)
    assert Window(weekdays=0x08).refuses(late, late + TWO_HOURS) is None


def test_a_window_comes_back_from_its_bytes() -> None:
    window = Window(NOON, NOON + TWO_HOURS, 0x41, (8, 30), (20, 15))
    assert Window.unpack(window.pack()) == window
    assert len(window.pack()) == 19
    assert window.is_possible
    assert not Window(from_time=(24, 0)).is_possible
