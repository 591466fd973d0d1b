"""`gatewayd status`, `locks`, `lock`, `keys`, `key`: how things stand."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatewayd.cli import complete
from gatewayd.cli.client import Document, Door, answered, part
from gatewayd.cli.names import key_named, lock_named
from gatewayd.cli.options import JSON, SOCKET

if TYPE_CHECKING:
    from gatewayd.cli.screen import Screen

NEEDS_A_PERSON = 1
SOON = {"critical", "warning"}
"""The severities for which `status` fails."""
STATUSES = ("upcoming", "current", "past", "revoked")

WELL = {"proven", "waiting", "removed"}
"""The states of a door of which there is nothing to say."""

type Drawing = Callable[["Screen", Document], None]
"""How an answer is shown to people."""


@click.command()
@SOCKET
@JSON
def status(socket: Path, as_json: bool) -> None:
    """How it stands, and what needs a person.

    \b
    Exit codes:
      0  all is well; there may be notices
      1  something needs a person
      3  the daemon does not answer
    """
    with answered(socket, as_json=as_json) as door:
        hub = door.get("/v1/status")
        show(door, hub, _status, as_json=as_json)
    sys.exit(NEEDS_A_PERSON if _needed(hub) else 0)


@click.command()
@SOCKET
@JSON
def locks(socket: Path, as_json: bool) -> None:
    """All locks: battery, link, last contact, codes."""
    with answered(socket, as_json=as_json) as door:
        show(door, door.get("/v1/locks"), _locks, as_json=as_json)


@click.command()
@click.argument("name", shell_complete=complete.locks)
@SOCKET
@JSON
def lock(name: str, socket: Path, as_json: bool) -> None:
    """One lock, and the keys that are on it or come.

    NAME is its id or its name, or how one of them begins.
    """
    with answered(socket, as_json=as_json) as door:
        id_ = lock_named(door, name)
        show(door, door.get(f"/v1/locks/{part(id_)}"), _lock, as_json=as_json)


@click.command()
@click.option("--status", "statuses", type=click.Choice(STATUSES), multiple=True)
@click.option(
    "--lock", "name", metavar="NAME", help="Those at a lock.", shell_complete=complete.locks
)
@click.option("--reservation", metavar="ID", help="Those of a reservation.")
@click.option("--limit", type=click.IntRange(1, 500), default=100, show_default=True)
@SOCKET
@JSON
def keys(
    *,
    statuses: tuple[str, ...],
    name: str | None,
    reservation: str | None,
    limit: int,
    socket: Path,
    as_json: bool,
) -> None:
    """Keys, the nearest first.

    The current and the upcoming ones, if nothing else is said.
    """
    with answered(socket, as_json=as_json) as door:
        if not (statuses or name or reservation):
            statuses = ("current", "upcoming")
        at = lock_named(door, name) if name else None
        found = door.get("/v1/keys", status=statuses, lock=at, reservation=reservation, limit=limit)
        show(door, found, _keys, as_json=as_json)


@click.command()
@click.argument("id_", metavar="ID", shell_complete=complete.keys)
@SOCKET
@JSON
def key(id_: str, socket: Path, as_json: bool) -> None:
    """One key at each of its doors.

    ID is the key's, or that of its reservation.
    """
    with answered(socket, as_json=as_json) as door:
        show(door, key_named(door, id_), _key, as_json=as_json)


def show(door: Door, document: Document, draw: Drawing, *, as_json: bool) -> None:
    """An answer as it came, or drawn for people."""
    from gatewayd.cli.screen import Screen, show_json  # noqa: PLC0415  # slow to import

    if as_json:
        show_json(document)
        return
    hub = document if "clock" in document else door.get("/v1/status")
    draw(Screen(hub["zone"], hub["clock"]["latest"]), document)


def _needed(hub: Document) -> int:
    return sum(alert["severity"] in SOON for alert in hub["alerts"])


def _status(screen: "Screen", hub: Document) -> None:
    clock, cloud, locks, keys = hub["clock"], hub["cloud"], hub["locks"], hub["keys"]
    sure = "right" if clock["trusted"] else f"in doubt, at most {screen.when(clock['latest'])}"
    since = screen.when(hub["since"])
    screen.line("hub", f"{hub['hub']}, gatewayd {hub['version']}, up since {since}, clock {sure}")
    waiting = f"{cloud['waiting']} events wait for it"
    screen.line("cloud", f"{_reached(screen, cloud, 'connected', 'not connected')}; {waiting}")
    for radio in hub["radios"]:
        screen.line("radio", f"{radio['name']} {_reached(screen, radio, 'up', 'down')}")
    counts = (f"{number} {name}" for name, number in locks.items())
    screen.line("locks", ", ".join(counts))
    screen.line("keys", f"{keys['current']} current, {keys['upcoming']} upcoming")
    needed = _needed(hub)
    screen.console.print()
    screen.console.print(
        f"{needed} need a person:" if needed > 1
        else "one thing needs a person:" if needed else "nothing needs a person"
    )  # fmt: skip
    screen.alerts(hub["alerts"])


def _reached(screen: "Screen", reach: Document, up: str, down: str) -> str:
    why = f" ({reach['why']})" if reach["why"] else ""
    return f"{up if reach['up'] else down} since {screen.when(reach['since'])}{why}"


def _locks(screen: "Screen", document: Document) -> None:
    screen.table(
        ("lock", "name", "link", "battery", "heard", "codes"),
        (
            (
                each["lock_id"],
                each["name"],
                _link(each),
                _battery(each),
                screen.when(each["last_contact"]),
                f"{each['codes_shown']} of {each['codes_shown'] + each['codes_unshown']}",
            )
            for each in document["locks"]
        ),
    )


def _lock(screen: "Screen", lock: Document) -> None:
    screen.line("lock", f"{lock['lock_id']}, {lock['name']} ({lock['driver']} {lock['address']})")
    screen.line("link", f"{_link(lock)}, last heard {screen.when(lock['last_contact'])}")
    screen.line("battery", _battery(lock) or "not told")
    screen.line("of", ", ".join(lock["properties"]) or "no property")
    if not lock["allow_provisioning"]:
        screen.line("closed", "nothing new is written (allow_provisioning)")
    if lock["foreign_slots"]:
        screen.line(
            "foreign", f"codes of people in slots {', '.join(map(str, lock['foreign_slots']))}"
        )
    if lock["fallback_note"]:
        screen.line("fallback", lock["fallback_note"])
    screen.console.print()
    screen.table(
        ("key", "from", "to", "here", "proof", "next"),
        (
            (
                each["key_id"],
                screen.when(each["starts"]),
                screen.when(each["ends"]),
                state(door),
                door["proof"],
                screen.when(door["next_try_at"]),
            )
            for each in lock["keys"]
            for door in each["doors"]
            if door["lock_id"] == lock["lock_id"]
        ),
    )
    screen.alerts(lock["alerts"])


def _keys(screen: "Screen", document: Document) -> None:
    screen.table(
        ("key", "status", "from", "to", "doors"),
        (
            (
                each["key_id"],
                each["status"],
                screen.when(each["starts"]),
                screen.when(each["ends"]),
                _doors(each["doors"]),
            )
            for each in document["keys"]
        ),
    )
    if document["next"]:
        screen.console.print("there are more: --limit, --status, --lock or --reservation")


def _key(screen: "Screen", key: Document) -> None:
    window = f"{screen.when(key['starts'])} to {screen.when(key['ends'])}"
    hours = f", {key['hours']}" if key["hours"] else ""
    screen.line("key", f"{key['key_id']}, {key['status']}, {window}{hours}")
    if key["issued_to"]:
        screen.line("given to", key["issued_to"])
    screen.console.print()
    doors(screen, key["doors"])
    screen.alerts(key["alerts"])


def _doors(found: list[Document]) -> str:
    """How many are as they should be, and each other one by its name."""
    well = sum(door["state"] in WELL for door in found)
    others = [f"{x['lock_id']} {state(x)}" for x in found if x["state"] not in WELL]
    return ", ".join(filter(None, [f"{well} of {len(found)} well" if well else "", *others]))


def doors(screen: "Screen", found: list[Document]) -> None:
    """Each door of a key."""
    screen.table(
        ("door", "state", "proof", "next"),
        (
            (door["lock_id"], state(door), door["proof"], screen.when(door["next_try_at"]))
            for door in found
        ),
    )


def state(door: Document) -> str:
    """Of a key at a door, with the reason."""
    return f"{door['state']}{_because(door['reason'])}"


def _link(lock: Document) -> str:
    if not lock["active"]:
        return "inactive"
    if not lock["online"]:
        return f"offline{_because(lock['reason'])}"
    return "online" if lock["last_contact"] else "not heard yet"


def _because(reason: str | None) -> str:
    return f" ({reason.replace('_', ' ')})" if reason else ""


def _battery(lock: Document) -> str | None:
    level = None if lock["battery"] is None else f"{lock['battery']} %"
    return f"{level or ''} low".strip() if lock["battery_low"] else level
