"""The link to the cloud against a real mosquitto: nothing acknowledged before it is on disk,
nothing forgotten before the cloud says that it has it."""

import asyncio
import gc
import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from structlog.testing import capture_logs

from gatewayd.cloud import connection as connections
from gatewayd.cloud import link as linking
from gatewayd.cloud import publisher as publishing
from gatewayd.cloud.connection import Connection
from gatewayd.config import Config, Mqtt, tls
from gatewayd.config import Hub as Names
from gatewayd.domain.events.alert import raised
from gatewayd.domain.events.code import CodeConfirmed
from gatewayd.domain.events.hub import HubStarted
from gatewayd.domain.events.lock import LockOnline
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.lease import Proof
from simulators.broker import Broker, find_mosquitto, free_port
from simulators.cloud import Cloud
from tests.house import FakeClock
from tests.linked import PREFIX, hub, true


@asynccontextmanager
async def listening(
    port: int, topic: str, below: str = PREFIX
) -> AsyncIterator[list[mqtt.MQTTMessage]]:
    """All that comes on some topics, by default of the hub's own, in its order."""
    heard: list[mqtt.MQTTMessage] = []
    subscribed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_subscribe(*_: object) -> None:
        loop.call_soon_threadsafe(subscribed.set)

    listener = mqtt.Client(CallbackAPIVersion.VERSION2)
    listener.on_message = lambda _c, _u, message: heard.append(message)
    listener.on_subscribe = on_subscribe
    listener.connect("127.0.0.1", port)
    listener.subscribe(f"{below}{topic}", 1)
    listener.loop_start()
    await asyncio.wait_for(subscribed.wait(), 10)
    try:
        yield heard
    finally:
        listener.disconnect()
        await asyncio.to_thread(listener.loop_stop)


async def test_an_event_is_kept_until_the_cloud_s_application_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fault 3
    # fault 3: the broker is up, the cloud's application is not
    monkeypatch.setattr(publishing, "RESEND", (0.2, 0.4))
    async with Broker(tmp_path / "b") as broker, hub(tmp_path, broker.port) as h:
        async with Cloud(broker.port, PREFIX) as cloud:
            cloud.receipts = False
            await h.eventually(lambda: true(h.link.ever_connected))
            await h.tell(HubStarted("1"))
            event = await cloud.until(lambda e: e["type"] == "hub.started")
            assert not await h.empty()
            cloud.receipts = True
            await h.eventually(h.empty)  # sent again, and receipted then
        assert [e["id"] for e in cloud.events] == [event["id"]]


async def test_events_of_an_outage_arrive_in_order_and_once(tmp_path: Path) -> None:
    # Fault 1
    async with Broker(tmp_path / "b") as broker, Cloud(broker.port, PREFIX) as cloud:
        async with hub(tmp_path, broker.port) as h:
            await h.eventually(lambda: true(h.link.ever_connected))
            with capture_logs() as logs:
                await broker.stop()
                await h.eventually(lambda: true(logs))
            assert [entry["event"] for entry in logs] == ["cloud.connection_ended"]
            lost = h.link.reach
            assert (lost.up, bool(lost.why)) == (False, True)
            for n in range(300):
                await h.tell(LockOnline(LockId(f"l{n}")))
            await broker.start()
            await cloud.until(lambda e: e["data"].get("lock_id") == "l299", within=40)
            await h.eventually(h.empty, within=20)
            assert (h.link.reach.up, h.link.reach.why) == (True, None)
            assert h.link.reach.since > lost.since
        seen = [e["data"]["lock_id"] for e in cloud.events if e["type"] == "lock.online"]
        assert seen == [f"l{n}" for n in range(300)]
        sequence = [e["seq"] for e in cloud.events]
        assert sequence == sorted(set(sequence))


async def test_a_command_is_acknowledged_only_after_its_commit(tmp_path: Path) -> None:
    # a hub that dies amid its transaction gets the command again
    seen: list[bytes] = []
    hold = asyncio.Event()

    async def never(payload: bytes, kind: str, retained: bool) -> None:
        seen.append(payload)
        hold.set()
        await asyncio.Event().wait()

    async with Broker(tmp_path / "b") as broker, Cloud(broker.port, PREFIX) as cloud:
        async with hub(tmp_path, broker.port, never) as h:
            await h.eventually(lambda: true(h.link.ever_connected))
            cloud.publish("cmd/report", b'{"once": 1}')
            await asyncio.wait_for(hold.wait(), 10)
        again: list[bytes] = []

        async def note(payload: bytes, kind: str, retained: bool) -> None:
            again.append(payload)

        async with hub(tmp_path, broker.port, note) as h:
            await h.eventually(lambda: true(bool(again)))
        assert seen == again == [b'{"once": 1}']
        third: list[bytes] = []

        async def last(payload: bytes, kind: str, retained: bool) -> None:
            third.append(payload)

        async with hub(tmp_path, broker.port, last) as h:
            await h.eventually(lambda: true(h.link.ever_connected))
            cloud.publish("cmd/report", b'{"twice": 2}')
            await h.eventually(lambda: true(bool(third)))
        assert third == [b'{"twice": 2}']


