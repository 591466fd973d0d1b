"""What every driver promises, on the real stack and on the fake alike."""

import contextlib
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from functools import partial

import pytest
import pytest_asyncio

from gatewayd.clock import SystemClock
from gatewayd.domain.bolt import Action
from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.code import Code
from gatewayd.domain.hours import Hours
from gatewayd.domain.moment import Window
from gatewayd.domain.slot import Empty, Entry, Holds, Observation, Occupied
from gatewayd.errors import (
    LockError,
    OutcomeUnknown,
    RadioDown,
    Reason,
    Refused,
    Unreachable,
    Unsupported,
)
from gatewayd.locks.driver import LockDriver, Session
from gatewayd.locks.nuki import connection
from gatewayd.store.keyring import NukiKeyring
from simulators.bluetooth import BluetoothSimulator
from simulators.zwave import ZwaveSimulator
from tests.fakes import Air, FakeLock
from tests.integration.conftest import listening, paired, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

KINDS = {
    "v1": 2,
    "v2-s2": 3,
    "v2": 5,
    "v1-s2": 7,
    "user-credential": 4,
    "nuki": 1,
    "fake": 0,
    "fake-checksum": 0,
    "fake-list": 0,
    "fake-slow": 0,
}
LISTS = ["nuki", "fake-list"]
"""Those that number their codes themselves."""
NUMBERED, MASKING = [k for k in KINDS if k not in LISTS], [k for k in KINDS if k != "nuki"]
ROOM = 10
"""Codes that each of these locks can hold."""
WINDOW = Window(datetime(2026, 7, 1, 13, tzinfo=UTC), datetime(2026, 7, 5, 9, 30, tzinfo=UTC))
HOURS = Hours(frozenset({0, 2}), time(8), time(12, 30))
LATER = Window(WINDOW.start, datetime(2026, 7, 6, 9, 30, tzinfo=UTC))


@dataclass
class Bench:
    """A driver, and hands on its lock."""

    kind: str
    driver: LockDriver
    faults: Callable[..., Awaitable[object]]
    memory: Callable[[], Awaitable[dict[int, str]]]
    able: Capabilities
    keyed: Callable[[int, str], Awaitable[object]]  # a person stores a code at the lock
    down: Callable[[], Awaitable[object]] | None = None  # ends the radio

    def slot(self, number: int) -> int | None:
        """Where to write: a lock that numbers its codes itself is told nothing."""
        return None if self.able.assigns_slots else number

    async def write(
        self, session: Session, digits: str, number: int, window: Window | None = None
    ) -> int:
        """Write a code, new to the lock."""
        slot = await session.write(Entry(Code(digits), window=window), self.slot(number))
        assert self.able.assigns_slots or slot == number
        return slot


@pytest_asyncio.fixture(params=KINDS, loop_scope="session")
async def bench(
    request: pytest.FixtureRequest,
    zwave: ZwaveSimulator,
    bluetooth: BluetoothSimulator,
    keyring: NukiKeyring,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Bench]:
    """Each kind of lock, empty and healthy."""
    kind, node = request.param, KINDS[request.param]
    if kind.startswith("fake"):
        yield await _fake(kind)
    elif kind == "nuki":
        async with _nuki(bluetooth, node, keyring, monkeypatch) as made:
            yield made
    else:
        async with _zwave(zwave, kind, node) as made:
            yield made


@asynccontextmanager
async def _zwave(zwave: ZwaveSimulator, kind: str, node: int) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        radio, _ = await stack.enter_async_context(running(zwave.url))

        async def faults(**what: bool) -> None:
            names = {
                "masked": "obfuscate",
                "drops_writes": "dropWrites",
                "refuses": "rejectAll",
                "loses_answers": "mute",
            }
            await zwave.faults(node, **{names.get(k, k): v for k, v in what.items()})

        async def memory() -> dict[int, str]:
            return dict((await zwave.node(node))["codes"])

        lock = radio.lock(str(node))
        keyed = partial(zwave.set_code, node)
        yield Bench(kind, lock, faults, memory, await lock.capabilities(), keyed, stack.aclose)
        await zwave.faults(node)
        for slot in await memory():
            await zwave.set_code(node, slot, None)


