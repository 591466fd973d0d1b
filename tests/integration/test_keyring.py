"""What is kept of the locks that the hub is paired with."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gatewayd.domain.credentials import Credentials
from gatewayd.store.keyring import NukiKeyring, log_told

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADDRESS = "54:D2:72:00:00:01"
KEPT = Credentials(7, bytes(range(32)), 1234, "a-uuid", "Nuki_1A2B0001")
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


async def test_what_was_kept_is_found_again(keyring: NukiKeyring) -> None:
    assert await keyring.get(ADDRESS) is None
    await keyring.put(ADDRESS, KEPT)
    assert await keyring.get(ADDRESS) == KEPT
    await keyring.log_read(ADDRESS, 42)
    await keyring.clock_due(ADDRESS, NOON)
    await keyring.clock_right(ADDRESS, NOON)
    await keyring.pin_tries(ADDRESS, 2)
    await keyring.refuse_pin(ADDRESS)
    noted = replace(KEPT, log_index=42, pin_tries=2, pin_refused=True)
    noted = replace(noted, clock_due=NOON, clock_right=NOON)
    assert await keyring.get(ADDRESS) == noted
    await keyring.clock_right(ADDRESS, None)
    assert await keyring.get(ADDRESS) == replace(noted, clock_right=None)


async def test_pairing_anew_forgets_what_was_noted(keyring: NukiKeyring) -> None:
    await keyring.put(ADDRESS, replace(KEPT, log_index=42, clock_due=NOON, pin_refused=True))
    await keyring.put(ADDRESS, replace(KEPT, auth_id=8))
    assert await keyring.get(ADDRESS) == replace(KEPT, auth_id=8)


async def test_a_log_entry_is_told_once_and_never_before_the_first_look(
    keyring: NukiKeyring,
) -> None:
    async def told(index: int) -> bool:
        async with keyring._database.transaction() as tx:
            return await log_told(tx, ADDRESS, index)

    await keyring.put(ADDRESS, KEPT)
    assert not await told(7)
    await keyring.log_read(ADDRESS, 7)
    assert [await told(index) for index in (7, 9, 8, 9, 10)] == [False, True, False, False, True]
    await keyring.log_read(ADDRESS, 3)  # the lock counts anew
    assert await told(4)
    await keyring.put(ADDRESS, KEPT)
    assert not await told(5)
    assert await keyring.get(ADDRESS) == KEPT


async def test_noting_something_of_a_stranger_does_nothing(keyring: NukiKeyring) -> None:
    await keyring.log_read(ADDRESS, 42)
    await keyring.refuse_pin(ADDRESS)
    assert await keyring.get(ADDRESS) is None


async def test_no_key_and_no_pin_is_ever_shown() -> None:
    shown = f"{KEPT!r} {KEPT}"
    assert "1234" not in shown
    assert "x01" not in shown
