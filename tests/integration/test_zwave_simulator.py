"""The Z-Wave simulator shows, through the real zwave-js server, what docs and drivers rely on."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from zwave_js_server.client import Client
from zwave_js_server.const import CommandClass, NodeStatus, SupervisionStatus
from zwave_js_server.const.command_class.access_control import (
    SetCredentialResult,
    UserCredentialType,
)
from zwave_js_server.const.command_class.lock import DoorLockMode
from zwave_js_server.exceptions import FailedZWaveCommand
from zwave_js_server.model.access_control import AddUserCredential, SetUserOptions
from zwave_js_server.model.node import Node

from simulators.zwave import SimulatorError, ZwaveSimulator, node

pytestmark = pytest.mark.asyncio(loop_scope="module")

PIN = "345678"
OTHER_PIN = "456789"
EMPTY = {"userIdStatus": 0, "userCode": ""}
NO_ACKNOWLEDGEMENT = 204
DEADLINE_S = 10.0


def holds(code: str) -> dict[str, Any]:
    return {"userIdStatus": 1, "userCode": code}


async def until(condition: Callable[[], Awaitable[bool]], within: float = DEADLINE_S) -> None:
    """Asks again until it is so."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - another process knows, no event tells
            await asyncio.sleep(0.01)


def has_status(lock: Node, status: NodeStatus) -> Callable[[], Awaitable[bool]]:
    async def has() -> bool:
        return lock.status is status

    return has


