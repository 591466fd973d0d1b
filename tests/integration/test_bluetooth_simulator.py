"""The Bluetooth simulator shows, through unmodified bleak, what docs and drivers rely on."""

import asyncio
import contextlib
import os
import signal
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio
from bleak import BleakClient, BleakScanner
from bleak.args.bluez import BlueZScannerArgs, OrPattern
from bleak.assigned_numbers import AdvertisementDataType
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError, BleakError
from bleak_retry_connector import BleakClientWithServiceCache, establish_connection

from simulators.bluetooth import BluetoothSimulator, SimulatorError
from simulators.bluetooth.client import (
    BareClient,
    Credentials,
    LinkLostError,
    LockError,
)
from simulators.bluetooth.codes import Wanted
from simulators.bluetooth.records import LogType, Window
from simulators.bluetooth.wire import (
    KEYTURNER_SERVICE,
    KEYTURNER_USDIO,
    PAIRING_SERVICE,
    Command,
    ErrorCode,
    WireError,
)
from tests.integration.conftest import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

PIN = 345678
OTHER_PIN = 456789
DEADLINE_S = 10.0
APPLE = 0x004C
UNLOCK, LOCK = 1, 2


async def until(condition: Callable[[], Awaitable[object]], within: float = DEADLINE_S) -> None:
    """Asks again until it is so."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - another process knows, no event tells
            await asyncio.sleep(0.01)


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


class Site:
    """A simulator, and credentials for its locks."""

    def __init__(self, sim: BluetoothSimulator) -> None:
        self.sim = sim
        self.credentials: dict[int, Credentials] = {}
        self.addresses: dict[int, str] = {}

    async def meet(self) -> None:
        for lock in await self.sim.locks():
            made = await self.sim.authorise(lock["id"])
            self.addresses[lock["id"]] = made["address"]
            self.credentials[lock["id"]] = Credentials.from_control(made)

    async def device(self, lock: int, adapter: str | None = None) -> BLEDevice:
        bluez = BlueZScannerArgs() if adapter is None else BlueZScannerArgs(adapter=adapter)
        found = await BleakScanner.find_device_by_address(
            self.addresses[lock], timeout=DEADLINE_S, bluez=bluez
        )
        assert found is not None
        return found

    async def advertisement(
        self, lock: int, wanted: Callable[[AdvertisementData], object]
    ) -> AdvertisementData:
        """The first such one."""
        heard: list[AdvertisementData] = []

        def meets(device: BLEDevice, data: AdvertisementData) -> bool:
            heard.append(data)
            return device.address == self.addresses[lock] and bool(wanted(data))

        assert await BleakScanner.find_device_by_filter(meets, timeout=DEADLINE_S)
        return heard[-1]

    @contextlib.asynccontextmanager
    async def link(
        self, lock: int = 1, *, pin: int | None = None, pairing: bool = False, within: float = 5.0
    ) -> AsyncIterator[BareClient]:
        """A client that has connected and listens."""
        listening: list[BareClient] = []

        def tell(_client: BleakClient) -> None:
            for bare in listening:
                bare.lost()

        client = BleakClient(await self.device(lock), tell)
        credentials = self.credentials[lock]
        if pin is not None:
            credentials = Credentials(credentials.authorisation, credentials.key, pin)
        async with client:
            bare = BareClient(client, credentials, within)
            listening.append(bare)
            await bare.listen(pairing=pairing)
            yield bare


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Site]:
    async with BluetoothSimulator(locks=2, adapters=2, codes=10, advertise_ms=20) as sim:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in sim.environment.items():
                patch.setenv(name, value)
            site = Site(sim)
            await site.meet()
            yield site


@pytest_asyncio.fixture(loop_scope="module")
async def site(shared: Site) -> AsyncIterator[Site]:
    """Healthy and empty locks."""
    yield shared
    for lock in shared.addresses:
        await shared.sim.reset(lock)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hasty() -> AsyncIterator[BluetoothSimulator]:
    """Times that a test can wait for; other processes talk to it, this one to the other bus."""
    times = {"idle_s": 0.2, "pairing_s": 0.8, "temporary_s": 0.3}
    async with BluetoothSimulator(locks=2, **times) as sim:
        yield sim


async def refused(work: Awaitable[object]) -> ErrorCode:
    """The error that the lock reports."""
    with pytest.raises(LockError) as failure:
        await work
    return ErrorCode(failure.value.code)


# Hearing locks


async def test_an_active_scan_hears_every_lock_with_its_name(site: Site) -> None:
    found = await BleakScanner.discover(timeout=0.5, return_adv=True)
    assert set(found) == set(site.addresses.values())
    device, data = found[site.addresses[1]]
    assert device.name == data.local_name == "Nuki_1A2B0001"
    beacon = data.manufacturer_data[APPLE]
    assert beacon[:2] == b"\x02\x15"
    assert beacon[2:18].hex() == "a92ee200550111e4916c0800200c9a66"
    assert beacon[-1] & 1 == 0
    assert data.rssi == -60


BEACON = OrPattern(0, AdvertisementDataType.MANUFACTURER_SPECIFIC_DATA, b"\x4c\x00\x02\x15")


async def test_a_passive_scan_hears_every_lock(site: Site) -> None:
    heard: set[str] = set()
    complete = asyncio.Event()

    def hear(device: BLEDevice, _data: AdvertisementData) -> None:
        heard.add(device.address)
        if heard == set(site.addresses.values()):
            complete.set()

    args = BlueZScannerArgs(or_patterns=[BEACON])
    scanner = BleakScanner(hear, scanning_mode="passive", bluez=args)
    async with scanner, asyncio.timeout(DEADLINE_S):
        await complete.wait()


async def test_a_passive_scan_hears_only_what_matches_and_no_names(
    hasty: BluetoothSimulator,
) -> None:
    start, type_, beacon = BEACON
    number = bytes.fromhex("1a2b0001")  # of the one, behind the UUID that both have
    mine = OrPattern(start, type_, beacon + UUID(KEYTURNER_SERVICE).bytes + number)
    heard = await foreign_scan(hasty, mine)
    assert heard == {"54:D2:72:00:00:01": None}


async def test_a_device_that_is_not_heard_is_forgotten(hasty: BluetoothSimulator) -> None:
    await foreign_scan(hasty, BEACON)

    async def forgotten() -> bool:
        return bool((await hasty.bus())["adapters"]["hci0"]["devices"] == 0)

    await until(forgotten)


SCAN = """
import asyncio, sys
from bleak import BleakScanner
from bleak.assigned_numbers import AdvertisementDataType
from bleak.args.bluez import OrPattern

