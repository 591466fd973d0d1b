"""What a person reads: tables and times, at most 80 columns wide where nothing says otherwise."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gatewayd.cli.client import Document

COLOURS = {"critical": "bold red", "warning": "yellow", "notice": "cyan"}
NONE = "-"
TIMES = {"from", "to", "next", "heard"}
"""Columns that are as narrow as can be."""


class Screen:
    """Writes for people; times in the site's zone."""

    def __init__(self, zone: str | None, now: str) -> None:
        self._zone = ZoneInfo(zone or "UTC")
        self._now = datetime.fromisoformat(now).astimezone(self._zone)
        self.console = Console(highlight=False, soft_wrap=False)

    def when(self, at: str | None) -> str:
        """The time where it is today, else with its day; the year where it is another one."""
        if at is None:
            return NONE
        there = datetime.fromisoformat(at).astimezone(self._zone)
        if there.date() == self._now.date():
            return f"{there:%H:%M}"
        return f"{there:%d %b %H:%M}" if there.year == self._now.year else f"{there:%d %b %Y}"

    def line(self, head: str, text: str, style: str = "") -> None:
        """A name and what is to be said of it."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=9, no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(Text(head, style="bold"), Text(text, style=style))
        self.console.print(grid)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Rows below their names."""
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold", no_wrap=column in TIMES)
        for row in rows:
            table.add_row(*(Text(NONE if cell is None else str(cell)) for cell in row))
        self.console.print(table)

    def alerts(self, alerts: Sequence[Document]) -> None:
        """Each with what a person can do about it."""
        for alert in alerts:
            head = f"{alert['severity']}, since {self.when(alert['since'])}: {alert['text']}"
            self.console.print(Text(head, style=COLOURS[alert["severity"]]))
            self.console.print(Padding(Text(alert["what_to_do"]), (0, 0, 0, 2)))


def show_json(document: object) -> None:
    """As the daemon said it."""
    click.echo(json.dumps(document, indent=2))
