"""A lock whose hub lost its database: what lies there may be ours, and nobody knows which.

Until the cloud has told all reservations nothing is removed, and no code is written that may be
there already. Then a slot is ours again where the last word of the lost database (`reported`)
and the lock itself agree: with the hub's secret nobody else can make the fingerprint of the code
that the lock shows. Of what was written since that word the cloud knows the code: one that it
echoes is ours where it lies alone, in a slot that was nobody's by then. A masked code agrees with
nothing; what is not ours is respected.
"""

import hashlib
import hmac
from dataclasses import replace

from gatewayd.domain.backup import backup_of
from gatewayd.domain.code import Code
from gatewayd.domain.commission import lock_of
from gatewayd.domain.events import Event
from gatewayd.domain.events.backup import BackupReady
from gatewayd.domain.events.code import CodeConfirmed, CodeRemovalFailed
from gatewayd.domain.ids import KeyId
from gatewayd.domain.lease import Lease, LostLease, Proof, Stage
from gatewayd.domain.outcome import Outcome
from gatewayd.domain.reservation import reservation_of
from gatewayd.domain.situation import Situation
from gatewayd.domain.slot import Holds, Observation, Occupied
from gatewayd.errors import Reason


def fingerprint(code: Code, secret: bytes) -> str:
    """Tells whether two codes are equal to whoever has the hub's secret, and to nobody else."""
    return hmac.new(secret, code.digits.encode(), hashlib.sha256).hexdigest()[:16]


def unread_lost(s: Situation) -> list[int]:
    """Slots that were ours and were not read since."""
    if s.capabilities.assigns_slots and s.inventoried:
        return []  # the list showed all that there is
    return [lost.slot for lost in s.lost if lost.slot not in s.slots]


def unsettled(s: Situation) -> bool:
    """Whether more may be ours here than is known."""
    return s.rebuilding or bool(unread_lost(s)) or (bool(s.echoed) and not s.inventoried)


def may_hold(s: Situation, key: KeyId, code: Code) -> bool:
    """Whether a key's code may lie there as nobody's: written again it would be a duplicate. Of a
    backup nobody knows which code it had."""
    if not s.inventoried or backup_of(key) is not None:
        return True
    ours = {lease.slot for lease in s.leases if lease.stage is not Stage.MOVED}
    others = [seen for slot, seen in s.slots.items() if slot not in ours]
    return any(isinstance(x, Occupied) or (isinstance(x, Holds) and x.code == code) for x in others)


def recovered(s: Situation, secret: bytes) -> Outcome:
    """The leases of which the lock shows that they are ours still. What a lock does not show is
    forgotten; a key that is no reservation's waits until somebody speaks of it. A backup has the
    code again that lies there: somebody may have been given it."""
    events: list[Event] = []
    recoded: list[tuple[KeyId, Code]] = []
    for lost in () if s.rebuilding else s.lost:
        seen = s.slots.get(lost.slot)
        if lost.slot in unread_lost(s) or not _spoken_of(s, lost) or _unknowable(lost, seen):
            continue
        s = replace(s, lost=tuple(x for x in s.lost if x != lost))
        if not isinstance(seen, Holds) or fingerprint(seen.code, secret) != lost.fingerprint:
            continue
        held = s.lease_of(lost.key_id, seen.code)  # from a backup: elsewhere, and not seen there
        if any(x.slot == lost.slot for x in s.leases) or (held and held.stage is not Stage.MOVED):
            continue
        s = s.with_lease(Lease.adopted(lost.key_id, lost.slot, seen))
        claim = s.claims.get(lost.key_id)
        if claim is not None and (backup := backup_of(lost.key_id)) is not None:
            claim = replace(claim, code=seen.code)
            s = replace(s, claims={**s.claims, lost.key_id: claim})
            recoded.append((lost.key_id, seen.code))
            events.append(BackupReady(s.lock, backup.label, seen.code.digits))
        if claim is not None and claim.code == seen.code:
            events.append(CodeConfirmed(lost.key_id, s.lock, Proof.MATCHED, seen.at))
    found = Outcome(s, tuple(events), recoded=tuple(recoded)).then(_taken_over(s))
    return found.then(_left(found.situation))


def _taken_over(s: Situation) -> Outcome:
    """The codes that the cloud echoes, and that were written after the last word of the lost
    database: else each would get a twin. All that the lock shows must be known for that."""
    if not s.echoed or unsettled(s):
        return Outcome(s)
    events: list[Event] = []
    echoed, s = s.echoed, replace(s, echoed=())
    for claim in (s.claims[key] for key in echoed if key in s.claims):
        held = s.lease_of(claim.key_id, claim.code)
        shown = {n: x for n, x in s.slots.items() if isinstance(x, Holds) and x.code == claim.code}
        if len(shown) != 1 or (held and held.stage is not Stage.MOVED):
            continue
        ((slot, seen),) = shown.items()
        if slot not in s.foreign and not any(x.slot == slot for x in s.leases if x != held):
            s = s.with_lease(Lease.adopted(claim.key_id, slot, seen))
            events.append(CodeConfirmed(claim.key_id, s.lock, Proof.MATCHED, seen.at))
    return Outcome(s, tuple(events))


def _left(s: Situation) -> Outcome:
    """What lies where a code of the hub's was, and of which nobody can tell whether it is that one,
    is left to a person, once all that can be ours is."""
    left = [x for x in s.lost if _unknowable(x, s.slots.get(x.slot)) and _spoken_of(s, x)]
    if not left or unsettled(s):
        return Outcome(s)
    ours = {lease.slot for lease in s.leases}
    told = (
        CodeRemovalFailed(lost.key_id, s.lock, Reason.FOREIGN_SLOT, 0, None)
        for lost in left
        if lost.slot not in ours
    )
    return Outcome(replace(s, lost=tuple(x for x in s.lost if x not in left)), tuple(told))


def _unknowable(lost: LostLease, seen: Observation | None) -> bool:
    """Whether a slot shows something, and no fingerprint can be held against it."""
    return isinstance(seen, Occupied) or (isinstance(seen, Holds) and lost.fingerprint is None)


def _spoken_of(s: Situation, lost: LostLease) -> bool:
    """A snapshot speaks of all reservations, also by leaving one out; a commissioning is over."""
    known = reservation_of(lost.key_id) is not None or lock_of(lost.key_id) is not None
    return known or lost.key_id in s.claims
