"""Loading what is wanted and known at one lock, and saving what changed."""

import json
from collections.abc import Sequence
from datetime import timedelta
from operator import itemgetter
from typing import Any

from gatewayd.domain.capabilities import Capabilities, of_kind
from gatewayd.domain.code import Code, CodeRules
from gatewayd.domain.hours import Hours, Keeper, LocalTime, Timetable, keeper
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.lease import Lease, LostLease, Proof, Stage
from gatewayd.domain.moment import FOREVER, Now, Window, from_epoch
from gatewayd.domain.policy import ExternalDelete
from gatewayd.domain.retry import Ladder, Retry, Tick
from gatewayd.domain.situation import Claim, Situation
from gatewayd.domain.slot import Empty, Foreign, Holds, Observation, Occupied
from gatewayd.errors import Reason
from gatewayd.store import rebuild
from gatewayd.store.database import Transaction

LOAD = """
SELECT l.active, l.driver, l.capabilities, l.inventoried, l.failures, l.retry_due, l.reason,
    l.asked, l.utc_offset, l.offset_at,
    (SELECT min(due) FROM doors WHERE lock_id = ?1 AND due > ?2),
    (SELECT json_group_array(json_array(k.id, k.code, k.label, k.starts, k.ends, d.verify_after,
            k.timetable, d.due, d.withheld, k.handover IS NULL OR (
                d.withheld IS NULL
                AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.id = k.handover)
                AND NOT EXISTS (
                    SELECT 1 FROM doors o LEFT JOIN leases n
                    ON n.lock_id = o.lock_id AND n.key_id = o.key_id AND n.code = k.code
                    WHERE o.key_id = k.id AND o.withheld IS NULL
                    AND coalesce(n.proof, 'accepted') = 'accepted')),
            d.leaves IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM doors o LEFT JOIN leases n
                ON n.lock_id = o.lock_id AND n.key_id = o.key_id AND n.code = k.code
                WHERE o.key_id = k.id AND o.leaves IS NULL AND o.withheld IS NULL
                AND coalesce(n.proof, 'accepted') = 'accepted')
                AND EXISTS (SELECT 1 FROM doors o
                    WHERE o.key_id = k.id AND o.leaves IS NULL AND o.withheld IS NULL),
            iif(d.leaves IS NULL, NULL, (SELECT min(x.starts) FROM doors e JOIN keys x
                ON x.id = e.key_id WHERE e.lock_id = ?1 AND x.id <> k.id AND x.starts > d.leaves
                AND x.ends < ?3
                AND NOT EXISTS (SELECT 1 FROM doors m WHERE m.key_id = k.id AND m.leaves IS NOT NULL
                    AND NOT EXISTS (SELECT 1 FROM doors n
                        WHERE n.lock_id = m.lock_id AND n.key_id = x.id)))),
            d.retry, d.external_delete, d.free_slot_after, k.issued_to))
        FROM (SELECT key_id FROM doors WHERE lock_id = ?1 AND due <= ?2
            UNION SELECT key_id FROM leases WHERE lock_id = ?1) w
        CROSS JOIN doors d ON d.lock_id = ?1 AND d.key_id = w.key_id
        CROSS JOIN keys k ON k.id = d.key_id),
    (SELECT json_group_array(json_array(rowid, key_id, code, slot, stage, proof, proven_at,
            verify_due, doubted_since, missed, failures, retry_due, reason, starts, ends, enabled,
            losses, hours, label))
        FROM leases WHERE lock_id = ?1),
    (SELECT json_group_array(json_array(slot, seen, code, at, enabled, starts, ends, hours))
        FROM slots WHERE lock_id = ?1),
    (SELECT json_group_array(json_array(slot, key_id, fingerprint))
        FROM lost_leases WHERE lock_id = ?1),
    EXISTS (SELECT 1 FROM awaited),
    (SELECT json_group_array(key_id) FROM echoed WHERE lock_id = ?1),
    (SELECT foreign_slots FROM lost_locks WHERE lock_id = ?1)
FROM (SELECT 1) LEFT JOIN locks l ON l.id = ?1
"""
"""One statement: one look at one state. A claim's last fields: its handover is over (the event
is receipted, each door shows the new code, and this one may be given it); it has left this lock,
since its other doors show its code; when the next key begins that has all the doors it is leaving;
and what the policy there says."""


