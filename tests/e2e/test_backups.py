"""Backup codes through the whole house."""

from datetime import UTC, datetime

import pytest

from tests.e2e import scenes
from tests.e2e.conftest import V1, V2_S2, House

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_guest_gets_a_backup_code_that_is_changed_when_he_is_gone(house: House) -> None:
    # S0-2, S0-4, S0-5, S0-6, S1-9
    await house.site(V1, V2_S2, backup={"pool": 1})
    spare = await house.told("backup.ready", lock_id=f"l{V2_S2}")
    await scenes.a_backup_code_is_used_lent_and_changed(house, house.door(V1))
    assert await house.codes(V2_S2) == [spare["data"]["code"]]


async def test_a_guest_who_was_told_a_code_that_a_lock_has_gets_a_backup_there(
    house: House,
) -> None:
    # S1-20: the code stays where it opens
    await house.zwave.set_code(V2_S2, 9, "735162")
    await house.site(V1, V2_S2, backup={"pool": 1})
    for node in (V1, V2_S2):
        await house.told("backup.ready", lock_id=f"l{node}")
    told = datetime.now(UTC).isoformat()
    await house.book(code="735162", announced_at=told)
    issued = await house.told("backup.issued", lock_id=f"l{V2_S2}")
    assert (issued["data"]["reservation_id"], issued["data"]["reason"]) == ("r1", "duplicate_code")
    assert issued["data"]["code"] in await house.codes(V2_S2)
    await house.told("alert.raised", code="code_refused", subject="r1")
    await house.told("code.confirmed", lock_id=f"l{V1}", key_id="res:r1")
    assert "735162" in await house.codes(V1)
    assert house.count("code.changed") == house.count("backup.issued", lock_id=f"l{V1}") == 0
