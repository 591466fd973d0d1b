"""The link to the cloud against a real mosquitto: nothing acknowledged before it is on disk,
nothing forgotten before the cloud says that it has it."""

import asyncio
import gc
import json
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from structlog.testing import capture_logs

from gatewayd.clock import SystemClock
from gatewayd.cloud import publisher as publishing
from gatewayd.cloud.connection import Broker as Address
from gatewayd.cloud.link import Accept, CloudLink, status
from gatewayd.cloud.publisher import Publisher
from gatewayd.domain.events import Event, HubStarted, LockOnline
from gatewayd.domain.ids import LockId
from gatewayd.intake.accept import Intake
from gatewayd.store.database import Database, open_database
from gatewayd.store.outbox import Outbox
from simulators.broker import Broker, find_mosquitto, free_port
from simulators.cloud import Cloud
from tests.house import HUB

PREFIX = f"v1/org/site/{HUB}/"


class Stop(Exception):
    """Ends the link."""


@dataclass
class Hub:
    """The cloud's end of a hub: store, intake and link; no locks."""

    database: Database
    outbox: Outbox
    link: CloudLink
    publisher: Publisher

    async def tell(self, *events: Event) -> None:
        """Put events into the outbox."""
        async with self.database.transaction() as tx:
            await self.outbox.tell(tx, SystemClock().now(), events)

    async def eventually(self, condition: object, within: float = 15.0) -> None:
        """Wait for a state of the hub."""
        assert callable(condition)
        async with asyncio.timeout(within):
            while not await condition():  # noqa: ASYNC110  # the state is the broker's and ours
                await asyncio.sleep(0.02)

    async def empty(self) -> bool:
        """Whether every event has its receipt."""
        return not await self.database.read.rows("SELECT 1 FROM outbox")


@asynccontextmanager
async def hub(  # noqa: PLR0917  # as in Broker
    folder: Path,
    port: int,
    accept: Accept | None = None,
    username: str | None = None,
    password: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Hub]:
    """A hub whose link runs."""
    clock = SystemClock()
    database = await open_database(folder / "hub.db", clock)
    outbox = Outbox(database, HUB, "epoch")
    intake = Intake(database, outbox, clock, Random(1), HUB)
    publisher = Publisher(database, outbox, clock, PREFIX, b"secret")

    async def take(payload: bytes, kind: str, retained: bool) -> None:
        await intake.accept(payload, kind=kind, retained=retained)

    async def session_lost() -> None:
        pass

    will = (f"{PREFIX}status", status("offline", "lost", clock.now().latest, "0"))
    broker = Address("127.0.0.1", port, "hub", will, username, password, tls, keepalive=5)
    link = CloudLink(broker, PREFIX, "0", accept or take, session_lost, publisher, clock, Random(1))
    database.committed = lambda tx: publisher.more() if tx.told else None
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(link.run())
            yield Hub(database, outbox, link, publisher)
            raise Stop
    except* Stop:
        pass
    finally:
        await database.close()


async def test_an_event_is_kept_until_the_cloud_s_application_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # fault 3: the broker is up, the cloud's application is not
    monkeypatch.setattr(publishing, "RESEND", (0.2, 0.4))
    async with Broker(tmp_path / "b") as broker, hub(tmp_path, broker.port) as h:
        async with Cloud(broker.port, PREFIX) as cloud:
            cloud.receipts = False
            await h.eventually(lambda: _true(h.link.ever_connected))
            await h.tell(HubStarted("1"))
            event = await cloud.until(lambda e: e["type"] == "hub.started")
            assert not await h.empty()
            cloud.receipts = True
            await h.eventually(h.empty)  # sent again, and receipted then
        assert [e["id"] for e in cloud.events] == [event["id"]]


async def test_events_of_an_outage_arrive_in_order_and_once(tmp_path: Path) -> None:
    # fault 1
    async with Broker(tmp_path / "b") as broker, Cloud(broker.port, PREFIX) as cloud:
        async with hub(tmp_path, broker.port) as h:
            await h.eventually(lambda: _true(h.link.ever_connected))
            with capture_logs() as logs:
                await broker.stop()
                await h.eventually(lambda: _true(logs))
            assert [entry["event"] for entry in logs] == ["cloud.connection_ended"]
            for n in range(300):
                await h.tell(LockOnline(LockId(f"l{n}")))
            await broker.start()
            await cloud.until(lambda e: e["data"].get("lock_id") == "l299", within=40)
            await h.eventually(h.empty, within=20)
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
            await h.eventually(lambda: _true(h.link.ever_connected))
            cloud.publish("cmd/report", b'{"once": 1}')
            await asyncio.wait_for(hold.wait(), 10)
        again: list[bytes] = []

        async def note(payload: bytes, kind: str, retained: bool) -> None:
            again.append(payload)

        async with hub(tmp_path, broker.port, note) as h:
            await h.eventually(lambda: _true(bool(again)))
        assert seen == again == [b'{"once": 1}']
        third: list[bytes] = []

        async def last(payload: bytes, kind: str, retained: bool) -> None:
            third.append(payload)

        async with hub(tmp_path, broker.port, last) as h:
            await h.eventually(lambda: _true(h.link.ever_connected))
            cloud.publish("cmd/report", b'{"twice": 2}')
            await h.eventually(lambda: _true(bool(third)))
        assert third == [b'{"twice": 2}']