async def test_the_same_command_again_gets_the_same_receipt(tmp_path: Path) -> None:
    # Fault 4
    async with (
        Broker(tmp_path / "b") as broker,
        Cloud(broker.port, PREFIX) as cloud,
        hub(tmp_path, broker.port) as h,
    ):
        await h.eventually(lambda: true(h.link.ever_connected))
        id_ = await cloud.send("report", {})
        first = await cloud.answer(id_)
        await h.eventually(h.empty)
        async with listening(broker.port, "evt/command.accepted") as again:
            await cloud.send("report", {}, id=id_)
            await h.eventually(lambda: true(again))
        assert [json.loads(message.payload)["id"] for message in again] == [first["id"]]


async def test_status_is_retained_and_the_will_tells_of_a_hub_that_is_gone(
    tmp_path: Path,
) -> None:
    async with Broker(tmp_path / "b") as broker, Cloud(broker.port, PREFIX) as cloud:
        async with hub(tmp_path, broker.port) as h:
            await h.eventually(lambda: true(len(cloud.retained) == 2))
            assert cloud.retained["status"]["state"] == "online"
            assert set(cloud.retained["reported"]) == {"at", "locks", "keys", "leases", "alerts"}
        async with asyncio.timeout(10):
            while cloud.retained["status"]["state"] == "online":  # noqa: ASYNC110  # the broker's
                await asyncio.sleep(0.02)
        assert cloud.retained["status"]["reason"] == "shutdown"


def summaries(heard: list[mqtt.MQTTMessage]) -> list[set[str]]:
    """The subjects of the alerts in each summary that came."""
    topic = f"{PREFIX}reported"
    bodies = [json.loads(message.payload) for message in heard if message.topic == topic]
    return [{alert["subject"] for alert in body["alerts"]} for body in bodies]


async def test_what_changed_is_summed_up_again_after_a_while_and_once(tmp_path: Path) -> None:
    clock = FakeClock()
    async with (
        Broker(tmp_path / "b") as broker,
        Cloud(broker.port, PREFIX),
        listening(broker.port, "reported") as heard,
        hub(tmp_path, broker.port, clock=clock) as h,
    ):
        await h.eventually(lambda: true(summaries(heard) == [set()]))
        for lock in ("front", "back"):
            clock.ticks += publishing.REPORT_EVERY / 2 - 1
            await h.tell(raised(AlertCode.LOCK_OFFLINE, lock))
            await h.eventually(h.empty)
        assert summaries(heard) == [set()]
        clock.ticks += 2
        await h.tell(raised(AlertCode.LOCK_OFFLINE, "shed"))
        await h.eventually(lambda: true(len(summaries(heard)) == 2))
        assert summaries(heard)[1] == {"front", "back", "shed"}


async def test_a_proven_code_is_summed_up_soon(tmp_path: Path) -> None:
    clock = FakeClock()
    proven = CodeConfirmed(KeyId("res:R1"), LockId("front"), Proof.MATCHED, clock.at)
    async with (
        Broker(tmp_path / "b") as broker,
        Cloud(broker.port, PREFIX),
        listening(broker.port, "reported") as heard,
        hub(tmp_path, broker.port, clock=clock) as h,
    ):
        await h.eventually(lambda: true(len(summaries(heard)) == 1))
        await h.tell(raised(AlertCode.LOCK_OFFLINE, "front"), proven)
        await h.eventually(h.empty)
        assert len(summaries(heard)) == 1  # not after each one, in a flood
        clock.ticks += publishing.REPORT_PROVEN
        await h.tell(raised(AlertCode.LOCK_OFFLINE, "shed"))
        await h.eventually(lambda: true(len(summaries(heard)) == 2))


