"""What is bad is told with a reason and a path, changes nothing, and gives nothing away."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from gatewayd.errors import Reason
from gatewayd.intake import accept
from gatewayd.intake.parse import MAX_BYTES, MAX_DEPTH
from tests.house import (
    ANSWERS,
    HUB,
    Document,
    House,
    command,
    data,
    lock,
    opened,
    property_,
    reservation,
    site,
    types,
)

PIN = "97318264"
NAME = "Zaphod Beeblebrox"
PHONE = "+41 79 999 73 18"
FAR = ["9999-12-31T23:59", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
"""In any zone but one of their own they are beyond what Python can tell."""
STAFF = {
    "id": "cleaner",
    "version": 1,
    "doors": {"add": ["front"]},
    "starts": "2026-07-01T10:00",
    "ends": "2026-07-05T10:00",
}
SECRETS = (PIN, NAME, "Zaphod", PHONE, "z@example.org")


def full(**changed: object) -> Document:
    """A reservation with all that must not be told."""
    guest = {"name": NAME, "phone": PHONE, "email": "z@example.org"}
    return reservation("R9", code=PIN, guest=guest) | changed


def put(**changed: object) -> Document:
    """It as a command; a field given as `...` is left out."""
    document = {k: v for k, v in full(**changed).items() if v is not ...}
    return command("reservation.put", document, id="BAD")


def site_put(version: int = 2, **changed: object) -> Document:
    return command("site.put", site(version, **changed), id="BAD")


def snapshot(**changed: object) -> Document:
    whole = {
        "snapshot_id": "S",
        "part": 1,
        "parts": 1,
        "as_of": "2026-07-01T11:00:00Z",
        "complete": True,
        "items": [],
    }
    return command("reservation.snapshot", whole | changed, id="BAD")


def text(document: Document, old: str, new: str) -> bytes:
    """The message with a part of its text replaced by what `json.dumps` would not write."""
    raw = json.dumps(document)
    assert old in raw
    return raw.replace(old, new).encode()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as house:
        await house.send("site.put", site())
        await house.send("reservation.put", reservation("R1", version=5))
        yield house


NO_COMMAND = {
    "nothing at all": (b"", "malformed", ""),
    "half an object": (b'{"id": "BAD"', "malformed", ""),
    "two objects": (b"{}{}", "malformed", ""),
    "not UTF-8": (b'{"id": "\xff\xfe"}', "malformed", ""),
    "UTF-16": (json.dumps(put()).encode("utf-16"), "malformed", ""),
    "a surrogate in UTF-8": (b'{"id": "\xed\xa0\x80"}', "malformed", ""),
    "a byte order mark": (b"\xef\xbb\xbf" + json.dumps(put()).encode(), "malformed", ""),
    "NaN": (text(put(), '"version": 1', '"version": NaN'), "malformed", ""),
    "Infinity": (text(put(), '"version": 1', '"version": -Infinity'), "malformed", ""),
    "NaN in an unknown field": (
        text(put(), '"version": 1', '"version": 1, "x": NaN'),
        "malformed",
        "",
    ),
    "a key twice": (text(put(), '"version": 1', '"version": 1, "version": 2'), "malformed", ""),
    "a key twice, deep": (
        text(put(), f'"name": "{NAME}"', f'"name": 1, "name": "{NAME}"'),
        "malformed",
        "",
    ),
    "a lone surrogate": (text(put(), NAME, "Zaphod\\ud83d"), "malformed", ""),
    "a lone surrogate as its id": (text(put(), '"BAD"', '"\\udc00"'), "malformed", ""),
    "a control character": (text(put(), NAME, "Zaphod\x01"), "malformed", ""),
    "a number of 5000 digits": (
        text(put(), '"version": 1', '"version": 1' + "0" * 5000),
        "malformed",
        "",
    ),
    "an exponent without end": (
        text(put(), '"version": 1', '"version": 1e999'),
        "invalid_field",
        "data.version",
    ),
    "too deep": (text(put(), f'"{NAME}"', "[" * MAX_DEPTH + "]" * MAX_DEPTH), "malformed", ""),
    "far too deep": (b"[" * 200_000, "malformed", ""),
    "objects far too deep": (b'{"a":' * 40_000, "malformed", ""),
    "one byte too large": (b" " * (MAX_BYTES + 1), "too_large", ""),
    "5 MB": (json.dumps(put(padding="x" * 5_000_000)).encode(), "too_large", ""),
    "null": (b"null", "invalid_field", ""),
    "a number": (b"7", "invalid_field", ""),
    "a list": (b"[]", "invalid_field", ""),
    "an empty object": (b"{}", "missing_field", "type"),
    "no end, as some say it": (
        command("key.put", STAFF | {"ends": "9999-12-31T23:59"}, id="BAD"),
        "invalid_field",
        "data.ends",
    ),
    "a check-in before all time": (
        command("reservation.check_in", {"id": "R1", "at": FAR[1]}, id="BAD"),
        "invalid_field",
        "data.at",
    ),
    "a time after all time": (
        command("time", {"utc": FAR[2], "accuracy_s": 5}, id="BAD"),
        "invalid_field",
        "data.utc",
    ),
    "sent after all time": (command("report", {}, id="BAD", ts=FAR[2]), "invalid_field", "ts"),
    "no type": (put() | {"type": None}, "unknown_type", "type"),
    "another type": (put() | {"type": "reservation.steal"}, "unknown_type", "type"),
    "an event's type": (put() | {"type": "code.assigned"}, "unknown_type", "type"),
    "a type of another type": (put() | {"type": ["reservation.put"]}, "unknown_type", "type"),
    "no id": (command("report", {}, id=...), "missing_field", "id"),
    "an empty id": (command("report", {}, id=""), "invalid_field", "id"),
    "an id without end": (command("report", {}, id="x" * 65), "invalid_field", "id"),
    "a number as its id": (command("report", {}, id=5), "invalid_field", "id"),
    "no data": (command("reservation.put", ..., id="BAD"), "missing_field", "data"),
    "null as data": (command("reservation.put", None, id="BAD"), "invalid_field", "data"),
    "a list as data": (command("reservation.put", [full()], id="BAD"), "invalid_field", "data"),
    "no hub": (put() | {"hub": None}, "invalid_field", "hub"),
    "another hub": (put() | {"hub": "hub-2"}, "wrong_hub", "hub"),
    "another schema": (put() | {"schema_version": 2}, "invalid_field", "schema_version"),
    "a negative seq": (put() | {"seq": -1}, "invalid_field", "seq"),
    "ts without a zone": (put() | {"ts": "2026-07-01T12:00:00"}, "invalid_field", "ts"),
    "ts as a number": (put() | {"ts": 1782907200}, "invalid_field", "ts"),
    "expires never": (put() | {"expires": "never"}, "invalid_field", "expires"),
    "no reservation id": (put(id=...), "missing_field", "data.id"),
    "no version": (put(version=...), "missing_field", "data.version"),
    "no property": (put(property_id=...), "missing_field", "data.property_id"),
    "no arrival": (put(arrival=...), "missing_field", "data.arrival"),
    "no confirmation code": (put(confirmation_code=...), "missing_field", "data.confirmation_code"),
    "an id with a space": (put(id="R 9"), "invalid_field", "data.id"),
    "an id with a line end": (put(id="R9\n"), "invalid_field", "data.id"),
    "an id with a wildcard": (put(id="R9/#"), "invalid_field", "data.id"),
    "a version in words": (put(version="1"), "invalid_field", "data.version"),
    "a version with a point": (put(version=1.0), "invalid_field", "data.version"),
    "a true version": (put(version=True), "invalid_field", "data.version"),
    "a negative version": (put(version=-1), "invalid_field", "data.version"),
    "a huge version": (put(version=10**400), "invalid_field", "data.version"),
    "a version beyond SQLite": (put(version=2**63), "invalid_field", "data.version"),
    "a version beyond JSON": (put(version=2**53), "invalid_field", "data.version"),
    "a number as code": (put(code=int(PIN)), "invalid_field", "data.code"),
    "a short code": (put(code="973"), "invalid_field", "data.code"),
    "a long code": (put(code=PIN + "555"), "invalid_field", "data.code"),
    "a code of 9 digits": (put(code=PIN + "5"), "code_impossible", "data.code"),
    "a code with a line end": (put(code="973182\n"), "invalid_field", "data.code"),
    "a day that is none": (put(arrival="2026-02-30"), "invalid_field", "data.arrival"),
    "a day in words": (put(departure="tomorrow"), "invalid_field", "data.departure"),
    "a day with a time": (put(arrival="2026-07-11T10:00:00Z"), "invalid_field", "data.arrival"),
    "the first day of all": (put(arrival="0001-01-01"), "invalid_field", "data.arrival"),
    "the last day of all": (
        put(departure="9999-12-31", check_out="all_day"),
        "invalid_field",
        "data.departure",
    ),
    "dates reversed": (
        put(arrival="2026-07-15", departure="2026-07-11"),
        "dates_reversed",
        "data.departure",
    ),
    "times reversed": (put(departure="2026-07-11"), "dates_reversed", "data"),
    "no length at all": (
        put(departure="2026-07-11", check_in="12:00", check_out="12:00"),
        "dates_reversed",
        "data",
    ),
    "25 o'clock": (put(check_in="25:00"), "invalid_field", "data.check_in"),
    "a time with seconds": (put(check_in="15:00:00"), "invalid_field", "data.check_in"),
    "a time as a number": (put(check_out=11), "invalid_field", "data.check_out"),
    "another kind": (put(kind="party"), "invalid_field", "data.kind"),
    "a null kind": (put(kind=None), "invalid_field", "data.kind"),
    "another status": (put(status="maybe"), "invalid_field", "data.status"),
    "a flag as a word": (put(allow_provisioning="no"), "invalid_field", "data.allow_provisioning"),
    "a guest who is a list": (put(guest=[NAME]), "invalid_field", "data.guest"),
    "a guest who is a name": (put(guest=NAME), "invalid_field", "data.guest"),
    "a phone as a number": (
        put(guest={"name": NAME, "phone": 41799997318}),
        "invalid_field",
        "data.guest.phone",
    ),
    "a name without end": (put(guest={"name": NAME * 20}), "invalid_field", "data.guest.name"),
    "announced without a zone": (
        put(announced_at="2026-07-01T12:00:00"),
        "invalid_field",
        "data.announced_at",
    ),
    "grace in words": (put(policy={"grace": "an hour"}), "invalid_field", "data.policy.grace"),
    "grace as a number": (
        put(policy={"grace_after": 3600}),
        "invalid_field",
        "data.policy.grace_after",
    ),
    "a negative grace": (
        put(policy={"grace_before": "-1h"}),
        "invalid_field",
        "data.policy.grace_before",
    ),
    "pins of 99 digits": (
        put(policy={"pin": {"length": 99}}),
        "invalid_field",
        "data.policy.pin.length",
    ),
    "pins from the moon": (
        put(policy={"pin": {"source": "moon"}}),
        "invalid_field",
        "data.policy.pin.source",
    ),
    "an older version": (put(id="R1", version=4), "stale_version", "data.version"),
    "a cancellation of an older version": (
        command("reservation.cancel", {"id": "R1", "version": 4}, id="BAD"),
        "stale_version",
        "data.version",
    ),
    "an older site": (site_put(0), "stale_version", "data.version"),
    "a property with an unknown lock": (
        site_put(properties=[property_("flat-1", "front", "attic")]),
        "unknown_lock",
        "data.properties.0.locks.1",
    ),
    "a zone that is none": (site_put(zone="Mars/Olympus"), "invalid_field", "data.zone"),
    "a zone that is a path": (site_put(zone="../../etc/passwd"), "invalid_field", "data.zone"),
    "a zone that is a folder": (site_put(zone="Europe"), "invalid_field", "data.zone"),
    "a zone that is empty": (site_put(zone=""), "invalid_field", "data.zone"),
    "a zone with a null byte": (site_put(zone="Europe/\x00"), "invalid_field", "data.zone"),
    "a property's zone": (
        site_put(properties=[property_("cabin", zone="Nowhere")]),
        "invalid_field",
        "data.properties.0.zone",
    ),
    "a lock twice": (
        site_put(locks=[*site()["locks"], lock("front", 9)]),
        "invalid_field",
        "data.locks",
    ),
    "an address twice": (
        site_put(locks=[*site()["locks"], lock("attic", 2)]),
        "invalid_field",
        "data.locks",
    ),
    "a property twice": (
        site_put(properties=[property_("cabin"), property_("cabin")]),
        "invalid_field",
        "data.properties",
    ),
    "a driver with a capital": (
        site_put(locks=[lock("front", 2, driver="Zwave")]),
        "invalid_field",
        "data.locks.0.driver",
    ),
    "a Nuki by its name": (
        site_put(locks=[lock("front", 2, driver="nuki", address="Nuki_1A2B0001")]),
        "invalid_field",
        "data.locks.0.address",
    ),
    "a Nuki's address twice, written differently": (
        site_put(
            locks=[
                lock(id_, 0, driver="nuki", address=address)
                for id_, address in (("a", "54:D2:72:00:00:0A"), ("b", "54:d2:72:00:00:0a"))
            ]
        ),
        "invalid_field",
        "data.locks",
    ),
    "an address as a number": (
        site_put(locks=[lock("front", 2, address=2)]),
        "invalid_field",
        "data.locks.0.address",
    ),
    "too many properties": (
        site_put(properties=[{"id": f"p{n}", "name": "x"} for n in range(1001)]),
        "invalid_field",
        "data.properties",
    ),
    "part 0": (snapshot(part=0), "invalid_field", "data.part"),
    "a part beyond all": (snapshot(part=2), "invalid_field", "data.part"),
    "as_of without a zone": (snapshot(as_of="2026-07-01T11:00:00"), "invalid_field", "data.as_of"),
    "items that are none": (snapshot(items={}), "invalid_field", "data.items"),
    "a brake that is none": (
        command("brake.confirm", {"brake_id": "BAD"}, id="BAD"),
        "invalid_field",
        "data.brake_id",
    ),
    "a brake without a name": (
        command("brake.confirm", {}, id="BAD"),
        "missing_field",
        "data.brake_id",
    ),
    "an unknown lock": (
        command("lock.resync", {"lock_id": "attic"}, id="BAD"),
        "unknown_lock",
        "data.lock_id",
    ),
}


@pytest.mark.parametrize(("message", "reason", "path"), NO_COMMAND.values(), ids=NO_COMMAND)
async def test_a_bad_message_is_told_with_reason_and_path_and_changes_nothing(
    house: House, message: bytes | Document, reason: str, path: str
) -> None:
    # Faults 9, 10, 11, 12
    before = await house.dump(without=ANSWERS)
    told = await house.take(message)  # suffering 20: nothing is taken silently
    rejected = data(told, "command.rejected")
    assert (rejected["reason"], rejected["path"]) == (reason, path)
    assert set(types(told)) <= {"command.rejected", "alert.raised"}
    assert rejected["message"]
    assert not [secret for secret in SECRETS if secret in json.dumps(told)]
    assert await house.dump(without=ANSWERS) == before
    good = put(code="846291") | {"id": "GOOD"}
    assert "code.assigned" in types(await house.take(good))


async def test_what_nobody_thought_of_is_answered_and_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash would be no answer: the broker would send it again to each new start."""

    async def handle(*_: object) -> bool:
        raise OverflowError(f"{NAME} {PIN}")

    before = await house.dump(without=ANSWERS)
    monkeypatch.setattr(accept, "handle", handle)
    with capture_logs() as logs:
        told = await house.take(put())
    monkeypatch.undo()
    assert data(told, "command.rejected")["message"].startswith("the hub cannot carry this out")
    line, _ = logs
    assert (line["event"], line["error"]) == ("command.failed", "OverflowError")
    assert not [secret for secret in SECRETS if secret in json.dumps((told, logs))]
    assert await house.dump(without=ANSWERS) == before