async def main():
    pattern = OrPattern(int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(sys.argv[3]))
    names, heard = {}, asyncio.Event()  # what is heard may be forgotten before the end

    def hear(device, data):
        names[device.address] = data.local_name
        heard.set()

    scanner = BleakScanner(hear, scanning_mode="passive", bluez={"or_patterns": [pattern]})
    async with scanner, asyncio.timeout(float(sys.argv[4])):
        await heard.wait()
        await asyncio.sleep(0.3)  # the others advertise as often
    for address, name in names.items():
        print(address, name)

asyncio.run(main())
"""


async def foreign_scan(sim: BluetoothSimulator, pattern: OrPattern) -> dict[str, str | None]:
    """What a fresh process hears, from the first lock on: address and name."""
    start, type_, content = pattern
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SCAN),
        *(str(start), str(int(type_)), bytes(content).hex(), str(DEADLINE_S)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **sim.environment},
    )
    out, _ = await process.communicate()
    pairs = [line.split(" ", 1) for line in out.decode().splitlines()]
    return {address: None if name == "None" else name for address, name in pairs}


async def test_adapters_hear_locks_as_loud_as_they_are_told(site: Site) -> None:
    await site.sim.rssi(1, -91, "hci1")
    await site.sim.rssi(2, None, "hci1")
    args = BlueZScannerArgs(adapter="hci1")
    found = await BleakScanner.discover(timeout=0.4, return_adv=True, bluez=args)
    assert {address: data.rssi for address, (_, data) in found.items()} == {site.addresses[1]: -91}
    assert found[site.addresses[1]][0].details["path"].startswith("/org/bluez/hci1/")
    reset = await site.sim.reset(2)
    assert reset["rssi"] == {"hci0": -60, "hci1": -60}


async def test_the_advertisement_says_that_the_state_has_changed(site: Site) -> None:
    def changed(data: AdvertisementData) -> bool:
        return bool(data.manufacturer_data.get(APPLE, b"\0")[-1] & 1)

    await site.sim.keypad(1, "999999")
    await site.advertisement(1, changed)
    async with site.link() as client:
        await client.log()
    assert not (await site.sim.lock(1))["changed"]
    await site.advertisement(1, lambda data: not changed(data))

    await site.sim.turn(1, "unlock")
    assert (await site.sim.lock(1))["changed"]
    async with site.link() as client:
        assert (await client.request(Command.KEYTURNER_STATES))[1] == 3
    assert not (await site.sim.lock(1))["changed"]


# Pairing


async def test_a_client_pairs_while_the_button_lets_it(site: Site) -> None:
    await site.sim.button(1)
    data = await site.advertisement(1, lambda data: data.service_data)
    assert data.service_data[PAIRING_SERVICE] == bytes.fromhex("1a2b0001")
    async with site.link(1, pairing=True) as client:
        made = await client.pair(name="gateway")
        await client.listen()
        assert await client.add(Wanted(PIN, "guest"))
        assert await refused(client.pair()) is ErrorCode.NOT_PAIRING
    state = await site.sim.lock(1)
    assert not state["pairing"]
    assert {"id": made.authorisation, "type": 0, "app_id": 42, "name": "gateway"} in state[
        "authorisations"
    ]
    await site.advertisement(1, lambda data: APPLE in data.manufacturer_data)


async def test_without_the_button_or_without_room_nobody_pairs(site: Site) -> None:
    async with site.link(1, pairing=True) as client:
        assert await refused(client.pair()) is ErrorCode.NOT_PAIRING
        await site.sim.button(1)
        await site.sim.capacity(1, authorisations=1)
        assert await refused(client.pair()) is ErrorCode.MAX_USER


async def test_pairing_mode_ends_by_itself(hasty: BluetoothSimulator) -> None:
    assert (await hasty.button(1))["pairing"]

    async def over() -> bool:
        return not (await hasty.lock(1))["pairing"]

    await until(over)


async def test_who_is_not_authorised_is_told_so(site: Site) -> None:
    made = Credentials.from_control(await site.sim.authorise(1))
    async with site.link() as client:
        client.credentials = made
        await client.verify_pin()
        await site.sim.forget(1, auth_id=made.authorisation)
        assert await refused(client.verify_pin()) is ErrorCode.NOT_AUTHORIZED


# The PIN


async def test_a_wrong_pin_is_counted_and_after_ten_the_right_one_does_not_help(
    site: Site,
) -> None:
    async with site.link(pin=1111) as client:
        for _ in range(10):
            assert await refused(client.verify_pin()) is ErrorCode.BAD_PIN
        assert await refused(client.verify_pin()) is ErrorCode.TOO_MANY_PIN_ATTEMPTS
    assert (await site.sim.lock(1))["wrong_pins"] == 10
    async with site.link() as client:
        assert await refused(client.add(Wanted(PIN, "x"))) is ErrorCode.TOO_MANY_PIN_ATTEMPTS
        await site.sim.pin(1, 1234)
        await client.verify_pin()


async def test_a_right_pin_forgives_wrong_ones(site: Site) -> None:
    async with site.link(pin=1111) as client:
        assert await refused(client.verify_pin()) is ErrorCode.BAD_PIN
    async with site.link() as client:
        await client.verify_pin()
    assert (await site.sim.lock(1))["wrong_pins"] == 0


async def test_a_challenge_is_good_for_one_command(site: Site) -> None:
    async with site.link() as client:
        challenge = await client.request(Command.CHALLENGE)
        body = challenge + struct.pack("<H", 1234)
        await client.send(Command.VERIFY_SECURITY_PIN, body)
        await client.complete()
        await client.send(Command.VERIFY_SECURITY_PIN, body)
        assert await refused(client.complete()) is ErrorCode.BAD_NONCE
        await client.send(Command.VERIFY_SECURITY_PIN, body[1:])
        assert await refused(client.complete()) is ErrorCode.BAD_LENGTH


# Codes


async def test_codes_are_added_listed_changed_and_removed(site: Site) -> None:
    window = Window(
        datetime.fromisoformat("2026-07-01T13:00"),
        datetime.fromisoformat("2026-07-05T09:00"),
        0x41,
        (8, 0),
        (20, 30),
    )
    async with site.link() as client:
        first = await client.add(Wanted(PIN, "Zoë Müller"))
        second = await client.add(Wanted(OTHER_PIN, "b", limited=True, window=window))
        listed = await client.codes()
        assert [(it.id, it.code, it.name, it.window) for it in listed] == [
            (first, PIN, "Zoë Müller", None),
            (second, OTHER_PIN, "b", window),
        ]
        assert [it.id for it in await client.codes(offset=1, count=1)] == [second]
        await client.update(first, Wanted(567891, "c", enabled=False))
        await client.remove(second)
        assert [(it.id, it.code, it.enabled) for it in await client.codes()] == [
            (first, 567891, False)
        ]
    state = await site.sim.lock(1)
    assert [(it["code"], it["name"]) for it in state["codes"]] == [("567891", "c")]
    assert state["commands"]["add_keypad_code"] == 2
    assert state["commands"]["update_keypad_code"] == 1


async def test_a_lock_refuses_what_its_rules_forbid(site: Site) -> None:
    async with site.link() as client:
        id_ = await client.add(Wanted(PIN, "a"))
        assert await refused(client.add(Wanted(PIN, "b"))) is ErrorCode.CODE_ALREADY_EXISTS
        for code in (34567, 345608, 123456):
            assert await refused(client.add(Wanted(code, "b"))) is ErrorCode.CODE_INVALID
        night = Wanted(OTHER_PIN, "b", limited=True, window=Window(from_time=(24, 0)))
        assert await refused(client.add(night)) is ErrorCode.BAD_PARAMETER
        await client.add(Wanted(OTHER_PIN, "b"))
        change = client.update(id_, Wanted(OTHER_PIN, "a"))
        assert await refused(change) is ErrorCode.CODE_ALREADY_EXISTS
        assert await refused(client.update(999, Wanted(567891, "a"))) is ErrorCode.BAD_PARAMETER
        assert await refused(client.remove(999)) is ErrorCode.BAD_PARAMETER
        for digit in range(1, 9):
            await client.add(Wanted(777770 + digit, "c"))
        assert await refused(client.add(Wanted(888888, "d"))) is ErrorCode.TOO_MANY_ENTRIES
        await site.sim.keypad_present(1, present=False)
        assert await refused(client.add(Wanted(888888, "d"))) is ErrorCode.DISABLED


async def test_a_code_opens_within_its_window_by_the_clock_of_the_lock(site: Site) -> None:
    window = Window(now() - timedelta(hours=1), now() + timedelta(days=1))
    async with site.link() as client:
        await client.add(Wanted(PIN, "guest", limited=True, window=window))
        id_ = (await client.codes())[0].id
    assert await site.sim.keypad(1, str(PIN)) == {"opened": True, "reason": "open", "id": id_}
    for skew, reason in ((3 * 86400, "after its window"), (-7200, "before its window")):
        await site.sim.clock(1, skew)
        typed = await site.sim.keypad(1, str(PIN))
        assert (typed["opened"], typed["reason"]) == (False, reason)
    state = await site.sim.lock(1)
    assert state["codes"][0]["lock_count"] == 1
    assert state["codes"][0]["last_active"]
    async with site.link() as client:
        await client.set_time(now())
    assert abs((await site.sim.lock(1))["clock"]["skew_s"]) < 2
    assert (await site.sim.keypad(1, str(PIN)))["opened"]


async def test_weekdays_and_times_of_day_are_local(site: Site) -> None:
    """The lock is put to 23:30 UTC on a Tuesday, when it is Wednesday in Berlin."""
    tuesday = datetime.fromisoformat("2026-06-30T23:30")
    await site.sim.clock(1, (tuesday - now()).total_seconds(), timezone="Europe/Berlin")
    allowed = {"weekdays": ["we"], "from_time": "01:00", "until_time": "02:00"}
    await site.sim.code(1, str(PIN), **allowed)
    await site.sim.code(1, str(OTHER_PIN), weekdays=["tu"])
    await site.sim.code(1, "567891", from_time="23:00", until_time="23:59")
    assert (await site.sim.keypad(1, str(PIN)))["opened"]
    assert (await site.sim.keypad(1, str(OTHER_PIN)))["reason"] == "not on this weekday"
    assert (await site.sim.keypad(1, "567891"))["reason"] == "not at this time of day"
    async with site.link() as client:
        states = await client.request(Command.KEYTURNER_STATES)
        assert struct.unpack_from("<h", states, 10) == (120,)
    assert (await site.sim.reset(1))["clock"]["timezone"] == "UTC"


async def test_a_disabled_code_opens_nothing_nor_does_an_absent_keypad(site: Site) -> None:
    state = await site.sim.code(1, str(PIN), name="app")
    await site.sim.code(1, str(PIN), id=state["codes"][0]["id"], enabled=False)
    assert (await site.sim.keypad(1, str(PIN)))["reason"] == "disabled"
    await site.sim.keypad_present(1, present=False)
    assert (await site.sim.keypad(1, str(PIN)))["reason"] == "no keypad"
    assert (await site.sim.remove_code(1, str(PIN)))["codes"] == []


# Log, states, actions


async def test_the_log_has_who_came(site: Site) -> None:
    state = await site.sim.code(1, str(PIN), name="guest")
    id_ = state["codes"][0]["id"]
    await site.sim.keypad(1, str(PIN))
    await site.sim.keypad(1, "999999")
    await site.sim.keypad(1, action="lock")
    async with site.link() as client:
        total, entries = await client.log()
        assert total == 3
        assert [(it.type, it.name, it.data) for it in entries] == [
            (LogType.KEYPAD_ACTION, "guest", struct.pack("<BBBH", UNLOCK, 1, 0, id_)),
            (LogType.KEYPAD_ACTION, "", struct.pack("<BBBH", UNLOCK, 1, 0xE0, 0)),
            (LogType.KEYPAD_ACTION, "", struct.pack("<BBBH", LOCK, 0, 0, 0)),
        ]
        first = entries[0].index
        assert [it.index for it in entries] == [first, first + 1, first + 2]
        _, entries = await client.log(first + 1)
        assert [it.index for it in entries] == [first + 1, first + 2]
        _, entries = await client.log(0, 2, newest_first=True)
        assert [it.index for it in entries] == [first + 2, first + 1]


@pytest.mark.parametrize("suffix", [None, "Jo"])
async def test_a_lock_action_is_accepted_told_of_and_logged(site: Site, suffix: str | None) -> None:
    async with site.link() as client:
        states = await client.act(UNLOCK, suffix)
        assert [state[1] for state in states] == [2, 3]
        assert (await site.sim.lock(1))["state"] == "unlocked"
        assert await refused(client.act(0x77)) is ErrorCode.BAD_PARAMETER
        _, entries = await client.log()
        assert entries[-1].type is LogType.LOCK_ACTION
        assert entries[-1].authorisation == site.credentials[1].authorisation
        assert entries[-1].data[:4] == bytes([UNLOCK, 0, 0, 0])


async def test_batteries_are_told(site: Site) -> None:
    async with site.link() as client:
        states = await client.request(Command.KEYTURNER_STATES)
        assert len(states) == 21
        assert (states[12], states[20]) == (40 << 2, 0b01)
        await site.sim.battery(1, percent=8, critical=True, keypad_critical=True)
        states = await client.request(Command.KEYTURNER_STATES)
        assert (states[12], states[20] & 3) == (4 << 2 | 1, 3)
        assert (await client.request(Command.BATTERY_REPORT))[4] == 4 << 2 | 1
        await client.order(Command.REQUEST_CONFIG, pin=False)
        config = (await client.hear(Command.CONFIG)).payload
        assert config[4:17] == b"Nuki_1A2B0001"
        assert len(config) == 74


# Faults of a lock


async def test_a_silent_lock_takes_the_link_and_says_nothing(site: Site) -> None:
    await site.sim.faults(1, silent=True)
    async with site.link(within=0.3) as client:
        with pytest.raises(TimeoutError):
            await client.verify_pin()


async def test_a_lock_out_of_range_is_not_heard_and_its_link_breaks(site: Site) -> None:
    known = await site.device(1)
    async with site.link() as client:
        await site.sim.faults(1, out_of_range=True)
        with pytest.raises(LinkLostError):
            await client.hear(Command.STATUS)
    assert set(await BleakScanner.discover(timeout=0.2, return_adv=True)) == {site.addresses[2]}
    with pytest.raises(TimeoutError):
        await BleakClient(known, timeout=0.3).connect()
    await site.sim.faults(1)
    async with site.link() as client:
        await client.verify_pin()


@pytest.mark.parametrize(("fault", "stored"), [("drop_before", False), ("drop_after", True)])
async def test_a_link_drops_once_before_or_after_the_lock_acts(
    site: Site, fault: str, stored: bool
) -> None:
    await site.sim.faults(1, **{fault: {"command": "add_keypad_code"}})
    async with site.link() as client:
        with pytest.raises(LinkLostError):
            await client.add(Wanted(PIN, "guest"))
    assert bool((await site.sim.lock(1))["codes"]) is stored
    async with site.link() as client:
        await client.add(Wanted(OTHER_PIN, "guest"))


async def test_a_link_may_drop_in_the_middle_of_a_list(site: Site) -> None:
    for code in ("345671", "345672", "345673"):
        await site.sim.code(1, code)
    await site.sim.faults(1, drop_after={"command": "request_keypad_codes", "replies": 2})
    async with site.link() as client:
        await client.order(Command.REQUEST_KEYPAD_CODES, struct.pack("<HH", 0, 0xFFFF))
        await client.hear(Command.KEYPAD_CODE_COUNT)
        await client.hear(Command.KEYPAD_CODE)
        with pytest.raises(LinkLostError):
            await client.hear(Command.KEYPAD_CODE)


async def test_a_busy_lock_says_so_as_often_as_it_is_told(site: Site) -> None:
    await site.sim.faults(1, busy=2)
    async with site.link() as client:
        for _ in range(2):
            assert await refused(client.verify_pin()) is ErrorCode.BUSY
        await client.verify_pin()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"full": True}, ErrorCode.TOO_MANY_ENTRIES),
        ({"duplicate": True}, ErrorCode.CODE_ALREADY_EXISTS),
        ({"reject": "time_not_allowed"}, ErrorCode.TIME_NOT_ALLOWED),
        ({"reject": {"error": 0x25, "command": "add_keypad_code"}}, ErrorCode.DISABLED),
    ],
)
async def test_a_lock_may_refuse_for_its_own_reasons(
    site: Site, fault: dict[str, Any], code: ErrorCode
) -> None:
    await site.sim.faults(1, **fault)
    async with site.link() as client:
        assert await refused(client.add(Wanted(PIN, "guest"))) is code
    assert (await site.sim.lock(1))["codes"] == []


@pytest.mark.parametrize("fault", ["wrong_crc", "garbage"])
async def test_a_lock_may_send_what_is_no_frame(site: Site, fault: str) -> None:
    await site.sim.faults(1, **{fault: True})
    async with site.link(within=0.3) as client:
        with pytest.raises((WireError, TimeoutError)):
            await client.verify_pin()


async def test_a_slow_lock_takes_its_time(site: Site) -> None:
    await site.sim.faults(1, slow_ms=200)
    loop = asyncio.get_running_loop()
    async with site.link() as client:
        start = loop.time()
        await client.request(Command.KEYTURNER_STATES)
        assert loop.time() - start >= 0.2


async def test_a_lock_may_send_and_take_fragments(site: Site) -> None:
    await site.sim.faults(1, fragments=20)
    async with site.link() as client:
        await client.add(Wanted(PIN, "guest"))
        assert [it.code for it in await client.codes()] == [PIN]
        assert client.largest_part == 20
    await site.sim.faults(1)
    async with site.link() as client:
        await client.codes()
        assert client.largest_part > 20


async def test_a_list_may_shrink_while_it_is_read(site: Site) -> None:
    for code in ("345671", "345672", "345673"):
        await site.sim.code(1, code)
    await site.sim.faults(1, list_shrinks=True)
    async with site.link() as client:
        assert [it.code for it in await client.codes()] == [345671, 345672]
    assert len((await site.sim.lock(1))["codes"]) == 2


async def test_a_lock_may_leave_out_the_status(site: Site) -> None:
    await site.sim.faults(1, no_status=True)
    async with site.link(within=0.2) as client:
        with pytest.raises(TimeoutError):
            await client.add(Wanted(PIN, "guest"))
    assert len((await site.sim.lock(1))["codes"]) == 1


async def test_an_idle_link_ends(hasty: BluetoothSimulator) -> None:
    await foreign_client(hasty)
    state = await hasty.lock(1)
    assert (state["connections"], state["connected"]) == (1, False)


LINGER = """
import asyncio, sys
from bleak import BleakClient, BleakScanner

