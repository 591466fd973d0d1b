"""A command to the hub, and how it goes on until its effect is proven."""

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from gatewayd.cli.client import Document, Door, part
from gatewayd.cli.progress import working
from gatewayd.cli.show import state
from gatewayd.cli.trouble import Trouble
from gatewayd.clock import SystemClock

if TYPE_CHECKING:
    from rich.status import Status

    from gatewayd.cli.screen import Screen

STILL_WAITING = 4
"""The exit code where a command is accepted, and not proven in time."""
LOOK_AGAIN_S = 0.3
WAIT = click.option(
    "--wait",
    "seconds",
    type=click.IntRange(0, 3600),
    metavar="SECONDS",
    default=30,
    show_default=True,
    help="How long to wait until it is proven.",
)
EXITS = "Exit codes: 0 done; 1 refused; 3 the daemon does not answer; 4 it still waits for a lock."


def carry_out(
    door: Door, type_: str, data: Mapping[str, object], *, seconds: int, as_json: bool
) -> None:
    """Send a command, wait for its end, and tell how that was; exits where it is not done.

    Raises:
        Trouble: it is refused.
    """
    given = {name: value for name, value in data.items() if value is not None}
    receipt = door.command(type_, given)
    refused(receipt)
    with working(f"{type_}: accepted") as shown:
        stands = _followed(door, str(receipt["cause"]), seconds, shown)
    refused(stands["receipt"])
    if stands["state"] in {"rejected", "expired"}:
        raise Trouble(f"{type_}: {stands['state']} after all", "gatewayd events tells why")
    _tell(door, stands, as_json=as_json)
    if stands["state"] in {"held", "waiting"} and seconds:
        sys.exit(STILL_WAITING)


def refused(receipt: Document) -> None:
    """Raises where a receipt is no acceptance."""
    if receipt["type"] == "command.expired":
        raise Trouble("it came too late", "look at the clocks, and say it again")
    if receipt["type"] == "command.rejected":
        why = receipt["data"]
        at = f" ({why['path'].removeprefix('data.')})" if why["path"] else ""
        todo = "try again in a minute" if why["retryable"] else "mend it, and say it again"
        raise Trouble(f"refused, {why['reason']}: {why['message']}{at}", todo)


def _followed(door: Door, command: str, seconds: int, shown: "Status") -> Document:
    """How a command stands at its end, or when the time is over."""
    clock = SystemClock()
    until = clock.tick() + seconds
    while True:
        stands = door.get(f"/v1/commands/{part(command)}")
        if stands["state"] != "waiting" or clock.tick() >= until:
            return stands
        shown.update(f"{stands['type']}: waiting for {', '.join(_awaited(stands)) or 'the hub'}")
        time.sleep(LOOK_AGAIN_S)


def _awaited(stands: Document) -> list[str]:
    """The doors that are not as the command wants them."""
    at = {door["lock_id"] for key in stands["keys"] for door in key["doors"] if not _settled(door)}
    return sorted({*at, *stands["locks"]})


def _settled(door: Document) -> bool:
    return door["state"] in {"proven", "removed", "withheld"}


def _tell(door: Door, stands: Document, *, as_json: bool) -> None:
    from gatewayd.cli.screen import Screen, show_json  # noqa: PLC0415  # slow to import

    if as_json:
        show_json(stands)
        return
    match stands["state"]:
        case "done":
            click.echo("done")
        case "held":
            click.echo(
                "held: it would remove many keys. Look at the booking feed; if it is right:\n"
                f"  gatewayd confirm {stands['id']}"
            )
        case _:
            click.echo("accepted; the hub goes on until it is proven. It waits for:")
            hub = door.get("/v1/status")
            _waiting(Screen(hub["zone"], hub["clock"]["latest"]), stands)


def _waiting(screen: "Screen", stands: Document) -> None:
    rows = [
        (each["key_id"], at["lock_id"], state(at), screen.when(at["next_try_at"]))
        for each in stands["keys"]
        for at in each["doors"]
        if not _settled(at)
    ]
    whole = [("all codes", lock, None, None) for lock in stands["locks"]]
    if rows or whole:
        screen.table(("key", "door", "state", "next"), [*rows, *whole])
    screen.alerts(stands["alerts"])
