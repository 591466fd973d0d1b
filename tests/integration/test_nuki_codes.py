"""Codes on a Nuki from the intake to the lock's own memory: what others keep there stays as it is,
and what is ours comes there once."""

from pathlib import Path

import pytest

from simulators.bluetooth import BluetoothSimulator
from tests.integration.test_nuki_hub import LOCK, hub

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("hours", ["25:00", "24:01", "255:255"])
async def test_a_record_with_hours_that_there_are_not_hides_no_other(
    bluetooth: BluetoothSimulator, tmp_path: Path, hours: str
) -> None:
    await bluetooth.code(LOCK, "999998", from_time=hours, until_time="08:00", unchecked=True)
    await bluetooth.code(LOCK, "999999", from_time="08:00", until_time=hours, unchecked=True)
    foreign = (await bluetooth.lock(LOCK))["codes"]
    async with hub(bluetooth, tmp_path) as door:
        await door.book()
        await door.told("code.confirmed", lock_id="nuki")
        assert (await door.codes())[:2] == foreign
        assert (await door.codes())[2]["code"] == await door.house.code_of("R1")
