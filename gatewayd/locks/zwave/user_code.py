"""User Code (0x63) locks, V1 and V2: raw reads and writes, nothing from the cache.

`util.lock.get_usercode_from_node` returned torn or stale data in 5 of 40 reads and
`set_credential` reported success for a code that the lock had stored differently; the direct
`get` was right 40 of 40 times. So only that counts.

V2 tells which states of a user id it knows. Where Disabled is one, a code is written ahead without
opening. V1 has a number for it too, but there it means something else: its codes are enabled.

Where the lock has year day schedules besides, it enforces the window itself. A schedule needs a
code to belong to, and a code without schedule opens always, so the code goes in disabled first:
set disabled, set schedule, get schedule, set enabled. Whatever fails on the way leaves a code that
does not open.

| exchanges of a verified write | unread slot | slot seen empty |
|---|---|---|
| plain | get, set, get: 3 | 2 |
| within a window | get, get zone, the four above, get code, get schedule: 8 | 7 |
| another window | get both, get zone, set and get schedule, get both: 7 | |
| only another state | get both, set, get both: 5 | |

Some V2 locks tell a checksum of all their codes and states: one exchange says that nothing has
changed. It tells nothing of schedules, so it is not used where there are any.

A clear takes one exchange, and one more for the schedule, three where the lock is not supervised.
A schedule that may be left behind limits no later code of ours, which sets or erases it; for a
person's it is erased when the slot is next seen empty, unless this process ended before.

An observation takes one, and one more where a code may have a schedule, two where it has none.
"""

import binascii
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from zwave_js_server.const import CommandClass

from gatewayd.domain.capabilities import DEFAULT_SLOTS, Capabilities
from gatewayd.domain.code import ANY_CODE, Code
from gatewayd.domain.slot import Empty, Entry, Holds, Observation, Occupied
from gatewayd.errors import LockError, OutcomeUnknown, Reason, Refused, Unsupported
from gatewayd.locks.zwave.commands import Commands
from gatewayd.locks.zwave.door_lock import DoorLock
from gatewayd.locks.zwave.year_day import SCHEDULES, SINCE_VERSION, YearDay

USER_CODE = CommandClass.USER_CODE
AVAILABLE, ENABLED, DISABLED, MESSAGING, NOT_AVAILABLE = 0x00, 0x01, 0x02, 0x03, 0xFE
"""User ID Status of the User Code command class."""
CRC_START = 0x1D0F
"""Of the CRC-CCITT over all codes."""
TELLS_STATES = 2
"""The version since which a lock says which states it knows."""


@dataclass(frozen=True, slots=True)
class UserCodes:
    """How a lock keeps its codes, as the interview found out."""

    slots: int
    can_disable: bool
    year_day: bool
    checksum: bool
    leftover: set[int] = field(default_factory=set, compare=False)  # schedules without a code

    @classmethod
    async def learn(cls, commands: Commands) -> "UserCodes":
        """No frame is sent."""
        slots = await commands.known(USER_CODE, "supportedUsers")
        states = await commands.known(USER_CODE, "supportedUserIDStatuses") or ()
        can_disable = commands.version(USER_CODE) >= TELLS_STATES and DISABLED in states
        year_days = 0
        if commands.version(SCHEDULES) >= SINCE_VERSION:
            year_days = await commands.known(SCHEDULES, "numYearDaySlots") or 0
        year_day = can_disable and year_days > 0
        checksum = bool(await commands.known(USER_CODE, "supportsUserCodeChecksum"))
        return cls(slots or DEFAULT_SLOTS, can_disable, year_day, checksum and not year_day)

    @property
    def capabilities(self) -> Capabilities:
        """In the words of the domain."""
        return Capabilities(
            slots=self.slots,
            code=ANY_CODE,
            enforces_windows=self.year_day,
            can_disable=self.can_disable,
            checksum=self.checksum,
        )

    def session(self, commands: Commands) -> "UserCodeSession":
        """Operations on the lock's codes."""
        return UserCodeSession(self, commands)


