"""Backup codes: pools kept full, one handed to a guest, and changed when he is gone."""

from collections.abc import Mapping
from datetime import datetime

from gatewayd.domain import backup as rules
from gatewayd.domain.backup import Backup, Need, backup_at
from gatewayd.domain.capabilities import Capabilities, of_kind
from gatewayd.domain.code import Code
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.backup import BackupExhausted, BackupIssued, BackupRotated
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import KeyId, LockId, ReservationId
from gatewayd.domain.key import Key
from gatewayd.domain.policy import Policy, narrow
from gatewayd.domain.reservation import key_of, reservation_of
from gatewayd.domain.site import Lock, Site
from gatewayd.errors import Reason, Rejected
from gatewayd.intake import schemas
from gatewayd.intake.allocate import drawn
from gatewayd.intake.change import Change
from gatewayd.intake.recode import REFUSALS
from gatewayd.store import backups, doors, keys, reservations, site
from gatewayd.store.outbox import subjects

type Held = dict[int, rules.Held]


async def unkept(change: Change) -> list[LockId]:
    """Locks whose pool is not as it should be; alerts of those that have one again end."""
    held = await backups.held(change.tx, change.now)
    there = change.site.locks if change.site else {}
    locks = {*there, *held}
    await _end_alerts(change, held)
    return sorted(id_ for id_ in locks if _needs(change, id_, held.get(id_, {})))


async def _end_alerts(change: Change, held: Mapping[LockId, Held]) -> None:
    """There is a backup to hand out, or none is wanted; a lock has taken one that it did not."""
    for id_ in await subjects(change.tx, AlertCode.BACKUP_EXHAUSTED):
        pool = held.get(LockId(id_), {}).values()
        free = any(x.proven and x.issued_to is None for x in pool)
        if free or not _pool(change, LockId(id_)):
            await change.tell(cleared(AlertCode.BACKUP_EXHAUSTED, id_))
    for subject in await subjects(change.tx, AlertCode.CODE_IMPOSSIBLE):
        if (backup := backup_at(subject)) is None:
            continue
        code = held.get(backup.lock, {}).get(backup.number)
        if (code is not None and code.proven) or backup.number > _pool(change, backup.lock):
            await change.tell(cleared(AlertCode.CODE_IMPOSSIBLE, subject))
            keys.start_afresh(change.tx, backup.key_id)


async def keep(change: Change, lock: LockId, *, new: bool = True) -> None:
    """Make the pool of a lock as it should be; not `new`: only what there is of it."""
    held = (await backups.held(change.tx, change.now, lock)).get(lock, {})
    for number, need in _needs(change, lock, held):
        backup = Backup(lock, number)
        match need:
            case Need.NEW if not new:
                pass
            case Need.DROPPED:
                await _drop(change, backup, held[number])
            case Need.AMENDED:
                await _put(change, backup, held[number].code)
            case Need.ROTATED | Need.NEW:
                await _renew(change, backup, held.get(number))


async def issue(change: Change, document: schemas.BackupIssue) -> bool:
    """`backup.issue`: one code per door that needs it; nothing is left to be proven."""
    guest = key_of(ReservationId(document.reservation_id))
    if await reservations.get(change.tx, ReservationId(document.reservation_id)) is None:
        raise Rejected(Reason.INVALID_FIELD, "no such reservation", path="data.reservation_id")
    known = await keys.known(change.tx, guest)
    opens = known is not None and known.opens(change.now)
    if not opens and document.label is None:
        raise Rejected(
            Reason.INVALID_FIELD, "that reservation has no access", path="data.reservation_id"
        )
    at = await _doors(change, document, guest, opens=opens)
    if document.label is None:
        for lock in at:
            await share(change, guest, lock, document.reason, document.at, again=True)
    elif len(at) != 1:
        raise Rejected(Reason.INVALID_FIELD, "a label is of one door", path="data.doors")
    else:
        await _note(change, guest, at[0], document)
    return True


async def rotate(change: Change, document: schemas.BackupRotate) -> bool:
    """`backup.rotate`: done when the lock shows all that belongs on it."""
    lock = LockId(document.lock_id)
    held = (await backups.held(change.tx, change.now, lock)).get(lock, {})
    chosen = [n for n in held if document.label in (None, Backup(lock, n).label)]
    if _lock(change, lock) is None:
        raise Rejected(Reason.UNKNOWN_LOCK, "no such lock", path="data.lock_id")
    if not chosen:
        raise Rejected(Reason.INVALID_FIELD, "it has no such backup", path="data.label")
    for number in chosen:
        keys.start_afresh(change.tx, Backup(lock, number).key_id)
        await _renew(change, Backup(lock, number), held[number])
    await site.await_step(change.tx, lock, change.cause)
    return False


async def another(change: Change, backup: Backup, refused: Code) -> None:
    """A lock has this code already: the backup gets another one, as often as a guest would; then it
    waits for the daily check."""
    held = (await backups.held(change.tx, change.now, backup.lock)).get(backup.lock, {})
    there = held.get(backup.number)
    if there is None or there.code != refused:
        return
    if await keys.refused(change.tx, backup.key_id) > REFUSALS:
        why = raised(AlertCode.CODE_IMPOSSIBLE, backup.subject, Reason.DUPLICATE_CODE)
        await change.tell(why)
        return
    await _renew(change, backup, there)


