"""Killed again and again in the middle of its work, and the broker too: nothing is lost either way,
and what comes twice changes nothing."""

import asyncio
import contextlib
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from simulators.broker import Broker
from simulators.cloud import Cloud
from simulators.hub import Hub
from tests.e2e.conftest import eventually, stay
from tests.invariants import logged

DRAINS_WITHIN_S = 120.0
AUTOSAVE_S = 1800
"""mosquitto's own: a kill takes all sessions and all messages."""
CALLS = ("pwrite64", "fdatasync", "sendto")
"""Where the database and the sockets are written."""
SITE = {
    "version": 1,
    "zone": "Europe/Zurich",
    "policy": {"backup": {"pool": 0}},
    "properties": [
        {"id": "p", "name": "Seaside", "check_in": "15:00", "check_out": "10:00", "locks": ["l1"]}
    ],
    "locks": [{"id": "l1", "name": "Door", "driver": "zwave", "address": "2"}],
}


@dataclass
class Bookings:
    """Reservations, and some of them cancelled once the hub has them; `sent` says what became of
    each."""

    rng: Random
    cloud: Cloud
    sent: dict[str, bool] = field(default_factory=dict)  # cancelled?

    def commands(self) -> Iterator[tuple[str, dict[str, object]]]:
        """For ever."""
        for number in range(1_000_000):
            id_ = f"r{number}"
            self.sent[id_] = False
            yield "reservation.put", stay(id_, 1)
            there = [id_ for id_ in _assigned(self.cloud) if not self.sent[id_]]
            if there and self.rng.random() < 0.2:
                gone = self.rng.choice(there)
                self.sent[gone] = True
                yield "reservation.cancel", {"id": gone, "version": 2}


@dataclass(frozen=True)
class Scale:
    """How many commands are sent, how often hub and broker are killed meanwhile, and how many
    events that makes at the least."""

    commands: int
    kills: int
    broker_kills: int
    events: int


@pytest.mark.parametrize(
    "scale",
    [
        pytest.param(Scale(150, 4, 1, 300), id="some"),
        pytest.param(Scale(2_700, 30, 4, 5_000), id="many", marks=pytest.mark.long),
    ],
)
async def test_what_was_acknowledged_outlives_kills(
    tmp_path: Path, rng: Random, scale: Scale
) -> None:
    # Faults 3, 4, 15, 20, 21
    without_broker = set(rng.sample(range(scale.kills), scale.broker_kills))
    async with Broker(tmp_path / "broker", autosave=AUTOSAVE_S) as broker:
        hub = Hub(tmp_path / "hub", broker.port, url=None)
        async with Cloud(broker.port, hub.prefix) as cloud, hub:
            bookings = Bookings(rng, cloud)
            following = bookings.commands()
            sent = [await cloud.send("site.put", SITE)]
            await cloud.done(sent[0])
            for turn in range(scale.kills):
                for type_, data in islice(following, scale.commands // scale.kills):
                    sent.append(await cloud.send(type_, data))
                if turn in without_broker:
                    await _some_work(cloud, rng)
                    await broker.stop(signal.SIGKILL)
                    await broker.start()
                await _killed(hub, cloud, rng)
            async with asyncio.timeout(DRAINS_WITHIN_S):
                await eventually(lambda: _drained(hub, cloud), DRAINS_WITHIN_S)
            assert await hub.stop() == 0
    told = Counter(
        event["cause"]
        for event in cloud.events
        if event["type"] in {"command.accepted", "command.rejected"}
    )
    assert told == Counter(sent)  # one answer each, whatever came twice
    assigned = _assigned(cloud)
    assert sum(event["type"] == "code.assigned" for event in cloud.events) == len(assigned)
    assert len(cloud.events) >= scale.events
    with contextlib.closing(sqlite3.connect(hub.database)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = dict(database.execute("SELECT reservation_id, code FROM keys"))
        gone = dict(database.execute("SELECT reservation_id, revoked FROM keys"))
    assert kept == assigned  # the PIN that the guest was told
    assert gone == bookings.sent
    assert not logged(hub, assigned.values())


def _assigned(cloud: Cloud) -> dict[str, str]:
    """The codes of reservations, as the cloud was told."""
    return {
        event["data"]["reservation_id"]: event["data"]["display"]
        for event in cloud.events
        if event["type"] == "code.assigned"
    }


async def _some_work(cloud: Cloud, rng: Random) -> None:
    """Until the cloud has heard some more."""
    before, more = len(cloud.events), rng.randint(1, 40)
    with contextlib.suppress(TimeoutError):
        await cloud.until(lambda _: len(cloud.events) >= before + more, within=1.0)


async def _killed(hub: Hub, cloud: Cloud, rng: Random) -> None:
    """At any moment, or at a system call of the next start; and started again."""
    await _some_work(cloud, rng)
    await hub.kill()
    if rng.random() < 0.5:
        call, at = rng.choice(CALLS), rng.randint(1, 120)
        hub.under = (
            *("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}"),
            *("-e", f"inject={call}:signal=KILL:when={at}"),
        )
        with contextlib.suppress(RuntimeError):  # it may not get as far as ready
            await hub.start()
            await _some_work(cloud, rng)
        await hub.kill()
        hub.under = ()
    await hub.start()


async def _drained(hub: Hub, cloud: Cloud) -> bool:
    if cloud.unanswered:
        return False
    with contextlib.closing(sqlite3.connect(hub.database)) as database:
        return not database.execute("SELECT 1 FROM outbox").fetchall()
