"""The local door on a real socket: the whole hub in this process, its locks in memory."""

import asyncio
import getpass
import json
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from gatewayd.domain.events.lock import LockUsed
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.moment import FOREVER
from gatewayd.domain.reach import Reach
from gatewayd.errors import ConfigError
from gatewayd.web import follow
from gatewayd.web.door import bound, served
from gatewayd.web.followers import Followers
from gatewayd.web.parts import Parts
from gatewayd.web.routes import document
from tests import house
from tests.house import HUB, NOON, House, command, reservation, site
from tests.schemas import fits

DOCUMENT = document("1.2.3")
SCHEMAS = DOCUMENT["components"]["schemas"]


@dataclass
class Door:
    """A hub's door, and a client at it."""

    house: House
    path: Path
    http: aiohttp.ClientSession

    async def ask(self, path: str, status: int = 200) -> Any:
        """An answer, held against what is printed of it."""
        async with self.http.get(f"http://hub{path}") as response:
            answer = await response.json(content_type=None)
            assert response.status == status, answer
            self._fits("get", path, status, answer)
            return answer

    async def say(self, path: str, body: object, status: int = 200) -> Any:
        """The answer to a word; bytes are sent as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.http.post(f"http://hub{path}", data=raw) as response:
            answer = await response.json(content_type=None)
            assert response.status == status, answer
            self._fits("post", path, status, answer)
            return answer

    def _fits(self, method: str, path: str, status: int, answer: object) -> None:
        parts = path.partition("?")[0].split("/")
        for template, operations in DOCUMENT["paths"].items():
            pieces = template.split("/")
            if len(pieces) == len(parts) and all(
                a in {b, "{id}"} for a, b in zip(pieces, parts, strict=True)
            ):
                responses = operations.get(method, {}).get("responses", {})
                told = responses.get(str(status), responses.get("default"))
                if told is not None:
                    ((_, content),) = [x for x in told["content"].items() if "json" in x[0]]
                    fits(DOCUMENT, content["schema"], answer)
                    return
        fits(DOCUMENT, SCHEMAS["Problem"], answer)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Door]:
    """A hub that has the site of `house`."""
    path, followers = folder / "hub.sock", Followers()
    async with house.opened(folder) as there:
        there.database.committed = followers.committed
        parts = Parts(
            hub=HUB,
            version="1.2.3",
            since=NOON,
            database=there.database,
            outbox=there.outbox,
            intake=there.intake,
            clock=there.clock,
            cloud=lambda: Reach(up=False, since=NOON, why="cannot reach the broker"),
            radios=lambda: {"zwave": Reach(up=True, since=NOON)},
            followers=followers,
        )
        connector = aiohttp.UnixConnector(str(path))
        async with served(str(path), parts), aiohttp.ClientSession(connector=connector) as http:
            await there.send("site.put", site())
            yield Door(there, path, http)


@pytest_asyncio.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as door:
        yield door


async def test_the_hub_tells_how_it_stands(door: Door) -> None:
    await door.house.send("reservation.put", reservation())
    await door.house.send("reservation.put", reservation("R2", property_id="nowhere"))
    told = await door.ask("/v1/status")
    assert (told["hub"], told["version"], told["zone"]) == (HUB, "1.2.3", "Europe/Zurich")
    assert told["clock"]["trusted"] is True
    assert (told["cloud"]["up"], told["cloud"]["why"]) == (False, "cannot reach the broker")
    assert told["cloud"]["waiting"] == len(await door.house.told())
    assert [(x["name"], x["up"]) for x in told["radios"]] == [("zwave", True)]
    assert told["locks"] == {"online": 4, "offline": 0, "inactive": 0}
    assert told["keys"] == {"upcoming": 1, "current": 0, "past": 0, "revoked": 0}
    codes = [alert["code"] for alert in told["alerts"]]
    assert "mapping_unknown" in codes


async def test_the_worst_alert_comes_first(door: Door) -> None:
    for code, subject in [("no_grace", "p"), ("removal_failed", "front"), ("battery_low", "x")]:
        await execute(door, "INSERT INTO alerts VALUES (?, ?, 1, NULL)", code, subject)
    alerts = (await door.ask("/v1/status"))["alerts"]
    assert [x["severity"] for x in alerts] == ["critical", "warning", "notice"]
    assert alerts[0]["text"] == "a code that is over still lies on front"


async def test_a_lock_and_its_keys(door: Door) -> None:
    await door.house.send("reservation.put", reservation())
    locks = (await door.ask("/v1/locks"))["locks"]
    assert [x["lock_id"] for x in locks] == ["flat-1-door", "flat-2-door", "front", "shed-door"]
    one = await door.ask("/v1/locks/front")
    assert (one["name"], one["address"], one["properties"]) == (
        "The front",
        "2",
        ["flat-1", "flat-2"],
    )
    keys = {x["key_id"] for x in one["keys"]}
    assert {"res:R1"} == {x for x in keys if not x.startswith("backup:")}
    missing = await door.ask("/v1/locks/attic", 404)
    assert missing["reason"] == "not_found"


async def test_a_lock_tells_who_comes_next_and_who_used_it_last(door: Door) -> None:
    await door.house.send("reservation.put", reservation())
    await door.house.send("reservation.put", reservation("R2", arrival="2026-07-03"))
    await door.house.send("reservation.put", reservation("R3", arrival="2026-07-02"))
    await door.house.send("reservation.cancel", {"id": "R3", "version": 2})
    earlier = NOON - timedelta(hours=1)
    for used in (
        LockUsed(LockId("front"), 1, KeyId("res:R1"), "unlock"),
        LockUsed(LockId("front"), 2, KeyId("res:R2"), "unlock", at=earlier),
        LockUsed(LockId("shed-door"), None, None, "lock"),
    ):
        async with door.house.database.transaction() as tx:
            await door.house.outbox.tell(tx, door.house.clock.now(), (used,))
    told = {lock["lock_id"]: lock for lock in (await door.ask("/v1/locks"))["locks"]}
    assert told["front"]["last_use"] == {"at": "2026-07-01T11:00:00Z", "key_id": "res:R2"}
    assert told["shed-door"]["last_use"] == {"at": "2026-07-01T12:00:00Z", "key_id": None}
    assert told["flat-1-door"]["last_use"] is None
    assert told["front"]["next_arrival"] == "2026-07-03T12:00:00Z"  # an hour of grace
    assert told["shed-door"]["next_arrival"] is None
    door.house.clock.at = NOON + timedelta(days=2, minutes=-1)  # the code is due: it has to leave
    moved = reservation("R2", 2, arrival="2026-07-03", property_id="flat-2")
    await door.house.send("reservation.put", moved)
    told = {lock["lock_id"]: lock for lock in (await door.ask("/v1/locks"))["locks"]}
    assert told["flat-2-door"]["next_arrival"] == "2026-07-03T12:00:00Z"
    assert told["flat-1-door"]["next_arrival"] == "2026-07-11T12:00:00Z"
    door.house.clock.at = NOON + timedelta(days=2, minutes=1)
    assert (await door.ask("/v1/locks/front"))["next_arrival"] == "2026-07-11T12:00:00Z"


async def execute(door: Door, sql: str, *values: object) -> None:
    async with door.house.database.transaction() as tx:
        await tx.rows(sql, values)


async def test_keys_come_in_pages_and_by_what_is_asked(door: Door) -> None:
    for n in range(5):
        booked = reservation(f"R{n}", arrival=f"2026-07-{11 + n}", departure=f"2026-07-{16 + n}")
        await door.house.send("reservation.put", booked)
    await door.house.send("reservation.cancel", {"id": "R4", "version": 2})
    asked = "/v1/keys?status=upcoming,current&limit=3&lock=flat-1-door"
    first = await door.ask(asked)
    assert [x["key_id"] for x in first["keys"]] == ["res:R0", "res:R1", "res:R2"]
    second = await door.ask(f"{asked}&after={first['next']}")
    rest = [x["key_id"] for x in second["keys"]]
    assert rest[0] == "res:R3"
    revoked = await door.ask("/v1/keys?status=revoked")
    assert [x["key_id"] for x in revoked["keys"]] == ["res:R4"]
    one = await door.ask("/v1/keys?reservation=R2")
    assert [x["key_id"] for x in one["keys"]] == ["res:R2"]
    assert (await door.ask("/v1/keys?after=nothing", 404))["reason"] == "not_found"


async def test_a_key_tells_its_doors_and_what_is_wrong_with_it(door: Door) -> None:
    await door.house.send("reservation.put", reservation())
    await execute(door, "INSERT INTO alerts VALUES ('code_unset', 'front/res:R1', 1, NULL)")
    await execute(door, "INSERT INTO alerts VALUES ('code_unset', 'front/res:R2', 1, NULL)")
    key = await door.ask("/v1/keys/res:R1")
    assert key["status"] == "upcoming"
    assert [(x["lock_id"], x["state"]) for x in key["doors"]] == [
        ("flat-1-door", "waiting"),
        ("front", "waiting"),
    ]
    assert [x["subject"] for x in key["alerts"]] == ["front/res:R1"]
    assert (key["staff_version"], key["reservation_version"]) == (None, 1)
    await door.house.send("key.revoke", {"id": "res:R1", "version": 4})
    assert (await door.ask("/v1/keys/res:R1"))["staff_version"] == 4
    await door.ask("/v1/keys/res:R9", 404)


async def test_the_status_of_a_key_is_the_same_in_every_answer(door: Door) -> None:
    await door.house.send("reservation.put", reservation())
    for days in (0, 12, 30):
        door.house.clock.at = NOON + timedelta(days=days)
        counted = (await door.ask("/v1/status"))["keys"]
        (key,) = (await door.ask("/v1/keys?reservation=R1"))["keys"]
        assert counted[key["status"]] == 1
        wanted = {0: "upcoming", 12: "current", 30: "past"}[days]
        assert key["status"] == wanted


async def test_a_command_takes_the_same_way_as_the_clouds(door: Door) -> None:
    said = {"type": "reservation.put", "data": reservation()}
    receipt = await door.say("/v1/commands", said, 202)
    assert receipt["type"] == "command.accepted"
    stands = await door.ask(f"/v1/commands/{receipt['cause']}")
    assert (stands["type"], stands["state"]) == ("reservation.put", "waiting")
    assert [key["key_id"] for key in stands["keys"]] == ["res:R1"]
    for lock in ("front", "flat-1-door"):
        await door.house.prove(lock, "R1")
    assert (await door.ask("/v1/keys/res:R1"))["doors"]


async def test_a_command_with_an_id_is_done_once(door: Door) -> None:
    whole = command("reservation.put", reservation(), id="MINE")
    first = await door.say("/v1/commands", whole, 202)
    assert await door.say("/v1/commands", whole, 202) == first
    assert len(await door.house.rows("SELECT 1 FROM commands WHERE id = 'MINE'")) == 1


async def test_a_bad_command_is_rejected_as_the_clouds_is(door: Door) -> None:
    said = {"type": "reservation.put", "data": reservation(check_in="noon"), "id": "BAD"}
    receipt = await door.say("/v1/commands", said, 422)
    assert (receipt["type"], receipt["cause"]) == ("command.rejected", "BAD")
    assert receipt["data"]["path"] == "data.check_in"
    other = {"type": "health.run", "hub": "another"}
    wrong = await door.say("/v1/commands", other, 422)
    assert wrong["data"]["reason"] == "wrong_hub"
    unknown = {"type": "lock.resync", "data": {"lock_id": "attic"}, "id": "C-attic"}
    receipt = await door.say("/v1/commands", unknown, 422)
    assert receipt["data"]["reason"] == "unknown_lock"
    assert (await door.ask("/v1/commands/C-attic"))["state"] == "rejected"


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"{", 400, "malformed"),
        (b"[1]", 400, "malformed"),
        (b'{"a": 1, "a": 2}', 400, "malformed"),
        (b"\xff", 400, "malformed"),
        (b" " * (256 * 1024 + 1), 413, "too_large"),
    ],
)
async def test_what_is_no_command_is_a_problem(
    door: Door, body: bytes, status: int, reason: str
) -> None:
    assert (await door.say("/v1/commands", body, status))["reason"] == reason


@pytest.mark.parametrize(
    ("path", "status", "at"),
    [
        ("/v1/keys?limit=0", 400, "limit"),
        ("/v1/keys?status=dead", 400, "status.0"),
        ("/v1/keys?shape=round", 400, "shape"),
        ("/v1/codes", 400, ""),
        ("/v1/codes?lock=front&key=res:R1", 400, ""),
        ("/v1/events?before=never", 400, "before"),
        ("/v1/nothing", 404, ""),
        ("/v1/commands", 405, ""),
    ],
)
async def test_a_bad_question_is_a_problem_that_names_the_field(
    door: Door, path: str, status: int, at: str
) -> None:
    assert (await door.ask(path, status))["path"] == at


async def test_the_socket_is_for_the_daemon_and_its_group(door: Door) -> None:
    mode = door.path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660


async def test_a_socket_that_a_dead_daemon_left_is_replaced_and_goes_with_the_hub(
    tmp_path: Path,
) -> None:
    path = tmp_path / "hub.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    async with opened(tmp_path) as door:
        assert (await door.ask("/v1/status"))["hub"] == HUB
    assert not path.exists()


async def test_the_socket_of_a_living_daemon_is_left_alone(door: Door) -> None:
    with pytest.raises(ConfigError, match="another gatewayd answers there"), bound(door.path):
        pass
    assert (await door.ask("/v1/status"))["hub"] == HUB


@pytest.mark.parametrize("name", ["a file", "no folder/hub.sock", "x" * 120])
def test_a_socket_that_cannot_be_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "a file").write_text("kept")
    with pytest.raises(ConfigError, match=r"local\.socket"), bound(tmp_path / name):
        pass
    assert (tmp_path / "a file").read_text() == "kept"


async def test_a_failure_tells_neither_a_code_nor_where(
    door: Door, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await door.house.send("reservation.put", reservation())
    code = await door.house.code_of("R1")

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"the code is {code}")

    monkeypatch.setattr("gatewayd.store.views.keys", fail)
    assert (await door.ask("/v1/keys", 500))["reason"] == "internal"
    said = "".join(capsys.readouterr())
    assert "RuntimeError" in said
    assert code not in said


@pytest.mark.parametrize("asked", ["reservation=R1", "key=res:R1", "lock=flat-1-door"])
async def test_codes_are_found_by_reservation_key_and_lock_without_digits(
    door: Door, asked: str
) -> None:
    """S1-15"""
    await door.house.send("reservation.put", reservation())
    code = await door.house.code_of("R1")
    found = await door.ask(f"/v1/codes?{asked}")
    held = {key["key_id"]: key for key in found["keys"]}
    assert [x["lock_id"] for x in held["res:R1"]["doors"]] == ["flat-1-door", "front"]
    assert code not in json.dumps(found)
    for path in ("/v1/keys", "/v1/keys/res:R1", "/v1/locks/front", "/v1/events", "/v1/status"):
        assert code not in json.dumps(await door.ask(path))


@pytest.mark.parametrize("asked", ["reservation", "key", "lock"])
async def test_digits_are_revealed_and_it_is_told_to_whom(door: Door, asked: str) -> None:
    """S1-15"""
    await door.house.send("reservation.put", reservation())
    await door.house.send("reservation.put", reservation("R2", property_id="flat-2"))
    before = (await door.house.rows("SELECT max(seq) FROM outbox"))[0][0]
    what = {"reservation": "R1", "key": "res:R1", "lock": "flat-1-door"}[asked]
    found = await door.say("/v1/codes/reveal", {asked: what})
    codes = {each["key_id"]: each["code"] for each in found["codes"]}
    assert codes["res:R1"] == await door.house.code_of("R1")
    assert "res:R2" not in codes
    (told,) = await door.house.told(before)
    assert told["type"] == "codes.revealed"
    assert told["data"]["by"] == getpass.getuser()
    assert set(told["data"]["key_ids"]) == codes.keys()
    assert told["data"]["lock_ids"] == (["flat-1-door"] if asked == "lock" else [])
    (noted,) = (await door.ask("/v1/events?type=codes.revealed"))["events"]
    assert noted["data"]["by"] == getpass.getuser()
    assert not set(codes.values()) & set(json.dumps(noted).split('"'))


@pytest.mark.parametrize("subject", ["R1", "res:R1", "front%2Fres:R1", "front"])
async def test_why_tells_of_a_reservation_a_key_a_door_and_a_lock(door: Door, subject: str) -> None:
    await door.house.send("reservation.put", reservation())
    told = await door.ask(f"/v1/why/{subject}")
    assert told["diagnosis"]["summary"]
    assert told["text"].startswith(told["diagnosis"]["summary"])
    assert await door.house.code_of("R1") not in json.dumps(told)


async def test_why_names_what_may_be_meant(door: Door) -> None:
    await door.house.send("reservation.put", reservation("R12345"))
    assert "R12345" in (await door.ask("/v1/why/R12346", 404))["message"]


async def test_nothing_is_revealed_where_it_cannot_be_told(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    await door.house.send("reservation.put", reservation())

    async def fail(*_: object) -> None:
        raise OSError("no disk")

    monkeypatch.setattr(door.house.outbox, "tell", fail)
    answer = await door.say("/v1/codes/reveal", {"key": "res:R1"}, 500)
    assert answer["reason"] == "internal"


async def test_a_guest_who_has_a_backup_code_is_found_with_it(door: Door) -> None:
    """S1-15"""
    await door.house.send("reservation.put", reservation())
    await execute(
        door,
        "INSERT INTO keys (id, code, exclusive, label, starts, ends, issued_to) "
        "VALUES ('backup:front:2', '735162', 0, 'Backup-2', 0, ?, 'res:R1')",
        FOREVER.timestamp(),
    )
    found = await door.ask("/v1/codes?reservation=R1")
    assert [x["key_id"] for x in found["keys"]] == ["res:R1", "backup:front:2"]
    assert found["keys"][1]["ends"] is None


async def test_a_code_that_lies_where_it_is_not_wanted_is_shown(door: Door) -> None:
    await door.house.send("reservation.put", reservation())
    for lock in ("front", "flat-1-door"):
        await door.house.prove(lock, "R1")
    await door.house.send("key.revoke", {"id": "res:R1", "version": 1})
    key = await door.ask("/v1/keys/res:R1")
    assert key["status"] == "revoked"
    assert {(x["lock_id"], x["state"]) for x in key["doors"]} == {
        ("front", "removing"),
        ("flat-1-door", "removing"),
    }


async def test_a_command_is_done_when_its_effect_is_proven(door: Door) -> None:
    said = {"id": "C-R1", "type": "reservation.put", "data": reservation()}
    await door.say("/v1/commands", said, 202)
    held = {"id": "C-all", "type": "report"}
    await door.say("/v1/commands", held, 202)
    assert (await door.ask("/v1/commands/C-all"))["state"] == "done"
    assert (await door.ask("/v1/commands/C-R1"))["state"] == "waiting"
    nowhere = {"id": "C-R9", "type": "reservation.put"}
    await door.say("/v1/commands", nowhere | {"data": reservation("R9", property_id="x")}, 202)
    stands = await door.ask("/v1/commands/C-R9")
    assert (stands["state"], stands["keys"]) == ("waiting", [])
    assert [(x["code"], x["subject"]) for x in stands["alerts"]] == [("mapping_unknown", "R9")]
    late = command("lock.operate", {"lock_id": "front", "action": "unlock"}, id="C-late")
    late["ts"] = "2026-07-01T11:00:00Z"
    assert (await door.say("/v1/commands", late, 422))["type"] == "command.expired"
    assert (await door.ask("/v1/commands/C-late"))["state"] == "expired"
    await door.ask("/v1/commands/C-none", 404)


async def test_what_was_told_comes_in_pages_the_newest_first(door: Door) -> None:
    for n in range(4):
        await door.say("/v1/commands", {"id": f"C-{n}", "type": "report"}, 202)
    asked = "/v1/events?type=command.accepted,command.done&limit=3"
    first = await door.ask(asked)
    assert [x["cause"] for x in first["events"]] == ["C-3", "C-3", "C-2"]
    second = await door.ask(f"{asked}&before={first['next']}")
    assert [x["cause"] for x in second["events"]] == ["C-2", "C-1", "C-1"]
    await door.house.send("reservation.put", reservation())
    about = await door.ask("/v1/events?key=res:R1")
    assert {x["type"] for x in about["events"]} == {"code.assigned"}


@dataclass
class Line:
    """One who follows."""

    response: aiohttp.ClientResponse

    async def next(self) -> tuple[int, dict[str, Any]]:
        """The next event and its place; held against its schema."""
        place = 0
        async with asyncio.timeout(20):
            async for raw in self.response.content:
                name, _, said = raw.decode().rstrip().partition(": ")
                if name == "id":
                    place = int(said)
                if name == "data":
                    event = json.loads(said)
                    fits(DOCUMENT, SCHEMAS["Event"], event)
                    return place, event
        raise EOFError

    async def heartbeat(self) -> None:
        """Until a comment comes."""
        async with asyncio.timeout(20):
            async for raw in self.response.content:
                if raw.startswith(b": still"):
                    return
        raise EOFError


@asynccontextmanager
async def following(door: Door, asked: str = "", last: int | None = None) -> AsyncIterator[Line]:
    headers = {"Accept": "text/event-stream"}
    if last is not None:
        headers["Last-Event-ID"] = str(last)
    async with door.http.get(f"http://hub/v1/events{asked}", headers=headers) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        await response.content.readline()  # it follows from here on
        yield Line(response)


async def test_each_event_comes_as_it_is_told_and_a_lost_line_is_taken_up_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "HEARTBEAT", 600.0)
    async with following(door) as line:
        await door.say("/v1/commands", {"id": "C-1", "type": "report"}, 202)
        place, event = await line.next()
        assert (event["seq"], event["type"], event["cause"]) == (place, "command.accepted", "C-1")
    await door.say("/v1/commands", {"id": "C-2", "type": "report"}, 202)
    async with following(door, last=place) as line:
        told = [(await line.next())[1] for _ in range(3)]
    assert [(x["type"], x["cause"]) for x in told] == [
        ("command.done", "C-1"),
        ("command.accepted", "C-2"),
        ("command.done", "C-2"),
    ]


async def test_who_follows_gets_what_he_asked_for_and_nothing_else(door: Door) -> None:
    async with following(door, "?type=code.assigned&key=res:R2") as line:
        for id_ in ("R1", "R2"):
            await door.house.send("reservation.put", reservation(id_, property_id="shed"))
        assert (await line.next())[1]["key_id"] == "res:R2"


async def test_a_quiet_line_has_a_heartbeat(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "HEARTBEAT", 0.01)
    async with following(door) as line:
        await line.heartbeat()


async def test_a_reader_who_does_not_read_is_let_go(
    door: Door, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(follow, "SLOW", 0.2)
    reader, writer = await asyncio.open_unix_connection(str(door.path), limit=1)
    writer.write(b"GET /v1/events HTTP/1.1\r\nHost: hub\r\nAccept: text/event-stream\r\n")
    writer.write(b"Last-Event-ID: 0\r\n\r\n")
    await writer.drain()
    assert (await reader.readexactly(8)) == b"HTTP/1.1"
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's has it
    entry = "INSERT INTO journal VALUES (?, 'x', 1, 'hub.started', NULL, NULL, NULL, ?)"
    text = json.dumps({"version": "x" * 100_000})
    for n in range(100, 130):
        await execute(door, entry, n, text)
    await door.house.send("report", {})
    said = ""
    async with asyncio.timeout(20):
        while "local.reader_dropped" not in said:
            said += capsys.readouterr().out
            await asyncio.sleep(0.02)
    writer.close()
    assert (await door.ask("/v1/status"))["hub"] == HUB


async def test_a_place_that_is_none_is_a_problem(door: Door) -> None:
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "yesterday"}
    async with door.http.get("http://hub/v1/events", headers=headers) as response:
        assert response.status == 400
        fits(DOCUMENT, SCHEMAS["Problem"], await response.json(content_type=None))


async def test_who_follows_does_not_hold_up_the_end_of_the_hub(tmp_path: Path) -> None:
    connector = aiohttp.UnixConnector(str(tmp_path / "hub.sock"))
    async with aiohttp.ClientSession(connector=connector) as http:
        async with opened(tmp_path) as door:
            headers = {"Accept": "text/event-stream"}
            response = await http.get("http://hub/v1/events", headers=headers)
            await response.content.readline()
            assert (await door.ask("/v1/status"))["hub"] == HUB
            began = asyncio.get_running_loop().time()
        assert await response.content.read() == b"\n"
    assert asyncio.get_running_loop().time() - began < 0.9  # GOODBYE is a second


async def test_the_description_is_the_printed_one(door: Door) -> None:
    assert await door.ask("/v1/openapi.json") == DOCUMENT


async def test_a_request_that_takes_too_long_is_a_problem(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("gatewayd.web.routes.ANSWERS_WITHIN", 0.01)
    monkeypatch.setattr("gatewayd.store.views.keys", hang)
    assert (await door.ask("/v1/keys", 503))["reason"] == "timeout"
