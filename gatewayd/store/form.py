"""The form of values in JSON."""

from datetime import UTC, datetime
from enum import Enum
from typing import Any


def plain(value: object) -> Any:
    """What `json` does not know: UTC times as RFC 3339, enums by value."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"no JSON form for {type(value).__name__}")
