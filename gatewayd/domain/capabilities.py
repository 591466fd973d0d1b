"""What a lock can do: as its driver found out, and before that as its kind is known."""

from collections.abc import Mapping
from dataclasses import dataclass

from gatewayd.domain.code import ANY_CODE, DEFAULT_FORM, CodeRules

DEFAULT_SLOTS = 100
"""Most locks hold 100 codes (S1-19); used until the lock has told."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Slots are numbered 1 to `slots`, unless the lock numbers its codes itself; `checksum`: in one
    answer it tells whether it still holds what it showed."""

    slots: int = DEFAULT_SLOTS
    code: CodeRules = ANY_CODE
    label_length: int = 0
    enforces_windows: bool = False
    enforces_hours: bool = False
    can_disable: bool = False
    can_delete: bool = True
    readable: bool = True
    assigns_slots: bool = False
    checksum: bool = False

    @property
    def lock_timed(self) -> bool:
        """Whether a code may lie on the lock before its window without opening."""
        return self.enforces_windows or self.can_disable

    @property
    def for_keys(self) -> tuple[CodeRules, int, bool]:
        """What keys are made from: where this changes they are made anew."""
        return self.code, self.label_length, self.lock_timed


NUKI = Capabilities(
    slots=200,
    code=DEFAULT_FORM,
    label_length=20,
    enforces_windows=True,
    enforces_hours=True,
    assigns_slots=True,
)
"""A Nuki Smart Lock with its second keypad. The first one has room for 100 codes, and which of them
it is no lock says: it refuses what is too many."""

KINDS: Mapping[str, Capabilities] = {"nuki": NUKI, "zwave": Capabilities()}
"""By driver: what is sure of a lock that was not reached yet."""


def of_kind(driver: str) -> Capabilities:
    """What to count on until the lock has told."""
    return KINDS.get(driver, Capabilities())
