"""What each command changes. A handler returns whether nothing is left to be proven at a lock."""

from datetime import timedelta
from typing import assert_never

from gatewayd.domain.bolt import OPERATE_AHEAD, Operation
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import CommandId, KeyId, LockId, PropertyId
from gatewayd.domain.reservation import key_of
from gatewayd.domain.site import changed_properties, other_makes, without_grace
from gatewayd.errors import Reason, Rejected
from gatewayd.intake import (
    backups,
    batch,
    commission,
    documents,
    envelopes,
    key,
    lock,
    rebuild,
    reservation,
    schemas,
    snapshot,
)
from gatewayd.intake.change import Change
from gatewayd.intake.derive import derive_again
from gatewayd.store import checks, doors, operations, overrides, reservations, site
from gatewayd.store.ahead import look_ahead
from gatewayd.store.outbox import of_nobody
from gatewayd.store.rebuild import Awaited

CHUNK = 200


async def handle(change: Change, command: envelopes.Command) -> bool:  # noqa: PLR0912  # a table
    """Carry out one command.

    Raises:
        Rejected: it changes nothing; what was done so far is rolled back by the caller.
    """
    match command:
        case envelopes.SitePutCommand(data=data):
            await _put_site(change, data)
            await rebuild.came(change, Awaited.SITE)
            return True
        case envelopes.ReservationPutCommand(data=data):
            return await reservation.put(change, data)
        case envelopes.ReservationCancelCommand(data=data):
            return await reservation.cancel(change, data)
        case envelopes.ReservationSnapshotCommand(data=data):
            return await snapshot.take(change, data)
        case envelopes.ReservationCheckInCommand(data=data):
            return await reservation.check_in(change, data)
        case envelopes.ReservationCheckOutCommand(data=data):
            return await reservation.check_out(change, data)
        case envelopes.KeyPutCommand(data=data):
            return await key.put(change, data)
        case envelopes.KeyRevokeCommand(data=data):
            return await key.revoke(change, data)
        case envelopes.KeyRestoreCommand(data=data):
            return await key.restore(change, data)
        case envelopes.KeyDeleteCommand(data=data):
            return await key.delete(change, data)
        case envelopes.CodeRegenerateCommand(data=data):
            return await key.regenerate(change, data)
        case envelopes.BackupIssueCommand(data=data):
            return await backups.issue(change, data)
        case envelopes.BackupRotateCommand(data=data):
            return await backups.rotate(change, data)
        case envelopes.HealthRunCommand():
            await checks.want(change.tx, CommandId(command.id))
            change.tx.rounds_wanted = True
            return False
        case envelopes.BatchCommand(data=data):
            return await batch.run(change, data)
        case envelopes.CredentialsResendCommand(data=data):
            return await key.resend(change, data)
        case envelopes.LockResyncCommand(data=data):
            return await lock.resync(change, data)
        case envelopes.LockSyncNowCommand(data=data):
            return await lock.sync_now(change, data)
        case envelopes.LockReplaceCommand(data=data):
            await _enforce(change, await lock.replaced(change, data))
            return await lock.replace(change, data)
        case envelopes.LockAdoptCommand(data=data):
            return await lock.adopt(change, data)
        case envelopes.LockCommissionCommand(data=data):
            return await commission.commission(change, data)
        case envelopes.LockOperateCommand(data=data):
            cause = CommandId(command.id)
            if command.ts > change.now.latest + OPERATE_AHEAD:
                raise Rejected(Reason.INVALID_FIELD, "said by a clock that is ahead", path="ts")
            door = LockId(data.lock_id)
            _operate(change, Operation(door, data.action, cause, command.deadline))
            return False
        case envelopes.ReportCommand(data=data):
            change.tx.report_wanted = True
            if data.key_id is not None:
                await key.tell_policy(change, KeyId(data.key_id))
            return True
        case envelopes.TimeCommand(data=data):
            accuracy = timedelta(seconds=data.accuracy_s)
            change.tx.time_told = data.utc, accuracy, data.answers
            return True
        case envelopes.BrakeConfirmCommand():
            raise AssertionError("a confirmation stands for the command that it releases")
        case _:
            assert_never(command)


def _operate(change: Change, operation: Operation) -> None:
    """Hand it on; the disk has only that it is not answered, so nothing repeats it."""
    lock.must_be_active(change, operation.lock, "data.lock_id")
    if not change.now.trusted:
        raise Rejected(Reason.CLOCK_IN_DOUBT, "the hub's clock is in doubt", retryable=True)
    operations.accept(change.tx, operation)


async def _put_site(change: Change, document: schemas.SitePut) -> None:
    before = change.site
    if before is not None and document.version < before.version:
        raise Rejected(
            Reason.STALE_VERSION, f"version {before.version} is in force", path="data.version"
        )
    if before is None or document.version > before.version:
        await _enforce(change, document)


async def _enforce(change: Change, document: schemas.SitePut) -> None:
    """A site document is in force, and all keys are as it says."""
    before, change.site = change.site, documents.site(document)
    await site.put(change.tx, change.site, document.model_dump_json(exclude_unset=True))
    in_use = {lock for property_ in change.site.properties.values() for lock in property_.locks}
    await doors.leave_none_but(change.tx, in_use)
    change.capabilities = await site.capabilities(change.tx)  # a lock that moved has told nothing
    for property_id in sorted(changed_properties(before, change.site)):
        await derive_property(change, property_id)
        property_ = change.site.properties.get(property_id)
        hasty = property_ is not None and without_grace(change.site, property_)
        await change.tell((raised if hasty else cleared)(AlertCode.NO_GRACE, property_id))
    for key_id in await overrides.all_(change.tx, change.now):  # its doors may be of any property
        await derive_again(change, key_id)
    for id_ in other_makes(before, change.site):
        await lock.forget_alerts(change, id_)
    await commission.readdressed(change, before)
    await change.tell(*(cleared(*alert) for alert in await of_nobody(change.tx)))
    for id_ in await site.unlisted(change.tx):
        await lock.end_waits(change, id_)


async def derive_property(change: Change, property_id: PropertyId) -> None:
    """All keys of a property anew, because what they are made from has changed."""
    after = ""
    while chunk := await reservations.of_property(change.tx, property_id, after, CHUNK):
        await look_ahead(change.tx, chunk)
        for id_ in chunk:
            await derive_again(change, key_of(id_))
            after = id_


async def derive_lock(change: Change, door: LockId) -> None:
    """All keys at a lock anew, because it can do what it could not before, or no longer."""
    for property_ in change.site.properties.values() if change.site else ():
        if door in property_.locks:
            await derive_property(change, property_.id)
    for key_id in await overrides.at_lock(change.tx, door):
        await derive_again(change, key_id)
    await backups.keep(change, door, new=False)


async def look_again(change: Change) -> None:
    """Reservations that were held until now."""
    for id_ in await reservations.due(change.tx, change.now):
        await derive_again(change, key_of(id_))
