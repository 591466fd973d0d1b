"""Why a code is not on a door, or a guest does not get in: the chain from the reservation to the
proof, the first broken link in plain words, what comes next, and what a person can do.

No code, no guest's name. Times are UTC in fields, and in texts those of the property's zone.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gatewayd.domain.ids import LockId
from gatewayd.errors import Reason


class State(StrEnum):
    """How a link holds."""

    OK = "ok"
    BROKEN = "broken"  # nothing goes on before it is mended, or a person should know
    WAITING = "waiting"  # time, or the hub's next step, brings it
    UNKNOWN = "unknown"  # it cannot be seen from here


class Part(StrEnum):
    """What a link is about, in the order of the chain; those from `lease` to `keypad` are there
    once for each door."""

    RESERVATION = "reservation"
    KEY = "key"
    CODE = "code"
    LEASE = "lease"
    LOCK = "lock"
    RADIO = "radio"
    PROOF = "proof"
    KEYPAD = "keypad"  # only where something is to be said of it
    GATEWAY = "gateway"
    CLOUD = "cloud"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Link:
    """`since`: when it became so, where that is known; `door`, `door_name`: None where it is the
    same for all; `remedy`: what a person can do about it."""

    name: Part
    state: State
    text: str
    since: datetime | None = None
    reason: Reason | None = None
    remedy: str | None = None
    door: LockId | None = None
    door_name: str | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """What the hub does next; `at`: None where no time brings it."""

    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something that was tried or seen at a door."""

    at: datetime
    type: str
    door: LockId | None
    text: str
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`what_to_do`: the most likely help first; `attempts`: the last ones, the newest first."""

    subject: str
    summary: str
    links: tuple[Link, ...]
    first_broken: Link | None
    next: Next | None
    what_to_do: tuple[str, ...]
    attempts: tuple[Attempt, ...]


def text(found: Diagnosis) -> str:
    """All of it in plain lines, for whoever cannot draw."""
    lines = [found.summary, ""]
    for link in found.links:
        name = f"{link.door_name}: {link.name}" if link.door_name else str(link.name)
        lines.append(f"  {link.state:8}{name}: {link.text}")
    if found.next:
        lines += ["", f"Next: {found.next.text}"]
    if found.what_to_do:
        lines += ["", "What to do:"]
        lines += [f"  {number}. {what}" for number, what in enumerate(found.what_to_do, 1)]
    if found.attempts:
        lines += ["", "What happened last:"]
        lines += [f"  {attempt.text}" for attempt in found.attempts]
    return "\n".join(lines) + "\n"
