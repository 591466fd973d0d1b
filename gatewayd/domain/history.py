"""What of an event is kept in the hub's own history: no code, no guest, nobody's free text."""

from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, Literal, NewType, get_args, get_origin, get_type_hints

from gatewayd.domain.events import Event
from gatewayd.domain.events.alert import AlertCleared, AlertRaised
from gatewayd.domain.health import at_lock
from gatewayd.domain.ids import KeyId, LockId

WORDS = {"subject", "text", "message", "path", "label", "backup", "by", "held_by", "version"}
"""The fields of plain text that the hub fills in itself; `by`: a user of its system."""
PLAIN = (Enum, int, float, datetime, NoneType)
"""What cannot hold a code's digits, besides ids and what is made of these."""


def kept(told: object) -> dict[str, Any]:
    """The fields of an event whose type says that no code is in them; of text only what is named
    in `WORDS`, so that whatever else an event may hold one day is left out."""
    kind: Any = type(told)  # mypy finds no hash in a type
    return {name: _value(getattr(told, name)) for name in _kept_fields(kind)}


def where(event: Event) -> tuple[LockId | None, KeyId | None]:
    """The lock and the key that an event is about, as far as it says so."""
    if isinstance(event, AlertRaised | AlertCleared):
        key = event.subject.partition("/")[2]
        return at_lock(event.code, event.subject), KeyId(key) if key else None
    return getattr(event, "lock_id", None), getattr(event, "key_id", None)


def _value(value: Any) -> Any:
    if is_dataclass(value):
        return kept(value)
    return [_value(one) for one in value] if isinstance(value, tuple) else value


@cache
def _kept_fields(kind: type) -> tuple[str, ...]:
    hints = get_type_hints(kind)
    shown = (field.name for field in fields(kind) if field.repr)
    return tuple(name for name in shown if name in WORDS or _codeless(hints[name]))


def _codeless(hint: Any) -> bool:
    if isinstance(hint, NewType) or get_origin(hint) is Literal:
        return True
    if parts := get_args(hint):
        return all(_codeless(part) for part in parts if part is not ...)
    return isinstance(hint, type) and (is_dataclass(hint) or issubclass(hint, PLAIN))
