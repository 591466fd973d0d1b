"""A hub's files in one archive, and put in place of others."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from errno import ENOSPC
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from gatewayd.domain.credentials import Credentials
from gatewayd.errors import StoreError
from gatewayd.store import identity, schema
from gatewayd.store.archive import Manifest, manifest, pack, unpack
from gatewayd.store.keyring import NukiKeyring
from gatewayd.store.rebuild import Awaited, awaited
from gatewayd.store.replacement import BESIDE
from tests.house import FakeClock, House, opened, reservation, site

MADE = Manifest("acme/lakeside/hub-1", "2026-07-01T12:00:00Z", "0.1.0")
FILE = "gatewayd.db"
NUKI = "54:D2:72:00:00:01"
KEPT = Credentials(7, bytes(range(32)), 1234, "a-uuid", "Nuki_1A2B0001", log_index=42)
SEEN = {"slots", "leases", "locks", "meta", "awaited"}
"""The tables that hold what was seen at locks, the epoch, and what the cloud is to say anew."""


async def fill(house: House) -> None:
    """A guest whose code is proven on one lock, and a Nuki lock."""
    await house.send("site.put", site())
    await house.send("reservation.put", reservation())
    await house.prove("front", "R1")
    await NukiKeyring(house.database).put(NUKI, KEPT)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder / FILE


async def restored(packed: bytes, path: Path) -> Path:
    """Where what was there is kept."""
    aside = path.with_name("aside")
    await unpack(packed, path, FakeClock(), aside)
    return aside


async def test_a_restored_hub_knows_all_that_the_running_one_knew(
    tmp_path: Path, elsewhere: Path
) -> None:
    async with opened(tmp_path) as house:
        await fill(house)
        packed = pack(tmp_path / FILE, MADE)
        before = await house.dump(without=SEEN)
        await house.send("reservation.put", reservation("R2", property_id="shed"))
    assert manifest(packed) == MADE
    await restored(packed, elsewhere)
    async with opened(elsewhere.parent) as house:
        assert await house.dump(without=SEEN) == before
        assert await NukiKeyring(house.database).get(NUKI) == KEPT


async def test_what_is_not_committed_is_not_in_it(tmp_path: Path, elsewhere: Path) -> None:
    async with opened(tmp_path) as house:
        await fill(house)
        async with house.database.transaction() as tx:
            await tx.rows("UPDATE keys SET revoked = 1")
            packed = pack(tmp_path / FILE, MADE)
    await restored(packed, elsewhere)
    async with opened(elsewhere.parent) as house:
        assert await house.live() == {"R1"}


async def test_nothing_that_was_seen_at_a_lock_is_believed(tmp_path: Path, elsewhere: Path) -> None:
    async with opened(tmp_path) as house:
        await fill(house)
        ((slot,),) = await house.rows("SELECT slot FROM leases")
        async with house.database.transaction() as tx:
            await tx.rows(
                "INSERT INTO slots (lock_id, slot, seen, at, enabled) "
                "VALUES ('front', 3, 'empty', 0, 1)"
            )
            await tx.rows("UPDATE locks SET inventoried = 1, failures = 4, retry_due = 9e9")
        packed = pack(tmp_path / FILE, MADE)
    await restored(packed, elsewhere)
    async with opened(elsewhere.parent) as house:
        assert await house.rows("SELECT * FROM slots") == []
        assert await house.rows("SELECT stage, slot, proof, verify_due FROM leases") == [
            ("moved", slot, None, None)
        ]
        found = await house.rows("SELECT DISTINCT inventoried, retry_due FROM locks")
        assert found == [(0, 0.0)]


async def test_no_bolt_that_turned_then_is_answered(tmp_path: Path, elsewhere: Path) -> None:
    async with opened(tmp_path) as house:
        await fill(house)
        async with house.database.transaction() as tx:
            await tx.rows("INSERT INTO operations VALUES ('OPEN')")
        packed = pack(tmp_path / FILE, MADE)
    await restored(packed, elsewhere)
    async with opened(elsewhere.parent) as house:
        assert await house.rows("SELECT * FROM operations") == []


async def test_a_deletion_by_a_person_is_still_respected(tmp_path: Path, elsewhere: Path) -> None:
    # S1-17
    async with opened(tmp_path) as house:
        await fill(house)
        async with house.database.transaction() as tx:
            await tx.rows("UPDATE leases SET stage = 'gone', reason = 'deleted_at_lock'")
        packed = pack(tmp_path / FILE, MADE)
    await restored(packed, elsewhere)
    async with opened(elsewhere.parent) as house:
        assert await house.rows("SELECT stage, reason FROM leases") == [("gone", "deleted_at_lock")]


async def test_the_hubs_identity_goes_along_but_for_its_epoch(
    tmp_path: Path, elsewhere: Path
) -> None:
    async with opened(tmp_path) as house:
        await house.send("site.put", site())
        packed = pack(tmp_path / FILE, MADE)
    async with opened(elsewhere.parent):
        pass
    ours, others = (identity.read(path) for path in (tmp_path / FILE, elsewhere))
    aside = await restored(packed, elsewhere)
    async with opened(elsewhere.parent) as house:
        now = house.database.identity
        assert await awaited(house.database.read) == {Awaited.REPORTED, Awaited.SNAPSHOT}
    assert (now.secret, now.provisioned) == (ours.secret, True)
    assert now.epoch not in {ours.epoch, others.epoch}
    assert identity.read(aside / FILE) == others


async def test_what_was_there_is_kept_with_all_that_its_log_held(
    tmp_path: Path, elsewhere: Path
) -> None:
    async with opened(tmp_path) as house:
        await fill(house)
        packed = pack(tmp_path / FILE, MADE)
    async with opened(elsewhere.parent) as house:
        await house.send("site.put", site())
        await house.send("reservation.put", reservation("R9"))
        killed = {file.name: file.read_bytes() for file in elsewhere.parent.glob(f"{FILE}*")}
    for name, content in killed.items():  # as a power cut leaves it
        elsewhere.with_name(name).write_bytes(content)
    assert len(killed[f"{FILE}-wal"]) > 0
    aside = await restored(packed, elsewhere)
    async with opened(aside) as house:
        assert await house.live() == {"R9"}
    async with opened(elsewhere.parent) as house:
        assert await house.live() == {"R1"}


class Cut(BaseException):
    """The power fails."""


class Power:
    """Fails before the n-th change of a name; `left`: how many it still lets through."""

    def __init__(self, patch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
        self.left, self._error = 10**6, error
        for owner, name in (
            *((Path, each) for each in ("replace", "rename", "unlink")),
            *((os, "link"), (shutil, "rmtree")),
        ):
            patch.setattr(owner, name, self._failing(getattr(owner, name)))

    def _failing(self, change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*args: Any, **more: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise self._error(ENOSPC, "No space left on device")
            return change(*args, **more)

        return changed


@pytest.mark.parametrize("error", [Cut, OSError])
async def test_cut_off_anywhere_it_is_the_old_hub_or_the_new_one_and_no_mixture(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    async with opened(tmp_path) as house:
        await fill(house)
        packed = pack(tmp_path / FILE, MADE)
    async with opened(elsewhere.parent) as house:
        await house.send("site.put", site())
        await house.send("reservation.put", reservation("R9"))
        killed = {file: file.read_bytes() for file in elsewhere.parent.glob(f"{FILE}*")}
    killed[elsewhere.with_name("hub.json")] = elsewhere.with_name("hub.json").read_bytes()
    secrets = {
        "R1": identity.read(tmp_path / FILE).secret,
        "R9": identity.read(elsewhere).secret,
    }
    power, found = Power(monkeypatch, error), []
    for cut in count():
        power.left = 10**6
        shutil.rmtree(elsewhere.parent)
        elsewhere.parent.mkdir()
        for file, content in killed.items():
            file.write_bytes(content)
        power.left = cut
        with contextlib.suppress(error, StoreError):
            await restored(packed, elsewhere)
        whole, power.left = power.left >= 0, 10**6
        async with opened(elsewhere.parent) as house:
            (live,) = await house.live()
            assert house.database.identity.secret == secrets[live]
            assert bool(await awaited(house.database.read)) == (live == "R1")
        assert not elsewhere.with_name("replacement").exists()
        found.append(live)
        if whole:
            break
    first = found.index("R1")
    assert found == ["R9"] * first + ["R1"] * (len(found) - first)
    assert 1 < first < len(found) - 3  # the names of two files, a log, and what is left


async def test_a_damaged_database_is_replaced_with_its_log(tmp_path: Path, elsewhere: Path) -> None:
    async with opened(tmp_path) as house:
        await fill(house)
        packed = pack(tmp_path / FILE, MADE)
    async with opened(elsewhere.parent) as house:
        await fill(house)
        log = elsewhere.with_name(f"{FILE}-wal")
        left = log.read_bytes()
    elsewhere.write_bytes(b"no database " * 1000)
    log.write_bytes(left)  # it must not be taken for the new one's
    aside = await restored(packed, elsewhere)
    assert (aside / FILE).exists()
    assert not log.exists()
    async with opened(elsewhere.parent) as house:
        assert await house.live() == {"R1"}


async def test_the_log_of_a_database_that_is_gone_does_not_stay(
    tmp_path: Path, elsewhere: Path
) -> None:
    async with opened(tmp_path) as house:
        await fill(house)
        packed = pack(tmp_path / FILE, MADE)
    log = elsewhere.with_name(f"{FILE}-wal")
    log.write_bytes(b"of another database")
    aside = await restored(packed, elsewhere)
    assert (aside / log.name).exists()
    assert not log.exists()


async def test_files_are_for_their_owner_alone(tmp_path: Path, elsewhere: Path) -> None:
    async with opened(tmp_path) as house:
        await fill(house)
        packed = pack(tmp_path / FILE, MADE)
    elsewhere.write_bytes(b"")
    aside = await restored(packed, elsewhere)
    assert aside.stat().st_mode & 0o777 == 0o700
    files = [elsewhere, elsewhere.with_name(BESIDE[0])]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]


async def test_of_a_newer_gatewayd_nothing_is_put_in_place(tmp_path: Path, elsewhere: Path) -> None:
    async with opened(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / FILE)) as newer:
        newer.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    packed = pack(tmp_path / FILE, MADE)
    elsewhere.write_bytes(b"what is there")
    with pytest.raises(StoreError, match="newer gatewayd"):
        await restored(packed, elsewhere)
    assert [file.name for file in elsewhere.parent.iterdir()] == [elsewhere.name]
    assert elsewhere.read_bytes() == b"what is there"


async def test_no_archive_is_made_of_what_is_damaged_or_not_there(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        await fill(house)
    path = tmp_path / FILE
    with pytest.raises(StoreError, match="cannot read"):
        pack(path.with_name("no.db"), MADE)
    assert not path.with_name("no.db").exists()
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 6] = bytes(4096 * 3)
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"damaged|malformed"):
        pack(path, MADE)