async def main():
    device = await BleakScanner.find_device_by_address("54:D2:72:00:00:01", timeout=5)
    ended = asyncio.Event()
    client = BleakClient(device, lambda _: ended.set())
    await client.connect()
    await asyncio.wait_for(ended.wait(), 5)

asyncio.run(main())
"""


async def foreign_client(sim: BluetoothSimulator) -> None:
    """A fresh process that connects and says nothing until the lock hangs up."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LINGER), env={**os.environ, **sim.environment}
    )
    assert await process.wait() == 0


# Faults of BlueZ


async def test_two_clients_of_one_adapter_are_told_to_wait(site: Site) -> None:
    device = await site.device(1)
    await site.sim.bus_faults(in_progress=1)
    with pytest.raises(BleakDBusError, match="InProgress"):
        await BleakClient(device).connect()
    async with BleakClient(device) as client:
        assert client.is_connected


async def test_an_aborted_connection_is_tried_again_by_bleak(site: Site) -> None:
    device = await site.device(1)
    await site.sim.bus_faults(connection_abort=1)
    before = (await site.sim.lock(1))["connections"]
    async with BleakClient(device) as client:
        assert client.is_connected
    assert (await site.sim.lock(1))["connections"] == before + 1
    assert (await site.sim.bus())["connection_abort"] == 0