class Site:
    """A simulator and a connected client: what a test looks through."""

    def __init__(self, sim: ZwaveSimulator, client: Client) -> None:
        self.sim = sim
        self.client = client
        self.codes_at_start: dict[int, dict[int, str]] = {}
        self.heard: asyncio.Queue[tuple[int, int, int, dict[str, Any]]] = asyncio.Queue()
        for lock in self.locks.values():
            lock.on("notification", self._hear)

    @property
    def locks(self) -> dict[int, Node]:
        assert self.client.driver is not None
        return self.client.driver.controller.nodes

    def _hear(self, event: dict[str, Any]) -> None:
        said = event["notification"]
        if said.command_class == CommandClass.NOTIFICATION:
            self.heard.put_nowait((said.node_id, said.type_, said.event, said.parameters))

    async def hears(self, number: int, type_: int, event: int) -> dict[str, Any]:
        """The parameters of the next such notification."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                *said, parameters = await self.heard.get()
                if said == [number, type_, event]:
                    return parameters

    async def clean(self, number: int) -> None:
        """A healthy and empty lock."""
        for slot in (await self.sim.faults(number))["codes"]:
            await self.sim.set_code(number, slot, None)

    async def get(self, number: int, slot: int) -> Any:
        return await self.locks[number].async_invoke_cc_api(
            CommandClass.USER_CODE, "get", slot, wait_for_result=True
        )

    async def put(self, number: int, slot: int, code: str) -> Any:
        return await self.locks[number].async_invoke_cc_api(
            CommandClass.USER_CODE, "set", slot, 1, code, wait_for_result=True
        )

    async def add_user(self, slot: int, code: str) -> SetCredentialResult | None:
        access = self.locks[4].access_control
        pin = AddUserCredential(UserCredentialType.PIN_CODE, slot, code)
        return (await access.add_user(slot, SetUserOptions(active=True), pin)).credential

    async def credential(self, slot: int) -> str | None:
        access = self.locks[4].access_control
        found = await access.get_credential(UserCredentialType.PIN_CODE, slot)
        assert found is not None
        assert found.data is None or isinstance(found.data, str)
        return found.data


@contextlib.asynccontextmanager
async def connected(sim: ZwaveSimulator) -> AsyncIterator[Site]:
    async with aiohttp.ClientSession() as session:
        client = Client(sim.url, session)
        await client.connect()
        ready = asyncio.Event()
        listening = asyncio.create_task(client.listen(ready))
        await ready.wait()
        yield Site(sim, client)
        await client.disconnect()
        await listening


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """All locks; 2 and 3 came with a code in slot 9."""
    memory = tmp_path_factory.mktemp("zwave") / "memory.json"
    code = {"UserCode_userIdStatus_9": 1, "UserCode_userCode_9": PIN}
    memory.write_text(json.dumps({"2": code, "3": code}))
    async with ZwaveSimulator(slots=10, memory=memory) as sim, connected(sim) as site:
        for lock in await sim.nodes():
            if lock["codes"]:
                site.codes_at_start[lock["id"]] = lock["codes"]
            await site.clean(lock["id"])
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def site(shared: Site) -> AsyncIterator[Site]:
    """Healthy and empty locks."""
    yield shared
    for number in shared.locks.keys() - {1}:  # 1 is the controller
        await shared.clean(number)
    while not shared.heard.empty():
        shared.heard.get_nowait()


@pytest.mark.parametrize("number", [2, 3, 5, 7, 8, 9])
async def test_a_code_is_stored_and_read_back(site: Site, number: int) -> None:
    assert await site.get(number, 1) == EMPTY
    await site.put(number, 1, PIN)
    assert await site.get(number, 1) == holds(PIN)
    state = await site.sim.node(number)
    assert (state["codes"], state["statuses"]) == ({1: PIN}, {1: 1})


async def test_a_credential_is_stored_and_read_back(site: Site) -> None:
    assert await site.credential(1) == ""
    assert await site.add_user(1, PIN) is SetCredentialResult.OK
    assert await site.credential(1) == PIN
    assert (await site.sim.node(4))["codes"] == {1: PIN}


async def test_a_code_for_a_sleeping_lock_waits_until_it_wakes(site: Site) -> None:
    assert site.locks[6].status is NodeStatus.ASLEEP
    writing = asyncio.create_task(site.put(6, 1, PIN))
    assert (await site.sim.node(6))["codes"] == {}
    await site.sim.wakeup(6)
    await writing
    assert (await site.sim.node(6))["codes"] == {1: PIN}

    await until(has_status(site.locks[6], NodeStatus.ASLEEP))


async def test_only_supervised_locks_answer_to_a_write(site: Site) -> None:
    assert await site.put(2, 1, PIN) is None
    assert await site.put(5, 1, PIN) == {"status": SupervisionStatus.SUCCESS}


@pytest.mark.parametrize(
    ("fault", "stored", "read"),
    [
        ({"corruptReadback": True}, "345679", holds("345679")),
        ({"truncate": 4}, "3456", holds("3456")),
        ({"dropWrites": True}, None, EMPTY),
        ({"obfuscate": True}, PIN, holds("****")),
        ({"lieEmptyOnce": True}, PIN, EMPTY),
    ],
)
@pytest.mark.parametrize("number", [2, 3])
async def test_a_lock_that_lies_says_yes(
    site: Site, number: int, fault: dict[str, Any], stored: str | None, read: dict[str, Any]
) -> None:
    await site.sim.faults(number, **fault)
    assert await site.put(number, 1, PIN) in (None, {"status": SupervisionStatus.SUCCESS})
    assert await site.get(number, 1) == read
    assert (await site.sim.node(number))["codes"].get(1) == stored


@pytest.mark.parametrize("fault", [{"rejectAll": True}, {"maxCodes": 1}, {}])
@pytest.mark.parametrize("number", [2, 5])
async def test_a_lock_that_refuses_stays_empty(
    site: Site, number: int, fault: dict[str, Any]
) -> None:
    await site.sim.set_code(number, 1, OTHER_PIN)
    await site.sim.faults(number, **fault)
    code = PIN if fault else OTHER_PIN  # a healthy lock refuses duplicates
    assert await site.put(number, 2, code) in (None, {"status": SupervisionStatus.FAIL})
    assert await site.get(number, 2) == EMPTY
    if not fault:
        assert await site.hears(number, 6, 0x0F) == {"userId": 2}


async def test_a_lock_may_take_duplicates(site: Site) -> None:
    await site.sim.faults(5, allowDuplicates=True)
    for slot in (1, 2):
        await site.put(5, slot, PIN)
    assert (await site.sim.node(5))["codes"] == {1: PIN, 2: PIN}


@pytest.mark.parametrize(
    ("fault", "result", "read"),
    [
        ({"rejectAll": True}, SetCredentialResult.ERROR_MANUFACTURER_SECURITY_RULES, ""),
        ({"maxCodes": 1}, SetCredentialResult.ERROR_MANUFACTURER_SECURITY_RULES, ""),
        ({"corruptReadback": True}, SetCredentialResult.OK, "345679"),
        ({"truncate": 4}, SetCredentialResult.OK, "3456"),
        ({"dropWrites": True}, SetCredentialResult.OK, ""),
        ({"obfuscate": True}, SetCredentialResult.OK, None),
        ({"lieEmptyOnce": True}, SetCredentialResult.OK, ""),
    ],
)
async def test_credentials_have_the_same_faults(
    site: Site, fault: dict[str, Any], result: SetCredentialResult, read: str | None
) -> None:
    await site.sim.set_code(4, 1, OTHER_PIN)
    await site.sim.faults(4, **fault)
    assert await site.add_user(2, PIN) is result
    assert await site.credential(2) == read
    await site.locks[4].access_control.delete_user(2)


async def test_credentials_may_be_duplicates_where_the_lock_allows(site: Site) -> None:
    await site.sim.set_code(4, 1, PIN)
    assert await site.add_user(2, PIN) is SetCredentialResult.ERROR_DUPLICATE_CREDENTIAL
    await site.locks[4].access_control.delete_user(2)
    await site.sim.faults(4, allowDuplicates=True)
    assert await site.add_user(2, PIN) is SetCredentialResult.OK
    assert (await site.sim.node(4))["codes"] == {1: PIN, 2: PIN}


async def test_an_empty_slot_may_read_as_0000(site: Site) -> None:
    await site.sim.faults(2, clearAs0000=True)
    assert await site.get(2, 1) == {"userIdStatus": 0, "userCode": "0000"}


async def test_a_lie_is_told_once(site: Site) -> None:
    await site.sim.set_code(2, 1, PIN)
    await site.sim.faults(2, lieEmptyOnce=True)
    assert [await site.get(2, 1), await site.get(2, 1)] == [EMPTY, holds(PIN)]


async def test_a_code_may_vanish_after_a_good_write(site: Site) -> None:
    await site.sim.faults(3, vanishAfterMs=300)
    await site.put(3, 1, PIN)
    assert await site.get(3, 1) == holds(PIN)

    async def gone() -> bool:
        return bool(await site.get(3, 1) == EMPTY)

    await until(gone)
    await site.put(3, 1, PIN)
    assert (await site.sim.node(3))["faults"] == {}


async def test_a_lock_may_report_codes_added_and_deleted(site: Site) -> None:
    await site.sim.faults(3, notifyCodeEvents=True)
    await site.put(3, 1, PIN)
    assert await site.hears(3, 6, 0x0E) == {"userId": 1}
    await site.locks[3].async_invoke_cc_api(CommandClass.USER_CODE, "clear", 1)
    assert await site.hears(3, 6, 0x0D) == {"userId": 1}


async def test_a_dead_lock_does_not_acknowledge_and_is_heard_of_when_healthy(site: Site) -> None:
    await site.sim.faults(3, dead=True)
    with pytest.raises(FailedZWaveCommand) as failure:
        await site.put(3, 1, PIN)
    assert failure.value.zwave_error_code == NO_ACKNOWLEDGEMENT
    await until(has_status(site.locks[3], NodeStatus.DEAD))
    assert (await site.sim.keypad(3, code=PIN)) == {"opened": False}
    assert site.heard.empty()

    await site.sim.faults(3)
    await until(has_status(site.locks[3], NodeStatus.ALIVE))
    await site.put(3, 1, PIN)
    assert await site.get(3, 1) == holds(PIN)


async def test_a_mute_lock_leaves_the_outcome_open(site: Site) -> None:
    await site.sim.faults(2, mute=True)
    assert await site.put(2, 1, PIN) is None
    assert await site.get(2, 1) is None
    assert (await site.sim.node(2))["codes"] == {}


async def test_a_slow_lock_still_stores_what_was_given_up(site: Site) -> None:
    await site.sim.faults(5, delayMs=1500)
    assert await site.put(5, 1, PIN) is None
    assert (await site.sim.node(5))["codes"] == {}

    async def landed() -> bool:
        return bool((await site.sim.node(5))["codes"] == {1: PIN})

    await until(landed)


async def test_a_late_acknowledgement_delays(site: Site) -> None:
    await site.sim.faults(9, lateAckMs=300)
    start = time.monotonic()
    await site.put(9, 1, PIN)
    assert time.monotonic() - start >= 0.3
    assert await site.get(9, 1) == holds(PIN)


@pytest.mark.parametrize("number", [2, 3, 4, 6, 7])
async def test_a_use_of_the_keypad_arrives_with_its_slot(site: Site, number: int) -> None:
    await site.sim.set_code(number, 7, PIN)
    assert await site.sim.keypad(number, code=PIN) == {"opened": True, "slot": 7}
    assert await site.hears(number, 6, 0x06) == {"userId": 7}
    assert (await site.sim.node(number))["mode"] == DoorLockMode.UNSECURED
    assert await site.sim.keypad(number, slot=7, action="lock") == {"opened": True, "slot": 7}
    assert await site.hears(number, 6, 0x05) == {"userId": 7}
    assert (await site.sim.node(number))["mode"] == DoorLockMode.SECURED


async def test_a_wrong_code_opens_nothing_and_is_reported(site: Site) -> None:
    await site.sim.set_code(2, 7, PIN)
    for typed in ({"code": OTHER_PIN}, {"slot": 8}):
        assert await site.sim.keypad(2, **typed) == {"opened": False}
        assert await site.hears(2, 7, 0x04) == {}


async def test_locks_name_the_slot_in_different_ways(site: Site) -> None:
    await site.sim.set_code(2, 7, PIN)
    await site.sim.keypad(2, code=PIN, style="none")
    assert await site.hears(2, 6, 0x06) == {}
    await site.sim.keypad(2, code=PIN, style="report")
    assert (await site.hears(2, 6, 0x06))["userId"] == 7


async def test_codes_deleted_at_the_keypad_are_reported(site: Site) -> None:
    for slot in (1, 2, 3):
        await site.sim.set_code(3, slot, f"{PIN[:-1]}{slot}")
    assert set((await site.sim.delete(3, 2))["codes"]) == {1, 3}
    assert await site.hears(3, 6, 0x0D) == {"userId": 2}
    assert (await site.sim.delete(3))["codes"] == {}
    assert await site.hears(3, 6, 0x0C) == {}


async def test_the_bolt_and_the_battery_are_seen_and_moved(site: Site) -> None:
    lock = site.locks[3]
    await lock.async_set_value("3-98-0-targetMode", DoorLockMode.UNSECURED)
    assert (await site.sim.node(3))["mode"] == DoorLockMode.UNSECURED
    assert (await site.sim.battery(3, 41))["battery"] == 41

    async def reported() -> bool:
        return lock.values["3-128-0-level"].value == 41

    await until(reported)


async def test_a_lock_can_be_made_to_be_heard_of(site: Site) -> None:
    await site.sim.reset_frames()
    await site.sim.alive(3)

    async def heard() -> bool:
        return bool((await site.sim.frames())["rx"])

    await until(heard)


async def test_exchanges_and_frames_are_counted(site: Site) -> None:
    await site.sim.reset_frames()
    await site.put(5, 1, PIN)
    await site.get(5, 1)
    await site.get(5, 2)
    frames = await site.sim.frames()
    assert frames["exchanges"][5] == {"get": 2, "set": 1}
    assert frames["exchanges"][2] == {"get": 0, "set": 0}
    assert frames["tx"] >= 3
    assert frames["txBytes"] > frames["tx"]
    assert frames["rx"] > frames["tx"]


async def test_an_idle_network_is_silent(site: Site) -> None:
    await site.sim.reset_frames()

    async def spoken() -> bool:
        frames = await site.sim.frames()
        return bool(frames["tx"] or frames["rx"])

    with pytest.raises(TimeoutError):
        await until(spoken, within=2.0)


@pytest.mark.parametrize(
    ("call", "status", "told"),
    [
        (("GET", "/nodes/99", None), 404, "there are 2, 3"),
        (("GET", "/lights", None), 404, "/frames"),
        (("GET", "/nodes/2/faults", None), 405, "POST"),
        (("POST", "/nodes/2/explode", "{}"), 404, "keypad"),
        (("POST", "/nodes/2/toString", "{}"), 404, "keypad"),
        (("POST", "/nodes/2/faults", '{"tired": true}'), 400, "lieEmptyOnce"),
        (("POST", "/nodes/2/faults", '{"dead": "yes"}'), 400, "true or false"),
        (("POST", "/nodes/2/faults", "dead"), 400, "not JSON"),
        (("POST", "/nodes/2/faults", "[]"), 400, "object"),
        (("POST", "/nodes/2/code", '{"slot": 11, "code": "1234"}'), 400, "1 to 10"),
        (("POST", "/nodes/2/code", '{"slot": 1, "code": 1234}'), 400, "string"),
        (("POST", "/nodes/2/keypad", '{"code": "1234", "action": "kick"}'), 400, "unlock"),
        (("POST", "/nodes/2/keypad", "{}"), 400, "code or slot"),
        (("POST", "/nodes/2/sleep", "{}"), 409, "never sleeps"),
    ],
)
async def test_what_is_not_understood_is_refused_with_what_is(
    site: Site, call: tuple[str, str, str | None], status: int, told: str
) -> None:
    method, path, body = call
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, site.sim.control + path, data=body) as response,
    ):
        assert response.status == status
        assert told in (await response.json())["error"]


async def test_the_python_side_refuses_too(site: Site) -> None:
    with pytest.raises(SimulatorError, match="no fault tired"):
        await site.sim.faults(2, tired=True)
    with pytest.raises(ValueError, match="no nodes"):
        ZwaveSimulator(nodes=(1, 2))


async def test_missing_packages_are_named_with_the_command_that_mends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(node, "HERE", tmp_path)
    with pytest.raises(SimulatorError, match="make setup"):
        async with ZwaveSimulator(nodes=(2,)):
            pass


async def test_the_first_interview_leaves_codes_alone(shared: Site) -> None:
    """With queryAllUserCodes unset in the server's configuration zwave-js would clear them."""
    assert shared.codes_at_start == {2: {9: PIN}, 3: {9: PIN}}


