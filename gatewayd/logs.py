"""Logs: JSON for the journal, readable lines on a terminal. No code and no guest's name gets in,
because nothing that holds one shows it; arguments are ids, reasons and numbers."""

import logging
import sys
from typing import Literal

import structlog


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
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer)
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