async def test_a_retained_command_is_rejected(house: House) -> None:
    """Suffering 21: it would be carried out again at each connection."""
    # Fault 16
    before = await house.dump(without=ANSWERS)
    told = await house.take(put(), "reservation.put", retained=True)
    assert data(told, "command.rejected")["reason"] == "retained"
    assert await house.dump(without=ANSWERS) == before


async def test_a_command_on_the_topic_of_another_is_rejected(house: House) -> None:
    told = await house.take(put(), "report")
    rejected = data(told, "command.rejected")
    assert (rejected["reason"], rejected["path"]) == ("invalid_field", "type")
    assert "command.accepted" in types(await house.take(put(), "reservation.put"))


async def test_the_answer_names_the_command_wherever_it_can_be_read(house: House) -> None:
    (told,) = await house.take({"id": "C77", "type": "nonsense"})
    assert told["cause"] == "C77"
    (told,) = await house.take(b'{"id": "C77"')
    assert told["cause"] is None


async def test_a_message_as_large_as_is_allowed_is_taken(house: House) -> None:
    raw = json.dumps(command("report", {}, id="C7")).encode()
    told = await house.take(raw + b" " * (MAX_BYTES - len(raw)))
    assert "command.accepted" in types(told)


async def test_a_message_as_deep_as_is_allowed_is_taken(house: House) -> None:
    deep: Any = "x"
    for _ in range(MAX_DEPTH - 2):
        deep = [deep]
    assert "command.accepted" in types(await house.take(command("report", {}, id="C7", x=deep)))


