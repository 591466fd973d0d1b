"""The Nuki driver against simulated locks behind unmodified bleak: what may go wrong, and what the
lock holds afterwards."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bleak import BleakScanner
from bleak.exc import BleakError

from gatewayd.clock import SystemClock
from gatewayd.domain.bolt import Action, Bolt
from gatewayd.domain.code import Code
from gatewayd.domain.moment import Now
from gatewayd.domain.report import (
    Alive,
    Battery,
    ClockSkew,
    Jammed,
    KeypadBattery,
    PinRefused,
    Turned,
    Used,
    WrongCode,
)
from gatewayd.domain.slot import Empty, Entry, Holds
from gatewayd.errors import OutcomeUnknown, RadioDown, Reason, Refused, Unreachable
from gatewayd.locks.nuki import connection, neighbour, radio
from gatewayd.locks.nuki.radio import NukiRadio
from gatewayd.locks.nuki.session import NukiSession
from gatewayd.store.keyring import NukiKeyring
from simulators.bluetooth import BluetoothSimulator
from tests.integration.conftest import (
    NUKI,
    NUKI_CODE,
    NUKI_WINDOW,
    Site,
    eventually,
    listening,
    paired,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCK, CODE, WINDOW = NUKI, NUKI_CODE, NUKI_WINDOW
OTHER = Code("456789")
AT_ONCE = 3.0
"""Seconds: well below each of the driver's own limits."""


async def only_unreachable(session: NukiSession) -> None:
    with pytest.raises(Unreachable):
        await session.observe([])


# Lost acknowledgements and links


@pytest.mark.parametrize(("fault", "stored"), [("drop_before", False), ("drop_after", True)])
async def test_a_link_that_drops_at_a_write_leaves_its_outcome_to_the_list(
    site: Site, fault: str, stored: bool
) -> None:
    await site.sim.faults(LOCK, **{fault: {"command": "add_keypad_code"}})
    with pytest.raises(OutcomeUnknown):
        await site.write()
    assert await site.codes() == (["345678"] if stored else [])
    codes = [seen.code for seen in (await site.seen()).values() if isinstance(seen, Holds)]
    assert codes == ([CODE] if stored else [])


async def test_a_link_that_drops_before_the_command_is_sent_changed_nothing(site: Site) -> None:
    async with site.driver.session() as session:
        await site.sim.faults(LOCK, drop_after={"command": "request_data", "replies": 0})
        with pytest.raises(Unreachable):
            await session.write(Entry(CODE), None)
    assert await site.codes() == []


async def test_a_link_that_drops_amid_a_list_is_noticed_at_once(site: Site) -> None:
    for digits in ("345671", "345672", "345673"):
        await site.sim.code(LOCK, digits)
    await site.sim.faults(LOCK, drop_after={"command": "request_keypad_codes", "replies": 2})
    async with asyncio.timeout(AT_ONCE), site.driver.session() as session:
        await only_unreachable(session)
    assert await site.codes() == ["345671", "345672", "345673"]
    assert len(await site.seen()) == 3


async def test_an_update_and_a_removal_may_lose_their_answer_too(site: Site) -> None:
    slot = await site.write()
    await site.sim.faults(LOCK, drop_after={"command": "update_keypad_code"})
    with pytest.raises(OutcomeUnknown):
        await site.write(OTHER, slot)
    assert await site.codes() == ["456789"]
    await site.sim.faults(LOCK, drop_after={"command": "remove_keypad_code"})
    with pytest.raises(OutcomeUnknown):
        async with site.driver.session() as session:
            await session.clear(slot)
    assert await site.codes() == []


async def test_a_silent_lock_is_unreachable(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER_S", 0.3)
    await site.sim.faults(LOCK, silent=True)
    with pytest.raises(Unreachable) as silent:
        await site.write()
    assert silent.value.reason is Reason.LOCK_UNREACHABLE
    await site.sim.faults(LOCK)
    async with site.driver.session() as session:
        await site.sim.faults(LOCK, silent=True)
        with pytest.raises(Unreachable):
            await session.write(Entry(CODE), None)
    assert await site.codes() == []


async def test_a_lock_out_of_range_is_unreachable_and_told_when_it_is_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 1.5)
    monkeypatch.setattr(neighbour, "QUIET_S", 1.2)
    await site.seen()
    await site.sim.faults(LOCK, out_of_range=True)
    with pytest.raises(Unreachable):
        await site.seen()
    assert not site.told(Alive)
    await site.sim.faults(LOCK)
    await until(lambda: site.told(Alive))
    await site.seen()


