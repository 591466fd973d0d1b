"""A reservation and the site to a key with a code: the same for every command that touches one."""

from itertools import islice

from gatewayd.domain.code import DEFAULT_FORM, Code, candidates, from_phone
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.code import CodeAssigned, CodeChanged, DoorCode
from gatewayd.domain.events.command import CommandDone
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import CommandId, KeyId
from gatewayd.domain.key import Key, key_for
from gatewayd.domain.moment import Phase
from gatewayd.domain.policy import PinSource
from gatewayd.domain.reservation import Reservation
from gatewayd.errors import Reason, Rejected
from gatewayd.intake.change import Change
from gatewayd.store import keys, reservations
from gatewayd.store.outbox import standing

ALERT_OF = {
    Reason.MAPPING_UNKNOWN: AlertCode.MAPPING_UNKNOWN,
    Reason.TIMES_MISSING: AlertCode.TIMES_MISSING,
    Reason.RULES_CONFLICT: AlertCode.CODE_IMPOSSIBLE,
    Reason.CODE_IMPOSSIBLE: AlertCode.CODE_IMPOSSIBLE,
}


async def derive(change: Change, reservation: Reservation, awaited: CommandId | None) -> bool:
    """Make, change or withdraw the key of a stored reservation; `awaited` is the command that is
    done once that is proven at all doors. Returns False where there is nothing to prove.

    A reservation for an unknown property is held until its site document arrives.

    Raises:
        Rejected: why there can be no key; nothing is changed then.
    """
    try:
        wanted = reservation.wants_key
        key = key_for(change.site, reservation, change.capabilities) if wanted else None
    except Rejected as why:
        if why.reason is not Reason.MAPPING_UNKNOWN:
            raise
        await hold(change, reservation, why.reason, awaited)
        await _withdraw(change, reservation, None)
        return True
    await _clear(change, reservation, sorted(set(ALERT_OF.values())))
    if key is None or key.window.phase(change.now) is Phase.PAST:
        return await _withdraw(change, reservation, awaited)
    await _grant(change, reservation, key, awaited)
    return True


async def settle(change: Change, key: KeyId) -> bool:
    """Whether the command at hand is done: nothing of its key is left to be proven. Where that is
    so of an earlier command, it is told."""
    done = await keys.settled(change.tx, key)
    if done is None or done == change.cause:
        return done is not None
    await change.outbox.tell(change.tx, change.now, (CommandDone(),), done)
    return False


async def hold(
    change: Change, reservation: Reservation, why: Reason, awaited: CommandId | None
) -> None:
    """A reservation gets no key for now: say why, and only that; `awaited` waits for it."""
    await reservations.hold(change.tx, reservation.id, why, awaited)
    alert = ALERT_OF.get(why)
    await _clear(change, reservation, sorted(set(ALERT_OF.values()) - {alert}))
    if alert is not None:
        await change.tell(raised(alert, reservation.id))


async def _clear(change: Change, reservation: Reservation, alerts: list[AlertCode]) -> None:
    for alert in await standing(change.tx, reservation.id, alerts):
        await change.tell(cleared(alert, reservation.id))


async def _withdraw(change: Change, reservation: Reservation, awaited: CommandId | None) -> bool:
    before = await keys.known(change.tx, reservation.key_id)
    if before is None:
        return False
    if before.withdrawn and awaited is None:
        return True
    await keys.withdraw(change.tx, reservation.key_id, awaited)
    if not before.withdrawn and before.window.phase(change.now) is not Phase.PAST:
        change.withdrawn.add(reservation.key_id)
    return True


async def _grant(
    change: Change, reservation: Reservation, key: Key, awaited: CommandId | None
) -> None:
    before = await keys.known(change.tx, key.id)
    code = await _code(change, reservation, key, before.code if before else None)
    handover = None
    if before is None or before.withdrawn or before.window.phase(change.now) is Phase.PAST:
        change.granted.add(key.id)
    if before is None or before.withdrawn:
        doors = _doors(change, key, code)
        await change.tell(CodeAssigned(key.id, reservation.id, doors, code.digits))
    elif before.code != code:
        announced = reservation.announced_at is not None
        doors = _doors(change, key, code)
        changed = CodeChanged(key.id, reservation.id, doors, code.digits, announced)
        handover = (await change.tell(changed))[0].id
    await keys.put(change.tx, key, code, new=before is None, handover=handover, cause=awaited)
    if before is None:  # no lock can show it yet: that spares the question
        shown = any(door.withheld is None for door in key.doors.values())
        change.tx.ahead["settled", key.id] = None if shown else awaited


async def reallocate(change: Change, reservation: Reservation, refused: Code) -> bool:
    """Another code for a key whose code a lock refuses; the old one stays until that is proven.

    Returns False where the key has another code already.
    """
    key = key_for(change.site, reservation, change.capabilities)
    before = await keys.known(change.tx, reservation.key_id)
    if key is None or before is None or before.withdrawn or before.code != refused:
        return False
    code = await _drawn(change, key, refused)
    changed = CodeChanged(
        key.id,
        reservation.id,
        _doors(change, key, code),
        code.digits,
        reservation.announced_at is not None,
        Reason.DUPLICATE_CODE,
    )
    handover = (await change.tell(changed))[0].id
    await keys.put(change.tx, key, code, new=False, handover=handover, cause=None)
    return True


async def _code(change: Change, reservation: Reservation, key: Key, last: Code | None) -> Code:
    """Dictated, else the last one while it fits, else from the phone where so set, else drawn."""
    if (dictated := reservation.code) is not None:
        change.unused = [code for code in change.unused if code != dictated]
        if not key.rules.allow(dictated):
            raise Rejected(
                Reason.CODE_IMPOSSIBLE, "a lock of this key refuses that form", path="data.code"
            )
        if await keys.taken(change.tx, dictated, key.id, key.window):
            raise Rejected(Reason.CODE_TAKEN, "another key has that code", path="data.code")
        return dictated
    fits = last is not None and key.rules.allow(last)
    if last and fits and not await keys.taken(change.tx, last, key.id, key.window):
        change.unused = [code for code in change.unused if code != last]
        return last
    if key.policy.pin_source is PinSource.PHONE and reservation.guest.phone:
        code = from_phone(reservation.guest.phone, key.rules, key.policy.pin_length)
        if code and not await keys.taken(change.tx, code, key.id, key.window):
            change.unused = [other for other in change.unused if other != code]
            return code
    return await _drawn(change, key, last)


async def draw_ahead(change: Change, count: int) -> None:
    """Codes of the default form for that many keys, checked with one question."""
    drawn = {c for _ in range(count) for c in islice(candidates(DEFAULT_FORM, None, change.rng), 1)}
    change.unused = await keys.unused(change.tx, sorted(drawn, key=lambda c: c.digits), change.now)
    change.rng.shuffle(change.unused)


async def _drawn(change: Change, key: Key, other_than: Code | None) -> Code:
    if key.policy.pin_length is None and change.unused and key.rules.allow(change.unused[-1]):
        return change.unused.pop()
    for code in candidates(key.rules, key.policy.pin_length, change.rng):
        if code == other_than or code in change.unused:
            continue
        if not await keys.taken(change.tx, code, key.id, key.window):
            return code
    raise Rejected(Reason.CODE_IMPOSSIBLE, "no free code of the form that these locks accept")


def _doors(change: Change, key: Key, code: Code) -> tuple[DoorCode, ...]:
    assert change.site is not None  # noqa: S101  # a key is made from a site
    return tuple(DoorCode(id_, change.site.locks[id_].name, code.digits) for id_ in key.doors)
