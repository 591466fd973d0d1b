"""An answer that comes after zwave-js gave up waiting: it is nobody else's.

zwave-js takes any report of the right kind for the answer to its question, also one that answers
an earlier question about another slot.
"""

import pytest

from gatewayd.domain.slot import Empty, Holds, Observation
from gatewayd.errors import RadioDown, Unreachable
from gatewayd.locks.driver import LockDriver
from gatewayd.locks.zwave import commands
from simulators.zwave import ZwaveSimulator
from tests.integration.conftest import eventually, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

FULL, VOID, DIGITS = 3, 4, "778899"
LATE_MS = 1400
"""zwave-js waits 1.1 s; the answer to the first question comes while the second one is open."""


async def look(lock: LockDriver, slot: int) -> Observation:
    """One slot, in a session of its own."""
    async with lock.session() as session:
        return (await session.observe([slot]))[slot]


@pytest.mark.parametrize("node", [2, 3, 4, 5])
@pytest.mark.parametrize(("first", "second"), [(FULL, VOID), (VOID, FULL)])
async def test_a_late_answer_is_not_taken_for_another_slot_s(
    zwave: ZwaveSimulator, node: int, first: int, second: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fault 42
    monkeypatch.setattr(commands, "LATE_ANSWER", 2.0)
    await zwave.set_code(node, FULL, DIGITS)
    async with running(zwave.url) as (radio, _):
        lock = radio.lock(str(node))
        await look(lock, 9)  # S2 has counted
        await zwave.faults(node, delayMs=LATE_MS)
        with pytest.raises(Unreachable):
            await look(lock, first)
        with pytest.raises(RadioDown):
            await look(lock, second)
        await zwave.faults(node)
        seen: list[Observation] = []

        async def shown() -> bool:
            try:
                seen.append(await look(lock, second))
            except RadioDown:
                return False
            return True

        await eventually(shown)
        held = isinstance(seen[0], Holds) and seen[0].code.digits == DIGITS
        assert held if second == FULL else isinstance(seen[0], Empty)
    await zwave.set_code(node, FULL, None)
