"""Brokers that close the connection at what they refuse, without a word: fault 57."""

import asyncio
import struct
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gatewayd.cloud import link as linking
from gatewayd.cloud.connection import Connection
from gatewayd.cloud.publisher import LOSSES, PARKED, WINDOW, Publisher
from gatewayd.domain.events.hub import HubStarted
from gatewayd.domain.events.lock import LockOnline
from gatewayd.domain.ids import LockId
from gatewayd.store.outbox import park
from simulators.broker import Broker, find_mosquitto, free_port
from simulators.cloud import Cloud
from tests.house import FakeClock
from tests.integration.test_link_limits import NarrowBroker, ignore, serving
from tests.linked import PREFIX, Hub, hub, true

POISON = f"{PREFIX}evt/hub.started"
MANY = [LockOnline(LockId(f"l{n}")) for n in range(2 * WINDOW)]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "BACKOFF", (0.01, 0.01))


class Slow(NarrowBroker):
    """Its PUBACK for an event comes only when told to."""

    def _take(self, kind: int, body: bytes, size: int) -> None:
        before = len(self.got)
        super()._take(kind, body, size)
        if len(self.got) > before and not self.topics[-1].startswith("evt/"):
            self._send(0x40, struct.pack("!HB", self._unacknowledged.pop(), 0))


class Late(NarrowBroker):
    """Its PUBACK is on its way for a while, unless the connection ends before."""

    def acknowledge(self) -> None:
        """Soon."""
        asyncio.get_running_loop().call_later(0.05, self._soon, self.connections)

    def _soon(self, connection: int) -> None:
        if connection == self.connections and self._writer and not self._writer.is_closing():
            super().acknowledge()


async def left(h: Hub) -> list[str | None]:
    """Of each event without a receipt, why it is parked."""
    return [why for (why,) in await h.database.read.rows("SELECT parked FROM outbox")]


def parked(logs: list[MutableMapping[str, Any]]) -> list[str]:
    """Why events were."""
    return [entry["why"] for entry in logs if entry["event"] == "event.parked"]


@pytest.mark.parametrize("keeps", [True, False])
async def test_all_that_is_behind_such_an_event_arrives(tmp_path: Path, keeps: bool) -> None:
    """It is parked, told by an alert, and tried again each hour, at the price of a connection."""
    async with hub(tmp_path, free_port()) as away:
        await away.tell(HubStarted("1"), *MANY)
    broker, clock = NarrowBroker(prompt=True, keeps=keeps, closes_at=POISON), FakeClock()
    async with serving(broker) as port, hub(tmp_path, port, ignore, clock=clock) as h:
        await h.eventually(lambda: true(broker.told("raised")))
        assert broker.told("raised") == ["hub.started"]
        assert broker.topics.count("evt/lock.online") == len(MANY)
        assert broker.connections == 2 * LOSSES + 1

        await h.eventually(lambda: one_left(h))
        clock.ticks += PARKED
        h.publisher.report()
        await h.eventually(lambda: true(broker.connections == 2 * LOSSES + 2))
        await h.tell(LockOnline(LockId("after")))
        await h.eventually(lambda: true("evt/lock.online" in broker.topics))
        await h.eventually(lambda: one_left(h))
        await h.eventually(lambda: true(h.publisher._late > clock.ticks))
        assert broker.connections == 2 * LOSSES + 2

        broker.closes_at = None
        clock.ticks += PARKED
        h.publisher.report()
        await h.eventually(lambda: true(broker.told("cleared") == ["hub.started"]))
        await h.eventually(h.empty)
    assert broker.connections == 2 * LOSSES + 2


async def one_left(h: Hub) -> bool:
    """Whether only one event waits, which is parked."""
    return [bool(why) for why in await left(h)] == [True]


async def test_an_event_that_ends_the_connection_among_others_is_found(tmp_path: Path) -> None:
    """Also where the broker forgets the session, so that what went well goes again before it."""
    async with hub(tmp_path, free_port()) as away:
        await away.tell(*MANY, HubStarted("1"), *MANY)
    broker = NarrowBroker(prompt=True, receipts=False, closes_at=POISON)
    with capture_logs() as logs:
        async with serving(broker) as port, hub(tmp_path, port, ignore) as h:
            await h.eventually(lambda: true(broker.told("raised") == ["hub.started"]))
            assert broker.topics.count("evt/lock.online") == 2 * len(MANY)
            assert len([why for why in await left(h) if why]) == 1
    assert len(parked(logs)) == 1


async def test_connections_that_break_off_park_nothing(tmp_path: Path) -> None:
    broker = NarrowBroker(prompt=True, closes_at=f"{PREFIX}evt/lock.online", closes=2 * LOSSES - 1)
    with capture_logs() as logs:
        async with serving(broker) as port, hub(tmp_path, port, ignore) as h:
            await h.tell(*MANY)
            await h.eventually(h.empty)
            assert h.publisher._window == WINDOW
    assert broker.connections == 2 * LOSSES
    assert not parked(logs)


