"""What Home Assistant is told, held against what it wants of a device's discovery message."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from gatewayd.cloud.entities import Names, Shown, messages
from gatewayd.domain.bolt import Bolt
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import LockId

NAMES = Names("v1/acme/lake.side/hub-1/", "homeassistant", "hub-1", "1.2.3")
FRONT = Shown(
    LockId("front"), "Front door", "zwave", True, Bolt.UNLOCKED, 87, False, (AlertCode.LOCK_JAMMED,)
)
SILENT = Shown(LockId("back.door"), "Back door", "nuki", None, Bolt.LOCKED, None, None, ())

type Document = dict[str, Any]

# MQTT integration, "Device discovery payload"; MQTT sensor and binary sensor, "Configuration".
WANTED = {"device", "origin", "components"}
SHARED = {"state_topic", "availability", "qos"}
OF_DEVICE = {"identifiers", "name", "model", "sw_version", "via_device"}
OF_ANY = {
    "platform",
    "unique_id",
    "name",
    "device_class",
    "entity_category",
    "value_template",
    "state_topic",
    "availability",
    "json_attributes_topic",
    "json_attributes_template",
}
OF_PLATFORM: dict[str, set[str]] = {
    "sensor": OF_ANY | {"unit_of_measurement", "state_class"},
    "binary_sensor": OF_ANY | {"payload_on", "payload_off"},
}
CLASSES: dict[str, set[str | None]] = {
    "sensor": {None, "battery"},
    "binary_sensor": {"battery", "connectivity", "lock", "problem"},
}


def said(*locks: Shown, alerts: tuple[AlertCode, ...] = ()) -> dict[str, Document]:
    """Each message, parsed."""
    return {topic: json.loads(body) for topic, body in messages(NAMES, locks, alerts)}


def devices(found: dict[str, Document]) -> dict[str, Document]:
    """The discovery messages by the device's name."""
    configs = {t: d for t, d in found.items() if t.startswith("homeassistant/")}
    for topic, device in configs.items():
        (object_id,) = device["device"]["identifiers"]
        assert re.fullmatch("[A-Za-z0-9_-]+", object_id)
        assert topic == f"homeassistant/device/{object_id}/config"
    return {device["device"]["name"]: device for device in configs.values()}


@pytest.mark.parametrize("name", ["hub-1", "Front door", "Back door"])
def test_a_device_has_what_home_assistant_wants_of_it(name: str) -> None:
    found = said(FRONT, SILENT)
    device = devices(found)[name]
    assert WANTED <= device.keys() <= WANTED | SHARED
    assert device["device"].keys() <= OF_DEVICE
    assert device["origin"] == {"name": "gatewayd", "sw_version": "1.2.3"}
    for key, component in device["components"].items():
        platform = component["platform"]
        assert component.keys() <= OF_PLATFORM[platform]
        assert component.get("device_class") in CLASSES[platform]
        assert component.get("entity_category") in {None, "diagnostic"}
        assert component["unique_id"] == f"{device['device']['identifiers'][0]}_{key}"
        assert component["name"]
        topic = component.get("state_topic", device["state_topic"])
        if topic in found:  # the hub's `status` is the link's
            for template in (
                component["value_template"],
                component.get("json_attributes_template"),
            ):
                for field in re.findall(r"value_json\.(\w+)", template or ""):
                    assert field in found[topic]
        else:
            assert topic == "v1/acme/lake.side/hub-1/status"


def test_no_entity_takes_a_command() -> None:
    assert "command" not in json.dumps(said(FRONT))


def test_a_device_is_there_while_the_hub_is_and_the_hub_s_connection_tells_of_itself() -> None:
    found = devices(said(FRONT))
    for device in found.values():
        (available,) = device["availability"]
        assert available["topic"] == "v1/acme/lake.side/hub-1/status"
        assert available["value_template"] == "{{ value_json.state }}"  # online, offline: theirs
    cloud = found["hub-1"]["components"]["cloud"]
    assert cloud["availability"] == []
    assert (cloud["payload_on"], cloud["payload_off"]) == ("online", "offline")
    assert found["Front door"]["device"]["via_device"] in found["hub-1"]["device"]["identifiers"]


def test_a_lock_s_state_says_what_is_known_of_it() -> None:
    found = said(FRONT, SILENT)
    state = found["v1/acme/lake.side/hub-1/ha/lock/front"]
    assert (state["online"], state["battery"], state["battery_low"]) == ("ON", 87, "OFF")
    assert state["problem"] == "ON"
    assert list(state["what_to_do"]) == ["lock_jammed"]
    state = found["v1/acme/lake.side/hub-1/ha/lock/back.door"]
    assert (state["online"], state["battery"], state["battery_low"]) == (None, None, None)
    assert (state["problem"], state["what_to_do"]) == ("OFF", {})


@pytest.mark.parametrize(
    ("bolt", "online", "said_of_it"),
    [
        (Bolt.UNLOCKED, True, "ON"),
        (Bolt.LOCKED, True, "OFF"),
        (Bolt.MOVING, True, None),
        (Bolt.JAMMED, True, None),
        (None, True, None),
        (Bolt.LOCKED, False, None),
    ],
)
def test_a_bolt_is_shown_where_it_is_known(
    bolt: Bolt | None, online: bool, said_of_it: str | None
) -> None:
    state = said(replace(FRONT, bolt=bolt, online=online))
    assert state["v1/acme/lake.side/hub-1/ha/lock/front"]["unlocked"] == said_of_it


@pytest.mark.parametrize(
    ("alerts", "problem", "count"),
    [
        ((), "OFF", 0),
        ((AlertCode.NO_GRACE,), "OFF", 1),
        ((AlertCode.NO_GRACE, AlertCode.RADIO_DOWN, AlertCode.RADIO_DOWN), "ON", 3),
    ],
)
def test_the_hub_s_state_counts_what_stands(
    alerts: tuple[AlertCode, ...], problem: str, count: int
) -> None:
    state = said(alerts=alerts)["v1/acme/lake.side/hub-1/ha/hub"]
    assert (state["problem"], state["alerts"]) == (problem, count)
    assert sum(state["by_severity"].values()) == count


def test_no_two_locks_are_one_device() -> None:
    locks = [
        Shown(LockId(id_), id_, "zwave", True, None, None, None, ())
        for id_ in ("a.b", "a_b", "a:b", "hub")
    ]
    found = said(*locks)
    assert len([topic for topic in found if topic.startswith("homeassistant/")]) == 1 + len(locks)
    assert len(found) == 2 * (1 + len(locks))
