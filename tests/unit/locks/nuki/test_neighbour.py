"""What the radio remembers of a lock: when it is back, what is news, when its log is due."""

from datetime import timedelta

from gatewayd.domain.report import Alive, Battery, KeypadBattery
from gatewayd.domain.retry import Tick
from gatewayd.locks.nuki.advertisement import Advertisement
from gatewayd.locks.nuki.neighbour import OFFSET_EACH, QUIET_S, RETRY_S, STUCK_S, Neighbour

CALM, CHANGED = Advertisement(1), Advertisement(1, state_changed=True)


def test_only_a_lock_that_was_missed_and_silent_is_back() -> None:
    lock = Neighbour()
    assert lock.hears(CALM, Tick(0)) is None
    lock.missed = True
    assert lock.hears(CALM, Tick(QUIET_S - 1)) is None  # it was there all the time
    lock.missed = True
    assert lock.hears(CALM, Tick(3 * QUIET_S)) == Alive()
    assert lock.hears(CALM, Tick(6 * QUIET_S)) is None  # told once


def test_a_lock_is_back_when_the_adapter_is() -> None:
    lock = Neighbour()
    lock.hears(CALM, Tick(0))
    lock.missed = True
    lock.forget()
    assert lock.hears(CALM, Tick(1)) == Alive()


def test_a_battery_is_news_once() -> None:
    lock = Neighbour()
    assert lock.news(Battery(80), KeypadBattery(low=False)) == [
        Battery(80),
        KeypadBattery(low=False),
    ]
    assert lock.news(Battery(80), KeypadBattery(low=True)) == [KeypadBattery(low=True)]
    assert lock.news(Battery(80)) == []


def test_a_change_is_remembered_until_the_log_was_read() -> None:
    lock = Neighbour()
    lock.hears(CALM, Tick(0))
    assert lock.log_due() is None
    lock.hears(CHANGED, Tick(1))
    lock.hears(CALM, Tick(2))  # somebody read the states
    assert lock.log_due() is not None
    lock.reading(Tick(3))
    assert lock.log_due() is None
    lock.log_read(Tick(4), done=True)
    assert lock.log_due() is None
    lock.hears(CALM, Tick(5))
    lock.hears(CHANGED, Tick(6))
    assert lock.log_due() is not None


def test_a_flag_that_hangs_counts_rarely() -> None:
    lock = Neighbour()
    lock.hears(CHANGED, Tick(0))
    lock.reading(Tick(0))
    lock.log_read(Tick(1), done=True)
    for second in range(1, int(STUCK_S)):
        lock.hears(CHANGED, Tick(second))
    assert lock.log_due() is None
    lock.hears(CHANGED, Tick(STUCK_S))
    assert lock.log_due() is not None


def test_a_log_that_cannot_be_read_is_tried_later_each_time() -> None:
    lock = Neighbour()
    lock.hears(CHANGED, Tick(0))
    waits = []
    for _ in range(9):
        lock.reading(Tick(0))
        lock.log_read(Tick(0), done=False)
        waits.append(lock.log_due())
    assert waits[:3] == [RETRY_S[0], 2 * RETRY_S[0], 4 * RETRY_S[0]]
    assert waits[-1] == RETRY_S[1]
    lock.reading(Tick(1000))
    lock.log_read(Tick(1000), done=True)
    lock.hears(CALM, Tick(1001))
    lock.hears(CHANGED, Tick(1002))
    assert lock.log_due() == Tick(1000)


def test_a_log_that_nobody_could_ask_for_is_due_soon_each_time() -> None:
    lock = Neighbour()
    lock.hears(CHANGED, Tick(0))
    for second in range(3):
        lock.reading(Tick(second))
        lock.log_unasked(Tick(second))
        assert lock.log_due() == second + RETRY_S[0]


def test_an_offset_is_news_when_it_changes_and_twice_a_day() -> None:
    """S3-6: the same offset is another zone's once the property's clocks have changed."""
    lock, hour = Neighbour(), timedelta(hours=1)
    assert lock.lives_at(hour, Tick(0))
    assert not lock.lives_at(hour, Tick(OFFSET_EACH - 1))
    assert lock.lives_at(hour, Tick(OFFSET_EACH))
    assert not lock.lives_at(hour, Tick(OFFSET_EACH + 1))
    assert lock.lives_at(2 * hour, Tick(OFFSET_EACH + 2))
