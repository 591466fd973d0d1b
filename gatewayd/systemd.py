"""Telling systemd how it goes: sd_notify(3) over its datagram socket."""

import os
import socket


def notify(state: str) -> None:
    """Send e.g. `READY=1`; without systemd nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.sendto(state.encode(), address)


def watchdog_interval() -> float | None:
    """Seconds between pings: half of what systemd waits for, or None where it does not."""
    microseconds = os.environ.get("WATCHDOG_USEC")
    return int(microseconds) / 2_000_000 if microseconds else None
