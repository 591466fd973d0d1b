"""`gatewayd resync`, `sync`, `open`, `replace` and `adopt`: what is said of one lock."""

from datetime import datetime
from pathlib import Path

import click

from gatewayd.cli import complete
from gatewayd.cli.client import answered
from gatewayd.cli.names import lock_named
from gatewayd.cli.options import JSON, SOCKET
from gatewayd.cli.say import EXITS, WAIT, carry_out
from gatewayd.cli.trouble import USAGE, Trouble

LOCAL = click.DateTime(["%Y-%m-%dT%H:%M"])


@click.command(epilog=EXITS)
@click.argument("name", metavar="LOCK", shell_complete=complete.locks)
@SOCKET
@WAIT
@JSON
def resync(name: str, socket: Path, seconds: int, as_json: bool) -> None:
    """Read again what is on a lock, and put back what is missing."""
    with answered(socket, as_json=as_json) as door:
        said = {"lock_id": lock_named(door, name, exactly=True)}
        carry_out(door, "lock.resync", said, seconds=seconds, as_json=as_json)


@click.command("open", epilog=EXITS)
@click.argument("name", metavar="LOCK", shell_complete=complete.locks)
@SOCKET
@WAIT
@JSON
def open_(name: str, socket: Path, seconds: int, as_json: bool) -> None:
    """Draw the bolt of a lock, once and now."""
    with answered(socket, as_json=as_json) as door:
        said = {"lock_id": lock_named(door, name, exactly=True), "action": "unlock"}
        carry_out(door, "lock.operate", said, seconds=seconds, as_json=as_json)


@click.command(epilog=EXITS)
@click.argument("name", metavar="LOCK", shell_complete=complete.locks)
@SOCKET
@WAIT
@JSON
def sync(name: str, socket: Path, seconds: int, as_json: bool) -> None:
    """Try at once what waits at a lock, for who stands there."""
    with answered(socket, as_json=as_json) as door:
        said = {"lock_id": lock_named(door, name, exactly=True)}
        carry_out(door, "lock.sync_now", said, seconds=seconds, as_json=as_json)


@click.command(epilog=EXITS)
@click.argument("old", shell_complete=complete.locks)
@click.argument("new", shell_complete=complete.locks)
@SOCKET
@WAIT
@JSON
def replace(old: str, new: str, socket: Path, seconds: int, as_json: bool) -> None:
    """Put lock NEW on the doors of lock OLD.

    Both are locks of the site document, and NEW has answered. The next site
    document must say the same. What is on OLD is forgotten: reset it before
    it is used again.
    """
    with answered(socket, as_json=as_json) as door:
        said = {
            "old": lock_named(door, old, exactly=True),
            "new": lock_named(door, new, exactly=True),
        }
        carry_out(door, "lock.replace", said, seconds=seconds, as_json=as_json)


@click.command(epilog=EXITS)
@click.argument("name", metavar="LOCK", shell_complete=complete.locks)
@click.argument("slots", metavar="SLOT...", nargs=-1, required=True, type=click.IntRange(0))
@click.option(
    "--key",
    metavar="ID",
    help="The key that has the code of that one slot.",
    shell_complete=complete.keys,
)
@click.option("--name", "holder", metavar="NAME", help="Else: of the new keys, such as cleaner.")
@click.option("--ends", type=LOCAL, metavar="YYYY-MM-DDTHH:MM", help="When the new keys end.")
@SOCKET
@WAIT
@JSON
def adopt(
    *,
    name: str,
    slots: tuple[int, ...],
    key: str | None,
    holder: str | None,
    ends: datetime | None,
    socket: Path,
    seconds: int,
    as_json: bool,
) -> None:
    """Take over codes that people put into a lock.

    gatewayd lock LOCK names their slots. From then on the hub keeps them
    there, and removes them when they end.
    """
    with answered(socket, as_json=as_json) as door:
        if (key is None) == (holder is None) or (key is not None and len(slots) > 1):
            raise Trouble("whose codes?", "give --name, or for one slot --key", USAGE)
        known = {"key_id": key, "name": holder, "ends": f"{ends:%Y-%m-%dT%H:%M}" if ends else None}
        each = {word: value for word, value in known.items() if value is not None}
        said = {
            "lock_id": lock_named(door, name, exactly=True),
            "slots": [{"slot": n, **each} for n in slots],
        }
        carry_out(door, "lock.adopt", said, seconds=seconds, as_json=as_json)
