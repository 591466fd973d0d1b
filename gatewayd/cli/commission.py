"""`gatewayd commission`: a person types a code at each door, and the hub hears at which lock."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatewayd.cli import complete
from gatewayd.cli.client import Document, Door, answered, part
from gatewayd.cli.names import lock_named
from gatewayd.cli.options import JSON, SOCKET
from gatewayd.cli.progress import working
from gatewayd.cli.say import STILL_WAITING, refused
from gatewayd.cli.trouble import USAGE, Trouble, fail

if TYPE_CHECKING:
    from rich.status import Status

SWAPPED, UNUSED = 5, 6
EXITS = {"right": 0, "swapped": SWAPPED, "unused": UNUSED}
MINUTES = 15
"""For the way to the door, as the daemon has it."""
HEARD = ("lock.commissioning", "lock.commissioned", "lock.wrong_code", "code.failed")


@click.command()
@click.argument("name", metavar="[LOCK]", required=False, shell_complete=complete.locks)
@click.option("--all", "all_", is_flag=True, help="Each lock that was not found right yet.")
@click.option(
    "--minutes",
    type=click.IntRange(1, 60),
    default=MINUTES,
    show_default=True,
    help="How long the code is on the lock.",
)
@click.option("--stop", is_flag=True, help="End the one that goes on at LOCK.")
@SOCKET
@JSON
def commission(
    *, name: str | None, all_: bool, minutes: int, stop: bool, socket: Path, as_json: bool
) -> None:
    """Find out whether a lock hangs on its door.

    That lock alone gets a code for a while. It is shown here; type it at the
    door. The lock that is used, or that does not know the code, is the one
    that hangs there. Let nobody else type meanwhile. Ctrl-C leaves it to the
    hub; the same command again goes on with it.

    With --json each event is a line of its own, and so is the code.

    \b
    Exit codes:
      0  right: the lock hangs on its door
      1  refused
      3  the daemon does not answer
      4  interrupted: it goes on in the hub
      5  swapped: the code was typed at another lock
      6  unused: nobody used it, or the lock did not tell
    With --all 5 if there was one, else 6 if there was one.
    """
    with answered(socket, as_json=as_json) as door:
        if (name is None) != all_ or (stop and all_):
            raise Trouble("which lock?", "name one LOCK, or say --all", USAGE)
        walk = _Walk(door, minutes, as_json=as_json)
        if name is None:
            sys.exit(walk.through(_not_right(door)))
        id_ = lock_named(door, name, exactly=True)
        if stop:
            refused(door.command("lock.commission", {"lock_id": id_, "minutes": 0}))
            click.echo(json.dumps({"ok": True}) if as_json else "ended; the code goes at once")
        else:
            sys.exit(walk.through([door.get(f"/v1/locks/{part(id_)}")]))


def _not_right(door: Door) -> list[Document]:
    """The locks that are served, without those that were found right at their addresses."""
    return [
        lock
        for lock in door.get("/v1/locks")["locks"]
        if lock["active"] and (lock["commissioned"] or {}).get("result") != "right"
    ]


class _Walk:
    """From lock to lock, as a person goes."""

    def __init__(self, door: Door, minutes: int, *, as_json: bool) -> None:
        from gatewayd.cli.screen import Screen  # noqa: PLC0415  # slow to import

        self._door, self._minutes, self._as_json = door, minutes, as_json
        hub = door.get("/v1/status")
        self._screen = Screen(hub["zone"], hub["clock"]["latest"])

    def through(self, locks: Sequence[Document]) -> int:
        """The exit code; ends the command where it is interrupted."""
        results = []
        for number, lock in enumerate(locks, 1):
            self._say(f"{lock['name']} ({lock['lock_id']}), {number} of {len(locks)}")
            try:
                results.append((lock["lock_id"], lock["name"], self._one(lock)))
            except KeyboardInterrupt:
                todo = f"go on with it: the same again; end it: commission {lock['lock_id']} --stop"
                trouble = Trouble("interrupted; it goes on in the hub", todo, STILL_WAITING)
                fail(trouble, as_json=self._as_json)
        if not locks:
            self._say("each lock was found right at its door")
        elif len(locks) > 1 and not self._as_json:
            self._screen.table(("lock", "name", "result"), results)
        found = {result for *_, result in results}
        return next((EXITS[each] for each in ("swapped", "unused") if each in found), 0)

    def _one(self, lock: Document) -> str:
        """At one lock, from its command to its result."""
        id_ = lock["lock_id"]
        page = self._door.get("/v1/events", limit=1)["events"]
        last = page[0]["seq"] if page else 0
        begun = self._goes_on(id_)
        if begun is None:
            said = {"lock_id": id_, "minutes": self._minutes}
            refused(self._door.command("lock.commission", said))
        with working(f"{id_}: the code is written and read back") as shown:
            if begun:
                self._show_code(lock, shown)
            for event in self._door.follow("/v1/events", last, lock=id_, type=HEARD):
                if self._as_json:
                    click.echo(json.dumps(event))
                match event["type"]:
                    case "lock.commissioning":
                        self._show_code(lock, shown, event["data"]["until"])
                    case "lock.wrong_code":
                        self._say("  another code was typed at that lock: once more")
                    case "code.failed" if event["key_id"] != _key(id_):
                        pass
                    case "code.failed":
                        why, when = event["data"]["reason"], event["data"]["next_try_at"]
                        self._say(f"  not yet: {why}; next try {self._screen.when(when)}")
                    case _:
                        self._say(_told(event["data"]))
                        return str(event["data"]["result"])
        raise AssertionError  # who follows hears until he is cut off

    def _goes_on(self, id_: str) -> bool | None:
        """Whether the lock shows the code of one that was begun before; None: none was."""
        key = self._door.find(f"/v1/keys/{part(_key(id_))}")
        if key is None or key["status"] != "current":
            return None
        return any(at["state"] == "proven" for at in key["doors"])

    def _show_code(self, lock: Document, shown: "Status", until: str | None = None) -> None:
        """Looked up by the way that is told to the cloud."""
        found = self._door.post("/v1/codes/reveal", {"key": _key(lock["lock_id"])})
        if self._as_json:
            click.echo(json.dumps(found))
        time = f" until {self._screen.when(until)}" if until else ""
        for code in found["codes"]:
            self._say(f"  go to {lock['name']}, and type there as a guest does{time}:")
            self._say(f"\n      {code['code']}\n")
        shown.update(f"waiting for the code at {lock['name']}")

    def _say(self, text: str) -> None:
        if not self._as_json:
            click.echo(text)


def _key(lock: str) -> str:
    """The id of the key that has the code."""
    return f"commission:{lock}"


def _told(result: Document) -> str:
    """How it went, in words."""
    match result["result"]:
        case "right":
            return "  right: that lock hangs on this door"
        case "swapped":
            other = result["other_lock_id"]
            return (
                f"  swapped: the code was typed at {other}. If it was you who typed, exchange\n"
                "  the two addresses in the site document; if in doubt, do it again"
            )
        case _:
            why = f" (the code never got there: {result['reason']})" if result["reason"] else ""
            return f"  unused: no lock told that it was used{why}"