async def test_while_one_connection_is_being_made_another_is_refused(site: Site) -> None:
    one, other = [await site.device(lock, "hci0") for lock in (1, 2)]
    await site.sim.bus_faults(connect_ms=60_000)
    before = (await site.sim.bus())["adapters"]["hci0"]["collisions"]

    async def connecting() -> bool:
        return bool((await site.sim.bus())["adapters"]["hci0"]["connecting"])

    slow = asyncio.create_task(BleakClient(one).connect())
    await until(connecting)
    with pytest.raises(BleakDBusError, match="InProgress"):
        await BleakClient(other).connect()
    slow.cancel()
    await asyncio.wait({slow})
    await site.sim.bus_faults(connect_ms=0, connection_canceled=1)
    assert (await site.sim.bus())["adapters"]["hci0"]["collisions"] == before + 1
    with pytest.raises(BleakDBusError, match="br-connection-canceled"):
        await BleakClient(one).connect()
    async with BleakClient(one) as client:
        assert client.is_connected


async def test_the_retry_connector_connects(site: Site) -> None:
    await site.sim.bus_faults(in_progress=1)
    device = await site.device(1)
    client = await establish_connection(BleakClientWithServiceCache, device, "lock")
    assert client.is_connected
    await client.disconnect()


async def test_an_adapter_holds_only_so_many_links(site: Site) -> None:
    await site.sim.bus_faults(slots=1)
    async with site.link(1):
        with pytest.raises(TimeoutError):  # bleak waits for a link that never was to end
            await BleakClient(await site.device(2), timeout=0.3).connect()
    async with site.link(2) as client:
        await client.verify_pin()
    await site.sim.bus_faults(slots=7)


