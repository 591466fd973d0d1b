"""What a person types, and what a script reads."""

import json
import re
import socket
import subprocess
import sys
import tomllib
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from gatewayd.cli import complete
from gatewayd.cli.main import main
from gatewayd.cli.pair_zwave import lines
from gatewayd.cli.show import lock, status
from gatewayd.clock import SystemClock
from gatewayd.config import Local

ROOT = Path(__file__).parents[2]
COMMANDS = main.list_commands(click.Context(main))
CONFIG = """\
[hub]
org = "acme"
site = "lakeside"
id = "hub-1"
[mqtt]
host = "127.0.0.1"
tls = false
"""
SITE = """\
version = 1
zone = "Europe/Zurich"
[[properties]]
id = "flat-1"
name = "Flat 1"
check_in = "15:00"
check_out = "11:00"
locks = ["front"]
[[locks]]
id = "front"
name = "Front door"
driver = "zwave"
address = "2"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gatewayd.toml"
    path.write_text(CONFIG)
    return path


def run(*words: str | Path) -> Result:
    """As typed after `gatewayd`."""
    return CliRunner().invoke(main, [str(word) for word in words], prog_name="gatewayd")


def test_the_version_is_the_packages() -> None:
    result = run("--version")
    assert (result.exit_code, result.output) == (0, f"gatewayd {version('gatewayd')}\n")


@pytest.mark.parametrize(
    "command",
    [
        [],
        *([name] for name in COMMANDS),
        ["pair", "nuki"],
        ["pair", "zwave"],
    ],
    ids=str,
)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_explains_itself(command: list[str], flag: str) -> None:
    result = run(*command, flag)
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: gatewayd {' '.join(command)}")
    assert max(map(len, result.output.splitlines())) <= 80


def test_the_help_names_every_command_with_a_sentence() -> None:
    listed = run("--help").output.split("Commands:")[1].splitlines()
    told = {line.split()[0]: line.split()[1:] for line in listed if line.strip()}
    assert told.keys() == set(COMMANDS)
    assert all(told.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_on_its_page(name: str) -> None:
    assert re.search(rf"`(gatewayd )?{name}[` ]", (ROOT / "docs/command-line.md").read_text())


def test_an_unknown_command_is_exit_code_2() -> None:
    assert run("dance").exit_code == 2


def test_check_says_that_all_is_well(file: Path) -> None:
    result = run("check", "--config", file)
    assert (result.exit_code, result.stdout) == (0, f"{file} is fine\n")


def test_check_says_each_fault_on_a_line_of_its_own(file: Path) -> None:
    file.write_text(CONFIG + 'prot = 1\nport = "x"\n')
    result = run("check", "--config", file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert [line.split(" ")[:2] for line in result.stderr.splitlines()] == [
        [f"{file}:9:", "mqtt.port"],
        [f"{file}:8:", "mqtt.prot"],
    ]


@pytest.mark.parametrize(
    ("added", "ok"), [("", True), ("prot = 1\n", False), ('[site]\nfile = "no.toml"\n', False)]
)
def test_check_speaks_json_to_scripts(file: Path, added: str, ok: bool) -> None:
    file.write_text(CONFIG + added)
    result = run("check", "--config", file, "--json")
    assert result.exit_code == (0 if ok else 1)
    assert result.stderr == ""
    said = json.loads(result.stdout)
    assert said["ok"] is ok
    assert len(said["faults"]) == (0 if ok else 1)


def test_check_says_what_the_settings_want_installed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(CONFIG + "[metrics]\nport = 9110\n")
    assert run("check", "--config", file).exit_code == 0
    monkeypatch.setitem(sys.modules, "prometheus_client", None)  # as if it were not installed
    result = run("check", "--config", file)
    assert result.exit_code == 1
    assert "install requirements/metrics.txt" in result.stderr


def test_check_of_a_missing_file_says_so(tmp_path: Path) -> None:
    result = run("check", "--config", tmp_path / "no.toml")
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr


def test_check_reads_the_site_document_too(file: Path) -> None:
    file.write_text(CONFIG + '[site]\nfile = "site.toml"\n')
    (file.parent / "site.toml").write_text(SITE)
    assert run("check", "--config", file).exit_code == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('zone = "Europe/Zurich"', 'zone = "Mars"', ":2: zone - "),
        ("version = 1", "", ":1: version is missing"),
        ('locks = ["front"]', 'locks = ["attic"]', ":8: properties.0.locks.0 - "),
        ('check_in = "15:00"', "check_in = 15:00:00", ":6: properties.0.check_in - "),
        ('driver = "zwave"', "", ":9: locks.0.driver is missing"),
        ("version = 1", "version = nan", ":1: - NaN"),
        ("version = 1", "version = ", "Invalid value"),
    ],
)
def test_check_names_what_is_wrong_in_the_site_document(
    file: Path, old: str, new: str, said: str
) -> None:
    file.write_text(CONFIG + '[site]\nfile = "site.toml"\n')
    site = file.parent / "site.toml"
    site.write_text(SITE.replace(old, new))
    result = run("check", "--config", file)
    assert result.exit_code == 1
    assert str(site) in result.stderr
    assert said in result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (
            {'"Europe/Zurich"': '"Mars"', '"15:00"': '"noon"', 'driver = "zwave"\n': ""},
            ["2: zone - ", "6: properties.0.check_in - ", "9: locks.0.driver is missing"],
        ),
        (
            {
                '["front"]\n': '["attic", "front", "loft"]\n[properties.policy]\ngrace = "1h"\n',
                "[[locks]]": "[[locks]]\nid = 'front'\nname = 'F'\ndriver = 'd'\n"
                "address = '1'\n[[locks]]",
            },
            ["11: locks - ", "8: properties.0.locks.0 - ", "8: properties.0.locks.2 - "],
        ),
        (
            {"[[locks]]": "[properties.policy.pin]\nlength = 99\n[[locks]]\n[[locks]]"},
            [
                "10: properties.0.policy.pin.length - ",
                *(f"11: locks.0.{key} is missing" for key in ("id", "name", "driver", "address")),
            ],
        ),
    ],
    ids=["schema", "between the parts", "tables in tables"],
)
def test_check_names_all_that_is_wrong_in_the_site_document(
    file: Path, spoilt: dict[str, str], said: list[str]
) -> None:
    file.write_text(CONFIG + '[site]\nfile = "site.toml"\n')
    site, text = file.parent / "site.toml", SITE
    for old, new in spoilt.items():
        text = text.replace(old, new)
    site.write_text(text)
    found = run("check", "--config", file).stderr.splitlines()
    assert len(found) == len(said)
    for line, beginning in zip(found, said, strict=True):
        assert line.startswith(f"{site}:{beginning}")


def test_check_opens_the_files_that_the_configuration_names(file: Path) -> None:
    ca, password = file.parent / "ca.pem", file.parent / "password"
    text = CONFIG.replace("tls = false", 'ca_file = "ca.pem"\npassword_file = "password"')
    page = '[page]\nport = 8470\ntoken_file = "token"\n'
    file.write_text(f'{text}{page}[site]\nfile = "no.toml"\n')
    said = run("check", "--config", file).stderr.splitlines()
    assert [line.split(":")[0] for line in said] == [
        "mqtt.password_file",
        "page.token_file",
        f"mqtt.ca_file {ca}",
        f"site.file {file.parent / 'no.toml'}",
    ]
    password.write_text("s3cret\n")
    ca.write_text("no certificate\n")
    file.write_text(text)
    (said_of_ca,) = run("check", "--config", file).stderr.splitlines()
    assert said_of_ca.startswith(f"mqtt.ca_file {ca}: ")
    made = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=ca -keyout ca.key -out ca.pem"
    subprocess.run(made.split(), cwd=file.parent, check=True, capture_output=True)
    assert run("check", "--config", file).exit_code == 0


def test_a_hub_with_a_wrong_configuration_does_not_start_and_is_not_started_again(
    file: Path,
) -> None:
    # Fault 36
    file.write_text(CONFIG + "prot = 1\n")
    result = run("run", "--config", file)
    assert result.exit_code == 78  # EX_CONFIG: systemd's RestartPreventExitStatus
    assert f"{file}:8: mqtt.prot is not a setting" in result.stderr


OWN = '[store]\npath = "hub.db"\n'


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ('[store]\npath = "a folder/gatewayd.db"\n', 1),
        ('[store]\npath = "below a file/gatewayd.db"\n', 1),
        # Fault 36: what shows only at the start
        (f'{OWN}[clock]\ntrust = "always"\n[local]\nsocket = "below a file/h"\n', 78),
    ],
)
def test_a_hub_that_cannot_begin_says_so_in_one_line(file: Path, setting: str, code: int) -> None:
    file.write_text(CONFIG + setting)
    (file.parent / "a folder" / "gatewayd.db").mkdir(parents=True)
    (file.parent / "below a file").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "gatewayd", "run", "--config", str(file)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == code
    assert done.stderr.splitlines()[-1].startswith("gatewayd: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "kept"), [([], "asyncapi.json"), (["--local"], "openapi.json")], ids=str
)
def test_the_printed_contract_is_the_one_in_the_documentation(words: list[str], kept: str) -> None:
    result = run("contract", *words)
    assert result.exit_code == 0
    assert result.stdout == (ROOT / "docs" / kept).read_text()


def test_a_lock_keeps_its_id_at_another_address() -> None:
    assert tomllib.loads(lines(12, "front")) == {"address": "12"}
    (lock,) = tomllib.loads(lines(12, None))["locks"]
    assert lock == {"id": "lock-12", "name": "Lock 12", "driver": "zwave", "address": "12"}


def test_the_daemon_is_looked_for_where_it_answers() -> None:
    asked = next(option for option in status.params if option.name == "socket")
    assert asked.default == Path(Local().socket)


def test_a_daemon_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    result = run("status", "--socket", tmp_path / "hub.sock")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "does not answer" in result.stderr
    assert "systemctl status gatewayd" in result.stderr
    result = run("locks", "--socket", tmp_path / "hub.sock", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["ok"] is False


def test_who_may_not_ask_is_told_how_to_be_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:  # root, who may run this, is refused nothing
        raise PermissionError

    monkeypatch.setattr("gatewayd.cli.client._Connection.connect", refuse)
    result = run("status", "--socket", tmp_path / "hub.sock")
    assert result.exit_code == 3
    assert "usermod -aG gatewayd" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: str) -> None:
    said = run("completion", shell).output
    assert f"_GATEWAYD_COMPLETE={shell}_complete" in said
    assert "gatewayd" in said


@pytest.mark.parametrize("daemon", ["none", "silent"])
def test_tab_completes_nothing_and_at_once_where_the_daemon_does_not_answer(
    tmp_path: Path, daemon: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hub.sock"
    context = click.Context(lock, resilient_parsing=True)
    context.params["socket"] = path
    with closing(socket.socket(socket.AF_UNIX)) as served:
        if daemon == "silent":
            served.bind(str(path))
            served.listen()
        begun = SystemClock().tick()
        assert complete.subjects(context, lock.params[0], "") == []
    assert SystemClock().tick() - begun < 1
    assert capfd.readouterr() == ("", "")
