"""Commands about one key: by hand, staff's word on a reservation's key, another code."""

import json
from collections.abc import Collection

from gatewayd.domain.backup import backup_of
from gatewayd.domain.commission import lock_of
from gatewayd.domain.events.code import CredentialsWanted
from gatewayd.domain.events.policy import DoorSettings, PolicyInForce
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.key import Basis, levels
from gatewayd.domain.policy import Level
from gatewayd.domain.reservation import reservation_of
from gatewayd.errors import Reason, Rejected
from gatewayd.intake import basis as bases
from gatewayd.intake import derive, recode, schemas, service
from gatewayd.intake.change import Change
from gatewayd.intake.parse import checked
from gatewayd.intake.policies import settings
from gatewayd.store import keys, overrides


async def put(change: Change, document: schemas.KeyPut) -> bool:
    """`key.put`: whether nothing is left to be proven."""
    new = document.model_dump(mode="json", exclude_unset=True, exclude={"id", "version"})
    return await _say(change, KeyId(document.id), document.version, new)


async def revoke(change: Change, document: schemas.KeyRevoke) -> bool:
    """`key.revoke`: no door opens, or the named ones do not."""
    key = KeyId(document.id)
    await _must_exist(change, key)
    if document.doors is None:
        return await _say(change, key, document.version, {"revoked": True, "restored_doors": []})
    return await _say(change, key, document.version, await _shut(change, key, document.doors))


async def restore(change: Change, document: schemas.KeyRestore) -> bool:
    """`key.restore`: all doors open again, or the named ones do; also to a code that a person
    deleted there."""
    key = KeyId(document.id)
    await _must_exist(change, key)
    if document.doors is None:
        new: schemas.Document = {"revoked": False, "revoked_doors": [], "restored_doors": []}
    else:
        new = await _shut(change, key, (), document.doors)
    await keys.forgive(change.tx, key, document.doors)
    return await _say(change, key, document.version, new)


async def _shut(
    change: Change, key: KeyId, shut: Collection[str], opened: Collection[str] = ()
) -> schemas.Document:
    """Some doors more shut, and some less."""
    said = await _said(change, key)
    revoked = {*said.get("revoked_doors", ()), *shut}.difference(opened)
    restored = {*said.get("restored_doors", ()), *opened}.difference(shut)
    return {
        "revoked_doors": sorted(revoked),
        "restored_doors": sorted(restored) if said.get("revoked") else [],
    }


async def _doors(change: Change, key: KeyId) -> set[str]:
    """All doors of a key, whether they open or not."""
    basis = await _must_exist(change, key)
    stay, site = basis.reservation, change.site
    property_ = site.properties.get(stay.property_id) if stay and site else None
    return {*(property_.locks if property_ else ()), *basis.override.add}


async def delete(change: Change, document: schemas.KeyDelete) -> bool:
    """`key.delete`: a manual key ends; a reservation's is as the reservation says."""
    key = KeyId(document.id)
    if not await _is_news(change, key, document.version):
        return await derive.join(change, key)
    await _must_exist(change, key)
    overrides.put(change.tx, key, document.version, None)
    basis = await bases.of_key(change, key) or Basis(key, None)
    return await derive.carry_out(change, basis)


async def regenerate(change: Change, document: schemas.CodeRegenerate) -> bool:
    """`code.regenerate`: the old code goes first; a key that waits for its code gets it now."""
    key = KeyId(document.key_id)
    basis = await _must_exist(change, key, path="data.key_id")
    if not await recode.regenerate(change, basis):
        await derive.derive(change, basis, asked=True)
    return await derive.join(change, key)


async def resend(change: Change, document: service.CredentialsResend) -> bool:
    """`credentials.resend`: the cloud knows the code, and how to reach the guest."""
    key = KeyId(document.key_id)
    known = await keys.known(change.tx, key)
    if known is None or not known.opens(change.now):
        raise Rejected(Reason.INVALID_FIELD, "no such key that opens", path="data.key_id")
    await change.tell(CredentialsWanted(key, reservation_of(key), document.channel))
    return True


async def tell_policy(change: Change, key: KeyId) -> None:
    """Which settings a key has, and where they come from."""
    basis = await _must_exist(change, key, path="data.key_id")
    if (site := change.site) is None:
        raise Rejected(Reason.MAPPING_UNKNOWN, "there is no site yet", path="data.key_id")
    doors = []
    for lock in sorted(await _doors(change, key) & site.locks.keys()):
        at_door = settings(levels(site, basis, site.locks[LockId(lock)]))
        doors.append(DoorSettings(LockId(lock), tuple(s for s in at_door if s.level is Level.LOCK)))
    await change.tell(PolicyInForce(key, tuple(settings(levels(site, basis))), tuple(doors)))


async def _say(change: Change, key: KeyId, version: int, new: schemas.Document) -> bool:
    """Lay a field or more over what staff said before."""
    if not await _is_news(change, key, version):
        return await derive.join(change, key)
    if backup_of(key) is not None:
        raise Rejected(Reason.INVALID_FIELD, "the key of a backup code", path="data.id")
    if lock_of(key) is not None:
        raise Rejected(Reason.INVALID_FIELD, "the key of a commissioning", path="data.id")
    said = await _said(change, key)
    document = checked(schemas.KeyDocument, said | new)
    if reservation_of(key) is not None:
        await _must_exist(change, key)
    locks = change.site.locks.keys() if change.site else ()
    if document.doors and not {*document.doors.add} <= {*locks}:
        raise Rejected(Reason.UNKNOWN_LOCK, "no such lock on this site", path="data.doors")
    stored = document.model_dump_json(exclude_unset=True, exclude_none=True)
    overrides.put(change.tx, key, version, stored)
    change.wished = document.code not in (None, said.get("code"))
    basis = await bases.of_key(change, key)
    assert basis is not None  # noqa: S101  # it was put just now
    return await derive.carry_out(change, basis)


async def _is_news(change: Change, key: KeyId, version: int) -> bool:
    """Whether a version is higher than the one that is here.

    Raises:
        Rejected: `stale_version`.
    """
    row = await overrides.get(change.tx, key)
    if row is None or version > row[0]:
        return True
    if version < row[0]:
        raise Rejected(Reason.STALE_VERSION, f"version {row[0]} is here", path="data.version")
    return False


async def _said(change: Change, key: KeyId) -> schemas.Document:
    row = await overrides.get(change.tx, key)
    said: schemas.Document = json.loads(row[1]) if row and row[1] else {}
    return said


async def _must_exist(change: Change, key: KeyId, path: str = "data.id") -> Basis:
    if (basis := await bases.of_key(change, key)) is None:
        raise Rejected(Reason.INVALID_FIELD, "no such key", path=path)
    return basis