async def load(tx: Transaction, lock: LockId, now: Now) -> Situation:
    """One lock's situation; its cost depends on what is due there, not on all reservations."""
    row = await tx.row(LOAD, (lock, now.latest.timestamp(), FOREVER.timestamp()))
    assert row is not None  # noqa: S101  # a join from one row gives one
    active, driver, able, inventoried, failures, due, reason, asked, *clock, following = row[:11]
    claims, leases, slots, lost, rebuilding, echoed, foreign = row[11:]
    capabilities = parse_capabilities(able) if able else of_kind(driver)
    found = (_claim(claim, capabilities, _local_time(*clock)) for claim in json.loads(claims))
    return Situation(
        lock=lock,
        capabilities=capabilities,
        inventoried=bool(inventoried),
        claims={claim.key_id: claim for claim in found},
        leases=tuple(map(_lease, sorted(json.loads(leases), key=itemgetter(0)))),
        slots={slot: _observation(*seen) for slot, *seen in json.loads(slots)},
        ladder=_ladder(failures, due),
        reason=Reason(reason) if reason else None,
        active=bool(active),
        next_due=from_epoch(following) if following is not None else None,
        asked=bool(asked),
        rebuilding=bool(rebuilding),
        lost=tuple(LostLease(slot, KeyId(key), mark) for slot, key, mark in json.loads(lost)),
        echoed=tuple(map(KeyId, json.loads(echoed))),
        foreign=frozenset(json.loads(foreign or "[]")),
    )


def save(tx: Transaction, before: Situation, after: Situation) -> None:
    """Write what differs between two situations of the same lock; once in a transaction."""
    lock = after.lock
    for lease in before.leases:
        if lease not in after.leases:
            sql = "DELETE FROM leases WHERE lock_id = ? AND key_id = ? AND code = ?"
            tx.later(sql, (lock, lease.key_id, lease.code.digits))
    for lease in after.leases:
        if lease not in before.leases:
            marks = ", ".join("?" * 19)
            tx.later(f"INSERT INTO leases VALUES ({marks})", _lease_row(lock, lease))  # noqa: S608  # placeholders
    for slot in before.slots.keys() - after.slots.keys():
        tx.later("DELETE FROM slots WHERE lock_id = ? AND slot = ?", (lock, slot))
    for slot, seen in after.slots.items():
        if seen != before.slots.get(slot):
            sql = "INSERT OR REPLACE INTO slots VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            tx.later(sql, (lock, slot, *_seen(seen)))
    rebuild.save(tx, before, after)
    if after.inventoried and not before.inventoried:
        tx.later("UPDATE locks SET inventoried = 1 WHERE id = ?", (lock,))
    if before.asked != after.asked:
        tx.later("UPDATE locks SET asked = ? WHERE id = ?", (after.asked, lock))
    if (before.ladder, before.reason) != (after.ladder, after.reason):
        failures, due = (after.ladder.failures, after.ladder.due) if after.ladder else (None, None)
        tx.later(
            "UPDATE locks SET failures = ?, retry_due = ?, reason = ? WHERE id = ?",
            (failures, due, after.reason, lock),
        )


def over(situation: Situation, now: Now) -> list[KeyId]:
    """Keys that are over at this lock, or have left it, and whose slot is free."""
    leased = {lease.key_id for lease in situation.leases}
    claims = situation.claims.values()
    gone = [c for c in claims if c.left or now.surely_past(c.window.end)]
    return [c.key_id for c in gone if c.key_id not in leased]


def prune(tx: Transaction, lock: LockId, gone: list[KeyId]) -> None:
    """Drop the doors of keys that are over at a lock: decisions there stay cheap."""
    tx.later("DELETE FROM doors WHERE lock_id = ? AND key_id = ?", *((lock, k) for k in gone))


def dump_capabilities(capabilities: Capabilities) -> str:
    """As JSON."""
    code = capabilities.code
    return json.dumps(
        {
            "slots": capabilities.slots,
            "code": {
                "shortest": code.shortest,
                "longest": code.longest,
                "alphabet": "".join(sorted(code.alphabet)),
                "forbidden_prefixes": sorted(code.forbidden_prefixes),
            },
            "label_length": capabilities.label_length,
            "enforces_windows": capabilities.enforces_windows,
            "enforces_hours": capabilities.enforces_hours,
            "can_disable": capabilities.can_disable,
            "can_delete": capabilities.can_delete,
            "readable": capabilities.readable,
            "assigns_slots": capabilities.assigns_slots,
            "checksum": capabilities.checksum,
        }
    )


