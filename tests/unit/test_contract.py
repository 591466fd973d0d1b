"""The printed contract says what is sent and what is taken."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from gatewayd import contract
from gatewayd.domain.batch import Mode
from gatewayd.domain.commission import Result
from gatewayd.domain.events import Event
from gatewayd.domain.events import backup as backups
from gatewayd.domain.events import code as codes
from gatewayd.domain.events import command as answers
from gatewayd.domain.events import health as checks
from gatewayd.domain.events import hub as hubs
from gatewayd.domain.events import lock as locks
from gatewayd.domain.events import policy as policies
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.code import ChangedDoor, DoorCode, DoorState, OldCode
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import CommandId, KeyId, LockId, ReservationId
from gatewayd.domain.lease import Proof
from gatewayd.domain.moment import Now
from gatewayd.domain.policy import Level
from gatewayd.errors import Reason
from gatewayd.intake import envelopes
from gatewayd.intake.parse import parse
from gatewayd.store.outbox import Outbox
from tests.house import EPOCH, HUB, command, lock, property_, reservation, site

DOCUMENT = contract.asyncapi("1.2.3")
SCHEMAS = DOCUMENT["components"]["schemas"]
MESSAGES = DOCUMENT["components"]["messages"]
AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
KEY, LOCK, BOOKING = KeyId("res:R1"), LockId("front"), ReservationId("R1")
DOORS = (DoorCode(LOCK, "Front", "073916"),)
CHANGED = tuple(ChangedDoor(LOCK, "Front", "073916", old) for old in OldCode)

EXAMPLES: list[Event] = [
    answers.CommandAccepted(),
    answers.CommandAccepted("C1"),
    answers.CommandRejected(Reason.TIMES_MISSING, "data.check_in", "no times", False),
    answers.CommandDone(),
    answers.CommandExpired(),
    codes.CodeAssigned(KEY, BOOKING, DOORS, "073916"),
    codes.CodeAssigned(KEY, BOOKING, (), "073916", late=True),
    codes.CodeChanged(KEY, BOOKING, CHANGED, "073916"),
    codes.CodeChanged(KEY, BOOKING, CHANGED, "073916", True, Reason.DUPLICATE_CODE),
    codes.CodeConfirmed(KEY, LOCK, Proof.MATCHED, AT),
    codes.CodeLost(KEY, LOCK),
    codes.CodeLost(KEY, LOCK, Reason.DELETED_AT_LOCK),
    codes.CodeFailed(KEY, LOCK, Reason.LOCK_UNREACHABLE, 3, AT),
    codes.CodeFailed(KEY, LOCK, Reason.REFUSED, 1, None),
    codes.CodeRemoved(KEY, LOCK),
    codes.CodeRemovalFailed(KEY, LOCK, Reason.MISMATCH, 2, AT),
    codes.CodesRevealed("root", (KEY,)),
    codes.CodesRevealed("uid 1000", (KEY, KeyId("cleaner")), (LOCK,)),
    codes.KeyStatus(KEY, "current", (DoorState(LOCK, "proven", Proof.USED),)),
    codes.KeyStatus(KEY, "revoked", ()),
    codes.KeyStatus(KEY, "upcoming", (DoorState(LOCK, "failing", None, Reason.LOCK_FULL, AT),)),
    locks.LockOnline(LOCK),
    locks.LockOffline(LOCK, Reason.LOCK_UNREACHABLE),
    locks.LockBattery(LOCK, 90, low=False),
    locks.LockBattery(LOCK, 40, low=False, days_left=31),
    locks.LockBattery(LOCK, None, low=True),
    locks.LockUsed(LOCK, 3, KEY, "unlock", AT),
    locks.LockUsed(LOCK, None, None, "lock"),
    locks.LockWrongCode(LOCK),
    locks.LockWrongCode(LOCK, AT),
    codes.CredentialsWanted(KEY, BOOKING, "email"),
    codes.CredentialsWanted(KeyId("cleaner"), None, "phone"),
    answers.BatchPlanned(Mode.ALL, True, (BOOKING,), 3, (LOCK,)),
    locks.LockKeypadDisabled(LOCK),
    locks.LockJammed(LOCK),
    locks.LockTampered(LOCK),
    locks.LockFull(LOCK, (KEY,)),
    locks.LockForeignCode(LOCK, 4),
    locks.LockAdopted(LOCK, 3, KEY),
    locks.LockReset(LOCK),
    locks.LockClockSkew(LOCK, -41.5, mended=True),
    locks.LockCommissioning(LOCK, AT),
    locks.LockCommissioned(LOCK, Result.RIGHT, AT),
    locks.LockCommissioned(LOCK, Result.SWAPPED, AT, LockId("back")),
    locks.LockCommissioned(LOCK, Result.UNUSED, AT, None, Reason.LOCK_UNREACHABLE),
    backups.BackupReady(LOCK, "Backup-1", "073916"),
    backups.BackupIssued(KEY, BOOKING, LOCK, "Backup-1", "073916", None, "refused"),
    backups.BackupIssued(KEY, None, LOCK, "Backup-1", "073916", "a key in the box", "he rang", AT),
    backups.BackupUsed(LOCK, "Backup-1", KEY, BOOKING, AT),
    backups.BackupUsed(LOCK, "Backup-1"),
    backups.BackupRotated(LOCK, "Backup-1", BOOKING),
    backups.BackupRotated(LOCK, "Backup-1", replacing=False),
    backups.BackupExhausted(KEY, BOOKING, LOCK, "a key in the box"),
    backups.BackupExhausted(KEY, None, LOCK, None),
    checks.HealthChecked(
        (checks.LockChecked(LOCK, answered=False, reason=Reason.LOCK_UNREACHABLE),),
        2,
        1,
        (checks.KeyFailing(KEY, BOOKING, LOCK, Reason.REFUSED, "Backup-1"),),
    ),
    checks.HealthChecked((checks.LockChecked(LOCK, answered=True),), 0, 0, ()),
    policies.PolicyInForce(
        KEY,
        (
            policies.Setting("pin.source", "phone", Level.SITE),
            policies.Setting("pin.length", None, Level.DEFAULT),
            policies.Setting("blocks", value=True, level=Level.KEY),
        ),
        (policies.DoorSettings(LOCK, (policies.Setting("generate_days", 3, Level.LOCK),)),),
    ),
    *(raised(code, "front") for code in AlertCode),
    raised(AlertCode.CODE_UNSET, "front/res:R1", Reason.LOCK_UNREACHABLE, "a key in the box"),
    cleared(AlertCode.LOCK_FULL, "front"),
    hubs.HubStarted("1.2.3"),
    hubs.HubWasOff(AT, AT),
    hubs.SnapshotWanted("new_database"),
]


def checker(schema: dict[str, Any]) -> Draft202012Validator:
    """Of one schema, within the whole document."""
    return Draft202012Validator(
        schema | {"components": DOCUMENT["components"]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def envelope(event: Event, now: Now, cause: str | None) -> dict[str, Any]:
    """As it is published."""
    outbox = Outbox(None, HUB, EPOCH)  # type: ignore[arg-type]  # an envelope needs no database
    text = outbox._envelope(1, "01J0000000000000000000000A", event, now, CommandId(cause or "C1"))
    return json.loads(text)  # type: ignore[no-any-return]  # an object


def refs(part: Any) -> Iterator[str]:
    """All references within a part of the document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from refs(value)
    elif isinstance(part, list):
        for value in part:
            yield from refs(value)


