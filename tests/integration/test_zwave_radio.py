"""The traps of the Z-Wave stack, each on the real server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import repeat

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web
from structlog.testing import capture_logs
from zwave_js_server.const import MAX_SERVER_SCHEMA_VERSION, NodeStatus

from gatewayd.clock import SystemClock
from gatewayd.domain.code import Code
from gatewayd.domain.report import (
    Alive,
    Battery,
    CodeDeleted,
    Dead,
    DuplicateRefused,
    Jammed,
    KeypadDisabled,
    Report,
    Tampered,
    Used,
    WrongCode,
)
from gatewayd.domain.slot import Empty, Entry, Holds
from gatewayd.errors import LockError, OutcomeUnknown, RadioDown, Reason, Unreachable
from gatewayd.locks.zwave import radio as zwave_radio
from gatewayd.locks.zwave.lock import INTERVIEW_GRACE
from gatewayd.locks.zwave.radio import ZwaveRadio
from simulators.broker import free_port
from simulators.zwave import ZwaveSimulator
from tests.integration.conftest import SkippingClock, running, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("type_", "event", "params", "report"),
    [
        (6, 0x06, (7,), Used(7, opened=True)),
        (6, 0x05, (7,), Used(7, opened=False)),
        (6, 0x06, (), Used(None, opened=True)),  # suffering 17: no user id
        (6, 0x06, (0,), Used(None, opened=True)),  # or 0
        (6, 0x0B, (), Jammed()),
        (6, 0x0C, (), CodeDeleted(None)),
        (6, 0x0D, (4,), CodeDeleted(4)),
        (6, 0x0F, (4,), DuplicateRefused()),
        (6, 0x10, (), KeypadDisabled()),
        (7, 0x03, (), Tampered()),
        (7, 0x04, (), WrongCode()),
        (8, 0x0A, (), Battery(None, low=True)),
    ],
)
async def test_what_a_lock_tells_by_itself_arrives_in_our_words(
    zwave: ZwaveSimulator, type_: int, event: int, params: tuple[int, ...], report: Report
) -> None:
    async with running(zwave.url) as (_, heard):
        for node in (2, 3):
            await zwave.notify(node, type_, event, params)
            await until(lambda n=node: (str(n), report) in heard)  # type: ignore[misc]  # bound now


async def test_a_code_deleted_without_its_slot_is_not_a_reset(zwave: ZwaveSimulator) -> None:
    async with running(zwave.url) as (_, heard):
        await zwave.notify(2, 6, 0x0D, ())
        await zwave.notify(2, 6, 0x0B, ())
        await until(lambda: ("2", Jammed()) in heard)
        assert ("2", CodeDeleted(None)) not in heard


async def test_typing_a_code_names_its_slot_and_a_wrong_one_is_told(zwave: ZwaveSimulator) -> None:
    await zwave.set_code(5, 4, "778899")
    async with running(zwave.url) as (_, heard):
        assert (await zwave.keypad(5, code="778899"))["opened"]
        await until(lambda: ("5", Used(4, opened=True)) in heard)
        assert not (await zwave.keypad(5, code="998877"))["opened"]
        await until(lambda: ("5", WrongCode()) in heard)
    await zwave.set_code(5, 4, None)


async def test_the_battery_is_known_without_asking_and_low_is_told(zwave: ZwaveSimulator) -> None:
    async with running(zwave.url) as (_, heard):
        await zwave.battery(3, 44)
        await until(lambda: ("3", Battery(44)) in heard)
        await zwave.battery(3, 44, low=True)
        await until(lambda: any(a == "3" and isinstance(r, Battery) and r.low for a, r in heard))
    async with running(zwave.url) as (_, heard):
        await until(lambda: ("3", Battery(44)) in heard)


type Wire = ClientWebSocketResponse | web.WebSocketResponse


def unaltered(text: str) -> str:
    """As it came."""
    return text


@asynccontextmanager
async def tapped(
    url: str, alter: Callable[[str], str] = unaltered
) -> AsyncIterator[tuple[str, Callable[[object], Awaitable[None]]]]:
    """A wire to the server at another address, a way to put messages on it, and what becomes of
    those of the server."""
    ends: list[web.WebSocketResponse] = []

    async def pump(source: Wire, target: Wire, alter: Callable[[str], str] = unaltered) -> None:
        async for message in source:
            assert message.type is WSMsgType.TEXT
            await target.send_str(alter(message.data))
        await target.close()

    async def serve(request: web.Request) -> web.WebSocketResponse:
        near = web.WebSocketResponse()
        await near.prepare(request)
        ends.append(near)
        async with (
            ClientSession() as http,
            http.ws_connect(url, max_msg_size=0) as far,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(pump(near, far))
            group.create_task(pump(far, near, alter))
        return near

    async def put(message: object) -> None:
        await ends[-1].send_json(message)

    app, port = web.Application(), free_port()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"ws://127.0.0.1:{port}/", put
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "told",
    [
        {"source": "node", "event": "notification", "nodeId": 2},
        {"source": "node", "event": "value updated", "nodeId": 2, "args": "123456"},
    ],
)
async def test_a_report_that_cannot_be_read_is_left_and_the_next_one_is_heard(
    zwave: ZwaveSimulator, told: dict[str, object]
) -> None:
    async with tapped(zwave.url) as (url, put), running(url) as (radio, heard):
        with capture_logs() as logs:
            await put({"type": "event", "event": told})
            await zwave.notify(2, 6, 0x0B, ())
            await until(lambda: ("2", Jammed()) in heard)
        assert radio.link.up.is_set()
    assert [entry for entry in logs if entry["event"] == "zwave.report_unread"] == [
        {
            "event": "zwave.report_unread",
            "log_level": "warning",
            "node": 2,
            "report": told["event"],
        }
    ]


@pytest.mark.parametrize("said", [[], None, {}, {"type": "event", "event": None}])
async def test_a_message_without_a_report_is_left_and_the_next_one_is_heard(
    zwave: ZwaveSimulator, said: object
) -> None:
    async with tapped(zwave.url) as (url, put), running(url) as (radio, heard):
        with capture_logs() as logs:
            await put(said)
            await zwave.notify(2, 6, 0x0B, ())
            await until(lambda: ("2", Jammed()) in heard)
        assert radio.link.up.is_set()
    assert "zwave.report_unread" in [entry["event"] for entry in logs]


@pytest.mark.parametrize(
    ("said", "altered"),
    [
        ('"supportedUserTypes":[0', '"supportedUserTypes":[99'),
        ('"userType":0', '"userType":99'),
        ('"capabilities":', '"incapabilities":'),
    ],
)
async def test_an_answer_that_cannot_be_read_is_no_answer(
    zwave: ZwaveSimulator, said: str, altered: str
) -> None:
    await zwave.set_code(4, 1, "112233")
    changed: list[str] = []

    def alter(text: str) -> str:
        if '"type":"result"' not in text or said not in text:
            return text
        changed.append(text)
        return text.replace(said, altered)

    async with tapped(zwave.url, alter) as (url, _), running(url) as (radio, _):
        with pytest.raises(Unreachable) as unread:
            async with radio.lock("4").session() as session:
                await session.observe([1])
        assert radio.link.up.is_set()
    assert changed
    assert "112233" not in repr(unread.value)
    assert unread.value.__suppress_context__
    await zwave.set_code(4, 1, None)


async def test_a_write_whose_answer_cannot_be_read_may_have_happened(
    zwave: ZwaveSimulator,
) -> None:
    def alter(text: str) -> str:
        # of a user that is new, or known to zwave-js
        return text.replace('{"user":0', '{"user":99').replace('{"result":0', '{"result":99')

    async with (
        tapped(zwave.url, alter) as (url, _),
        running(url) as (radio, _),
        radio.lock("4").session() as session,
    ):
        await session.observe([1])
        with pytest.raises(OutcomeUnknown):
            await session.write(Entry(Code("345678")), 1)
    assert (await zwave.node(4))["users"]
    await zwave.user(4, 1)


async def test_dead_and_alive_are_told(zwave: ZwaveSimulator) -> None:
    async with running(zwave.url) as (radio, heard):
        await zwave.faults(2, dead=True)
        with pytest.raises(Unreachable):
            async with radio.lock("2").session() as session:
                await session.observe([1])
        await until(lambda: ("2", Dead()) in heard)
        heard.clear()
        await zwave.faults(2)
        await until(lambda: ("2", Alive()) in heard)


async def until_asleep(radio: ZwaveRadio) -> None:
    """zwave-js takes a lock for awake for a while after it had something to say to it."""
    await until(lambda: radio.node("6").status is NodeStatus.ASLEEP, within=60)


async def test_a_sleeping_lock_is_not_asked_until_it_wakes(zwave: ZwaveSimulator) -> None:
    # Fault 41
    async with running(zwave.url) as (radio, heard):
        await until_asleep(radio)
        with pytest.raises(Unreachable) as asleep:
            async with radio.lock("6").session():
                pass
        assert asleep.value.reason is Reason.LOCK_ASLEEP
        await zwave.wakeup(6)
        await until(lambda: ("6", Alive()) in heard)
        async with radio.lock("6").session() as session:
            await session.write(Entry(Code("345678")), 1)
            assert isinstance((await session.observe([1]))[1], Holds)
            await session.clear(1)
    await zwave.sleep(6)


async def test_a_lock_that_falls_asleep_while_it_is_asked_drops_no_other(
    zwave: ZwaveSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zwave_radio, "CALL_TIMEOUT", 8.0)  # zwave-js needs 3.2 s to notice
    async with running(zwave.url) as (radio, heard):
        await until_asleep(radio)
        await zwave.wakeup(6)
        await until(lambda: ("6", Alive()) in heard)
        async with radio.lock("6").session() as session:
            await zwave.sleep(6)
            with pytest.raises(Unreachable) as asleep:
                await session.observe([1])
        assert asleep.value.reason is Reason.LOCK_ASLEEP
        assert radio.link.up.is_set()
        heard.clear()
        await zwave.wakeup(6)  # what zwave-js had kept for it is said and done
        await until(lambda: ("6", Alive()) in heard)
    await zwave.sleep(6)


async def test_a_lock_that_is_never_interviewed_is_unreachable_in_the_end(
    zwave: ZwaveSimulator,
) -> None:
    clock = SkippingClock()
    async with running(zwave.url, clock) as (radio, _):
        lock, node = radio.lock("5"), radio.node("5")

        async def reach() -> None:
            async with lock.session() as session:
                await session.observe([1])

        await reach()
        for _ in range(2):  # an interview begins, ends, and another one begins
            node.data["ready"] = False
            with pytest.raises(RadioDown):
                await reach()
            clock.skipped += INTERVIEW_GRACE
            with pytest.raises(Unreachable):
                await reach()
            node.data["ready"] = True
            await reach()


async def test_what_a_lock_can_do_is_learnt_anew_after_an_interview(
    zwave: ZwaveSimulator,
) -> None:
    firmware = {"version": 1}

    def alter(text: str) -> str:
        return text.replace('"maxUsers":10', f'"maxUsers":{10 - firmware["version"]}')

    async with tapped(zwave.url, alter) as (url, _), running(url) as (radio, heard):
        lock = radio.lock("4")
        assert (await lock.capabilities()).slots == 9
        firmware["version"] = 2
        assert (await lock.capabilities()).slots == 9  # from what was learnt
        heard.clear()
        await radio.node("4").async_refresh_info()
        await until(lambda: ("4", Alive()) in heard, within=60)
        await until(lambda: radio.node("4").ready)
        assert (await lock.capabilities()).slots == 8


async def test_a_lock_that_takes_no_pins_has_no_slots_for_us(zwave: ZwaveSimulator) -> None:
    def alter(text: str) -> str:
        return text.replace('"supportedCredentialTypes":{"1":', '"supportedCredentialTypes":{"7":')

    async with tapped(zwave.url, alter) as (url, _), running(url) as (radio, _):
        assert (await radio.lock("4").capabilities()).slots == 0


@pytest.mark.parametrize("said", ['"maxUsers":10', '"supportedCredentialTypes":{"1":'])
async def test_what_an_interview_did_not_find_out_is_not_made_up(
    zwave: ZwaveSimulator, said: str
) -> None:
    nothing = {
        '"maxUsers":10': '"maxUsers":0',
        '"supportedCredentialTypes":{"1":': '"supportedCredentialTypes":{},"_":{"1":',
    }

    def alter(text: str) -> str:
        return text.replace(said, nothing[said])

    async with tapped(zwave.url, alter) as (url, _), running(url) as (radio, _):
        with pytest.raises(Unreachable):
            await radio.lock("4").capabilities()


async def test_a_link_that_drops_while_a_lock_is_reached_leaves_no_outcome_unknown(
    zwave: ZwaveSimulator,
) -> None:
    async with tapped(zwave.url) as (url, _), running(url) as (radio, heard):
        await zwave.faults(2, dead=True)
        with pytest.raises(Unreachable):
            async with radio.lock("2").session() as session:
                await session.observe([1])
        await until(lambda: ("2", Dead()) in heard)

        async def reach() -> None:
            async with radio.lock("2").session():
                pass

        reaching = asyncio.create_task(reach())  # its ping takes a second
        await asyncio.sleep(0)
        assert radio._client is not None
        await radio._client.disconnect()
        with pytest.raises(RadioDown):
            await reaching
    await zwave.faults(2)


async def test_a_mute_lock_gives_no_answer_to_a_read(zwave: ZwaveSimulator) -> None:
    async with running(zwave.url) as (radio, _):
        await zwave.faults(5, mute=True)
        with pytest.raises(Unreachable):
            async with radio.lock("5").session() as session:
                await session.observe([1])
    await zwave.faults(5)


async def test_a_node_that_is_not_in_the_network_is_unreachable(zwave: ZwaveSimulator) -> None:
    async with running(zwave.url) as (radio, _):
        with pytest.raises(Unreachable):
            async with radio.lock("99").session():
                pass


async def test_at_rest_no_frame_is_sent(zwave: ZwaveSimulator) -> None:
    # suffering 2; the minute is measured in bench
    async with running(zwave.url):
        before = await zwave.frames()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.Event().wait()
        after = await zwave.frames()
    assert (after["tx"], after["rx"]) == (before["tx"], before["rx"])


async def test_a_killed_server_leaves_the_outcome_unknown_and_the_radio_comes_back() -> None:
    # Fault 43
    async with (
        ZwaveSimulator(nodes=(2,), slots=10) as zwave,
        running(zwave.url) as (radio, _),
    ):
        await zwave.set_code(2, 9, "445566")  # trap 1: the interview must not wipe it
        async with radio.lock("2").session() as session:
            zwave.pause()  # so that it answers nothing any more
            write = asyncio.create_task(session.write(Entry(Code("345678")), 1))
            read = asyncio.create_task(session.observe([1]))
            await asyncio.sleep(0)  # both are asked
            await zwave.kill()
            for task in (write, read):
                await asyncio.wait({task})
                assert not task.cancelled()  # trap 4: not our task's cancellation
        assert isinstance(write.exception(), OutcomeUnknown)
        assert isinstance(read.exception(), RadioDown)
        assert not radio.link.up.is_set()
        with pytest.raises(LockError):
            async with radio.lock("2").session():
                pass
        await zwave.restart()
        async with asyncio.timeout(30):
            await radio.link.up.wait()
        await until(lambda: radio.node("2").ready, within=30)
        async with radio.lock("2").session() as session:  # trap 6: a new client
            assert isinstance((await session.observe([9]))[9], Holds)


async def test_a_hung_server_is_dropped_after_the_call_s_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Fault 43
    monkeypatch.setattr(zwave_radio, "CALL_TIMEOUT", 1.0)
    monkeypatch.setattr(zwave_radio, "CONNECT_TIMEOUT", 1.0)
    async with (
        ZwaveSimulator(nodes=(2,), slots=10) as zwave,
        running(zwave.url) as (radio, _),
    ):
        async with radio.lock("2").session() as session:
            zwave.pause()
            async with asyncio.timeout(8):  # nor waits for its goodbye
                with pytest.raises(OutcomeUnknown):
                    await session.write(Entry(Code("345678")), 1)
        assert not radio.link.up.is_set()
        zwave.resume()
        async with asyncio.timeout(20):
            await radio.link.up.wait()
        async with radio.lock("2").session() as session:
            await session.observe([1])


VERSION: dict[str, object] = {
    "type": "version",
    "driverVersion": "15.29.0",
    "serverVersion": "3.10.2",
    "homeId": 1,
    "minSchemaVersion": 0,
    "maxSchemaVersion": MAX_SERVER_SCHEMA_VERSION,
}
NODES: dict[str, object] = {"driver": {}, "controller": {}, "nodes": []}
"""The state of a network without locks."""


@dataclass
class Script:
    """A server that says these messages, and then these states in their stead, one a connection;
    how many connections are open, and how many were closed."""

    version: object
    states: Iterator[object] = field(default_factory=lambda: iter(()))
    open: int = 0
    closed: int = 0

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """A version, the answers to what begins a connection, and then nothing."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.open += 1
        await socket.send_json(self.version)
        async for message in socket:
            asked = message.json()
            result: dict[str, object] = {"config": {}}
            if asked["command"] == "start_listening":
                result = {"state": next(self.states)}
            answer = {"type": "result", "messageId": asked["messageId"], "success": True}
            await socket.send_json(answer | {"result": result})
        self.open, self.closed = self.open - 1, self.closed + 1
        return socket


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[ZwaveRadio]:
    """The radio of such a server."""
    app, port = web.Application(), free_port()
    app.router.add_get("/", script.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    radio = ZwaveRadio(f"ws://127.0.0.1:{port}/", SystemClock())
    task = asyncio.create_task(radio.run())
    try:
        yield radio
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait({task})
        await runner.cleanup()


@pytest.mark.parametrize(
    ("version", "state", "unfit"),
    [
        (VERSION | {"serverVersion": "1.0.0", "maxSchemaVersion": 14}, NODES, "1.0.0"),
        ({"type": "version"}, NODES, "cannot be read"),
        ([], NODES, "cannot be read"),
        (VERSION, None, "3.10.2 says"),
        (VERSION, [], "3.10.2 says"),
        (VERSION, NODES | {"controller": "x"}, "3.10.2 says"),
        (VERSION, NODES | {"nodes": ["x"]}, "3.10.2 says"),
        (VERSION, NODES | {"nodes": [{}]}, "3.10.2 says"),
    ],
)
async def test_a_server_that_does_not_fit_is_named_left_and_tried_again_slowly(
    version: object, state: object, unfit: str
) -> None:
    script = Script(version, repeat(state))
    async with scripted(script) as radio:
        await until(lambda: script.closed)
        await until(lambda: radio.unfit)
        assert radio.unfit is not None
        assert unfit in radio.unfit
        assert not radio.link.up.is_set()
        assert not script.open


async def test_a_server_fits_when_its_nodes_are_known_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(zwave_radio, "BACKOFF", (0.01, 0.01))
    seen: list[str | None] = []

    def states() -> Iterator[object]:
        for state in (None, None, NODES):
            seen.append(radio.unfit)
            yield state

    script = Script(VERSION, states())
    async with scripted(script) as radio:
        await until(radio.link.up.is_set)
        assert radio.unfit is None
    assert [why is None for why in seen] == [True, False, False]


async def test_a_slot_that_reads_as_0000_is_empty(zwave: ZwaveSimulator) -> None:
    """Suffering 3."""
    await zwave.faults(2, clearAs0000=True)
    async with running(zwave.url) as (radio, _), radio.lock("2").session() as session:
        assert isinstance((await session.observe([1]))[1], Empty)
        await session.write(Entry(Code("445566")), 1)
        assert isinstance((await session.observe([1]))[1], Holds)
        await session.clear(1)
        assert isinstance((await session.observe([1]))[1], Empty)
    await zwave.faults(2)
