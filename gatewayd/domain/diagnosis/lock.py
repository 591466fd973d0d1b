"""The links of a lock, whatever the key: whether it answers, and its radio."""

from datetime import datetime

from gatewayd.domain.diagnosis import Link, Next, Part, State
from gatewayd.domain.diagnosis.facts import Door, Hub
from gatewayd.domain.diagnosis.hub import RESEND
from gatewayd.domain.diagnosis.words import alert_text, because, times
from gatewayd.domain.health import ALERTS, REMEDIES, AlertCode, what_to_do
from gatewayd.domain.outcome import PIN_ALERTS, next_try
from gatewayd.domain.retry import Ladder
from gatewayd.errors import Reason

RADIO = (AlertCode.RADIO_DOWN, AlertCode.RADIO_UNSAFE)
KEYPAD = (AlertCode.KEYPAD_DISABLED, AlertCode.KEYPAD_ATTACK)
BATTERY = (AlertCode.BATTERY_CRITICAL, AlertCode.BATTERY_LOW)


def radio(door: Door) -> Link:
    """The radio; where several locks are silent, it is looked at before any of them (S1-25)."""
    alerts = RADIO if door.situation.ladder is None else (*RADIO, AlertCode.LOCKS_OFFLINE)
    for alert in alerts:
        if alert in door.radio_alerts:
            since, remedy = door.radio_alerts[alert], ALERTS[alert].what_to_do
            text = alert_text(alert, door.driver)
            return Link(Part.RADIO, State.BROKEN, text, since, Reason.RADIO_DOWN, remedy)
    return Link(Part.RADIO, State.OK, f"the radio {door.driver} is there")


def lock(door: Door, hub: Hub) -> Link:
    """The lock itself."""
    s = door.situation
    if not door.listed:
        why, text = Reason.MAPPING_MISSING, "the lock is not on the site"
        return Link(Part.LOCK, State.BROKEN, text, None, why, REMEDIES[why])
    if not s.active:
        why = Reason.LOCK_INACTIVE
        return Link(Part.LOCK, State.BROKEN, because(why), None, why, REMEDIES[why])
    if s.ladder is not None:
        return _silent(door, hub)
    if (since := door.alerts.get(AlertCode.LOCK_JAMMED)) is not None:
        text, remedy = _alert(door, AlertCode.LOCK_JAMMED)
        return Link(Part.LOCK, State.BROKEN, text, since, None, remedy)
    if door.last_contact is None:
        return Link(Part.LOCK, State.UNKNOWN, "nothing was heard of the lock yet")
    text = f"the lock answered {hub.on(door.last_contact)}"
    low = next((_alert(door, code) for code in BATTERY if code in door.alerts), None)
    if low is None:
        return Link(Part.LOCK, State.OK, text, door.last_contact)
    words, remedy = low
    return Link(Part.LOCK, State.OK, f"{text}; {words}", door.last_contact, None, remedy)


def _silent(door: Door, hub: Hub) -> Link:
    s = door.situation
    why = s.reason or Reason.LOCK_UNREACHABLE
    since = door.alerts.get(AlertCode.LOCK_OFFLINE)
    if (alert := PIN_ALERTS.get(why)) is not None:
        text, remedy = _alert(door, alert)
        return Link(Part.LOCK, State.BROKEN, text, door.alerts.get(alert), why, remedy)
    text = "the lock has not answered"
    if since is not None:
        text += f" since {hub.when(since)}"
    if s.ladder is not None and s.ladder.failures:
        text += f" ({times(s.ladder.failures, 'attempt')})"
    if radio(door).state is State.BROKEN:
        return Link(Part.LOCK, State.UNKNOWN, text, since, why)
    low = next((_alert(door, code)[1] for code in BATTERY if code in door.alerts), None)
    remedy = low or what_to_do(AlertCode.LOCK_OFFLINE, None)
    return Link(Part.LOCK, State.BROKEN, text, since, why, remedy)


def _alert(door: Door, code: AlertCode) -> tuple[str, str]:
    return alert_text(code, door.name), ALERTS[code].what_to_do


def keypad(door: Door, hub: Hub) -> Link | None:
    """What was typed there since the door was opened with the code (suffering 28); None: nothing
    wrong."""
    wrong = sorted(at for at in door.wrong if door.used_at is None or at > door.used_at)
    alerts = [alert for alert in KEYPAD if alert in door.alerts]
    if not (wrong or alerts):
        return None
    words, remedies = [_alert(door, alert)[0] for alert in alerts], [RESEND]
    if wrong:
        words.append(f"{_typed(wrong, hub)}: the guest mistypes, or uses another door")
    remedies += [_alert(door, alert)[1] for alert in alerts]
    since = min([*wrong[:1], *(door.alerts[alert] for alert in alerts)])
    text, remedy = "; ".join(words), "; ".join(remedies)
    return Link(Part.KEYPAD, State.BROKEN, text, since, None, remedy)


def _typed(wrong: list[datetime], hub: Hub) -> str:
    last = wrong[-1]
    if len(wrong) == 1:
        return f"a wrong code was typed there {hub.on(last)}"
    since = f"since {hub.when(wrong[0])}, the last {hub.on(last)}"
    return f"a wrong code was typed there {times(len(wrong), 'time')} {since}"


def tried_again(ladder: Ladder | None, hub: Hub) -> Next | None:
    """The next rung of a ladder; None: it has none, or it is due now."""
    due = next_try(ladder, hub.now, hub.tick) if ladder is not None else None
    if due is None or due <= hub.now.latest:
        return None
    return Next(f"it is tried again {hub.on(due)}", due)