async def test_a_reservation_without_any_times_is_refused_with_an_alert_until_it_has_them(
    house: House,
) -> None:
    timeless = property_("flat-3", "front", check_in=..., check_out=...)  # S2-5
    await house.send("site.put", site(2, properties=[*site()["properties"], timeless]))
    before = await house.dump(without=ANSWERS)
    told = await house.send("reservation.put", reservation("R2", property_id="flat-3"))
    rejected = data(told, "command.rejected")
    assert (rejected["reason"], rejected["path"]) == ("times_missing", "data.check_in")
    assert data(told, "alert.raised")["subject"] == "R2"
    assert await house.dump(without=ANSWERS) == before
    half = reservation("R2", property_id="flat-3", check_in="15:00")
    assert data(await house.send("reservation.put", half), "command.rejected")["path"] == (
        "data.check_out"
    )
    told = await house.send("reservation.put", half | {"check_out": "11:00"})
    assert sorted(types(told)) == ["alert.cleared", "code.assigned", "command.accepted"]
    assert await house.alerts() == set()


async def test_the_explicit_whole_day_is_carried_out(house: House) -> None:
    told = await house.send(  # S2-5
        "reservation.put", reservation("R2", check_in="all_day", check_out="all_day")
    )
    assert "code.assigned" in types(told)
    ((starts, ends),) = await house.rows("SELECT starts, ends FROM keys WHERE id = 'res:R2'")
    assert (starts, ends) == (1783720800.0, 1784152800.0)  # midnight to midnight in Zurich


