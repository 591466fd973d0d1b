"""Backup codes through the whole house."""

import pytest

from tests.e2e.conftest import V1, V2_S2, House, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_guest_gets_a_backup_code_that_is_changed_when_he_is_gone(house: House) -> None:
    # S0-2, S0-4, S0-5, S0-6, S1-9
    await house.site(V1, V2_S2, backup={"pool": 1})
    ready = {
        node: str((await house.told("backup.ready", lock_id=f"l{node}"))["data"]["code"])
        for node in (V1, V2_S2)
    }
    for node, code in ready.items():
        assert await house.codes(node) == [code]
        assert (await house.zwave.keypad(node, code=code))["opened"]
    used = await house.told("backup.used", lock_id=f"l{V1}", label="Backup-1")
    assert used["data"]["reservation_id"] is None
    await house.told("alert.raised", code="backup_unexplained", subject=f"l{V1}/Backup-1")
    await house.cloud.done(await house.book())
    asked = {"reservation_id": "r1", "doors": [f"l{V1}"], "reason": "he rang"}
    await house.cloud.done(await house.cloud.send("backup.issue", asked))
    issued = await house.told("backup.issued", lock_id=f"l{V1}")
    assert issued["data"]["code"] == ready[V1]
    checked = await house.cloud.send("health.run", {})
    await house.cloud.done(checked)
    health = await house.told("health.checked")
    assert (health["data"]["keys_ok"], health["data"]["keys_failing"]) == (2, [])
    await house.cloud.send("reservation.cancel", {"id": "r1", "version": 2})
    await house.told("backup.rotated", within=40, lock_id=f"l{V1}", reservation_id="r1")

    async def another() -> bool:
        codes = await house.codes(V1)
        return len(codes) == 1 and codes != [ready[V1]]

    await eventually(another)
    assert await house.codes(V2_S2) == [ready[V2_S2]]
