"""What is long over is forgotten: the names and phones of guests above all."""

from datetime import timedelta

from gatewayd.domain.events.alert import cleared
from gatewayd.domain.events.command import CommandDone
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import KeyId
from gatewayd.domain.moment import Now
from gatewayd.domain.reservation import key_of
from gatewayd.store import overrides, waits
from gatewayd.store.database import Transaction
from gatewayd.store.outbox import Outbox

KEPT = timedelta(days=60)
"""From its end on. Longer than a code's quarantine (30 days), than any MQTT session, after whose
loss old commands come again and must find their receipts, and than guests take to complain."""

AT_NO_LOCK = "id NOT IN (SELECT key_id FROM doors) AND id NOT IN (SELECT key_id FROM leases)"


async def forget(tx: Transaction, outbox: Outbox, now: Now) -> None:
    """Drop what ended long ago and left nothing at a lock; end the wait for what is over."""
    await _end_waits(tx, outbox, now)
    before = now.earliest - KEPT
    ended = (before.timestamp(),)
    await tx.rows(f"DELETE FROM keys WHERE ends < ? AND {AT_NO_LOCK}", ended)  # noqa: S608  # a constant
    day = before.date().isoformat()
    await _forget_reservations(tx, outbox, now, day)
    for key in await overrides.forget(tx, day):
        await _end_alerts(tx, outbox, now, key)
    await tx.rows("DELETE FROM commands WHERE received_at < ?", ended)
    await tx.rows("DELETE FROM past_codes WHERE until < ?", (now.earliest.timestamp(),))
    await tx.rows("DELETE FROM snapshot_parts WHERE received_at < ?", ended)


async def _end_waits(tx: Transaction, outbox: Outbox, now: Now) -> None:
    """A key that is over and at no lock any more has nothing left to be proven."""
    over = f"SELECT id FROM keys WHERE ends <= ? AND {AT_NO_LOCK}"  # noqa: S608  # a constant
    ended = await tx.rows(
        f"SELECT DISTINCT key_id FROM waits WHERE key_id IN ({over}) "  # noqa: S608  # a constant
        "AND key_id NOT IN (SELECT 'res:' || id FROM reservations WHERE held IS NOT NULL)",
        (now.earliest.timestamp(),),
    )
    for (key,) in ended:
        await _end_wait(tx, outbox, now, KeyId(key))


async def _end_wait(tx: Transaction, outbox: Outbox, now: Now, key: KeyId) -> None:
    for command in await waits.end(tx, key):
        await outbox.tell(tx, now, (CommandDone(),), command)


async def _forget_reservations(tx: Transaction, outbox: Outbox, now: Now, before: str) -> None:
    """Those whose departure was before that day and that have no key (any more)."""
    gone = await tx.rows(
        "DELETE FROM reservations WHERE document->>'departure' < ? "
        "AND id NOT IN (SELECT reservation_id FROM keys WHERE reservation_id IS NOT NULL) "
        "RETURNING id",
        (before,),
    )
    for (id_,) in gone:
        await _end_wait(tx, outbox, now, key_of(id_))
        await _end_alerts(tx, outbox, now, id_)


async def _end_alerts(tx: Transaction, outbox: Outbox, now: Now, subject: str) -> None:
    for (alert,) in await tx.rows("SELECT code FROM alerts WHERE subject = ?", (subject,)):
        await outbox.tell(tx, now, (cleared(AlertCode(alert), subject),))