async def test_without_rights_every_call_is_refused(site: Site) -> None:
    device = await site.device(1)
    await site.sim.bus_faults(service_rights=False)
    with pytest.raises(BleakDBusError, match="AccessDenied"):
        await BleakClient(device).connect()
    await site.sim.bus_faults(service_rights=True)
    async with site.link() as client:
        await client.verify_pin()


async def test_an_adapter_that_is_off_has_no_devices_until_it_is_on_and_scans(site: Site) -> None:
    device = await site.device(1)
    for adapter in ("hci0", "hci1"):
        await site.sim.bus_faults(adapter=adapter, powered=False)
    with pytest.raises(BleakError):
        await BleakClient(device).connect()
    with pytest.raises(BleakBluetoothNotAvailableError):
        await BleakScanner.discover(timeout=0.1)
    for adapter in ("hci0", "hci1"):
        await site.sim.bus_faults(adapter=adapter, powered=True)
    async with site.link() as client:
        await client.verify_pin()


async def test_an_adapter_that_is_unplugged_is_shown_no_more_until_it_is_back(site: Site) -> None:
    lost = asyncio.Event()
    async with BleakClient(await site.device(1, "hci0"), lambda _: lost.set()):
        await site.sim.bus_faults(adapter="hci0", plugged=False)
        async with asyncio.timeout(DEADLINE_S):
            await lost.wait()
    with pytest.raises(BleakError, match="hci0"):
        await site.device(1, "hci0")
    await site.sim.bus_faults(adapter="hci0", plugged=True)

    async def back() -> bool:  # once bleak has read of it on the bus
        try:
            await site.device(1, "hci0")
        except BleakError:
            return False
        return True

    await eventually(back)
    async with BleakClient(await site.device(1, "hci0")) as client:
        assert client.is_connected


