"""The cloud as a witness of the time."""

from datetime import timedelta

from gatewayd.clock import Clock
from gatewayd.domain.moment import FOREVER, Now, agreed
from gatewayd.domain.retry import Tick
from gatewayd.store.database import Transaction

AGAIN = "command."
"""What the types of those events begin with that a command has told again that comes again."""
REMEMBERED = 1_000
"""Events that a `time` may answer, the last ones."""


class CloudTime:
    """Tells the clock what `time` says. It may have waited in a broker for days: so the time is not
    before that. Where it answers an event it was said after that, which bounds how late it is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: dict[str, Tick] = {}
        self._answered: tuple[Tick, Now] | None = None

    def committed(self, tx: Transaction) -> None:
        """A transaction became true."""
        tick = self._clock.tick()
        self._asked |= {x.id: tick for x in tx.told if not x.type.startswith(AGAIN)}
        while len(self._asked) > REMEMBERED:
            del self._asked[next(iter(self._asked))]
        if tx.time_told is None:
            return
        utc, slack, answers = tx.time_told
        if (asked := self._asked.get(answers or "")) is None:
            self._clock.witness("time", Now(utc - slack, FOREVER))
        else:
            on_way = timedelta(seconds=tick - asked)
            self._answer(tick, Now(utc - slack, utc + slack + on_way))

    def _answer(self, tick: Tick, said: Now) -> None:
        """With what an answer before it said, unless that was wrong."""
        if self._answered is not None:
            before = self._answered[1].passed(tick - self._answered[0])
            if said.earliest <= before.latest and before.earliest <= said.latest:
                said = agreed([said, before])
        self._answered = tick, said
        self._clock.witness("time that answers", said)
