"""The demo for the eye: guests by locks, the latest events, and a line of what is done now."""

import asyncio
from collections import deque
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from simulators.cloud.words import event_words
from simulators.demo.site import KINDS
from simulators.demo.stage import Stage
from simulators.demo.view import Cell

SAID = 4
FEWEST_EVENTS = 3
FRAMES = 10
"""Lines of the screen that are frame, heading and legend."""
REFRESH_S = 0.25

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
            self._table(stage),
            Text(f"● in the lock's own memory   ○ not there   {held}   Ctrl-C ends", style="dim"),
            Panel(events, title="events at the booking side", title_align="left"),
        )

    def _table(self, stage: Stage) -> Table:
        table = Table(expand=True)
        table.add_column("guest")
        table.add_column("code")
        for lock, kind in KINDS.items():
            table.add_column(f"{lock}\n[dim]{kind}")
        view = stage.view
        for key, name in view.guests.items():
            code = view.codes.get(key, "")
            cells = [self._cell(view.cells.get((key, lock)), lock, code) for lock in KINDS]
            table.add_row(name, code, *cells)
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
