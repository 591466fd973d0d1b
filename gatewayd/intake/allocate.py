"""The digits of a key: asked for, kept, from the phone, or drawn; free on the whole site and at the
locks themselves."""

from gatewayd.domain.code import Code, candidates, from_phone
from gatewayd.domain.key import Basis, Key
from gatewayd.domain.policy import PinPolicy, PinSource
from gatewayd.errors import Reason, Rejected
from gatewayd.intake.change import Change
from gatewayd.store import keys


async def allocate(change: Change, basis: Basis, key: Key, last: Code | None) -> Code:
    """Asked for, else the last one while it fits, else from the phone where so set, else drawn. One
    that is only preferred takes no place of one that the guest may know.

    Raises:
        Rejected: `code_impossible` or `code_taken`, where it was asked for and may be no other.
    """
    preferred = key.policy.pin_policy is PinPolicy.PREFERRED
    code = await _kept(change, key, last) if preferred else None
    code = code or await _asked_for(change, basis, key, last) or await _kept(change, key, last)
    if code is None and key.policy.pin_source is PinSource.PHONE and basis.phone:
        code = from_phone(basis.phone, key.rules, key.policy.pin_length)
        if code and await keys.taken(change.tx, code, key, change.now):
            code = None
    return code or await drawn(change, key, last)


async def _asked_for(change: Change, basis: Basis, key: Key, last: Code | None) -> Code | None:
    """Dictated or echoed; None where the policy lets another take its place (S3-2)."""
    if (code := basis.code) is None:
        return None
    preferred = key.policy.pin_policy is PinPolicy.PREFERRED
    if not key.rules.allow(code):
        if preferred:
            return None
        raise Rejected(
            Reason.CODE_IMPOSSIBLE, "a lock of this key refuses that form", path="data.code"
        )
    if await keys.taken(change.tx, code, key, change.now, at_locks=False, quarantine=code != last):
        if preferred:
            return None
        raise Rejected(Reason.CODE_TAKEN, "another key has that code", path="data.code")
    return code


async def _kept(change: Change, key: Key, last: Code | None) -> Code | None:
    if last is None or not key.rules.allow(last):
        return None
    return (
        None
        if await keys.taken(change.tx, last, key, change.now, at_locks=False, quarantine=False)
        else last
    )


async def drawn(change: Change, key: Key, other_than: Code | None) -> Code:
    """A random one that nobody has.

    Raises:
        Rejected: `code_impossible`, after enough draws.
    """
    for code in candidates(key.rules, key.policy.pin_length, change.rng):
        if code != other_than and not await keys.taken(change.tx, code, key, change.now):
            return code
    raise Rejected(Reason.CODE_IMPOSSIBLE, "no free code of the form that these locks accept")