async def share(
    change: Change,
    guest: KeyId,
    lock: LockId,
    reason: str,
    at: datetime | None = None,
    *,
    again: bool = False,
) -> str | None:
    """Give a guest a backup at a door, and return its label; the one that the guest has already is
    told `again` where somebody asks. None is left: that is told."""
    held = (await backups.held(change.tx, change.now, lock)).get(lock, {})
    number = rules.pick(held, guest)
    if number is None:
        exhausted = BackupExhausted(guest, reservation_of(guest), lock, change.fallback_note(lock))
        alert = raised(AlertCode.BACKUP_EXHAUSTED, lock, fallback_note=change.fallback_note(lock))
        news = await change.tell(alert) if _pool(change, lock) else []
        if news or again:
            await change.tell(exhausted)
        return None
    if again or held[number].issued_to is None:
        await _give(change, guest, Backup(lock, number), held[number].code, reason, at=at)
    return Backup(lock, number).label


async def _note(change: Change, guest: KeyId, lock: LockId, document: schemas.BackupIssue) -> None:
    """A code that was handed out already: whether it is proven does not matter any more."""
    held = (await backups.held(change.tx, change.now, lock)).get(lock, {})
    number = next((n for n in held if Backup(lock, n).label == document.label), None)
    if number is None:
        raise Rejected(Reason.INVALID_FIELD, "it has no such backup", path="data.label")
    if held[number].issued_to not in (None, guest):
        raise Rejected(Reason.CODE_TAKEN, "another guest has that backup", path="data.label")
    code = held[number].code
    await _give(change, guest, Backup(lock, number), code, document.reason, at=document.at)


async def _give(
    change: Change, guest: KeyId, backup: Backup, code: Code, reason: str, *, at: datetime | None
) -> None:
    note, stay = change.fallback_note(backup.lock), reservation_of(guest)
    await backups.issue(change.tx, backup.key_id, guest)
    await change.tell(
        BackupIssued(guest, stay, backup.lock, backup.label, code.digits, note, reason, at),
        cleared(AlertCode.BACKUP_UNEXPLAINED, backup.subject),
    )


async def _doors(
    change: Change, document: schemas.BackupIssue, guest: KeyId, *, opens: bool
) -> list[LockId]:
    """The doors that are named, else those of the guest's key that do not show its code."""
    if document.doors is None:
        return await keys.unproven(change.tx, guest)
    his = await doors.of(change.tx, guest)
    for i, lock in enumerate(document.doors):
        if _lock(change, LockId(lock)) is None:
            raise Rejected(Reason.UNKNOWN_LOCK, "no such lock", path=f"data.doors.{i}")
        if opens and LockId(lock) not in his:  # nothing would tell when it is to be changed
            raise Rejected(
                Reason.INVALID_FIELD, "not a door of that reservation", path=f"data.doors.{i}"
            )
    return [LockId(lock) for lock in document.doors]


async def _renew(change: Change, backup: Backup, old: rules.Held | None) -> None:
    """Another code; the old one goes first, and nobody has it any more."""
    lock = _lock(change, backup.lock)
    if lock is None:
        return
    key = _key(change, backup, lock, change.now.earliest)
    try:
        code = await drawn(change, key, old.code if old else None)
    except Rejected as why:
        await change.tell(raised(AlertCode.CODE_IMPOSSIBLE, backup.subject, why.reason))
        if old is not None:
            await _drop(change, backup, old)
        return
    await change.tell(cleared(AlertCode.CODE_IMPOSSIBLE, backup.subject))
    if old is not None:
        await _tell_rotated(change, backup, old, replacing=True)
    await _put(change, backup, code)
    await backups.issue(change.tx, backup.key_id, None)


async def _drop(change: Change, backup: Backup, old: rules.Held) -> None:
    """The code goes, and none comes in its place."""
    await _tell_rotated(change, backup, old, replacing=False)
    await keys.withdraw(change.tx, backup.key_id, change.now.earliest)
    await backups.issue(change.tx, backup.key_id, None)


async def _put(change: Change, backup: Backup, code: Code) -> None:
    lock = _lock(change, backup.lock)
    assert lock is not None  # noqa: S101  # only pools of the site's locks are kept
    key = _key(change, backup, lock, change.now.earliest)
    await keys.put(change.tx, key, code, new=False, handover=None, now=change.now)


async def _tell_rotated(
    change: Change, backup: Backup, old: rules.Held, *, replacing: bool
) -> None:
    stay = reservation_of(old.issued_to) if old.issued_to else None
    await change.tell(
        BackupRotated(backup.lock, backup.label, stay, replacing),
        cleared(AlertCode.BACKUP_UNEXPLAINED, backup.subject),
    )


def _needs(change: Change, id_: LockId, held: Held) -> list[tuple[int, Need]]:
    """At a lock that is not active nothing is written; at one of no property nothing of ours stays
    (S1-14)."""
    lock = _lock(change, id_)
    if lock is None or not _opens_something(change.site, id_):
        return [(number, Need.DROPPED) for number in held]
    if not lock.active:
        return []

    def today(number: int, there: rules.Held) -> Key:
        due = there.door.due if there.door else change.now.earliest
        return _key(change, Backup(id_, number), lock, due)

    return list(rules.needs(_pool(change, id_), held, today))


def _key(change: Change, backup: Backup, lock: Lock, due: datetime) -> Key:
    return rules.key(backup, lock, _policy(change, lock), _able(change, lock), due)


def _opens_something(site_: Site | None, lock: LockId) -> bool:
    return site_ is not None and any(lock in x.locks for x in site_.properties.values())


def _lock(change: Change, lock: LockId) -> Lock | None:
    return change.site.locks.get(lock) if change.site else None


def _pool(change: Change, id_: LockId) -> int:
    lock = _lock(change, id_)
    return _policy(change, lock).backup_pool if lock else 0


def _policy(change: Change, lock: Lock) -> Policy:
    return narrow(change.site.policy if change.site else {}, lock.policy)


def _able(change: Change, lock: Lock) -> Capabilities:
    return change.capabilities.get(lock.id) or of_kind(lock.driver)