async def test_a_reservation_for_an_unknown_property_waits_for_it_with_an_alert(
    house: House,
) -> None:
    told = await house.send("reservation.put", reservation("R2", property_id="flat-3"), id="C7")
    assert sorted(types(told)) == ["alert.raised", "command.accepted"]
    assert data(told, "alert.raised")["code"] == "mapping_unknown"
    assert await house.rows("SELECT held FROM reservations WHERE id = 'R2'") == [
        ("mapping_unknown",)
    ]
    assert await house.live() == {"R1"}
    await house.restart()
    more = [*site()["properties"], property_("flat-3", "front")]
    told = await house.send("site.put", site(2, properties=more))
    assert data(told, "code.assigned")["reservation_id"] == "R2"
    assert data(told, "alert.cleared")["subject"] == "R2"
    assert await house.alerts() == set()
    assert await house.rows("SELECT held FROM reservations WHERE id = 'R2'") == [(None,)]


async def test_what_waits_for_its_property_can_be_cancelled(house: House) -> None:
    await house.send("reservation.put", reservation("R2", property_id="flat-3"))
    told = await house.send("reservation.cancel", {"id": "R2", "version": 2})
    assert "command.done" in types(told)
    assert await house.alerts() == set()
    more = [*site()["properties"], property_("flat-3", "front")]
    assert "code.assigned" not in types(await house.send("site.put", site(2, properties=more)))


