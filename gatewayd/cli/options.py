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
