"""python -m bench: measure, print, and say whether all limits are kept."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable

import click
import structlog
from rich.console import Console
from rich.table import Table

from bench import (
    bluetooth,
    catchup,
    decide,
    drain,
    durable,
    exchanges,
    isolation,
    lasting,
    memory,
    overhead,
    page,
    policies,
    snapshot,
)
from bench.figure import Figure
from bench.shared import Shared

type Measure = Callable[[Shared], Awaitable[list[Figure]]]

MEASURES: dict[str, Measure] = {
    "overhead": overhead.measure,
    "exchanges": exchanges.measure,
    "decide": decide.measure,
    "snapshot": snapshot.measure,
    "policies": policies.measure,
    "page": page.measure,
    "memory": memory.measure,
    "lasting": lasting.measure,
    "drain": drain.measure,
    "catchup": catchup.measure,
    "durable": durable.measure,
    "isolation": isolation.measure,
    "bluetooth": bluetooth.measure,
}


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 90},
    epilog="Exit code: 0 if every limit is kept, 1 if one is missed. ÷ means: divided by.",
)
@click.option(
    "--only",
    "names",
    metavar="NAME",
    multiple=True,
    type=click.Choice([*MEASURES]),
    help="Measure only this; may be given several times.",
)
@click.option("--quick", is_flag=True, help="Fewer rounds, and coarser figures.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document with every detail.")
def main(names: tuple[str, ...], quick: bool, as_json: bool) -> None:  # click's way
    """Measure what the hub costs, against the limits that it promises.

    Everything is real except the locks and the radio: a broker, the zwave-js server, a D-Bus, the
    hub as a process of its own. Where two things are compared they take turns in one run, so a busy
    machine slows both; a quiet one still gives the better figures.

    \b
    overhead   publish of a reservation to its verified code, less the same calls by hand
    exchanges  radio exchanges for each verified code, and frames while nothing is due
    decide     a decision for one lock, 10,000 reservations on the site ÷ 100
    snapshot   10,000 reservations at once: time, and the longest pause of the event loop
    policies   decisions and a snapshot again, with every policy on
    page       the page with 10,000 reservations: first paint, update, the event loop's pause
    memory     resident memory ÷ a process that imports the same libraries; time to start
    lasting    memory after 10,000 stays that came and went ÷ after 2,000
    drain      5,000 events to their receipts, the hub ÷ paho alone
    catchup    500 changes on 8 locks after 30 days offline ÷ their exchanges one after the other
    durable    fsyncs for each event and on an idle day; a power cut to the first verified code
    isolation  a new code at three locks, a dead one beside them ÷ without it
    bluetooth  Nuki locks: connections for each batch, the driver ÷ a bare client, 40 locks ÷ one

    \b
    python -m bench --quick
    python -m bench --only overhead --only isolation
    python -m bench --json > figures.json
    """
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    figures = asyncio.run(_measure(names or tuple(MEASURES), quick=quick))
    if as_json:
        document = {
            "quick": quick,
            "machine": _machine(),
            "figures": [figure.document() for figure in figures],
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _print(figures)
    sys.exit(0 if all(figure.ok for figure in figures) else 1)


async def _measure(names: tuple[str, ...], *, quick: bool) -> list[Figure]:
    figures: list[Figure] = []
    async with Shared(quick=quick) as shared:
        for name in names:
            click.echo(f"measuring {name} …", err=True)
            figures += await MEASURES[name](shared)
    return figures


def _print(figures: list[Figure]) -> None:
    table = Table("figure", "what", box=None, pad_edge=False, header_style="dim")
    for title in ("value", "limit"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("ok")
    for figure in figures:
        table.add_row(
            figure.name,
            figure.what,
            f"{_number(figure.value)} {figure.unit}",
            f"{'=' if figure.exact else '≤'} {_number(figure.limit)}",
            "yes" if figure.ok else "[bold red]NO[/]",
        )
    console = Console(highlight=False)
    console.print(table)
    console.print("\nBehind them, at {cores} cores with load {load}:".format(**_machine()))
    for figure in figures:
        behind = ", ".join(f"{name} {_number(value)}" for name, value in figure.details.items())
        console.print(f"  {figure.name}: [dim]{behind}[/]")


def _machine() -> dict[str, float | None]:
    """Load far beyond this run's own (about 1) makes every time in ms too long."""
    return {"cores": os.cpu_count(), "load": round(os.getloadavg()[1], 1)}


def _number(value: float | str) -> str:
    """Two decimals at most; words stay as they are."""
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    main()
