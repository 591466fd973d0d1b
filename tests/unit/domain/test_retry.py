"""The ladder of attempts, and the return of a lock."""

from gatewayd.domain.retry import RETURN_SPAN, Ladder, Retry, Tick, failed, may_return
from tests.unit.domain.builders import TICK, tick


def test_the_first_failure_counts_from_now() -> None:
    """S3-13: one minute later."""
    assert failed(None, TICK) == Ladder(1, tick(60))


def test_the_delays_grow_to_five_minutes_and_stay_there() -> None:
    """S3-13: 0, 1, 2, 3, 5, 8, 13, 18 …; S3-14: for ever."""
    ladder, dues = Ladder(0, TICK), []
    for _ in range(9):
        ladder = ladder.failed(ladder.due)
        dues.append((ladder.due - TICK) / 60)
    assert dues == [1, 2, 3, 5, 8, 13, 18, 23, 28]
    assert Ladder(10**6, TICK).failed(TICK).due == tick(300)


def test_four_more_tries_in_a_day_and_then_once_a_day() -> None:
    """S1-8: the preset `daily`."""
    ladder, hours = Ladder(0, TICK), []
    for _ in range(7):
        ladder = ladder.failed(ladder.due, Retry.DAILY)
        hours.append((ladder.due - TICK) / 3600)
    assert hours == [4, 8, 12, 16, 24, 48, 72]


def test_a_try_that_came_late_does_not_move_the_next() -> None:
    """Counted from when it was due."""
    assert Ladder(1, TICK).failed(tick(20)) == Ladder(2, tick(60))


def test_a_try_that_came_later_than_the_next_was_due_counts_from_then() -> None:
    """No try is due in the past, and none is made up for."""
    assert Ladder(1, TICK).failed(tick(60)) == Ladder(2, tick(120))
    assert Ladder(1, TICK).failed(tick(500)) == Ladder(2, tick(560))


def test_a_ladder_that_is_tried_at_once_keeps_its_rung() -> None:
    """After a reboot ticks are small again, and what was due later is due now."""
    assert Ladder(5, tick(100)).at_once(TICK) == Ladder(5, TICK)
    assert Ladder(5, TICK).at_once(tick(100)) == Ladder(5, TICK)
    assert Ladder(5, TICK).at_once(Tick(3.0)).failed(Tick(3.0)) == Ladder(6, Tick(303.0))


def test_a_lock_may_return_three_times_in_five_minutes() -> None:
    """S3-13: what comes back is tried at once; more often is flapping."""
    assert may_return([], TICK)
    assert may_return([tick(-1), tick(-2)], TICK)
    assert not may_return([tick(-1), tick(-2), tick(-3)], TICK)
    assert may_return([tick(-1), tick(-2), tick(-RETURN_SPAN)], TICK)