class UserCodeSession(DoorLock):
    """Reads and writes slots of one node."""

    def __init__(self, able: UserCodes, commands: Commands) -> None:
        super().__init__(commands)
        self._able = able
        self._year_day = YearDay(commands) if able.year_day else None
        self._shown: dict[int, Observation] = {}  # in this session, and not touched since

    async def observe(self, slots: Collection[int]) -> Mapping[int, Observation]:
        """Each slot from the lock itself.

        Raises:
            Unreachable: the lock gave no answer. Unsupported: no such slot.
        """
        seen = {slot: await self._read(slot) for slot in slots}
        self._shown |= seen
        return seen

    async def unchanged(self, seen: Mapping[int, Observation]) -> bool:
        """One exchange; none where a code is masked.

        Raises:
            Unreachable: no acknowledgement. Unsupported: the lock tells no checksum of use to us.
        """
        if not self._able.checksum:
            raise Unsupported("the lock tells no checksum")
        expected = _checksum(seen)
        if expected is None:
            return False
        return bool(await self._commands.ask(USER_CODE, "getUserCodeChecksum") == expected)

    async def write(self, entry: Entry, slot: int | None) -> int:
        """Set a code, with its state or its window.

        Raises:
            Refused: the lock said no. Unsupported: it has no such slot, or takes no such entry.
            OutcomeUnknown: the code may be there, disabled, without its window.
        """
        if not ANY_CODE.allow(entry.code):
            raise Unsupported("User Code takes 4 to 8 digits", Reason.CODE_IMPOSSIBLE)
        if slot is None:
            raise Unsupported("User Code has numbered slots")
        if entry.hours is not None:
            raise Unsupported("the lock knows no hours")
        if not entry.enabled and not self._able.can_disable:
            raise Unsupported("the lock cannot hold a code disabled")
        shown = self._shown.pop(slot, None)
        if self._year_day is not None:
            await self._write_limited(entry, slot, shown, self._year_day)
        elif entry.window is None:
            await self._set(slot, entry, enabled=entry.enabled)
        else:
            raise Unsupported("the lock knows no windows")
        return slot

    async def clear(self, slot: int) -> None:
        """Set a slot to available; then its schedule goes, so that it limits no later code.

        Raises:
            Refused: the lock said no. Unsupported: it has no such slot.
        """
        if slot < 1:
            raise Unsupported("slot 0 means all slots")
        self._shown.pop(slot, None)
        await self._commands.change(USER_CODE, "clear", slot)
        if self._year_day is not None:
            await self._erase(slot, self._year_day)

    async def _erase(self, slot: int, year_day: YearDay) -> None:
        """The schedule of a slot. What is not sure to be gone is noted, and no error: a look shows
        it with its code, or tries again where the slot is empty."""
        try:
            gone = await year_day.erase(slot)
        except (Refused, Unsupported):
            gone = True  # with the code
        except LockError:
            gone = False
        (self._able.leftover.discard if gone else self._able.leftover.add)(slot)

    async def _write_limited(
        self, entry: Entry, slot: int, shown: Observation | None, year_day: YearDay
    ) -> None:
        if entry.window is None:
            await self._set(slot, entry, enabled=entry.enabled)
            await self._erase(slot, year_day)
            return
        there = shown if isinstance(shown, Holds) and shown.code == entry.code else None
        if there and there.window and year_day.same(entry.window, there.window):
            await self._set(slot, entry, enabled=entry.enabled)
            return
        await year_day.be_utc()  # before anything is changed
        if there and there.window and there.enabled == entry.enabled:
            await year_day.put(slot, entry.window)  # who stays longer is not locked out in between
            return
        await self._set(slot, entry, enabled=False)
        try:
            await year_day.put(slot, entry.window)
            if entry.enabled:
                await self._set(slot, entry, enabled=True)
        except (Refused, Unsupported) as error:  # the code is there all the same
            raise OutcomeUnknown(f"no window: {error}", Reason.MISMATCH) from None

    async def _set(self, slot: int, entry: Entry, *, enabled: bool) -> None:
        status = ENABLED if enabled else DISABLED
        await self._commands.change(USER_CODE, "set", slot, status, entry.code.digits)

    async def _read(self, slot: int) -> Observation:
        answer = await self._commands.must_answer(USER_CODE, "get", slot)
        at = self._commands.network.clock.now().earliest
        status, code = answer["userIdStatus"], str(answer.get("userCode") or "")
        if status == NOT_AVAILABLE:
            raise Unsupported(f"the lock has no slot {slot}")
        if status == AVAILABLE:  # some locks then show 0000
            if self._year_day is not None and slot in self._able.leftover:
                await self._erase(slot, self._year_day)
            return Empty(at)
        enabled = not self._able.can_disable or status not in (DISABLED, MESSAGING)
        window = None if self._year_day is None else await self._year_day.read(slot)
        if code.isascii() and code.isdigit():
            return Holds(at, Code(code), enabled, window)
        return Occupied(at, enabled, window)


def _checksum(seen: Mapping[int, Observation]) -> int | None:
    """The one of a lock that holds just this (CC:0063.02.12.11.001 to 006); None: it is not known,
    because a code is masked. A state that we do not write (passage mode) makes it another one."""
    data = b""
    for slot, shown in sorted(seen.items()):
        if isinstance(shown, Occupied):
            return None
        if isinstance(shown, Holds):
            state = ENABLED if shown.enabled else DISABLED
            data += struct.pack(">HB", slot, state) + shown.code.digits.encode()
    return binascii.crc_hqx(data, CRC_START) if data else 0
