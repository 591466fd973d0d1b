"""The codes of one keypad and the rules that they obey."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from simulators.bluetooth.records import KeypadCode, Window
from simulators.bluetooth.wire import ErrorCode


class Refused(Exception):
    """The lock answers with an error report."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.name)
        self.code = code


def is_valid(code: int) -> bool:
    """Six digits from 1 to 9 that do not begin with 12, as the vendor's app demands."""
    digits = str(code)
    return len(digits) == 6 and "0" not in digits and not digits.startswith("12")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client writes of a code; the rest the lock keeps itself."""

    code: int
    name: str
    limited: bool = False
    window: Window = field(default_factory=Window)
    enabled: bool = True


@dataclass(slots=True)
class CodeBook:
    """Up to `capacity` codes by id. Ids are never used again."""

    capacity: int
    next_id: int = 1
    codes: dict[int, KeypadCode] = field(default_factory=dict)

    def find(self, code: int) -> KeypadCode | None:
        """The entry with these digits."""
        return next((entry for entry in self.codes.values() if entry.code == code), None)

    def add(self, wanted: Wanted, at: datetime) -> KeypadCode:
        """Raises Refused."""
        self._check(wanted, but=None)
        if len(self.codes) >= self.capacity:
            raise Refused(ErrorCode.TOO_MANY_ENTRIES)
        return self.keep(wanted, at)

    def keep(self, wanted: Wanted, at: datetime) -> KeypadCode:
        """As another firmware may have stored it: nothing is checked."""
        entry = KeypadCode(
            id=self.next_id,
            code=wanted.code,
            name=wanted.name,
            created=at,
            enabled=wanted.enabled,
            limited=wanted.limited,
            window=wanted.window,
        )
        self.next_id += 1
        self.codes[entry.id] = entry
        return entry

    def update(self, id_: int, wanted: Wanted) -> None:
        """Replaces all that a client may write. Raises Refused."""
        if id_ not in self.codes:
            raise Refused(ErrorCode.BAD_PARAMETER)
        self._check(wanted, but=id_)
        self.codes[id_] = replace(
            self.codes[id_],
            code=wanted.code,
            name=wanted.name,
            enabled=wanted.enabled,
            limited=wanted.limited,
            window=wanted.window,
        )

    def remove(self, id_: int) -> None:
        """Raises Refused."""
        if self.codes.pop(id_, None) is None:
            raise Refused(ErrorCode.BAD_PARAMETER)

    def _check(self, wanted: Wanted, *, but: int | None) -> None:
        if not is_valid(wanted.code):
            raise Refused(ErrorCode.CODE_INVALID)
        if not wanted.window.is_possible:
            raise Refused(ErrorCode.BAD_PARAMETER)
        twin = self.find(wanted.code)
        if twin is not None and twin.id != but:
            raise Refused(ErrorCode.CODE_ALREADY_EXISTS)
