"""User Credential locks: a user and its PIN, what each fault leaves of them, and whose they are."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from zwave_js_server.model.access_control import SetUserOptions

from gatewayd.domain.code import Code
from gatewayd.domain.moment import Window
from gatewayd.domain.report import CodeAdded, CodeDeleted, Jammed, Used
from gatewayd.domain.slot import Empty, Entry, Foreign, Holds, Observation, Occupied
from gatewayd.errors import OutcomeUnknown, Reason, Refused, Unreachable, Unsupported
from gatewayd.locks.zwave.radio import ZwaveRadio
from gatewayd.locks.zwave.reports import ECHO
from simulators.zwave import ZwaveSimulator
from tests.hub import opened
from tests.integration.conftest import Reports, SkippingClock, eventually, running, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

NODE, SLOT, OTHER = 4, 3, 7
CODE, LATER = Code("345678"), Code("456789")


@dataclass
class Door:
    """The lock through the driver, and hands on it."""

    zwave: ZwaveSimulator
    radio: ZwaveRadio
    heard: Reports
    clock: SkippingClock

    async def write(self, code: Code = CODE, slot: int = SLOT, **more: Any) -> None:
        async with self.radio.lock(str(NODE)).session() as session:
            assert await session.write(Entry(code, **more), slot) == slot

    async def clear(self, slot: int = SLOT) -> None:
        async with self.radio.lock(str(NODE)).session() as session:
            await session.clear(slot)

    async def seen(self, slot: int = SLOT) -> Observation:
        async with self.radio.lock(str(NODE)).session() as session:
            return (await session.observe([slot]))[slot]

    async def shows(self, code: Code, *, enabled: bool = True) -> bool:
        seen = await self.seen()
        return isinstance(seen, Holds) and (seen.code, seen.enabled) == (code, enabled)

    async def codes(self) -> dict[int, str]:
        codes: dict[int, str] = (await self.zwave.node(NODE))["codes"]
        return codes

    async def users(self) -> dict[int, Any]:
        users: dict[int, Any] = (await self.zwave.node(NODE))["users"]
        return users

    async def settles(self, codes: dict[int, str], *users: int) -> None:
        """Until the lock holds just these. A late report of an earlier change can answer for a
        deletion, which then says OK before the lock has done it."""

        async def settled() -> bool:
            return (await self.codes(), [*await self.users()]) == (codes, [*users])

        await eventually(settled)

    async def opens(self, code: Code = CODE) -> bool:
        return bool((await self.zwave.keypad(NODE, code=code.digits))["opened"])

    async def faults(self, **faults: bool | float) -> None:
        await self.zwave.faults(NODE, **faults)


@pytest_asyncio.fixture(loop_scope="session")
async def door(zwave: ZwaveSimulator) -> AsyncIterator[Door]:
    """An empty and healthy lock."""
    clock = SkippingClock()
    async with running(zwave.url, clock) as (radio, heard):
        door = Door(zwave, radio, heard, clock)
        yield door
        await door.faults()
        for user in await door.users():
            await zwave.user(NODE, user)


async def test_what_the_lock_can_do_is_known_without_a_frame(door: Door) -> None:
    before = await door.zwave.frames()
    able = await door.radio.lock(str(NODE)).capabilities()
    assert (await door.zwave.frames())["exchanges"] == before["exchanges"]
    assert (able.slots, able.label_length) == (10, 20)
    assert (able.can_disable, able.enforces_windows, able.readable) == (True, False, True)
    assert (able.code.shortest, able.code.longest) == (4, 8)


async def test_a_code_is_a_user_with_a_name_and_a_pin(door: Door) -> None:
    await door.seen()
    await door.write(label="HMABCDEF")
    assert await door.shows(CODE)
    assert await door.users() == {SLOT: {"name": "HMABCDEF", "active": True}}
    assert (await door.zwave.node(NODE))["credentials"][0]["userId"] == SLOT
    assert await door.opens()


async def test_a_name_is_cut_to_what_a_frame_holds(door: Door) -> None:
    await door.write(label="HMABCDEFGHIJKLMNOPQRSTUVWXYZ")
    longest, shortest = "HMABCDEFGHIJKLMNOPQR", "HMABCD"
    assert (await door.users())[SLOT]["name"] in (longest, shortest)  # S2 may need more room
    await door.write(label="HMABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert (await door.users())[SLOT]["name"] == longest


async def test_a_name_may_have_letters_beyond_ascii(door: Door) -> None:
    """S1-24: those of GSM 03.38."""
    await door.write(label="J\u00fcrgen Gro\u00df")
    assert await door.shows(CODE)
    assert (await door.users())[SLOT]["name"] == "J\u00fcrgen Gro\u00df"


async def test_a_code_is_held_disabled_and_enabled_later(door: Door) -> None:
    await door.write(label="HM1", enabled=False)
    assert await door.shows(CODE, enabled=False)
    assert not await door.opens()
    await door.write(label="HM1", enabled=True)
    assert await door.shows(CODE)
    assert await door.opens()
    await door.write(label="HM2", enabled=False)
    assert not await door.opens()
    assert (await door.users())[SLOT]["name"] == "HM2"


async def test_another_code_takes_the_place_of_the_first(door: Door) -> None:
    await door.write()
    await door.write(LATER)
    assert await door.shows(LATER)
    assert await door.codes() == {SLOT: LATER.digits}


async def test_a_clear_takes_the_user_too(door: Door) -> None:
    await door.write()
    await door.clear()
    assert isinstance(await door.seen(), Empty)
    await door.settles({})
    await door.clear()  # nothing there: nothing to complain of


async def test_no_clear_means_all_users(door: Door) -> None:
    await door.write()
    with pytest.raises(Unsupported):
        await door.clear(0)
    assert await door.shows(CODE)


async def test_a_duplicate_is_refused_and_leaves_no_user_behind(door: Door) -> None:
    await door.write()
    with pytest.raises(Refused) as refused:
        await door.write(slot=OTHER)
    assert refused.value.reason is Reason.DUPLICATE_CODE
    assert CODE.digits not in repr(refused.value)
    await door.settles({SLOT: CODE.digits}, SLOT)


async def test_a_refused_change_keeps_the_user_and_its_old_code(door: Door) -> None:
    await door.write()
    await door.write(LATER, OTHER)
    with pytest.raises(Refused):
        await door.write(CODE, OTHER)
    assert await door.codes() == {SLOT: CODE.digits, OTHER: LATER.digits}


@pytest.mark.parametrize("faults", [{"rejectAll": True}, {"maxCodes": 0}])
async def test_a_refused_code_leaves_no_user_behind(door: Door, faults: dict[str, Any]) -> None:
    await door.faults(**faults)
    with pytest.raises(Refused) as refused:
        await door.write()
    assert refused.value.reason is Reason.REFUSED
    await door.settles({})


async def test_a_user_left_behind_is_taken_over(door: Door) -> None:
    access = door.radio.node(str(NODE)).access_control
    await access.add_user(SLOT, SetUserOptions(active=False, user_name="left"))
    assert isinstance(await door.seen(), Empty)
    await door.write(label="HM1")
    assert await door.shows(CODE)
    assert await door.users() == {SLOT: {"name": "HM1", "active": True}}


async def test_what_zwave_js_believes_may_be_old(door: Door) -> None:
    await door.zwave.set_code(NODE, SLOT, LATER.digits)  # it was not told
    await door.write()
    assert await door.shows(CODE)
    await door.zwave.set_code(NODE, SLOT, None)
    await door.write()
    assert await door.shows(CODE)


@pytest.mark.parametrize(
    ("faults", "stored"),
    [
        ({"dropWrites": True}, None),
        ({"corruptReadback": True}, "345679"),
        ({"truncate": 4}, "3456"),
    ],
)
async def test_only_the_read_back_tells_what_was_stored(
    door: Door, faults: dict[str, Any], stored: str | None
) -> None:
    await door.faults(**faults)
    await door.write()
    assert (await door.codes()).get(SLOT) == stored
    seen = await door.seen()
    assert seen == (Empty(seen.at) if stored is None else Holds(seen.at, Code(stored)))


async def test_a_code_that_vanishes_leaves_an_empty_slot(door: Door) -> None:
    await door.faults(vanishAfterMs=0)
    await door.write()
    for _ in range(100):
        if isinstance(await door.seen(), Empty):
            break
    assert isinstance(await door.seen(), Empty)


async def test_a_read_that_lies_once_is_right_the_second_time(door: Door) -> None:
    await door.write()
    await door.faults(lieEmptyOnce=True)
    assert isinstance(await door.seen(), Empty)
    assert await door.shows(CODE)


async def test_a_masked_code_still_tells_whether_it_is_enabled(door: Door) -> None:
    await door.write(enabled=False)
    await door.faults(obfuscate=True)
    seen = await door.seen()
    assert seen == Occupied(seen.at, enabled=False)
    assert isinstance(await door.seen(OTHER), Empty)


async def test_a_mute_lock_leaves_the_outcome_unknown(door: Door) -> None:
    async with door.radio.lock(str(NODE)).session() as session:
        await session.observe([SLOT])
        await door.faults(mute=True)
        with pytest.raises(OutcomeUnknown):
            await session.write(Entry(CODE), SLOT)
    with pytest.raises(Unreachable):
        await door.seen()
    with pytest.raises(Unreachable):
        await door.clear()
    await door.faults()
    assert isinstance(await door.seen(), Empty)


async def test_a_dead_lock_is_unreachable(door: Door) -> None:
    await door.faults(dead=True)
    for _ in range(2):
        with pytest.raises(Unreachable):
            await door.write()
    with pytest.raises(Unreachable):
        await door.clear()
    await door.faults()
    assert (await door.codes(), await door.users()) == ({}, {})


async def test_a_slow_lock_still_stores_it_and_the_next_write_agrees(door: Door) -> None:
    async with door.radio.lock(str(NODE)).session() as session:
        await session.observe([SLOT])
        await door.faults(delayMs=1500)
        with pytest.raises(OutcomeUnknown):
            await session.write(Entry(CODE, "HM1"), SLOT)
    await door.settles({}, SLOT)  # the user came late; its code was not sent any more
    await door.faults()
    await door.write(label="HM1")
    assert await door.shows(CODE)
    assert [*await door.users()] == [SLOT]


async def test_a_label_like_ours_makes_no_code_ours(door: Door) -> None:
    await door.zwave.user(NODE, SLOT, "HM1", pins={SLOT: "112233"})
    assert await door.shows(Code("112233"))


async def test_a_lock_is_filled_to_its_last_slot(door: Door) -> None:
    codes = {slot: f"{345600 + slot}" for slot in range(1, 11)}
    async with door.radio.lock(str(NODE)).session() as session:
        for slot, digits in codes.items():
            await session.write(Entry(Code(digits)), slot)
        seen = await session.observe([*codes])
        assert {n: o.code.digits for n, o in seen.items() if isinstance(o, Holds)} == codes
        with pytest.raises(Unsupported):
            await session.write(Entry(Code("345699")), 11)
        await session.clear(10)
        await session.write(Entry(Code("345699")), 10)
    await door.settles(codes | {10: "345699"}, *codes)


async def test_a_code_that_became_another_user_s_does_not_count_and_is_put_right(
    door: Door,
) -> None:
    await door.write()
    await door.write(LATER, OTHER)
    await door.zwave.assign(NODE, SLOT, OTHER)
    assert await door.shows(CODE, enabled=False)
    await door.write()
    assert await door.shows(CODE)
    owners = {c["slot"]: c["userId"] for c in (await door.zwave.node(NODE))["credentials"]}
    assert owners == {SLOT: SLOT, OTHER: OTHER}


async def test_a_code_that_became_another_user_s_can_still_be_removed(door: Door) -> None:
    await door.write()
    await door.write(LATER, OTHER)
    await door.zwave.assign(NODE, SLOT, OTHER)
    try:
        await door.clear()
    except OutcomeUnknown:  # on a busy machine an answer may come too late: again, as the hub does
        await door.clear()
    await door.settles({OTHER: LATER.digits}, OTHER)


async def test_another_user_s_code_is_not_overwritten(door: Door) -> None:
    await door.write(LATER)
    await door.write(Code("567890"), OTHER)
    await door.zwave.assign(NODE, SLOT, OTHER)
    with pytest.raises(Refused) as foreign:
        await door.write(CODE)
    assert foreign.value.reason is Reason.FOREIGN_SLOT
    assert (await door.codes())[SLOT] == LATER.digits


@pytest.fixture(params=["a card", "a code in another slot"])
def owner(request: pytest.FixtureRequest) -> dict[str, Any]:
    """How the user whose number is our slot opens, while PIN slot SLOT is empty."""
    ways = {
        "a card": {"cards": {SLOT: "04a1b2c3"}},
        "a code in another slot": {"pins": {1: "112233"}},
    }
    return ways[request.param]


async def household(door: Door) -> tuple[Any, ...]:
    """All that the lock holds."""
    there = await door.zwave.node(NODE)
    return there["users"], there["credentials"], there["cards"]


async def test_a_slot_whose_user_opens_in_another_way_is_foreign(
    door: Door, owner: dict[str, Any]
) -> None:
    await door.zwave.user(NODE, SLOT, "Owner", **owner)
    assert isinstance(await door.seen(), Foreign)
    assert isinstance(await door.seen(SLOT + 1), Empty)


@pytest.mark.parametrize("looked", [True, False])
async def test_an_owner_is_neither_renamed_nor_disabled_nor_deleted(
    door: Door, owner: dict[str, Any], looked: bool
) -> None:
    await door.zwave.user(NODE, SLOT, "Owner", **owner)
    before = await household(door)
    async with door.radio.lock(str(NODE)).session() as session:
        if looked:
            await session.observe([SLOT])
        with pytest.raises(Refused) as foreign:
            await session.write(Entry(CODE, "HM1", enabled=False), SLOT)
        assert foreign.value.reason is Reason.FOREIGN_SLOT
        assert await household(door) == before
        await session.clear(SLOT)
        assert await household(door) == before


async def test_a_user_who_got_a_card_keeps_it_when_our_code_goes(door: Door) -> None:
    await door.write(label="HM1")
    await door.zwave.user(NODE, SLOT, "HM1", pins={SLOT: CODE.digits}, cards={1: "04a1b2c3"})
    await door.clear()
    assert await door.codes() == {}
    assert (await door.zwave.node(NODE))["cards"] == {1: SLOT}
    assert isinstance(await door.seen(), Foreign)


async def test_a_guest_s_code_goes_at_once_though_the_guest_got_a_card(
    zwave: ZwaveSimulator, door: Door, tmp_path: Path
) -> None:
    # S2-18
    async with opened(tmp_path, zwave, NODE) as hub:
        await hub.done(await hub.book("r1"))
        ((slot, digits),) = (await hub.lock())["codes"].items()
        await zwave.user(NODE, slot, "Guest", pins={slot: digits}, cards={1: "04a1b2c3"})
        await hub.done(await hub.send("reservation.cancel", {"id": "r1", "version": 2}))
        there = await hub.lock()
        assert (there["codes"], there["cards"]) == ({}, {1: slot})
        assert there["users"] == {slot: {"name": "Guest", "active": True}}
        assert len(await hub.told("code.removed")) == 1
        assert await hub.told("code.removal_failed") == []

        await zwave.reset_frames()
        await hub.done(await hub.book("r2"))  # beside the card, without a try at its slot
        assert slot not in (await hub.lock())["codes"]
        assert (await hub.exchanges())["set"] == 2
        assert await hub.told("code.failed") == []


async def test_a_code_that_was_replaced_by_a_card_moves_to_another_slot(
    zwave: ZwaveSimulator, door: Door, tmp_path: Path
) -> None:
    async with opened(tmp_path, zwave, NODE) as hub:
        await hub.done(await hub.book("r1"))
        ((slot, digits),) = (await hub.lock())["codes"].items()
        await zwave.user(NODE, slot, "Owner", cards={1: "04a1b2c3"})
        owners = (await hub.lock())["users"][slot]
        await hub.done(await hub.send("lock.sync_now", {"lock_id": "a"}))
        there = await hub.lock()
        assert [*there["codes"].values()] == [digits]
        assert slot not in there["codes"]
        assert (there["cards"], there["users"][slot]) == ({1: slot}, owners)
        assert [lost["data"]["reason"] for lost in await hub.told("code.lost")] == ["foreign_slot"]
        assert await hub.told("code.failed") == []


async def test_a_name_is_taken_off_again(door: Door) -> None:
    await door.write(label="HM1")
    await door.write(label="")
    assert await door.users() == {SLOT: {"name": f"User-{SLOT}", "active": True}}  # the lock's own
    assert await door.shows(CODE)


async def test_what_is_no_longer_there_in_the_lock_does_not_bar_its_slot(door: Door) -> None:
    await door.zwave.user(NODE, SLOT, "Owner", cards={1: "04a1b2c3"})
    assert isinstance(await door.seen(), Foreign)  # and zwave-js keeps it in store
    await door.zwave.user(NODE, SLOT)
    assert isinstance(await door.seen(), Empty)


async def test_the_use_of_a_key_names_its_user(door: Door) -> None:
    await door.write()
    assert await door.opens()
    await until(lambda: (str(NODE), Used(SLOT, opened=True)) in door.heard)
    await door.zwave.keypad(NODE, code=CODE.digits, action="lock")
    await until(lambda: (str(NODE), Used(SLOT, opened=False)) in door.heard)


@pytest.mark.parametrize(
    ("event", "opened"), [(0x21, False), (0x22, True), (0x23, False), (0x24, True)]
)
async def test_newer_words_for_the_use_of_a_key_name_their_user_too(
    door: Door, event: int, opened: bool
) -> None:
    usage = (0, OTHER, 1, 1, 0, OTHER) if event >= 0x23 else (0, OTHER)
    await door.zwave.notify(NODE, 6, event, usage)
    await until(lambda: (str(NODE), Used(OTHER, opened=opened)) in door.heard)
    await door.zwave.notify(NODE, 6, event)
    await until(lambda: (str(NODE), Used(None, opened=opened)) in door.heard)


async def test_codes_that_come_and_go_are_told(door: Door) -> None:
    await door.faults(notifyCodeEvents=True)
    await door.write()
    await until(lambda: (str(NODE), CodeAdded(SLOT)) in door.heard)
    door.clock.skipped += ECHO
    await door.zwave.delete(NODE, SLOT)
    await until(lambda: (str(NODE), CodeDeleted(SLOT)) in door.heard)
    assert isinstance(await door.seen(), Empty)


async def test_what_a_person_changes_at_the_lock_is_told(door: Door) -> None:
    await door.zwave.user(NODE, OTHER, "Guest", pins={OTHER: "112233"}, cards={1: "04a1b2c3"})
    await until(lambda: (str(NODE), CodeAdded(OTHER)) in door.heard)
    await door.zwave.delete(NODE, OTHER)
    await until(lambda: (str(NODE), CodeDeleted(OTHER)) in door.heard)
    assert (str(NODE), CodeAdded(1)) not in door.heard  # a card is no code
    await door.zwave.user(NODE, SLOT)  # a user goes with its codes
    await until(lambda: (str(NODE), CodeDeleted(SLOT)) in door.heard)
    await door.zwave.delete(NODE)
    await until(lambda: (str(NODE), CodeDeleted(None)) in door.heard)


async def test_our_own_changes_are_not_told_as_a_person_s(door: Door) -> None:
    await door.write()
    await door.zwave.set_code(NODE, SLOT, None)
    await door.write()  # the lock says that nothing is there to be modified
    await door.write(LATER, OTHER)
    await door.zwave.assign(NODE, SLOT, OTHER)
    await door.write()  # deleted, and added anew
    await door.clear()
    await door.zwave.notify(NODE, 6, 0x0B)
    await until(lambda: (str(NODE), Jammed()) in door.heard)
    assert not [told for _, told in door.heard if isinstance(told, CodeAdded | CodeDeleted)]


async def test_windows_are_the_hub_s_matter(door: Door) -> None:
    start = datetime(2026, 7, 1, tzinfo=UTC)
    with pytest.raises(Unsupported):
        await door.write(window=Window(start, start + timedelta(days=1)))
    assert await door.codes() == {}


async def test_exchanges_of_a_verified_write(door: Door) -> None:
    await door.write()
    await door.clear()  # now zwave-js knows that nobody is there

    async def exchanges() -> tuple[int, int]:
        count = (await door.zwave.frames())["exchanges"][NODE]
        await door.zwave.reset_frames()
        return count["get"], count["set"]

    await exchanges()
    async with door.radio.lock(str(NODE)).session() as session:
        await session.observe([SLOT])
        assert await exchanges() == (2, 0)
        await session.write(Entry(CODE), SLOT)
        assert await exchanges() == (0, 2)
        await session.observe([SLOT])
        assert await exchanges() == (2, 0)
        await session.clear(SLOT)
        assert await exchanges() == (2, 2)
