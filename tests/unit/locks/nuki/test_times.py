"""Dates, times of day, weekdays."""

from datetime import UTC, datetime, time, timedelta, timezone

import pytest

from gatewayd.domain.hours import EVERY_DAY
from gatewayd.locks.nuki.times import (
    pack_date,
    pack_time,
    pack_weekdays,
    read_date,
    read_time,
    unpack_weekdays,
)
from gatewayd.locks.nuki.wire import Reader

AT = datetime(2026, 11, 22, 5, 4, 3, tzinfo=UTC)
RAW = bytes.fromhex("EA07 0B 16 05 04 03")


def test_a_date_is_year_month_day_hour_minute_second() -> None:
    """The year little-endian."""
    assert pack_date(AT) == RAW
    assert read_date(Reader(RAW)) == AT


def test_a_date_goes_as_utc() -> None:
    """Whatever the time zone it is told in."""
    assert pack_date(AT.astimezone(timezone(timedelta(hours=-7)))) == RAW


def test_a_date_without_time_zone_is_a_mistake() -> None:
    """It would be written as it is, and be wrong by hours."""
    with pytest.raises(ValueError, match="time zone"):
        pack_date(AT.replace(tzinfo=None))


def test_no_date_is_zeros() -> None:
    """A code that was never used."""
    assert pack_date(None) == bytes(7)
    assert read_date(Reader(bytes(7))) is None


@pytest.mark.parametrize("raw", ["EA07 00 16 050403", "EA07 02 1E 050403", "FFFFFFFFFFFFFF"])
def test_what_is_no_date_is_none(raw: str) -> None:
    """A lock whose clock is lost can still be read."""
    assert read_date(Reader(bytes.fromhex(raw))) is None


def test_a_time_of_day_is_hour_and_minute() -> None:
    """Local to the lock."""
    assert pack_time(time(15, 30)) == b"\x0f\x1e"
    assert read_time(Reader(b"\x0f\x1e")) == time(15, 30)


def test_the_end_of_the_day_is_midnight() -> None:
    """24:00 has no other name in Python."""
    assert read_time(Reader(b"\x18\x00")) == time(0, 0)


@pytest.mark.parametrize("raw", [b"\x18\x01", b"\x19\x00", b"\x00\x3c", b"\xff\xff"])
def test_what_is_no_time_of_day_is_none(raw: bytes) -> None:
    """The codes beside it can still be read; one without a time does not become one with."""
    assert read_time(Reader(raw)) is None
    assert read_time(Reader(pack_time(None))) is None


@pytest.mark.parametrize(
    ("day", "mask"), [(0, 0x40), (1, 0x20), (2, 0x10), (3, 0x08), (4, 0x04), (5, 0x02), (6, 0x01)]
)
def test_each_weekday_has_its_bit(day: int, mask: int) -> None:
    """Monday is 0 here and the highest there."""
    assert pack_weekdays(frozenset({day})) == mask
    assert unpack_weekdays(mask) == {day}


def test_no_bit_is_every_day() -> None:
    """In what a lock says; we say it with seven bits."""
    assert unpack_weekdays(0) == EVERY_DAY
    assert pack_weekdays(EVERY_DAY) == 0x7F
    assert unpack_weekdays(0x7F) == EVERY_DAY


@pytest.mark.parametrize("days", [frozenset(), frozenset({7}), frozenset({-1, 2})])
def test_no_day_is_never_written_as_every_day(days: frozenset[int]) -> None:
    """Nor is a day that is none."""
    with pytest.raises(ValueError, match="weekdays"):
        pack_weekdays(days)
