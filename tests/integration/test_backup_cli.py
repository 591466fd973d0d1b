"""`gatewayd backup` and `gatewayd restore`, as typed and as scripts read them."""

import asyncio
import json
import logging
import os
import pty
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from gatewayd.cli.main import main
from tests.house import opened, reservation, site

ROOT = Path(__file__).parents[2]
PASSPHRASE = "six words that nobody would ever guess"
CONFIG = """\
[hub]
org = "acme"
site = "lakeside"
id = "{id}"
[mqtt]
host = "127.0.0.1"
tls = false
[store]
path = "gatewayd.db"
"""


@dataclass(frozen=True)
class Machine:
    """Where somebody types."""

    folder: Path

    def make(self, hub: str = "hub-1") -> "Machine":
        self.folder.mkdir()
        self.config.write_text(CONFIG.format(id=hub))
        self.secret.write_text(f"{PASSPHRASE}\n")
        return self

    @property
    def config(self) -> Path:
        return self.folder / "gatewayd.toml"

    @property
    def secret(self) -> Path:
        return self.folder / "passphrase"

    async def run(self, *words: str | Path) -> Result:
        options = ("--config", self.config, "--passphrase-file", self.secret)
        typed = [str(word) for word in (*words, *options)]
        return await run(*typed)

    async def live(self) -> set[str]:
        async with opened(self.folder) as house:
            return await house.live()

    def files(self) -> set[str]:
        """Besides the lock, which is nobody's."""
        return {path.name for path in self.folder.iterdir()} - {"gatewayd.db.lock"}


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    """What a command does to its process does not outlast the test."""
    root = logging.getLogger()
    before, handlers, level = structlog.get_config(), root.handlers[:], root.level
    mask = os.umask(0o022)
    yield
    os.umask(mask)
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "hub.backup"


@pytest.fixture
async def old(tmp_path: Path) -> Machine:
    """A hub with one guest."""
    machine = Machine(tmp_path / "old").make()
    async with opened(machine.folder) as house:
        await house.send("site.put", site())
        await house.send("reservation.put", reservation())
    return machine


@pytest.fixture
def new(tmp_path: Path) -> Machine:
    """Another machine, configured as the old one was."""
    return Machine(tmp_path / "new").make()


