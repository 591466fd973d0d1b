"""What a Home Assistant at the hub's broker finds there, with a real mosquitto."""

import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from structlog.testing import capture_logs

from gatewayd.cloud import home_assistant
from gatewayd.cloud.entities import Names
from gatewayd.cloud.home_assistant import LOSSES
from gatewayd.domain.bolt import Bolt
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.lock import LockBattery, LockOffline, LockOnline
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import LockId
from gatewayd.errors import Reason
from gatewayd.store.site import turned
from simulators.broker import Broker, find_mosquitto
from tests.house import FakeClock, command, lock, reservation, site
from tests.integration.test_link import listening
from tests.integration.test_link_limits import NarrowBroker, ignore, serving
from tests.linked import PREFIX, Hub, hub, true

NAMES = Names(PREFIX, "homeassistant", "hub-1", "1.2.3")
LOCKS = ["front", "flat-1-door", "flat-2-door", "shed-door"]
ALL = 2 * (1 + len(LOCKS))
"""Messages: a device and its state, for the hub and each lock."""
STATE = f"{PREFIX}ha/lock/"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_assistant, "PAUSE", 0.01)


@asynccontextmanager
async def home(port: int) -> AsyncIterator[list[mqtt.MQTTMessage]]:
    """All that a Home Assistant hears, in its order."""
    async with listening(port, "#", "") as heard:
        yield heard


def of_ours(heard: list[mqtt.MQTTMessage]) -> list[tuple[str, bytes]]:
    """What is for Home Assistant alone."""
    return [
        (message.topic, bytes(message.payload))
        for message in heard
        if message.topic.startswith(("homeassistant/", "ha/too/", f"{PREFIX}ha/"))
    ]


def last(heard: list[mqtt.MQTTMessage]) -> dict[str, Any]:
    """What is so by now; empty is nothing."""
    now = dict(of_ours(heard))
    return {topic: json.loads(body) for topic, body in now.items() if body}


def state(heard: list[mqtt.MQTTMessage], topic: str, field: str) -> object:
    """One field of it; None before the topic was told."""
    return last(heard).get(topic, {}).get(field)


def named(logs: list[MutableMapping[str, Any]], event: str) -> list[MutableMapping[str, Any]]:
    """The lines of the log about one thing."""
    return [entry for entry in logs if entry["event"] == event]


async def there(h: Hub, document: dict[str, Any]) -> None:
    """A site document comes."""
    number = document["version"]
    await h.intake.accept(json.dumps(command("site.put", document, id=f"site-{number}")).encode())


async def found_later(h: Hub, port: int, count: int) -> dict[str, Any]:
    """What one finds that comes when all has been said: so many messages, all of them retained."""
    async with home(port) as heard:
        await h.eventually(lambda: true(len(last(heard)) == count))
    async with home(port) as heard:
        await h.tell(LockOnline(LockId("behind what is retained")))
        await h.eventually(lambda: true(f"{PREFIX}evt/lock.online" in topics(heard)))
        assert len(last(heard)) == len(of_ours(heard)) == count
        return last(heard)


async def test_hub_and_locks_are_there_for_whoever_comes_later(tmp_path: Path) -> None:
    async with (
        Broker(tmp_path / "b") as broker,
        home(broker.port) as heard,
        hub(tmp_path, broker.port, names=NAMES) as h,
    ):
        await there(h, site())
        await h.eventually(lambda: true(len(last(heard)) == ALL))
        found = await found_later(h, broker.port, ALL)
        assert found == last(heard)
        devices = [d["device"]["name"] for t, d in found.items() if t.startswith("homeassistant/")]
        assert sorted(devices) == sorted(["hub-1", *(f"The {id_}" for id_ in LOCKS)])
        assert {t.removeprefix(STATE) for t in found if t.startswith(STATE)} == set(LOCKS)


