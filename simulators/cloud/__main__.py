"""python -m simulators.cloud: the booking side for one hub, at the command line."""

import asyncio
import contextlib
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.text import Text

from simulators.cloud import Cloud
from simulators.cloud.bookings import Bookings
from simulators.cloud.calendar import CalendarError, reservations
from simulators.cloud.scenario import ScenarioError, Step, document_of, load, play
from simulators.cloud.words import COLOURS, command_words, event_words

WATCH_S = 1.0
"""Between two looks at the calendar files."""
ANSWERS_WITHIN_S = 60.0
"""With --once: how long the hub may take to answer everything."""
SILENCE_S = 5.0
"""Without any event after a command, until that is worth a word."""

type Calendars = dict[str, Path]


def _calendars(_context: object, _parameter: object, values: tuple[str, ...]) -> Calendars:
    pairs = [value.partition("=") for value in values]
    if wrong := [f"{a}{b}{c}" for a, b, c in pairs if not (a and c)]:
        raise click.BadParameter(f"want PROPERTY=FILE.ics, not {wrong[0]}")
    found = {property_id: Path(file) for property_id, _, file in pairs}
    for path in found.values():
        if not path.is_file():
            raise click.BadParameter(f"{path} is not a file")
    return found


def _prefix(_context: object, _parameter: object, value: str) -> str:
    words = value.strip("/").split("/")
    if len(words) != 4 or words[0] != "v1" or not all(words):
        raise click.BadParameter(f"want v1/ORG/SITE/HUB/, not {value}")
    return "/".join(words) + "/"


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 90})
@click.option("--port", type=click.IntRange(1, 65_535), required=True, help="The broker's.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The broker's.")
@click.option(
    "--prefix",
    callback=_prefix,
    required=True,
    help="The head of the hub's topics, v1/ORG/SITE/HUB/: the words of [hub] in gatewayd.toml.",
)
@click.option(
    "--site",
    "site_path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A site document to send first (TOML or JSON), such as config/site.toml.",
)
@click.option(
    "--calendar",
    "calendars",
    metavar="PROPERTY=FILE.ics",
    multiple=True,
    callback=_calendars,
    help="The reservations of a property; again for each. A file that changes is read again.",
)
@click.option(
    "--scenario",
    "scenario_path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Commands to send after that: a list of {after, type, data}, TOML ([[steps]]) or JSON.",
)
@click.option("--snapshot", is_flag=True, help="Send calendars as one snapshot, not as puts.")
@click.option("--once", is_flag=True, help="End when every command is answered; 1 if one is not.")
def main(
    *,
    port: int,
    host: str,
    prefix: str,
    site_path: Path | None,
    calendars: Calendars,
    scenario_path: Path | None,
    snapshot: bool,
    once: bool,
) -> None:
    """Be the booking side of one hub: send it a site and reservations, print what it tells.

    Every event gets its receipt and is printed. Codes are shown: it is the booking side that sends
    them to the guests. Runs until Ctrl-C.

    \b
    A site with two calendars:
      python -m simulators.cloud --port 1883 --prefix v1/example/seaside/hub-1/ \\
          --site config/site.toml --calendar harbour=config/examples/harbour.ics \\
          --calendar orchard=config/examples/orchard.ics
    Change a date in an .ics file: the hub gets the change. Take an event out: it is cancelled.

    \b
    A scenario (each step so many seconds after the one before):
      [[steps]]
      after = 2
      type = "reservation.put"
      [steps.data]
      id = "r1"
      property_id = "harbour"
      arrival = "2027-05-01"
      departure = "2027-05-04"
      confirmation_code = "HMEXAMPLE1"

    When the hub asks for everything (its database is new) it gets a snapshot of all there is.
    """
    try:
        site = document_of(site_path) if site_path else None
        steps = load(scenario_path) if scenario_path else []
        desk = _Desk(site, calendars, steps, snapshot)
        desk.check()
        sys.exit(asyncio.run(desk.run(host, port, prefix, once)))
    except (ScenarioError, CalendarError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        sys.exit(130)


class _Told(Cloud):
    """A cloud that prints what it sends, and knows it again."""

    def __init__(self, console: Console, port: int, prefix: str, host: str) -> None:
        super().__init__(port, prefix, host)
        self._console = console
        self.sent: dict[str, str] = {}

    async def send(self, type_: str, data: dict[str, Any], **envelope: object) -> str:
        """The same, printed."""
        words = command_words(type_, data)
        self._console.print(Text(f"sent      {words}", "dim"))
        id_ = await super().send(type_, data, **envelope)
        self.sent[id_] = words
        return id_


class _Desk:
    """What there is to send, in its order."""

    def __init__(self, site: Any, calendars: Calendars, steps: list[Step], snapshot: bool) -> None:
        self._site, self._calendars, self._steps = site, calendars, steps
        self._snapshot = snapshot
        self._console = Console(highlight=False)
        self._seen: dict[Path, tuple[int, int]] = {}

    def check(self) -> None:
        """Read everything once, so that a bad file is refused before anything is sent.

        Raises:
            CalendarError: names the file.
        """
        for property_id, path in self._calendars.items():
            try:
                reservations(path.read_bytes(), property_id)
            except CalendarError as error:
                raise CalendarError(f"{path}: {error}") from None

    async def run(self, host: str, port: int, prefix: str, once: bool) -> int:
        """Serve until cancelled, or until all is answered; the exit code."""
        cloud = _Told(self._console, port, prefix, host)
        bookings = Bookings(cloud)
        async with cloud, asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._print(cloud)), group.create_task(self._wonder(cloud))]
            await self._open(cloud, bookings)
            tasks.append(group.create_task(bookings.follow()))
            await play(self._steps, cloud, bookings)
            if not once:
                await self._watch(bookings)
            code = await self._answered(cloud)
            for task in tasks:
                task.cancel()
        return code

    async def _open(self, cloud: Cloud, bookings: Bookings) -> None:
        if self._site is not None:
            await cloud.send("site.put", self._site)
        for property_id, path in self._calendars.items():
            self._seen[path] = _stamp(path)
            content, today = path.read_bytes(), self._today(property_id)
            if self._snapshot:
                bookings.learn(property_id, content, today)
            else:
                await bookings.read(property_id, content, today)
        if self._snapshot:
            await bookings.snapshot()

    async def _watch(self, bookings: Bookings) -> None:
        """Read calendars that change, for ever; one that cannot be read changes nothing."""
        while True:
            await asyncio.sleep(WATCH_S)
            for property_id, path in self._calendars.items():
                with contextlib.suppress(OSError):  # just being replaced
                    if self._seen[path] == (stamp := _stamp(path)):
                        continue
                    self._seen[path] = stamp
                    try:
                        await bookings.read(
                            property_id, path.read_bytes(), self._today(property_id)
                        )
                    except CalendarError as error:
                        self._console.print(Text(f"{path}: {error}", "red"))

    async def _print(self, cloud: _Told) -> None:
        async for event in cloud.follow():
            line = event_words(event)
            if event["type"].startswith("command."):
                line += "  " + cloud.sent.get(event["cause"] or "", "")
            self._console.print(Text(line, COLOURS.get(event["type"], "")))

    async def _wonder(self, cloud: Cloud) -> None:
        """Say so where nobody answers: the hub, the broker or the prefix may be the reason."""
        await asyncio.sleep(SILENCE_S)
        if cloud.unanswered and not cloud.events:
            self._console.print("no answer yet; is the hub there, and are port and prefix right?")

    async def _answered(self, cloud: Cloud) -> int:
        """0 when every command was taken; 1 when one was not, or has no answer."""
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                while cloud.unanswered:  # noqa: ASYNC110  # receipts come on paho's thread
                    await asyncio.sleep(0.1)
        except TimeoutError:
            late = len(cloud.unanswered)
            self._console.print(Text(f"no answer to {late} commands; is the hub there?", "red"))
            return 1
        refused = ("command.rejected", "command.expired")
        return int(any(event["type"] in refused for event in cloud.events))

    def _today(self, property_id: str) -> date:
        """At the property, where the site document tells its zone."""
        site = self._site or {}
        zones = {p["id"]: p.get("zone") for p in site.get("properties", ())}
        zone = zones.get(property_id) or site.get("zone")
        return datetime.now(ZoneInfo(zone) if zone else None).date()


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


if __name__ == "__main__":
    main()
