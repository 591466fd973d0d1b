"""A lock is commissioned: its code lies on it alone, and where it is typed tells on which door it
hangs."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import KeyId
from gatewayd.domain.moment import Now
from gatewayd.domain.report import KeypadDisabled, Report, Used, WrongCode
from gatewayd.intake.accept import Intake
from gatewayd.reconciler.signals import Watch
from gatewayd.store import keys
from gatewayd.store.archive import Manifest, pack, unpack
from gatewayd.store.outbox import subjects
from gatewayd.store.status import reported
from tests import house as houses
from tests.fakes import FakeRadio
from tests.house import HUB, Document, opened, types
from tests.integration.test_addresses import SWAPPED, readdressed
from tests.integration.test_reconciler import MINUTE, VirtualClock
from tests.rounds import Site, document, of, site

KEY = "commission:a"
QUARTER = 15 * MINUTE


async def begin(hub: Site, door: str = "a", **more: object) -> list[Document]:
    """Until the lock shows the code, and a person has it."""
    told = await hub.send("lock.commission", {"lock_id": door} | more)
    await hub.pass_(1)
    return told


async def hear(hub: Site, door: str, *reports: Report) -> list[Document]:
    """The lock tells something; returns what was told."""
    await hub.told()
    for report in reports:
        hub.radio.report(door, report)
    await hub.pass_(1)
    return await hub.told()


async def typed(hub: Site, code: str, *doors: str) -> list[Document]:
    """A person types a code at these doors, and each lock there tells what it made of it."""
    found: list[Document] = []
    for door in doors:
        slots = [slot for slot, held in hub.lock(door).codes.items() if held == code]
        found += await hear(hub, door, Used(slots[0], opened=True) if slots else WrongCode())
    return found


async def last(hub: Site, door: str) -> Document | None:
    """How the last one went, as the summary has it."""
    summary = await reported(hub.database.read, hub.clock.now(), hub.clock, b"")
    (found,) = (x["commissioned"] for x in summary["locks"] if x["lock_id"] == door)
    return found and {"result": found["result"], "other": found["other_lock_id"]}


async def test_a_code_that_is_used_at_its_own_lock_says_that_the_door_is_right(
    tmp_path: Path,
) -> None:
    # suffering 27
    async with site(tmp_path, "a", "b", pool=0) as hub:
        told = await begin(hub)
        assert "command.done" in types(told)
        (there,) = [event for event in told if event["type"] == "lock.commissioning"]
        assert there["cause"] == "C1"
        assert there["data"] == {"lock_id": "a", "until": "2026-07-01T12:15:00.000Z"}
        code = await hub.code(KEY)
        assert ([*hub.lock("a").codes.values()], hub.lock("b").codes) == ([code], {})
        assert code not in str(told)
        assert await last(hub, "a") is None
        told = await typed(hub, code, "a")
        (result,) = [event for event in told if event["type"] == "lock.commissioned"]
        assert result["cause"] == "C1"
        assert result["data"] == {
            "lock_id": "a",
            "result": "right",
            "at": "2026-07-01T12:00:01.000Z",
            "other_lock_id": None,
            "reason": None,
        }
        assert hub.lock("a").codes == {}, "the code goes at once"
        assert [event["lock_id"] for event in of(told, "code.removed")] == ["a"]
        assert await last(hub, "a") == {"result": "right", "other": None}
        assert await hub.alerts() == set()


async def test_a_wrong_code_at_another_lock_says_that_the_doors_are_swapped(tmp_path: Path) -> None:
    # suffering 27
    async with site(tmp_path, "a", "b", pool=0) as hub:
        await begin(hub)
        told = await typed(hub, await hub.code(KEY), "b")  # it hangs on the door of a
        (result,) = of(told, "lock.commissioned")
        assert (result["result"], result["other_lock_id"]) == ("swapped", "b")
        (alert,) = of(told, "alert.raised")
        assert (alert["code"], alert["severity"]) == ("doors_swapped", "critical")
        assert alert["subject"] == "a+b"
        assert "lock.commission" in alert["what_to_do"]
        assert hub.lock("a").codes == {}
        assert await last(hub, "a") == {"result": "swapped", "other": "b"}
        assert await last(hub, "b") is None
        await hub.pass_(60 * MINUTE)
        assert await hub.alerts() == {("doors_swapped", "a+b")}
        await begin(hub)
        assert await last(hub, "a") == {"result": "swapped", "other": "b"}
        await typed(hub, await hub.code(KEY), "a")  # it was somebody else who mistyped
        assert await hub.alerts() == set()
        assert await last(hub, "a") == {"result": "right", "other": None}


async def test_a_keypad_that_only_tells_that_it_is_locked_out_tells_it_too(tmp_path: Path) -> None:
    # suffering 27
    async with site(tmp_path, "a", "b", pool=0) as hub:
        await begin(hub)
        (result,) = of(await hear(hub, "b", KeypadDisabled()), "lock.commissioned")
        assert (result["result"], result["other_lock_id"]) == ("swapped", "b")


async def test_the_addresses_are_exchanged_and_both_doors_are_right(tmp_path: Path) -> None:
    # suffering 27
    first = document("a", "b", pool=0)
    async with site(tmp_path, "a", "b", first=first) as hub:
        await begin(hub)
        await typed(hub, await hub.code(KEY), "b")
        await hub.send("site.put", readdressed(first, SWAPPED))
        assert await hub.alerts() == set()
        assert await last(hub, "a") is None, "it was of another lock"
        for door, address in SWAPPED.items():
            await begin(hub, door)
            (result,) = of(
                await typed(hub, await hub.code(f"commission:{door}"), address), "lock.commissioned"
            )
            assert (result["lock_id"], result["result"]) == (door, "right")


async def test_a_site_document_that_moves_neither_lock_ends_no_alert(tmp_path: Path) -> None:
    # suffering 27
    first = document("a", "b", "c", pool=0)
    async with site(tmp_path, "a", "b", "c", first=first) as hub:
        await begin(hub)
        await typed(hub, await hub.code(KEY), "b")
        await hub.send("site.put", readdressed(first, {"c": "d"}))
        assert await hub.alerts() == {("doors_swapped", "a+b")}
        assert await last(hub, "a") == {"result": "swapped", "other": "b"}
        await hub.send("site.put", readdressed(first, {"b": "d"}) | {"version": 3})
        assert await hub.alerts() == set()
        assert await last(hub, "a") is None


async def test_one_that_is_under_way_goes_on_where_only_another_lock_moves(tmp_path: Path) -> None:
    # suffering 27
    first = document("a", "b", pool=0)
    async with site(tmp_path, "a", "b", first=first) as hub:
        await begin(hub)
        await typed(hub, await hub.code(KEY), "b")
        await begin(hub)
        await hub.send("site.put", readdressed(first, {"b": "c"}))
        (result,) = of(await typed(hub, await hub.code(KEY), "a"), "lock.commissioned")
        assert result["result"] == "right"


async def test_a_wrong_code_at_the_lock_itself_is_told_and_typed_again(tmp_path: Path) -> None:
    # suffering 27
    async with site(tmp_path, "a", "b", pool=0) as hub:
        await begin(hub)
        told = await hear(hub, "a", WrongCode())
        assert [event["lock_id"] for event in of(told, "lock.wrong_code")] == ["a"]
        assert of(told, "lock.commissioned") == []
        (result,) = of(await typed(hub, await hub.code(KEY), "a"), "lock.commissioned")
        assert result["result"] == "right"


async def test_what_was_typed_before_the_code_was_there_does_not_count(tmp_path: Path) -> None:
    # suffering 27: the log of a lock is read later
    async with site(tmp_path, "a", "b", pool=0) as hub:
        before = hub.clock.wall
        await hub.pass_(MINUTE)
        await begin(hub)
        assert of(await hear(hub, "b", WrongCode(before)), "lock.commissioned") == []
        later = WrongCode(hub.clock.wall)
        assert of(await hear(hub, "b", later), "lock.commissioned") != []


async def test_a_code_that_does_not_go_is_not_that_of_the_next_one(tmp_path: Path) -> None:
    # suffering 16, suffering 27
    async with site(tmp_path, "a", pool=0) as hub:
        await begin(hub)
        hub.lock("a").drops_writes = True
        (result,) = of(await typed(hub, await hub.code(KEY), "a"), "lock.commissioned")
        assert result["result"] == "right"
        assert await hub.alerts() == {("removal_failed", f"a/{KEY}")}
        await begin(hub)
        assert await hub.told("lock.commission") == []
        hub.lock("a").drops_writes = False
        await hub.pass_(10 * MINUTE)
        assert [*hub.lock("a").codes.values()] == [await hub.code(KEY)]
        assert await hub.alerts() == set()


async def test_a_wrong_code_at_a_lock_that_is_not_on_the_site_does_not_count(
    tmp_path: Path,
) -> None:
    # suffering 27
    async with site(tmp_path, "a", "b", pool=0) as hub:
        await hub.book("r1", "2026-06-30", "2026-07-09")
        hub.lock("b").dead = True  # what is on it cannot be cleared
        await hub.send("site.put", document("a", version=2, pool=0))
        await begin(hub)
        told = await hear(hub, "b", WrongCode())
        assert len(of(told, "lock.wrong_code")) == 1
        assert of(told, "lock.commissioned") == []


async def test_how_it_went_is_in_a_backup(tmp_path: Path) -> None:
    # suffering 27, suffering 29
    async with site(tmp_path, "a", "b", pool=0) as hub:
        await begin(hub)
        await typed(hub, await hub.code(KEY), "b")
        packed = pack(tmp_path / "hub.db", Manifest("acme/lakeside/hub-1", "", "0.1.0"))
    card = tmp_path / "another card"
    card.mkdir()
    await unpack(packed, card / "hub.db", VirtualClock(), tmp_path / "aside")
    async with site(card, "a", "b", restored=True) as hub:
        assert await last(hub, "a") == {"result": "swapped", "other": "b"}


async def test_a_code_that_nobody_uses_goes_when_its_time_is_over(tmp_path: Path) -> None:
    # suffering 27
    async with site(tmp_path, "a", "b", pool=0) as hub:
        await begin(hub, minutes=5)
        await hub.pass_(5 * MINUTE - 2)
        assert len(hub.lock("a").codes) == 1
        await hub.told()
        await hub.pass_(1)
        told = await hub.told()
        (result,) = of(told, "lock.commissioned")
        assert (result["result"], result["reason"]) == ("unused", None)
        assert hub.lock("a").codes == {}
        assert await last(hub, "a") == {"result": "unused", "other": None}
        assert await hub.alerts() == set()


@pytest.mark.parametrize("step", [10, -10], ids=["later", "earlier"])
async def test_the_clock_has_no_say_in_when_it_ends(tmp_path: Path, step: int) -> None:
    # suffering 27, suffering 21
    async with site(tmp_path, "a", pool=0) as hub:
        await begin(hub)
        hub.clock.wall += step * (hub.clock.wall - hub.clock.wall.replace(hour=0))
        await hub.pass_(QUARTER - 2)
        assert len(hub.lock("a").codes) == 1
        await hub.pass_(1)
        assert hub.lock("a").codes == {}


async def test_a_lock_that_does_not_answer_says_so_and_gets_no_code_later(tmp_path: Path) -> None:
    # suffering 27
    async with site(tmp_path, "a", "b", pool=0) as hub:
        hub.lock("a").dead = True
        told = await begin(hub)
        assert types(told)[:1] == ["command.accepted"]
        assert of(told, "lock.commissioning") == []
        assert of(await hear(hub, "b", WrongCode()), "lock.commissioned") == []
        await hub.pass_(QUARTER)
        told = await hub.told()
        (result,) = of(told, "lock.commissioned")
        assert (result["result"], result["reason"]) == ("unused", "lock_unreachable")
        hub.lock("a").dead = False
        await hub.pass_(10 * MINUTE)
        assert hub.lock("a").codes == {}
        assert await hub.alerts() == set()
        assert [e["cause"] for e in await hub.all_told() if e["type"] == "command.done"][-1] == "C1"


async def test_its_time_begins_anew_when_the_code_is_there(tmp_path: Path) -> None:
    async with site(tmp_path, "a", pool=0) as hub:
        hub.lock("a").dead = True
        await begin(hub)
        hub.lock("a").dead = False
        await hub.pass_(5 * MINUTE)
        (there,) = of(await hub.told(), "lock.commissioning")
        await hub.pass_(10 * MINUTE)
        (result,) = of(await typed(hub, await hub.code(KEY), "a"), "lock.commissioned")
        assert there["until"] < "2026-07-01T12:20:00.000Z"
        assert result["result"] == "right"


async def test_a_lock_that_has_the_digits_already_gets_others(tmp_path: Path) -> None:
    # suffering 4, suffering 27
    async with site(tmp_path, "a", pool=0) as hub:
        lock = hub.lock("a")
        lock.dead = True
        await hub.send("lock.commission", {"lock_id": "a"})
        before = await hub.code(KEY)
        lock.codes[9], lock.dead = before, False
        await hub.pass_(2 * MINUTE)
        assert await hub.code(KEY) != before
        assert sorted(lock.codes.values()) == sorted([before, await hub.code(KEY)])
        assert len(of(await hub.told(), "lock.commissioning")) == 1


async def test_a_lock_that_is_not_active_any_more_ends_it(tmp_path: Path) -> None:
    # suffering 27, S2-20
    first = document("a", "b", pool=0)
    async with site(tmp_path, "a", "b", first=first) as hub:
        await begin(hub)
        second = readdressed(first, {})
        second["locks"][0]["active"] = False
        (result,) = of(await hub.send("site.put", second), "lock.commissioned")
        assert (result["lock_id"], result["result"]) == ("a", "unused")
        assert "command.accepted" in types(await begin(hub, "b"))


async def test_it_goes_on_after_a_restart_and_its_time_anew_after_a_boot(tmp_path: Path) -> None:
    # suffering 27
    clock = VirtualClock(recheck=MINUTE)
    radio = FakeRadio(clock)
    first = document("a", "b", pool=0)
    async with site(tmp_path, "a", "b", radio=radio, clock=clock, first=first) as hub:
        await begin(hub)
        await hub.pass_(10 * MINUTE)
    async with site(tmp_path, "a", "b", radio=radio, clock=clock, restored=True) as hub:
        assert await last(hub, "a") is None
        await hub.pass_(4 * MINUTE)
        assert len(hub.lock("a").codes) == 1
        assert (await hub.told("lock.commissioned")) == []
    clock.boot, clock.ticks = "boot-2", 20.0
    async with site(tmp_path, "a", "b", radio=radio, clock=clock, restored=True) as hub:
        await hub.pass_(14 * MINUTE)
        assert len(hub.lock("a").codes) == 1
        assert len(await hub.told("lock.commissioning")) == 1, "it is told once"
        await typed(hub, await hub.code(KEY), "b")
        assert await last(hub, "a") == {"result": "swapped", "other": "b"}
    async with site(tmp_path, "a", "b", radio=radio, clock=clock, restored=True) as hub:
        assert await last(hub, "a") == {"result": "swapped", "other": "b"}
        assert await hub.alerts() == {("doors_swapped", "a+b")}


async def test_a_power_cut_ends_none_that_nobody_uses_before_its_time_anew(tmp_path: Path) -> None:
    # suffering 27
    clock = VirtualClock(recheck=MINUTE)
    radio = FakeRadio(clock)
    async with site(tmp_path, "a", pool=0, radio=radio, clock=clock) as hub:
        await begin(hub)
    clock.boot, clock.ticks = "boot-2", 20.0
    async with site(tmp_path, "a", radio=radio, clock=clock, restored=True) as hub:
        await hub.pass_(QUARTER - 1)
        assert len(hub.lock("a").codes) == 1
        await hub.pass_(1)
        assert hub.lock("a").codes == {}


async def test_the_installer_raises_no_alarm_at_the_keypads(tmp_path: Path) -> None:
    # suffering 27, suffering 28
    doors = "abcdef"
    async with site(tmp_path, *doors, pool=0) as hub:
        watch = Watch(hub.database, hub.intake._outbox, hub.clock)
        for door, other in zip(doors, doors[1:] + doors[0], strict=True):
            await begin(hub, door)
            for _ in range(3):  # it opens to nobody
                await typed(hub, "123456", other)
        await watch.look()
        assert {alert for alert, _ in await hub.alerts()} == {AlertCode.DOORS_SWAPPED}
        await hear(hub, "a", *[WrongCode()] * 10)
        await watch.look()
        assert await subjects(hub.database.read, AlertCode.KEYPAD_ATTACK) == {"a"}


# --- the command -------------------------------------------------------------------------------


def answers(told: Sequence[Document]) -> list[tuple[str, str]]:
    """Why, and at which field."""
    return [(x["reason"], x["path"]) for x in of(list(told), "command.rejected")]


async def test_one_at_a_time(tmp_path: Path) -> None:
    # suffering 27: a wrong code does not tell whose it was
    async with opened(tmp_path) as house:
        await house.send("site.put", houses.site())
        assert types(await house.send("lock.commission", {"lock_id": "front"})) == [
            "command.accepted"
        ]
        for lock in ("shed-door", "front"):
            told = await house.send("lock.commission", {"lock_id": lock})
            assert answers(told) == [("commissioning", "data.lock_id")]
            assert of(told, "command.rejected")[0]["retryable"]
            assert "front" in of(told, "command.rejected")[0]["message"]
        stop = {"minutes": 0}
        told = await house.send("lock.commission", {"lock_id": "shed-door"} | stop)
        assert answers(told) == [("invalid_field", "data.minutes")]
        told = await house.send("lock.commission", {"lock_id": "front"} | stop)
        assert [x["result"] for x in of(told, "lock.commissioned")] == ["unused"]
        assert "command.done" in types(told)
        told = await house.send("lock.commission", {"lock_id": "front"} | stop)
        assert answers(told) == [("invalid_field", "data.minutes")]
        told = await house.send("lock.commission", {"lock_id": "shed-door"})
        assert types(told) == ["command.accepted"]


async def test_only_an_active_lock_of_the_site_also_where_no_guest_may_come(
    tmp_path: Path,
) -> None:
    # suffering 27, S3-20
    async with opened(tmp_path) as house:
        document = houses.site()
        front, _, _, shed = document["locks"]
        front["active"], shed["allow_provisioning"] = False, False
        await house.send("site.put", document)
        told = await house.send("lock.commission", {"lock_id": "front"})
        assert answers(told) == [("lock_inactive", "data.lock_id")]
        told = await house.send("lock.commission", {"lock_id": "garage"})
        assert answers(told) == [("unknown_lock", "data.lock_id")]
        for minutes in (-1, 61):
            told = await house.send("lock.commission", {"lock_id": "front", "minutes": minutes})
            assert answers(told) == [("invalid_field", "data.minutes")]
        assert await house.rows("SELECT * FROM commissionings") == []
        await house.send("lock.commission", {"lock_id": "shed-door"})
        assert await house.rows("SELECT lock_id, key_id, withheld FROM doors") == [
            ("shed-door", "commission:shed-door", None)
        ]


async def test_each_has_another_code_of_the_default_form(tmp_path: Path) -> None:
    # suffering 27, S1-23
    async with opened(tmp_path) as house:
        await house.send("site.put", houses.site())
        codes = []
        for _ in range(2):
            house.intake = Intake(house.database, house.outbox, house.clock, Random(1), HUB)
            await house.send("lock.commission", {"lock_id": "front"})
            ((code,),) = await house.rows("SELECT code FROM keys")
            codes.append(code)
            await house.send("lock.commission", {"lock_id": "front", "minutes": 0})
            known = await keys.known(house.database.read, KeyId("commission:front"))
            assert known is not None
            assert not known.opens(Now.exactly(house.clock.at))
        assert codes[0] != codes[1]
        for code in codes:
            assert len(code) == 6
            assert "0" not in code
            assert not code.startswith("12")


async def test_its_key_is_nobody_elses_to_change(tmp_path: Path) -> None:
    # suffering 27
    async with opened(tmp_path) as house:
        await house.send("site.put", houses.site())
        await house.send("lock.commission", {"lock_id": "front"})
        told = await house.send(
            "key.put", {"id": "commission:front", "version": 1, "doors": {"add": ["shed-door"]}}
        )
        assert answers(told) == [("invalid_field", "data.id")]
