"""The links beyond the doors: the hub itself, the booking side, and whether the guest was told."""

from gatewayd.domain.diagnosis import Link, Part, State
from gatewayd.domain.diagnosis.facts import Case, Hub
from gatewayd.domain.diagnosis.words import alert_text
from gatewayd.domain.health import ALERTS, AlertCode
from gatewayd.domain.moment import Phase
from gatewayd.errors import Reason

TROUBLES = {
    AlertCode.DATABASE_LOST: None,
    AlertCode.DISK_FULL: None,
    AlertCode.CLOCK_IN_DOUBT: Reason.CLOCK_IN_DOUBT,
}
"""What is wrong with the hub itself, the worst first."""
RESEND = "have the guest told the code and the door again: credentials.resend"


def gateway(hub: Hub, *, rebuilding: bool = False) -> Link:
    """The hub: its database, its disk, its clock."""
    standing = dict(hub.alerts)
    if rebuilding:
        standing.setdefault(AlertCode.DATABASE_LOST, hub.now.latest)
    if hub.now.doubtful:
        standing.setdefault(AlertCode.CLOCK_IN_DOUBT, hub.now.latest)
    for alert, reason in TROUBLES.items():
        if alert in standing:
            text, remedy = alert_text(alert, "the hub"), ALERTS[alert].what_to_do
            return Link(Part.GATEWAY, State.BROKEN, text, hub.alerts.get(alert), reason, remedy)
    return Link(Part.GATEWAY, State.OK, "the hub and its clock are in order")


def cloud(hub: Hub) -> Link:
    """The booking connection."""
    last = "no command has come yet"
    if hub.last_command is not None:
        last = f"the last command came {hub.on(hub.last_command)}"
    if hub.braked:
        text = alert_text(AlertCode.BRAKE_HELD, "brake.confirm")
        remedy = ALERTS[AlertCode.BRAKE_HELD].what_to_do
        return Link(Part.CLOUD, State.BROKEN, text, None, Reason.BRAKE_HELD, remedy)
    if hub.connected is None:
        return Link(Part.CLOUD, State.UNKNOWN, last, hub.last_command)
    if hub.connected:
        return Link(Part.CLOUD, State.OK, f"it is connected; {last}", hub.last_command)
    text = f"the booking connection is down; {last}, and what changed since is not known here"
    remedy = "look at the hub's way to the internet, at the broker and at the cloud"
    return Link(Part.CLOUD, State.BROKEN, text, hub.last_command, None, remedy)


def notice(case: Case) -> Link | None:
    """When the guest learnt the code, as far as the hub knows; None: there is none to tell."""
    stay, key = case.stay, case.key
    if stay is None or key is None or key.revoked:
        return None
    hub = case.hub
    resend = RESEND if key.window.phase(hub.now) is Phase.CURRENT else None
    told = key.told
    if told is not None and not told.receipted:
        text = f"the cloud was told the code {hub.on(told.at)}, and does not say it has it"
        return Link(Part.NOTICE, State.WAITING, text, told.at, remedy=resend)
    has = f"the cloud has the code since {hub.when(told.at)}" if told else "the cloud has it"
    if stay.announced_at is None:
        text = f"{has}; whether the guest was told, it has not said"
        return Link(Part.NOTICE, State.UNKNOWN, text, told.at if told else None, remedy=resend)
    announced = hub.on(stay.announced_at)
    if told is not None and told.changed and stay.announced_at < told.at:
        changed = hub.on(told.at)
        text = f"the code was changed {changed}, and the guest was told the one before, {announced}"
        return Link(Part.NOTICE, State.BROKEN, text, told.at, remedy=RESEND)
    text = f"{has}; the guest was told {announced}"
    return Link(Part.NOTICE, State.OK, text, stay.announced_at, remedy=resend)