async def test_the_same_command_again_gets_the_same_receipt(tmp_path: Path) -> None:
    # fault 4
    async with (
        Broker(tmp_path / "b") as broker,
        Cloud(broker.port, PREFIX) as cloud,
        hub(tmp_path, broker.port) as h,
    ):
        await h.eventually(lambda: _true(h.link.ever_connected))
        id_ = await cloud.send("report", {})
        first = await cloud.answer(id_)
        await h.eventually(h.empty)
        again: list[str] = []
        listener = mqtt.Client(CallbackAPIVersion.VERSION2)
        listener.on_message = lambda _c, _u, m: again.append(json.loads(m.payload)["id"])
        listener.connect("127.0.0.1", broker.port)
        listener.subscribe(f"{PREFIX}evt/command.accepted", 1)
        listener.loop_start()
        await cloud.send("report", {}, id=id_)
        await h.eventually(lambda: _true(first["id"] in again))
        listener.disconnect()
        await asyncio.to_thread(listener.loop_stop)


async def test_status_is_retained_and_the_will_tells_of_a_hub_that_is_gone(
    tmp_path: Path,
) -> None:
    async with Broker(tmp_path / "b") as broker, Cloud(broker.port, PREFIX) as cloud:
        async with hub(tmp_path, broker.port) as h:
            await h.eventually(lambda: _true("status" in cloud.retained))
            assert cloud.retained["status"]["state"] == "online"
            assert set(cloud.retained["reported"]) == {"at", "locks", "keys", "leases", "alerts"}
        async with asyncio.timeout(10):
            while cloud.retained["status"]["state"] == "online":  # noqa: ASYNC110  # the broker's
                await asyncio.sleep(0.02)
        assert cloud.retained["status"]["reason"] == "shutdown"


async def test_a_broker_that_is_away_is_tried_with_growing_random_waits(tmp_path: Path) -> None:
    # fault 17
    attempts = 0

    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", port := free_port())
    async with server, hub(tmp_path, port) as h:
        await h.eventually(lambda: _true(attempts >= 3))
        assert not h.link.ever_connected


# paho leaves a socket whose handshake failed to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(find_mosquitto() is None, reason="the embedded broker has no TLS here")
async def test_tls_with_user_and_password(tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "tls"
    folder.mkdir()
    _certificates(folder)
    password = "s3cret"
    mosquitto = find_mosquitto()
    assert mosquitto is not None
    users = ["mosquitto_passwd", "-b", "-c", str(folder / "users"), "hub", password]
    await asyncio.to_thread(subprocess.run, users, check=True)
    (folder / "conf").write_text(
        f"listener {port} 127.0.0.1\nuser root\nallow_anonymous false\n"
        f"password_file {folder / 'users'}\ncafile {folder / 'ca.pem'}\n"
        f"certfile {folder / 'server.pem'}\nkeyfile {folder / 'server.key'}\n"
    )
    process = await asyncio.create_subprocess_exec(mosquitto, "-c", str(folder / "conf"))
    try:
        trusted = ssl.create_default_context(cafile=folder / "ca.pem")
        async with hub(tmp_path, port, None, "hub", password, trusted) as h:
            await h.eventually(lambda: _true(h.link.ever_connected))
            await h.tell(*(LockOnline(LockId(f"l{n}")) for n in range(200)))
            await h.eventually(lambda: _true(h.publisher._last == 200))
        stranger = ssl.create_default_context()
        for word, context in (("guessed", trusted), (password, stranger)):
            async with hub(tmp_path, port, None, "hub", word, context) as h:
                with pytest.raises(TimeoutError):
                    await h.eventually(lambda h=h: _true(h.link.ever_connected), within=2)
    finally:
        process.terminate()
        await process.wait()
        gc.collect()


async def _true(value: object) -> bool:
    return bool(value)


def _certificates(folder: Path) -> None:
    """A throw-away authority and a certificate for 127.0.0.1."""
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n")
    authority = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca"
    usage = "-addext keyUsage=critical,keyCertSign,cRLSign"
    signed = "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
    for line in (
        f"{authority} {usage} -keyout ca.key -out ca.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout server.key -out server.csr",
        f"{signed} -extfile ext -out server.pem",
    ):
        subprocess.run(["openssl", *line.split()], cwd=folder, check=True, capture_output=True)
