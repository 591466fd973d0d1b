"""`gatewayd reserve`, `revoke` and the like: what people want changed."""

from datetime import datetime
from pathlib import Path

import click

from gatewayd.cli import complete
from gatewayd.cli.client import Door, answered, part
from gatewayd.cli.names import key_named, lock_named
from gatewayd.cli.options import JSON, SOCKET
from gatewayd.cli.say import EXITS, WAIT, carry_out
from gatewayd.cli.trouble import Trouble

DAY = click.DateTime(["%Y-%m-%d"])
TIME = click.DateTime(["%H:%M"])
DOORS = click.option(
    "--door",
    "names",
    metavar="NAME",
    multiple=True,
    help="That one alone.",
    shell_complete=complete.locks,
)


@click.command(epilog=EXITS)
@click.argument("reservation")
@click.argument("property_id", metavar="PROPERTY")
@click.argument("arrival", type=DAY, metavar="ARRIVAL")
@click.argument("departure", type=DAY, metavar="DEPARTURE")
@click.option("--check-in", type=TIME, metavar="HH:MM", help="Else the property's.")
@click.option("--check-out", type=TIME, metavar="HH:MM", help="Else the property's.")
@click.option("--guest", help="The guest's name.")
@click.option("--phone", help="The guest's, where codes come from it.")
@click.option("--confirmation-code", help="The guest's; else RESERVATION.")
@click.option("--version", type=click.IntRange(0), help="For a change: above that of the booking.")
@SOCKET
@WAIT
@JSON
def reserve(
    *,
    reservation: str,
    property_id: str,
    arrival: datetime,
    departure: datetime,
    check_in: datetime | None,
    check_out: datetime | None,
    guest: str | None,
    phone: str | None,
    confirmation_code: str | None,
    version: int | None,
    socket: Path,
    seconds: int,
    as_json: bool,
) -> None:
    """Book RESERVATION at PROPERTY, or change it.

    ARRIVAL and DEPARTURE are days such as 2026-07-11. The code is shown by
    gatewayd codes --reservation RESERVATION --reveal.
    """
    said = {
        "id": reservation,
        "version": version or 1,
        "property_id": property_id,
        "arrival": f"{arrival:%Y-%m-%d}",
        "departure": f"{departure:%Y-%m-%d}",
        "check_in": f"{check_in:%H:%M}" if check_in else None,
        "check_out": f"{check_out:%H:%M}" if check_out else None,
        "guest": {n: v for n, v in {"name": guest, "phone": phone}.items() if v} or None,
        "confirmation_code": confirmation_code or reservation,
        "status": "confirmed",
    }
    with answered(socket, as_json=as_json) as door:
        if version is None:
            _not_booked(door, reservation)
        carry_out(door, "reservation.put", said, seconds=seconds, as_json=as_json)


@click.command(epilog=EXITS)
@click.argument("key", shell_complete=complete.keys)
@DOORS
@SOCKET
@WAIT
@JSON
def revoke(key: str, names: tuple[str, ...], socket: Path, seconds: int, as_json: bool) -> None:
    """Take a key away: its code goes at once.

    KEY is its id, or that of its reservation. gatewayd reinstate gives it
    back.
    """
    with answered(socket, as_json=as_json) as door:
        said = _of_key(door, key, names)
        carry_out(door, "key.revoke", said, seconds=seconds, as_json=as_json)


@click.command(epilog=EXITS)
@click.argument("key", shell_complete=complete.keys)
@DOORS
@SOCKET
@WAIT
@JSON
def reinstate(key: str, names: tuple[str, ...], socket: Path, seconds: int, as_json: bool) -> None:
    """Give back what was revoked (key.restore).

    KEY is its id, or that of its reservation.
    """
    with answered(socket, as_json=as_json) as door:
        said = _of_key(door, key, names)
        carry_out(door, "key.restore", said, seconds=seconds, as_json=as_json)


@click.command(epilog=EXITS)
@click.argument("key", shell_complete=complete.keys)
@click.option("--reason", help="For the record.")
@SOCKET
@WAIT
@JSON
def regenerate(key: str, reason: str | None, socket: Path, seconds: int, as_json: bool) -> None:
    """Give a key another code, because somebody saw the old one.

    The old code goes first. KEY is its id, or that of its reservation.
    """
    with answered(socket, as_json=as_json) as door:
        said = {"key_id": key_named(door, key)["key_id"], "reason": reason}
        carry_out(door, "code.regenerate", said, seconds=seconds, as_json=as_json)


@click.command(epilog=EXITS)
@click.argument("brake", metavar="ID")
@SOCKET
@WAIT
@JSON
def confirm(brake: str, socket: Path, seconds: int, as_json: bool) -> None:
    """Carry out what is held because it removes many keys."""
    with answered(socket, as_json=as_json) as door:
        said = {"brake_id": brake}
        carry_out(door, "brake.confirm", said, seconds=seconds, as_json=as_json)


@click.group()
def health() -> None:
    """The check of all locks for the codes of the next 24 hours."""


@health.command("run", epilog=EXITS)
@SOCKET
@WAIT
@JSON
def run_check(socket: Path, seconds: int, as_json: bool) -> None:
    """Make the daily check now."""
    with answered(socket, as_json=as_json) as door:
        carry_out(door, "health.run", {}, seconds=seconds, as_json=as_json)


def _not_booked(door: Door, reservation: str) -> None:
    """A change that nobody asked for in so many words would be lost with the booking's next one."""
    found = door.find(f"/v1/why/{part(reservation)}")
    links = found["diagnosis"]["links"] if found is not None else ()
    if any(link["name"] == "reservation" for link in links):
        key = door.find(f"/v1/keys/{part(f'res:{reservation}')}")
        above = f"{key['reservation_version'] + 1}" if key else "N, above that of the booking"
        raise Trouble(
            f"{reservation} is booked already, and nothing was changed",
            f"to change it say --version {above}; the booking side must then go above that",
        )


def _of_key(door: Door, key: str, names: tuple[str, ...]) -> dict[str, object]:
    """What is said next about a key, at some doors or at all."""
    found = key_named(door, key)
    return {
        "id": found["key_id"],
        "version": (found["staff_version"] or 0) + 1,
        "doors": [lock_named(door, name, exactly=True) for name in names] or None,
    }
