"""Files: who may read secrets, whether the database is whole, room on the disk."""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

from gatewayd.cli.checks.finding import Finding, broken, ok, warning
from gatewayd.config import Config
from gatewayd.store.room import BALLAST

OTHERS = 0o077
"""The rights of everybody but the owner."""
SCARCE = 100 * 1024 * 1024
"""Bytes that a log, an update and a backup may take in a day."""
AS_DAEMON = "sudo -u gatewayd gatewayd doctor sees more"


def secrets(config: Config) -> list[Finding]:
    """The broker's password, the hub's own key and the page's token: their owner's alone."""
    token = config.page.token_file if config.page else None
    files = (config.mqtt.password_file, config.mqtt.key_file, token)
    return [_secret(path) for path in files if path is not None]


def _secret(path: Path) -> Finding:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        return broken("secrets", f"{path}: {error.strerror}", "gatewayd check")
    if mode & OTHERS:
        text = f"{path} is not its owner's alone (mode {mode:o})"
        return broken("secrets", text, f"chmod 600 {path}")
    return ok("secrets", f"{path} is its owner's alone")


def folder(config: Config) -> Finding:
    """The database's: there are codes in it."""
    path = config.store.path.parent
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        return warning("folder", f"{path}: {error.strerror}", "start the daemon once, it makes it")
    if mode & OTHERS:
        return broken("folder", f"{path} is open to others (mode {mode:o})", f"chmod 700 {path}")
    return ok("folder", f"{path} is its owner's alone")


def door(config: Config) -> Finding:
    """The local door, and whether we are let in."""
    if not config.local.socket:
        todo = "set [local] socket, or leave it out"
        return warning("socket", "the hub has no local door", todo)
    path = Path(config.local.socket)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        todo = "systemctl start gatewayd"
        if isinstance(error, PermissionError):
            todo = "sudo usermod -aG gatewayd $USER, then log in again"
        return warning("socket", f"{path}: {error.strerror}", todo)
    if not stat.S_ISSOCK(mode):
        return broken("socket", f"{path} is no socket", "remove it, and restart the daemon")
    if stat.S_IMODE(mode) & 0o007:
        return broken("socket", f"{path} is open to everybody", f"chmod 660 {path}")
    if not os.access(path, os.R_OK | os.W_OK):
        todo = "sudo usermod -aG gatewayd $USER, then log in again"
        return warning("socket", f"{path}: not for you", todo)
    return ok("socket", f"{path} is for its group")


def database(config: Config) -> Finding:
    """Read whole, and nothing is written."""
    path = config.store.path
    try:
        if not path.exists():
            return warning("database", f"{path} is not there yet", "systemctl start gatewayd")
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as connection:
            ((verdict, *_), *_) = connection.execute("PRAGMA quick_check(1)").fetchall()
    except (sqlite3.OperationalError, PermissionError) as error:
        return warning("database", f"{path}: {error}", AS_DAEMON)
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    if verdict != "ok":
        todo = "restart the daemon: it puts it aside and asks the cloud; or gatewayd restore"
        return broken("database", f"{path}: {verdict}", todo)
    return ok("database", f"{path} is whole")


def disk(config: Config) -> list[Finding]:
    """Room, and the ballast that gives way where there is none."""
    path = config.store.path.parent
    try:
        there = os.statvfs(path)
        ballast = (path / "ballast").exists()
        database_there = config.store.path.exists()
    except OSError as error:
        return [warning("disk", f"{path}: {error.strerror}", AS_DAEMON)]
    return [room(there.f_bavail * there.f_frsize), *_ballast(path, ballast or not database_there)]


def room(free: int) -> Finding:
    """Bytes that are free."""
    text, todo = f"{free // 1024**2} MB are free", "make room: journalctl --vacuum-size=100M"
    if free < 2 * BALLAST:
        return broken("disk", text, todo)
    return warning("disk", text, todo) if free < SCARCE else ok("disk", text)


def _ballast(path: Path, there: bool) -> list[Finding]:
    if there:
        return []
    text = f"the ballast in {path} is gone: the disk was full"
    return [warning("disk", text, "make room; the daemon takes it again")]