async def test_only_what_changed_is_said_again(tmp_path: Path) -> None:
    async with (
        Broker(tmp_path / "b") as broker,
        home(broker.port) as heard,
        hub(tmp_path, broker.port, names=NAMES) as h,
    ):
        await there(h, site())
        await h.eventually(lambda: true(len(of_ours(heard)) >= ALL))
        async with h.database.transaction() as tx:
            await tx.rows("UPDATE locks SET battery = 12 WHERE id = 'front'")
        await h.tell(LockBattery(LockId("front"), 12, low=False))
        await h.eventually(lambda: true(state(heard, f"{STATE}front", "battery") == 12))
        assert last(heard)[f"{STATE}front"]["battery_low"] == "ON"
        async with h.database.transaction() as tx:
            turned(tx, LockId("front"), Bolt.UNLOCKED)
        await h.eventually(lambda: true(state(heard, f"{STATE}front", "unlocked") == "ON"))
        await h.tell(LockOnline(LockId("front")))  # it was
        await h.tell(raised(AlertCode.LOCK_JAMMED, "front"))
        await h.eventually(lambda: true(state(heard, f"{PREFIX}ha/hub", "alerts") == 1))
        await h.eventually(lambda: true(state(heard, f"{STATE}front", "problem") == "ON"))
        await h.tell(cleared(AlertCode.LOCK_JAMMED, "front"))
        await h.eventually(lambda: true(state(heard, f"{PREFIX}ha/hub", "alerts") == 0))
        topics = [topic for topic, _ in of_ours(heard)[ALL:]]
        both = [f"{PREFIX}ha/hub", f"{STATE}front"]
        assert topics == [f"{STATE}front", f"{STATE}front", *both, *both]


async def test_a_lock_that_leaves_the_site_leaves_home_assistant(tmp_path: Path) -> None:
    async with Broker(tmp_path / "b") as broker, hub(tmp_path, broker.port, names=NAMES) as h:
        await there(h, site())
        await found_later(h, broker.port, ALL)
        await there(h, site(2, properties=[], locks=[lock("front", 2)]))
        found = await found_later(h, broker.port, 4)
        assert f"{STATE}front" in found


async def test_a_lock_out_of_service_is_neither_online_nor_offline(tmp_path: Path) -> None:
    async with Broker(tmp_path / "b") as broker, hub(tmp_path, broker.port, names=NAMES) as h:
        locks = [lock("front", 2), lock("attic", 3), lock("shed-door", 5, active=False)]
        await there(h, site(properties=[], locks=locks))
        async with h.database.transaction() as tx:
            await tx.rows("UPDATE locks SET failures = 1, retry_due = 0 WHERE id = 'attic'")
        await h.tell(LockOffline(LockId("attic"), Reason.LOCK_UNREACHABLE))
        found = await found_later(h, broker.port, 2 * (1 + len(locks)))
        online = [found[f"{STATE}{id_}"]["online"] for id_ in ("front", "attic", "shed-door")]
        assert online == ["ON", "OFF", None]