@asynccontextmanager
async def _nuki(
    bluetooth: BluetoothSimulator, number: int, keyring: NukiKeyring, patch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    async def faults(**what: bool) -> None:
        """A lock that loses its newest code when it is asked for the list has, for who asks,
        dropped the write."""
        patch.setattr(connection, "ANSWER_S", 0.3 if what.get("dead") else 5.0)
        names = {"dead": "silent", "drops_writes": "list_shrinks"}
        lost = what.pop("loses_answers", False)
        drop = {"drop_after": {"command": "add_keypad_code"}} if lost else {}
        refusal = {"reject": "disabled"} if what.pop("refuses", False) else {}
        assert not what.get("masked")
        wrong = {names.get(name, name): value for name, value in what.items()}
        await bluetooth.faults(number, **wrong, **refusal, **drop)

    async def memory() -> dict[int, str]:
        return {code["id"]: code["code"] for code in (await bluetooth.lock(number))["codes"]}

    async def keyed(_number: int, code: str) -> None:
        await bluetooth.code(number, code)

    try:
        address = await paired(bluetooth, keyring, number)
        async with AsyncExitStack() as stack:
            radio, _ = await stack.enter_async_context(listening(keyring))
            lock = radio.lock(address)
            able = await lock.capabilities()
            yield Bench("nuki", lock, faults, memory, able, keyed, stack.aclose)
    finally:
        await bluetooth.reset(number)


async def _fake(kind: str) -> Bench:
    lock = FakeLock(SystemClock(), slots=ROOM, numbers_itself=kind == "fake-list")
    lock.checksummed = kind == "fake-checksum"
    lock.air = Air(0.001) if kind == "fake-slow" else None

    async def faults(**what: object) -> None:
        for name in ("dead", "masked", "refuses", "drops_writes", "loses_answers"):
            setattr(lock, name, what.get(name, False))

    async def memory() -> dict[int, str]:
        return dict(lock.codes)

    async def keyed(number: int, code: str) -> None:
        lock.codes[number + (ROOM if lock.numbers_itself else 0)] = code

    return Bench(kind, lock, faults, memory, await lock.capabilities(), keyed)


async def test_a_slot_that_was_never_written_is_empty(bench: Bench) -> None:
    async with bench.driver.session() as session:
        assert isinstance((await session.observe([1]))[1], Empty)


async def test_a_written_code_is_shown_as_written(bench: Bench) -> None:
    # suffering 18: the leading zero stays, where the lock takes one
    digits = next(d for d in ("034567", "345678") if bench.able.code.allow(Code(d)))
    async with bench.driver.session() as session:
        slot = await bench.write(session, digits, 2)
        seen = (await session.observe([slot]))[slot]
    assert isinstance(seen, Holds)
    assert seen.code == Code(digits)
    assert (await bench.memory())[slot] == digits


async def test_a_cleared_slot_is_empty(bench: Bench) -> None:
    async with bench.driver.session() as session:
        slot = await bench.write(session, "345678", 2)
        await session.clear(slot)
        assert isinstance((await session.observe([slot]))[slot], Empty)
    assert slot not in await bench.memory()


@pytest.mark.parametrize("bench", NUMBERED, indirect=True)
async def test_the_last_slot_works_and_the_one_beyond_is_unsupported(bench: Bench) -> None:
    last = bench.able.slots
    async with bench.driver.session() as session:  # suffering 18: off by one, beyond range
        await session.write(Entry(Code("345678")), last)
        with pytest.raises(Unsupported):
            await session.write(Entry(Code("456789")), last + 1)
        with pytest.raises(Unsupported):
            await session.observe([last + 1])
        await session.clear(last)


@pytest.mark.parametrize("bench", LISTS, indirect=True)
async def test_a_list_takes_codes_until_it_is_full(bench: Bench) -> None:
    codes = [f"34567{digit}" for digit in range(1, 10)] + ["456789"]
    assert len(codes) == ROOM
    async with bench.driver.session() as session:
        slots = [await bench.write(session, code, 0) for code in codes]
        with pytest.raises(Refused) as full:
            await bench.write(session, "567891", 0)
        seen = await session.observe([])
    assert full.value.reason is Reason.LOCK_FULL
    assert len(set(slots)) == ROOM
    assert {n: o.code.digits for n, o in seen.items() if isinstance(o, Holds)} == dict(
        zip(slots, codes, strict=True)
    )


@pytest.mark.parametrize("bench", LISTS, indirect=True)
async def test_a_list_shows_what_is_asked_and_what_is_not(bench: Bench) -> None:
    async with bench.driver.session() as session:
        slot = await bench.write(session, "345678", 0)
        seen = await session.observe([slot + 1])
    assert isinstance(seen[slot], Holds)
    assert isinstance(seen[slot + 1], Empty)


async def test_a_written_entry_can_be_written_anew_where_it_is(bench: Bench) -> None:
    async with bench.driver.session() as session:
        slot = await bench.write(session, "345678", 2)
        assert await session.write(Entry(Code("456789"), label="guest"), slot) == slot
        seen = (await session.observe([slot]))[slot]
    assert isinstance(seen, Holds)
    assert seen.code == Code("456789")
    assert await bench.memory() == {slot: "456789"}


async def test_a_code_opens_within_its_window_as_written(bench: Bench) -> None:
    async with bench.driver.session() as session:
        if not bench.able.enforces_windows:
            with pytest.raises(Unsupported):
                await bench.write(session, "345678", 1, WINDOW)
            return
        limited = await bench.write(session, "345678", 1, WINDOW)
        free = await bench.write(session, "456789", 2)
        seen = await session.observe([limited, free])
        assert [(o.window, o.enabled) for o in _held(seen, limited, free)] == [
            (WINDOW, True),
            (None, True),
        ]
        await session.write(Entry(Code("345678"), window=LATER), limited)
        await session.write(Entry(Code("456789"), window=WINDOW), free)
        seen = await session.observe([limited, free])
        assert [o.window for o in _held(seen, limited, free)] == [LATER, WINDOW]
        await session.write(Entry(Code("345678")), limited)
        assert _held(await session.observe([limited]), limited)[0].window is None


async def test_a_code_opens_within_its_hours_as_written(bench: Bench) -> None:
    # S3-6
    entry = Entry(Code("345678"), window=WINDOW, hours=HOURS)
    async with bench.driver.session() as session:
        if not bench.able.enforces_hours:
            with pytest.raises(Unsupported):
                await session.write(entry, bench.slot(1))
            return
        slot = await session.write(entry, None)
        for hours in (HOURS, Hours(frozenset({5, 6})), Hours(start=time(8)), None):
            await session.write(replace(entry, hours=hours), slot)
            (seen,) = _held(await session.observe([slot]), slot)
            assert (seen.window, seen.hours) == (WINDOW, hours)


async def test_a_code_can_lie_there_disabled(bench: Bench) -> None:
    window = WINDOW if bench.able.enforces_windows else None
    async with bench.driver.session() as session:
        entry = Entry(Code("345678"), enabled=False, window=window)
        if not bench.able.can_disable:
            with pytest.raises(Unsupported):
                await session.write(entry, bench.slot(2))
            return
        slot = await session.write(entry, bench.slot(2))
        (seen,) = _held(await session.observe([slot]), slot)
        assert (seen.enabled, seen.window) == (False, window)
        await session.write(replace(entry, enabled=True), slot)
        (seen,) = _held(await session.observe([slot]), slot)
        assert (seen.enabled, seen.window) == (True, window)


async def test_the_bolt_is_turned_and_read_or_that_is_unsupported(bench: Bench) -> None:
    async with bench.driver.session() as session:
        try:
            await session.bolt()
        except Unsupported:
            with pytest.raises(Unsupported):
                await session.operate(Action.UNLOCK)
            return
        for action in (Action.UNLOCK, Action.LOCK, Action.UNLOCK):
            await session.operate(action)
            assert await session.bolt() is action.wanted


def _held(seen: Mapping[int, Observation], *slots: int) -> list[Holds]:
    held = [seen[slot] for slot in slots]
    assert all(isinstance(observation, Holds) for observation in held)
    return [observation for observation in held if isinstance(observation, Holds)]


async def test_several_slots_are_read_in_one_session(bench: Bench) -> None:
    async with bench.driver.session() as session:
        slot = await bench.write(session, "345678", 3)
        seen = await session.observe([slot - 1, slot])
    assert isinstance(seen[slot - 1], Empty)
    assert isinstance(seen[slot], Holds)


async def test_a_lock_tells_whether_it_still_holds_what_it_showed(bench: Bench) -> None:
    # S1-9
    every = range(1, bench.able.slots + 1)
    async with bench.driver.session() as session:
        if not bench.able.checksum:
            with pytest.raises(Unsupported):
                await session.unchanged({})
            return
        assert await session.unchanged(await session.observe(every))
        await bench.keyed(1, "112233")
        await bench.write(session, "345678", 3)
        await session.write(Entry(Code("456789"), enabled=not bench.able.can_disable), 2)
        seen = await session.observe(every)
        assert await session.unchanged(seen)
        await bench.keyed(1, "112234")
        assert not await session.unchanged(seen)
        await bench.keyed(1, "112233")
        assert await session.unchanged(seen)
        await session.write(Entry(Code("456789")), 2)
        assert await session.unchanged(seen) is not bench.able.can_disable
        await session.clear(3)
        assert not await session.unchanged(seen)


@pytest.mark.parametrize("bench", MASKING, indirect=True)
async def test_a_masked_code_is_occupied_not_empty_and_no_mismatch(bench: Bench) -> None:
    # suffering 1
    async with bench.driver.session() as session:
        slot = await bench.write(session, "345678", 2)
        await bench.faults(masked=True)
        assert isinstance((await session.observe([slot]))[slot], Occupied)
        assert isinstance((await session.observe([slot + 2]))[slot + 2], Empty)


async def test_an_acknowledged_write_that_was_dropped_reads_empty(bench: Bench) -> None:
    await bench.faults(drops_writes=True)
    async with bench.driver.session() as session:
        # S0-1: an acknowledgement is no proof
        slot = await bench.write(session, "345678", 2)
        assert isinstance((await session.observe([slot]))[slot], Empty)


async def test_a_code_that_is_there_already_is_not_stored_twice(bench: Bench) -> None:
    async with bench.driver.session() as session:
        slot = await bench.write(session, "345678", 2)
        with contextlib.suppress(Refused):  # V1 says yes all the same
            await bench.write(session, "345678", 3)
        assert isinstance((await session.observe([slot + 1]))[slot + 1], Empty)
    assert list((await bench.memory()).values()) == ["345678"]


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
            await session.write(Entry(Code(digits)), bench.slot(1))
    assert refused.value.reason is Reason.CODE_IMPOSSIBLE


async def test_a_code_that_a_person_stored_is_shown_and_stays(bench: Bench) -> None:
    await bench.keyed(1, "112233")
    async with bench.driver.session() as session:
        slot = await bench.write(session, "345678", 2)
        seen = await session.observe([1, slot])
        (theirs,) = seen.keys() - {slot, 1} or {1}  # a list gives it a number of its own
        assert _held(seen, theirs)[0].code == Code("112233")
        await session.clear(slot)
    assert await bench.memory() == {theirs: "112233"}


async def test_a_lost_answer_is_no_refusal_and_the_next_look_tells(bench: Bench) -> None:
    outcomes: list[Exception | int] = []
    async with bench.driver.session() as session:
        await session.observe([2])
        await bench.faults(loses_answers=True)
        try:
            outcomes.append(await bench.write(session, "345678", 2))
        except OutcomeUnknown as unknown:
            outcomes.append(unknown)
    if not bench.kind.startswith("v"):  # what is not supervised, or not in time, proves nothing
        assert isinstance(outcomes[0], OutcomeUnknown)
    await bench.faults()
    async with bench.driver.session() as session:
        seen = await session.observe([2])
    held = {n: o.code.digits for n, o in seen.items() if isinstance(o, Holds)}
    assert held == await bench.memory()


@pytest.mark.parametrize("bench", [k for k in KINDS if "fake" not in k], indirect=True)
async def test_without_its_radio_no_lock_is_asked(bench: Bench) -> None:
    assert bench.down is not None
    await bench.down()
    with pytest.raises(RadioDown):
        async with bench.driver.session():
            pass


async def test_no_error_holds_a_code(bench: Bench) -> None:
    digits = "738" + "291"  # in two pieces: a traceback shows the lines that it came through
    other = digits[::-1]
    errors: list[LockError] = []

    async def attempt(session: Session, slot: int | None, code: str) -> None:
        try:
            await session.write(Entry(Code(code)), slot)
        except LockError as error:
            errors.append(error)

    async with bench.driver.session() as session:
        await session.observe([1])
        await attempt(session, bench.slot(bench.able.slots + 1), digits)
        await attempt(session, bench.slot(2), digits)
        await attempt(session, bench.slot(3), digits)  # a duplicate
        await bench.faults(refuses=True)
        await attempt(session, bench.slot(1), other)
        await bench.faults(loses_answers=True)
        await attempt(session, bench.slot(1), other)
    kinds = {type(error) for error in errors}
    if bench.kind not in ("v1", "v1-s2"):
        assert Refused in kinds
    if not bench.kind.startswith("v"):
        assert OutcomeUnknown in kinds
    for error in errors:
        told = "".join(traceback.format_exception(error))
        assert digits not in told
        assert other not in told