def resolved(ref: str) -> Any:
    """What a reference names."""
    part: Any = DOCUMENT
    for name in ref.removeprefix("#/").split("/"):
        part = part[name]
    return part


def reachable(ref: str, seen: set[str]) -> set[str]:
    """A reference and all that it leads to."""
    if ref not in seen:
        seen.add(ref)
        for further in refs(resolved(ref)):
            reachable(further, seen)
    return seen


def test_every_reference_names_something() -> None:
    found = set(refs(DOCUMENT))
    assert found
    assert all(ref.startswith("#/") and resolved(ref) is not None for ref in found)


def test_every_schema_is_one() -> None:
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


def test_nothing_is_described_that_nobody_says() -> None:
    found: set[str] = set()
    for channel in DOCUMENT["channels"].values():
        for ref in refs(channel):
            reachable(ref, found)
    assert {f"#/components/schemas/{name}" for name in SCHEMAS} <= found
    assert {f"#/components/messages/{name}" for name in MESSAGES} <= found


def test_every_command_and_every_event_is_in_its_channel() -> None:
    commands = {get_args(m.model_fields["type"].annotation)[0] for m in get_args(envelopes.Command)}
    told = {event.type for event in get_args(Event.__value__)}
    channels = DOCUMENT["channels"]
    assert channels["commands"]["messages"].keys() == commands
    assert channels["events"]["messages"].keys() == told
    assert {m.__name__ for m in get_args(envelopes.Command)} <= SCHEMAS.keys()
    assert {event.__name__ for event in get_args(Event.__value__)} <= SCHEMAS.keys()