async def test_a_vanished_bluez_is_not_noticed_by_bleak_and_works_after_its_return(
    site: Site,
) -> None:
    lost: list[BleakClient] = []
    client = BleakClient(await site.device(1), lost.append)
    await client.connect()
    await site.sim.bus_faults(bluez=False)
    assert client.is_connected
    with pytest.raises(BleakError):
        await client.start_notify(KEYTURNER_USDIO, lambda *_: None)
    with pytest.raises(BleakError):
        await client.disconnect()
    assert not (await site.sim.lock(1))["connected"]
    await site.sim.code(1, str(PIN))
    await site.sim.bus_faults(bluez=True)
    async with site.link() as again:
        assert [it.code for it in await again.codes()] == [PIN]


async def test_a_lock_is_reached_through_either_adapter(site: Site) -> None:
    args = BlueZScannerArgs(adapter="hci1")
    found = await BleakScanner.find_device_by_address(
        site.addresses[1], timeout=DEADLINE_S, bluez=args
    )
    assert found is not None
    async with BleakClient(found) as client:
        bare = BareClient(client, site.credentials[1])
        await bare.listen()
        await bare.verify_pin()
        bus = await site.sim.bus()
        assert [bus["adapters"][name]["links"] for name in ("hci0", "hci1")] == [0, 1]


