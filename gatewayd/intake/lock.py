"""Commands about one lock: looked at again, replaced, or its foreign codes taken over."""

from datetime import UTC, datetime

from ulid import ULID

from gatewayd.domain.events.alert import cleared
from gatewayd.domain.events.command import CommandDone
from gatewayd.domain.events.lock import LockAdopted
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.lease import Lease, Stage
from gatewayd.domain.moment import Window
from gatewayd.domain.reservation import reservation_of
from gatewayd.domain.site import Lock
from gatewayd.domain.slot import Holds, Occupied
from gatewayd.errors import Reason, Rejected
from gatewayd.intake import documents, schemas, service
from gatewayd.intake.basis import of_key
from gatewayd.intake.change import Change
from gatewayd.intake.derive import derive
from gatewayd.intake.parse import checked
from gatewayd.store import doors, keys, overrides, site, situations
from gatewayd.store.outbox import about

ADOPTED_UNTIL = datetime(2099, 12, 31, tzinfo=UTC)
"""When a code ends of which nobody says when: locks do not count further."""


def must_be_active(change: Change, id_: LockId, path: str) -> Lock:
    """A lock of the site that is served."""
    lock = change.site.locks.get(id_) if change.site else None
    if lock is None:
        raise Rejected(Reason.UNKNOWN_LOCK, "no such lock", path=path)
    if not lock.active:
        raise Rejected(Reason.LOCK_INACTIVE, "the lock is not active", path=path)
    return lock


async def resync(change: Change, document: schemas.LockResync) -> bool:
    """`lock.resync`: done when the lock is in step."""
    if not await site.resync(change.tx, LockId(document.lock_id), change.cause):
        raise Rejected(Reason.UNKNOWN_LOCK, "no such lock", path="data.lock_id")
    await change.tell(cleared(AlertCode.LOCK_TAMPERED, document.lock_id))
    return False


async def sync_now(change: Change, document: service.LockSyncNow) -> bool:
    """`lock.sync_now`: done when the lock is in step."""
    lock = must_be_active(change, LockId(document.lock_id), "data.lock_id")
    await site.sync_now(change.tx, lock.id, change.cause)
    return False


async def replaced(change: Change, document: service.LockReplace) -> schemas.SitePut:
    """The site document with the new lock in the place of the old one.

    Raises:
        Rejected: `lock_unreachable` where the new one has not answered, and what it is no lock for.
    """
    old, new = LockId(document.old), LockId(document.new)
    must_be_active(change, new, "data.new")
    if old == new or change.site is None or old not in change.site.locks:
        raise Rejected(Reason.UNKNOWN_LOCK, "no such other lock", path="data.old")
    if not await site.answers(change.tx, new):
        why = "the new lock does not answer"
        raise Rejected(Reason.LOCK_UNREACHABLE, why, path="data.new", retryable=True)
    await overrides.replace_lock(change.tx, old, new)
    there = await site.document(change.tx)
    assert there is not None  # noqa: S101  # there is a site
    return documents.replaced(schemas.SitePut.model_validate_json(there), old, new)


async def replace(change: Change, document: service.LockReplace) -> bool:
    """`lock.replace`, once the site says so: done when the new lock is in step."""
    old = LockId(document.old)
    await site.forget_codes(change.tx, old)
    await forget_alerts(change, old)
    await end_waits(change, old)
    await site.resync(change.tx, LockId(document.new), change.cause)
    return False


async def end_waits(change: Change, lock: LockId) -> None:
    """Commands about all codes of a lock that is gone: nothing of them is left to be done."""
    for command in await site.forget_resyncs(change.tx, lock):
        await change.outbox.tell(change.tx, change.now, (CommandDone(),), command)


async def forget_alerts(change: Change, lock: LockId) -> None:
    """Alerts of a lock in whose place there is another one."""
    await change.tell(*(cleared(*alert) for alert in await about(change.tx, lock)))


