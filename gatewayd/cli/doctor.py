"""`gatewayd doctor`: what keeps a hub from its work, with the mend for each."""

import asyncio
import dataclasses
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatewayd.cli.faults import faults
from gatewayd.cli.options import CONFIG
from gatewayd.cli.progress import working
from gatewayd.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from gatewayd.cli.checks.finding import Finding
    from gatewayd.config import Config

COLOURS = {"ok": "green", "warning": "yellow", "broken": "bold red"}

type Look = Callable[[], "Iterable[Finding]"]


@click.command()
@CONFIG
@click.option(
    "--zwave-config",
    "settings",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("/etc/zwave-js-server/zwave-js-server.json"),
    show_default=True,
    help="The Z-Wave server's settings.",
)
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def doctor(path: Path, settings: Path, as_json: bool) -> None:  # click's way
    """Look for what keeps the hub from its work.

    Rights, radios, clock, disk, database, broker, unit: each with what mends
    it. Nothing is changed; the daemon may run or not. As the daemon's user
    (sudo -u gatewayd) it sees more.

    \b
    Exit codes:
      0  nothing is broken; there may be warnings
      1  something is broken
    """
    from rich.console import Console  # noqa: PLC0415  # slow to import

    found: list[Finding] = []
    console = Console(highlight=False)
    with working("looking") as shown:
        for name, look in _looks(path, settings):
            shown.update(f"looking at {name}")
            for each in look():
                found.append(each)
                if not as_json:
                    _tell(console, each)
    well = all(each.state != "broken" for each in found)
    if as_json:
        said = [dataclasses.asdict(each) for each in found]
        click.echo(json.dumps({"ok": well, "findings": said}))
    sys.exit(0 if well else 1)


def _looks(path: Path, settings: Path) -> Iterable[tuple[str, Look]]:
    """Each by its name; without a configuration there is no telling where to look."""
    from gatewayd import config as configuration  # noqa: PLC0415  # slow to import
    from gatewayd.cli.checks import files, machine  # noqa: PLC0415

    yield "the configuration", lambda: _named(path)
    yield "systemd", lambda: [machine.unit()]
    try:
        config = configuration.load(path)
    except ConfigError:  # told above
        return
    from gatewayd.app import VERSION  # noqa: PLC0415

    yield "the daemon", lambda: machine.daemon(config, VERSION)
    yield "the clock", lambda: [machine.clock(config)]
    yield "the disk", lambda: files.disk(config)
    yield "the database", lambda: [files.folder(config), files.database(config)]
    yield "secrets", lambda: [*files.secrets(config), files.door(config)]
    yield "the broker", lambda: _broker(config)
    yield from _radios(config, settings)


def _named(path: Path) -> "list[Finding]":
    """The configuration, and the files that it names."""
    from gatewayd.cli.checks.files import AS_DAEMON  # noqa: PLC0415
    from gatewayd.cli.checks.finding import broken, ok, warning  # noqa: PLC0415  # slow to import

    found = [
        warning("config", each, AS_DAEMON)
        if "Permission denied" in each
        else broken("config", each, "correct it; gatewayd check names each fault")
        for each in faults(path)
    ]
    return found or [ok("config", f"{path} is fine")]


def _broker(config: "Config") -> "list[Finding]":
    from gatewayd import app  # noqa: PLC0415  # slow to import
    from gatewayd.cli.checks.broker import broker  # noqa: PLC0415
    from gatewayd.cli.checks.files import AS_DAEMON  # noqa: PLC0415
    from gatewayd.cli.checks.finding import warning  # noqa: PLC0415
    from gatewayd.clock import SystemClock  # noqa: PLC0415

    clock = SystemClock()
    try:
        as_whom = app.broker(config, clock)
    except ConfigError as error:
        return [warning("broker", f"not tried: {error}", AS_DAEMON)]
    return broker(config, as_whom, clock)


def _radios(config: "Config", settings: Path) -> Iterable[tuple[str, Look]]:
    from gatewayd.cli.checks import radios  # noqa: PLC0415  # slow to import

    if (zwave := config.zwave) is not None:
        yield "the Z-Wave server", lambda: [asyncio.run(radios.zwave(zwave.url))]
        yield "its settings", lambda: [radios.settings(settings), radios.exposed(zwave.url)]
    if (hci := config.bluetooth) is not None:
        yield "BlueZ", lambda: [*asyncio.run(radios.bluetooth(hci)), radios.member(config)]


def _tell(console: "Console", finding: "Finding") -> None:
    """One line, and below it what mends it."""
    from rich.table import Table  # noqa: PLC0415  # slow to import
    from rich.text import Text  # noqa: PLC0415

    grid = Table.grid(padding=(0, 2))
    for width in (7, 9):
        grid.add_column(width=width, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(finding.state, COLOURS[finding.state]), finding.about, Text(finding.text))
    if finding.mend:
        grid.add_row("", "", Text(f"mend: {finding.mend}"))
    console.print(grid)
