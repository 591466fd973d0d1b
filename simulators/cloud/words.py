"""Commands and events in one line each."""

from datetime import datetime
from typing import Any

from simulators.cloud import Event

COLOURS = {
    "code.assigned": "bold cyan",
    "code.changed": "bold cyan",
    "code.confirmed": "green",
    "code.removed": "green",
    "code.failed": "red",
    "code.lost": "red",
    "code.removal_failed": "bold red",
    "backup.issued": "bold cyan",
    "backup.exhausted": "bold red",
    "command.rejected": "red",
    "command.expired": "red",
    "alert.raised": "yellow",
    "lock.offline": "yellow",
}
"""By type; what is not here is printed plainly."""


def event_words(event: Event) -> str:
    """An event in one line; a guest's code is shown, as it is to be told to the guest."""
    data = event["data"]
    parts = [
        data.get("reservation_id") or str(data.get("key_id") or "").removeprefix("res:"),
        data.get("lock_id"),
        data.get("label"),
        data.get("display"),
        data.get("status"),
        data.get("proof"),
        data.get("reason"),
        _retry(data.get("next_try_at")),
        data.get("path"),
        data.get("message"),
        _alert(data) if event["type"].startswith("alert.") else None,
    ]
    at = f"{local(event['ts']):%H:%M:%S}"
    return "  ".join([at, f"{event['type']:<18}", *(str(p) for p in parts if p)])


def command_words(type_: str, data: dict[str, Any]) -> str:
    """A command that was sent, without what is personal."""
    parts = [
        data.get("id") or data.get("lock_id") or data.get("snapshot_id") or data.get("zone"),
        data.get("property_id"),
        data.get("kind") if data.get("kind") != "booking" else None,
        f"{data['arrival']} to {data['departure']}" if "departure" in data else None,
        f"version {data['version']}" if "version" in data else None,
        f"part {data['part']} of {data['parts']}" if "parts" in data else None,
    ]
    return "  ".join([type_, *(str(p) for p in parts if p)])


def local(stamp: str) -> datetime:
    """A timestamp on this machine's clock."""
    return datetime.fromisoformat(stamp).astimezone()


def _retry(at: str | None) -> str | None:
    return f"next try {local(at):%H:%M:%S}" if at else None


def _alert(data: dict[str, Any]) -> str:
    return f"{data['code']}: {data['text']}"