async def adopt(change: Change, document: service.LockAdopt) -> bool:
    """`lock.adopt`: nothing is left to be proven, the lock has shown the codes."""
    lock = must_be_active(change, LockId(document.lock_id), "data.lock_id")
    for i, slot in enumerate(document.slots):
        await _adopt(change, lock.id, slot, f"data.slots.{i}")
    return True


async def _adopt(change: Change, lock: LockId, item: service.AdoptedSlot, path: str) -> None:
    here = await situations.load(change.tx, lock, change.now)
    seen = here.slots.get(item.slot)
    if any(lease.slot == item.slot for lease in here.leases):
        raise Rejected(Reason.INVALID_FIELD, "that slot is the hub's already", path=f"{path}.slot")
    if isinstance(seen, Occupied):
        raise Rejected(Reason.UNREADABLE, "the lock masks that code", path=f"{path}.slot")
    if not isinstance(seen, Holds):
        raise Rejected(Reason.INVALID_FIELD, "no code was seen there", path=f"{path}.slot")
    if not seen.enabled:  # as ours it would open
        raise Rejected(Reason.INVALID_FIELD, "that code is disabled", path=f"{path}.slot")
    key = await _existing(change, lock, item, seen, path) or await _by_hand(
        change, lock, item, seen, path
    )
    here = await situations.load(change.tx, lock, change.now)
    held = here.lease_of(key, seen.code)
    if held is not None and held.stage not in (Stage.TAKEN, Stage.GONE):
        raise Rejected(Reason.INVALID_FIELD, "the key has that code there", path=f"{path}.slot")
    situations.save(change.tx, here, here.with_lease(Lease.adopted(key, item.slot, seen)))
    change.tx.woken.add(lock)
    await change.tell(LockAdopted(lock, item.slot, key))


async def _existing(
    change: Change, lock: LockId, item: service.AdoptedSlot, seen: Holds, path: str
) -> KeyId | None:
    """The key that is named, where there is one: it must have the code that the slot shows."""
    if item.key_id is None:
        return None
    key, path = KeyId(item.key_id), f"{path}.key_id"
    known = await keys.known(change.tx, key)
    if known is None and reservation_of(key) is None:
        return None
    if known is None or known.withdrawn:
        raise Rejected(Reason.INVALID_FIELD, "no such key that opens", path=path)
    if known.code != seen.code:
        raise Rejected(Reason.INVALID_FIELD, "the slot shows another code", path=path)
    if lock not in await doors.of(change.tx, key):
        raise Rejected(Reason.INVALID_FIELD, "the key does not open that door", path=path)
    return key


async def _by_hand(
    change: Change, lock: LockId, item: service.AdoptedSlot, seen: Holds, path: str
) -> KeyId:
    """A new key by hand with the code that the slot shows."""
    if item.key_id is None and item.name is None:
        raise Rejected(Reason.MISSING_FIELD, "key_id or name is missing", path=path)
    assert change.site is not None  # noqa: S101  # the lock is on it
    window = seen.window or Window(change.now.earliest, ADOPTED_UNTIL)
    local = (at.astimezone(change.site.zone) for at in (window.start, window.end))
    starts, ends = (at.strftime("%Y-%m-%dT%H:%M") for at in local)
    said: schemas.Document = {
        "doors": {"add": [lock]},
        "starts": starts,
        "ends": ends,
        "code": seen.code.digits,
        **item.model_dump(mode="json", include={"name", "ends"}, exclude_none=True),
    }
    if seen.hours is not None:
        said["hours"] = documents.hours_document(seen.hours)
    word = checked(schemas.KeyDocument, said, path)
    key = KeyId(item.key_id or f"adopted:{ULID()}")
    before = await overrides.get(change.tx, key)
    stored = word.model_dump_json(exclude_unset=True)
    overrides.put(change.tx, key, before[0] + 1 if before else 0, stored)
    basis = await of_key(change, key)
    assert basis is not None  # noqa: S101  # it was put just now
    try:
        await derive(change, basis)
    except Rejected as why:
        raise Rejected(why.reason, why.message, path=path) from None
    return key
