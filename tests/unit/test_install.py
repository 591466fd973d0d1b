"""The steps that install and pair, held against the units and tried in a folder."""

import json
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import click
import pytest

from gatewayd.cli.main import main
from gatewayd.config import Local

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "docs" / "install.md", ROOT / "docs" / "pairing.md")
STEPS = [
    step
    for page in PAGES
    for step in re.findall(r"   ```sh\n(.*?)   ```", page.read_text(), re.DOTALL)
]


def setting(unit: str, name: str) -> str:
    """The last value of a setting in a unit's [Service] section."""
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # names are case sensitive
    parser.read(ROOT / "systemd" / unit)
    return parser["Service"][name]


def carry_out(step: str, root: Path) -> None:
    """A step's commands below a folder, as whoever runs the tests; nothing is edited or listed."""
    step = re.sub(r"(sudo|-o gatewayd|-g [a-z-]+) ", "", step).replace(" /etc/", f" {root}/etc/")
    lines = [x for x in step.splitlines() if not re.match(r"\s*(ls|sudoedit|-u) ", x)]
    (root / "etc/default").mkdir(parents=True, exist_ok=True)
    subprocess.run(["sh", "-euc", "\n".join(lines)], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("unit", ["gatewayd.service", "zwave-js-server.service"])
def test_the_steps_make_what_the_units_expect(unit: str) -> None:
    steps = "".join(STEPS)
    assert re.search(f"useradd .* {setting(unit, 'User')}\n", steps)
    assert setting(unit, "User") == setting(unit, "Group")
    assert f"systemd/{unit} " in steps
    assert re.search(f"enable --now .*{unit.removesuffix('.service')}", steps)
    wanted = re.findall(r"/(?:usr/lib|etc)/[a-z-]+", (ROOT / "systemd" / unit).read_text())
    for path in {*wanted} - {"/usr/lib/systemd", "/etc/default"}:
        assert path in steps
    assert "/usr/lib/gatewayd/venv/bin/gatewayd" in steps
    assert setting("gatewayd.service", "ExecStart").startswith("/usr/lib/gatewayd/venv/bin/")


def test_the_local_door_lies_in_a_folder_that_the_unit_makes_for_the_group() -> None:
    folder = Path("/run") / setting("gatewayd.service", "RuntimeDirectory")
    assert Path(Local().socket).parent == folder
    assert setting("gatewayd.service", "RuntimeDirectoryMode") == "0750"


def test_the_z_wave_server_gets_four_keys_of_its_own(tmp_path: Path) -> None:
    carry_out(STEPS[2], tmp_path)
    file = tmp_path / "etc/zwave-js-server/zwave-js-server.json"
    assert file.stat().st_mode & 0o777 == 0o640
    keys = json.loads(file.read_text())["securityKeys"].values()
    assert len(set(keys)) == 4
    assert all(re.fullmatch("[0-9a-f]{32}", key) for key in keys)
    stick = (tmp_path / "etc/default/zwave-js-server").read_text()
    assert re.fullmatch(r"ZWAVE_DEVICE=/dev/serial/by-id/\S+\n", stick)


def test_the_examples_pass_the_check_where_the_steps_put_them(tmp_path: Path) -> None:
    carry_out(STEPS[3], tmp_path)
    folder = tmp_path / "etc/gatewayd"
    assert (folder / "mqtt-password").stat().st_mode & 0o777 == 0o600
    config = folder / "gatewayd.toml"
    config.write_text(config.read_text().replace('"/etc/', f'"{tmp_path}/etc/'))
    check = [sys.executable, "-m", "gatewayd", "check", "--config", str(config)]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_who_pairs_is_the_daemons_user_and_may_speak_to_bluez() -> None:
    """A group that the unit names and the machine lacks would keep the daemon from starting."""
    steps, user = "".join(STEPS), setting("gatewayd.service", "User")
    assert f"usermod -aG bluetooth {user}\n" in steps
    assert "SupplementaryGroups" not in (ROOT / "systemd/gatewayd.service").read_text()
    pairing = re.search(r"sudo -u (\S+) \S+/bin/gatewayd (pair nuki)\n", steps)
    assert pairing is not None
    assert pairing[1] == user
    assert main.get_command(click.Context(main), pairing[2].split()[0])
    assert steps.index("stop gatewayd") < pairing.start() < steps.index("systemctl start gatewayd")