async def test_parked_events_are_tried_one_at_a_time(tmp_path: Path) -> None:
    async with hub(tmp_path, free_port()) as away:
        await away.tell(*MANY[:2])
        async with away.database.transaction() as tx:
            for row in await away.outbox.fetch(0, 2):
                await park(tx, row.id, "connections end at it")
    broker = Slow()
    async with serving(broker) as port, hub(tmp_path, port, ignore) as h:
        for count in (1, 2):
            await h.eventually(lambda n=count: true(len(broker.topics) == 2 + n))
            await broker.all_is_here()
            assert broker.topics == ["status", "reported"] + count * ["evt/lock.online"]
            broker.acknowledge()


async def test_a_summary_that_ends_the_connection_is_not_laid_upon_an_event(
    tmp_path: Path,
) -> None:
    broker = Slow(keeps=True, closes_at=f"{PREFIX}reported")
    with capture_logs() as logs:
        async with serving(broker) as port, hub(tmp_path, port, ignore) as h:
            await h.tell(LockOnline(LockId("a")))
            await h.eventually(lambda: true(broker.connections > LOSSES))
            await h.eventually(lambda: true("evt/lock.online" in broker.topics))
            await broker.all_is_here()
            before = broker.connections
            broker.acknowledge()  # the summary waited for that
            await h.eventually(lambda: true(broker.connections >= before + LOSSES))
    assert not parked(logs)


async def test_a_summary_that_ends_connections_waits_an_hour_and_holds_up_nothing(
    tmp_path: Path,
) -> None:
    async with hub(tmp_path, free_port()) as away:
        await away.tell(HubStarted("1"))
        async with away.database.transaction() as tx:
            ((id_,),) = await tx.rows("SELECT id FROM outbox")
            await park(tx, id_, "busy")
    broker = NarrowBroker(prompt=True, closes_at=f"{PREFIX}reported")
    clock = FakeClock()
    async with serving(broker) as port, hub(tmp_path, port, ignore, clock=clock) as h:
        await h.eventually(lambda: true("evt/hub.started" in broker.topics))
        await h.eventually(h.empty)
        assert broker.connections == LOSSES + 1
        await h.tell(LockOnline(LockId("a")))
        await h.eventually(h.empty)
        assert broker.connections == LOSSES + 1
        broker.closes = 0
        clock.ticks += PARKED - 60
        broker.hang_up()  # the hour goes on
        await h.eventually(lambda: true(broker.connections == LOSSES + 2))
        assert "reported" not in broker.topics
        clock.ticks += 60
        h.publisher._wake.set()
        await h.eventually(lambda: true("reported" in broker.topics))


async def test_an_event_that_was_not_alone_on_its_way_is_not_parked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections, run = list[Connection](), Publisher.run

    async def watched(publisher: Publisher, connection: Connection) -> None:
        connections.append(connection)
        await run(publisher, connection)

    monkeypatch.setattr(Publisher, "run", watched)
    broker = Slow()
    with capture_logs() as logs:
        async with serving(broker) as port, hub(tmp_path, port, ignore) as h:
            await h.tell(LockOnline(LockId("a")))
            for number in range(1, 3 * LOSSES):
                await h.eventually(lambda n=number: true(broker.connections == n))
                await h.eventually(lambda: true("evt/lock.online" in broker.topics))
                connections[-1].publish("ha/of/another/part", b"")
                broker.hang_up()
    assert not parked(logs)


async def test_what_had_no_answer_yet_when_the_connection_ended_hides_no_event(
    tmp_path: Path,
) -> None:
    broker = Late(prompt=True, closes_at=POISON)
    async with serving(broker) as port, hub(tmp_path, port, ignore) as h:
        await h.tell(HubStarted("1"))
        await h.eventually(lambda: true(broker.told("raised") == ["hub.started"]))


@pytest.mark.skipif(find_mosquitto() is None, reason="the embedded broker takes all sizes")
async def test_mosquitto_ends_a_connection_of_mqtt_3_1_1_at_an_event_that_is_too_large(
    tmp_path: Path,
) -> None:
    async with hub(tmp_path, free_port()) as away:
        await away.tell(LockOnline(LockId("x" * 30_000)), *MANY)
    async with (
        Broker(tmp_path / "b", largest=20_000) as broker,
        Cloud(broker.port, PREFIX) as cloud,
        hub(tmp_path, broker.port, legacy=True) as h,
    ):
        alert = await cloud.until(lambda e: e["type"] == "alert.raised")
        assert (alert["data"]["code"], alert["data"]["subject"]) == ("event_parked", "lock.online")
        await h.eventually(lambda: one_left(h))
        assert len([e for e in cloud.events if e["type"] == "lock.online"]) == len(MANY)
