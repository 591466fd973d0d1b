"""`gatewayd backup` and `gatewayd restore`: the hub in one sealed file, and out of it again."""

import asyncio
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

import click

from gatewayd.cli.options import CONFIG, JSON
from gatewayd.cli.progress import working
from gatewayd.cli.trouble import USAGE, Trouble, ends_well, not_as_root, say
from gatewayd.clock import SystemClock

if TYPE_CHECKING:
    from gatewayd.config import Config

FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
PASSPHRASE = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with the recovery passphrase alone. Without it the passphrase is asked for.",
)
IN_USE = "stop the daemon first: systemctl stop gatewayd"
UNUSABLE = "run this as the daemon's user, with room on the disk"


@click.command()
@FILE
@CONFIG
@PASSPHRASE
@click.option("--force", is_flag=True, help="Write over FILE.")
@JSON
def backup(
    *, file: Path, path: Path, passphrase_file: Path | None, force: bool, as_json: bool
) -> None:
    """Save this hub into FILE, for the day when its card dies.

    The daemon may run meanwhile. FILE holds the database (stays, codes,
    what lies on which lock), the keys of paired Nuki locks, and who this
    hub is towards the cloud. It opens with the recovery passphrase and
    with nothing else: keep both, apart from each other and from the hub.

    Not in FILE, so keep copies: the configuration and the files that it
    names, and the network keys of the zwave-js server.

    \b
    Exit codes: 0 saved; 1 not; 2 wrong use; 78 the configuration is wrong.
    """
    from gatewayd import config as configuration  # noqa: PLC0415  # slow to import
    from gatewayd.cli.sealing import SHORTEST, seal  # noqa: PLC0415  # slow to import
    from gatewayd.store.archive import Manifest, pack  # noqa: PLC0415  # slow to import

    with ends_well(as_json=as_json, in_use=IN_USE, unusable=UNUSABLE):
        config = configuration.load(path)
        if file.exists() and not force:
            raise Trouble(f"{file} is there already", "name another file, or say --force")
        passphrase = _passphrase(passphrase_file, twice=True)
        if len(passphrase) < SHORTEST:
            todo = f"take at least {SHORTEST} characters: six words that nobody would guess"
            raise Trouble("the passphrase is too short", todo, USAGE)
        now = SystemClock().now().latest
        made = Manifest(_hub(config), f"{now:%Y-%m-%dT%H:%M:%SZ}", version("gatewayd"))
        with working("copying and sealing"):
            sealed = seal(pack(config.store.path, made), passphrase)
            _write(file, sealed)
        if as_json:
            said = {"ok": True, "file": str(file), "bytes": len(sealed)}
            click.echo(json.dumps(said | {"hub": made.hub, "made_at": made.made_at}))
        else:
            click.echo(f"{made.hub} as of {made.made_at} is in {file}")


@click.command()
@FILE
@CONFIG
@PASSPHRASE
@click.option("--force", is_flag=True, help="Replace the database that is there; it is kept aside.")
@JSON
def restore(
    *, file: Path, path: Path, passphrase_file: Path | None, force: bool, as_json: bool
) -> None:
    """Make this machine the hub that was saved in FILE.

    \b
    1. See to it that the old hub never runs again. Two with one identity
       write over each other's codes.
    2. Configure this machine as the old one was: gatewayd check.
    3. Stop the daemon, if it runs: systemctl stop gatewayd
    4. Run this as the daemon's user.
    5. Start the daemon: systemctl start gatewayd

    The hub then reads its locks again and asks the cloud for all
    reservations: what changed since FILE was made it learns from both, and
    until then it removes nothing. Its events begin a new epoch.

    \b
    Exit codes: 0 restored; 1 not, and nothing was changed, unless it says
    that the next start goes on; 2 wrong use; 78 the configuration is wrong.
    """
    from gatewayd import config as configuration  # noqa: PLC0415  # slow to import
    from gatewayd import logs  # noqa: PLC0415  # slow to import
    from gatewayd.cli.sealing import unseal  # noqa: PLC0415  # slow to import
    from gatewayd.store.archive import manifest, unpack  # noqa: PLC0415  # slow to import
    from gatewayd.store.lockfile import exclusively  # noqa: PLC0415  # slow to import

    os.umask(0o077)  # codes lie in the database
    logs.configure("error", "auto")
    with ends_well(as_json=as_json, in_use=IN_USE, unusable=UNUSABLE):
        config, clock = configuration.load(path), SystemClock()
        database = config.store.path
        not_as_root(database.parent)
        with exclusively(database):
            if database.exists() and not force:
                todo = "say --force to put the backup in its place; it is kept aside"
                raise Trouble(f"there is a database already: {database}", todo)
            sealed, passphrase = _read(file), _passphrase(passphrase_file, twice=False)
            with working("opening the seal"):
                packed = unseal(sealed, passphrase)
            made = manifest(packed)
            if made.hub != _hub(config):
                todo = "write org, site and id of that hub into [hub]"
                raise Trouble(f"this is a backup of {made.hub}, not of {_hub(config)}", todo)
            aside = database.with_name(f"before-restore-{clock.now().latest:%Y%m%dT%H%M%SZ}")
            asyncio.run(unpack(packed, database, clock, aside))
        kept = str(aside) if aside.exists() else None
        if as_json:
            said = {"ok": True, "hub": made.hub, "made_at": made.made_at, "kept": kept}
            click.echo(json.dumps(said))
        else:
            click.echo(f"this machine is {made.hub} as of {made.made_at}")
            say(_next(kept))


def _next(kept: str | None) -> str:
    said = [
        "The old hub must not run any more: only one with this identity may.",
        "Then: systemctl start gatewayd",
    ]
    if kept:
        said.append(f"What was here is in {kept}; it holds codes: delete it once all is well.")
    return "\n".join(said)


def _hub(config: "Config") -> str:
    return f"{config.hub.org}/{config.hub.site}/{config.hub.id}"


def _passphrase(file: Path | None, *, twice: bool) -> str:
    """From the file, else from the terminal, unseen."""
    if file is not None:
        try:
            return file.read_text().strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            todo = "name another --passphrase-file"
            raise Trouble(f"{file} cannot be read", todo, USAGE) from error
    if not sys.stdin.isatty():
        todo = "use --passphrase-file"
        raise Trouble("there is no terminal to ask for the passphrase", todo, USAGE)
    typed: str = click.prompt(
        "Recovery passphrase (unseen)", hide_input=True, confirmation_prompt=twice, err=True
    )
    return typed


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Trouble(f"{file}: {error.strerror}", "name the backup's file", USAGE) from error


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all, for its owner alone."""
    try:
        with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as written:
            try:
                written.write(content)
                written.flush()
                os.fsync(written.fileno())
                Path(written.name).replace(file)
            except BaseException:
                Path(written.name).unlink()
                raise
    except OSError as error:
        raise Trouble(f"{file}: {error.strerror}", "name a place with room to write") from error
