"""`gatewayd pair nuki` as a process of its own, on the bus of the simulated BlueZ."""

import asyncio
import json
import os
import pty
import sys
import tomllib
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner

from gatewayd.cli.checks.radios import bluetooth
from gatewayd.cli.main import main
from gatewayd.clock import SystemClock
from gatewayd.config import Bluetooth
from gatewayd.domain.credentials import Credentials
from gatewayd.intake.schemas import LockDocument
from gatewayd.locks.nuki.pair import locks_in_pairing_mode
from gatewayd.store.database import open_database
from gatewayd.store.keyring import NukiKeyring
from simulators.bluetooth import BluetoothSimulator

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
PIN = "5937"
LOCK, OTHER = 1, 2
ADDRESS, ELSEWHERE = "54:D2:72:00:00:01", "54:D2:72:00:00:02"
NAME = "Nuki_1A2B0001"
CONFIG = """\
[hub]
org = "acme"
site = "lakeside"
id = "hub-1"
[mqtt]
host = "127.0.0.1"
tls = false
[bluetooth]
adapters = ["hci0", "hci1", "hci2"]
[store]
path = "gatewayd.db"
[site]
file = "site.toml"
"""


@dataclass(frozen=True)
class Done:
    """How the command ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Desk:
    """Where somebody sits who wants to pair."""

    sim: BluetoothSimulator
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "gatewayd.toml"

    async def begin(self, *words: str, stdin: int = asyncio.subprocess.DEVNULL) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gatewayd", "pair", "nuki", "--config", str(self.config)),
            *words,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **self.sim.environment},
            cwd=ROOT,
            start_new_session=True,  # without the terminal of whoever runs the tests
        )

    async def pair(self, *words: str, pin: str = PIN) -> Done:
        """In this process, which is quicker than another one."""
        file = self.folder / "pin"
        file.write_text(f"{pin}\n")
        given = ("pair", "nuki", "--config", str(self.config), "--pin-file", str(file), *words)
        runner = CliRunner(env=self.sim.environment)
        async with asyncio.timeout(60):
            result = await asyncio.to_thread(runner.invoke, main, given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    async def kept(self, address: str = ADDRESS) -> Credentials | None:
        database = await open_database(self.folder / "gatewayd.db", SystemClock())
        try:
            return await NukiKeyring(database).get(address)
        finally:
            await database.close()


async def end(process: Process) -> Done:
    """Wait for it, with a deadline."""
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulator() -> AsyncIterator[BluetoothSimulator]:
    async with BluetoothSimulator(locks=2, adapters=3, pin=int(PIN), advertise_ms=20) as sim:
        yield sim


@pytest_asyncio.fixture(loop_scope="module")
async def desk(simulator: BluetoothSimulator, tmp_path: Path) -> AsyncIterator[Desk]:
    (tmp_path / "gatewayd.toml").write_text(CONFIG)
    yield Desk(simulator, tmp_path)
    await simulator.bus_faults(service_rights=True, adapter="hci0", powered=True)
    for lock in (LOCK, OTHER):
        await simulator.reset(lock)
        await simulator.capacity(lock, authorisations=100)


async def paired_at(sim: BluetoothSimulator, lock: int = LOCK) -> list[tuple[int, str]]:
    """Type (0: app) and name of whom a lock is paired with."""
    return [(a["type"], a["name"]) for a in (await sim.lock(lock))["authorisations"]]


def refused(done: Done, said: str, to_do: str) -> None:
    """It ended with status 1 and these words, and printed nothing that could be pasted."""
    assert (done.status, done.out) == (1, ""), done.err
    assert said in done.err
    assert to_do in done.err.splitlines()[-1]
    assert "Traceback" not in done.err
    assert PIN not in done.err


async def test_the_only_lock_in_pairing_mode_is_paired_and_its_stanza_printed(desk: Desk) -> None:
    """On an adapter that has heard of none before."""
    await desk.sim.button(LOCK)
    done = await desk.pair("--adapter", "hci1")
    assert done.status == 0, done.err
    (stanza,) = tomllib.loads(done.out)["locks"]
    assert stanza == {
        "id": "nuki-1a2b0001",
        "name": NAME,
        "driver": "nuki",
        "address": ADDRESS,
    }
    LockDocument.model_validate(stanza)
    for said in (
        "hold the lock's button for five seconds",
        "listening on hci1",
        f"{NAME}  {ADDRESS}  -",
        "the security PIN is right",
        f"Put this into {desk.folder / 'site.toml'}",
        "systemctl start gatewayd",
    ):
        assert said in done.err
    kept = await desk.kept()
    assert kept is not None
    assert (kept.name, kept.security_pin) == (NAME, int(PIN))
    assert (0, "gatewayd") in await paired_at(desk.sim)
    shown = done.out + done.err
    assert PIN not in shown
    assert kept.shared_key.hex() not in shown.lower()
    assert (desk.folder / "gatewayd.db").stat().st_mode & 0o777 == 0o600


async def test_a_lock_that_is_paired_can_be_paired_again(desk: Desk) -> None:
    kept = []
    for _ in range(2):
        await desk.sim.button(LOCK)
        assert (await desk.pair("--address", ADDRESS.lower())).status == 0
        kept.append(await desk.kept())
    assert kept[0] is not None
    assert kept[1] is not None
    assert kept[0].shared_key != kept[1].shared_key


async def test_scripts_get_json(desk: Desk) -> None:
    await desk.sim.button(LOCK)
    done = await desk.pair("--address", ADDRESS, "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out) == {"ok": True, "address": ADDRESS, "name": NAME}


async def test_scripts_get_what_is_wrong_and_what_to_do_as_json(desk: Desk) -> None:
    await desk.sim.button(LOCK)
    done = await desk.pair("--address", ADDRESS, "--json", pin="4321")
    assert done.status == 1
    said = json.loads(done.out)
    assert said.keys() == {"ok", "error", "what_to_do"}
    assert said["ok"] is False
    assert "refuses the security PIN" in said["error"]
    assert "vendor's app" in said["what_to_do"]


async def test_the_pin_is_asked_for_on_a_terminal_and_not_shown(desk: Desk) -> None:
    await desk.sim.button(LOCK)
    ours, theirs = pty.openpty()
    try:
        process = await desk.begin("--address", ADDRESS, stdin=theirs)
        assert process.stderr is not None
        async with asyncio.timeout(30):
            asked = await process.stderr.readuntil(b"unseen): ")
        os.write(ours, b"12\n")  # not four digits: asked again
        async with asyncio.timeout(30):
            asked += await process.stderr.readuntil(b"unseen): ")
        os.write(ours, f"{PIN}\n".encode())
        done = await end(process)
        os.set_blocking(ours, False)
        try:
            echoed = os.read(ours, 4096)
        except OSError:  # nothing
            echoed = b""
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.status == 0, done.err
    assert PIN.encode() not in asked + echoed + done.out.encode() + done.err.encode()
    kept = await desk.kept()
    assert kept is not None
    assert kept.security_pin == int(PIN)


async def test_without_a_terminal_the_pin_comes_from_a_file(desk: Desk) -> None:
    done = await end(await desk.begin())
    assert (done.status, done.out) == (2, "")
    assert "--pin-file" in done.err


@pytest.mark.parametrize("pin", ["", "12345", "abcd", "١٢٣٤"])
async def test_a_file_without_a_pin_is_wrong_use_and_not_quoted(desk: Desk, pin: str) -> None:
    done = await desk.pair(pin=pin)
    assert (done.status, done.out) == (2, "")
    assert "holds no security PIN" in done.err
    assert not pin or pin not in done.err


async def test_a_file_that_is_not_there_is_wrong_use(desk: Desk) -> None:
    done = await end(await desk.begin("--pin-file", str(desk.folder / "none"), "--json"))
    assert done.status == 2
    assert "cannot be read" in json.loads(done.out)["error"]


@pytest.mark.parametrize("words", [("--address", "5"), ("--adapter", "eth0"), ("--pin", PIN)])
async def test_wrong_use_is_exit_code_2(desk: Desk, words: tuple[str, str]) -> None:
    assert (await desk.pair(*words)).status == 2


async def test_a_wrong_configuration_is_exit_code_78(desk: Desk) -> None:
    desk.config.write_text(CONFIG + "prot = 1\n")
    done = await desk.pair()
    assert (done.status, done.out) == (78, "")
    assert f"{desk.config}:14: site.prot is not a setting" in done.err
    done = await desk.pair("--json")
    assert done.status == 78
    assert "site.prot" in json.loads(done.out)["error"]


async def test_a_configuration_without_bluetooth_is_told(desk: Desk) -> None:
    text = CONFIG.replace('[bluetooth]\nadapters = ["hci0", "hci1", "hci2"]\n', "")
    desk.config.write_text(text.replace('[site]\nfile = "site.toml"\n', ""))
    await desk.sim.button(LOCK)
    done = await desk.pair("--address", ADDRESS)
    assert done.status == 0, done.err
    assert "[bluetooth]" in done.err
    assert "site.put" in done.err


async def test_no_lock_in_pairing_mode(desk: Desk) -> None:
    """On an adapter that has heard of none before."""
    done = await desk.pair("--adapter", "hci2", "--wait", "1")
    refused(done, "no lock in pairing mode is heard", "hold the lock's button for five seconds")


async def test_several_locks_in_pairing_mode_need_a_choice(desk: Desk) -> None:
    for lock in (LOCK, OTHER):
        await desk.sim.button(lock)
    done = await desk.pair()
    refused(done, "several locks are in pairing mode", "--address")
    assert ADDRESS in done.err
    assert ELSEWHERE in done.err
    done = await desk.pair("--address", ELSEWHERE)
    assert done.status == 0, done.err
    assert tomllib.loads(done.out)["locks"][0]["address"] == ELSEWHERE
    assert await desk.kept() is None


async def test_an_address_that_is_not_heard_is_told_with_those_that_are(desk: Desk) -> None:
    await desk.sim.button(LOCK)
    done = await desk.pair("--address", "54:D2:72:00:00:77", "--wait", "2")
    refused(done, f"{NAME} ({ADDRESS})", "another address")


async def test_a_lock_that_left_pairing_mode(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """BlueZ still shows it."""
    for name, value in desk.sim.environment.items():
        monkeypatch.setenv(name, value)
    await desk.sim.button(LOCK)
    await locks_in_pairing_mode("hci0", wanted=ADDRESS)
    await desk.sim.reset(LOCK)
    done = await desk.pair("--address", ADDRESS)
    refused(done, "its button was not held", "hold the lock's button")
    assert await desk.kept() is None


async def test_a_wrong_pin(desk: Desk) -> None:
    await desk.sim.button(LOCK)
    done = await desk.pair("--address", ADDRESS, pin="4321")
    refused(done, "refuses the security PIN", "vendor's app")
    assert "4321" not in done.err
    assert (await desk.sim.lock(LOCK))["wrong_pins"] == 1
    assert await desk.kept() is None


async def test_a_lock_without_keypad_is_kept_and_told(desk: Desk) -> None:
    await desk.sim.keypad_present(LOCK, present=False)
    await desk.sim.button(LOCK)
    done = await desk.pair("--address", ADDRESS)
    assert done.status == 1
    assert "is paired, but it knows of no keypad" in done.err
    assert "need not be paired again" in done.err.splitlines()[-1]
    assert tomllib.loads(done.out)["locks"][0]["address"] == ADDRESS
    assert await desk.kept() is not None


async def test_a_lock_with_no_room_for_one_more(desk: Desk) -> None:
    await desk.sim.capacity(LOCK, authorisations=0)
    await desk.sim.button(LOCK)
    done = await desk.pair("--address", ADDRESS)
    refused(done, "no room for one more authorization", "remove one")


async def test_an_adapter_that_is_off(desk: Desk) -> None:
    await desk.sim.bus_faults(adapter="hci0", powered=False)
    refused(await desk.pair(), "adapter hci0 is off or absent", "bluetoothctl power on")


async def test_no_rights_on_the_bus(desk: Desk) -> None:
    await desk.sim.bus_faults(service_rights=False)
    refused(await desk.pair(), "no rights to speak to BlueZ", "usermod -aG bluetooth")


async def test_a_daemon_that_runs_must_be_stopped_first(desk: Desk) -> None:
    await desk.sim.button(LOCK)
    before = await paired_at(desk.sim)
    database = await open_database(desk.folder / "gatewayd.db", SystemClock())
    try:
        done = await desk.pair("--address", ADDRESS)
    finally:
        await database.close()
    refused(done, "in use", "stop the daemon first: systemctl stop gatewayd, pair, start it again")
    assert await paired_at(desk.sim) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
async def test_root_makes_no_files_that_the_daemon_could_not_open(desk: Desk) -> None:
    os.chown(desk.folder, 1, 1)
    refused(await desk.pair(), "belongs to the daemon's user", "sudo -u")
    assert not [*desk.folder.glob("gatewayd.db*")]


async def test_the_doctor_looks_at_bluez_and_its_adapters(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in desk.sim.environment.items():
        monkeypatch.setenv(name, value)
    hci = Bluetooth(adapters=("hci0", "hci9"))
    assert [each.state for each in await bluetooth(hci)] == ["ok", "broken"]
    await desk.sim.bus_faults(adapter="hci0", powered=False)
    assert [each.state for each in await bluetooth(hci)] == ["broken", "broken"]
    await desk.sim.bus_faults(service_rights=False)
    (found,) = await bluetooth(hci)
    assert (found.state, "usermod -aG bluetooth" in found.mend) == ("broken", True)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={desk.folder / 'no-bus'}")
    (found,) = await bluetooth(hci)
    assert (found.state, "no system bus" in found.text) == ("broken", True)
