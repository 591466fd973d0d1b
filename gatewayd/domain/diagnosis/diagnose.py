"""From facts to a diagnosis: of a key with its reservation, or of a lock."""

from collections.abc import Iterable

from gatewayd.domain.diagnosis import Attempt, Diagnosis, Link, Next, Part, State
from gatewayd.domain.diagnosis.booking import shared
from gatewayd.domain.diagnosis.door import KeyAtDoor, following
from gatewayd.domain.diagnosis.facts import Case, Door, Hub
from gatewayd.domain.diagnosis.hub import cloud, gateway, notice
from gatewayd.domain.diagnosis.lock import keypad, lock, radio, tried_again
from gatewayd.domain.diagnosis.words import alert_text
from gatewayd.domain.health import ALERTS, AlertCode
from gatewayd.domain.lease import Stage
from gatewayd.domain.rebuild import unsettled
from gatewayd.domain.reservation import reservation_of

HELP = (
    Part.LOCK,
    Part.RADIO,
    Part.GATEWAY,
    Part.CLOUD,
    Part.RESERVATION,
    Part.KEY,
    Part.LEASE,
    Part.NOTICE,
    Part.KEYPAD,
    Part.CODE,
    Part.PROOF,
)
"""Where to look first (S3-10, S3-21): connectivity, from the lock to the booking side; the mapping;
whether it is allowed; what the guest was told; and at last the code itself."""
NAMED = 3
"""So many codes that a lock has not shown are named."""
SHARED = {Part.RESERVATION, Part.KEY, Part.CODE}


def of_key(case: Case) -> Diagnosis:
    """Why the code of a key is, or is not, on its doors."""
    at = [KeyAtDoor(case.key_id, door, case.hub) for door in case.doors]
    chains = [link for door in at for link in door.chain()]
    rebuilding = any(unsettled(door.situation) for door in case.doors)
    told = notice(case)
    ends = [gateway(case.hub, rebuilding=rebuilding), cloud(case.hub), *([told] if told else [])]
    links = (*shared(case), *chains, *ends)
    first = _first(links, State.BROKEN)
    then = _next(case, at, first)
    return Diagnosis(
        case.subject,
        _summary(case, at, links, then),
        links,
        first,
        then,
        _what_to_do(links),
        case.attempts,
    )


def of_lock(
    door: Door, keys: Iterable[KeyAtDoor], hub: Hub, attempts: tuple[Attempt, ...]
) -> Diagnosis:
    """How a lock is, and which of the codes that are due it has not shown."""
    due = [key for key in keys if key.claim is not None and key.claim.wanted(hub.now)]
    missing = [key for key in due if not key.proven]
    typed = keypad(door, hub)
    links = (
        lock(door, hub),
        radio(door),
        _codes(door, hub, due, missing),
        *([typed] if typed else []),
        gateway(hub, rebuilding=unsettled(door.situation)),
        cloud(hub),
    )
    first = _first(links, State.BROKEN)
    again = tried_again(door.situation.ladder, hub)
    then = next(filter(None, map(following, missing)), again)
    said = first or _first(links, State.WAITING) or links[0]
    summary = _sentence(f"{door.name}: {said.text}", then if first else None)
    return Diagnosis(door.id, summary, links, first, then, _what_to_do(links), attempts)


def _codes(door: Door, hub: Hub, due: list[KeyAtDoor], missing: list[KeyAtDoor]) -> Link:
    s = door.situation
    there = (lease for lease in s.leases if lease.stage not in (Stage.TAKEN, Stage.GONE))
    over = [lease for lease in there if not s.rightful(lease, hub.now)]
    if any(s.ladder or lease.ladder for lease in over):
        text = alert_text(AlertCode.REMOVAL_FAILED, door.name)
        remedy = ALERTS[AlertCode.REMOVAL_FAILED].what_to_do
        return Link(Part.PROOF, State.BROKEN, text, remedy=remedy)
    if not missing:
        return Link(Part.PROOF, State.OK, f"all codes that are due are on it ({len(due)})")
    names = ", ".join(reservation_of(key.key_id) or key.key_id for key in missing[:NAMED])
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    text = f"it has not shown {len(missing)} of {len(due)} codes that are due: {names}{more}"
    failing = any(key.state.state in ("failing", "withheld") for key in missing)
    return Link(Part.PROOF, State.BROKEN if failing else State.WAITING, text)


def _first(links: Iterable[Link], state: State) -> Link | None:
    """The first link in that state. A keypad comes before all: its code is proven, so what was
    typed there is what happened (suffering 28)."""
    found = [link for link in links if link.state is state]
    typed = (link for link in found if link.name is Part.KEYPAD)
    return next(typed, next(iter(found), None))


def _next(case: Case, at: list[KeyAtDoor], first: Link | None) -> Next | None:
    """At the door that is in trouble; else at the first that is not done, else at any."""
    if case.stay is not None and case.key is None and case.stay.held_until is not None:
        until = case.stay.held_until
        return Next(f"its code is made {case.hub.on(until)}", until)
    if first is not None and first.door is not None:
        return next(following(key) for key in at if key.door.id == first.door)
    found = [then for key in sorted(at, key=lambda key: key.proven) if (then := following(key))]
    return next(iter(found), None)


def _summary(case: Case, at: list[KeyAtDoor], links: tuple[Link, ...], then: Next | None) -> str:
    name, first = case.name, _first(links, State.BROKEN)
    if first is not None and first.name in SHARED:
        on = [key.door.name for key in at if key.proven]
        left = [x.text for x in links if x.name is Part.PROOF and x.state is State.BROKEN]
        said = f"{_is_on(name, on)}; {first.text}" if on else f"{name} has no code: {first.text}"
        return _sentence("; ".join([said, *left[:1]]), then if on or left else None)
    if first is not None and first.door is not None:
        key = next(key for key in at if key.door.id == first.door)
        return _sentence(_at_door(name, key, first), then)
    said = _so_far(name, at, _first(links, State.WAITING))
    return _sentence(f"{said}; {first.text}" if first else said, then)


def _at_door(name: str, key: KeyAtDoor, broken: Link) -> str:
    door = key.door.name
    if key.proven:
        return f"The code of {name} is on {door}; {broken.text}"
    if key.state.state == "removing":
        return f"The code of {name} is still on {door}: {broken.text}"
    return f"{name} has no code on {door}: {broken.text}"


def _so_far(name: str, at: list[KeyAtDoor], waiting: Link | None) -> str:
    """Where nothing is broken at the doors."""
    if at and all(key.proven for key in at):
        return _is_on(name, [key.door.name for key in at])
    if waiting is None:
        return f"{name} has no code: nothing is known of why"
    if waiting.door is None:
        return f"{name}: {waiting.text}" if at else f"{name} has no code yet: {waiting.text}"
    key = next(key for key in at if key.door.id == waiting.door)
    if key.state.state == "removing":
        return f"The code of {name} is still on {key.door.name}: {waiting.text}"
    return f"{name} has no code on {key.door.name} yet: {waiting.text}"


def _is_on(name: str, doors: list[str]) -> str:
    return f"The code of {name} is on {' and '.join(doors)}"


def _sentence(said: str, then: Next | None) -> str:
    """With what comes next, once."""
    return f"{said}." if then is None or then.text in said else f"{said}; {then.text}."


def _what_to_do(links: Iterable[Link]) -> tuple[str, ...]:
    ordered = sorted(links, key=lambda link: HELP.index(link.name))
    return tuple(dict.fromkeys(link.remedy for link in ordered if link.remedy))