@pytest.mark.long
async def test_memory_survives_a_killed_server(tmp_path: Path) -> None:
    async with ZwaveSimulator((3, 4), slots=10, memory=tmp_path / "memory.json") as sim:
        async with connected(sim) as site:
            await site.put(3, 5, PIN)
            await site.add_user(6, OTHER_PIN)
            await sim.battery(3, 41)
            url = sim.url
            await sim.kill()
        await sim.restart()
        assert sim.url == url
        async with connected(sim) as site:
            # The driver has exchanged no nonce with the lock yet.
            assert await sim.keypad(3, code=PIN) == {"opened": True, "slot": 5}
            assert await site.hears(3, 6, 0x06) == {"userId": 5}
            assert await site.get(3, 5) == holds(PIN)
            assert await site.credential(6) == OTHER_PIN
            assert (await sim.node(3))["battery"] == 41


async def test_a_paused_server_hangs_until_it_is_resumed(site: Site) -> None:
    site.sim.pause()
    reading = asyncio.create_task(site.get(2, 1))
    done, _ = await asyncio.wait({reading}, timeout=1.5)  # longer than the mock waits for anything
    assert not done
    site.sim.resume()
    async with asyncio.timeout(DEADLINE_S):
        assert await reading == EMPTY


async def start_command(
    *arguments: str, env: dict[str, str]
) -> tuple[asyncio.subprocess.Process, str]:
    """python -m simulators.zwave and the control port it names in its ready line."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators.zwave", *arguments),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env=env,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        ready, url, control = (await process.stdout.readline()).decode().split()
    assert ready == "ready"
    assert url.startswith("ws://127.0.0.1:")
    return process, control


async def unreachable(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(url):
            return False
    except aiohttp.ClientConnectionError:
        return True


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


async def ends_without_trace(number: signal.Signals, status: int, scratch: Path) -> None:
    process, control = await start_command(
        "--nodes", "5", "--slots", "5", env={**os.environ, "TMPDIR": str(scratch)}
    )
    assert not is_empty(scratch)
    async with aiohttp.ClientSession() as session, session.get(f"{control}/nodes") as response:
        assert [lock["id"] for lock in await response.json()] == [5]
    os.kill(process.pid, number)
    async with asyncio.timeout(DEADLINE_S):
        assert await process.wait() == status
    await until(lambda: unreachable(control))

    async def tidy() -> bool:
        return is_empty(scratch)

    await until(tidy)


async def test_the_command_leaves_nothing_behind(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Neither when asked to end nor when killed."""
    await asyncio.gather(
        ends_without_trace(signal.SIGTERM, 0, tmp_path_factory.mktemp("ended")),
        ends_without_trace(signal.SIGKILL, -signal.SIGKILL, tmp_path_factory.mktemp("killed")),
    )
