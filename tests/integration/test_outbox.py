"""Events on disk until the cloud has them."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.code import CodeConfirmed
from gatewayd.domain.events.hub import HubStarted
from gatewayd.domain.events.lock import LockFull, LockOnline, LockUsed
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import CommandId, KeyId, LockId
from gatewayd.domain.lease import Proof
from gatewayd.errors import Reason
from gatewayd.store.outbox import park, receipted
from tests.house import EPOCH, HUB, House, data, opened, types

ONLINE = LockOnline(LockId("front"))
ALERT = AlertCode.LOCK_OFFLINE


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as house:
        yield house


async def tell(house: House, *events: object, cause: CommandId | None = None) -> list[str]:
    """Tell events in a transaction of their own; returns the ids of those that were news."""
    async with house.database.transaction() as tx:
        added = await house.outbox.tell(tx, house.clock.now(), events, cause)  # type: ignore[arg-type]  # tests tell what they like
    return [row.id for row in added]


async def test_an_event_has_the_fields_of_the_contract(house: House) -> None:
    house.clock.at = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
    event = CodeConfirmed(KeyId("res:R1"), LockId("front"), Proof.MATCHED, house.clock.at)
    (id_,) = await tell(house, event, cause=CommandId("C1"))
    assert await house.told() == [
        {
            "id": id_,
            "type": "code.confirmed",
            "schema_version": 1,
            "hub": HUB,
            "epoch": EPOCH,
            "seq": 1,
            "ts": "2026-07-01T12:00:00.123Z",
            "ts_trusted": True,
            "expires": None,
            "cause": "C1",
            "data": {
                "key_id": "res:R1",
                "lock_id": "front",
                "proof": "matched",
                "at": "2026-07-01T12:00:00.123Z",
            },
        }
    ]
    assert len(id_) == 26  # a ULID


async def test_a_doubtful_clock_says_so_and_between_what(house: House) -> None:
    house.clock.doubt = timedelta(hours=72)
    await tell(house, ONLINE)
    (event,) = await house.told()
    assert event["ts_trusted"] is False
    assert event["ts_earliest"] == "2026-07-01T12:00:00.000Z"
    assert event["ts_latest"] == "2026-07-04T12:00:00.000Z"


async def test_seq_rises_and_is_never_used_twice_even_after_all_was_receipted(house: House) -> None:
    first = await tell(house, ONLINE, ONLINE)
    async with house.database.transaction() as tx:
        await receipted(tx, first)
    await tell(house, ONLINE)
    assert [event["seq"] for event in await house.told()] == [3]


async def test_an_event_of_a_transaction_that_failed_was_never_told(house: House) -> None:
    async def told_in_vain() -> None:
        async with house.database.transaction() as tx:
            await house.outbox.tell(tx, house.clock.now(), [ONLINE])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await told_in_vain()
    assert await house.told() == []


async def test_where_too_much_waits_the_oldest_telemetry_goes_and_nothing_else(
    house: House,
) -> None:
    # Fault 1
    used = LockUsed(LockId("front"), 1, KeyId("res:R1"), "unlock")
    await tell(house, ONLINE, used, *[ONLINE] * 10, used, raised(ALERT, "front"))
    await house.outbox.shed(room=14)
    assert len(await house.told()) == 14
    await house.outbox.shed(room=10)
    assert [event["seq"] for event in await house.told()] == [2, *range(7, 15)]
    await house.outbox.shed(room=2)
    assert types(await house.told()) == ["lock.used", "lock.used", "alert.raised"]


async def test_an_alert_is_told_when_it_comes_and_when_it_goes_and_not_between(
    house: House,
) -> None:
    assert await tell(house, cleared(ALERT, "front")) == []  # nothing to clear
    await tell(house, raised(ALERT, "front"), raised(ALERT, "front"), raised(ALERT, "back"))
    await tell(house, raised(ALERT, "front"))
    await tell(house, cleared(ALERT, "front"), cleared(ALERT, "front"), raised(ALERT, "front"))
    told = [(event["type"], event["data"]["subject"]) for event in await house.told()]
    assert told == [
        ("alert.raised", "front"),
        ("alert.raised", "back"),
        ("alert.cleared", "front"),
        ("alert.raised", "front"),
    ]


async def test_an_alert_says_how_bad_it_is_and_what_to_do(house: House) -> None:
    """S2-15, S0-7"""
    note, why = "spare key at the office", "it is silent"
    await tell(house, raised(ALERT, "front", Reason.LOCK_UNREACHABLE, note, why))
    alert = data(await house.told(), "alert.raised")
    words = {"code", "severity", "subject", "text", "what_to_do", "reason", "fallback_note", "why"}
    assert alert.keys() == words
    assert all(alert.values())
    assert "batteries" in alert["what_to_do"]
    assert "front" in alert["text"]


async def test_a_receipt_ends_an_event_and_only_that(house: House) -> None:
    first, second = await tell(house, ONLINE, HubStarted("1"))
    async with house.database.transaction() as tx:
        await receipted(tx, [first, "01J0000000000000000NOTHERE", first])
    assert [event["id"] for event in await house.told()] == [second]


async def test_the_receipt_of_a_new_code_wakes_its_doors(house: House) -> None:
    """S1-20: the handover may end now."""
    async with house.database.transaction() as tx:
        await tx.rows(
            "INSERT INTO keys (id, code, exclusive, label, starts, ends, handover) "
            "VALUES ('res:R1', '739164', 0, '', 0, 1, 'E1')"
        )
        await tx.rows(
            "INSERT INTO doors VALUES "
            "('front', 'res:R1', 0, NULL, 60, 'ladder', 'respect', 0, NULL)"
        )
    async with house.database.transaction() as tx:
        await receipted(tx, ["E2"])
        assert tx.woken == set()
        await receipted(tx, ["E1"])
        assert tx.woken == {"front"}


async def test_again_gives_those_that_still_wait_with_the_same_id_and_seq(house: House) -> None:
    first, second, third = await tell(house, ONLINE, HubStarted("1"), LockFull(LockId("a"), ()))
    async with house.database.transaction() as tx:
        await receipted(tx, [second])
    before = await house.told()
    again = await house.outbox.waiting([third, first, second, "unknown"])
    assert [json.loads(out.envelope) for out in again] == before
    assert [(out.id, out.seq) for out in again] == [(first, 1), (third, 3)]


async def test_fetch_goes_on_where_it_stopped(house: House) -> None:
    await tell(house, *[ONLINE] * 5)
    first = await house.outbox.fetch(0, 2)
    rest = await house.outbox.fetch(first[-1].seq, 100)
    assert [out.seq for out in (*first, *rest)] == [1, 2, 3, 4, 5]


async def test_a_refused_event_is_out_of_the_way_and_not_lost(house: House) -> None:
    first, _ = await tell(house, ONLINE, HubStarted("1"))
    async with house.database.transaction() as tx:
        await park(tx, first, "not authorized")
    assert types(await house.told()) == ["hub.started"]
    assert await house.outbox.parked() == [first]
    assert await house.rows("SELECT count(*) FROM outbox") == [(2,)]