async def test_what_was_said_is_taken_back_where_it_is_switched_off(tmp_path: Path) -> None:
    """Also what another run of the hub had said, and to another prefix."""
    async with Broker(tmp_path / "b") as broker:
        async with hub(tmp_path, broker.port, names=NAMES) as h:
            await there(h, site())
            await found_later(h, broker.port, ALL)
        elsewhere = Names(PREFIX, "ha/too", "hub-1", "1.2.3")
        async with home(broker.port) as heard, hub(tmp_path, broker.port, names=elsewhere) as h:
            await h.eventually(
                lambda: true(sum(t.startswith("ha/too/") for t in last(heard)) == ALL // 2)
            )
            await h.eventually(lambda: announced(h, ALL))
            assert not [topic for topic in last(heard) if topic.startswith("homeassistant/")]
        async with hub(tmp_path, broker.port) as h:
            await h.eventually(lambda: announced(h, 0))
            await found_later(h, broker.port, 0)
        async with home(broker.port) as heard, hub(tmp_path, broker.port) as h:
            await h.eventually(lambda: true(h.link.ever_connected))
            await there(h, site(2))
            await h.eventually(lambda: true(f"{PREFIX}evt/command.accepted" in topics(heard)))
            assert not of_ours(heard)


def topics(heard: list[mqtt.MQTTMessage]) -> list[str]:
    """Where something came."""
    return [message.topic for message in heard]


async def announced(h: Hub, count: int) -> bool:
    """On how many topics the hub thinks that something lies."""
    return len(await h.database.read.rows("SELECT topic FROM announced")) == count


@pytest.mark.skipif(find_mosquitto() is None, reason="the embedded broker keeps no such session")
async def test_a_broker_that_kept_all_is_told_nothing_and_one_that_lost_all_everything(
    tmp_path: Path,
) -> None:
    async with Broker(tmp_path / "b") as broker, hub(tmp_path, broker.port, names=NAMES) as h:
        await there(h, site())
        await found_later(h, broker.port, ALL)
        await broker.stop()
        await broker.start()
        async with home(broker.port) as heard:
            before = len(of_ours(heard))
            await h.eventually(lambda: true(h.link.reach.up))
            await h.tell(raised(AlertCode.LOCK_JAMMED, "front"))
            await h.eventually(lambda: true(len(of_ours(heard)) > ALL + 1))
            live = [message for message in heard if not message.retain]
            assert [topic for topic, _ in of_ours(live)] == [f"{PREFIX}ha/hub", f"{STATE}front"]
            assert before <= ALL
        await broker.stop()
        async with Broker(tmp_path / "new", broker.port):
            await found_later(h, broker.port, ALL)


async def test_what_the_broker_refuses_is_logged_and_tried_in_the_next_connection(
    tmp_path: Path,
) -> None:
    broker = NarrowBroker(prompt=True, keeps=True, refuses={"ha/hub"})
    with capture_logs() as logs:
        async with serving(broker) as port, hub(tmp_path, port, ignore, names=NAMES) as h:
            await there(h, site())
            await h.eventually(lambda: true(f"ha/lock/{LOCKS[0]}" in broker.topics))
            broker.refuses.clear()
            broker.hang_up()
            await h.eventually(lambda: true(broker.connections == 2 and "ha/hub" in broker.topics))
    refused = named(logs, "home_assistant.refused")
    assert [entry["topic"] for entry in refused] == [f"{PREFIX}ha/hub"]


async def test_a_broker_that_closes_at_a_message_is_told_none_for_an_hour(tmp_path: Path) -> None:
    broker = NarrowBroker(prompt=True, keeps=True, closes_at=f"{PREFIX}ha/hub")
    with capture_logs() as logs:
        async with serving(broker) as port, hub(tmp_path, port, ignore, names=NAMES) as h:
            await there(h, site())
            await h.eventually(lambda: true(named(logs, "home_assistant.off")))
            await h.tell(raised(AlertCode.LOCK_OFFLINE, "front"))
            await h.eventually(lambda: true("evt/alert.raised" in broker.topics))
    assert broker.connections == LOSSES + 1


async def test_neither_code_nor_key_nor_guest_is_in_it(tmp_path: Path) -> None:
    async with (
        Broker(tmp_path / "b") as broker,
        home(broker.port) as heard,
        hub(tmp_path, broker.port, clock=FakeClock(), names=NAMES) as h,
    ):
        await there(h, site())
        guest = {"name": "Quixotta Maier", "phone": "+41 79 555 01 23"}
        stay = command("reservation.put", reservation("RESERVED") | {"guest": guest}, id="stay")
        await h.intake.accept(json.dumps(stay).encode())
        await h.tell(raised(AlertCode.CODE_UNSET, "front/res:RESERVED"))
        await h.eventually(lambda: true(last(heard).get(f"{PREFIX}ha/hub", {}).get("alerts")))
        await h.eventually(lambda: true(state(heard, f"{STATE}front", "problem") == "ON"))
        said = json.dumps(last(heard))
        codes = [code for (code,) in await h.database.read.rows("SELECT code FROM keys")]
        assert codes
        assert not [word for word in (*codes, "RESERVED", "Quixotta", "555") if word in said]
