"""`gatewayd backup-code`: the codes that lie ready on each lock."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatewayd.cli import complete
from gatewayd.cli.client import Document, answered
from gatewayd.cli.names import lock_named
from gatewayd.cli.options import JSON, SOCKET
from gatewayd.cli.say import EXITS, WAIT, carry_out
from gatewayd.cli.show import show, state

if TYPE_CHECKING:
    from gatewayd.cli.screen import Screen

PREFIX = "backup:"
"""Of the ids of their keys."""


@click.group("backup-code")
def backup_code() -> None:
    """Codes that lie ready on each lock, for need.

    To save the hub itself: gatewayd backup.
    """


@backup_code.command("list")
@click.argument("name", metavar="[LOCK]", required=False, shell_complete=complete.locks)
@SOCKET
@JSON
def list_(name: str | None, socket: Path, as_json: bool) -> None:
    """Which there are, at a lock or at all, and who has them."""
    with answered(socket, as_json=as_json) as door:
        there = [lock_named(door, name)] if name else _all(door.get("/v1/locks"))
        found = [key for id_ in there for key in door.get("/v1/codes", lock=id_)["keys"]]
        ours = {"keys": [key for key in found if key["key_id"].startswith(PREFIX)], "next": None}
        show(door, ours, _backups, as_json=as_json)


@backup_code.command(epilog=EXITS)
@click.argument("reservation")
@click.option("--door", "names", metavar="NAME", multiple=True, help="Else where it is needed.")
@click.option("--reason", required=True, help="For the record.")
@SOCKET
@WAIT
@JSON
def issue(
    *,
    reservation: str,
    names: tuple[str, ...],
    reason: str,
    socket: Path,
    seconds: int,
    as_json: bool,
) -> None:
    """Give a guest a backup code at each door that lacks his own.

    It is shown by gatewayd codes --reservation RESERVATION --reveal.
    """
    with answered(socket, as_json=as_json) as door:
        said = {
            "reservation_id": reservation,
            "doors": [lock_named(door, name, exactly=True) for name in names] or None,
            "reason": reason,
        }
        carry_out(door, "backup.issue", said, seconds=seconds, as_json=as_json)


@backup_code.command(epilog=EXITS)
@click.argument("name", metavar="LOCK", shell_complete=complete.locks)
@click.argument("label", required=False)
@SOCKET
@WAIT
@JSON
def rotate(name: str, label: str | None, socket: Path, seconds: int, as_json: bool) -> None:
    """Change a lock's backup codes, or the one with a LABEL: Backup-1."""
    with answered(socket, as_json=as_json) as door:
        said = {"lock_id": lock_named(door, name, exactly=True), "label": label}
        carry_out(door, "backup.rotate", said, seconds=seconds, as_json=as_json)


def _all(locks: Document) -> list[str]:
    return [lock["lock_id"] for lock in locks["locks"]]


def _backups(screen: "Screen", document: Document) -> None:
    screen.table(
        ("lock", "label", "state", "proof", "given to"),
        (
            (
                door["lock_id"],
                f"Backup-{key['key_id'].rpartition(':')[2]}",
                state(door),
                door["proof"],
                key["issued_to"],
            )
            for key in document["keys"]
            for door in key["doors"]
        ),
    )
