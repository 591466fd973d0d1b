"""An outbox that filled while the internet was away, beside a client that only publishes."""

import asyncio
import contextlib
import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.figure import Figure
from bench.receipts import at_once, receipting
from bench.shared import Shared
from gatewayd.clock import SystemClock
from gatewayd.cloud.publisher import WINDOW
from gatewayd.domain.events.code import CodeConfirmed
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.lease import Proof
from gatewayd.store.database import Outgoing
from simulators.broker import Broker, free_port
from tests import linked

LIMIT = 1.3
EVENTS, QUICK_EVENTS = 5_000, 1_000
ROUNDS, QUICK_ROUNDS = 5, 2
RAW = "v1/org/site/raw/"
WITHIN_S = 120.0


async def measure(shared: Shared) -> list[Figure]:
    """From connecting until the last event has its receipt: the hub with its store ÷ paho alone.

    Both publish the same bytes at QoS 1 with as many without PUBACK as the broker takes, subscribe
    at QoS 1, and get one receipt for each event from a cloud that does nothing else, in a process
    of its own: what it costs is no part of either. Both send at once what they have (TCP_NODELAY),
    and take turns, each with a broker that has nothing else to do.
    """
    count = QUICK_EVENTS if shared.quick else EVENTS
    hub: list[float] = []
    raw: list[float] = []
    for _ in range(QUICK_ROUNDS if shared.quick else ROUNDS):
        with tempfile.TemporaryDirectory(prefix="gatewayd-bench-") as name:
            folder = Path(name)
            events = await _filled(folder, count)
            async with Broker(folder / "broker") as broker:
                async with receipting(broker.port, RAW):
                    raw.append(await _raw(broker.port, events))
                async with receipting(broker.port, linked.PREFIX):
                    hub.append(await _hub(folder, broker.port))
    return [
        Figure(
            "drain",
            f"{count} events to their receipts, hub ÷ paho alone",
            statistics.median(hub) / statistics.median(raw),
            "times",
            LIMIT,
            details={
                "hub_s": statistics.median(hub),
                "raw_s": statistics.median(raw),
                "events_per_s": count / statistics.median(hub),
                "rounds": len(hub),
            },
        )
    ]


async def _filled(folder: Path, count: int) -> list[Outgoing]:
    """A store with so many events, told while no broker was there."""
    now = SystemClock().now().latest
    async with linked.hub(folder, free_port()) as away:
        keys = (KeyId(f"res:r{number}") for number in range(count))
        await away.tell(*(CodeConfirmed(key, LockId("a"), Proof.MATCHED, now) for key in keys))
        return await away.outbox.fetch(0, count)


async def _hub(folder: Path, port: int) -> float:
    async with linked.hub(folder, port) as hub:
        start = perf_counter()  # it is about to connect
        await hub.eventually(hub.empty, WITHIN_S)
        return perf_counter() - start


async def _raw(port: int, events: Sequence[Outgoing]) -> float:
    """The same with nothing but a client."""
    loop, waiting, done = (
        asyncio.get_running_loop(),
        {event.id for event in events},
        asyncio.Event(),
    )

    def receipted(_client: object, _user: object, message: mqtt.MQTTMessage) -> None:
        waiting.difference_update(json.loads(message.payload)["ids"])
        if not waiting:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(done.set)

    def connected(*_: object) -> None:
        client.subscribe(f"{RAW}ack", qos=1)
        for event in events:
            client.publish(f"{RAW}evt/{event.type}", event.envelope.encode(), qos=1)

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="raw", protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(min(WINDOW, await _takes_at_once(port)))
    client.on_message, client.on_connect = receipted, connected
    client.on_socket_open = at_once
    start = perf_counter()
    client.connect_async("127.0.0.1", port)
    client.loop_start()
    try:
        async with asyncio.timeout(WITHIN_S):
            await done.wait()
        return perf_counter() - start
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)


async def _takes_at_once(port: int) -> int:
    """How many events the broker has on their way: the hub keeps to it, paho by itself does not."""
    loop = asyncio.get_running_loop()
    said: asyncio.Future[Any] = loop.create_future()

    def connected(*told: object) -> None:
        loop.call_soon_threadsafe(said.set_result, told[-1])

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="asks", protocol=mqtt.MQTTv5)
    client.on_connect = connected
    client.connect_async("127.0.0.1", port)
    client.loop_start()
    try:
        async with asyncio.timeout(WITHIN_S):
            return int(getattr(await said, "ReceiveMaximum", WINDOW))
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)
