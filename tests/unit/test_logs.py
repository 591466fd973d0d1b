"""A flood of log lines is summed up, and says so."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from gatewayd import logs
from gatewayd.logs import MINUTE, MOST, Repeats

type Line = dict[str, Any]


class Journal:
    """What is written, on a clock of the test."""

    def __init__(self) -> None:
        self.now, self.lines = 0.0, list[Line]()
        self._repeats = Repeats(structlog.processors.JSONRenderer(), lambda: self.now)

    def log(self, level: str = "warning", **line: object) -> list[Line]:
        """One line; returns what is written for it."""
        whole = {"event": "step.failed", "level": level, "timestamp": f"{self.now:.0f}"} | line
        try:
            return [*map(json.loads, self._repeats(None, level, whole).splitlines())]
        except structlog.DropEvent:
            return []


def test_equal_lines_are_counted_and_told_with_the_next_line_after_a_minute() -> None:
    # fault 30
    journal = Journal()
    written = [journal.log(lock="front") for _ in range(1000)]
    assert [len(lines) for lines in written] == [1] * MOST + [0] * (1000 - MOST)
    journal.now = MINUTE
    first = {"event": "step.failed", "level": "warning", "timestamp": "60", "lock": "front"}
    other = {"event": "hub.ready", "level": "info", "timestamp": "60"}
    assert journal.log("info", event="hub.ready") == [first | {"repeated": 1000 - MOST}, other]
    assert journal.log(lock="front") == [first]


def test_another_lock_is_another_line() -> None:
    journal = Journal()
    assert all(journal.log(lock=f"lock {n}") for n in range(1000))


def test_an_error_is_never_dropped() -> None:
    journal = Journal()
    assert all(journal.log(level, lock="a") for level in ["error", "critical"] * 1000)


def test_what_did_not_come_too_often_is_not_told_again() -> None:
    journal = Journal()
    for _ in range(MOST):
        journal.log(lock="front")
    journal.now = MINUTE
    assert journal.log(lock="back") == [
        {"event": "step.failed", "level": "warning", "timestamp": "60", "lock": "back"}
    ]


@pytest.fixture
def configured() -> Iterator[None]:
    """Logs as the daemon has them."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("configured")
def test_the_daemon_logs_so(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    log = structlog.get_logger("test")
    for _ in range(3 * MOST):
        log.warning("step.failed", lock="front")
    assert len(capsys.readouterr().err.splitlines()) == MOST
