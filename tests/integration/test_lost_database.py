"""A database that is gone or spoilt: put aside, begun anew, and said so; what is sound is kept."""

import contextlib
import json
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from gatewayd.app import hub
from gatewayd.config import Config, load
from gatewayd.errors import StoreError
from gatewayd.store import quarantine
from gatewayd.store.database import open_database
from gatewayd.store.identity import Identity
from simulators.broker import free_port
from tests.house import Document, FakeClock, opened, reservation, site
from tests.integration.test_app import CONFIG, SITE, rows
from tests.integration.test_reconciler import VirtualClock

PAGE = 4096


@pytest.fixture
def config(tmp_path: Path) -> Config:
    file = tmp_path / "gatewayd.toml"
    file.write_text(CONFIG.format(port=free_port()))
    (tmp_path / "site.toml").write_text(SITE.format(version=1))
    return load(file)


async def start(config: Config) -> None:
    """A hub's short day."""
    async with hub(config, VirtualClock()):
        pass


def identity(config: Config) -> Document:
    """What lies beside the database, but for how far that had come."""
    there = dict(json.loads(config.store.path.with_name("hub.json").read_text()))
    return {name: value for name, value in there.items() if name != "seq"}


def aside(config: Config) -> list[Path]:
    """The databases that were put aside, the oldest first."""
    return sorted(config.store.path.with_name("quarantine").glob("*"))


def missing(path: Path) -> None:
    """It is not there; what is left of its log must not be taken for the new one's."""
    path.unlink()
    path.with_name(path.name + "-wal").write_bytes(b"of another database")


def empty(path: Path) -> None:
    """Opened by SQLite it would be a new database."""
    path.write_bytes(b"")


def without_tables(path: Path) -> None:
    """The same, with a header."""
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")


def garbage(path: Path) -> None:
    """No database at all."""
    path.write_bytes(b"this is no database, and longer than its header" * 100)


