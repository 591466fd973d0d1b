"""The machine: its clock, the unit that keeps the daemon alive, the daemon itself."""

import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from gatewayd.cli.checks.finding import Finding, broken, ok, warning
from gatewayd.cli.client import Door
from gatewayd.cli.trouble import Trouble
from gatewayd.clock import kernel_synchronised
from gatewayd.config import Config

UNIT_S = 5.0
"""Seconds that systemd may take for an answer."""
SHOWN = ("LoadState", "ActiveState", "WatchdogUSec", "Restart")
NEVER = {"", "0", "infinity"}
"""What systemd says where it watches nothing."""


def clock(config: Config, synchronised: Callable[[], bool] = kernel_synchronised) -> Finding:
    """Whether stays can begin and end when they should."""
    try:
        if synchronised():
            return ok("clock", "the kernel's is synchronised")
    except OSError as error:
        return warning("clock", f"the kernel does not tell: {error.strerror}", "timedatectl")
    text, todo = "the kernel's is not synchronised", "sudo timedatectl set-ntp true"
    if config.clock.trust == "always":
        return warning("clock", f"{text}, and it is trusted all the same", todo)
    return broken("clock", f"{text}: codes go in early and come out late", todo)


def daemon(config: Config, version: str) -> list[Finding]:
    """Whether it answers, and is the program that lies here."""
    here = ok("version", f"gatewayd {version}, Python {platform.python_version()}")
    try:
        hub = Door(Path(config.local.socket)).get("/v1/status")
    except Trouble as trouble:
        return [here, broken("daemon", trouble.error, trouble.what_to_do)]
    if hub["version"] != version:
        text = f"gatewayd {hub['version']} runs, and {version} is installed"
        return [warning("version", text, "sudo systemctl restart gatewayd")]
    if alerts := len(hub["alerts"]):
        return [here, warning("daemon", f"it runs, with alerts: {alerts}", "gatewayd status")]
    return [here, ok("daemon", "it runs, without alerts")]


def unit(name: str = "gatewayd.service") -> Finding:
    """Whether systemd starts it again, also where it hangs."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return warning("unit", "there is no systemd here", "start it again yourself if it ends")
    words = [systemctl, "show", name, *(f"--property={each}" for each in SHOWN)]
    try:
        shown = subprocess.run(  # noqa: S603  # systemd's own program
            words, capture_output=True, text=True, timeout=UNIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return warning("unit", "systemd does not answer", f"systemctl status {name}")
    return judged(name, shown.stdout)


def judged(name: str, shown: str) -> Finding:
    """What `systemctl show` says of a unit."""
    said = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    if said.get("LoadState") != "loaded":
        todo = "install systemd/gatewayd.service, as the README says"
        return warning("unit", f"{name} is not installed", todo)
    if said.get("WatchdogUSec", "") in NEVER:
        return broken("unit", f"{name} has no watchdog", "set WatchdogSec=60s in the unit")
    if said.get("Restart") != "always":
        return broken("unit", f"{name} is not started again", "set Restart=always in the unit")
    if said.get("ActiveState") != "active":
        state = said.get("ActiveState", "unknown")
        return broken("unit", f"{name} is {state}", f"sudo systemctl enable --now {name}")
    return ok("unit", f"{name} is active, watched and started again")
