"""`gatewayd doctor`: each look at the real thing, once as it should be and once spoilt."""

import asyncio
import gc
import json
import os
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from zwave_js_server.model.version import VersionInfo

from gatewayd import app
from gatewayd.cli.checks import broker, files, machine, radios
from gatewayd.cli.checks.finding import Finding, State
from gatewayd.cli.main import main
from gatewayd.clock import SystemClock
from gatewayd.config import Config, Hub, Local, Mqtt, Store, Time
from gatewayd.store.database import open_database
from gatewayd.store.room import BALLAST, Room
from simulators.broker import Broker, find_mosquitto, free_port
from tests.integration.test_link import certificates

OK, WARNING, BROKEN = State
# paho leaves a socket whose handshake failed to the garbage collector
LEFT_OPEN = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
LOADED = "LoadState=loaded\nActiveState=active\nWatchdogUSec=1min\nRestart=always\n"


def config(folder: Path, **more: object) -> Config:
    """A hub's, with its database in a folder."""
    said = {
        "hub": Hub(org="o", site="s", id="h"),
        "mqtt": Mqtt(host="127.0.0.1", tls=False),
        "store": Store(path=folder / "gatewayd.db"),
        "local": Local(socket=str(folder / "hub.sock")),
    }
    return Config.model_validate(said | more)


def state(finding: Finding) -> State:
    """How it is; what is not well says what mends it."""
    assert (finding.state is State.OK) is (not finding.mend)
    return finding.state


def test_who_may_read_the_password(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("s3cret\n")
    told = config(tmp_path, mqtt=Mqtt(host="h", password_file=path))
    path.chmod(0o600)
    assert [state(each) for each in files.secrets(told)] == [OK]
    path.chmod(0o640)
    (found,) = files.secrets(told)
    assert (state(found), found.mend) == (BROKEN, f"chmod 600 {path}")
    assert "s3cret" not in str(found)
    path.unlink()
    assert [state(each) for each in files.secrets(told)] == [BROKEN]


def test_who_may_read_the_database(tmp_path: Path) -> None:
    there = tmp_path / "hub"
    assert state(files.folder(config(there))) is WARNING
    there.mkdir(0o700)
    assert state(files.folder(config(there))) is OK
    there.chmod(0o755)
    assert state(files.folder(config(there))) is BROKEN


def test_who_may_come_to_the_door(tmp_path: Path) -> None:
    told = config(tmp_path)
    path = Path(told.local.socket)
    assert state(files.door(told)) is WARNING
    with closing(socket.socket(socket.AF_UNIX)) as served:
        served.bind(str(path))
        path.chmod(0o660)
        assert state(files.door(told)) is OK
        path.chmod(0o666)
        assert state(files.door(told)) is BROKEN
    path.unlink()
    path.write_text("")
    assert state(files.door(told)) is BROKEN
    assert state(files.door(config(tmp_path, local=Local(socket="")))) is WARNING


async def test_whether_the_database_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = config(tmp_path)
    path = told.store.path
    assert state(files.database(told)) is WARNING
    database = await open_database(path, SystemClock())
    before = sorted(tmp_path.iterdir())
    assert state(files.database(told)) is OK, "while the daemon has it"
    monkeypatch.chdir(tmp_path)
    assert state(files.database(config(Path()))) is OK, "as it is named in the first steps"
    assert sorted(tmp_path.iterdir()) == before
    await database.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * 4096 + whole[8192:])
    assert state(files.database(told)) is BROKEN
    path.write_text("no database at all, and long enough to be taken for one" * 9)
    assert state(files.database(told)) is BROKEN


async def test_room_on_the_disk_and_the_ballast(tmp_path: Path) -> None:
    told = config(tmp_path)
    limits = (BALLAST, 2 * BALLAST, files.SCARCE)
    assert [state(files.room(free)) for free in limits] == [BROKEN, WARNING, OK]
    await (await open_database(told.store.path, SystemClock())).close()
    assert Room(told.store.path, SystemClock()).take()
    assert len(files.disk(told)) == 1
    (tmp_path / "ballast").unlink()
    _, found = files.disk(told)
    assert (state(found), "the disk was full" in found.text) == (WARNING, True)


@pytest.mark.parametrize(
    ("synchronised", "trust", "said"),
    [
        (True, "synchronised", OK),
        (False, "synchronised", BROKEN),
        (False, "always", WARNING),
    ],
)
def test_the_clock(tmp_path: Path, synchronised: bool, trust: str, said: State) -> None:
    told = config(tmp_path, clock=Time.model_validate({"trust": trust}))
    assert state(machine.clock(told, lambda: synchronised)) is said


