"""How things stand: the hub, its locks, its keys. Each is read from disk when it is asked for."""

import json
from collections.abc import Collection

from gatewayd.domain.diagnosis import text
from gatewayd.domain.events.alert import raised
from gatewayd.domain.health import AlertCode, Severity
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.moment import Now
from gatewayd.domain.reservation import reservation_of
from gatewayd.intake.schemas import SitePut
from gatewayd.store import diagnosis, outbox, overrides, reservations, site, status, views
from gatewayd.store.database import Transaction
from gatewayd.store.views import Wanted
from gatewayd.web import shapes
from gatewayd.web.parts import Parts
from gatewayd.web.problems import NotFound

WORST = list(Severity)
ALL = -1
"""No limit, as SQLite says it."""
SAID = {"name", "driver", "address", "active", "allow_provisioning", "fallback_note"}
"""By the site document, of a lock."""


async def hub(parts: Parts, _: shapes.Nothing) -> shapes.Hub:
    """How it stands with the hub and what it depends on, and what needs a person."""
    read, now, cloud = parts.database.read, parts.clock.now(), parts.cloud()
    there = await _locks(read, now)
    active = [lock for lock in there if lock.active]
    online = sum(lock.online for lock in active)
    counted = await views.count(read, now)
    document = await site.document(read)
    return shapes.Hub(
        hub=parts.hub,
        version=parts.version,
        since=parts.since,
        zone=json.loads(document)["zone"] if document else None,
        clock=shapes.Trust(trusted=now.trusted, earliest=now.earliest, latest=now.latest),
        cloud=shapes.Cloud(
            up=cloud.up, since=cloud.since, why=cloud.why, waiting=await outbox.count(read)
        ),
        radios=tuple(
            shapes.Radio(name=name, up=reach.up, since=reach.since, why=reach.why)
            for name, reach in parts.radios().items()
        ),
        locks=shapes.LockCounts(
            online=online, offline=len(active) - online, inactive=len(there) - len(active)
        ),
        keys=shapes.KeyCounts(
            upcoming=counted["upcoming"],
            current=counted["current"],
            past=counted["past"],
            revoked=counted["revoked"],
        ),
        alerts=await _alerts(read),
    )


async def locks(parts: Parts, _: shapes.Nothing) -> shapes.Locks:
    """All locks of the site, as they were heard of last."""
    return shapes.Locks(locks=tuple(await _locks(parts.database.read, parts.clock.now())))


async def lock(parts: Parts, asked: shapes.ById) -> shapes.LockInFull:
    """One lock, the keys that are on it or come, and what is wrong there."""
    read = parts.database.read
    found = next((x for x in await _locks(read, parts.clock.now()) if x.lock_id == asked.id), None)
    if found is None:
        raise NotFound("there is no such lock")
    about = {subject for _, subject in await outbox.about(read, LockId(asked.id))}
    return shapes.LockInFull(
        **dict(found),
        keys=await _keys(parts, Wanted(lock=asked.id)),
        alerts=await _alerts(read, about),
    )


async def keys(parts: Parts, asked: shapes.KeysAsked) -> shapes.Keys:
    """Keys by status, lock or reservation, the nearest first, in pages."""
    if asked.after is not None and not await views.known(parts.database.read, asked.after):
        raise NotFound("the key named by after is gone; begin again")
    wanted = Wanted(asked.status, reservation=asked.reservation, lock=asked.lock)
    found = await _keys(parts, wanted, asked.after, asked.limit + 1)
    page = found[: asked.limit]
    return shapes.Keys(keys=page, next=page[-1].key_id if len(found) > len(page) else None)


async def key(parts: Parts, asked: shapes.ById) -> shapes.KeyInFull:
    """One key, and what is wrong with it."""
    found = await _keys(parts, Wanted(key=asked.id))
    if not found:
        raise NotFound("there is no such key")
    read, stay = parts.database.read, reservation_of(KeyId(asked.id))
    said = await overrides.get(read, KeyId(asked.id))
    booked = await reservations.get(read, stay) if stay is not None else None
    return shapes.KeyInFull(
        **dict(found[0]),
        staff_version=said[0] if said else None,
        reservation_version=booked.version if booked else None,
        alerts=await alerts_of(parts, [KeyId(asked.id)]),
    )


async def alerts_of(parts: Parts, keys: Collection[KeyId]) -> tuple[shapes.Alert, ...]:
    """What is wrong with some keys, at a door or with their reservations."""
    ids = {*keys, *(stay for key in keys if (stay := reservation_of(key)) is not None)}
    standing = (each["subject"] for each in await status.alerts(parts.database.read))
    about = {subject for subject in standing if ids & {subject, subject.partition("/")[2]}}
    return await _alerts(parts.database.read, about)


async def codes(parts: Parts, asked: shapes.CodesAsked) -> shapes.Keys:
    """Whose codes are at which doors, and how that is proven; without their digits."""
    return shapes.Keys(keys=await of(parts, asked), next=None)


async def why(parts: Parts, asked: shapes.ById) -> shapes.Why:
    """Why a code is not on a door, what comes next, what a person can do. `id`: of a reservation,
    a key, a lock, or `lock/key` as alerts name a key at a door."""
    now, tick, cloud = parts.clock.now(), parts.clock.tick(), parts.cloud()
    found = await diagnosis.why(parts.database.read, asked.id, now, tick, connected=cloud.up)
    return shapes.Why(diagnosis=found, text=text(found))


async def of(parts: Parts, asked: shapes.CodesAsked) -> tuple[shapes.Key, ...]:
    """The keys whose codes are looked for."""
    return await _keys(parts, Wanted(**asked.model_dump()))


async def _keys(
    parts: Parts, wanted: Wanted, after: str | None = None, limit: int = ALL
) -> tuple[shapes.Key, ...]:
    clock = parts.clock
    found = await views.keys(
        parts.database.read, clock.now(), clock, wanted, after=after, limit=limit
    )
    return tuple(shapes.Key.model_validate(each, from_attributes=True) for each in found)


async def _locks(read: Transaction, now: Now) -> list[shapes.Lock]:
    """What the site document says of each, and what was heard of it."""
    if (document := await site.document(read)) is None:
        return []
    of_site = SitePut.model_validate_json(document)
    said = {lock.id: lock.model_dump(include=SAID) for lock in of_site.locks}
    shown, uses = await views.slots(read), await views.uses(read)
    arrivals = await views.arrivals(read, now)
    found = []
    for heard in await status.locks(read):
        id_ = heard["lock_id"]
        if (named := said.get(id_)) is None:
            continue  # another site document came meanwhile
        proven, unproven = shown.get(id_, (0, 0))
        properties = [each.id for each in of_site.properties if id_ in each.locks]
        known = {
            "codes_shown": proven,
            "codes_unshown": unproven,
            "properties": properties,
            "next_arrival": arrivals.get(id_),
            "last_use": uses.get(id_),
        }
        found.append(shapes.Lock.model_validate(named | heard | known, strict=False))
    return found


async def _alerts(
    read: Transaction, about: Collection[str] | None = None
) -> tuple[shapes.Alert, ...]:
    """Those that stand about some subjects, or all; the worst first, then the oldest."""
    found = []
    for each in await status.alerts(read):
        if about is None or each["subject"] in about:
            told = raised(AlertCode(each["code"]), each["subject"])
            found.append(
                shapes.Alert(
                    code=told.code,
                    severity=told.severity,
                    subject=told.subject,
                    text=told.text,
                    what_to_do=told.what_to_do,
                    since=each["since"],
                )
            )
    return tuple(sorted(found, key=lambda alert: WORST.index(alert.severity)))
