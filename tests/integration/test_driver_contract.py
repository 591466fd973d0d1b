"""What every driver promises, on the real stack and on the fake alike."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from gatewayd.clock import SystemClock
from gatewayd.domain.code import Code
from gatewayd.domain.slot import Empty, Entry, Holds, Occupied
from gatewayd.errors import LockError, Reason, Refused, Unreachable, Unsupported
from gatewayd.locks.driver import LockDriver
from simulators.zwave import ZwaveSimulator
from tests.fakes import FakeLock
from tests.integration.conftest import running

pytestmark = pytest.mark.asyncio(loop_scope="session")

KINDS = {"v1": 2, "v2-s2": 3, "v2": 5, "v1-s2": 7, "user-credential": 4, "fake": 0}


@dataclass
class Bench:
    """A driver, and hands on its lock."""

    kind: str
    driver: LockDriver
    faults: Callable[..., Awaitable[object]]
    memory: Callable[[], Awaitable[dict[int, str]]]


@pytest_asyncio.fixture(params=KINDS, loop_scope="session")
async def bench(request: pytest.FixtureRequest, zwave: ZwaveSimulator) -> AsyncIterator[Bench]:
    """Each kind of lock, empty and healthy."""
    kind, node = request.param, KINDS[request.param]
    if kind == "fake":
        yield _fake()
        return
    async with running(zwave.url) as (radio, _):

        async def faults(**what: bool) -> None:
            names = {"masked": "obfuscate", "drops_writes": "dropWrites", "refuses": "rejectAll"}
            await zwave.faults(node, **{names.get(k, k): v for k, v in what.items()})

        async def memory() -> dict[int, str]:
            return dict((await zwave.node(node))["codes"])

        yield Bench(kind, radio.lock(str(node)), faults, memory)
        await zwave.faults(node)
        for slot in await memory():
            await zwave.set_code(node, slot, None)


def _fake() -> Bench:
    lock = FakeLock(SystemClock(), slots=10)

    async def faults(**what: object) -> None:
        for name in ("dead", "masked", "refuses", "drops_writes"):
            setattr(lock, name, what.get(name, False))

    async def memory() -> dict[int, str]:
        return dict(lock.codes)

    return Bench("fake", lock, faults, memory)


async def test_a_slot_that_was_never_written_is_empty(bench: Bench) -> None:
    async with bench.driver.session() as session:
        assert isinstance((await session.observe([1]))[1], Empty)


async def test_a_written_code_is_shown_as_written(bench: Bench) -> None:
    async with bench.driver.session() as session:
        await session.write(Entry(Code("034567")), 2)  # suffering 18: the leading zero stays
        seen = (await session.observe([2]))[2]
    assert isinstance(seen, Holds)
    assert seen.code == Code("034567")
    assert (await bench.memory())[2] == "034567"


async def test_a_cleared_slot_is_empty(bench: Bench) -> None:
    async with bench.driver.session() as session:
        await session.write(Entry(Code("345678")), 2)
        await session.clear(2)
        assert isinstance((await session.observe([2]))[2], Empty)
    assert 2 not in await bench.memory()


async def test_the_last_slot_works_and_the_one_beyond_is_unsupported(bench: Bench) -> None:
    last = (await bench.driver.capabilities()).slots
    async with bench.driver.session() as session:  # suffering 18: off by one, beyond range
        await session.write(Entry(Code("345678")), last)
        with pytest.raises(Unsupported):
            await session.write(Entry(Code("456789")), last + 1)
        with pytest.raises(Unsupported):
            await session.observe([last + 1])
        await session.clear(last)


async def test_several_slots_are_read_in_one_session(bench: Bench) -> None:
    async with bench.driver.session() as session:
        await session.write(Entry(Code("345678")), 3)
        seen = await session.observe([2, 3])
    assert isinstance(seen[2], Empty)
    assert isinstance(seen[3], Holds)


async def test_a_masked_code_is_occupied_not_empty_and_no_mismatch(bench: Bench) -> None:
    # suffering 1
    async with bench.driver.session() as session:
        await session.write(Entry(Code("345678")), 2)
        await bench.faults(masked=True)
        assert isinstance((await session.observe([2]))[2], Occupied)
        assert isinstance((await session.observe([4]))[4], Empty)


async def test_an_acknowledged_write_that_was_dropped_reads_empty(bench: Bench) -> None:
    await bench.faults(drops_writes=True)
    async with bench.driver.session() as session:
        await session.write(Entry(Code("345678")), 2)  # S0-1: an acknowledgement is no proof
        assert isinstance((await session.observe([2]))[2], Empty)


async def test_a_code_that_is_there_already_is_not_stored_twice(bench: Bench) -> None:
    async with bench.driver.session() as session:
        await session.write(Entry(Code("345678")), 2)
        with contextlib.suppress(Refused):  # V1 says yes all the same
            await session.write(Entry(Code("345678")), 3)
        assert isinstance((await session.observe([3]))[3], Empty)


async def test_a_dead_lock_is_unreachable(bench: Bench) -> None:
    await bench.faults(dead=True)

    async def read() -> None:
        async with bench.driver.session() as session:
            await session.observe([1])

    with pytest.raises(Unreachable) as first:
        await read()
    assert first.value.reason is Reason.LOCK_UNREACHABLE
    with pytest.raises(Unreachable):
        await read()
    await bench.faults()
    async with bench.driver.session() as session:
        assert isinstance((await session.observe([1]))[1], Empty)


@pytest.mark.parametrize("digits", ["123", "123456789"])
async def test_a_code_of_a_length_that_no_lock_takes_is_unsupported(
    bench: Bench, digits: str
) -> None:
    async with bench.driver.session() as session:
        with pytest.raises(Unsupported) as refused:
            await session.write(Entry(Code(digits)), 1)
    assert refused.value.reason is Reason.CODE_IMPOSSIBLE


async def test_no_error_holds_a_code(bench: Bench) -> None:
    await bench.faults(refuses=True)
    last = (await bench.driver.capabilities()).slots
    async with bench.driver.session() as session:
        with pytest.raises(LockError) as beyond:
            await session.write(Entry(Code("738291")), last + 1)
        error = beyond.value
        assert "738291" not in f"{error!r} {error.__cause__!r}"
        assert error.__suppress_context__ or "738291" not in repr(error.__context__)
