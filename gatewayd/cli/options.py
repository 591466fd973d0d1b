"""What several commands take."""

from pathlib import Path

import click

CONFIG = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("/etc/gatewayd/gatewayd.toml"),
    show_default=True,
    help="The configuration file.",
)

DOOR_SOCKET = Path("/run/gatewayd/gatewayd.sock")
"""Where the configuration has it, too."""
SOCKET = click.option(
    "--socket",
    type=click.Path(path_type=Path),
    envvar="GATEWAYD_SOCKET",
    default=DOOR_SOCKET,
    show_default=True,
    help="Where the daemon answers; or GATEWAYD_SOCKET.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="For scripts.")