async def test_links_to_several_locks_stand_at_once(site: Site) -> None:
    async with site.link(1) as one, site.link(2) as two:
        await asyncio.gather(one.add(Wanted(PIN, "a")), two.add(Wanted(OTHER_PIN, "b")))
        assert [it.code for it in await one.codes()] == [PIN]
        assert [it.code for it in await two.codes()] == [OTHER_PIN]


# The control port and the process


@pytest.mark.parametrize(
    ("call", "status", "told"),
    [
        (("GET", "/locks/99", None), 404, "there are 1 to 2"),
        (("GET", "/lights", None), 404, "/bus/faults"),
        (("GET", "/locks/1/faults", None), 405, "POST"),
        (("POST", "/locks/1/explode", "{}"), 404, "keypad"),
        (("POST", "/locks/1/faults", '{"tired": true}'), 400, "list_shrinks"),
        (("POST", "/locks/1/faults", '{"silent": "yes"}'), 400, "true or false"),
        (("POST", "/locks/1/faults", '{"busy": -1}'), 400, "from 0"),
        (("POST", "/locks/1/faults", '{"drop_after": {"command": "x"}}'), 400, "add_keypad_code"),
        (("POST", "/locks/1/faults", '{"reject": "x"}'), 400, "bad_pin"),
        (("POST", "/locks/1/faults", '{"fragments": 3}'), 400, "at least 20"),
        (("POST", "/locks/1/faults", '{"mute": "x"}'), 400, "update_time"),
        (("POST", "/locks/1/faults", "dead"), 400, "not JSON"),
        (("POST", "/locks/1/faults", "[]"), 400, "object"),
        (("POST", "/locks/1/keypad", "{}"), 400, "arrow"),
        (("POST", "/locks/1/keypad", '{"code": 345678}'), 400, "string of digits"),
        (("POST", "/locks/1/keypad", '{"code": "1", "action": "kick"}'), 400, "unlock"),
        (("POST", "/locks/1/code", '{"code": "345678", "weekdays": ["xx"]}'), 400, "mo, tu"),
        (("POST", "/locks/1/code", '{"code": "345678", "from": "soon"}'), 400, "no date"),
        (("POST", "/locks/1/code", '{"code": "345678", "from_time": "6"}'), 400, "no time"),
        (("POST", "/locks/1/code", '{"code": "345678", "from_time": "6:256"}'), 400, "no time"),
        (("POST", "/locks/1/code", '{"code": "123456"}'), 409, "code_invalid"),
        (("POST", "/locks/1/clock", '{"skew_s": "x"}'), 400, "seconds"),
        (("POST", "/locks/1/clock", '{"drift": true}'), 400, "gained"),
        (("POST", "/locks/1/clock", '{"timezone": "Mars"}'), 400, "no time zone"),
        (("POST", "/locks/1/battery", '{"percent": 101}'), 400, "0 to 100"),
        (("POST", "/locks/1/rssi", '{"adapter": "hci7"}'), 400, "hci0, hci1"),
        (("POST", "/locks/1/authorise", '{"public_key": "00"}'), 400, "64"),
        (("POST", "/locks/1/button", '{"long": true}'), 400, "nothing"),
        (("POST", "/bus/faults", '{"tired": 1}'), 400, "in_progress"),
        (("POST", "/bus/faults", '{"powered": true}'), 400, "powered or plugged"),
        (("POST", "/bus/faults", '{"adapter": "x", "powered": true}'), 400, "hci0"),
    ],
)
async def test_what_is_not_understood_is_refused_with_what_is(
    site: Site, call: tuple[str, str, str | None], status: int, told: str
) -> None:
    method, path, body = call
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, site.sim.control + path, data=body) as response,
    ):
        assert response.status == status
        assert told in (await response.json())["error"]


