"""The history of the hub: what was told, without codes and names, long after its receipt."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NewType, get_args, get_origin, get_type_hints

import pytest

from gatewayd.domain.code import Code
from gatewayd.domain.events import Event
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.code import CodeConfirmed
from gatewayd.domain.events.hub import HubStarted
from gatewayd.domain.events.lock import LockOffline, LockOnline
from gatewayd.domain.health import AlertCode
from gatewayd.domain.history import WORDS, kept
from gatewayd.domain.ids import CommandId, KeyId, LockId
from gatewayd.domain.lease import Proof
from gatewayd.errors import Reason
from gatewayd.reconciler.housekeeping import Housekeeping
from gatewayd.store import journal
from gatewayd.store.archive import Manifest, pack, unpack
from gatewayd.store.journal import Entry
from gatewayd.store.outbox import receipted
from tests.house import DAY, NOON, FakeClock, House, opened, reservation, site

FRONT, BACK = LockId("front"), LockId("back")
KEY = KeyId("res:R1")
SECRET = "739164"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as house:
        yield house


async def tell(house: House, *events: Event, cause: CommandId | None = None) -> None:
    async with house.database.transaction() as tx:
        await house.outbox.tell(tx, house.clock.now(), events, cause)


async def entries(house: House, **asked: Any) -> list[Entry]:
    return await journal.last(house.database.read, **asked)


async def seqs(house: House, **asked: Any) -> list[int]:
    return [entry.seq for entry in await entries(house, **asked)]


async def test_an_event_is_still_there_when_the_cloud_has_it(house: House) -> None:
    event = CodeConfirmed(KEY, FRONT, Proof.MATCHED, NOON)
    await tell(house, event, cause=CommandId("C1"))
    (told,) = await house.told()
    async with house.database.transaction() as tx:
        await receipted(tx, [told["id"]])
    assert await house.told() == []
    data = {name: told["data"][name] for name in ("key_id", "lock_id", "proof", "at")}
    whole = Entry(1, told["id"], NOON, "code.confirmed", FRONT, KEY, CommandId("C1"), data)
    assert await entries(house) == [whole]


async def test_an_event_of_a_transaction_that_failed_is_not_there(house: House) -> None:
    async def in_vain() -> None:
        async with house.database.transaction() as tx:
            await house.outbox.tell(tx, house.clock.now(), [HubStarted("1")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await in_vain()
    assert await entries(house) == []


async def test_what_is_sent_again_happened_once(house: House) -> None:
    await house.send("site.put", site(), id="SITE")
    before = await seqs(house)
    await house.send("site.put", site(), id="SITE")
    assert await seqs(house) == before


async def test_it_tells_of_one_lock_or_key_or_type_the_newest_first(house: House) -> None:
    await tell(house, LockOnline(FRONT), LockOnline(BACK), HubStarted("1"))
    await tell(house, CodeConfirmed(KEY, FRONT, Proof.MATCHED, NOON))
    assert await seqs(house) == [4, 3, 2, 1]
    assert await seqs(house, lock=FRONT) == [4, 1]
    assert await seqs(house, key=KEY) == [4]
    assert await seqs(house, key=KEY, lock=BACK) == []
    assert await seqs(house, types=["lock.online", "hub.started"]) == [3, 2, 1]
    assert await seqs(house, before=4, limit=2) == [3, 2]
    assert await seqs(house, after=2) == [4, 3]


@pytest.mark.parametrize(
    ("alert", "subject", "lock", "key"),
    [
        (AlertCode.LOCK_OFFLINE, "front", FRONT, None),
        (AlertCode.CODE_UNSET, "front/res:R1", FRONT, KEY),
        (AlertCode.TIMES_MISSING, "R1", None, None),
        (AlertCode.RADIO_DOWN, "zwave", None, None),
    ],
)
async def test_an_alert_belongs_to_the_lock_and_the_key_of_its_subject(
    house: House, alert: AlertCode, subject: str, lock: LockId | None, key: KeyId | None
) -> None:
    await tell(house, raised(alert, subject), cleared(alert, subject))
    found = [(entry.type, entry.lock_id, entry.key_id) for entry in await entries(house)]
    assert found == [("alert.cleared", lock, key), ("alert.raised", lock, key)]


def made(hint: Any, text: str) -> Any:
    """A value of that type, every plain text in it that one."""
    if dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint)
        given = {f.name: made(hints[f.name], text) for f in dataclasses.fields(hint)}
        given |= dict.fromkeys(WORDS & given.keys(), "a word")
        return hint(**given)  # type: ignore[operator]  # mypy takes it for an instance
    if isinstance(hint, NewType):
        return "an-id"
    origin, parts = get_origin(hint), get_args(hint)
    if parts and origin is Literal:
        return parts[0]
    if parts:
        first = made(parts[0], text)
        return (first,) if origin is tuple else first
    if hint is str:
        return text
    if issubclass(hint, Enum):
        return next(iter(hint))
    return NOON if hint is datetime else hint(1)


@pytest.mark.parametrize("kind", get_args(Event.__value__))
async def test_no_event_brings_a_code_into_it(house: House, kind: type) -> None:
    """S0-5: whatever text an event holds, unless the hub itself fills it in, is left out."""
    event = made(kind, SECRET)
    await tell(house, raised(AlertCode.REMOVAL_FAILED, "a word"), event)  # it may be its end
    rows = await house.rows("SELECT * FROM journal")
    assert len(rows) == (1 if event.type == "alert.raised" else 2)
    assert SECRET not in str(rows)


def test_a_new_kind_of_event_cannot_bring_one_in() -> None:
    """Neither as text, nor as a `Code`, nor within a part, nor where repr hides it."""

    @dataclasses.dataclass(frozen=True)
    class Part:
        digits: str
        codes: tuple[Code, ...]

    @dataclasses.dataclass(frozen=True)
    class Strange:
        lock_id: LockId
        pin: str
        spare: str | None
        parts: tuple[Part, ...]
        anything: Any
        by_door: dict[str, str]
        at: datetime | None
        label: str = dataclasses.field(repr=False, default=SECRET)

    part = Part(SECRET, (Code(SECRET),))
    event = Strange(FRONT, SECRET, SECRET, (part,), SECRET, {"front": SECRET}, NOON)
    assert kept(event) == {"lock_id": FRONT, "parts": [{"codes": [{}]}], "at": NOON}


async def test_a_guest_is_not_in_it(house: House) -> None:
    """Nor what staff wrote: who got a backup code, and why."""
    await house.send("site.put", site())
    guest = {"name": "Quixote", "phone": "+41791739164", "email": "q@example.org"}
    await house.send("reservation.put", reservation(guest=guest, code=SECRET))
    assert any(SECRET in str(event) for event in await house.told())
    rows = str(await house.rows("SELECT * FROM journal"))
    assert "code.assigned" in rows
    assert not [secret for secret in ("Quixote", "9164", "example") if secret in rows]


async def test_it_forgets_what_is_a_month_old_and_what_is_too_much(house: House) -> None:
    keeper = Housekeeping(house.database, house.outbox, house.clock)
    await tell(house, LockOnline(FRONT))
    house.clock.at = NOON + 20 * DAY
    await tell(house, *[LockOnline(FRONT)] * 5)
    house.clock.at = NOON + 30 * DAY
    await keeper.forget()
    assert await seqs(house) == [6, 5, 4, 3, 2, 1]
    house.clock.at += timedelta(seconds=1)
    await keeper.forget()
    assert await seqs(house) == [6, 5, 4, 3, 2]
    async with house.database.transaction() as tx:
        await journal.forget(tx, house.clock.now(), room=2)
    assert await seqs(house) == [6, 5]


async def test_a_restored_hub_goes_on_where_the_saved_one_was(tmp_path: Path) -> None:
    """The history goes with the database, and no place is given twice."""
    elsewhere = tmp_path / "elsewhere" / "gatewayd.db"
    elsewhere.parent.mkdir()
    async with opened(tmp_path) as house:
        await tell(house, LockOffline(FRONT, Reason.LOCK_UNREACHABLE), LockOnline(FRONT))
        async with house.database.transaction() as tx:
            await receipted(tx, [event["id"] for event in await house.told()])
        packed = pack(tmp_path / "gatewayd.db", Manifest("a/b/c", "2026-07-01T12:00:00Z", "1"))
        await tell(house, LockOnline(BACK))
    await unpack(packed, elsewhere, FakeClock(), tmp_path / "aside")
    async with opened(elsewhere.parent) as house:
        await tell(house, HubStarted("2"))
        found = [(entry.seq, entry.type) for entry in await entries(house)]
    assert found == [(3, "hub.started"), (2, "lock.online"), (1, "lock.offline")]


async def test_it_may_be_asked_for_the_last_of_thousands(house: House) -> None:
    """By lock and by key: an index answers."""
    for column, value in (("lock_id", "front"), ("key_id", "res:R1")):
        plan = await house.rows(
            f"EXPLAIN QUERY PLAN SELECT * FROM journal WHERE {column} = ? ORDER BY seq DESC",  # noqa: S608  # constants
            value,
        )
        assert [f"journal_by_{column[:-3]}" in row[3] for row in plan] == [True]
