"""The demo for the eye: guests by locks, the latest events, and a line of what is done now."""

import asyncio
from collections import deque
from datetime import UTC, datetime
from itertools import chain

from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from simulators.cloud.words import event_words
from simulators.demo.site import KINDS, ROOMS
from simulators.demo.stage import Stage
from simulators.demo.view import Cell

SAID = 4
FEWEST_EVENTS = 3
FRAMES = 15
"""Lines of the screen that are frame, headings and legend."""
REFRESH_S = 0.25
INN = list(dict.fromkeys(chain(*ROOMS.values())))
"""The locks that have a table of their own."""

COLOURS = {
    "proven": "green",
    "failing": "red",
    "lost": "red",
    "removing": "yellow",
    "writing": "yellow",
    "waiting": "cyan",
    "withheld": "cyan",
    "removed": "bright_black",
}


class Screen:
    """What was said last, and the drawing of a stage."""

    def __init__(self) -> None:
        self.said: deque[str] = deque(maxlen=SAID)
        self._memory: dict[str, list[str]] = {}

    async def show(self, stage: Stage, live: Live) -> None:
        """Draw, for ever."""
        while True:
            self._memory = await stage.memory()
            live.update(self._draw(stage, live.console.size.height))
            await asyncio.sleep(REFRESH_S)

    def _draw(self, stage: Stage, height: int) -> RenderableType:
        room = max(FEWEST_EVENTS, height - SAID - len(stage.view.guests) - FRAMES)
        seconds = f"{stage.seconds:.0f} s"
        good = sum(expectation.ok for expectation in stage.expectations)
        held = f"{good} of {len(stage.expectations)} expectations hold"
        events = Text("\n".join(event_words(e) for e in stage.cloud.events[-room:]), no_wrap=True)
        return Group(
            Panel(Text("\n".join(self.said)), title=f"what happens, {seconds}", title_align="left"),
            self._table(stage, [lock for lock in KINDS if lock not in INN]),
            self._table(stage, INN),
            Text(f"● in the lock's own memory   ○ not there   {held}   Ctrl-C ends", style="dim"),
            Panel(events, title="events at the booking side", title_align="left"),
        )

    def _table(self, stage: Stage, locks: list[str]) -> Table:
        """These locks, and the guests who open one of them."""
        table = Table(expand=True)
        table.add_column("guest")
        table.add_column("code")
        for lock in locks:
            table.add_column(f"{lock}\n[dim]{KINDS[lock]}")
        view = stage.view
        for key, name in view.guests.items():
            cells = {lock: cell for lock in locks if (cell := view.cells.get((key, lock)))}
            if cells:
                code = view.codes.get(key, "")
                row = [self._cell(cells.get(lock), lock, code) for lock in locks]
                table.add_row(name, code, *row)
        return table

    def _cell(self, cell: Cell | None, lock: str, code: str) -> Text:
        if cell is None:
            return Text("")
        dot = "●" if code in self._memory.get(lock, ()) else "○"
        text = Text(f"{dot} {cell.proof or cell.reason or cell.state}", COLOURS.get(cell.state, ""))
        if cell.next_try_at is not None and cell.state != "proven":
            left = max(0.0, (cell.next_try_at - datetime.now(UTC)).total_seconds())
            text.append(f"\nnext in {left:.0f} s", "dim")
        return text
