"""What a lock can do, as its driver found out."""

from dataclasses import dataclass

from gatewayd.domain.code import ANY_CODE, CodeRules

DEFAULT_SLOTS = 100
"""Most locks hold 100 codes (S1-19); used until the lock has told."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Slots are numbered 1 to `slots`."""

    slots: int = DEFAULT_SLOTS
    code: CodeRules = ANY_CODE
    label_length: int = 0
    enforces_windows: bool = False
    can_disable: bool = False
    can_delete: bool = True
    readable: bool = True
    assigns_slots: bool = False

    @property
    def lock_timed(self) -> bool:
        """Whether a code may lie on the lock before its window without opening."""
        return self.enforces_windows or self.can_disable
