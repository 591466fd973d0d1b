"""The bolt of a Z-Wave lock: turned once, and read from the lock itself."""

import pytest

from gatewayd.domain.bolt import Action, Bolt
from gatewayd.domain.report import Jammed, Turned
from gatewayd.errors import OutcomeUnknown, Unreachable
from simulators.zwave import ZwaveSimulator
from tests.integration.conftest import running, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

OPEN, LOCKED, IN_BETWEEN = 0, 255, 254
EACH = pytest.mark.parametrize("node", [2, 3, 5, 7])


@EACH
async def test_the_bolt_turns_and_is_read_where_it_is(zwave: ZwaveSimulator, node: int) -> None:
    async with running(zwave.url) as (radio, _), radio.lock(str(node)).session() as session:
        await session.operate(Action.UNLOCK)
        assert await session.bolt() is Bolt.UNLOCKED
        assert (await zwave.node(node))["mode"] == OPEN
        await session.operate(Action.LOCK)
        assert await session.bolt() is Bolt.LOCKED
        assert (await zwave.node(node))["mode"] == LOCKED


@EACH
async def test_what_a_person_does_at_the_door_is_seen(zwave: ZwaveSimulator, node: int) -> None:
    await zwave.set_code(node, 4, "778899")
    async with running(zwave.url) as (radio, _), radio.lock(str(node)).session() as session:
        await zwave.keypad(node, slot=4)
        assert await session.bolt() is Bolt.UNLOCKED
        await zwave.keypad(node, slot=4, action="lock")
        assert await session.bolt() is Bolt.LOCKED
    await zwave.set_code(node, 4, None)


@EACH
async def test_where_the_bolt_is_is_told_as_it_turns_and_known_without_asking(
    zwave: ZwaveSimulator, node: int
) -> None:
    async with running(zwave.url) as (radio, heard), radio.lock(str(node)).session() as session:
        for action in (Action.UNLOCK, Action.LOCK):
            heard.clear()
            await session.operate(action)
            await session.bolt()
            await until(lambda a=action: (str(node), Turned(a.wanted)) in heard)  # type: ignore[misc]  # bound now
    async with running(zwave.url) as (_, heard):
        await until(lambda: (str(node), Turned(Bolt.LOCKED)) in heard)


@EACH
async def test_a_jammed_bolt_is_told_as_such_until_it_moves(
    zwave: ZwaveSimulator, node: int
) -> None:
    async with running(zwave.url) as (radio, heard), radio.lock(str(node)).session() as session:
        await session.operate(Action.UNLOCK)
        await zwave.faults(node, jams=True)
        await session.operate(Action.LOCK)  # acknowledged: no proof
        await until(lambda: (str(node), Jammed()) in heard)
        assert await session.bolt() is Bolt.JAMMED
        assert (await zwave.node(node))["mode"] == IN_BETWEEN
        await zwave.faults(node)
        jam = radio.node(str(node)).values[f"{node}-113-0-Access Control-Lock state"]
        await session.operate(Action.LOCK)
        await until(lambda: not jam.value)
        assert await session.bolt() is Bolt.LOCKED
    await zwave.faults(node)


async def test_a_bolt_that_takes_its_time_is_moving_and_then_there(zwave: ZwaveSimulator) -> None:
    async with running(zwave.url) as (radio, _), radio.lock("2").session() as session:
        await session.operate(Action.LOCK)
        await zwave.faults(2, travelS=0.5)
        await session.operate(Action.UNLOCK)
        seen = [await session.bolt()]
        while seen[-1] is Bolt.MOVING:
            seen.append(await session.bolt())
        assert seen[0] is Bolt.MOVING
        assert seen[-1] is Bolt.UNLOCKED
        await zwave.faults(2)
        await session.operate(Action.LOCK)


async def test_a_bolt_in_between_that_nobody_called_jammed_is_unknown(
    zwave: ZwaveSimulator,
) -> None:
    async with running(zwave.url) as (radio, heard), radio.lock("5").session() as session:
        await zwave.faults(5, jams=True)
        await session.operate(Action.LOCK)
        await until(lambda: ("5", Jammed()) in heard)
        await zwave.notify(5, 6, 0x01)  # a person turned it by hand: the jam is over, they say
        for _ in range(100):
            if await session.bolt() is Bolt.UNKNOWN:
                break
        assert await session.bolt() is Bolt.UNKNOWN
        await zwave.faults(5)
        await session.operate(Action.LOCK)


async def test_a_dead_lock_s_bolt_is_neither_turned_nor_known(zwave: ZwaveSimulator) -> None:
    async with running(zwave.url) as (radio, _), radio.lock("5").session() as session:
        await zwave.faults(5, dead=True)
        with pytest.raises(OutcomeUnknown):  # only the acknowledgement may be lost
            await session.operate(Action.UNLOCK)
        with pytest.raises(Unreachable):
            await session.bolt()
        assert (await zwave.node(5))["mode"] == LOCKED
    await zwave.faults(5)


async def test_a_mute_lock_s_bolt_is_not_known(zwave: ZwaveSimulator) -> None:
    async with running(zwave.url) as (radio, _), radio.lock("2").session() as session:
        await zwave.faults(2, mute=True)
        with pytest.raises(Unreachable):
            await session.bolt()
    await zwave.faults(2)