async def test_a_change_is_summed_up_when_nothing_else_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "REPORT_EVERY", 1.0)
    async with (
        Broker(tmp_path / "b") as broker,
        listening(broker.port, "reported") as heard,
        hub(tmp_path, broker.port) as h,
    ):
        await h.eventually(lambda: true(heard))
        await h.tell(raised(AlertCode.LOCK_OFFLINE, "front"))
        await h.eventually(lambda: true(summaries(heard)[-1] == {"front"}))


async def test_the_summary_comes_after_the_events_that_wait(tmp_path: Path) -> None:
    async with Broker(tmp_path / "b") as broker:
        async with hub(tmp_path, free_port()) as away:
            await away.tell(*(LockOnline(LockId(f"l{n}")) for n in range(250)))
        async with listening(broker.port, "#") as heard, hub(tmp_path, broker.port) as h:
            await h.eventually(lambda: true(summaries(heard)))
            kinds = [message.topic.removeprefix(PREFIX) for message in heard]
    assert kinds == ["status", *["evt/lock.online"] * 250, "reported"]


async def test_receipts_that_came_meanwhile_are_one_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linking, "GATHERED", 1)
    taken, free, receipted = list[int](), asyncio.Event(), publishing.Publisher.receipted
    connections, run = list[Connection](), publishing.Publisher.run

    async def watched(publisher: publishing.Publisher, connection: Connection) -> None:
        connections.append(connection)
        await run(publisher, connection)

    async def slow(publisher: publishing.Publisher, payloads: list[bytes]) -> None:
        taken.append(len(payloads))
        await free.wait()
        await receipted(publisher, payloads)

    monkeypatch.setattr(publishing.Publisher, "run", watched)
    monkeypatch.setattr(publishing.Publisher, "receipted", slow)
    async with (
        Broker(tmp_path / "b") as broker,
        hub(tmp_path, broker.port) as h,
        Cloud(broker.port, PREFIX) as cloud,
    ):
        await h.eventually(lambda: true(h.link.ever_connected))
        await h.tell(*(LockOnline(LockId(f"l{n}")) for n in range(10)))
        await cloud.until(lambda e: e["data"].get("lock_id") == "l9")
        await h.eventually(lambda: true(taken and taken[0] + connections[0].messages.qsize() == 10))
        free.set()
        await h.eventually(h.empty)
    assert len(taken) == 2


async def test_a_broker_that_is_away_is_tried_with_growing_random_waits(tmp_path: Path) -> None:
    # Fault 17
    attempts = 0

    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", port := free_port())
    async with server, hub(tmp_path, port) as h:
        await h.eventually(lambda: true(attempts >= 3))
        assert not h.link.ever_connected


@pytest.mark.long
async def test_a_broker_that_hangs_with_its_sockets_open_is_noticed(tmp_path: Path) -> None:
    # Fault 2
    async with (
        Broker(tmp_path / "b") as broker,
        Cloud(broker.port, PREFIX) as cloud,
        hub(tmp_path, broker.port) as h,
    ):
        await h.eventually(lambda: true(h.link.ever_connected))
        broker.pause()
        try:
            await h.tell(LockOnline(LockId("l1")))
            await h.eventually(lambda: true(h.link._tried), within=2 * h.link.broker.keepalive + 2)
        finally:
            broker.resume()
        await cloud.until(lambda e: e["type"] == "lock.online")


async def test_the_next_address_is_tried_where_one_fails(tmp_path: Path) -> None:
    # Fault 19
    nobody = free_port()
    async with (
        Broker(tmp_path / "b") as broker,
        hub(tmp_path, broker.port, before=(nobody,)) as h,
        Cloud(broker.port, PREFIX) as cloud,
    ):
        await h.tell(HubStarted("1"))
        await cloud.until(lambda e: e["type"] == "hub.started")
        await broker.stop()
        await broker.start()  # it comes round to the one that answers
        await h.tell(LockOnline(LockId("l1")))
        await cloud.until(lambda e: e["type"] == "lock.online")


@pytest.mark.skipif(find_mosquitto() is None, reason="the embedded broker keeps no such session")
async def test_mqtt_3_1_1_loses_nothing_either(tmp_path: Path) -> None:
    """Commands wait in the session while the hub is away, events until they have their receipt."""
    async with Broker(tmp_path / "b") as broker, Cloud(broker.port, PREFIX) as cloud:
        async with hub(tmp_path, broker.port, legacy=True) as h:
            await h.eventually(lambda: true(h.link.ever_connected))
            await cloud.done(await cloud.send("report", {}))
        await _status(cloud, "offline")
        waiting = await cloud.send("report", {}, id="while-it-was-away")
        async with hub(tmp_path, broker.port, legacy=True) as h:
            await cloud.done(waiting)
            cloud.publish("cmd/report", b"{", retain=True)  # malformed, and retained
            await cloud.until(lambda e: e["type"] == "command.rejected")
            await h.eventually(h.empty)
            await _status(cloud, "online")


