"""Time as an interval, and windows held against it."""

from datetime import UTC, datetime, timedelta

import pytest

from gatewayd.domain.moment import FOREVER, Mark, Now, Phase, Window, from_epoch
from gatewayd.domain.retry import Tick
from tests.unit.domain.builders import HOUR, MINUTE, NOON

STAY = Window(NOON, NOON + 2 * HOUR)
DOUBTFUL = Now(NOON - HOUR, NOON + HOUR)


def test_a_trusted_clock_knows_one_time() -> None:
    """Both ends of the interval are equal."""
    now = Now.exactly(NOON)
    assert now.trusted
    assert (now.earliest, now.latest) == (NOON, NOON)
    assert not DOUBTFUL.trusted


def test_a_moment_is_surely_past_from_its_own_instant_on() -> None:
    """Windows are half-open: at its end a stay is over."""
    assert Now.exactly(NOON).surely_past(NOON)
    assert not Now.exactly(NOON).surely_past(NOON + MINUTE)


def test_a_doubtful_clock_believes_the_end_last_and_the_start_first() -> None:
    """It ends no stay early and locks out no rightful guest."""
    assert not DOUBTFUL.surely_past(NOON)
    assert DOUBTFUL.surely_past(NOON - HOUR)
    assert DOUBTFUL.maybe_reached(NOON + HOUR)
    assert not DOUBTFUL.maybe_reached(NOON + HOUR + MINUTE)


SECOND = timedelta(seconds=1)
CERTAIN = Mark(NOON, Tick(100.0), "this boot")


@pytest.mark.parametrize(
    ("mark", "tick", "boot", "now"),
    [
        (CERTAIN, 100, "this boot", Now.exactly(NOON)),
        (  # it runs off by half a millisecond in a second at the most
            CERTAIN,
            100 + 3600,
            "this boot",
            Now(NOON + HOUR - 1.8 * SECOND, NOON + HOUR + 1.8 * SECOND),
        ),
        (CERTAIN, 30, "the next", Now(NOON + 30 * SECOND, NOON + 30 * SECOND + 5 * HOUR)),
    ],
)
def test_time_is_counted_on_from_where_it_was_certain(
    mark: Mark, tick: float, boot: str, now: Now
) -> None:
    """Suffering 21: ticks tell what passed, but not how long the hub was off."""
    assert mark.after(Tick(tick), boot, 5 * HOUR) == now


def test_a_minute_of_doubt_shuts_nobody_out() -> None:
    """Suffering 14"""
    assert not Now(NOON, NOON + MINUTE).doubtful
    assert Now(NOON, NOON + MINUTE + SECOND).doubtful


@pytest.mark.parametrize(
    ("now", "phase"),
    [
        (Now.exactly(NOON - MINUTE), Phase.UPCOMING),
        (Now.exactly(NOON), Phase.CURRENT),
        (Now.exactly(NOON + 2 * HOUR - MINUTE), Phase.CURRENT),
        (Now.exactly(NOON + 2 * HOUR), Phase.PAST),
        (Now(NOON - 5 * HOUR, NOON), Phase.CURRENT),
        (Now(NOON - 5 * HOUR, NOON + 5 * HOUR), Phase.CURRENT),
        (Now(NOON + 2 * HOUR, NOON + 9 * HOUR), Phase.PAST),
    ],
)
def test_a_window_is_upcoming_current_or_past(now: Now, phase: Phase) -> None:
    """S3-8: derived from the time, never stored."""
    assert STAY.phase(now) is phase


def test_what_ends_in_seven_thousand_years_is_endless() -> None:
    """S0-2: a backup code."""
    assert Window(NOON, FOREVER).endless
    assert not Window(NOON, FOREVER - MINUTE).endless


def test_epoch_seconds_become_an_aware_time() -> None:
    """UTC, never the zone of the machine."""
    assert from_epoch(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert from_epoch(0).tzinfo is UTC
