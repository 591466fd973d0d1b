"""Why a command did not succeed, for the person or the script that gave it."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import click

from gatewayd.errors import ConfigError, StoreError, StoreInUse

USAGE, CONFIG_WRONG = 2, 78


class Trouble(Exception):
    """`status` is the exit code."""

    def __init__(self, error: str, what_to_do: str, status: int = 1) -> None:
        super().__init__(error)
        self.error, self.what_to_do, self.status = error, what_to_do, status


def say(text: str) -> None:
    """To the person; scripts read the other stream."""
    click.echo(text, err=True)


def fail(trouble: Trouble, *, as_json: bool) -> NoReturn:
    """End the command."""
    if as_json:
        said = {"ok": False, "error": trouble.error, "what_to_do": trouble.what_to_do}
        click.echo(json.dumps(said))
    else:
        say(f"gatewayd: {trouble.error}\n  {trouble.what_to_do}")
    sys.exit(trouble.status)


@contextlib.contextmanager
def ends_well(*, as_json: bool, in_use: str, unusable: str) -> Iterator[None]:
    """Tell what keeps a command from its work, and end it; what to do where the database is in use
    or cannot be used."""
    try:
        yield
    except ConfigError as error:
        fail(Trouble(str(error), "mend the configuration", CONFIG_WRONG), as_json=as_json)
    except StoreInUse as error:
        fail(Trouble(str(error).partition(";")[0], in_use), as_json=as_json)
    except StoreError as error:
        fail(Trouble(str(error), unusable), as_json=as_json)
    except Trouble as trouble:
        fail(trouble, as_json=as_json)


def not_as_root(folder: Path) -> None:
    """Files that root makes in the daemon's folder would keep the daemon out."""
    if os.geteuid() == 0 and folder.is_dir() and (owner := folder.stat().st_uid) != 0:
        raise Trouble(
            f"{folder} belongs to the daemon's user, and this runs as root",
            f"run this as that user: sudo -u '#{owner}' …",
        )
