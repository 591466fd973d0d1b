"""States and log entries of a lock in our words."""

from datetime import UTC, datetime, timedelta

import pytest

from gatewayd.domain.bolt import Bolt
from gatewayd.domain.moment import Now
from gatewayd.domain.report import Battery, Jammed, KeypadBattery, Report, Used, WrongCode
from gatewayd.locks.nuki import reports
from gatewayd.locks.nuki.keyturner import Battery as BatteryByte
from gatewayd.locks.nuki.keyturner import KeyturnerStates
from gatewayd.locks.nuki.log_entries import (
    Acted,
    DoorSensed,
    KeypadSource,
    KeypadUsed,
    LogData,
    LogEntry,
    LogType,
)
from gatewayd.locks.nuki.states import (
    Action,
    Completion,
    DoorSensor,
    LockState,
    NukiState,
    Trigger,
)

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def states(
    lock: LockState | int = LockState.LOCKED,
    at: datetime | None = NOON,
    battery: int = 80 << 1,
    accessory: int | None = None,
) -> KeyturnerStates:
    return KeyturnerStates(
        NukiState.DOOR_MODE,
        lock,
        Trigger.SYSTEM,
        at,
        0,
        BatteryByte(battery),
        accessory_battery=accessory,
    )


@pytest.mark.parametrize(
    ("state", "bolt"),
    [
        (LockState.LOCKED, Bolt.LOCKED),
        (LockState.UNLOCKED, Bolt.UNLOCKED),
        (LockState.UNLATCHED, Bolt.UNLOCKED),
        (LockState.LOCKING, Bolt.MOVING),
        (LockState.MOTOR_BLOCKED, Bolt.JAMMED),
        (LockState.UNCALIBRATED, Bolt.UNKNOWN),
        (0x77, Bolt.UNKNOWN),
    ],
)
def test_every_state_of_the_lock_is_one_of_the_bolt(state: LockState | int, bolt: Bolt) -> None:
    assert reports.bolt(states(state)) is bolt


def test_batteries_are_told_as_far_as_the_lock_knows() -> None:
    assert reports.batteries(states()) == (Battery(80),)
    critical = states(battery=0b1, accessory=0b11)
    assert reports.batteries(critical) == (Battery(None, low=True), KeypadBattery(low=True))


@pytest.mark.parametrize(
    ("at", "skew"),
    [
        (NOON + timedelta(seconds=40), 40),
        (NOON - timedelta(seconds=40), -40),
        (NOON, 0),
        (None, -NOON.timestamp()),  # a clock that was never set
    ],
)
def test_the_skew_of_a_clock(at: datetime | None, skew: float) -> None:
    assert reports.skew(states(at=at), Now.exactly(NOON)) == skew


def test_a_doubtful_clock_says_only_what_is_sure() -> None:
    now = Now(NOON - HOUR, NOON + HOUR)
    assert reports.skew(states(at=NOON + HOUR / 2), now) == 0
    assert reports.skew(states(at=NOON + 2 * HOUR), now) == 3600
    assert reports.skew(states(at=NOON - 2 * HOUR), now) == -3600


def keypad(
    action: Action, source: KeypadSource = KeypadSource.CODE, done: int = 0, code_id: int = 7
) -> KeypadUsed:
    return KeypadUsed(action, source, done, code_id)


@pytest.mark.parametrize(
    ("data", "report"),
    [
        (keypad(Action.UNLOCK), Used(7, opened=True, at=NOON)),
        (keypad(Action.LOCK), Used(7, opened=False, at=NOON)),
        (keypad(Action.LOCK, KeypadSource.ARROW_KEY, code_id=0), Used(None, opened=False, at=NOON)),
        (keypad(Action.UNLATCH, KeypadSource.FINGERPRINT), Used(None, opened=True, at=NOON)),
        (keypad(Action.UNLOCK, done=Completion.INVALID_CODE), WrongCode(NOON)),
        (keypad(Action.UNLOCK, done=Completion.MOTOR_BLOCKED), Jammed()),
        (keypad(Action.UNLOCK, done=Completion.TOO_RECENT), None),
        (Acted(Action.LOCK, Trigger.AUTO_LOCK, 0, Completion.CLUTCH_FAILURE), Jammed()),
        (Acted(Action.UNLOCK, Trigger.MANUAL, 0, Completion.SUCCESS), None),
        (DoorSensed(DoorSensor.DOOR_OPENED), None),
    ],
)
def test_what_a_log_entry_tells(data: LogData, report: Report | None) -> None:
    entry = LogEntry(1, NOON, 0, "", LogType.KEYPAD_ACTION, data)
    assert reports.of_log(entry) == report
