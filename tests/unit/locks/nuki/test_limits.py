"""Windows and hours as a keypad's record has them. S3-6"""

from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.domain.code import Code
from gatewayd.domain.hours import Hours
from gatewayd.domain.moment import Window
from gatewayd.domain.slot import Entry
from gatewayd.locks.nuki.keypad import TimeLimit
from gatewayd.locks.nuki.limits import OTHER_LIMITS, limits_of, record_of

CODE = Code("345678")
START, END = datetime(2026, 7, 1, 13, tzinfo=UTC), datetime(2026, 7, 5, 9, tzinfo=UTC)
WINDOW = Window(START, END)
WEEKEND = frozenset({5, 6})


@pytest.mark.parametrize(
    ("window", "hours", "record"),
    [
        (None, None, None),
        (WINDOW, None, TimeLimit(START, END)),
        (WINDOW, Hours(WEEKEND), TimeLimit(START, END, WEEKEND)),  # the whole day: equal times
        (
            WINDOW,
            Hours(WEEKEND, time(8), time(12)),
            TimeLimit(START, END, WEEKEND, time(8), time(12)),
        ),
        (
            None,
            Hours(start=time(8)),  # no lock is told a time after 23:59
            TimeLimit(from_time=time(8), until_time=time(23, 59)),
        ),
    ],
)
def test_a_record_says_what_an_entry_says(
    window: Window | None, hours: Hours | None, record: TimeLimit | None
) -> None:
    assert record_of(Entry(CODE, window=window, hours=hours)) == record
    assert limits_of(record) == (window, hours)


@pytest.mark.parametrize(
    "record",
    [
        TimeLimit(start=START),
        TimeLimit(until=END, weekdays=WEEKEND),
        TimeLimit(START, END, from_time=time(22), until_time=time(6)),  # over midnight
        TimeLimit(START, END, from_time=time(8), until_time=time(8)),
        TimeLimit(START, END, from_time=time(8), until_time=time(0)),
        TimeLimit(START, END, from_time=None, until_time=time(8)),
    ],
)
def test_a_record_that_the_hub_never_writes_does_not_pass_for_one_of_its_own(
    record: TimeLimit,
) -> None:
    assert limits_of(record)[0] == OTHER_LIMITS


@pytest.mark.parametrize("record", [TimeLimit(), TimeLimit(until_time=time(23, 59))])
def test_limits_that_limit_nothing_are_none(record: TimeLimit) -> None:
    """But for the last minute of a day."""
    assert limits_of(record) == (None, None)


TIMES = st.integers(0, 1439).map(lambda n: time(n // 60, n % 60))


@given(
    days=st.frozensets(st.integers(0, 6), min_size=1),
    times=st.lists(TIMES, min_size=2, max_size=2, unique=True).map(sorted),
)
def test_whatever_hours_are_written_are_read_again(days: frozenset[int], times: list[time]) -> None:
    hours = Hours(days, *times)
    shown = limits_of(record_of(Entry(CODE, window=WINDOW, hours=hours)))
    assert shown == (WINDOW, None if hours == Hours() else hours)
