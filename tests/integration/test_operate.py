"""`lock.operate`: at most once, at once or never, and proven by the bolt."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from gatewayd.domain.bolt import Action, Bolt, Operation
from gatewayd.domain.events.command import CommandDone, CommandExpired, CommandRejected
from gatewayd.domain.ids import CommandId, LockId
from gatewayd.domain.moment import Now
from gatewayd.errors import LockError, RadioDown, Reason, Refused, Unreachable
from gatewayd.reconciler.operate import operate
from gatewayd.store.archive import pack, unpack
from tests import house as houses
from tests.fakes import FakeLock, FakeRadio
from tests.house import Document, House, command, data, opened, types
from tests.integration import test_signals as signals
from tests.integration.conftest import until
from tests.integration.test_reconciler import HOUR, Site, VirtualClock, site, take
from tests.integration.test_restored_hub import MADE


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A hub with a site."""
    async with opened(tmp_path) as house:
        await house.send("site.put", houses.site())
        yield house


class DoubtfulClock(VirtualClock):
    """It has no battery, and has not met a time server yet."""

    doubt = timedelta(hours=72)

    def now(self) -> Now:
        """In doubt."""
        return Now(self.wall, self.wall + self.doubt)


class ImpatientClock(VirtualClock):
    """What is waited for is over at once."""

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Time has passed."""
        self._move(self.ticks + (seconds or 0))


def unlock(lock: str = "a", **envelope: object) -> Document:
    """Said two seconds before noon."""
    return command("lock.operate", {"lock_id": lock, "action": "unlock"}, id="OPEN") | envelope


async def answers(hub: Site, count: int = 2) -> list[str]:
    """What the command was answered, in that order, once there are so many."""
    sql = 'SELECT type FROM outbox WHERE envelope LIKE \'%"cause":"OPEN"%\' ORDER BY seq'
    async with asyncio.timeout(10):
        while len(rows := await hub.database.read.rows(sql)) < count:  # noqa: ASYNC110  # a row tells nobody
            await asyncio.sleep(0.001)
    return [type_ for (type_,) in rows]


async def test_a_bolt_is_turned_once_and_its_place_is_the_proof(tmp_path: Path) -> None:
    async with site(tmp_path, VirtualClock(), "a") as hub:
        await take(hub.intake, unlock())
        await hub.clock.settle(1)
        await take(hub.intake, unlock())  # the broker says it again
        assert await answers(hub) == ["command.accepted", "command.done"]
        await hub.pass_(HOUR)
        assert hub.lock("a").turned is Bolt.UNLOCKED
        assert hub.lock("a").touched == ["session", "unlock", "bolt"]
        assert await hub.database.read.rows("SELECT * FROM operations") == []


async def test_what_the_hub_s_end_cuts_off_is_told_once_at_the_next_start_and_not_repeated(
    tmp_path: Path,
) -> None:
    # fault 20
    clock = VirtualClock()
    radio = FakeRadio(clock)
    lock = radio.lock("a")
    lock.hangs = True
    async with site(tmp_path, clock, "a", radio=radio) as hub:
        await take(hub.intake, unlock())
        await until(lambda: lock.touched)
    lock.hangs = False
    for _ in range(2):
        async with site(tmp_path, clock, "a", radio=radio) as hub:
            await take(hub.intake, unlock())
            await hub.pass_(HOUR)
            assert set(await answers(hub)) == {"command.accepted", "command.rejected"}
            rejected = await signals.told(hub, "command.rejected")
            assert [(x["reason"], x["retryable"]) for x in rejected] == [("unknown_outcome", False)]
            assert "the hub stopped before it was answered" in rejected[0]["message"]
    assert lock.touched == ["session"]


async def test_a_bolt_that_turned_while_a_backup_was_made_is_answered_by_the_hub_of_then(
    tmp_path: Path,
) -> None:
    clock, elsewhere = VirtualClock(), tmp_path / "elsewhere"
    elsewhere.mkdir()
    async with site(tmp_path, clock, "a") as hub:
        hub.lock("a").hangs = True
        await take(hub.intake, unlock())
        await until(lambda: hub.lock("a").touched)
        packed = pack(tmp_path / "hub.db", MADE)
    await unpack(packed, elsewhere / "hub.db", clock, tmp_path / "aside")
    async with site(elsewhere, clock, "a") as hub:
        await hub.pass_(HOUR)
        assert await answers(hub, 1) == ["command.accepted"]
        assert hub.lock("a").touched == []


async def test_what_is_accepted_while_the_hub_ends_is_answered_at_the_next_start(
    tmp_path: Path,
) -> None:
    clock = VirtualClock()
    radio = FakeRadio(clock)
    async with site(tmp_path, clock, "a", radio=radio) as hub:
        late = asyncio.create_task(take(hub.intake, unlock()))
    await late
    async with site(tmp_path, clock, "a", radio=radio) as hub:
        await hub.pass_(HOUR)
        assert await answers(hub) == ["command.accepted", "command.rejected"]
    assert radio.lock("a").touched == []


@pytest.mark.parametrize(
    ("flag", "reason", "touched"),
    [
        ("jams", "refused", ["session", "unlock", "bolt"]),
        ("dead", "lock_unreachable", ["session"]),
    ],
)
async def test_a_bolt_that_does_not_turn_is_told_and_not_asked_again(
    tmp_path: Path, flag: str, reason: str, touched: list[str]
) -> None:
    async with site(tmp_path, VirtualClock(), "a") as hub:
        setattr(hub.lock("a"), flag, True)
        await take(hub.intake, unlock())
        assert await answers(hub) == ["command.accepted", "command.rejected"]
        await hub.pass_(HOUR)
        assert hub.lock("a").touched == touched
        sql = "SELECT envelope FROM outbox WHERE type = 'command.rejected'"
        ((envelope,),) = await hub.database.read.rows(sql)
        assert f'"reason":"{reason}"' in envelope


async def test_an_answer_that_is_lost_is_looked_for_and_not_asked_for_again(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, VirtualClock(), "a") as hub:
        hub.lock("a").loses_answers = True
        await take(hub.intake, unlock())
        assert await answers(hub) == ["command.accepted", "command.done"]
        await hub.pass_(HOUR)
        assert hub.lock("a").touched == ["session", "unlock", "bolt"]


async def test_a_door_that_waited_too_long_for_the_radio_stays_shut() -> None:
    clock = VirtualClock()
    lock = FakeLock(clock)
    asked = Operation(LockId("a"), Action.UNLOCK, CommandId("OPEN"), clock.wall)
    assert await operate(lock, clock, asked) == CommandExpired()
    assert lock.touched == []


@dataclass
class Turning(FakeLock):
    """Its bolt is looked at: each look gives the next of `looks`, the last one for ever."""

    looks: list[Bolt | LockError] = field(default_factory=list)
    refusal: LockError | None = None

    async def operate(self, action: Action) -> None:
        """Refused where so set."""
        if self.refusal:
            raise self.refusal
        await super().operate(action)

    async def bolt(self) -> Bolt:
        """The next look."""
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, LockError):
            raise look
        return look


@pytest.mark.parametrize(
    ("looks", "refusal", "reason", "retryable"),
    [
        ([Bolt.MOVING, Bolt.MOVING, Bolt.UNLOCKED], None, None, False),
        ([Bolt.MOVING], None, Reason.UNKNOWN_OUTCOME, False),
        ([Bolt.LOCKED], None, Reason.UNKNOWN_OUTCOME, False),
        ([Bolt.MOVING, Bolt.JAMMED], None, Reason.REFUSED, False),
        ([Bolt.MOVING, Unreachable("silent")], None, Reason.UNKNOWN_OUTCOME, False),
        ([Refused("no look now")], None, Reason.UNKNOWN_OUTCOME, False),
        ([Bolt.LOCKED], Refused("never"), Reason.REFUSED, False),
        ([Bolt.LOCKED], Unreachable("busy"), Reason.LOCK_UNREACHABLE, True),
        ([Bolt.LOCKED], RadioDown("gone"), Reason.RADIO_DOWN, True),
    ],
)
async def test_what_is_said_of_a_bolt_is_what_is_known_of_it(
    looks: list[Bolt | LockError], refusal: LockError | None, reason: Reason | None, retryable: bool
) -> None:
    """After it was asked to turn nobody is invited to ask again; before, nothing has changed."""
    clock = ImpatientClock()
    lock = Turning(clock, looks=looks, refusal=refusal)
    soon = clock.wall + timedelta(minutes=1)
    match await operate(
        lock, clock, Operation(LockId("a"), Action.UNLOCK, CommandId("OPEN"), soon)
    ):
        case CommandRejected() as told:
            assert (told.reason, told.retryable) == (reason, retryable)
        case told:
            assert (told, reason) == (CommandDone(), None)


async def test_a_clock_in_doubt_opens_no_door(tmp_path: Path) -> None:
    async with site(tmp_path, DoubtfulClock(), "a") as hub:
        await take(hub.intake, unlock())
        await hub.clock.settle(1)
        assert await answers(hub, 1) == ["command.rejected"]
        assert hub.lock("a").touched == []


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({"ts": "2026-07-01T11:58:59Z"}, "command.expired"),
        ({"ts": "2026-07-01T11:58:59Z", "expires": "2026-07-01T13:00:00Z"}, "command.expired"),
        ({"expires": "2026-07-01T11:59:59Z"}, "command.expired"),
        ({"ts": "2026-07-01T12:00:06Z"}, "command.rejected"),
        ({"data": {"lock_id": "attic", "action": "lock"}}, "command.rejected"),
        ({"data": {"lock_id": "front", "action": "shake"}}, "command.rejected"),
    ],
)
async def test_what_is_late_or_wrong_is_not_handed_on(
    house: House, changed: Document, answer: str
) -> None:
    handed: list[object] = []
    house.database.committed = lambda tx: handed.extend(tx.operations)
    told = await house.take(unlock("front") | changed)
    assert types(told) == [answer]
    assert handed == []


async def test_an_inactive_lock_is_left_alone(house: House) -> None:  # S2-20
    shut = {"id": "front", "name": "Front", "driver": "zwave", "address": "2", "active": False}
    document = {"version": 2, "zone": "UTC", "properties": [], "locks": [shut]}
    await house.send("site.put", document)
    told = await house.take(unlock("front"))
    assert data(told, "command.rejected")["reason"] == "lock_inactive"
