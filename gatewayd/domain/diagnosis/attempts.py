"""What was tried and seen at a door, from the hub's history, in plain words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gatewayd.domain.diagnosis import Attempt
from gatewayd.domain.diagnosis.facts import Hub
from gatewayd.domain.diagnosis.words import because
from gatewayd.domain.events.code import (
    CodeConfirmed,
    CodeFailed,
    CodeLost,
    CodeRemovalFailed,
    CodeRemoved,
)
from gatewayd.domain.events.lock import LockKeypadDisabled, LockOffline, LockOnline
from gatewayd.domain.ids import LockId
from gatewayd.errors import Reason

OF_KEY = {
    CodeFailed.type: "the code is not on it",
    CodeRemovalFailed.type: "the code is still on it",
    CodeConfirmed.type: "the lock showed the code",
    CodeLost.type: "the code was gone",
    CodeRemoved.type: "the code is off it",
}
OF_LOCK = {
    LockOffline.type: "it fell silent",
    LockOnline.type: "it answers again",
    LockKeypadDisabled.type: "its keypad was locked out",
}


def attempt(hub: Hub, at: datetime, type_: str, data: Mapping[str, Any], name: str) -> Attempt:
    """An entry of the history; `name`: the door's."""
    reason = Reason(data["reason"]) if data.get("reason") else None
    text = f"{hub.when(at)} {name}: {(OF_KEY | OF_LOCK)[type_]}"
    if reason is not None:
        text += f": {because(reason)}"
    if data.get("attempt"):
        text += f" (attempt {data['attempt']})"
    return Attempt(at, type_, LockId(data["lock_id"]), text, reason)