def test_the_topics_are_those_of_the_contract() -> None:
    prefix = "v1/{org}/{site}/{hub}/"
    assert {name: c["address"] for name, c in DOCUMENT["channels"].items()} == {
        "commands": f"{prefix}cmd/{{kind}}",
        "events": f"{prefix}evt/{{kind}}",
        "ack": f"{prefix}ack",
        "status": f"{prefix}status",
        "reported": f"{prefix}reported",
    }
    for channel in DOCUMENT["channels"].values():
        named = {part[1:-1] for part in channel["address"].split("/") if part.startswith("{")}
        assert channel["parameters"].keys() == named


def test_only_status_and_the_summary_are_retained() -> None:
    retained = {
        operation["channel"]["$ref"].split("/")[-1]
        for operation in DOCUMENT["operations"].values()
        if operation["bindings"]["mqtt"]["retain"]
    }
    assert retained == {"status", "reported"}
    assert {o["bindings"]["mqtt"]["qos"] for o in DOCUMENT["operations"].values()} == {1}


def test_there_is_an_example_of_every_event() -> None:
    assert {type(event) for event in EXAMPLES} == set(get_args(Event.__value__))


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
@pytest.mark.parametrize("doubt", [False, True], ids=["trusted", "in doubt"])
def test_an_event_as_it_is_sent_is_what_the_contract_says(event: Event, doubt: bool) -> None:
    now = Now(AT, AT.replace(day=4)) if doubt else Now.exactly(AT)
    checker(MESSAGES[event.type]["payload"]).validate(envelope(event, now, None))


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_an_event_without_one_of_its_fields_is_not(event: Event) -> None:
    whole = envelope(event, Now.exactly(AT), "C1")
    check = checker(MESSAGES[event.type]["payload"])
    for name in whole["data"]:
        part = whole | {"data": {k: v for k, v in whole["data"].items() if k != name}}
        assert not check.is_valid(part), name


def test_codes_appear_in_the_events_that_bring_them_and_nowhere_else() -> None:
    """S0-5, S1-16: and these events cannot be switched off"""
    with_codes = set()
    for event in get_args(Event.__value__):
        for ref in reachable(f"#/components/schemas/{event.__name__}", set()):
            names = resolved(ref).get("properties", {}).keys()
            if names & {"code", "display", "pin", "digits"} and "severity" not in names:
                with_codes.add(event.type)
    brings = {"code.assigned", "code.changed", "backup.ready", "backup.issued"}
    assert with_codes == brings
    for example in EXAMPLES:
        told = json.dumps(envelope(example, Now.exactly(AT), None))
        assert ("073916" in told) == (example.type in with_codes)
        assert "073916" not in repr(example)
        assert dataclasses.is_dataclass(example)


def test_every_reason_is_in_the_contract() -> None:
    assert SCHEMAS["Reason"]["enum"] == [reason.value for reason in Reason]


