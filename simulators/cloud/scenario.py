"""A scenario file: commands with a delay each, in TOML or JSON."""

import asyncio
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.cloud import Cloud
from simulators.cloud.bookings import Bookings


class ScenarioError(Exception):
    """The file is no scenario; the text says where."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command, so many seconds after the step before it."""

    after: float
    type: str
    data: dict[str, Any]


def load(path: Path) -> list[Step]:
    """The steps of a file: a JSON list, or [[steps]] in TOML.

    Raises:
        ScenarioError: it cannot be read, or a step is not {after, type, data}.
    """
    document = document_of(path)
    steps = document.get("steps") if isinstance(document, dict) else document
    if not isinstance(steps, list):
        raise ScenarioError(f"{path}: has no list of steps")
    return [_step(path, number, each) for number, each in enumerate(steps, 1)]


async def play(steps: list[Step], cloud: Cloud, bookings: Bookings) -> None:
    """Send each in its time."""
    for step in steps:
        await asyncio.sleep(step.after)
        if step.type == "reservation.put":
            await bookings.put({"version": 1} | step.data)
        elif step.type == "reservation.cancel" and step.data.get("id") in bookings.reservations:
            await bookings.cancel(step.data["id"])
        else:
            await cloud.send(step.type, step.data)


def document_of(path: Path) -> Any:
    """A TOML or JSON file, by its name, with dates as text.

    Raises:
        ScenarioError: it cannot be read.
    """
    try:
        text = path.read_text()
        if path.suffix == ".json":
            return json.loads(text)
        return json.loads(json.dumps(tomllib.loads(text), default=str))
    except (OSError, ValueError) as error:
        raise ScenarioError(f"{path}: {error}") from None


def _step(path: Path, number: int, each: Any) -> Step:
    match each:
        case {"type": str(type_), **rest}:
            after, data = rest.get("after", 0), rest.get("data", {})
            if isinstance(after, int | float) and after >= 0 and isinstance(data, dict):
                return Step(float(after), type_, data)
    raise ScenarioError(f"{path}: step {number} is not {{after: seconds, type, data}}")
