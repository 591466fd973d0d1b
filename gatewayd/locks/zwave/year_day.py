"""Windows that the lock enforces: Year Day schedules of Schedule Entry Lock (0x4E, SDS13783).

A schedule belongs to a user id that has a code already; setting one also switches it on and makes
it the kind that counts, so nothing else is sent for that. Whether it is on cannot be read back:
the proof is that the lock shows the schedule as it was set.

Year Day times are in the lock's local time. A zone with summer time has one hour a year twice and
one never, and the class tells the lock two offsets but not when each holds. So the lock's local
time is made UTC: before a schedule is written its offset is read, and set to zero where it is not.
The zwave-js server does the same when it interviews a lock, as long as its own time zone is UTC.
"""

from datetime import UTC, datetime

from zwave_js_server.const import CommandClass

from gatewayd.domain.moment import Window
from gatewayd.errors import OutcomeUnknown, Reason, Refused
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


class YearDay:
    """The year day schedules of one node."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def be_utc(self) -> None:
        """One read; a write and another read where the lock lives elsewhere.

        Raises:
            Refused: the lock keeps its zone. Unreachable: no answer.
        """
        if await self._offsets() == (0, 0):
            return
        zero = {"standardOffset": 0, "dstOffset": 0}
        await self._commands.change(SCHEDULES, "setTimezone", zero)
        if await self._offsets() != (0, 0):
            raise Refused("the lock's local time is not UTC", Reason.CLOCK_IN_DOUBT)

    async def read(self, user: int) -> Window | None:
        """One exchange, two for None: this user has no schedule, or one of no real dates.

        Raises:
            Unreachable: the lock gave no answer.
        """
        shown = await self._commands.ask(SCHEDULES, "getYearDaySchedule", _slot(user))
        if shown is not None:
            try:
                return Window(_moment(shown, "start"), _moment(shown, "stop"))
            except ValueError:
                return None
        # The library answers the same for an empty slot and for silence. But only an answer
        # changes what it has in store, and a lock that answers the next question was not silent.
        key = YEAR_DAY << 16 | user << 8 | SLOT
        if await self._commands.known(SCHEDULES, "schedule", key):
            raise self._commands.unanswered()
        await self._offsets()
        return None

    async def put(self, user: int, window: Window) -> None:
        """Set the schedule and read it back: two exchanges; the lock's time is UTC.

        Raises:
            OutcomeUnknown: the lock shows something else. Refused: it said no.
        """
        times = _fields(window.start, "start") | _fields(window.end, "stop")
        await self._commands.change(SCHEDULES, "setYearDaySchedule", _slot(user), times)
        shown = await self.read(user)
        if shown is None or not self.same(window, shown):
            raise OutcomeUnknown("the lock does not show the schedule", Reason.MISMATCH)

    async def erase(self, user: int) -> bool:
        """Whether the schedule is gone: one exchange, three where the lock is not supervised."""
        said_yes = await self._commands.change(SCHEDULES, "setYearDaySchedule", _slot(user))
        if said_yes or self._commands.version(CommandClass.SUPERVISION):
            return said_yes
        return await self.read(user) is None

    def same(self, wanted: Window, shown: Window) -> bool:
        """Whether both limit alike from now on: some locks clamp a start that is past."""
        now, starts = self._commands.network.clock.now(), {wanted.start, shown.start}
        return wanted.end == shown.end and (len(starts) == 1 or now.surely_past(max(starts)))

    async def _offsets(self) -> tuple[int, int]:
        """Minutes east of UTC, in winter and in summer."""
        said = await self._commands.must_answer(SCHEDULES, "getTimezone")
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
