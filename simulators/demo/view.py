"""What the booking side knows of each guest at each door: events and nothing else."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulators.cloud import Event

OVER = ("past", "revoked")
"""The status of a key that opens nothing any more."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One guest's code at one door, as last told."""

    state: str
    proof: str | None = None
    reason: str | None = None
    next_try_at: datetime | None = None


class View:
    """Guests by key id in the order of their booking, their codes, and a cell for each door.

    What the hub told before the last word on a door counts no more, however late it comes.
    """

    def __init__(self) -> None:
        self.guests: dict[str, str] = {}
        self.codes: dict[str, str] = {}
        self.cells: dict[tuple[str, str], Cell] = {}
        self._removed: set[tuple[str, str]] = set()
        self._told: dict[tuple[str, str], int] = {}
        self._now = 0

    def guest(self, reservation: str, name: str) -> None:
        """Somebody to be shown."""
        self.guests[f"res:{reservation}"] = name

    def take(self, event: Event) -> None:
        """One event more."""
        kind, data = event["type"], event["data"]
        key = data.get("key_id")
        if key is None:
            return
        self._now = event["seq"]
        match kind:
            case "code.assigned" | "code.changed":
                self.codes[key] = data["display"]
                for door in data["doors"]:
                    self.cells.setdefault((key, door["lock_id"]), Cell("waiting"))
            case "key.status":
                for door in data["doors"]:
                    gone = (key, door["lock_id"]) in self._removed and not door["proof"]
                    state = "removed" if gone and door["state"] == "removing" else door["state"]
                    self._put(key, door["lock_id"], state, door)
                if data["status"] in OVER:
                    self._end(key, {door["lock_id"] for door in data["doors"]})
            case "code.confirmed":
                self._put(key, data["lock_id"], "proven", data)
            case "lock.used":
                self._put(key, data["lock_id"], "proven", {"proof": "used"})
            case "code.failed":
                self._put(key, data["lock_id"], "failing", data)
            case "code.lost":
                self._put(key, data["lock_id"], "lost", data)
            case "code.removed":
                self._removed.add((key, data["lock_id"]))
                self._put(key, data["lock_id"], "removed", {})
            case "code.removal_failed":
                self._put(key, data["lock_id"], "removing", data)

    def _end(self, key: str, left: set[str]) -> None:
        """Where nothing is left of a key that is over."""
        for lock in [lock for id_, lock in self.cells if id_ == key and lock not in left]:
            self._put(key, lock, "removed", {})

    def _put(self, key: str, lock: str, state: str, told: dict[str, Any]) -> None:
        if self._now < self._told.get((key, lock), 0):
            return
        self._told[key, lock] = self._now
        at = told.get("next_try_at")
        self.cells[key, lock] = Cell(
            state,
            told.get("proof"),
            told.get("reason"),
            datetime.fromisoformat(at) if at else None,
        )
