"""Windows that the lock enforces: Year Day schedules of Schedule Entry Lock (0x4E, SDS13783).

A schedule belongs to a user id that has a code already; setting one also switches it on and makes
it the kind that counts, so nothing else is sent for that. Whether it is on cannot be read back:
the proof is that the lock shows the schedule as it was set.

Year Day times are in the lock's local time. A zone with summer time has one hour a year twice and
one never, and the class tells the lock two offsets but not when each holds. So the lock's local
time is made UTC: its offset is read once per connection, and set to zero where it is not. The
zwave-js server does the same when it interviews a lock, as long as its own time zone is UTC.
"""

from datetime import UTC, datetime

from zwave_js_server.const import CommandClass
from zwave_js_server.model.node import Node

from gatewayd.domain.moment import Window
from gatewayd.errors import OutcomeUnknown, Reason, Unreachable
from gatewayd.locks.zwave.commands import Commands

SCHEDULES = CommandClass.SCHEDULE_ENTRY_LOCK
SINCE_VERSION = 2
"""Version 1 cannot tell its offset from UTC."""
SLOT = 1
"""Of the year day schedules of one user we use the first."""
YEAR_DAY = 1
"""Schedule Entry Lock's kind of schedule, as zwave-js counts them in its store."""
CENTURY = 2000
"""Years are counted from 0 to 99."""


class Zone:
    """Whether a lock's local time is UTC; forgotten when the connection ends."""

    def __init__(self) -> None:
        self._of: Node | None = None

    async def be_utc(self, commands: Commands) -> None:
        """One read per connection; a write and another read where the lock lives elsewhere.

        Raises:
            Unreachable: no answer, or the lock keeps its zone.
        """
        if self._of is commands.node:
            return
        if await _offsets(commands) != (0, 0):
            zero = {"standardOffset": 0, "dstOffset": 0}
            await commands.change(SCHEDULES, "setTimezone", zero)
            if await _offsets(commands) != (0, 0):
                raise Unreachable("the lock's local time is not UTC", Reason.CLOCK_IN_DOUBT)
        self._of = commands.node


class YearDay:
    """The year day schedules of one node."""

    def __init__(self, commands: Commands, zone: Zone) -> None:
        self._commands, self._zone = commands, zone

    async def read(self, user: int) -> Window | None:
        """One exchange; None: this user has no schedule, or one of no real dates.

        Raises:
            Unreachable: the lock gave no answer.
        """
        await self._zone.be_utc(self._commands)
        shown = await self._commands.ask(SCHEDULES, "getYearDaySchedule", _slot(user))
        if shown is not None:
            try:
                return Window(_moment(shown, "start"), _moment(shown, "stop"))
            except ValueError:
                return None
        # The library answers the same for an empty slot and for silence, but only an answer
        # changes what it has in store.
        key = YEAR_DAY << 16 | user << 8 | SLOT
        if await self._commands.known(SCHEDULES, "schedule", key):
            raise self._commands.unanswered()
        return None

    async def put(self, user: int, window: Window) -> None:
        """Set the schedule and read it back: two exchanges.

        Raises:
            OutcomeUnknown: the lock shows something else. Refused: it said no.
        """
        await self._zone.be_utc(self._commands)
        times = _fields(window.start, "start") | _fields(window.end, "stop")
        await self._commands.change(SCHEDULES, "setYearDaySchedule", _slot(user), times)
        if await self.read(user) != window:
            raise OutcomeUnknown("the lock does not show the schedule", Reason.MISMATCH)

    async def erase(self, user: int) -> None:
        """One exchange."""
        await self._commands.change(SCHEDULES, "setYearDaySchedule", _slot(user))


async def _offsets(commands: Commands) -> tuple[int, int]:
    """Minutes east of UTC, in winter and in summer."""
    said = await commands.must_answer(SCHEDULES, "getTimezone")
    return said["standardOffset"], said["dstOffset"]


def _slot(user: int) -> dict[str, int]:
    return {"userId": user, "slotId": SLOT}


def _fields(at: datetime, edge: str) -> dict[str, int]:
    at = at.astimezone(UTC)
    numbers = (at.year - CENTURY, at.month, at.day, at.hour, at.minute)
    return {f"{edge}{name}": n for name, n in zip(_NAMES, numbers, strict=True)}


def _moment(shown: dict[str, int], edge: str) -> datetime:
    year, month, day, hour, minute = (shown[edge + name] for name in _NAMES)
    return datetime(CENTURY + year, month, day, hour, minute, tzinfo=UTC)


_NAMES = ("Year", "Month", "Day", "Hour", "Minute")
