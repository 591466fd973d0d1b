"""A step of the plan as one operation at the lock."""

from typing import assert_never

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.plan import Audit, Clear, LockStep, Observe, Write
from gatewayd.domain.steps import Touched
from gatewayd.errors import OutcomeUnknown, Refused, Unsupported
from gatewayd.locks.driver import Session


async def touch(session: Session, step: LockStep, able: Capabilities) -> Touched:
    """One operation at the lock, and what it shows then; a list is read when all is written. A
    power cut in between is no loss: what was begun is on disk, and read again."""
    match step:
        case Observe(slots=slots):
            return Touched(await session.observe(slots))
        case Audit(slots=slots, seen=seen):
            same = await session.unchanged(seen)
            return Touched({slot: seen[slot] for slot in slots if same})
        case Write(lease=lease, entry=entry):
            slot = await session.write(entry, lease.slot)
        case Clear(lease=lease):
            assert lease.slot is not None  # noqa: S101  # it was seen there
            slot = lease.slot
            await session.clear(slot)
        case _:
            assert_never(step)
    if able.assigns_slots:
        return Touched({}, slot)
    try:
        return Touched(await session.observe([slot]), slot)
    except (Refused, Unsupported) as error:  # the look is refused: what was done before it is done
        raise OutcomeUnknown(f"not read back: {error}") from error