GOOD = [
    command("site.put", site()),
    command(
        "site.put",
        site(
            properties=[
                property_("flat", "front", zone="Europe/Rome", check_in="all_day", policy=None)
            ],
            locks=[lock("front", 2, fallback_note="a key in the box", active=False)],
            policy={
                "grace": "all_day",
                "grace_before": "0",
                "write_lead": "90s",
                "pin": {"source": "phone", "length": 8},
                "backup": {"pool": 0},
                "health_check": {
                    "at": "07:30",
                    "timezone": "Europe/Zurich",
                    "within": "90s",
                    "share_backup": False,
                },
            },
        ),
    ),
    command("reservation.put", reservation()),
    command(
        "reservation.put",
        reservation(
            kind="block",
            status="cancelled",
            check_in="00:00",
            check_out="23:59",
            guest={"name": "Ada", "phone": None},
            allow_provisioning=False,
            code="0739",
            announced_at="2026-07-01T12:00:00+02:00",
            policy={"grace": "1h"},
        ),
        issuer="desk",
        epoch="E",
        seq=7,
        expires="2026-07-01T13:00:00Z",
        reply_to=None,
    ),
    command("reservation.cancel", {"id": "R1", "version": 2}),
    command(
        "reservation.snapshot",
        {
            "snapshot_id": "S",
            "part": 1,
            "parts": 1,
            "as_of": "2026-07-01T12:00:00Z",
            "complete": True,
            "items": [reservation()],
        },
    ),
    command("brake.confirm", {"brake_id": "C1"}),
    command("lock.commission", {"lock_id": "front"}),
    command("lock.commission", {"lock_id": "front", "minutes": 0}),
    command("batch", {"select": {}, "mode": "all"}),
    command("batch", {"select": {"reservation_ids": ["R1"]}, "mode": "missing", "dry_run": True}),
    command("credentials.resend", {"key_id": "res:R1", "channel": "phone"}),
    command("backup.issue", {"reservation_id": "R1", "reason": "he rang"}),
    command(
        "backup.issue",
        {
            "reservation_id": "R1",
            "doors": ["front"],
            "reason": "given out by phone",
            "label": "Backup-2",
            "at": "2026-07-01T11:00:00Z",
        },
    ),
    command("backup.rotate", {"lock_id": "front"}),
    command("backup.rotate", {"lock_id": "front", "label": "Backup-1"}),
    command("health.run", {}),
    command("health.run", ...),
    command("lock.resync", {"lock_id": "front"}),
    command("lock.sync_now", {"lock_id": "front"}),
    command("lock.replace", {"old": "front", "new": "front-2"}),
    command(
        "lock.adopt",
        {
            "lock_id": "front",
            "slots": [
                {"slot": 3, "name": "The owner", "ends": "2027-01-01T12:00"},
                {"slot": 0, "key_id": "res:R1"},
            ],
        },
    ),
    command("lock.operate", {"lock_id": "front", "action": "unlock"}),
    command("report", {}),
    command("report", ...),
]


@pytest.mark.parametrize("good", GOOD, ids=lambda c: c["type"])
def test_what_the_hub_takes_the_contract_allows(good: dict[str, Any]) -> None:
    assert parse(json.dumps(good).encode()).type == good["type"]
    checker(MESSAGES[good["type"]]["payload"]).validate(good)


@pytest.mark.parametrize(
    "changed",
    [
        {"check_in": "25:00"},
        {"check_in": "15:00:00"},
        {"policy": {"grace": "an hour"}},
        {"code": "123"},
        {"version": -1},
        {"kind": "party"},
        {"id": "R 1"},
        {"arrival": 5},
        {"confirmation_code": ""},
        {"guest": {"name": 5}},
    ],
    ids=str,
)
def test_what_the_contract_forbids_the_hub_refuses_and_both_agree(changed: dict[str, Any]) -> None:
    bad = command("reservation.put", reservation() | changed)
    with pytest.raises(Exception, match=r"."):
        parse(json.dumps(bad).encode())
    assert not checker(MESSAGES["reservation.put"]["payload"]).is_valid(bad)