async def test_a_lock_that_leaves_while_connected_is_noticed_at_once(site: Site) -> None:
    await site.write()
    async with asyncio.timeout(AT_ONCE), site.driver.session() as session:
        await site.sim.faults(LOCK, out_of_range=True)
        await only_unreachable(session)
    assert await site.codes() == ["345678"]
    await site.sim.faults(LOCK)
    assert len(await site.seen()) == 1


async def test_a_lock_that_was_never_heard_is_unreachable(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radio, "LISTEN_S", 0.2)
    await site.keyring.put("54:D2:72:00:00:77", (await site.keyring.get(site.address)))  # type: ignore[arg-type]  # it is there
    with pytest.raises(Unreachable, match="not heard"):
        async with site.radio.lock("54:d2:72:00:00:77").session():
            pass


async def test_a_lock_that_was_never_paired_is_not_even_called(site: Site) -> None:
    before = (await site.state())["connections"]
    with pytest.raises(Unreachable, match="not paired"):
        async with site.radio.lock("54:D2:72:00:00:03").session():
            pass
    assert (await site.state())["connections"] == before


# BlueZ and the adapter


async def test_a_bluez_that_goes_is_an_offline_radio_at_once(site: Site) -> None:
    async with asyncio.timeout(AT_ONCE), site.driver.session() as session:
        await site.sim.bus_faults(bluez=False)
        with pytest.raises(RadioDown):
            await session.observe([])
        with pytest.raises(RadioDown):
            await session.write(Entry(CODE), None)
    assert site.radio.link.down.is_set()
    with pytest.raises(RadioDown):
        await site.seen()
    await site.sim.bus_faults(bluez=True)
    async with asyncio.timeout(10):
        await site.radio.link.up.wait()
    await site.write()
    assert await site.codes() == ["345678"]


async def test_a_bluez_that_goes_after_a_command_leaves_its_outcome_to_the_list(
    site: Site,
) -> None:
    await site.sim.faults(LOCK, slow_ms=700)

    async def vanish() -> None:
        await site.came("add_keypad_code")
        await site.sim.bus_faults(bluez=False)

    vanishing = asyncio.create_task(vanish())
    with pytest.raises(OutcomeUnknown):
        await site.write()
    await vanishing
    assert await site.codes() == ["345678"]


async def test_a_bus_that_goes_with_all_that_is_on_it_is_found_again(site: Site) -> None:
    await site.write()
    await site.sim.restart()
    async with asyncio.timeout(20):
        await site.radio.link.up.wait()
    assert len(await site.seen()) == 1


