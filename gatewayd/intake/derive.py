"""A reservation, staff's word and the site to a key with a code: the same for every command that
touches one."""

from dataclasses import replace
from datetime import datetime

from gatewayd.domain.code import Code
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.code import ChangedDoor, CodeAssigned, CodeChanged, DoorCode, OldCode
from gatewayd.domain.events.command import CommandDone
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import KeyId
from gatewayd.domain.key import Basis, Key, waits_for
from gatewayd.domain.moment import Phase
from gatewayd.domain.override import NOTHING
from gatewayd.errors import Reason, Rejected
from gatewayd.intake.allocate import allocate
from gatewayd.intake.basis import of_key
from gatewayd.intake.change import Change
from gatewayd.store import doors, keys, labels, reservations, waits
from gatewayd.store.keys import Known
from gatewayd.store.outbox import standing

ALERT_OF = {
    Reason.MAPPING_UNKNOWN: AlertCode.MAPPING_UNKNOWN,
    Reason.TIMES_MISSING: AlertCode.TIMES_MISSING,
    Reason.RULES_CONFLICT: AlertCode.CODE_IMPOSSIBLE,
    Reason.CODE_IMPOSSIBLE: AlertCode.CODE_IMPOSSIBLE,
}

HELD = sorted({*ALERT_OF.values(), AlertCode.KEY_IMPOSSIBLE})
"""Alerts of a reservation or a key by hand that cannot be as it was said; the last is that of all
other reasons."""


async def derive(change: Change, basis: Basis, *, asked: bool = False) -> None:
    """Make, change or withdraw a key; `asked`: it gets its code now.

    A reservation for an unknown property is held until its site document arrives, and one whose
    code is to be made later until then; a guest who moves there keeps the old doors meanwhile.

    Raises:
        Rejected: why there can be no key; nothing is changed then.
    """
    try:
        key = change.key_of(basis)
    except Rejected as why:
        if why.reason is not Reason.MAPPING_UNKNOWN or basis.reservation is None:
            raise
        await hold(change, basis, why.reason)
        moved_at = change.now if change.moved else None
        left = basis.reservation.checked_out
        gone = left is not None and change.now.surely_past(left)
        if gone or not await doors.leave(change.tx, basis.key_id, moved_at):
            await _withdraw(change, basis, await keys.known(change.tx, basis.key_id))
        await doors.shut(change.tx, basis.key_id, basis.override.shuts)
        return
    before = await keys.known(change.tx, basis.key_id)
    there = key or before
    past = there is not None and there.window.phase(change.now) is Phase.PAST
    if key is None or past:
        await _possible(change, basis, past=past)
        await _let_go(change, basis)
        await _withdraw(change, basis, before, key.window.end if key else None)
        return
    existing = change.existing or change.unasked
    wait = waits_for(key, basis, change.now, existing=existing)
    if before is None and not asked and wait is not None:
        assert basis.reservation is not None  # noqa: S101  # only its policy makes a key wait
        await _possible(change, basis)
        await reservations.hold(change.tx, basis.reservation.id, wait[0], wait[1])
        return
    await _grant(change, basis, key, before)


async def derive_again(change: Change, key: KeyId) -> None:
    """What is stored, here and now: what does not fit is held, not lost."""
    if (basis := await of_key(change, key)) is None:
        return
    try:
        await derive(change, basis)
    except Rejected as why:
        await hold(change, basis, why.reason)
    await settle(change, key)


async def carry_out(change: Change, basis: Basis) -> bool:
    """For the command at hand; whether nothing is left to be proven."""
    await derive(change, basis)
    return await join(change, basis.key_id)


async def join(change: Change, key: KeyId) -> bool:
    """The command at hand is done when what is here is proven, together with all that wait."""
    if change.cause is not None:
        waits.put(change.tx, key, change.cause)
    return await settle(change, key)


async def settle(change: Change, key: KeyId) -> bool:
    """Whether the command at hand is done: nothing of its key is left to be proven. Earlier ones of
    which that is so are told."""
    done = await waits.settled(change.tx, key, change.now)
    for command in done:
        if command != change.cause:
            await change.outbox.tell(change.tx, change.now, (CommandDone(),), command)
    return change.cause in done


