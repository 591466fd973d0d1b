"""The security PIN, where the lock's answer to it is lost: a refusal may be lost as well, and after
ten wrong ones a lock takes none at all."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from gatewayd.domain.credentials import PIN_TRIES
from gatewayd.domain.report import PinRefused, PinUnanswered
from gatewayd.errors import LockError, Reason, Unreachable
from gatewayd.locks.nuki import connection
from gatewayd.locks.nuki.lock import NukiLock
from gatewayd.locks.nuki.radio import NukiRadio
from gatewayd.store.keyring import NukiKeyring
from simulators.bluetooth import BluetoothSimulator
from tests.integration.conftest import SkippingClock, eventually, listening, paired, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCK = 3
WRONG = 1111
LIST, LOG = "request_keypad_codes", "request_log_entries"
FEW = 3
WAIT_S = 300.0


@pytest_asyncio.fixture(loop_scope="session")
async def sim(bluetooth: BluetoothSimulator) -> AsyncIterator[BluetoothSimulator]:
    """Left as it was found."""
    yield bluetooth
    await bluetooth.reset(LOCK)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No adapter falls here, and a lock that answers does so in tenths of a second."""
    monkeypatch.setattr(connection, "FALL_S", 0.02)
    monkeypatch.setattr(connection, "ANSWER_S", 1.0)


async def read(driver: NukiLock) -> None:
    async with driver.session() as session:
        await session.observe([])


async def unheard(sim: BluetoothSimulator, driver: NukiLock) -> None:
    """Ask for the list; the link breaks when the lock has judged the PIN."""
    await sim.faults(LOCK, drop_after={"command": LIST})
    with pytest.raises(LockError):
        await read(driver)
    await sim.faults(LOCK)


async def test_a_wrong_pin_whose_refusals_are_lost_is_tried_so_many_times(
    sim: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    address = await paired(sim, keyring, LOCK, pin=WRONG, tries=FEW)
    for tries in range(FEW):
        async with listening(keyring) as (radio, heard):  # each time as after a restart of the hub
            await unheard(sim, radio.lock(address))
            assert (await sim.lock(LOCK))["wrong_pins"] == tries + 1
            stopped = [report for _, report in heard if isinstance(report, PinUnanswered)]
            assert len(stopped) == (tries == FEW - 1)
    async with listening(keyring) as (radio, heard):
        before = (await sim.lock(LOCK))["connections"]
        with pytest.raises(Unreachable, match="not known") as silent:
            await read(radio.lock(address))
        assert silent.value.reason is Reason.PIN_UNANSWERED
        assert (await sim.lock(LOCK))["connections"] == before
        assert PinRefused() not in [report for _, report in heard]


async def test_a_try_is_on_disk_before_the_lock_judges_the_pin_again(
    sim: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    address = await paired(sim, keyring, LOCK, tries=FEW)
    left: list[int] = []

    class Watching(NukiKeyring):
        async def pin_tries(self, address: str, left_: int) -> None:
            left.append(left_)
            assert LIST not in (await sim.lock(LOCK))["commands"] or left_ == PIN_TRIES
            await super().pin_tries(address, left_)

    async with listening(Watching(keyring._database)) as (radio, _):
        await read(radio.lock(address))
        await read(radio.lock(address))
    assert left == [FEW - 1, PIN_TRIES]  # and nothing where no answer was lost


async def test_a_pin_that_the_lock_took_outlives_a_bad_link(
    sim: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    address = await paired(sim, keyring, LOCK)
    async with listening(keyring) as (radio, _):
        driver = radio.lock(address)
        for _ in range(2):  # an answer begins the count anew
            for _ in range(PIN_TRIES - 1):
                await unheard(sim, driver)
            await read(driver)


async def test_a_pin_that_was_changed_at_the_lock_does_not_lock_the_hub_out(
    sim: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    address = await paired(sim, keyring, LOCK)
    async with listening(keyring) as (radio, _):
        driver = radio.lock(address)
        await read(driver)
        await sim.pin(LOCK, WRONG)
        for _ in range(PIN_TRIES + 2):
            await unheard(sim, driver)
        assert (await sim.lock(LOCK))["wrong_pins"] == PIN_TRIES
    await paired(sim, keyring, LOCK)  # with the PIN that it has now
    async with listening(keyring) as (radio, _):
        await read(radio.lock(address))


async def test_the_log_leaves_the_tries_of_a_silent_lock_to_its_codes(
    sim: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    """Its log is read every five minutes at the most, also by a hub that was started anew."""
    address = await paired(sim, keyring, LOCK)

    async def left() -> int:
        credentials = await keyring.get(address)
        assert credentials is not None
        return credentials.pin_tries

    async def log_waits(radio: NukiRadio, clock: SkippingClock, tries: int) -> None:
        neighbour = radio._neighbours[address]
        await until(lambda: (neighbour.log_due() or 0.0) > clock.tick() + WAIT_S - 20)
        assert await left() == tries

    clock = SkippingClock()
    async with listening(keyring, clock) as (radio, _):
        await until(lambda: address in radio._neighbours)
        await sim.faults(LOCK, mute=LOG)
        await sim.keypad(LOCK, "999999")
        await eventually(lambda: _is(left, PIN_TRIES - 1))
        await log_waits(radio, clock, PIN_TRIES - 1)
    clock = SkippingClock()
    async with listening(keyring, clock) as (radio, _):
        await until(lambda: address in radio._neighbours)
        await sim.keypad(LOCK, "999999")
        await log_waits(radio, clock, PIN_TRIES - 1)
        clock.skipped += WAIT_S
        await sim.keypad(LOCK, "999999")  # an advertisement wakes who waits by the clock
        await eventually(lambda: _is(left, PIN_TRIES - 2))
        await sim.faults(LOCK)
        await read(radio.lock(address))
        assert await left() == PIN_TRIES


async def _is(asked: Callable[[], Awaitable[int]], wanted: int) -> bool:
    return await asked() == wanted


@pytest.mark.parametrize("error", ["busy", "bad_nonce"])
async def test_any_other_answer_is_no_lost_refusal(
    sim: BluetoothSimulator, keyring: NukiKeyring, error: str
) -> None:
    address = await paired(sim, keyring, LOCK)
    async with listening(keyring) as (radio, _):
        await sim.faults(LOCK, reject={"error": error, "command": LIST})
        for _ in range(PIN_TRIES + 1):
            with pytest.raises(Unreachable):
                await read(radio.lock(address))
        await sim.faults(LOCK)
        await read(radio.lock(address))
