"""Whether the workers get on."""

from gatewayd.clock import SystemClock
from gatewayd.domain.ids import LockId
from gatewayd.domain.retry import Tick
from gatewayd.reconciler.progress import STUCK, Progress

LOCK = LockId("a")


def test_two_may_touch_a_lock_and_each_is_watched() -> None:
    """The bolt is turned amid a session (decision 19)."""
    progress, clock = Progress(), SystemClock()
    late = Tick(clock.tick() + STUCK + 60)
    session = progress.touching(LOCK, clock)
    session.__enter__()
    with progress.touching(LOCK, clock):
        session.__exit__(None, None, None)
        assert progress.stuck(late) == [LOCK]
    assert progress.stuck(late) == []
