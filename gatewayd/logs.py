"""Logs: JSON for the journal, readable lines on a terminal. No code and no guest's name gets in,
because nothing that holds one shows it; arguments are ids, reasons and numbers."""

import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog

from gatewayd.clock import SystemClock

MINUTE = 60.0
MOST = 10
"""Equal lines a minute that are written; a card wears out, and a journal drops blindly."""
NEVER_DROPPED = {"error", "critical"}


@dataclass(slots=True)
class Repeats:
    """Renders lines, the last of all processors. Of equal ones beyond `MOST` in a minute only the
    number is told, in `repeated`, with the first line after that minute. Errors are all written."""

    render: structlog.typing.Processor
    tick: Callable[[], float]
    _seen: dict[str, tuple[float, int, dict[str, Any]]] = field(default_factory=dict)

    def __call__(self, logger: Any, method: str, line: structlog.typing.EventDict) -> str:
        """The lines that are to be written now.

        Raises:
            structlog.DropEvent: there is none.
        """
        now, same = self.tick(), dict(line)
        at = same.pop("timestamp")
        lines: list[structlog.typing.EventDict] = [
            repeated | {"timestamp": at} for repeated in self._over(now)
        ]
        if line["level"] in NEVER_DROPPED or self._is_news(same, now):
            lines.append(line)
        if not lines:
            raise structlog.DropEvent
        return "\n".join(str(self.render(logger, method, each)) for each in lines)

    def _is_news(self, line: dict[str, Any], now: float) -> bool:
        since, times, _ = self._seen.get(key := repr(sorted(line.items())), (now, 0, line))
        self._seen[key] = since, times + 1, line
        return times < MOST

    def _over(self, now: float) -> Iterator[dict[str, Any]]:
        """What came too often in a minute that is over; the oldest are first."""
        while self._seen:
            key, (since, times, line) = next(iter(self._seen.items()))
            if now - since < MINUTE:
                return
            del self._seen[key]
            if times > MOST:
                yield line | {"repeated": times - MOST}


def configure(level: str, form: Literal["auto", "json", "console"]) -> None:
    """Set up structlog and let the libraries' own loggers speak through it from warnings on."""
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, Repeats(renderer, SystemClock().tick)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer)
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
