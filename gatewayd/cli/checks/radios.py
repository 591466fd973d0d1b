"""The radios: the Z-Wave server, its settings and its port; BlueZ and its adapters."""

import asyncio
import grp
import ipaddress
import json
import os
import pwd
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from gatewayd.cli.checks.finding import Finding, broken, ok, warning
from gatewayd.config import Bluetooth, Config

if TYPE_CHECKING:
    from zwave_js_server.model.version import VersionInfo

ANSWERS_S = 5.0
LISTENS = "0A"
"""A socket's state in /proc/net/tcp, see proc(5)."""
SETTINGS = Path("/etc/zwave-js-server/zwave-js-server.json")
"""Where the README puts the server's."""
LOOK = "it clears all codes of a lock at its first interview unless it is true"


async def zwave(url: str) -> Finding:
    """Whether the server answers, and speaks as we do."""
    from zwave_js_server.exceptions import BaseZwaveJSServerError  # noqa: PLC0415  # slow to import
    from zwave_js_server.version import get_server_version  # noqa: PLC0415

    try:
        async with asyncio.timeout(ANSWERS_S), aiohttp.ClientSession() as session:
            said = await get_server_version(url, session)
    except (OSError, aiohttp.ClientError, BaseZwaveJSServerError) as error:
        why = str(error) or "no answer"
        return broken("zwave", f"{url}: {why}", "systemctl status zwave-js-server")
    return speaks(said, url)


def speaks(said: "VersionInfo", url: str) -> Finding:
    """Whether we understand a server."""
    from zwave_js_server.const import MAX_SERVER_SCHEMA_VERSION as OURS  # noqa: PLC0415
    from zwave_js_server.const import MIN_SERVER_SCHEMA_VERSION as LEAST  # noqa: PLC0415

    text = f"zwave-js server {said.server_version}, driver {said.driver_version}"
    if said.max_schema_version < LEAST or said.min_schema_version > OURS:
        todo = "npm install @zwave-js/server@3.10.2 zwave-js@15.29.0, as the README says"
        return broken("zwave", f"{text}: it does not speak schema {LEAST} to {OURS}", todo)
    return ok("zwave", f"{text}, at {url}")


def settings(path: Path = SETTINGS) -> Finding:
    """`queryAllUserCodes`, from the server's own file: it tells nobody."""
    look = f"sudo grep queryAllUserCodes {path}"
    try:
        document = json.loads(path.read_text())
        asked = document.get("interview", {}).get("queryAllUserCodes")
    except OSError as error:
        text = f"{path}: {error.strerror}; is queryAllUserCodes true in its settings?"
        return warning("codes", text, f"{look}: {LOOK}")
    except (ValueError, AttributeError):
        return broken("codes", f"{path} is no JSON object", f"{look}: {LOOK}")
    if asked is not True:
        todo = f'set "interview": {{"queryAllUserCodes": true}} in {path}'
        return broken("codes", "the server clears codes when it meets a lock", todo)
    return ok("codes", "the server asks locks for their codes (queryAllUserCodes)")


def exposed(url: str, proc: Path = Path("/proc/net")) -> Finding:
    """Whether anybody else can reach the server: it asks nobody who they are."""
    there = urlsplit(url)
    port = there.port or (443 if there.scheme == "wss" else 80)
    if not _loopback(there.hostname or ""):
        text = f"the Z-Wave server is at {there.hostname}, for whoever is in that network"
        return warning("port", text, "run it on the hub, at 127.0.0.1")
    open_to = sorted(str(a) for a in _listening(port, proc) if not a.is_loopback)
    if open_to:
        todo = "sudo systemctl edit zwave-js-server: --host 127.0.0.1, as in systemd/"
        return broken("port", f"port {port} is open to others, at {', '.join(open_to)}", todo)
    return ok("port", f"port {port} is for this machine alone")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listening(port: int, proc: Path) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The addresses at which somebody takes connections to a port."""
    found = set()
    for name, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        try:
            lines = (proc / name).read_text().splitlines()[1:]
        except OSError:  # without IPv6
            continue
        for _, local, _, state, *_ in map(str.split, lines):
            address, at = local.split(":")
            if state == LISTENS and int(at, 16) == port:
                found.add(ipaddress.ip_address(socket.inet_ntop(family, _bytes(address))))
    return found


def _bytes(hexadecimal: str) -> bytes:
    """An address as the kernel prints it: words of four bytes, each in the machine's order."""
    words = (hexadecimal[i : i + 8] for i in range(0, len(hexadecimal), 8))
    return b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)


async def bluetooth(hci: Bluetooth) -> list[Finding]:
    """Whether BlueZ lets us in, and each adapter is on."""
    from dbus_fast.errors import DBusError  # noqa: PLC0415  # slow to import

    from gatewayd.locks.nuki.bluez import AccessDenied, watching  # noqa: PLC0415

    try:
        async with asyncio.timeout(ANSWERS_S), watching(lambda _: None) as bluez:
            on = await bluez.powered()
    except AccessDenied:
        todo = "sudo usermod -aG bluetooth gatewayd, and restart the daemon"
        return [broken("bluetooth", "BlueZ lets only its group speak to it", todo)]
    except (OSError, EOFError, DBusError) as error:
        why = str(error) or "no answer"
        return [broken("bluetooth", f"no system bus: {why}", "sudo systemctl start dbus bluetooth")]
    return [
        ok("bluetooth", f"{name} is on")
        if name in on
        else broken(
            "bluetooth",
            f"{name} is off, away, or BlueZ does not run",
            "sudo systemctl start bluetooth; bluetoothctl power on; rfkill list",
        )
        for name in hci.adapters
    ]


def member(config: Config, group: str = "bluetooth") -> Finding:
    """Whether the daemon's user, whose the database's folder is, may speak to BlueZ."""
    try:
        owner = pwd.getpwuid(config.store.path.parent.stat().st_uid)
        theirs = grp.getgrnam(group).gr_gid
    except (OSError, KeyError):
        todo = "apt-get install bluez, and start the daemon once"
        return warning("group", f"there is no group {group}, or no daemon's user yet", todo)
    if owner.pw_uid == 0 or theirs in os.getgrouplist(owner.pw_name, owner.pw_gid):
        return ok("group", f"{owner.pw_name} may speak to BlueZ")
    todo = f"sudo usermod -aG {group} {owner.pw_name}, and restart the daemon"
    return broken("group", f"{owner.pw_name} is not in the group {group}", todo)
