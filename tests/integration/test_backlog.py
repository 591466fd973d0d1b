"""What is sent next: in order, each once, and read in few questions."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.cloud import backlog as ahead
from gatewayd.cloud.backlog import Backlog
from gatewayd.domain.events.lock import LockOnline
from gatewayd.domain.ids import LockId
from gatewayd.store.database import Outgoing
from gatewayd.store.outbox import Outbox
from tests.house import House, opened

ONLINE = LockOnline(LockId("front"))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as house:
        yield house


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """After which `seq` the outbox was asked for more, each time."""
    asked, fetch = list[int](), Outbox.fetch

    async def counted(outbox: Outbox, after: int, limit: int) -> list[Outgoing]:
        asked.append(after)
        return await fetch(outbox, after, limit)

    monkeypatch.setattr(Outbox, "fetch", counted)
    return asked


async def tell(house: House, count: int) -> list[Outgoing]:
    """So many events in a transaction."""
    async with house.database.transaction() as tx:
        return await house.outbox.tell(tx, house.clock.now(), [ONLINE] * count)


async def drained(backlog: Backlog, count: int = 3) -> list[int]:
    """The `seq` of all that it has, taken a few at a time."""
    found: list[int] = []
    while backlog:
        rows = await backlog.take(count)
        assert len(rows) <= count
        found += [row.seq for row in rows]
    return found


async def test_what_waits_is_read_ahead_and_what_is_told_then_is_not_read(
    house: House, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "AHEAD", 10)
    backlog = Backlog(house.outbox)
    await tell(house, 25)
    assert await drained(backlog) == [*range(1, 26)]
    assert asked == [0, 10, 20]
    backlog.told(await tell(house, 5))
    assert await drained(backlog) == [*range(26, 31)]
    assert asked == [0, 10, 20]


async def test_what_is_told_during_a_read_comes_once_and_in_order(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    backlog, fetch = Backlog(house.outbox), Outbox.fetch
    await tell(house, 2)
    told: list[Outgoing] = []

    async def amid(outbox: Outbox, after: int, limit: int) -> list[Outgoing]:
        if not told:
            told.extend(await tell(house, 2))  # the read may show them, or not
            backlog.told(told)
            return (await fetch(outbox, after, limit))[:3]
        return await fetch(outbox, after, limit)

    monkeypatch.setattr(Outbox, "fetch", amid)
    assert await drained(backlog) == [1, 2, 3, 4]


async def test_beyond_what_may_be_at_hand_it_is_read_when_its_turn_comes(
    house: House, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "AHEAD", 10)
    backlog = Backlog(house.outbox)
    assert await drained(backlog) == []
    backlog.told(await tell(house, 14))
    assert await drained(backlog) == [*range(1, 15)]
    assert asked == [0, 10]


async def test_it_goes_on_after_the_last_that_was_sent(house: House) -> None:
    backlog = Backlog(house.outbox)
    await tell(house, 5)
    await backlog.take(4)
    backlog.resume(2)
    assert await drained(backlog) == [3, 4, 5]