async def run(*words: str) -> Result:
    """A command has a loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, main, words, prog_name="gatewayd")


def refused(result: Result, said: str, status: int = 1) -> None:
    """In words, and never with the passphrase."""
    assert (result.exit_code, result.stdout) == (status, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 2  # and what to do
    assert PASSPHRASE not in result.stderr


async def test_what_one_machine_saves_another_restores(
    old: Machine, new: Machine, file: Path
) -> None:
    saved = await old.run("backup", file)
    assert saved.exit_code == 0, saved.output
    assert saved.stdout.startswith("acme/lakeside/hub-1 as of 20")
    assert file.stat().st_mode & 0o777 == 0o600
    restored = await new.run("restore", file)
    assert restored.exit_code == 0, restored.output
    assert saved.stdout.split()[3] in restored.stdout
    assert "systemctl start gatewayd" in restored.stderr
    assert "old hub" in restored.stderr
    assert await new.live() == {"R1"}


async def test_scripts_read_json(old: Machine, new: Machine, file: Path) -> None:
    saved = json.loads((await old.run("backup", file, "--json")).stdout)
    assert saved == {
        "ok": True,
        "file": str(file),
        "bytes": file.stat().st_size,
        "hub": "acme/lakeside/hub-1",
        "made_at": saved["made_at"],
    }
    told = {"ok": True, "hub": saved["hub"], "made_at": saved["made_at"]}
    assert json.loads((await new.run("restore", file, "--json")).stdout) == told | {"kept": None}
    again = await new.run("restore", file, "--json")
    assert (again.exit_code, again.stderr) == (1, "")
    said = json.loads(again.stdout)
    assert said["ok"] is False
    assert "already" in said["error"]
    assert "--force" in said["what_to_do"]
    kept = json.loads((await new.run("restore", file, "--json", "--force")).stdout)["kept"]
    assert (Path(kept) / "gatewayd.db").exists()


async def test_a_file_that_is_there_is_written_over_only_on_request(
    old: Machine, file: Path
) -> None:
    file.write_text("something else")
    refused(await old.run("backup", file), "is there already")
    assert file.read_text() == "something else"
    assert (await old.run("backup", file, "--force")).exit_code == 0
    assert file.read_bytes().startswith(b"gatewayd backup 1\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in file.parent.iterdir()} == {"old", file.name}


async def test_a_place_that_cannot_be_written_leaves_nothing(old: Machine, tmp_path: Path) -> None:
    refused(await old.run("backup", tmp_path / "no" / "hub.backup"), "No such file or directory")
    (tmp_path / "there").mkdir()
    assert (
        await old.run("backup", tmp_path / "there", "--force")
    ).exit_code == 2  # click: a folder
    assert [*(tmp_path / "there").iterdir()] == []


async def test_a_short_passphrase_is_refused(old: Machine, file: Path) -> None:
    old.secret.write_text("short words\n")
    refused(await old.run("backup", file), "too short", 2)
    assert not file.exists()


async def test_without_a_database_there_is_nothing_to_save(new: Machine, file: Path) -> None:
    refused(await new.run("backup", file), "cannot read the database")
    assert not file.exists()
    assert "gatewayd.db" not in new.files()


async def test_a_wrong_passphrase_changes_nothing(old: Machine, new: Machine, file: Path) -> None:
    await old.run("backup", file)
    before = new.files()
    new.secret.write_text(f"{PASSPHRASE}, or would they\n")
    refused(await new.run("restore", file), "the passphrase is wrong")
    assert new.files() == before


async def test_a_damaged_file_changes_nothing_of_what_is_there(old: Machine, file: Path) -> None:
    await old.run("backup", file)
    file.write_bytes(file.read_bytes()[:-100])
    before = old.files()
    refused(await old.run("restore", file, "--force"), "damaged or cut short")
    assert old.files() == before
    assert await old.live() == {"R1"}


async def test_a_database_that_is_there_is_replaced_only_on_request(
    old: Machine, new: Machine, file: Path
) -> None:
    await old.run("backup", file)
    async with opened(new.folder) as house:
        await house.send("site.put", site())
        await house.send("reservation.put", reservation("R9"))
    refused(await new.run("restore", file), "there is a database already")
    assert await new.live() == {"R9"}
    result = await new.run("restore", file, "--force")
    assert result.exit_code == 0, result.output
    assert await new.live() == {"R1"}
    (kept,) = new.folder.glob("before-restore-*")
    assert str(kept) in result.stderr
    assert await Machine(kept).live() == {"R9"}


async def test_while_a_daemon_runs_nothing_is_restored(
    old: Machine, new: Machine, file: Path
) -> None:
    await old.run("backup", file)
    async with opened(new.folder) as house:
        refused(await new.run("restore", file, "--force"), "in use")
        assert await house.live() == set()


async def test_the_backup_of_another_hub_is_not_taken(
    old: Machine, tmp_path: Path, file: Path
) -> None:
    await old.run("backup", file)
    other = Machine(tmp_path / "other").make("hub-2")
    refused(
        await other.run("restore", file),
        "a backup of acme/lakeside/hub-1, not of acme/lakeside/hub",
    )
    assert "gatewayd.db" not in other.files()


async def test_a_wrong_configuration_is_exit_code_78(old: Machine, file: Path) -> None:
    old.config.write_text(CONFIG.format(id="hub-1") + "nonsense = 1\n")
    for command in ("backup", "restore"):
        refused(await old.run(command, file), "nonsense", 78)


async def test_without_a_terminal_the_passphrase_must_be_in_a_file(
    old: Machine, file: Path
) -> None:
    words = ["backup", str(file), "--config", str(old.config)]
    refused(await run(*words), "no terminal", 2)
    old.secret.unlink()
    refused(await old.run("backup", file), "cannot be read", 2)
    assert not file.exists()


ASKED, AGAIN = b"unseen): ", b"confirmation: "


async def typed(
    words: Sequence[str], lines: Sequence[tuple[bytes, str]]
) -> tuple[int, bytes, bytes]:
    """A command at a terminal, its questions with their answers: its status, what it said, and what
    the terminal showed."""
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gatewayd", *words),
            stdin=theirs,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,  # without the terminal of whoever runs the tests
        )
        assert process.stderr is not None
        said = b""
        async with asyncio.timeout(60):
            for question, line in lines:
                said += await process.stderr.readuntil(question)
                os.write(ours, f"{line}\n".encode())
            out, err = await process.communicate()
        os.set_blocking(ours, False)
        try:
            shown = os.read(ours, 4096)
        except OSError:  # nothing
            shown = b""
    finally:
        os.close(ours)
        os.close(theirs)
    assert process.returncode is not None
    return process.returncode, said + out + err, shown


async def test_at_a_terminal_it_is_asked_for_twice_and_never_shown(
    old: Machine, new: Machine, file: Path
) -> None:
    words = ["backup", str(file), "--config", str(old.config)]
    slip = [(ASKED, PASSPHRASE), (AGAIN, "something else")]
    status, said, shown = await typed(words, [*slip, (ASKED, PASSPHRASE), (AGAIN, PASSPHRASE)])
    assert status == 0, said
    assert PASSPHRASE.encode() not in said + shown
    words = ["restore", str(file), "--config", str(new.config)]
    status, said, shown = await typed(words, [(ASKED, PASSPHRASE)])
    assert status == 0, said
    assert PASSPHRASE.encode() not in said + shown
    assert await new.live() == {"R1"}