async def test_the_python_side_refuses_too(site: Site) -> None:
    with pytest.raises(SimulatorError, match="no fault tired"):
        await site.sim.faults(1, tired=True)
    with pytest.raises(ValueError, match="locks"):
        BluetoothSimulator(locks=0)


@pytest.mark.long
async def test_memory_survives_a_restart() -> None:
    async with BluetoothSimulator() as sim:
        made = await sim.authorise(1)
        window = {"from": "2026-07-01T14:00:00+02:00", "weekdays": ["mo"], "until_time": "09:00"}
        await sim.code(1, str(PIN), name="guest", **window)
        await sim.keypad(1, str(OTHER_PIN))
        await sim.faults(1, silent=True)
        before, where = await sim.lock(1), (sim.bus_address, sim.control)
        await sim.restart()
        after = await sim.lock(1)
        assert (sim.bus_address, sim.control) == where
        assert after["faults"] == {}
        for name in ("codes", "log", "authorisations", "changed", "state"):
            assert after[name] == before[name]
        assert (await sim.authorise(1))["auth_id"] == made["auth_id"] + 1


async def start_command(*arguments: str, env: dict[str, str]) -> tuple[Any, str]:
    """python -m simulators.bluetooth and the control port it names in its ready line."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators.bluetooth", *arguments),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env=env,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        bus = (await process.stdout.readline()).decode()
        ready, control = (await process.stdout.readline()).decode().split()
    assert bus.startswith("DBUS_SYSTEM_BUS_ADDRESS=unix:path=")
    assert ready == "ready"
    return process, control


async def ends_without_trace(number: signal.Signals, status: int, scratch: Path) -> None:
    process, control = await start_command(
        "--locks", "2", env={**os.environ, "TMPDIR": str(scratch)}
    )
    assert any(scratch.iterdir())
    async with aiohttp.ClientSession() as session, session.get(f"{control}/locks") as response:
        assert [lock["id"] for lock in await response.json()] == [1, 2]
    os.kill(process.pid, number)
    async with asyncio.timeout(DEADLINE_S):
        assert await process.wait() == status

    async def tidy() -> bool:
        return not any(scratch.iterdir()) and not mentioned(str(scratch))

    await until(tidy)


def mentioned(text: str) -> bool:
    """Whether a process, such as the D-Bus daemon, still has this on its command line."""
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if text.encode() in command.read_bytes():
                return True
    return False


async def test_the_command_leaves_nothing_behind(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Neither when asked to end nor when killed."""
    await asyncio.gather(
        ends_without_trace(signal.SIGTERM, 0, tmp_path_factory.mktemp("e")),
        ends_without_trace(signal.SIGKILL, -signal.SIGKILL, tmp_path_factory.mktemp("k")),
    )
