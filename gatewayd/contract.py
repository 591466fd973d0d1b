"""The contract with the cloud as AsyncAPI 3.0, made from the schemas of commands and events."""

import dataclasses
from typing import Any, get_args

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from gatewayd.domain import events
from gatewayd.intake import envelopes
from gatewayd.intake.reported import Reported

PREFIX = "v1/{org}/{site}/{hub}/"
PARAMETERS = {
    "org": {"description": "the organisation"},
    "site": {"description": "the site; it has one hub"},
    "hub": {"description": "the hub's id"},
}
REF = "#/components/schemas/{model}"

ENVELOPE = {
    "type": "object",
    "description": "Around every event.",
    "properties": {
        "id": {"type": "string", "description": "ULID; the receipt on `ack` names it"},
        "type": {"type": "string"},
        "schema_version": {"const": 1},
        "hub": {"type": "string"},
        "epoch": {"type": "string", "description": "new after the hub's database was lost"},
        "seq": {"type": "integer", "description": "rises within an epoch; gaps are allowed"},
        "ts": {"type": "string", "format": "date-time"},
        "ts_trusted": {"type": "boolean"},
        "ts_earliest": {"type": "string", "format": "date-time"},
        "ts_latest": {"type": "string", "format": "date-time"},
        "expires": {"type": ["string", "null"], "format": "date-time"},
        "cause": {"type": ["string", "null"], "description": "the command's id"},
        "data": {"type": "object"},
    },
    "required": ["id", "type", "schema_version", "hub", "epoch", "seq", "ts", "ts_trusted", "data"],
}
ACK = {
    "type": "object",
    "description": "The cloud has stored these events; the hub forgets them.",
    "properties": {"ids": {"type": "array", "items": {"type": "string"}}},
    "required": ["ids"],
}
STATUS = {
    "type": "object",
    "description": "Retained, and the will.",
    "properties": {
        "state": {"enum": ["online", "offline"]},
        "reason": {"enum": ["lost", "shutdown", "restart", None]},
        "since": {"type": "string", "format": "date-time"},
        "version": {"type": "string"},
    },
    "required": ["state", "reason", "since", "version"],
}


def asyncapi(version: str) -> dict[str, Any]:
    """The whole document."""
    commands = {_type(model): model for model in get_args(envelopes.Command)}
    models = (*commands.values(), Reported)
    _, found = models_json_schema(
        [(m, "validation") for m in models], ref_template=REF, by_alias=True
    )
    components = dict(found["$defs"])
    # An item is checked later, by itself; pydantic would spell its schema out a second time.
    snapshot = components["ReservationSnapshot"]["properties"]
    snapshot["items"]["items"] = {"$ref": REF.format(model="ReservationPut")}
    told: dict[str, str] = {}
    for event in get_args(events.Event.__value__):
        schema = event_schema(event)
        components |= schema.pop("$defs", {})
        components[event.__name__] = schema
        told[event.type] = event.__name__
    components |= {"EventEnvelope": ENVELOPE, "Ack": ACK, "Status": STATUS}
    messages = {type_: _command(type_, model) for type_, model in commands.items()}
    messages |= {type_: _event(type_, name) for type_, name in told.items()}
    messages |= {name: _plain(name) for name in ("ack", "status", "reported")}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "gatewayd",
            "version": version,
            "description": "What a hub and its cloud say to each other over MQTT 5, at QoS 1.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "commands": _channel("cmd/{kind}", list(commands), "the command's type"),
            "events": _channel("evt/{kind}", list(told), "the event's type"),
            "ack": _channel("ack", ["ack"]),
            "status": _channel("status", ["status"]),
            "reported": _channel("reported", ["reported"]),
        },
        "operations": {
            "receiveCommands": _operation("receive", "commands"),
            "receiveAck": _operation("receive", "ack"),
            "sendEvents": _operation("send", "events"),
            "sendStatus": _operation("send", "status", retain=True),
            "sendReported": _operation("send", "reported", retain=True),
            "receiveReported": _operation("receive", "reported"),
        },
        "components": {
            "schemas": dict(sorted(components.items())),
            "messages": dict(sorted(messages.items())),
        },
    }


def event_schema(event: Any) -> dict[str, Any]:
    """The JSON schema of one event's `data`."""
    schema = TypeAdapter(event).json_schema(ref_template=REF, mode="serialization")
    schema["required"] = [f.name for f in dataclasses.fields(event)]  # every field is always there
    return schema


def _type(model: Any) -> str:
    return str(get_args(model.model_fields["type"].annotation)[0])


def _command(type_: str, model: Any) -> dict[str, Any]:
    return {"name": type_, "payload": {"$ref": REF.format(model=model.__name__)}}


def _event(type_: str, name: str) -> dict[str, Any]:
    data = {"properties": {"type": {"const": type_}, "data": {"$ref": REF.format(model=name)}}}
    return {
        "name": type_,
        "payload": {"allOf": [{"$ref": REF.format(model="EventEnvelope")}, data]},
    }


def _plain(name: str) -> dict[str, Any]:
    return {"name": name, "payload": {"$ref": REF.format(model=name.capitalize())}}


def _channel(address: str, messages: list[str], kind: str = "") -> dict[str, Any]:
    parameters = PARAMETERS | ({"kind": {"description": kind}} if kind else {})
    return {
        "address": PREFIX + address,
        "parameters": parameters,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


def _operation(action: str, channel: str, *, retain: bool = False) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "bindings": {"mqtt": {"qos": 1, "retain": retain, "bindingVersion": "0.2.0"}},
    }
