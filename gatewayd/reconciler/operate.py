"""`lock.operate`: the only thing that is done because it was asked for, not because it is wanted.

At most once: it is in memory alone, and an operation whose outcome is unknown is looked at and not
repeated. Where the hub stops meanwhile the next start says so.
"""

import asyncio
import contextlib

from gatewayd.clock import Clock
from gatewayd.domain.bolt import Bolt, Operation
from gatewayd.domain.events.command import CommandDone, CommandExpired, CommandRejected
from gatewayd.errors import LockError, OutcomeUnknown, Reason, Refused, Unsupported
from gatewayd.locks.driver import LockDriver, Session

LOOKS, PAUSE = 8, 1.0
"""A bolt takes 1 to 4 s to turn: so many looks, with so many seconds in between."""

type Answer = CommandDone | CommandExpired | CommandRejected


async def operate(driver: LockDriver, clock: Clock, operation: Operation) -> Answer:
    """Turn the bolt and look where it is; raises nothing that a lock can cause."""
    asked = False
    if _too_late(clock, operation):
        return CommandExpired()
    try:
        async with driver.session() as session:
            if _too_late(clock, operation):  # to reach the lock took a while
                return CommandExpired()
            with contextlib.suppress(OutcomeUnknown):  # the look tells
                await session.operate(operation.action)
            asked = True
            bolt = await _settled(session, clock, operation.action.wanted)
    except LockError as error:
        if asked:
            return _unknown("it was asked to turn, and could not be looked at")
        refused = isinstance(error, Refused | Unsupported)
        return CommandRejected(error.reason, "", str(error), retryable=not refused)
    match bolt:
        case operation.action.wanted:
            return CommandDone()
        case Bolt.JAMMED:
            return CommandRejected(Reason.REFUSED, "", "the bolt is jammed", retryable=False)
        case _:
            return _unknown(f"it was asked to turn, and is {bolt}")


def _too_late(clock: Clock, operation: Operation) -> bool:
    now = clock.now()
    return not now.trusted or now.surely_past(operation.deadline)


def _unknown(what: str) -> CommandRejected:
    """Not to be tried again blindly: it may have turned."""
    return CommandRejected(Reason.UNKNOWN_OUTCOME, "", f"the bolt: {what}", retryable=False)


CUT_OFF = _unknown("the hub stopped before it was answered; look where it is")
"""Of what was under way when the hub stopped: whether the lock was asked nobody knows."""


async def _settled(session: Session, clock: Clock, wanted: Bolt) -> Bolt:
    """Where the bolt comes to rest."""
    bolt = await session.bolt()
    for _ in range(LOOKS - 1):
        if bolt in (wanted, Bolt.JAMMED):
            break
        await clock.wait(asyncio.Event(), PAUSE)
        bolt = await session.bolt()
    return bolt
