"""`gatewayd pair`: locks that need more than their address in the site document."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatewayd.cli.options import CONFIG
from gatewayd.cli.pair_zwave import zwave
from gatewayd.cli.stanza import stanza, where
from gatewayd.cli.trouble import USAGE, Trouble, ends_well, fail, say
from gatewayd.domain.site import BLUETOOTH_ADDRESS

if TYPE_CHECKING:
    from gatewayd.config import Config

LISTEN_S = 60
"""Seconds: somebody may have to walk to the door."""


def _adapter(_: click.Context, __: click.Parameter, name: str | None) -> str | None:
    from gatewayd.config import ADAPTER  # noqa: PLC0415  # slow to import

    if name is not None and not re.fullmatch(ADAPTER, name):
        raise click.BadParameter("an adapter is called like hci0")
    return name


def _address(_: click.Context, __: click.Parameter, address: str | None) -> str | None:
    if address is not None and not re.fullmatch(BLUETOOTH_ADDRESS, address):
        raise click.BadParameter("the address of a lock is like 54:D2:72:00:00:01")
    return address and address.upper()


@click.group()
def pair() -> None:
    """Pair with locks that need it before they take codes."""


pair.add_command(zwave)


@pair.command()
@CONFIG
@click.option(
    "--address", metavar="MAC", callback=_address, help="Which lock, where several are heard."
)
@click.option(
    "--pin-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with the security PIN alone. Without it the PIN is asked for, unseen.",
)
@click.option(
    "--adapter",
    metavar="HCI",
    callback=_adapter,
    help="The Bluetooth adapter.  [default: the configuration's]",
)
@click.option(
    "--wait",
    "seconds",
    type=click.IntRange(min=1, max=600),
    metavar="SECONDS",
    default=LISTEN_S,
    show_default=True,
    help="How long to listen for a lock.",
)
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def nuki(
    *,
    path: Path,
    address: str | None,
    pin_file: Path | None,
    adapter: str | None,
    seconds: int,
    as_json: bool,
) -> None:
    """Pair with a Nuki Smart Lock over Bluetooth.

    \b
    1. Have its security PIN ready: the four digits set in the vendor's app
       under Features & Configuration, General. It is not the Keypad's.
    2. Stop the daemon: systemctl stop gatewayd
    3. Run this as the daemon's user with the hub near the lock, and hold
       the lock's button for five seconds when it says so.
    4. Put what it prints into the site document.
    5. Start the daemon: systemctl start gatewayd

    What the lock grants is kept in the hub's database and shown nowhere.
    A lock can be paired again at any time, and must be where the alert
    pin_refused or pin_unanswered stands: then without step 4. A Smart
    Lock Ultra cannot be paired.

    \b
    Exit codes: 0 paired; 1 not, or the lock has no keypad; 2 wrong use;
    78 the configuration is wrong.
    """
    from gatewayd import config as configuration  # noqa: PLC0415  # slow to import
    from gatewayd import logs  # noqa: PLC0415  # slow to import
    from gatewayd.cli.nuki import Order, pair_one  # noqa: PLC0415  # slow to import

    os.umask(0o077)  # keys lie in the database
    logs.configure("error", "auto")
    with ends_well(
        as_json=as_json,
        in_use="stop the daemon first: systemctl stop gatewayd, pair, start it again",
        unusable="run this as the daemon's user, after the daemon was started once",
    ):
        config = configuration.load(path)
        pin = _pin_in(pin_file) if pin_file else _pin_asked()
        order = Order(config, adapter, address, pin, seconds)
        paired = asyncio.run(pair_one(order, say))
    if not as_json:
        click.echo(stanza(paired.name, "nuki", paired.address))
        say(_where(config))
    if paired.lacking:
        fail(paired.lacking, as_json=as_json)
    if as_json:
        click.echo(json.dumps({"ok": True, "address": paired.address, "name": paired.name}))


def _pin(text: str) -> int:
    if not re.fullmatch("[0-9]{4}", text.strip()):
        raise click.UsageError("the security PIN is four digits")
    return int(text)


def _pin_in(file: Path) -> int:
    try:
        return _pin(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(f"{file} cannot be read", "name another --pin-file", USAGE) from error
    except click.UsageError:
        todo = "put the four digits of the security PIN into it, and nothing else"
        raise Trouble(f"{file} holds no security PIN", todo, USAGE) from None


def _pin_asked() -> int:
    """Unseen; before the button is held, since the lock waits for half a minute only."""
    if not sys.stdin.isatty():
        raise Trouble("there is no terminal to ask for the security PIN", "use --pin-file", USAGE)
    pin: int = click.prompt(
        "Security PIN of the lock (four digits, unseen)",
        hide_input=True,
        err=True,
        value_proc=_pin,
    )
    return pin


def _where(config: "Config") -> str:
    said = [where(config)]
    if config.bluetooth is None:
        said.append("Add a [bluetooth] section to the configuration: it has none.")
    return "\n".join([*said, "Then: systemctl start gatewayd"])