async def test_a_bluez_that_hangs_does_not_hold_the_hub(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("ANSWER_S", "CONNECT_S", "LEAVE_S"):
        monkeypatch.setattr(connection, limit, 0.3)
    await until(lambda: site.radio.adapters["hci0"].hearing(site.address))
    site.sim.pause()
    try:
        async with asyncio.timeout(AT_ONCE):
            with pytest.raises(Unreachable):
                await site.seen()
    finally:
        site.sim.resume()
    monkeypatch.undo()
    await eventually(lambda: _answers(site))


async def _answers(site: Site) -> bool:
    try:
        return await site.seen() == {}
    except (Unreachable, RadioDown):
        return False


async def test_who_may_not_speak_to_bluez_is_told(
    healthy: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    await healthy.bus_faults(service_rights=False)
    there = NukiRadio(["hci0"], keyring, SystemClock())
    task = asyncio.create_task(there.run())
    await until(lambda: there.unfit)
    assert there.link.down.is_set()
    task.cancel()
    await asyncio.wait({task})


class WithoutMonitors(BleakScanner):
    """As on a bluetoothd without --experimental, for which there is no other way than to scan
    actively."""

    def __init__(self, hear: Any, *, scanning_mode: Any, **more: Any) -> None:
        super().__init__(hear, scanning_mode=scanning_mode, **more)
        self.mode = scanning_mode

    async def start(self) -> None:
        if self.mode == "passive":
            raise BleakError("passive scanning on Linux requires BlueZ >= 5.56 with --experimental")
        await super().start()


async def test_where_no_passive_scan_is_possible_the_scan_is_active(
    healthy: BluetoothSimulator, keyring: NukiKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatewayd.locks.nuki.adapter.BleakScanner", WithoutMonitors)
    address = await paired(healthy, keyring, LOCK)
    async with listening(keyring) as (there, heard):
        site = Site(healthy, keyring, address, there, heard)
        await site.write()
        await healthy.bus_faults(bluez=False)
        await there.link.down.wait()
        await healthy.bus_faults(bluez=True)
        await there.link.up.wait()
        assert len(await site.seen()) == 1


# What the lock says


@pytest.mark.parametrize("fault", ["wrong_crc", "garbage"])
async def test_what_cannot_be_read_is_no_answer(
    site: Site, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ANSWER_S", 0.5)
    async with site.driver.session() as session:
        await site.sim.faults(LOCK, **{fault: True})
        with pytest.raises(Unreachable):
            await session.observe([])
    with pytest.raises(Unreachable):
        await site.write()
    assert await site.codes() == []


@pytest.mark.parametrize("fault", ["wrong_crc", "garbage"])
async def test_an_answer_to_a_write_that_cannot_be_read_leaves_its_outcome_to_the_list(
    site: Site, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ANSWER_S", 1.5)
    await site.sim.faults(LOCK, slow_ms=500)

    async def challenged() -> bool:  # after the states; its answer is whole and on its way
        return await site.sent("request_data") == 2

    async def spoil() -> None:
        await eventually(challenged)
        await site.sim.faults(LOCK, **{fault: True})

    spoiling = asyncio.create_task(spoil())
    with pytest.raises(OutcomeUnknown):
        await site.write()
    await spoiling
    assert await site.codes() == ["345678"]


async def test_a_busy_lock_is_tried_again_later(site: Site) -> None:
    async with site.driver.session() as session:
        await site.sim.faults(LOCK, busy=1)
        with pytest.raises(Unreachable, match="busy"):
            await session.write(Entry(CODE), None)
        assert await site.codes() == []
        await session.write(Entry(CODE), None)
    assert await site.codes() == ["345678"]


@pytest.mark.parametrize(
    ("fault", "reason"), [("full", Reason.LOCK_FULL), ("duplicate", Reason.DUPLICATE_CODE)]
)
async def test_a_lock_that_refuses_a_code_says_why(site: Site, fault: str, reason: Reason) -> None:
    await site.sim.faults(LOCK, **{fault: True})
    with pytest.raises(Refused) as refused:
        await site.write()
    assert refused.value.reason is reason
    assert await site.codes() == []


async def test_a_lock_that_forgot_the_hub_says_so(site: Site) -> None:
    await site.sim.forget(LOCK)
    with pytest.raises(Unreachable, match="pair it again") as refused:
        await site.seen()
    assert refused.value.reason is Reason.REFUSED


async def test_a_list_that_shrinks_is_read_once_more_and_then_given_up(site: Site) -> None:
    for digits in ("345671", "345672", "345673"):
        await site.sim.code(LOCK, digits)
    await site.sim.faults(LOCK, list_shrinks=True)
    with pytest.raises(Unreachable, match="incomplete twice"):
        await site.seen()
    assert await site.codes() == ["345671"]  # two lists, each of which lost one
    await site.sim.faults(LOCK)
    assert len(await site.seen()) == 1


@pytest.mark.parametrize("fault", [{"fragments": 20}, {"no_status": True}, {"slow_ms": 50}])
async def test_locks_differ_in_how_they_answer(site: Site, fault: dict[str, Any]) -> None:
    await site.sim.faults(LOCK, **fault)
    async with site.driver.session() as session:
        first = await session.write(Entry(CODE, window=WINDOW), None)
        second = await session.write(Entry(OTHER), None)
        assert set(await session.observe([])) == {first, second}
    assert await site.codes() == ["345678", "456789"]


async def test_a_code_that_was_removed_meanwhile_is_removed(site: Site) -> None:
    slot = await site.write()
    async with site.driver.session() as session:
        await site.sim.remove_code(LOCK, CODE.digits)
        await session.clear(slot)
        assert isinstance((await session.observe([slot]))[slot], Empty)


@pytest.mark.parametrize(
    "limits",
    [
        {"weekdays": ["mo"]},
        {"from_time": "08:00", "until_time": "20:00"},
        {"until": WINDOW.end.isoformat()},
        {"from": WINDOW.start.isoformat(), "until": WINDOW.end.isoformat(), "weekdays": ["mo"]},
    ],
)
async def test_limits_that_a_person_gave_do_not_pass_for_those_of_the_hub(
    site: Site, limits: dict[str, Any]
) -> None:
    slot = await site.write()
    await site.sim.code(LOCK, CODE.digits, id=slot, **limits)
    seen = (await site.seen())[slot]
    assert isinstance(seen, Holds)
    assert seen.code == CODE
    assert (seen.window, seen.hours) not in ((None, None), (WINDOW, None))
    assert await site.write(slot=slot) == slot
    again = (await site.seen())[slot]
    assert isinstance(again, Holds)
    assert (again.window, again.hours) == (WINDOW, None)


async def test_a_label_is_cut_at_a_character(site: Site) -> None:
    async with site.driver.session() as session:
        await session.write(Entry(CODE, "Zoë Müller ünd Söhne"), None)
    assert (await site.state())["codes"][0]["name"] == "Zoë Müller ünd S"  # ö would end beyond 20


async def test_a_motor_that_is_blocked_is_a_jam(site: Site) -> None:
    await site.sim.faults(LOCK, reject={"error": 0x42, "command": "lock_action"})
    with pytest.raises(Refused):
        async with site.driver.session() as session:
            await session.operate(Action.LOCK)
    assert site.told(Jammed)


# The security PIN


async def test_a_wrong_pin_is_tried_exactly_once(
    healthy: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    address = await paired(healthy, keyring, LOCK, pin=1111)
    for _ in range(2):  # the second time: as after a restart of the hub
        async with listening(keyring) as (there, heard):
            site = Site(healthy, keyring, address, there, heard)
            for _ in range(2):
                with pytest.raises(Unreachable, match="PIN") as refused:
                    await site.seen()
                assert refused.value.reason is Reason.PIN_REFUSED
            state = await site.state()
            assert state["wrong_pins"] == 1
            connections = state["connections"]
            await healthy.keypad(LOCK, "999999")  # its log is left alone as well
            with pytest.raises(Unreachable):
                await site.write()
            await until(lambda: not there._neighbours[address].log_due())
            state = await site.state()
            assert (state["wrong_pins"], state["connections"]) == (1, connections)
    assert (await keyring.get(address)).pin_refused  # type: ignore[union-attr]  # it is there
    await paired(healthy, keyring, LOCK)
    async with listening(keyring) as (there, heard):
        assert await Site(healthy, keyring, address, there, heard).seen() == {}


async def test_a_refused_pin_is_told(site: Site) -> None:
    await site.sim.faults(LOCK, reject="too_many_pin_attempts")
    with pytest.raises(Unreachable, match="PIN"):
        await site.write()
    assert site.told(PinRefused) == [PinRefused()]


# The clock and the batteries


class Doubtful(SystemClock):
    """The hub's clock before it is synchronised."""

    def now(self) -> Now:
        at = datetime.now(UTC)
        return Now(at - timedelta(hours=1), at)


async def test_a_clock_that_is_off_is_set_and_told(site: Site) -> None:
    await site.sim.clock(LOCK, 3600)
    await site.seen()
    assert abs((await site.state())["clock"]["skew_s"]) < 3
    (told,) = site.told(ClockSkew)
    assert told.mended
    assert told.seconds == pytest.approx(3600, abs=5)
    await site.sim.clock(LOCK, -600)  # again within 12 hours: something else is wrong
    await site.seen()
    await site.seen()
    assert await site.sent("update_time") == 1
    assert len(site.told(ClockSkew)) == 1
    async with listening(site.keyring) as (there, heard):  # a hub that was restarted tells it anew
        again = Site(site.sim, site.keyring, site.address, there, heard)
        await again.seen()
        assert await again.sent("update_time") == 1
        assert [told.mended for told in again.told(ClockSkew)] == [False]


async def test_a_clock_that_is_a_little_off_is_left_alone(site: Site) -> None:
    await site.sim.clock(LOCK, 20)
    await site.seen()
    assert await site.sent("update_time") == 0
    assert not site.told(ClockSkew)


async def test_a_clock_is_never_set_from_a_doubtful_one(
    healthy: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    address = await paired(healthy, keyring, LOCK)
    async with listening(keyring, Doubtful()) as (there, heard):
        site = Site(healthy, keyring, address, there, heard)
        await healthy.clock(LOCK, -1800)  # within what the hub thinks possible
        await site.seen()
        assert not site.told(ClockSkew)
        await healthy.clock(LOCK, 1800)
        await site.seen()
        await site.seen()
        assert [told.mended for told in site.told(ClockSkew)] == [False]
        assert await site.sent("update_time") == 0


async def test_where_the_bolt_is_is_told_when_it_has_turned(site: Site) -> None:
    async with site.driver.session() as session:
        await session.operate(Action.UNLOCK)
    await until(lambda: site.told(Turned)[-1:] == [Turned(Bolt.UNLOCKED)])
    before = len(site.told(Turned))
    await site.seen()
    assert len(site.told(Turned)) == before
    async with site.driver.session() as session:
        await session.operate(Action.LOCK)
    await site.seen()
    assert site.told(Turned)[before:] == [Turned(Bolt.LOCKED)]


async def test_batteries_are_told_when_they_change(site: Site) -> None:
    await site.seen()
    await site.seen()
    assert site.told(Battery) == [Battery(80)]
    assert site.told(KeypadBattery) == [KeypadBattery(low=False)]
    await site.sim.battery(LOCK, percent=8, critical=True, keypad_critical=True)
    await site.seen()
    assert site.told(Battery)[1:] == [Battery(8, low=True)]
    assert site.told(KeypadBattery)[1:] == [KeypadBattery(low=True)]


# The log


async def test_the_log_is_read_when_the_lock_says_that_something_changed(site: Site) -> None:
    slot = await site.write()
    await site.sim.code(LOCK, "456789")
    await site.sim.keypad(LOCK, "999999")

    async def read() -> int:
        return (await site.keyring.get(site.address)).log_index  # type: ignore[union-attr,return-value]  # it has read

    async def is_read() -> bool:
        state = await site.state()
        return not state["changed"] and await read() == state["log"][-1]["index"]

    await eventually(is_read)
    assert not site.told(WrongCode)  # the first time there is only a mark to go on from
    asked = await site.sent("request_log_entries")
    await site.sim.keypad(LOCK, "456789")
    await site.sim.keypad(LOCK, "999999")
    await site.sim.keypad(LOCK, action="lock")
    await eventually(is_read)
    used = await site.sent("request_log_entries")
    await until(lambda: len(site.told(Used)) == 2)
    turns = [(used.slot, used.opened) for used in site.told(Used)]
    assert turns == [(slot + 1, True), (None, False)]
    assert len(site.told(WrongCode)) == 1
    assert used > asked
    await site.seen()
    await site.seen()
    assert await site.sent("request_log_entries") == used


async def test_a_log_that_cannot_be_read_is_read_later(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ANSWER_S", 0.3)
    monkeypatch.setattr(neighbour, "RETRY_S", (0.2, 0.4))
    await site.keyring.log_read(site.address, 0)
    await site.sim.faults(LOCK, silent=True)
    before = (await site.state())["connections"]
    await site.sim.keypad(LOCK, "999999")

    async def tried_twice() -> bool:
        return bool((await site.state())["connections"] >= before + 2)

    await eventually(tried_twice)
    assert not site.told(WrongCode)
    await site.sim.faults(LOCK)
    await until(lambda: site.told(WrongCode), within=20)


# Several adapters


@dataclass
class Ways:
    """How many connections went through which adapter."""

    site: Site

    async def used(self) -> str:
        async with self.site.driver.session():
            links = (await self.site.sim.bus())["adapters"]
            (name,) = [name for name, adapter in links.items() if adapter["links"]]
            return str(name)


async def test_a_lock_is_reached_through_the_adapter_that_hears_it_best(
    healthy: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    address = await paired(healthy, keyring, LOCK)
    await healthy.rssi(LOCK, -90, "hci0")
    async with listening(keyring, adapters=("hci0", "hci1")) as (there, heard):
        ways = Ways(Site(healthy, keyring, address, there, heard))
        both = there.adapters.values()
        await until(lambda: all(adapter.hearing(address) for adapter in both))
        assert await ways.used() == "hci1"
        await healthy.bus_faults(adapter="hci1", powered=False)
        await until(lambda: not there.adapters["hci1"].up)
        assert there.link.up.is_set()
        assert await ways.used() == "hci0"


async def test_a_lock_keeps_to_the_adapter_that_it_is_bound_to(
    healthy: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    address = await paired(healthy, keyring, LOCK)
    await healthy.rssi(LOCK, -90, "hci0")
    bindings = {address: "hci0"}
    async with listening(keyring, None, ("hci0", "hci1"), bindings) as (there, heard):
        site = Site(healthy, keyring, address, there, heard)
        assert await Ways(site).used() == "hci0"
        await healthy.bus_faults(adapter="hci0", powered=False)
        await until(lambda: not there.adapters["hci0"].up)
        with pytest.raises(RadioDown, match="hci0"):
            await site.seen()