def corrupt_page(path: Path) -> None:
    """A page within a table that a count does not look at closely."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executemany(
            "INSERT INTO battery_levels VALUES ('front', ?, 50)",
            [(f"day {n}",) for n in range(999)],
        )
        connection.commit()
        sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'battery_levels'"
        ((root,),) = connection.execute(sql)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE + 200)
        file.write(Random(1).randbytes(PAGE - 200))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT count(*) FROM keys").fetchall()


@pytest.mark.parametrize("spoil", [missing, empty, without_tables, garbage, corrupt_page])
async def test_a_lost_database_is_put_aside_and_another_epoch_begins(
    config: Config, spoil: Callable[[Path], None]
) -> None:
    # faults 25, 27
    await start(config)
    before = identity(config)
    spoil(config.store.path)
    left = {file.name: file.read_bytes() for file in config.store.path.parent.glob("*.db*")}
    await start(config)
    after = identity(config)
    assert after["epoch"] != before["epoch"]
    assert after["secret"] == before["secret"]
    (folder,) = aside(config)
    kept = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert kept == {name: left[name] for name in kept}
    assert set(left) - set(kept) == {"gatewayd.db.lock"}
    told = [
        json.loads(e) for (e,) in await rows(config, "SELECT envelope FROM outbox ORDER BY seq")
    ]
    assert [(e["type"], e["epoch"]) for e in told][:3] == [
        (type_, after["epoch"]) for type_ in ("hub.started", "alert.raised", "snapshot.wanted")
    ]
    assert told[1]["data"]["code"] == "database_lost"
    assert told[2]["data"] == {"why": "new_database"}
    await start(config)  # it goes on with that one, and asks again
    assert identity(config) == after
    assert len(aside(config)) == 1
    asked = "SELECT count(*) FROM outbox WHERE type = 'snapshot.wanted'"
    assert await rows(config, asked) == [(2,)]


async def test_a_new_hub_has_lost_nothing_and_a_sound_database_is_kept(config: Config) -> None:
    await start(config)
    before = identity(config)
    assert before["provisioned"] is True
    assert config.store.path.with_name("hub.json").stat().st_mode & 0o777 == 0o600
    await start(config)
    assert identity(config) == before
    assert aside(config) == []
    assert await rows(config, "SELECT code FROM alerts") == []
    assert await rows(config, "SELECT id FROM outbox WHERE type = 'snapshot.wanted'") != []
    epochs = "SELECT DISTINCT envelope->>'epoch' FROM outbox"
    assert await rows(config, epochs) == [(before["epoch"],)]


async def test_a_log_torn_by_a_power_cut_costs_what_was_not_committed_and_no_more(
    tmp_path: Path,
) -> None:
    # fault 26
    path, clock = tmp_path / "gatewayd.db", FakeClock()
    database = await open_database(path, clock)
    for n in range(3):
        async with database.transaction() as tx:
            tx.later("INSERT INTO meta VALUES (?, 0)", (f"fact {n}",))
    torn = tmp_path / "torn"
    torn.mkdir()
    for name in ("gatewayd.db", "gatewayd.db-wal", "hub.json"):
        (torn / name).write_bytes((tmp_path / name).read_bytes())
    await database.close()
    log = torn / "gatewayd.db-wal"
    log.write_bytes(log.read_bytes()[: -PAGE // 2])  # the last frame is half there
    again = await open_database(torn / "gatewayd.db", clock)
    try:
        found = await again.read.rows("SELECT name FROM meta WHERE name LIKE 'fact%' ORDER BY name")
        assert found == [("fact 0",), ("fact 1",)]
        assert again.identity == database.identity
    finally:
        await again.close()
    assert not (torn / "quarantine").exists()


async def test_the_last_few_lost_databases_are_kept(tmp_path: Path) -> None:
    path, clock = tmp_path / "gatewayd.db", FakeClock()
    names = []
    for _ in range(quarantine.KEPT + 2):
        await (await open_database(path, clock)).close()
        garbage(path)
        clock.at += timedelta(days=1)
        names.append(f"{clock.at:%Y%m%d}T120000Z-1")
    await (await open_database(path, clock)).close()
    assert sorted(each.name for each in (tmp_path / "quarantine").iterdir()) == names[-3:]


async def test_a_file_of_a_newer_gatewayd_is_not_lost(tmp_path: Path) -> None:
    # fault 28
    path = tmp_path / "gatewayd.db"
    await (await open_database(path, FakeClock())).close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(StoreError, match="newer gatewayd"):
        await open_database(path, FakeClock())
    assert not (tmp_path / "quarantine").exists()


async def test_a_file_that_may_not_be_opened_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "gatewayd.db"
    await (await open_database(path, FakeClock())).close()
    path.rename(tmp_path / "elsewhere")
    path.mkdir()
    with pytest.raises(StoreError, match="cannot use"):
        await open_database(path, FakeClock())
    assert not (tmp_path / "quarantine").exists()


async def test_without_its_identity_a_sound_database_goes_on_and_a_lost_one_is_lost(
    tmp_path: Path,
) -> None:
    path, clock = tmp_path / "gatewayd.db", FakeClock()
    database = await open_database(path, clock)
    await database.close()
    first = database.identity
    (tmp_path / "hub.json").write_text("{")
    database = await open_database(path, clock)
    await database.close()
    assert database.identity.epoch == first.epoch
    assert database.identity.secret != first.secret
    assert await waits(path) == 0
    (tmp_path / "hub.json").write_text("{")
    path.unlink()
    await (await open_database(path, clock)).close()
    assert await waits(path) == 3


async def test_a_database_of_another_epoch_is_not_what_the_hub_knew(tmp_path: Path) -> None:
    path, clock = tmp_path / "gatewayd.db", FakeClock()
    database = await open_database(path, clock)
    await database.close()
    old = path.read_bytes()
    path.unlink()
    await (await open_database(path, clock)).close()
    path.write_bytes(old)  # somebody means well
    again = await open_database(path, clock)
    await again.close()
    assert again.identity.epoch != database.identity.epoch
    assert await waits(path) == 3


async def test_an_older_copy_of_the_database_is_not_what_the_hub_knew(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        path = tmp_path / "gatewayd.db"
        await house.send("site.put", site())
        await house.send("reservation.put", reservation())
        await house.prove("front", "R1")
        with contextlib.closing(sqlite3.connect(path)) as running:
            running.execute("VACUUM INTO ?", (str(tmp_path / "copy"),))
        await house.send("reservation.cancel", {"id": "R1", "version": 2})
        known = house.database.identity
    before = path.read_bytes()
    (tmp_path / "copy").replace(path)  # somebody means well
    async with opened(tmp_path) as house:
        assert house.database.identity.epoch != known.epoch
        assert house.database.identity.secret == known.secret
        assert await house.rows("SELECT stage FROM leases") == [("moved",)]
    assert await waits(path) == 2  # the site is in it
    path.write_bytes(before)
    async with opened(tmp_path) as house:
        assert house.database.identity.epoch != known.epoch  # nor is the newer one any more
    assert await waits(path) == 2


async def waits(path: Path) -> int:
    """For how many things the hub waits."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM awaited").fetchone()[0])


def test_nothing_shows_the_secret() -> None:
    assert "0123456789" not in repr(Identity(secret=b"0123456789"))
