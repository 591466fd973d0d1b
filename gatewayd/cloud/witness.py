"""The cloud as a witness of the time."""

from datetime import timedelta

from gatewayd.clock import Clock
from gatewayd.domain.events.alert import AlertRaised
from gatewayd.domain.events.hub import HubStarted
from gatewayd.domain.moment import FOREVER, Now
from gatewayd.domain.retry import Tick
from gatewayd.store.database import Transaction

ASKING = {HubStarted.type, AlertRaised.type}
"""Events that a `time` may answer: each is told once."""
REMEMBERED = 100
"""The last ones."""


class CloudTime:
    """Tells the clock what `time` says. It may have waited in a broker for days: so the time is not
    before that. Where it answers an event it was said after that, which bounds how late it is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: dict[str, Tick] = {}

    def committed(self, tx: Transaction) -> None:
        """A transaction became true."""
        tick = self._clock.tick()
        self._asked |= {event.id: tick for event in tx.told if event.type in ASKING}
        while len(self._asked) > REMEMBERED:
            del self._asked[next(iter(self._asked))]
        if tx.time_told is None:
            return
        utc, slack, answers = tx.time_told
        if (asked := self._asked.pop(answers or "", None)) is None:
            self._clock.witness("time", Now(utc - slack, FOREVER))
        else:
            on_way = timedelta(seconds=tick - asked)
            self._clock.witness(f"time {answers}", Now(utc - slack, utc + slack + on_way))
