"""The daily check over real locks of every Z-Wave kind."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.conftest import NODES, USERS, V2, V2_S2, House

pytestmark = pytest.mark.asyncio(loop_scope="session")

AHEAD = {V2, V2_S2, USERS}
"""Those that keep a window, or hold a code disabled, and so have it days before."""


async def test_a_code_that_is_not_yet_due_is_no_failure_on_any_kind_of_lock(house: House) -> None:
    """S1-9: eight hours before check-in the hub-timed locks are empty, and that is right."""
    await house.site(*NODES)
    arrives = datetime.now(UTC).astimezone(ZoneInfo("Europe/Zurich")) + timedelta(hours=8)
    await house.book(
        arrival=str(arrives.date()),
        check_in=f"{arrives:%H:%M}",
        departure=str(arrives.date() + timedelta(days=2)),
    )
    for node in AHEAD:
        await house.told("code.confirmed", lock_id=f"l{node}")
    checked = await house.cloud.send("health.run", {})
    await house.cloud.done(checked)
    health = [e["data"] for e in house.cloud.events if e["type"] == "health.checked"][-1]
    assert health["keys_failing"] == []
    assert (health["keys_ok"], health["keys_later"]) == (3, 2)
    assert all(lock["answered"] for lock in health["locks"])
    code = await house.code()
    for node in NODES:
        assert await house.codes(node) == ([code] if node in AHEAD else [])
    assert not house.count("backup.issued")
