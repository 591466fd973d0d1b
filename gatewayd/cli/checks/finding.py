"""What a look came to."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it is."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """About what, how it is, and what mends it; empty where nothing is to be mended."""

    about: str
    state: State
    text: str
    mend: str = ""


def ok(about: str, text: str) -> Finding:
    """As it should be."""
    return Finding(about, State.OK, text)


def warning(about: str, text: str, mend: str) -> Finding:
    """It works, or cannot be told."""
    return Finding(about, State.WARNING, text, mend)


def broken(about: str, text: str, mend: str) -> Finding:
    """The hub cannot do its work, or is open to others."""
    return Finding(about, State.BROKEN, text, mend)
