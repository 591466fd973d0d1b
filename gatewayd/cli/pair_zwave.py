"""`gatewayd pair zwave`: a lock joins the Z-Wave network while the daemon runs."""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatewayd.cli.options import CONFIG
from gatewayd.cli.stanza import stanza, where
from gatewayd.cli.trouble import CONFIG_WRONG, USAGE, Trouble, fail, say
from gatewayd.errors import ConfigError

if TYPE_CHECKING:
    from zwave_js_server.client import Client

    from gatewayd.locks.zwave.include import Order

JOIN_S = 60
NOT_YET = 4
"""The exit code where a lock may still join by itself."""


@click.command()
@CONFIG
@click.option("--code", metavar="QR", help="The lock's QR code as digits: no other question.")
@click.option("--lock", "lock_id", metavar="ID", help="That lock again, at its new address.")
@click.option("--exclude", "out", is_flag=True, help="Take a device out instead.")
@click.option(
    "--wait",
    "seconds",
    type=click.IntRange(1, 900),
    metavar="SECONDS",
    default=JOIN_S,
    show_default=True,
    help="How long to wait for the lock.",
)
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def zwave(
    *,
    path: Path,
    code: str | None,
    lock_id: str | None,
    out: bool,
    seconds: int,
    as_json: bool,
) -> None:
    """Take a lock into the Z-Wave network.

    The daemon goes on meanwhile. With the lock near the stick:

    \b
    1. Run this, and press the lock's button when it says so.
    2. Type the five digits that stand first (underlined) in the lock's DSK,
       on its label or in its manual.
    3. Put what it prints into the site document.

    With --code steps 1 and 2 are done by the QR code on the lock; one for
    SmartStart lets it join by itself when it is powered. A lock is taken by
    S2 Access Control alone: any other is refused, and told what it wanted.

    \b
    Exit codes: 0 in the network; 1 not, or without S2 Access Control;
    2 wrong use; 4 it may still join by itself; 78 wrong configuration.
    """
    from gatewayd import config as configuration  # noqa: PLC0415  # slow to import
    from gatewayd.locks.zwave.include import NotIncluded, Order, at_server  # noqa: PLC0415

    async def work(client: "Client") -> int | None:
        return await _work(client, Order(seconds, _digits, say), code, out=out)

    try:
        config = configuration.load(path)
        if config.zwave is None:
            raise Trouble("the configuration has no [zwave] section", "add it", CONFIG_WRONG)
        node = asyncio.run(at_server(config.zwave.url, work))
    except ConfigError as error:
        fail(Trouble(str(error), "mend the configuration", CONFIG_WRONG), as_json=as_json)
    except NotIncluded as error:
        fail(Trouble(str(error), error.what_to_do), as_json=as_json)
    except Trouble as trouble:
        fail(trouble, as_json=as_json)
    if node is None:
        todo = "the same again later says its node id"
        fail(Trouble("it did not join yet, and may by itself", todo, NOT_YET), as_json=as_json)
    if as_json:
        click.echo(json.dumps({"ok": True, "address": str(node)}))
    elif out:
        click.echo(f"node {node} is out of the network")
    else:
        click.echo(lines(node, lock_id))
        todo = where(config) if lock_id is None else "Change that line alone, and raise `version`."
        say(f"{todo}\nThen: systemctl reload gatewayd")


def lines(node: int, lock_id: str | None) -> str:
    """For the site document: of a new lock, or of one that keeps its id."""
    if lock_id is None:
        return stanza(f"Lock {node}", "zwave", str(node))
    return f'# of [[locks]] id = "{lock_id}"\naddress = "{node}"'


async def _work(client: "Client", order: "Order", code: str | None, *, out: bool) -> int | None:
    from gatewayd.locks.zwave import include  # noqa: PLC0415  # slow to import

    if out:
        say("press the device's button as its manual says for exclusion")
        return await include.exclude(client, order)
    known = await include.parsed(client, code) if code else None
    if known is not None and include.smart_start(known):
        return await include.provision(client, known, order)
    if known is None and not sys.stdin.isatty():
        todo = "use --code, or run this in a terminal"
        raise Trouble("there is no terminal to ask for the lock's digits", todo, USAGE)
    return await include.include(client, order, known)


async def _digits(rest: str) -> str:
    """Asked until they are five; Ctrl-C ends the inclusion, too."""
    say(f"the lock's DSK is ?????{rest}")
    while True:
        click.echo("The five digits before it: ", err=True, nl=False)
        if not (typed := await _line()):
            raise Trouble("nobody typed the digits", "do it again in a terminal", USAGE)
        if re.fullmatch("[0-9]{5}", typed.strip()):
            return typed.strip()
        say("it is five digits")


async def _line() -> str:
    """What is typed next, while the loop goes on; empty at the end."""
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[str] = loop.create_future()

    def read() -> None:
        loop.remove_reader(sys.stdin)
        typed.set_result(sys.stdin.readline())

    loop.add_reader(sys.stdin, read)
    try:
        return await typed
    finally:
        loop.remove_reader(sys.stdin)
