"""The security PIN, where the lock's answer to it is lost: a refusal may be lost as well, and after
ten wrong ones a lock takes none at all."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gatewayd.domain.credentials import NEW_PIN_TRIES, TAKEN_PIN_TRIES
from gatewayd.domain.report import PinRefused
from gatewayd.errors import LockError, Reason, Unreachable
from gatewayd.locks.nuki.lock import NukiLock
from gatewayd.store.keyring import NukiKeyring
from simulators.bluetooth import BluetoothSimulator
from tests.integration.conftest import listening, paired

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCK = 3
WRONG = 1111
LIST = "request_keypad_codes"


@pytest_asyncio.fixture(loop_scope="session")
async def sim(bluetooth: BluetoothSimulator) -> AsyncIterator[BluetoothSimulator]:
    """Left as it was found."""
    yield bluetooth
    await bluetooth.reset(LOCK)


async def read(driver: NukiLock) -> None:
    async with driver.session() as session:
        await session.observe([])


async def unheard(sim: BluetoothSimulator, driver: NukiLock) -> None:
    """Ask for the list; the link breaks when the lock has judged the PIN."""
    await sim.faults(LOCK, drop_after={"command": LIST})
    with pytest.raises(LockError):
        await read(driver)
    await sim.faults(LOCK)


async def test_a_wrong_pin_whose_refusals_are_lost_is_tried_three_times(
    sim: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    address = await paired(sim, keyring, LOCK, pin=WRONG)
    for tries in range(NEW_PIN_TRIES + 2):
        async with listening(keyring) as (radio, heard):  # each time as after a restart of the hub
            driver = radio.lock(address)
            await unheard(sim, driver)
            state = await sim.lock(LOCK)
            assert state["wrong_pins"] == min(tries + 1, NEW_PIN_TRIES)
            if tries == NEW_PIN_TRIES:
                assert [report for _, report in heard].count(PinRefused()) == 1
    async with listening(keyring) as (radio, _):
        before = (await sim.lock(LOCK))["connections"]
        with pytest.raises(Unreachable, match="PIN") as refused:
            await read(radio.lock(address))
        assert refused.value.reason is Reason.PIN_REFUSED
        assert (await sim.lock(LOCK))["connections"] == before


async def test_a_try_is_on_disk_before_the_lock_judges_a_pin_that_it_never_took(
    sim: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    address = await paired(sim, keyring, LOCK)
    left: list[int] = []

    class Watching(NukiKeyring):
        async def pin_tries(self, address: str, left_: int) -> None:
            left.append(left_)
            assert LIST not in (await sim.lock(LOCK))["commands"] or left_ == TAKEN_PIN_TRIES
            await super().pin_tries(address, left_)

    async with listening(Watching(keyring._database)) as (radio, _):
        await read(radio.lock(address))
        await read(radio.lock(address))
    assert left == [NEW_PIN_TRIES - 1, TAKEN_PIN_TRIES]  # and nothing for a PIN that it took


async def test_a_pin_that_the_lock_took_once_outlives_a_bad_link(
    sim: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    address = await paired(sim, keyring, LOCK)
    async with listening(keyring) as (radio, _):
        driver = radio.lock(address)
        for _ in range(2):  # an answer begins the count anew
            await read(driver)
            for _ in range(NEW_PIN_TRIES + 1):
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
        for _ in range(TAKEN_PIN_TRIES + 2):
            await unheard(sim, driver)
        assert (await sim.lock(LOCK))["wrong_pins"] == TAKEN_PIN_TRIES
    await paired(sim, keyring, LOCK)  # with the PIN that it has now
    async with listening(keyring) as (radio, _):
        await read(radio.lock(address))


@pytest.mark.parametrize("error", ["busy", "bad_nonce"])
async def test_any_other_answer_is_no_lost_refusal(
    sim: BluetoothSimulator, keyring: NukiKeyring, error: str
) -> None:
    address = await paired(sim, keyring, LOCK)
    async with listening(keyring) as (radio, _):
        await sim.faults(LOCK, reject={"error": error, "command": LIST})
        for _ in range(NEW_PIN_TRIES + 1):
            with pytest.raises(Unreachable):
                await read(radio.lock(address))
        await sim.faults(LOCK)
        await read(radio.lock(address))