def test_a_clock_that_may_not_be_asked_and_the_real_one(tmp_path: Path) -> None:
    def forbidden() -> bool:
        raise OSError(1, "adjtimex is forbidden")

    assert state(machine.clock(config(tmp_path), forbidden)) is WARNING
    state(machine.clock(config(tmp_path)))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "", OK),
        ("1min", "0", BROKEN),
        ("always", "no", BROKEN),
        ("=active", "=failed", BROKEN),
        ("=loaded", "=not-found", WARNING),
    ],
)
def test_what_systemd_says_of_the_unit(old: str, new: str, said: State) -> None:
    assert state(machine.judged("gatewayd.service", LOADED.replace(old, new))) is said


def test_systemd_is_asked_where_there_is_one() -> None:
    assert state(machine.unit("no-such-unit.service")) is WARNING


def test_a_daemon_that_is_not_there(tmp_path: Path) -> None:
    version, found = machine.daemon(config(tmp_path), "1.0")
    assert (state(version), state(found)) == (OK, BROKEN)
    assert "systemctl status gatewayd" in found.mend


async def reached(told: Config) -> list[Finding]:
    """What the broker's check finds, in a thread: it blocks."""
    clock = SystemClock()
    return await asyncio.to_thread(broker.broker, told, app.broker(told, clock), clock)


@LEFT_OPEN
async def test_the_broker(tmp_path: Path) -> None:
    gone = config(tmp_path, mqtt=Mqtt(host="127.0.0.1", port=free_port(), tls=False))
    (found,) = await reached(gone)
    assert (state(found), "cannot be reached" in found.text) == (BROKEN, True)
    async with Broker(tmp_path) as there:
        mqtt = Mqtt(host="127.0.0.1", port=there.port, tls=False)
        assert [state(each) for each in await reached(config(tmp_path, mqtt=mqtt))] == [OK]
        wrong = mqtt.model_copy(update={"tls": True})
        (found, _) = await reached(config(tmp_path, mqtt=wrong))
        assert (state(found), "mqtt.tls" in found.mend) == (BROKEN, True)
    silent = socket.create_server(("127.0.0.1", 0))
    with closing(silent):
        _, port = silent.getsockname()
        (found,) = await reached(
            config(tmp_path, mqtt=Mqtt(host="127.0.0.1", port=port, tls=False))
        )
    assert (state(found), "does not answer" in found.text) == (BROKEN, True)
    gc.collect()


def test_codes_that_travel_in_the_clear(tmp_path: Path) -> None:
    told = config(tmp_path, mqtt=Mqtt(host="broker.invalid", tls=False))
    clock = SystemClock()
    *_, found = broker.broker(told, app.broker(told, clock), clock)
    assert (state(found), found.about) == (WARNING, "tls")


@LEFT_OPEN
@pytest.mark.skipif(find_mosquitto() is None, reason="the embedded broker has no TLS here")
async def test_the_broker_with_tls_user_and_password(tmp_path: Path) -> None:
    port, mosquitto = free_port(), find_mosquitto()
    assert mosquitto is not None
    certificates(tmp_path)
    users = ["mosquitto_passwd", "-b", "-c", str(tmp_path / "users"), "hub", "s3cret"]
    await asyncio.to_thread(subprocess.run, users, check=True)
    (tmp_path / "conf").write_text(
        f"listener {port} 127.0.0.1\nuser root\nallow_anonymous false\n"
        f"password_file {tmp_path / 'users'}\ncafile {tmp_path / 'ca.pem'}\n"
        f"certfile {tmp_path / 'server.pem'}\nkeyfile {tmp_path / 'server.key'}\n"
    )
    word = tmp_path / "password"
    word.write_text("s3cret\n")
    mqtt = Mqtt(
        host="127.0.0.1",
        port=port,
        username="hub",
        password_file=word,
        ca_file=tmp_path / "ca.pem",
    )
    told = config(tmp_path, mqtt=mqtt)
    process = await asyncio.create_subprocess_exec(mosquitto, "-c", str(tmp_path / "conf"))
    try:
        async with asyncio.timeout(20):
            while (await reached(told))[0].state is not OK:  # noqa: ASYNC110  # until it listens
                await asyncio.sleep(0.05)
        word.write_text("guessed\n")
        found, _ = await reached(told)
        assert (state(found), "refuses" in found.text) == (BROKEN, True)
        assert "guessed" not in str(found)
        (tmp_path / "other").mkdir()
        certificates(tmp_path / "other")
        stranger = mqtt.model_copy(update={"ca_file": tmp_path / "other" / "ca.pem"})
        found, _ = await reached(config(tmp_path, mqtt=stranger))
        assert (state(found), "not trusted" in found.text) == (BROKEN, True)
    finally:
        process.terminate()
        await process.wait()
        gc.collect()