async def _status(cloud: Cloud, state: str) -> None:
    """Wait until that is the retained status."""
    async with asyncio.timeout(10):
        while cloud.retained.get("status", {}).get("state") != state:  # noqa: ASYNC110  # the broker's
            await asyncio.sleep(0.02)


# paho leaves a socket whose handshake failed to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(find_mosquitto() is None, reason="the embedded broker has no TLS here")
@pytest.mark.parametrize("own", [False, True], ids=["", "own-certificate"])
async def test_tls_with_user_and_password(tmp_path: Path, own: bool) -> None:
    # Fault 18
    port, folder = free_port(), tmp_path / "tls"
    folder.mkdir()
    certificates(folder)
    password = "s3cret"
    mosquitto = find_mosquitto()
    assert mosquitto is not None
    users = ["mosquitto_passwd", "-b", "-c", str(folder / "users"), "hub", password]
    await asyncio.to_thread(subprocess.run, users, check=True)
    (folder / "conf").write_text(
        f"listener {port} 127.0.0.1\nuser root\nallow_anonymous false\n"
        f"password_file {folder / 'users'}\ncafile {folder / 'ca.pem'}\n"
        f"require_certificate {str(own).lower()}\n"
        f"certfile {folder / 'server.pem'}\nkeyfile {folder / 'server.key'}\n"
    )
    process = await asyncio.create_subprocess_exec(mosquitto, "-c", str(folder / "conf"))
    try:
        mqtt = Mqtt(host="127.0.0.1", ca_file=folder / "ca.pem")
        if own:
            files = {"cert_file": folder / "hub.pem", "key_file": folder / "hub.key"}
            mqtt = mqtt.model_copy(update=files)
        trusted = tls(Config(hub=Names(org="o", site="s", id="h"), mqtt=mqtt))
        assert trusted is not None
        async with hub(tmp_path, port, None, "hub", password, trusted) as h:
            await h.eventually(lambda: true(h.link.ever_connected))
            await h.tell(*(LockOnline(LockId(f"l{n}")) for n in range(200)))
            await h.eventually(lambda: true(h.publisher._last == 200))
        stranger = ssl.create_default_context()
        nobody = ssl.create_default_context(cafile=folder / "ca.pem")
        refused = [
            ("guessed", trusted),
            (password, stranger),
            *([(password, nobody)] if own else []),
        ]
        for word, context in refused:
            with capture_logs() as logs:
                async with hub(tmp_path, port, None, "hub", word, context) as h:
                    await h.eventually(lambda logs=logs: true(ended(logs)))
            assert not h.link.ever_connected
    finally:
        process.terminate()
        await process.wait()
        gc.collect()


def ended(logs: Sequence[Mapping[str, object]]) -> list[object]:
    """Why connections did."""
    return [line["why"] for line in logs if line["event"] == "cloud.connection_ended"]


def certificates(folder: Path) -> None:
    """A throw-away authority, a certificate for 127.0.0.1, and the hub's own."""
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n")
    authority = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca"
    usage = "-addext keyUsage=critical,keyCertSign,cRLSign"
    signed = "x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
    for line in (
        f"{authority} {usage} -keyout ca.key -out ca.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout server.key -out server.csr",
        f"{signed} -in server.csr -extfile ext -out server.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=hub -keyout hub.key -out hub.csr",
        f"{signed} -in hub.csr -out hub.pem",
    ):
        subprocess.run(["openssl", *line.split()], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("legacy", [False, True])
async def test_a_hub_that_lost_its_database_first_hears_what_it_said_last(
    tmp_path: Path, legacy: bool
) -> None:
    heard: list[bytes | None] = []
    said: list[str] = []

    async def remember(payload: bytes | None) -> None:
        heard.append(payload)
        said.extend(cloud.retained)

    async with Broker(tmp_path / "b") as broker, Cloud(broker.port, PREFIX) as cloud:
        cloud.publish("reported", b'{"leases": []}', retain=True)
        await retained(cloud, "reported")
        command = await cloud.send("report", {})
        async with hub(tmp_path, broker.port, remember=remember, legacy=legacy) as h:
            await cloud.answer(command)
            await h.eventually(lambda: true("at" in cloud.retained["reported"]))
            assert heard == [b'{"leases": []}']
            assert set(said) <= {"reported", "status"}  # it is there, and says nothing else
            await broker.stop()
            await broker.start()
            await cloud.answer(await cloud.send("report", {}))
        assert len(heard) == 1


async def test_a_broker_that_retains_nothing_is_not_waited_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linking, "RETAINED", 0.8)
    monkeypatch.setattr(connections, "HANDSHAKE_TIMEOUT", 0.5)  # that is another wait
    heard: list[bytes | None] = []

    async def remember(payload: bytes | None) -> None:
        heard.append(payload)

    async with Broker(tmp_path / "b") as broker, Cloud(broker.port, PREFIX) as cloud:
        async with hub(tmp_path, broker.port, remember=remember):
            await cloud.answer(await cloud.send("report", {}))
        assert heard == [b""]


