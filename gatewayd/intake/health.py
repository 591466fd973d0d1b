"""The daily health check and the watch: what is missing is told, and a backup code goes to whoever
needs one (S1-9)."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from gatewayd.domain import check
from gatewayd.domain.check import Finding
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.command import CommandDone
from gatewayd.domain.events.health import HealthChecked, KeyFailing, LockChecked
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import CommandId, KeyId, LockId
from gatewayd.domain.key import levels
from gatewayd.domain.policy import narrow
from gatewayd.domain.reservation import reservation_of
from gatewayd.domain.retry import Tick
from gatewayd.domain.situation import Situation
from gatewayd.errors import Reason
from gatewayd.intake import backups, refusals
from gatewayd.intake.basis import of_key
from gatewayd.intake.change import Change
from gatewayd.store import checks, diagnosis, situations
from gatewayd.store.checks import AtDoor
from gatewayd.store.outbox import standing, subjects


@dataclass(slots=True)
class Judged:
    """Codes at doors: wrong ones, how many are in order, how many are not due yet."""

    wrong: list[Finding] = field(default_factory=list)
    good: int = 0
    later: int = 0


async def is_due(change: Change) -> bool:
    """Whether the check of the day is to be made; a new hub begins with the next one."""
    if change.site is None:
        return False
    if (last := await checks.last(change.tx)) is None:
        await checks.checked(change.tx, change.now.earliest)
        return False
    policy = narrow(change.site.policy)
    return check.is_due(last, change.now, policy.check_at, ZoneInfo(policy.check_zone))


async def conclude(change: Change, causes: list[CommandId], tick: Tick, *, last: bool) -> bool:
    """Judge what the locks showed, and tell; not before the `last` look where a lock has not shown
    all, or something is wrong that the hub may mend by then."""
    if not last and await checks.unread(change.tx, change.now, tick):
        return False
    silent = await checks.silent(change.tx)
    judged = await _judge(change, silent, tick)
    if not last and judged.wrong:
        return False
    failing = [await _failing(change, wrong, tick) for wrong in judged.wrong]
    for lock, why in silent.items():
        if why is not None:
            await change.tell(
                raised(AlertCode.LOCK_UNCHECKED, lock, why, change.fallback_note(lock))
            )
    locks = tuple(LockChecked(lock, why is None, why) for lock, why in silent.items())
    event = HealthChecked(locks, judged.good, judged.later, tuple(failing))
    await checks.checked(change.tx, change.now.earliest)
    await checks.answered(change.tx, causes)
    for cause in causes:
        await change.outbox.tell(change.tx, change.now, (event, CommandDone()), cause)
    if not causes:
        await change.tell(event)
    return True


async def watch(change: Change, since: dict[AtDoor, Tick], tick: Tick) -> None:
    """Tell at once of what is due, needed soon and not there, and when it is there again; `since`:
    from when on each code that is due was seen to be missing."""
    missing: dict[AtDoor, Finding | None] = {}
    loaded = dict[LockId, Situation]()
    for door in await checks.unshown(change.tx, change.now):
        s = await _loaded(change, loaded, door.lock_id)
        claim = s.claims.get(door.key_id)
        if claim is not None and claim.wanted(change.now):  # it may be outside of its hours
            soon = check.needed(claim.window, change.now, check.WATCHED)
            wrong = check.finding(s, claim, change.now, tick, silent=None)
            missing[door] = wrong if soon else None
    for door in since.keys() - missing.keys():
        del since[door]
    for door, wrong in missing.items():
        late = tick - since.setdefault(door, tick) >= check.GRACE
        if late and wrong is not None:
            await see_to(change, wrong, tick)
    still = {check.subject(door.lock_id, door.key_id) for door in missing}
    for subject in await subjects(change.tx, AlertCode.CODE_UNSET) - still:
        await change.tell(cleared(AlertCode.CODE_UNSET, subject))
    await refusals.end(change)
    if unchecked := await subjects(change.tx, AlertCode.LOCK_UNCHECKED):
        silent = await checks.silent(change.tx)
        for lock in unchecked:
            if silent.get(LockId(lock)) is None:
                await change.tell(cleared(AlertCode.LOCK_UNCHECKED, lock))


async def see_to(change: Change, wrong: Finding, tick: Tick) -> str | None:
    """An alert, and a backup code where one helps; returns its label."""
    if not wrong.unset:
        return None  # the lock's own alert says it
    if not await standing(change.tx, wrong.subject, [AlertCode.CODE_UNSET]):
        note = change.fallback_note(wrong.lock_id)
        why = (await diagnosis.why(change.tx, wrong.subject, change.now, tick)).summary
        await change.tell(raised(AlertCode.CODE_UNSET, wrong.subject, wrong.reason, note, why))
    if not wrong.backup:
        return None
    return await lend(change, wrong.key_id, wrong.lock_id, wrong.reason)


async def lend(change: Change, key: KeyId, lock: LockId, reason: Reason) -> str | None:
    """A backup code for a guest, unasked, where the policy says so; returns its label."""
    there = change.site.locks.get(lock) if change.site else None
    basis = await of_key(change, key)
    if there is None or change.site is None or basis is None:
        return None
    if not narrow(*levels(change.site, basis, there).values()).share_backup:
        return None
    return await backups.share(change, key, lock, reason)


async def _judge(change: Change, silent: dict[LockId, Reason | None], tick: Tick) -> Judged:
    """All that is needed in the next 24 h, after the locks were asked."""
    judged, loaded = Judged(), dict[LockId, Situation]()
    for door in await checks.needed(change.tx, change.now):
        s = await _loaded(change, loaded, door.lock_id)
        why = silent.get(door.lock_id)
        claim = s.claims.get(door.key_id)
        if claim is not None and claim.wanted(change.now):
            wrong = check.finding(s, claim, change.now, tick, silent=why)
            judged.good += wrong is None
        else:  # for what is not due yet it is enough that the lock answers
            wrong = check.unread(door.lock_id, door.key_id, why) if why else None
            judged.later += wrong is None
        if wrong is not None:
            judged.wrong.append(wrong)
    return judged


async def _loaded(change: Change, loaded: dict[LockId, Situation], lock: LockId) -> Situation:
    """Once for all its codes."""
    if lock not in loaded:
        loaded[lock] = await situations.load(change.tx, lock, change.now)
    return loaded[lock]


async def _failing(change: Change, wrong: Finding, tick: Tick) -> KeyFailing:
    label = await see_to(change, wrong, tick)
    stay = reservation_of(wrong.key_id)
    return KeyFailing(wrong.key_id, stay, wrong.lock_id, wrong.reason, label)
