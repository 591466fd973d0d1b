"""`gatewayd`: run the hub, check its configuration, pair locks, back it up, print the contract."""

import asyncio
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatewayd.cli.faults import faults as faults_of
from gatewayd.cli.options import CONFIG
from gatewayd.errors import ConfigError, GatewaydError, StoreError

if TYPE_CHECKING:
    from gatewayd.config import Config


MODULES = {
    name: module
    for module, names in {
        "backup": ("backup", "restore"),
        "backup_code": ("backup-code",),
        "change": ("confirm", "health", "regenerate", "reinstate", "reserve", "revoke"),
        "commission": ("commission",),
        "complete": ("completion",),
        "doctor": ("doctor",),
        "history": ("codes", "events", "why"),
        "of_lock": ("adopt", "open", "replace", "resync", "sync"),
        "pair": ("pair",),
        "show": ("key", "keys", "lock", "locks", "status"),
    }.items()
    for name in names
}
"""Where each command is that is not here."""


class Commands(click.Group):
    """Loads a command when it is asked for: the daemon needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them."""
        return sorted([*super().list_commands(ctx), *MODULES])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them; None: there is none of that name."""
        if cmd_name not in MODULES:
            return super().get_command(ctx, cmd_name)
        there = vars(import_module(f"gatewayd.cli.{MODULES[cmd_name]}")).values()
        return next(x for x in there if isinstance(x, click.Command) and x.name == cmd_name)


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80}
)
@click.version_option(package_name="gatewayd", message="%(prog)s %(version)s")
def main() -> None:
    """Keeps the locks of a site as its reservations say they should be.

    A first look without any lock: `make demo` in the source folder.
    """


@main.command()
@CONFIG
def run(path: Path) -> None:
    """Run the hub until SIGTERM or Ctrl-C.

    Takes commands from the broker, writes codes into locks, proves that they are there. SIGHUP
    reads the configuration again; a wrong one is refused and the old one stays.
    Exit code 78: the configuration is wrong (systemd does not start it again).
    """
    # the other commands need none of their libraries
    from gatewayd import app, logs  # noqa: PLC0415
    from gatewayd import config as configuration  # noqa: PLC0415

    os.umask(0o077)  # codes lie in the database

    def read() -> "Config":
        config = configuration.load(path)
        logs.configure(config.log.level, config.log.format)
        return config

    def reread() -> "Config":
        if faults := list(faults_of(path)):
            raise ConfigError("\n".join(faults))
        return read()

    try:
        asyncio.run(app.run(read(), reread))
    except ConfigError as error:
        _fail(str(error), 78)
    except GatewaydError as error:
        _fail(str(error), 1)
    except ExceptionGroup as failed:
        if failed.split((StoreError, ConfigError))[1] is not None:
            raise
        first = _first(failed)
        _fail(str(first), 78 if isinstance(first, ConfigError) else 1)


@main.command()
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def check(path: Path, as_json: bool) -> None:  # click's way
    """Check a configuration, and the files that it names.

    Prints each wrong key with its line; exit code 0 if all is well.
    """
    faults = list(faults_of(path))
    if as_json:
        click.echo(json.dumps({"ok": not faults, "faults": faults}))
    elif faults:
        click.echo("\n".join(faults), err=True)
    else:
        click.echo(f"{path} is fine")
    sys.exit(1 if faults else 0)


@main.command()
@click.option("--local", is_flag=True, help="That of the local door, as OpenAPI 3.1.")
def contract(local: bool) -> None:  # click's way
    """Print the contract with the cloud as AsyncAPI 3.0 (JSON)."""
    from gatewayd.app import VERSION  # noqa: PLC0415  # slow to import
    from gatewayd.contract import asyncapi  # noqa: PLC0415  # slow to import
    from gatewayd.web.routes import document  # noqa: PLC0415  # slow to import

    click.echo(json.dumps(document(VERSION) if local else asyncapi(VERSION), indent=2))


def _first(failed: Exception) -> Exception:
    """Of what several tasks met."""
    return _first(failed.exceptions[0]) if isinstance(failed, ExceptionGroup) else failed


def _fail(text: str, code: int) -> None:
    click.echo(f"gatewayd: {text}", err=True)
    sys.exit(code)