def parse_capabilities(document: str) -> Capabilities:
    """From JSON."""
    fields = json.loads(document)
    code = fields.pop("code")
    rules = CodeRules(
        code["shortest"],
        code["longest"],
        frozenset(code["alphabet"]),
        frozenset(code["forbidden_prefixes"]),
    )
    return Capabilities(code=rules, **fields)


def _claim(row: Sequence[Any], able: Capabilities, clock: LocalTime | None) -> Claim:
    key, code, label, starts, ends, verify_after, hours, due, withheld, old_codes_go, *rest = row
    left, until, retry, external_delete, free_slot_after, issued = rest
    timetable = Timetable.parse(hours) if hours else None
    return Claim(
        key_id=KeyId(key),
        code=Code(code),
        window=Window(from_epoch(starts), from_epoch(ends if until is None else min(ends, until))),
        due=from_epoch(due),
        label=label,
        withheld=Reason(withheld) if withheld else None,
        old_codes_go=bool(old_codes_go),
        verify_after=verify_after,
        left=bool(left),
        retry=Retry(retry),
        respects_deletion=external_delete == ExternalDelete.RESPECT,
        keeps=timedelta(seconds=free_slot_after if able.enforces_windows else 0),
        timetable=timetable,
        keeper=keeper(timetable, able, clock) if timetable else Keeper.LOCK,
        issued_to=issued,
    )


def _lease(row: Sequence[Any]) -> Lease:
    _, key, code, slot, stage, proof, proven_at, verify, doubted, *rest = row
    missed, failures, due, reason, starts, ends, enabled, losses, hours, label = rest
    return Lease(
        key_id=KeyId(key),
        code=Code(code),
        slot=slot,
        stage=Stage(stage),
        proof=Proof(proof) if proof else None,
        proven_at=from_epoch(proven_at) if proven_at is not None else None,
        verify_due=verify,
        doubted_since=doubted,
        missed=bool(missed),
        ladder=_ladder(failures, due),
        reason=Reason(reason) if reason else None,
        window=_window(starts, ends),
        enabled=bool(enabled),
        losses=losses,
        hours=_hours(hours),
        label=label,
    )


def _lease_row(lock: LockId, lease: Lease) -> Sequence[object]:
    ladder = lease.ladder
    return (
        lock,
        lease.key_id,
        lease.code.digits,
        lease.slot,
        lease.stage,
        lease.proof,
        lease.proven_at.timestamp() if lease.proven_at else None,
        lease.verify_due,
        lease.doubted_since,
        lease.missed,
        ladder.failures if ladder else None,
        ladder.due if ladder else None,
        lease.reason,
        *_bounds(lease.window),
        lease.enabled,
        lease.losses,
        str(lease.hours) if lease.hours else None,
        lease.label,
    )


def _ladder(failures: int | None, due: float | None) -> Ladder | None:
    return None if failures is None or due is None else Ladder(failures, Tick(due))


def _window(starts: float | None, ends: float | None) -> Window | None:
    return None if starts is None or ends is None else Window(from_epoch(starts), from_epoch(ends))


def _bounds(window: Window | None) -> tuple[float | None, float | None]:
    return (window.start.timestamp(), window.end.timestamp()) if window else (None, None)


def _hours(text: str | None) -> Hours | None:
    return Hours.parse(text) if text else None


def _local_time(offset: float | None, at: float | None) -> LocalTime | None:
    if offset is None or at is None:
        return None
    return LocalTime(timedelta(seconds=offset), from_epoch(at))


def _observation(seen: str, code: str | None, at: float, enabled: int, *limits: Any) -> Observation:
    if seen == "empty":
        return Empty(from_epoch(at))
    if seen == "foreign":
        return Foreign(from_epoch(at))
    *bounds, hours = limits
    shown = bool(enabled), _window(*bounds), _hours(hours)
    if code is not None:
        return Holds(from_epoch(at), Code(code), *shown)
    return Occupied(from_epoch(at), *shown)


def _seen(seen: Observation) -> tuple[object, ...]:
    at = seen.at.timestamp()
    match seen:
        case Empty():
            return "empty", None, at, True, None, None, None
        case Foreign():
            return "foreign", None, at, True, None, None, None
        case Holds(code=code):
            return "holds", code.digits, at, *_limits(seen)
        case Occupied():
            return "occupied", None, at, *_limits(seen)


def _limits(seen: Holds | Occupied) -> tuple[object, ...]:
    return seen.enabled, *_bounds(seen.window), str(seen.hours) if seen.hours else None
