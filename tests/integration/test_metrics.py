"""Numbers for Prometheus: a scrape as it makes one, of a hub with a real store."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest_asyncio
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from gatewayd.domain.events.alert import raised
from gatewayd.domain.health import AlertCode
from gatewayd.domain.reach import Reach
from gatewayd.store import glance
from gatewayd.web.followers import Followers
from gatewayd.web.metrics import exposed
from gatewayd.web.parts import Parts
from simulators.broker import free_port
from tests import house
from tests.house import HUB, NOON, House, lock, property_, reservation, site

type Labels = frozenset[tuple[str, str]]
type Samples = dict[tuple[str, Labels], float]


@dataclass
class Exposed:
    """A hub whose numbers are at a port."""

    house: House
    port: int
    http: aiohttp.ClientSession
    parts: Parts
    cloud: Reach = Reach(up=False, since=NOON)  # noqa: RUF009  # it is frozen

    async def text(self, **headers: str) -> str:
        """What is answered, as it is."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        async with self.http.get(url, headers=headers) as response:
            assert response.status == 200
            return await response.text()

    async def samples(self) -> Samples:
        """What a scraper makes of it; nothing comes twice."""
        families = text_string_to_metric_families(await self.text())
        found = [sample for family in families for sample in family.samples]
        samples = {(s.name, frozenset(s.labels.items())): s.value for s in found}
        assert len(samples) == len(found)
        return samples

    async def value(self, name: str, **labels: str) -> float | None:
        """Of one series; None: there is none."""
        return (await self.samples()).get((f"gatewayd_{name}", frozenset(labels.items())))


@pytest_asyncio.fixture
async def there(tmp_path: Path) -> AsyncIterator[Exposed]:
    """A hub that has the site of `house`."""
    async with house.opened(tmp_path) as of, aiohttp.ClientSession() as http:
        await of.send("site.put", site())
        parts = Parts(
            hub=HUB,
            version="1.2.3",
            since=NOON,
            database=of.database,
            outbox=of.outbox,
            intake=of.intake,
            clock=of.clock,
            cloud=lambda: found.cloud,
            radios=lambda: {"zwave": Reach(True, NOON), "hci0": Reach(False, NOON)},
            followers=Followers(),
        )
        found = Exposed(of, free_port(), http, parts)
        async with exposed("127.0.0.1", found.port, tmp_path / "gatewayd.db", parts):
            yield found


async def heard(of: House, lock_id: str, **columns: object) -> None:
    """As if the lock had told it."""
    async with of.database.transaction() as tx:
        for name, value in columns.items():
            await tx.rows(f"UPDATE locks SET {name} = ? WHERE id = ?", (value, lock_id))  # noqa: S608  # names of columns


async def test_each_lock_is_told_as_it_was_heard_of_last(there: Exposed) -> None:
    at = NOON.timestamp()
    await heard(there.house, "front", battery=87, battery_low=0, last_contact=at)
    await heard(there.house, "shed-door", battery=12, failures=3, retry_due=0.0)
    found = await there.samples()
    front, shed = frozenset({("lock", "front")}), frozenset({("lock", "shed-door")})
    assert found["gatewayd_lock_online", front] == 1
    assert found["gatewayd_lock_battery_ratio", front] == 0.87
    assert found["gatewayd_lock_battery_low", front] == 0
    assert found["gatewayd_lock_last_contact_timestamp_seconds", front] == at
    assert found["gatewayd_lock_online", shed] == 0
    assert found["gatewayd_lock_battery_low", shed] == 1
    assert ("gatewayd_lock_last_contact_timestamp_seconds", shed) not in found


async def test_a_lock_that_is_not_in_service_is_neither_online_nor_offline(there: Exposed) -> None:
    locks = [lock("front", 2), lock("shed-door", 5, active=False)]
    await there.house.send("site.put", site(2, properties=[], locks=locks))
    assert await there.value("lock_active", lock="front") == 1
    assert await there.value("lock_active", lock="shed-door") == 0
    assert await there.value("lock_online", lock="front") == 1
    assert await there.value("lock_online", lock="shed-door") is None


