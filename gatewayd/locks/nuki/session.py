"""A session with one lock: its codes as a list that it numbers itself, and its bolt."""

import contextlib
from collections.abc import Callable, Collection, Mapping

from gatewayd.clock import Clock
from gatewayd.domain.bolt import Action, Bolt
from gatewayd.domain.capabilities import NUKI
from gatewayd.domain.report import Jammed, Report
from gatewayd.domain.slot import Empty, Entry, Holds, Observation
from gatewayd.errors import Reason, Unreachable, Unsupported
from gatewayd.locks.nuki import reports
from gatewayd.locks.nuki.conversation import Conversation
from gatewayd.locks.nuki.exchange import Status
from gatewayd.locks.nuki.failures import MotorBlocked, NoSuchCode
from gatewayd.locks.nuki.keypad import (
    NAME_SIZE,
    AddKeypadCode,
    KeypadCode,
    KeypadCodeCount,
    KeypadCodeId,
    RemoveKeypadCode,
    RequestKeypadCodes,
    UpdateKeypadCode,
)
from gatewayd.locks.nuki.keyturner import LockAction
from gatewayd.locks.nuki.limits import limits_of, record_of
from gatewayd.locks.nuki.states import Action as NukiAction

APP_ID = 0x67617465
"""Names the hub in a lock's records; any number will do."""
MOTOR_S = 20.0
"""Seconds for the motor: a turn takes 2 to 5, a stiff bolt is tried again."""
LARGEST_ID = 0xFFFF


class NukiSession:
    """Slots are the ids that the lock gave its codes."""

    def __init__(
        self, conversation: Conversation, clock: Clock, tell: Callable[[Report], None]
    ) -> None:
        self._talk, self._clock, self._tell = conversation, clock, tell

    async def observe(self, slots: Collection[int]) -> Mapping[int, Observation]:
        """All codes, whatever is asked.

        Raises:
            Unreachable: the list did not come whole, twice. RadioDown.
        """
        codes = await self._list()
        if codes is None:  # somebody removed one meanwhile, or a piece was lost
            codes = await self._list()
        if codes is None:
            raise Unreachable("the list of codes came incomplete twice")
        at = self._clock.now().earliest
        seen: dict[int, Observation] = {slot: Empty(at) for slot in slots}
        return seen | {
            n: Holds(at, c.code, c.enabled, *limits_of(c.limit)) for n, c in codes.items()
        }

    async def unchanged(self, seen: Mapping[int, Observation]) -> bool:
        """Not here: the list tells it, in one connection."""
        raise Unsupported("the list is the only proof")

    async def write(self, entry: Entry, slot: int | None) -> int:
        """Add a code (None), or replace the whole record of one.

        Raises:
            Refused: the lock said no. Unsupported: no such code can be. OutcomeUnknown.
        """
        if not NUKI.code.allow(entry.code):
            raise Unsupported("the keypad takes six digits 1 to 9, not 12…", Reason.CODE_IMPOSSIBLE)
        if not entry.enabled:
            raise Unsupported("the lock adds codes enabled only")
        name = fitting(entry.label)
        limit = record_of(entry)
        if slot is None:
            added = await self._talk.order(
                lambda nonce, pin: AddKeypadCode(entry.code, name, limit, nonce, pin), KeypadCodeId
            )
            return added.code_id
        number = _code_id(slot)
        await self._talk.order(
            lambda nonce, pin: UpdateKeypadCode(number, entry.code, name, True, limit, nonce, pin),
            Status,
        )
        return number

    async def clear(self, slot: int) -> None:
        """Remove a code; one that is not there is no error: the list is the proof.

        Raises:
            Refused: the lock said no. OutcomeUnknown.
        """
        number = _code_id(slot)
        with contextlib.suppress(NoSuchCode):
            await self._talk.order(lambda nonce, pin: RemoveKeypadCode(number, nonce, pin), Status)

    async def operate(self, action: Action) -> None:
        """Lock or unlock (not unlatch), and wait for the motor.

        Raises:
            Refused: it did not turn. OutcomeUnknown.
        """
        wanted = NukiAction.LOCK if action is Action.LOCK else NukiAction.UNLOCK
        try:
            await self._talk.order(
                lambda nonce, _: LockAction(wanted, APP_ID, 0, nonce), Status, within=MOTOR_S
            )
        except MotorBlocked:
            self._tell(Jammed())
            raise

    async def bolt(self) -> Bolt:
        """Where the bolt is.

        Raises:
            Unreachable, RadioDown.
        """
        return reports.bolt(await self._talk.states())

    async def _list(self) -> dict[int, KeypadCode] | None:
        """All codes by id; None where fewer came than the lock said."""
        answer = await self._talk.read(
            lambda nonce, pin: RequestKeypadCodes(0, 0xFFFF, nonce, pin), KeypadCodeCount
        )
        codes: dict[int, KeypadCode] = {}
        while len(codes) < answer.count:
            entry = await self._talk.more(KeypadCode)
            if entry is None or entry.code_id in codes:
                return None
            codes[entry.code_id] = entry
        return codes


def fitting(label: str) -> str:
    """As much of a label as fits into a name, cut at a character."""
    raw = label.replace("\0", "").encode(errors="replace")
    return raw[:NAME_SIZE].decode(errors="ignore")


def _code_id(slot: int) -> int:
    if not 0 <= slot <= LARGEST_ID:
        raise Unsupported(f"the lock has no code {slot}")
    return slot
