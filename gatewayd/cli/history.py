"""`gatewayd events`, `why` and `codes`."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatewayd.cli import complete
from gatewayd.cli.client import Document, answered, part
from gatewayd.cli.names import called, key_named, lock_named
from gatewayd.cli.options import JSON, SOCKET
from gatewayd.cli.show import show, state
from gatewayd.cli.trouble import USAGE, Trouble

if TYPE_CHECKING:
    from gatewayd.cli.screen import Screen

TOLD_ELSEWHERE = {"lock_id", "key_id", "type"}
TIMES = {"at", "next_try_at", "since", "until"}


@click.command()
@click.option("--lock", "name", metavar="NAME", help="About a lock.", shell_complete=complete.locks)
@click.option(
    "--key",
    "id_",
    metavar="ID",
    help="About a key, or a reservation's.",
    shell_complete=complete.keys,
)
@click.option("--type", "types", metavar="TYPE", multiple=True, help="Such as lock.used.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@click.option("--follow", "-f", is_flag=True, help="Then each as it comes, until Ctrl-C.")
@SOCKET
@JSON
def events(
    *,
    name: str | None,
    id_: str | None,
    types: tuple[str, ...],
    limit: int,
    follow: bool,
    socket: Path,
    as_json: bool,
) -> None:
    """What happened, the last at the end.

    With --json and --follow each is a line of its own.
    """
    from gatewayd.cli.screen import Screen, show_json  # noqa: PLC0415  # slow to import

    with answered(socket, as_json=as_json) as door:
        lock = lock_named(door, name) if name else None
        key = key_named(door, id_)["key_id"] if id_ else None
        page = door.get("/v1/events", lock=lock, key=key, type=types, limit=limit)
        hub = door.get("/v1/status")
        if as_json and not follow:
            show_json(page)
            return
        screen = Screen(hub["zone"], hub["clock"]["latest"])

        def tell(event: Document) -> None:
            click.echo(json.dumps(event) if as_json else _line(screen, event))

        for event in reversed(page["events"]):
            tell(event)
        if follow:
            last = page["events"][0]["seq"] if page["events"] else 0
            with contextlib.suppress(KeyboardInterrupt):  # how one leaves
                for event in door.follow("/v1/events", last, lock=lock, key=key, type=types):
                    tell(event)


@click.command()
@click.argument("subject", shell_complete=complete.subjects)
@SOCKET
@JSON
def why(subject: str, socket: Path, as_json: bool) -> None:
    """Why a code is not on a door, and what to do.

    SUBJECT is the id of a reservation, a key or a lock, the name of a lock,
    or LOCK/KEY for a key at one of its doors, as alerts name it.
    """
    from gatewayd.cli.screen import show_json  # noqa: PLC0415  # slow to import

    with answered(socket, as_json=as_json) as door:
        found = door.find(f"/v1/why/{part(subject)}")
        if found is None:
            meant = called(door.get("/v1/locks")["locks"], subject)
            found = door.get(f"/v1/why/{part(meant.pop() if len(meant) == 1 else subject)}")
        if as_json:
            show_json(found)
        else:
            click.echo(found["text"], nl=False)


@click.command()
@click.option("--reservation", metavar="ID", help="Of a reservation, with its backup codes.")
@click.option("--key", "id_", metavar="ID", help="Of a key.", shell_complete=complete.keys)
@click.option("--lock", "name", metavar="NAME", help="At a lock.", shell_complete=complete.locks)
@click.option("--reveal", is_flag=True, help="With the digits; that is told, with your name.")
@SOCKET
@JSON
def codes(
    *,
    reservation: str | None,
    id_: str | None,
    name: str | None,
    reveal: bool,
    socket: Path,
    as_json: bool,
) -> None:
    """Whose codes are at which doors, and how that is proven.

    Name a reservation, a key or a lock.
    """
    with answered(socket, as_json=as_json) as door:
        if [reservation, id_, name].count(None) != 2:  # noqa: PLR2004  # of three
            todo = "name --reservation, --key or --lock"
            raise Trouble("whose codes?", todo, USAGE)
        lock = lock_named(door, name) if name else None
        key = key_named(door, id_)["key_id"] if id_ else None
        asked = {"reservation": reservation, "key": key, "lock": lock}
        given = {word: value for word, value in asked.items() if value is not None}
        if reveal:
            show(door, door.post("/v1/codes/reveal", given), _revealed, as_json=as_json)
        else:
            show(door, door.get("/v1/codes", **given), _codes, as_json=as_json)


def _line(screen: "Screen", event: Document) -> str:
    """An event in one line."""
    about = " ".join(filter(None, (event["lock_id"], event["key_id"])))
    said = _said(screen, event["data"])
    return f"{screen.when(event['at'])}  {event['type']:<18} {about} {said}".rstrip()


def _said(screen: "Screen", data: Mapping[str, object]) -> str:
    """What else an event tells, without what is nested."""
    if isinstance(text := data.get("text"), str):
        return text
    plain = {k: v for k, v in data.items() if k not in TOLD_ELSEWHERE and v is not None}
    said = {k: screen.when(str(v)) if k in TIMES else v for k, v in plain.items()}
    return " ".join(f"{k}={v}" for k, v in said.items() if not isinstance(v, list | dict))


def _codes(screen: "Screen", document: Document) -> None:
    screen.table(("key", "status", "door", "here", "proof"), _rows(document["keys"]))


def _revealed(screen: "Screen", document: Document) -> None:
    found = document["codes"]
    screen.table(
        ("key", "status", "door", "here", "proof", "code"),
        [(*row, key["code"]) for key in found for row in _rows([key])],
    )


def _rows(keys: list[Document]) -> list[tuple[object, ...]]:
    return [
        (key["key_id"], key["status"], door["lock_id"], state(door), door["proof"])
        for key in keys
        for door in key["doors"]
    ]