async def test_keys_are_counted_by_status_and_codes_by_how_they_stand(there: Exposed) -> None:
    of = there.house
    await of.send("reservation.put", reservation("R1"))
    assert await there.value("codes", state="waiting", reason="not_due") == 2
    of.clock.at += timedelta(days=11)
    assert await there.value("keys", status="current") == 1
    assert await there.value("codes", state="writing", reason="") == 2
    await of.prove("front", "R1")
    await heard(of, "flat-1-door", failures=1, retry_due=0.0, reason="lock_unreachable")
    assert await there.value("codes", state="proven", reason="") == 1
    assert await there.value("codes", state="failing", reason="lock_unreachable") == 1
    assert await there.value("codes", state="writing", reason="") == 0
    doors = [property_("flat-1", "front")]
    await of.send("site.put", site(2, properties=doors, locks=[lock("front", 2)]))
    await of.send("reservation.cancel", {"id": "R1", "version": 2})
    assert await there.value("keys", status="revoked") == 1
    assert await there.value("codes", state="removing", reason="") == 1


async def test_the_hub_tells_what_it_depends_on_and_what_needs_a_person(there: Exposed) -> None:
    of = there.house
    of.clock.doubt, of.clock.ticks = timedelta(seconds=90), of.clock.ticks + 25
    async with of.database.transaction() as tx:
        alert = raised(AlertCode.LOCK_OFFLINE, "front")
        await of.outbox.tell(tx, of.clock.now(), [alert])
    assert await there.value("clock_doubt_seconds") == 90
    assert await there.value("uptime_seconds") == 25
    assert await there.value("build_info", version="1.2.3") == 1
    assert await there.value("cloud_up") == 0
    there.cloud = Reach(up=True, since=NOON)
    assert await there.value("cloud_up") == 1
    assert await there.value("radio_up", radio="zwave") == 1
    assert await there.value("radio_up", radio="hci0") == 0
    assert await there.value("alerts", code="lock_offline", severity="warning") == 1
    assert await there.value("alerts", code="lock_full", severity="warning") == 0
    assert await there.value("outbox_events") == len(await of.told())


async def test_what_grows_with_the_bookings_is_counted_and_nobody_is_named(there: Exposed) -> None:
    """No PIN, no guest, no reservation: the series are as many with nine guests as with none."""
    before = set(await there.samples())
    for n in range(9):
        guest = {"name": f"Quixotta {n}", "phone": "+41 79 555 01 23"}
        day = {"arrival": f"2026-08-{n + 10}", "departure": f"2026-08-{n + 11}", "guest": guest}
        await there.house.send("reservation.put", reservation(f"RESERVED{n}") | day)
    assert await there.value("keys", status="upcoming") == 9
    assert set(await there.samples()) == before
    text = await there.text()
    codes = [code for (code,) in await there.house.rows("SELECT code FROM keys")]
    assert not [word for word in (*codes, "Quixotta", "RESERVED", "555") if word in text]


async def test_a_scrape_sees_one_state_whatever_happens_meanwhile(
    there: Exposed, tmp_path: Path
) -> None:
    of, questions = there.house, ("SELECT count(*) FROM keys", "SELECT count(*) FROM doors")
    async with glance.opened(tmp_path / "gatewayd.db") as disk:
        async with disk.state() as tx:
            before = [await tx.rows(question) for question in questions]
            await of.send("reservation.put", reservation())
            assert [await tx.rows(question) for question in questions] == before == [[(0,)]] * 2
        async with disk.state() as tx:
            assert [await tx.rows(question) for question in questions] == [[(1,)], [(2,)]]


async def test_a_port_that_is_taken_costs_the_numbers_and_not_the_hub(
    there: Exposed, tmp_path: Path
) -> None:
    with capture_logs() as said:
        async with exposed("127.0.0.1", there.port, tmp_path / "gatewayd.db", there.parts):
            pass
    (line,) = [each for each in said if each["log_level"] == "error"]
    assert (line["event"], line["port"]) == ("metrics.not_served", there.port)
    assert "in use" in line["why"]


async def test_who_asks_for_open_metrics_gets_them(there: Exposed) -> None:
    text = await there.text(Accept="application/openmetrics-text; version=1.0.0")
    found = openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # theirs
    names = {family.name for family in found}
    assert {"gatewayd_build", "gatewayd_keys", "gatewayd_lock_battery_low"} <= names
