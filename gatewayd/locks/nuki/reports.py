"""What a lock's states and log say, in our words."""

from collections.abc import Mapping
from datetime import UTC, datetime

from gatewayd.domain.bolt import Bolt
from gatewayd.domain.moment import Now
from gatewayd.domain.report import Battery, Jammed, KeypadBattery, Report, Used, WrongCode
from gatewayd.locks.nuki.keyturner import KeyturnerStates
from gatewayd.locks.nuki.log_entries import Acted, KeypadSource, KeypadUsed, LogEntry
from gatewayd.locks.nuki.states import Action, Completion, LockState

BOLT: Mapping[int, Bolt] = {
    LockState.LOCKED: Bolt.LOCKED,
    LockState.UNLOCKED: Bolt.UNLOCKED,
    LockState.UNLATCHED: Bolt.UNLOCKED,
    LockState.UNLOCKED_LOCK_N_GO: Bolt.UNLOCKED,
    LockState.LOCKING: Bolt.MOVING,
    LockState.UNLOCKING: Bolt.MOVING,
    LockState.UNLATCHING: Bolt.MOVING,
    LockState.MOTOR_BLOCKED: Bolt.JAMMED,
}
OPENING = frozenset({Action.UNLOCK, Action.UNLATCH, Action.LOCK_N_GO, Action.LOCK_N_GO_UNLATCH})
JAMS = frozenset({Completion.MOTOR_BLOCKED, Completion.CLUTCH_FAILURE})
_NEVER_SET = datetime(1970, 1, 1, tzinfo=UTC)


def bolt(states: KeyturnerStates) -> Bolt:
    """Where the bolt is."""
    return BOLT.get(states.lock_state, Bolt.UNKNOWN)


def batteries(states: KeyturnerStates) -> tuple[Battery | KeypadBattery, ...]:
    """The lock's battery, and the keypad's where the lock knows it."""
    own = Battery(states.battery.percent, low=states.battery.critical)
    keypad = states.keypad_battery_critical
    return (own,) if keypad is None else (own, KeypadBattery(low=keypad))


def skew(states: KeyturnerStates, now: Now) -> float:
    """Seconds by which the lock's clock is surely ahead (behind: negative). A date that is none
    counts as that of a clock never set."""
    at = states.current_time or _NEVER_SET
    if at > now.latest:
        return (at - now.latest).total_seconds()
    return min((at - now.earliest).total_seconds(), 0.0)


def of_log(entry: LogEntry) -> Report | None:
    """What a log entry tells. Turns by hand, button and app tell nothing: of them the keypad's own
    entry is a second one."""
    match entry.data:
        case KeypadUsed(completion=Completion.INVALID_CODE):
            return WrongCode(entry.at)
        case KeypadUsed(completion=done) | Acted(completion=done) if done in JAMS:
            return Jammed()
        case KeypadUsed(action=action, source=source, completion=Completion.SUCCESS) as used:
            slot = used.code_id if source == KeypadSource.CODE else None
            return Used(slot or None, opened=action in OPENING, at=entry.at)
        case _:
            return None
