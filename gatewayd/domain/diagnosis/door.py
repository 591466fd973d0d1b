"""The links of a key at one door, and what the hub does there next."""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

from gatewayd.domain.diagnosis import Link, Next, Part, State
from gatewayd.domain.diagnosis.facts import Door, Hub
from gatewayd.domain.diagnosis.lock import RADIO, keypad, lock, radio, tried_again
from gatewayd.domain.diagnosis.words import alert_text, because, place, times
from gatewayd.domain.door import door_state
from gatewayd.domain.events.code import DoorState
from gatewayd.domain.health import ALERTS, REMEDIES, AlertCode
from gatewayd.domain.ids import KeyId
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.plan import plan
from gatewayd.domain.situation import Claim
from gatewayd.errors import Reason

PROOFS = {
    Proof.PRESENT: "the lock shows that a code lies in its place, not which",
    Proof.MATCHED: "it was read back from the lock, and is the same",
    Proof.USED: "the door was opened with it",
}
STAGES = {
    Stage.WRITING: "it was sent, and the lock has not said that it has it",
    Stage.WRITTEN: "the lock said that it has it, and has not shown it yet",
    Stage.MOVED: "a look at the lock tells whether it is still there",
}
"""How far a code got that is not proven."""
NOWHERE = "it is not on the lock yet"
PATIENT = {Reason.AWAITING_CHECK_IN, Reason.LOCK_INACTIVE, Reason.MAPPING_MISSING}
"""Why nothing new is written, where that alone is no fault of the door's."""
SYNC = "next to the lock, send lock.sync_now: it is tried at once"


@dataclass(frozen=True)
class KeyAtDoor:
    """A key at a door at one moment."""

    key_id: KeyId
    door: Door
    hub: Hub

    @cached_property
    def claim(self) -> Claim | None:
        """What it wants there, once that is due."""
        return self.door.situation.claims.get(self.key_id)

    @cached_property
    def lease(self) -> Lease | None:
        """That of its code, else of one that it had before."""
        s, claim = self.door.situation, self.claim
        own = s.lease_of(self.key_id, claim.code) if claim else None
        return own or next((x for x in s.leases if x.key_id == self.key_id), None)

    @cached_property
    def state(self) -> DoorState:
        """As `key.status` tells it."""
        s, hub = self.door.situation, self.hub
        if self.claim is not None:
            return door_state(s, self.claim, hub.now, hub.tick)
        if self.door.due is not None:
            return DoorState(s.lock, "waiting", None, Reason.NOT_DUE, self.door.due)
        there = self.lease is not None and self.lease.stage is not Stage.TAKEN
        return DoorState(s.lock, "removing" if there else "removed")

    @cached_property
    def withheld(self) -> Reason | None:
        """Why nothing new is written."""
        return self.claim.withheld if self.claim else self.door.withheld

    @property
    def proven(self) -> bool:
        """Whether the lock has shown the code as it should be there."""
        return self.state.state == "proven"

    def chain(self) -> tuple[Link, ...]:
        """From the lease to the keypad."""
        links = [_lease(self), lock(self.door, self.hub), radio(self.door), _proof(self)]
        begun = self.claim is not None and self.hub.now.maybe_reached(self.claim.window.start)
        if self.proven and begun and (typed := keypad(self.door, self.hub)) is not None:
            links.append(typed)
        name = self.door.name
        return tuple(replace(link, door=self.door.id, door_name=name) for link in links)


def _lease(at: KeyAtDoor) -> Link:
    state, why = at.state, at.withheld
    if state.state in ("removing", "removed"):
        left = "its place on the lock is not free yet" if at.lease else "it has no place there"
        return Link(Part.LEASE, State.OK, left)
    if why is not None and not at.proven:
        waits = State.WAITING if why in PATIENT else State.BROKEN
        return Link(Part.LEASE, waits, _withheld(why), None, why, REMEDIES.get(why))
    if state.reason is Reason.LOCK_FULL:
        since, kind = at.door.alerts.get(AlertCode.LOCK_FULL), ALERTS[AlertCode.LOCK_FULL]
        return Link(Part.LEASE, State.BROKEN, _full(at), since, Reason.LOCK_FULL, kind.what_to_do)
    if state.state == "waiting" and state.next_try_at is not None:
        due = at.hub.on(state.next_try_at)
        return Link(Part.LEASE, State.WAITING, f"the code goes in {due}", None, Reason.NOT_DUE)
    if at.lease is None:
        return Link(Part.LEASE, State.WAITING, "it has no place on the lock yet")
    slot = "" if at.lease.slot is None else f", slot {at.lease.slot}"
    return Link(Part.LEASE, State.OK, f"it has a place on the lock{slot}")


def _withheld(why: Reason) -> str:
    if why is Reason.MAPPING_MISSING:
        return "the key has other doors now; the code stays here until those open"
    return because(why)


def _full(at: KeyAtDoor) -> str:
    text = alert_text(AlertCode.LOCK_FULL, "the lock")
    waiting = [claim.key_id for claim in at.door.situation.waiting(at.hub.now)]
    if at.key_id not in waiting:
        return text
    rank = place(waiting.index(at.key_id) + 1)
    return f"{text}; this one is {rank} of {len(waiting)} that wait, the nearest arrival first"