async def test_an_alert_that_another_takes_the_place_of_is_cleared(house: House) -> None:
    await house.send("reservation.put", reservation("R2", property_id="flat-3"))
    timeless = property_("flat-3", "front", check_out=...)
    await house.send("site.put", site(2, properties=[*site()["properties"], timeless]))
    assert await house.alerts() == {("times_missing", "R2")}
    await house.send("site.put", site(3))
    assert await house.alerts() == {("mapping_unknown", "R2")}


async def test_everything_that_comes_before_the_first_site_document_waits_for_it(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path / "new") as house:
        for n in range(5):
            await house.send("reservation.put", reservation(f"R{n}"))
        told = await house.send("site.put", site())
        assert types(told).count("code.assigned") == 5


# --- whatever comes ----------------------------------------------------------------------------

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.dates().map(str)
    | st.sampled_from(
        [10**400, "\ud800", "\x00", "all_day", "24:00", "0", "99999h", "R1", "front", *FAR]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
GOOD = [
    put(),
    put(policy={"pin": {"source": "phone", "length": 6}, "grace": "all_day", "write_lead": "2h"}),
    put(check_in="00:00", check_out="all_day", announced_at="2026-07-01T12:00:00+02:00"),
    site_put(policy={"verify_after": "5m"}),
    command("reservation.cancel", {"id": "R9", "version": 9}),
    snapshot(items=[full(id="R8"), full(id="R7", code="846291")]),
    command("brake.confirm", {"brake_id": "BAD"}),
    command("lock.resync", {"lock_id": "front"}),
    command("lock.operate", {"lock_id": "front", "action": "unlock"}),
    command("report", {}),
    command("key.put", STAFF),
    command("reservation.check_in", {"id": "R1", "at": "2026-07-01T12:00:00Z"}),
    command("time", {"utc": "2026-07-01T12:00:00Z", "accuracy_s": 5}),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good command of which one to three places are something else."""
    document = copy.deepcopy(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = document
        while True:
            name = draw(
                st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place)))
            )
            inner = place[name]
            if not (isinstance(inner, dict | list) and inner) or draw(st.integers(0, 3)) == 0:
                break
            place = inner
        if isinstance(place, dict) and len(place) > 1 and draw(st.integers(0, 4)) == 0:
            del place[name]
        else:
            place[name] = draw(junk)
    document["id"] = draw(st.uuids()).hex if draw(st.integers(0, 3)) else document.get("id")
    return json.dumps(document).encode()


anything = st.binary(max_size=200) | junk.map(lambda x: json.dumps(x).encode()) | mutated()


def test_whatever_bytes_come_they_are_answered_and_the_database_stays_whole(
    tmp_path: Path,
) -> None:
    # Fault 10
    with asyncio.Runner() as runner:
        context = opened(tmp_path)
        house = runner.run(context.__aenter__())
        runner.run(house.send("site.put", site()))

        @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
        @given(anything)
        def holds(payload: bytes) -> None:
            with capture_logs() as logs:
                runner.run(answered_whole(house, payload))
            assert "command.failed" not in {line["event"] for line in logs}

        holds()
        assert runner.run(house.rows("PRAGMA integrity_check")) == [("ok",)]
        runner.run(context.__aexit__(None, None, None))


async def answered_whole(house: House, payload: bytes) -> None:
    """One answer, unless it was here before; codes of live keys differ; each key has its doors."""
    told = await house.take(payload)
    answers = [event for event in told if event["type"].startswith("command.")]
    assert answers or '"id": "' in payload.decode()
    for event in answers:
        assert event["hub"] == HUB
        assert event["type"] != "command.rejected" or Reason(event["data"]["reason"])
    codes = await house.rows("SELECT code FROM keys WHERE NOT revoked")
    assert len(codes) == len(set(codes)) or await house.rows(
        "SELECT 1 FROM keys a JOIN keys b ON a.code = b.code AND a.id < b.id "
        "WHERE a.ends + 30 * 86400 <= b.starts OR b.ends + 30 * 86400 <= a.starts"
    )
    assert await house.rows("PRAGMA foreign_key_check") == []
    lost = "SELECT 1 FROM keys WHERE NOT revoked AND id NOT IN (SELECT key_id FROM doors)"
    assert await house.rows(lost) == []