async def hold(change: Change, basis: Basis, why: Reason) -> None:
    """There is no key for now, or the one that there was: say why, and only that. Nothing holds
    what is over."""
    held = None if basis.surely_over(change.now) else why
    if basis.reservation is not None:
        await reservations.hold(change.tx, basis.reservation.id, held)
    await _alert(change, basis, held)


async def _let_go(change: Change, basis: Basis) -> None:
    """Nothing holds the reservation at hand any more."""
    if change.held is not None and basis.reservation is not None:
        await reservations.hold(change.tx, basis.reservation.id, None)


async def _possible(change: Change, basis: Basis, *, past: bool = False) -> None:
    """Nothing is in the way of a key, but where staff named a door that is gone."""
    over = past or basis.surely_over(change.now)
    lost = not over and basis.lost_doors(change.site)
    await _alert(change, basis, Reason.UNKNOWN_LOCK if lost else None)


async def _alert(change: Change, basis: Basis, why: Reason | None) -> None:
    """Why there is no key as it was said, and that alone; None: nothing is in its way."""
    alert = ALERT_OF.get(why, AlertCode.KEY_IMPOSSIBLE) if why is not None else None
    await clear(change, basis.subject, [other for other in HELD if other is not alert])
    if alert is not None:
        await change.tell(raised(alert, basis.subject, why))


async def clear(change: Change, subject: str, alerts: list[AlertCode]) -> None:
    """Those of these alerts that stand."""
    for alert in await standing(change.tx, subject, alerts):
        await change.tell(cleared(alert, subject))


async def _withdraw(
    change: Change,
    basis: Basis,
    before: Known | None,
    ended: datetime | None = None,
) -> None:
    if before is None or before.withdrawn:
        return
    await clear(change, basis.subject, [AlertCode.CODE_REFUSED])
    await keys.withdraw(change.tx, basis.key_id, ended)
    if before.window.phase(change.now) is not Phase.PAST:
        change.withdrawn.add(basis.key_id)


async def _grant(change: Change, basis: Basis, key: Key, before: Known | None) -> None:
    code = await allocate(change, basis, key, before.code if before else None)
    await _possible(change, basis)
    handover = None
    declined = basis.code not in (None, code)
    granted = before is None or not before.opens(change.now)
    if granted:
        change.granted.add(key.id)
    elif before is not None and before.code != code:
        handover = await tell_changed(change, basis, key, code, old=before.code, declined=declined)
    if granted or (handover is None and declined and change.wished):
        late = change.held is Reason.PHONE_MISSING
        at, display = _doors(change, key, code), key.policy.display(code.digits)
        await change.tell(CodeAssigned(key.id, key.reservation_id, at, display, late, declined))
    key = await named(change, key)
    if basis.override is not NOTHING:
        await doors.shut(change.tx, key.id, basis.override.shuts)
    await keys.put(
        change.tx,
        key,
        code,
        new=before is None,
        handover=handover,
        now=change.now,
        moved=change.moved,
    )
    await _let_go(change, basis)
    if before is None and any(door.withheld is None for door in key.doors.values()):
        change.tx.ahead["settled", key.id] = "[]"  # no lock can show it yet


async def named(change: Change, key: Key) -> Key:
    """Labelled with its name, where that can be."""
    if key.name is None or await labels.taken(change.tx, key, change.now):
        return key
    return replace(key, label=key.name)


async def tell_changed(
    change: Change,
    basis: Basis,
    key: Key,
    code: Code,
    *,
    old: Code,
    why: Reason | None = None,
    declined: bool = False,
    fate: OldCode = OldCode.KEPT_UNTIL_PROVEN,
) -> str:
    """Returns the event's id: a handover waits for its receipt."""
    display = key.policy.display(code.digits)
    there = await keys.leased(change.tx, key.id, old)
    at = tuple(
        ChangedDoor(
            door.lock_id, door.name, door.code, fate if door.lock_id in there else OldCode.ABSENT
        )
        for door in _doors(change, key, code)
    )
    told = basis.announced
    changed = CodeChanged(key.id, key.reservation_id, at, display, told, why, declined)
    return (await change.tell(changed))[0].id


def _doors(change: Change, key: Key, code: Code) -> tuple[DoorCode, ...]:
    assert change.site is not None  # noqa: S101  # a key is made from a site
    return tuple(DoorCode(id_, change.site.locks[id_].name, code.digits) for id_ in key.doors)