@pytest.mark.skipif(find_mosquitto() is None, reason="the embedded broker keeps no such session")
@pytest.mark.parametrize("legacy", [False, True])
async def test_a_hub_that_was_cut_off_while_it_asked_hears_itself_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, legacy: bool
) -> None:
    monkeypatch.setattr(linking, "RETAINED", 0.1)
    heard: list[str] = []
    on_message = Connection._on_message

    def listens(connection: Connection, c: object, u: object, message: mqtt.MQTTMessage) -> None:
        heard.append(message.topic.removeprefix(PREFIX))
        on_message(connection, c, u, message)

    async def remember(payload: bytes | None) -> None:
        pass

    monkeypatch.setattr(Connection, "_on_message", listens)
    async with Broker(tmp_path / "b") as broker, Cloud(broker.port, PREFIX) as cloud:
        with monkeypatch.context() as cut:
            cut.setattr(mqtt.Client, "unsubscribe", lambda *_: None)
            async with hub(tmp_path, broker.port, remember=remember, legacy=legacy) as h:
                await cloud.done(await cloud.send("report", {}))
                await h.eventually(lambda: true("reported" in heard))
        async with hub(tmp_path, broker.port, legacy=legacy) as h:
            await h.eventually(lambda: true(h.link.ever_connected))
            heard.clear()
            told = cloud.retained["reported"]
            await cloud.done(await cloud.send("report", {}))
            await h.eventually(lambda: true(cloud.retained["reported"] != told))
            await cloud.done(await cloud.send("report", {}))
            await h.eventually(h.empty)
    assert set(heard) == {"cmd/report", "ack"}


@asynccontextmanager
async def slow_line(port: int, rate: int) -> AsyncIterator[int]:
    """To a broker, that lets so many bytes a second through to the hub; gives its own port."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: float) -> None:
        while data := await reader.read(int(min(rate / 20, 65_536))):
            await asyncio.sleep(len(data) / rate)
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.TaskGroup() as group:
            group.create_task(pipe(reader, forth, inf))
            group.create_task(pipe(back, writer, rate))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_on_a_slow_line_what_is_retained_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a card that died would be taken for a hub that begins."""
    monkeypatch.setattr(linking, "RETAINED", linking.AT_FIRST)
    heard: list[bytes | None] = []
    said = json.dumps({"leases": ["x" * 60_000]}).encode()  # more than a second

    async def remember(payload: bytes | None) -> None:
        heard.append(payload)

    async with Broker(tmp_path / "b") as broker, Cloud(broker.port, PREFIX) as cloud:
        cloud.publish("reported", said, retain=True)
        await retained(cloud, "reported")
        async with (
            slow_line(broker.port, 40_000) as port,
            hub(tmp_path, port, remember=remember) as h,
        ):
            await h.eventually(lambda: true(heard))
        assert heard == [said]


@pytest.mark.long
async def test_the_connection_is_kept_alive_while_the_hub_waits_for_what_is_retained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linking, "RETAINED", 9.0)  # a broker gives 7.5 where 5 is the keepalive
    heard: list[bytes | None] = []

    async def remember(payload: bytes | None) -> None:
        heard.append(payload)

    async with (
        Broker(tmp_path / "b") as broker,
        Cloud(broker.port, PREFIX) as cloud,
        hub(tmp_path, broker.port, remember=remember) as h,
    ):
        await h.tell(LockOnline(LockId("l1")))
        await cloud.until(lambda e: e["type"] == "lock.online")
    assert heard == [b""]


async def retained(cloud: Cloud, name: str) -> None:
    """Wait until the broker has it."""
    async with asyncio.timeout(10):
        while name not in cloud.retained:  # noqa: ASYNC110  # the broker's
            await asyncio.sleep(0.02)
