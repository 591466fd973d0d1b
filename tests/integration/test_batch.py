"""One command for the codes of many reservations; and a guest who is told once more."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.domain.ids import LockId
from gatewayd.store import site as sites
from tests import house as houses
from tests.house import ANSWERS, DAY, Document, House, data, opened, reservation, types

WAITS = {"generate": "manual"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """R1 and R2 in flat 1 and R3 in the shed have codes, R4 and R5 wait for theirs."""
    async with opened(tmp_path) as house:
        await house.send("site.put", houses.site())
        await house.send("reservation.put", reservation("R1"))
        await house.send("reservation.put", reservation("R2"))
        await house.send("reservation.put", reservation("R3", property_id="shed"))
        await house.send("reservation.put", reservation("R4", policy=WAITS))
        await house.send("reservation.put", reservation("R5", property_id="shed", policy=WAITS))
        for n in range(10):  # others, so that three are not many
            there: Document = {
                "arrival": "2026-10-01",
                "departure": "2026-10-04",
                "property_id": "flat-2",
            }
            await house.send("reservation.put", reservation(f"X{n}", **there))
        yield house


async def batch(
    house: House, mode: str, select: Document | None = None, *, dry_run: bool = False
) -> Document:
    """What it does, or would do."""
    told = await house.send("batch", {"select": select or {}, "mode": mode, "dry_run": dry_run})
    assert types(told)[-2:] == ["command.accepted", "command.done"]
    return data(told, "batch.planned")


async def codes(house: House) -> dict[str, str]:
    return dict(await house.rows("SELECT reservation_id, code FROM keys"))


async def test_codes_only_where_they_are_missing(house: House) -> None:
    # S2-14
    before = await codes(house)
    planned = await batch(house, "missing")
    assert planned["reservations"] == ["R4", "R5"]
    assert planned["locks"] == ["flat-1-door", "front", "shed-door"]
    assert before.items() < (await codes(house)).items()
    assert await house.live() >= {"R4", "R5"}
    assert (await batch(house, "missing"))["reservations"] == []


async def test_other_codes_for_chosen_bookings(house: House) -> None:
    # S2-14
    before = await codes(house)
    planned = await batch(house, "all", {"reservation_ids": ["R1", "R4", "R9"]})
    assert planned == {
        "mode": "all",
        "dry_run": False,
        "reservations": ["R1", "R4"],
        "more": 0,
        "locks": ["flat-1-door", "front"],
    }
    after = await codes(house)
    assert after["R1"] != before["R1"]
    assert after["R2"] == before["R2"]
    assert "R4" in after
    assert "R5" not in after
    assert await house.rows("SELECT id FROM keys WHERE handover IS NOT NULL") == []


async def test_other_codes_for_a_property(house: House) -> None:
    # S2-14
    before = await codes(house)
    assert (await batch(house, "all", {"property_id": "shed"}))["reservations"] == ["R3", "R5"]
    after = await codes(house)
    assert {id_ for id_ in before if after[id_] != before[id_]} == {"R3"}


async def test_the_locks_of_chosen_bookings_are_read_again(house: House) -> None:
    # S2-14
    await house.prove("front", "R1")
    await house.prove("shed-door", "R3")
    for id_ in ("front", "shed-door"):
        async with house.database.transaction() as tx:
            await tx.rows(
                "INSERT INTO slots (lock_id, slot, seen, at, enabled) VALUES (?, 9, 'empty', 0, 1)",
                (id_,),
            )
    woken: list[set[LockId]] = []
    house.database.committed = lambda tx: woken.append(tx.woken)
    before = await codes(house)
    planned = await batch(house, "resync", {"reservation_ids": ["R3", "R4"]})
    assert (planned["reservations"], planned["locks"]) == (["R3"], ["shed-door"])
    assert woken == [{"shed-door"}]
    assert await house.rows("SELECT lock_id FROM slots") == [("front",)]
    assert await codes(house) == before
    assert await sites.resynced(house.database.read, LockId("shed-door")) == []
    everything = await batch(house, "resync")
    assert everything["locks"] == ["flat-1-door", "flat-2-door", "front", "shed-door"]


@pytest.mark.parametrize("mode", ["missing", "all", "resync"])
async def test_a_dry_run_says_the_same_and_changes_nothing(house: House, mode: str) -> None:
    # S2-14
    before = await house.dump(without=ANSWERS)
    chosen = {"reservation_ids": ["R1", "R2", "R4"]}
    dry = await batch(house, mode, chosen, dry_run=True)
    assert await house.dump(without=ANSWERS) == before
    wet = await batch(house, mode, chosen)
    assert (dry["reservations"], dry["locks"]) == (wet["reservations"], wet["locks"]) != ([], [])
    assert dry["dry_run"] is True


async def test_a_batch_that_takes_many_codes_away_waits_for_a_person(house: House) -> None:
    # S2-14, suffering 9
    before = await codes(house)
    everything = {"select": {}, "mode": "all"}
    told = await house.send("batch", everything, id="MANY")
    assert types(told) == ["command.accepted", "alert.raised"]
    assert await codes(house) == before
    told = await house.send("brake.confirm", {"brake_id": "MANY"})
    assert len(data(told, "batch.planned")["reservations"]) == 15
    after = await codes(house)
    assert all(after[id_] != code for id_, code in before.items())


async def test_what_is_over_or_taken_away_is_left_alone(house: House) -> None:
    await house.send("key.revoke", {"id": "res:R1", "version": 1})
    await house.send("reservation.cancel", {"id": "R2", "version": 2})
    house.clock.at += 20 * DAY
    assert (await batch(house, "missing", dry_run=True))["reservations"] == []
    assert (await batch(house, "all", {"property_id": "flat-1"}))["reservations"] == []


async def test_one_that_cannot_get_a_code_holds_up_no_other(house: House) -> None:
    # S2-15
    impossible = WAITS | {"pin": {"length": 8}}
    await house.send("reservation.put", reservation("R6", policy=impossible))
    async with house.database.transaction() as tx:
        await tx.rows(
            "UPDATE locks SET driver = 'nuki', capabilities = NULL WHERE id = 'flat-1-door'"
        )
    nuki = houses.lock("flat-1-door", 0, driver="nuki", address="54:D2:72:00:00:0A")
    locks = [nuki if x["id"] == "flat-1-door" else x for x in houses.site()["locks"]]
    await house.send("site.put", houses.site(2, locks=locks))
    assert "R6" in (await batch(house, "missing"))["reservations"]
    assert await house.live() >= {"R4", "R5"}
    assert await house.alerts() == {("code_impossible", "R6")}


async def test_more_reservations_than_an_event_holds_are_counted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatewayd.intake.batch.LISTED", 2)
    planned = await batch(house, "resync", dry_run=True)
    assert (planned["reservations"], planned["more"]) == (["R1", "R2"], 11)


# --- told once more ----------------------------------------------------------------------------


async def test_a_guest_is_told_once_more_by_the_cloud(house: House) -> None:
    # S3-11, S2-11: by reference, without code and contact data
    guest = {"name": "Ada", "email": "ada@example.com", "phone": "+41 79 555 01 23"}
    await house.send("reservation.put", reservation("R1", 2, guest=guest))
    told = await house.send("credentials.resend", {"key_id": "res:R1", "channel": "email"})
    assert types(told) == ["credentials.wanted", "command.accepted", "command.done"]
    wanted = {"key_id": "res:R1", "reservation_id": "R1", "channel": "email"}
    assert data(told, "credentials.wanted") == wanted
    for secret in (*guest.values(), await house.code_of("R1")):
        assert secret not in json.dumps(told)


@pytest.mark.parametrize("key", ["res:R2", "res:R4", "res:R99", "cleaner"])
async def test_there_is_nothing_to_tell_of_a_key_that_does_not_open(house: House, key: str) -> None:
    # S3-11
    await house.send("reservation.cancel", {"id": "R2", "version": 2})
    told = await house.send("credentials.resend", {"key_id": key, "channel": "phone"})
    refused = data(told, "command.rejected")
    assert (refused["reason"], refused["path"]) == ("invalid_field", "data.key_id")
