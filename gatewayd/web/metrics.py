"""Numbers for Prometheus: read when they are asked for, from one state of the disk.

No id but a lock's: what grows with the bookings is counted, not named.
"""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args, get_type_hints

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric

from gatewayd.domain.battery import is_low
from gatewayd.domain.door import door_states
from gatewayd.domain.events.code import DoorState
from gatewayd.domain.health import ALERTS, AlertCode
from gatewayd.domain.ids import LockId
from gatewayd.domain.moment import Now
from gatewayd.domain.retry import Tick
from gatewayd.errors import Reason
from gatewayd.store import glance, outbox, situations, status, views
from gatewayd.store.database import Transaction
from gatewayd.store.glance import Glance
from gatewayd.web.parts import Parts
from gatewayd.web.port import listening
from gatewayd.web.problems import problems

STATES = get_args(get_type_hints(DoorState)["state"])
STATUSES = ("upcoming", "current", "past", "revoked")


@dataclass(frozen=True, slots=True)
class Numbers:
    """All that is on disk; `locks` as `status.locks` has them, `active` those that are served."""

    locks: list[dict[str, Any]]
    active: set[LockId]
    keys: Mapping[str, int]
    codes: Mapping[tuple[str, Reason | None], int]
    alerts: Mapping[AlertCode, int]
    waiting: int


@contextlib.asynccontextmanager
async def exposed(bind: str, port: int, database: Path, parts: Parts) -> AsyncIterator[None]:
    """Answer at /metrics of this port for as long as the block lasts."""
    async with glance.opened(database) as disk:
        app = web.Application(middlewares=[problems])
        app.router.add_get("/metrics", partial(_scrape, parts, disk, parts.clock.tick()))
        async with listening(app, bind, port, "metrics"):
            yield


async def _scrape(parts: Parts, disk: Glance, started: Tick, request: web.Request) -> web.Response:
    now, tick = parts.clock.now(), parts.clock.tick()
    async with disk.state() as tx:
        found = await numbers(tx, now, tick)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Families([*of_hub(parts, now, tick - started), *of_disk(found)]))
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return web.Response(body=encode(registry), headers={"Content-Type": content_type})


async def numbers(tx: Transaction, now: Now, tick: Tick) -> Numbers:
    """Count; the cost is that of one look at each lock."""
    ((later,),) = await tx.rows(LATER, (now.latest.timestamp(),))
    codes = Counter[tuple[str, Reason | None]]({("waiting", Reason.NOT_DUE): later})
    locks, active = await status.locks(tx), set[LockId]()
    for (id_,) in await tx.rows(THERE):
        there = await situations.load(tx, LockId(id_), now)
        codes.update((door.state, door.reason) for door in door_states(there, now, tick))
        if there.active:
            active.add(there.lock)
    return Numbers(
        locks=locks,
        active=active,
        keys=await views.count(tx, now),
        codes=codes,
        alerts=Counter(AlertCode(each["code"]) for each in await status.alerts(tx)),
        waiting=await outbox.count(tx),
    )


LATER = """
SELECT count(*) FROM doors d WHERE due > ? AND NOT EXISTS (
    SELECT 1 FROM leases l WHERE l.lock_id = d.lock_id AND l.key_id = d.key_id)
"""
"""Doors at which keys are not due yet, and have no code: they are counted, not looked at."""
THERE = "SELECT id FROM locks WHERE listed OR id IN (SELECT lock_id FROM leases)"


@dataclass(frozen=True, slots=True, eq=False)
class Families:
    """A collector of what was read already."""

    metrics: list[Metric]

    def collect(self) -> list[Metric]:
        """As they are."""
        return self.metrics


def of_hub(parts: Parts, now: Now, uptime: float) -> Iterator[Metric]:
    """What is in memory: how it stands with the hub and what it depends on."""
    yield InfoMetricFamily("gatewayd_build", "The program.", {"version": parts.version})
    yield GaugeMetricFamily("gatewayd_uptime_seconds", "Since the hub's last start.", uptime)
    yield GaugeMetricFamily(
        "gatewayd_clock_doubt_seconds",
        "Width of the interval in which the time lies; 0: the clock is synchronised.",
        (now.latest - now.earliest).total_seconds(),
    )
    yield GaugeMetricFamily("gatewayd_cloud_up", "Connected to the broker.", parts.cloud().up)
    radios = {(name,): reach.up for name, reach in parts.radios().items()}
    yield _family("gatewayd_radio_up", "A radio, or a part of one, is there.", "radio", radios)


def of_disk(found: Numbers) -> Iterator[Metric]:
    """What was read."""
    yield GaugeMetricFamily(
        "gatewayd_outbox_events", "Events without the cloud's receipt.", found.waiting
    )
    keys = {(name,): found.keys.get(name, 0) for name in STATUSES}
    yield _family("gatewayd_keys", "Keys, besides those of backup codes.", "status", keys)
    codes = {(name, ""): 0 for name in STATES}
    codes |= {(state, why or ""): n for (state, why), n in found.codes.items()}
    yield _family("gatewayd_codes", "Codes at doors, backup codes too.", "state reason", codes)
    alerts = {(c, kind.severity): found.alerts.get(c, 0) for c, kind in ALERTS.items()}
    yield _family("gatewayd_alerts", "Alerts that stand.", "code severity", alerts)
    yield from _of_locks(found)


def _of_locks(found: Numbers) -> Iterator[Metric]:
    heard = {(str(lock["lock_id"]),): lock for lock in found.locks}
    served = {key: lock for key, lock in heard.items() if lock["lock_id"] in found.active}
    yield _family(
        "gatewayd_lock_active",
        "The site document has it in service.",
        "lock",
        {key: key in served for key in heard},
    )
    yield _family(
        "gatewayd_lock_online",
        "A lock in service answered last time.",
        "lock",
        {key: lock["online"] for key, lock in served.items()},
    )
    yield _family(
        "gatewayd_lock_battery_ratio",
        "Charge, where the lock tells it; 1 is full.",
        "lock",
        {k: lock["battery"] / 100 for k, lock in heard.items() if lock["battery"] is not None},
    )
    yield _family(
        "gatewayd_lock_battery_low",
        "The lock warns, or its charge is low.",
        "lock",
        {k: is_low(lock["battery"], warned=lock["battery_low"]) for k, lock in heard.items()},
    )
    yield _family(
        "gatewayd_lock_last_contact_timestamp_seconds",
        "When the lock was heard of last.",
        "lock",
        {k: x["last_contact"].timestamp() for k, x in heard.items() if x["last_contact"]},
    )


def _family(name: str, documentation: str, labels: str, values: Mapping[Any, float]) -> Metric:
    """One gauge with a value for each tuple of labels."""
    family = GaugeMetricFamily(name, documentation, labels=labels.split())
    for each, value in values.items():
        family.add_metric(each, value)
    return family
