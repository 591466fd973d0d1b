"""What Home Assistant is told of the hub and its locks: a device each, with its entities.

Device-based discovery: one retained message describes a device with all its entities, another one
says how it stands. No entity takes commands, which is why a bolt is no `lock` of theirs: that
wants a command topic. No code, no key, no guest.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from gatewayd.domain.bolt import Bolt
from gatewayd.domain.health import ALERTS, AlertCode, Severity
from gatewayd.domain.ids import LockId

type Document = dict[str, Any]

NEEDED = (Severity.CRITICAL, Severity.WARNING)
"""With one of these a person is needed before the next arrival."""
UNLOCKED = {Bolt.LOCKED: False, Bolt.UNLOCKED: True}
"""Elsewhere it is neither; what a silent lock said is over."""


@dataclass(frozen=True, slots=True)
class Names:
    """`prefix` of the hub's own topics, `discovery` of those that Home Assistant listens to; `hub`,
    `version`: what it is called there."""

    prefix: str
    discovery: str
    hub: str
    version: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A lock. None: nothing is known, or nobody looks after it."""

    id: LockId
    name: str
    driver: str
    online: bool | None
    bolt: Bolt | None
    battery: int | None
    battery_low: bool | None
    alerts: tuple[AlertCode, ...]


def messages(
    names: Names, locks: Iterable[Shown], alerts: Iterable[AlertCode]
) -> Iterator[tuple[str, bytes]]:
    """Topic and payload of all that is to be retained."""
    hub = _object_id(names)
    yield _config(names, hub, _hub(names))
    yield f"{names.prefix}ha/hub", _json(_hub_state(alerts))
    for lock in locks:
        object_id = _object_id(names, lock.id)
        device = {"name": lock.name, "model": lock.driver, "via_device": hub}
        topic = f"{names.prefix}ha/lock/{lock.id}"
        yield _config(names, object_id, _lock(names, topic) | {"device": device})
        yield topic, _json(_lock_state(lock))


def _object_id(names: Names, lock: str = "") -> str:
    """Letters, digits, `_` and `-` alone, as they want it, and never that of another one."""
    whole = f"{names.prefix}{lock}"
    readable = re.sub("[^A-Za-z0-9_-]", "_", whole.removeprefix("v1/").rstrip("/"))
    return f"gatewayd_{readable}_{sha256(whole.encode()).hexdigest()[:8]}"


def _config(names: Names, object_id: str, device: Document) -> tuple[str, bytes]:
    """A device's discovery message: its entities get ids of their own."""
    components = {
        key: component | {"unique_id": f"{object_id}_{key}"}
        for key, component in device["components"].items()
    }
    whole = device | {
        "device": device["device"] | {"identifiers": [object_id]},
        "origin": {"name": "gatewayd", "sw_version": names.version},
        "components": components,
        "availability": [{"topic": _status(names), "value_template": "{{ value_json.state }}"}],
        "qos": 1,
    }
    return f"{names.discovery}/device/{object_id}/config", _json(whole)


def _hub(names: Names) -> Document:
    online = {
        "state_topic": _status(names),
        "availability": [],  # a hub that is away is not connected, not unknown
        "payload_on": "online",
        "payload_off": "offline",
    }
    return {
        "device": {"name": names.hub, "model": "gatewayd", "sw_version": names.version},
        "state_topic": f"{names.prefix}ha/hub",
        "components": {
            "cloud": _binary("Cloud", "connectivity", "state") | online,
            "problem": _binary("Problem", "problem", "problem"),
            "alerts": {
                "platform": "sensor",
                "name": "Alerts",
                "state_class": "measurement",
                "value_template": "{{ value_json.alerts }}",
                "json_attributes_topic": f"{names.prefix}ha/hub",
                "json_attributes_template": "{{ value_json.by_severity | tojson }}",
            },
        },
    }


def _hub_state(alerts: Iterable[AlertCode]) -> Document:
    count = Counter(ALERTS[code].severity for code in alerts)
    return {
        "problem": _on(any(count[severity] for severity in NEEDED)),
        "alerts": count.total(),
        "by_severity": {severity: count[severity] for severity in Severity},
    }


def _lock(names: Names, topic: str) -> Document:
    diagnostic = {"entity_category": "diagnostic"}
    return {
        "state_topic": topic,
        "components": {
            "bolt": _binary("Bolt", "lock", "unlocked"),
            "connectivity": _binary("Connectivity", "connectivity", "online") | diagnostic,
            "battery": diagnostic
            | {
                "platform": "sensor",
                "name": "Battery",
                "device_class": "battery",
                "state_class": "measurement",
                "unit_of_measurement": "%",
                "value_template": "{{ value_json.battery }}",
            },
            "battery_low": _binary("Battery low", "battery", "battery_low") | diagnostic,
            "problem": _binary("Problem", "problem", "problem")
            | {
                "json_attributes_topic": topic,
                "json_attributes_template": "{{ value_json.what_to_do | tojson }}",
            },
        },
    }


def _lock_state(lock: Shown) -> Document:
    return {
        "online": _on(lock.online),
        "unlocked": _on(UNLOCKED.get(lock.bolt) if lock.bolt and lock.online else None),
        "battery": lock.battery,
        "battery_low": _on(lock.battery_low),
        "problem": _on(bool(lock.alerts)),
        "what_to_do": {code: ALERTS[code].what_to_do for code in sorted(lock.alerts)},
    }


def _binary(name: str, device_class: str, field: str) -> Document:
    return {
        "platform": "binary_sensor",
        "name": name,
        "device_class": device_class,
        "value_template": f"{{{{ value_json.{field} }}}}",
    }


def _on(state: bool | None) -> str | None:
    """Their words; null is shown as unknown."""
    return None if state is None else "ON" if state else "OFF"


def _status(names: Names) -> str:
    return f"{names.prefix}status"


def _json(document: Document) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