@pytest.fixture
def listening() -> Iterator[dict[str, int]]:
    """Ports at which somebody takes connections, by the address."""
    addresses = ["127.0.0.1", "0.0.0.0", "::1", "::"]  # noqa: S104  # that is the fault
    servers = {
        at: socket.create_server((at, 0), family=socket.AF_INET6 if ":" in at else socket.AF_INET)
        for at in addresses
    }
    yield {at: server.getsockname()[1] for at, server in servers.items()}
    for server in servers.values():
        server.close()


def test_who_can_reach_the_zwave_server(listening: dict[str, int]) -> None:
    found = {at: state(radios.exposed(f"ws://localhost:{port}")) for at, port in listening.items()}
    assert found == {"127.0.0.1": OK, "0.0.0.0": BROKEN, "::1": OK, "::": BROKEN}  # noqa: S104
    assert state(radios.exposed("ws://zwave.example:3000")) is WARNING
    assert state(radios.exposed("ws://[::1]:1")) is OK


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"interview": {"queryAllUserCodes": True}}, OK),
        ({"interview": {"queryAllUserCodes": False}}, BROKEN),
        ({}, BROKEN),
        ([], BROKEN),
        (None, WARNING),
    ],
)
def test_whether_the_zwave_server_leaves_codes_alone(
    tmp_path: Path, content: object, said: State
) -> None:
    path = tmp_path / "zwave-js-server.json"
    if content is not None:
        path.write_text(json.dumps(content))
    assert state(radios.settings(path)) is said


@pytest.mark.parametrize(("schemas", "said"), [((0, 50), OK), ((0, 9), BROKEN), ((99, 99), BROKEN)])
def test_a_zwave_server_of_another_age(schemas: tuple[int, int], said: State) -> None:
    version = VersionInfo("15", "3", 1, *schemas)
    assert state(radios.speaks(version, "ws://localhost:3000")) is said


async def test_a_zwave_server_that_is_not_there() -> None:
    found = await radios.zwave(f"ws://127.0.0.1:{free_port()}")
    assert (state(found), found.mend) == (BROKEN, "systemctl status zwave-js-server")


def test_whether_the_daemons_user_may_speak_to_bluez(tmp_path: Path) -> None:
    told = config(tmp_path)
    assert state(radios.member(told, "no-such-group")) is WARNING
    if os.geteuid() == 0:
        assert state(radios.member(told, "daemon")) is OK, "root may"
        os.chown(tmp_path, 65534, -1)  # nobody, who is in no other group
    assert state(radios.member(told, "daemon")) is BROKEN


def test_all_of_it_without_a_daemon(tmp_path: Path) -> None:
    path = tmp_path / "gatewayd.toml"
    path.write_text(
        '[hub]\norg = "o"\nsite = "s"\nid = "h"\n'
        f'[mqtt]\nhost = "127.0.0.1"\nport = {free_port()}\ntls = false\n'
        f'[zwave]\nurl = "ws://127.0.0.1:{free_port()}"\n'
        '[store]\npath = "gatewayd.db"\n[local]\nsocket = "hub.sock"\n'
    )
    words = ["doctor", "--config", str(path), "--zwave-config", str(tmp_path / "no.json")]
    result = CliRunner().invoke(main, [*words, "--json"])
    said = json.loads(result.stdout)
    assert (result.exit_code, said["ok"]) == (1, False)
    found = {each["about"]: each["state"] for each in said["findings"]}
    assert {about for about, state in found.items() if state == "broken"} >= {
        "daemon",
        "broker",
        "zwave",
    }
    assert found["config"] == "ok"
    assert found["codes"] == "warning"
    drawn = CliRunner(env={"COLUMNS": "80"}).invoke(main, words).stdout.splitlines()
    assert max(map(len, drawn)) <= 80
    assert any(line.split()[:1] == ["mend:"] for line in drawn)
    path.write_text(path.read_text() + "wrong = 1\n")
    said = json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout)
    assert {each["about"] for each in said["findings"]} == {"config", "unit"}
