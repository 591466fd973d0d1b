"""Another code, or another label, for a key that has one."""

from gatewayd.domain.capabilities import of_kind
from gatewayd.domain.code import Code, common
from gatewayd.domain.events.code import OldCode
from gatewayd.domain.health import AlertCode
from gatewayd.domain.key import Basis, Key, door, levels, withheld
from gatewayd.domain.moment import Phase
from gatewayd.domain.policy import narrow
from gatewayd.errors import Reason, Rejected
from gatewayd.intake.allocate import drawn
from gatewayd.intake.basis import forget_wish
from gatewayd.intake.change import Change
from gatewayd.intake.derive import clear, named, tell_changed
from gatewayd.store import doors, keys, labels
from gatewayd.store.keys import Known

REFUSALS = 5
"""Codes in a row that a lock may call duplicates: with 100 codes on it, one of a million is."""


async def reallocate(change: Change, basis: Basis, refused: Code) -> bool:
    """Another code for a key whose code a lock refuses; the old one stays until that is proven.

    Returns False where the key has another code already.

    Raises:
        Rejected: `code_impossible` where none is free, or too many were refused in a row.
    """
    key = change.key_of(basis)
    before = await keys.known(change.tx, basis.key_id)
    if key is None or before is None or before.withdrawn or before.code != refused:
        return False
    if await keys.refused(change.tx, key.id) > REFUSALS:
        raise Rejected(Reason.CODE_IMPOSSIBLE, "the lock takes no code at all")
    code = await drawn(change, key, refused)
    handover = await tell_changed(change, basis, key, code, old=refused, why=Reason.DUPLICATE_CODE)
    key = await named(change, key)
    await keys.put(change.tx, key, code, new=False, handover=handover, now=change.now)
    return True


async def regenerate(change: Change, basis: Basis) -> bool:
    """Another code for a key whose code is known to somebody: the old one goes first. Where its
    reservation is held that is so at the doors that it has.

    Returns False where it has no code, or none that opens anything.

    Raises:
        Rejected: why there can be no key, where there is none that opens either.
    """
    before, held = await keys.known(change.tx, basis.key_id), False
    try:
        key = change.key_of(basis)
    except Rejected:
        if before is None or not before.opens(change.now):
            raise
        key, held = await _as_it_is(change, basis, before), True
    if key is None or before is None or before.withdrawn:
        return False
    if key.window.phase(change.now) is Phase.PAST:
        return False
    code = await drawn(change, key, before.code)
    await forget_wish(change, basis)
    await clear(change, basis.subject, [AlertCode.CODE_REFUSED])
    await tell_changed(change, basis, key, code, old=before.code, fate=OldCode.REMOVED_FIRST)
    if held:
        keys.recode(change.tx, key, code, change.now)
    else:
        key = await named(change, key)
        await keys.put(change.tx, key, code, new=False, handover=None, now=change.now)
    keys.start_afresh(change.tx, key.id)
    return True


async def _as_it_is(change: Change, basis: Basis, known: Known) -> Key | None:
    """The key that there is, of which only the code can change: its doors on the site, its window.
    None where it has no such door."""
    assert change.site is not None  # noqa: S101  # a key is made from a site
    there = [change.site.locks.get(id_) for id_ in await doors.all_of(change.tx, basis.key_id)]
    locks = [lock for lock in there if lock is not None]
    if not locks:
        return None
    at = {}
    for lock in locks:
        policy = narrow(*levels(change.site, basis, lock).values())
        at[lock.id] = door(known.window.start, withheld(basis.reservation, lock, policy), policy)
    able = [change.capabilities.get(lock.id) or of_kind(lock.driver) for lock in locks]
    return Key(
        id=basis.key_id,
        reservation_id=basis.reservation.id if basis.reservation else None,
        label="",
        name=None,
        guest=None,
        window=known.window,
        timetable=None,
        doors=at,
        policy=narrow(*levels(change.site, basis).values()),
        rules=common([can.code for can in able]),
    )


async def relabel(change: Change, basis: Basis, why: Reason) -> None:
    """A lock refused a key's label, or may have: another one, which goes there at the next try."""
    try:
        key = change.key_of(basis)
    except Rejected:  # what it is made from does not fit any more; its code stays meanwhile
        return
    if key is not None and key.label:
        again = why is Reason.DUPLICATE_NAME
        await labels.relabel(change.tx, key.id, key.label, again=again)