def _proof(at: KeyAtDoor) -> Link:
    lease, state = at.lease, at.state
    if state.state == "removed":
        return Link(Part.PROOF, State.OK, "nothing of it is on the lock")
    if state.state == "removing":
        return _removal(at)
    if lease is not None and lease.proof in PROOFS and at.proven:
        text = PROOFS[lease.proof]
        if state.next_try_at is not None:
            text += f"; its hours begin {at.hub.on(state.next_try_at)}"
        return Link(Part.PROOF, State.OK, text, lease.proven_at, state.reason)
    help_ = ALERTS[AlertCode.CODE_UNSET].what_to_do if _missed(at) else None
    if lease is not None and lease.reason not in (None, Reason.LOCK_FULL):
        return _refused(at, lease, help_)
    text = STAGES.get(lease.stage, NOWHERE) if lease else NOWHERE
    if lease is not None and lease.losses:
        text = "it was on the lock, and was gone: it is written again"
    due = at.claim is not None and at.withheld is None and state.state != "waiting"
    return Link(Part.PROOF, State.WAITING, text, remedy=_both(help_, SYNC if due else None))


def _missed(at: KeyAtDoor) -> bool:
    return AlertCode.CODE_UNSET in at.door.key_alerts


def _refused(at: KeyAtDoor, lease: Lease, help_: str | None) -> Link:
    text = because(lease.reason)
    if lease.ladder is not None and lease.ladder.failures:
        text += f" ({times(lease.ladder.failures, 'attempt')})"
    remedy = REMEDIES.get(lease.reason, SYNC) if lease.reason else SYNC
    return Link(Part.PROOF, State.BROKEN, text, None, lease.reason, _both(help_, remedy))


def _removal(at: KeyAtDoor) -> Link:
    s, lease, later = at.door.situation, at.lease, at.state.next_try_at
    failed = s.ladder is not None or (lease is not None and lease.ladder is not None)
    since = at.door.key_alerts.get(AlertCode.REMOVAL_FAILED)
    if later is not None:
        text = f"it is over, and the lock does not open with it; it is taken off {at.hub.on(later)}"
        return Link(Part.PROOF, State.WAITING, text)
    if failed or since is not None or not s.active:
        why = s.reason or (lease.reason if lease else None)
        text = alert_text(AlertCode.REMOVAL_FAILED, at.door.name)
        remedy = ALERTS[AlertCode.REMOVAL_FAILED].what_to_do
        return Link(Part.PROOF, State.BROKEN, text, since, why, remedy)
    return Link(Part.PROOF, State.WAITING, "it does not belong on the lock now, and is taken off")


def following(at: KeyAtDoor) -> Next | None:
    """What the hub does at this door next."""
    s, state, hub = at.door.situation, at.state, at.hub
    if not s.active or state.state == "removed":
        return None
    if any(alert in at.door.radio_alerts for alert in RADIO):
        return Next("it goes on as soon as the radio answers")
    if (again := tried_again(s.ladder, hub)) is not None:
        return again
    if at.proven and at.claim is not None:
        return _of_proven(at, at.claim)
    if state.state == "withheld" or (state.state == "waiting" and at.withheld):
        checks_in = at.withheld is Reason.AWAITING_CHECK_IN
        return Next("the code goes in when the guest checks in") if checks_in else None
    if state.reason is Reason.LOCK_FULL:
        return Next("it goes in as soon as a place is free")
    if state.next_try_at is not None and state.state == "waiting":
        return Next(f"the code goes in {hub.on(state.next_try_at)}", state.next_try_at)
    if (again := tried_again(at.lease.ladder if at.lease else None, hub)) is not None:
        return again
    if state.next_try_at is not None and state.state == "removing":
        return Next(f"it is taken off {hub.on(state.next_try_at)}", state.next_try_at)
    return _planned(at)


def _of_proven(at: KeyAtDoor, claim: Claim) -> Next | None:
    """When it opens, where the lock holds it shut until then; else when it goes."""
    able, opens = at.door.situation.capabilities, at.state.next_try_at
    if opens is None and (able.enforces_windows or able.can_disable):
        opens = claim.window.start
    if opens is not None and not at.hub.now.maybe_reached(opens):
        return Next(f"it opens {at.hub.on(opens)}", opens)
    if claim.window.endless:
        return None
    return Next(f"the code comes out {at.hub.on(claim.gone)}", claim.gone)


def _planned(at: KeyAtDoor) -> Next:
    """What the lock's plan says."""
    ahead = plan(at.door.situation, at.hub.now, at.hub.tick)
    if ahead.step is not None or ahead.look_again_in is None:
        return Next("the hub is at it")
    due = at.hub.now.latest + timedelta(seconds=ahead.look_again_in)
    return Next(f"the lock is looked at again {at.hub.on(due)}", due)


def _both(*remedies: str | None) -> str | None:
    return "; ".join(filter(None, remedies)) or None
