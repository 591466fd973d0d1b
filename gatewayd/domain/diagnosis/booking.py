"""The links that all doors share: the reservation, its key, its code."""

from gatewayd.domain.diagnosis import Link, Part, State
from gatewayd.domain.diagnosis.facts import Case, Door
from gatewayd.domain.diagnosis.words import alert_text, because
from gatewayd.domain.health import REMEDIES, AlertCode, what_to_do
from gatewayd.domain.moment import Phase
from gatewayd.domain.reservation import reservation_of
from gatewayd.errors import Reason

IMPOSSIBLE = (
    AlertCode.MAPPING_UNKNOWN,
    AlertCode.TIMES_MISSING,
    AlertCode.CODE_IMPOSSIBLE,
    AlertCode.KEY_IMPOSSIBLE,
)
"""Why there is no key, or not as it was said."""
LATER = {Reason.NOT_DUE, Reason.AWAITING_CHECK_IN, Reason.PHONE_MISSING}
"""What holds a reservation as long as its policy says so."""


def shared(case: Case) -> tuple[Link, ...]:
    """The beginning of the chain; a key by hand has no reservation."""
    links = (_key(case), _code(case))
    return links if reservation_of(case.key_id) is None else (_reservation(case), *links)


def _reservation(case: Case) -> Link:
    stay = case.stay
    if stay is None:
        return Link(Part.RESERVATION, State.UNKNOWN, "the hub does not know it any more")
    if not stay.confirmed:
        return Link(Part.RESERVATION, State.BROKEN, "it is cancelled", stay.changed_at)
    if stay.held in LATER:
        text, remedy = _held(case, stay.held), REMEDIES.get(stay.held)
        return Link(Part.RESERVATION, State.WAITING, text, None, stay.held, remedy)
    alert = next((code for code in IMPOSSIBLE if code in case.alerts), None)
    if alert is not None:
        text, since = alert_text(alert, stay.id), case.alerts[alert]
        remedy = what_to_do(alert, stay.held)
        return Link(Part.RESERVATION, State.BROKEN, text, since, stay.held, remedy)
    if stay.held is not None:
        return Link(Part.RESERVATION, State.BROKEN, because(stay.held), None, stay.held)
    if case.key is None and not stay.locks:
        text = "its property has no lock: there is nothing to open"
        return Link(Part.RESERVATION, State.BROKEN, text, None, Reason.MAPPING_MISSING)
    if case.key is None and stay.over:
        text = "its last day is over"
        return Link(Part.RESERVATION, State.BROKEN, text, None, Reason.EXPIRED)
    if case.key is None and stay.blocks:
        return Link(Part.RESERVATION, State.BROKEN, "it only blocks the dates: nobody comes")
    return Link(Part.RESERVATION, State.OK, "it is confirmed", stay.changed_at)


def _held(case: Case, why: Reason) -> str:
    until = case.stay.held_until if case.stay else None
    if why is not Reason.NOT_DUE:
        return because(why)
    if until is None:
        return "its code is made when somebody asks for it"
    return f"its code is made {case.hub.on(until)}"


def _key(case: Case) -> Link:
    key, hub = case.key, case.hub
    if key is None:
        alert = next((code for code in IMPOSSIBLE if code in case.alerts), None)
        if case.stay is None and alert is not None:
            text, since = alert_text(alert, case.key_id), case.alerts[alert]
            return Link(Part.KEY, State.BROKEN, text, since, remedy=what_to_do(alert, None))
        return Link(Part.KEY, State.WAITING, "there is no key yet")
    start, end = (hub.when(at) for at in (key.window.start, key.window.end))
    if key.revoked:
        remedy = None if case.stay and not case.stay.confirmed else "key.restore brings it back"
        return Link(Part.KEY, State.BROKEN, "the key was withdrawn", remedy=remedy)
    match key.window.phase(hub.now):
        case Phase.PAST:
            text, remedy = (
                f"it was over {hub.on(key.window.end)}",
                "send the reservation with its new dates",
            )
            return Link(Part.KEY, State.BROKEN, text, key.window.end, Reason.EXPIRED, remedy)
        case Phase.UPCOMING:
            return Link(Part.KEY, State.OK, f"it opens from {start} until {end}")
        case Phase.CURRENT if key.window.endless:
            return Link(Part.KEY, State.OK, "it opens, and has no end", key.window.start)
        case Phase.CURRENT:
            return Link(Part.KEY, State.OK, f"it opens until {end}", key.window.start)


def _code(case: Case) -> Link:
    if case.key is None:
        return Link(Part.CODE, State.WAITING, "there is no code yet")
    since = case.key.told.at if case.key.told else None
    if (refused_at := case.alerts.get(AlertCode.CODE_REFUSED)) is not None:
        text = alert_text(AlertCode.CODE_REFUSED, case.name)
        remedy = what_to_do(AlertCode.CODE_REFUSED, None)
        return Link(Part.CODE, State.BROKEN, text, refused_at, Reason.DUPLICATE_CODE, remedy)
    if any(_handed_over(case, door) for door in case.doors):
        text = (
            "another code takes the place of the last one, which opens until the new one is proven "
            "on all doors and the cloud has it"
        )
        return Link(Part.CODE, State.WAITING, text, since)
    return Link(Part.CODE, State.OK, "it has a code", since)


def _handed_over(case: Case, door: Door) -> bool:
    """Whether the key's last code is still at a door, and should be."""
    s = door.situation
    claim = s.claims.get(case.key_id)
    if claim is None or claim.old_codes_go:
        return False
    return any(x.key_id == claim.key_id and x.code != claim.code for x in s.leases)
