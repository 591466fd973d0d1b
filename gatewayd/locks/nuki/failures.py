"""What a lock's error report means for whoever asked: the contract's errors."""

from gatewayd.errors import (
    GatewaydError,
    LockError,
    OutcomeUnknown,
    Reason,
    Refused,
    Unreachable,
    Unsupported,
)
from gatewayd.locks.nuki.identifiers import ErrorCode

PIN_CODES = frozenset({ErrorCode.BAD_PIN, ErrorCode.TOO_MANY_PIN_ATTEMPTS})
"""Nothing that needs the PIN may be tried again: after ten wrong ones a lock takes none at all."""
JAM_CODES = frozenset({ErrorCode.MOTOR_BLOCKED, ErrorCode.CLUTCH_FAILURE})
MOTOR_CODES = frozenset(
    {
        ErrorCode.MOTOR_TIMEOUT,
        ErrorCode.CANCELED,
        ErrorCode.MOTOR_POSITION_LIMIT,
        ErrorCode.MOTOR_LOW_VOLTAGE,
        ErrorCode.MOTOR_POWER_FAILURE,
        ErrorCode.CLUTCH_POWER_FAILURE,
    }
)
"""The motor had begun to turn: where the bolt is now, a look tells."""
STOPPED = {
    Reason.PIN_REFUSED: "the lock refuses the security PIN; it is left alone until paired again",
    Reason.PIN_UNANSWERED: "the lock fell silent each time after the security PIN was sent, so "
    "whether that is right is not known; it is left alone until paired again",
}
"""Why nothing more is tried with the PIN."""
NOT_PAIRED = "the hub is not paired with this lock"
NOT_AUTHORISED = "the lock does not know this hub any more; pair it again"


def stopped(why: Reason) -> Unreachable:
    """The lock is left alone until it is paired again."""
    return Unreachable(STOPPED[why], why)


class LockSaid(GatewaydError):
    """An error report of the lock; never leaves the driver."""

    def __init__(self, code: ErrorCode | int) -> None:
        name = code.name.lower() if isinstance(code, ErrorCode) else f"{code:#04x}"
        super().__init__(f"the lock says {name}")
        self.code = code


class NoSuchCode(Refused):
    """The lock has no code with that id, or takes no such dates."""


class MotorBlocked(Refused):
    """The motor could not turn the bolt."""


def translated(said: LockSaid, *, writing: bool) -> LockError:
    """The error for the caller. A lock reports before it acts, so nothing has changed, save by a
    motor that stopped on its way."""
    match said.code:
        case ErrorCode.BAD_PIN | ErrorCode.TOO_MANY_PIN_ATTEMPTS:
            return stopped(Reason.PIN_REFUSED)
        case ErrorCode.NOT_AUTHORIZED | ErrorCode.INVALID_AUTH_ID:
            return Unreachable(NOT_AUTHORISED, Reason.REFUSED)
        case ErrorCode.BUSY:
            return Unreachable("the lock is busy")
        case (
            ErrorCode.BAD_NONCE
            | ErrorCode.BAD_CRC
            | ErrorCode.BAD_LENGTH
            | ErrorCode.CODE_INVALID_TIMEOUT_1
            | ErrorCode.CODE_INVALID_TIMEOUT_2
            | ErrorCode.CODE_INVALID_TIMEOUT_3
        ):
            return Unreachable(str(said))
        case _ if not writing:
            return Unreachable(str(said), Reason.REFUSED)
        case ErrorCode.TOO_MANY_ENTRIES:
            return Refused("the lock has no room for another code", Reason.LOCK_FULL)
        case ErrorCode.CODE_ALREADY_EXISTS:
            return Refused("the lock has this code already", Reason.DUPLICATE_CODE)
        case ErrorCode.CODE_INVALID:
            return Unsupported("the lock takes no such code", Reason.CODE_IMPOSSIBLE)
        case ErrorCode.BAD_PARAMETER:
            return NoSuchCode("the lock has no such code, or takes no such dates")
        case code if code in JAM_CODES:
            return MotorBlocked("the motor could not turn the bolt")
        case code if code in MOTOR_CODES:
            return OutcomeUnknown(str(said))
        case _:
            return Refused(str(said))
