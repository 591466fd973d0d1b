"""One of every command, and the bytes that it is: offsets as the vendor documents them.

Nuki Smart Lock API 2.1, "Commands".
"""

from datetime import UTC, datetime, time
from uuid import UUID

from gatewayd.domain.code import Code
from gatewayd.locks.nuki.commands import Known
from gatewayd.locks.nuki.exchange import (
    LONG_PIN,
    Challenge,
    ErrorReport,
    RequestData,
    SecurityPin,
    Status,
    UpdateTime,
    VerifySecurityPin,
)
from gatewayd.locks.nuki.handshake import (
    AppType,
    AuthorizationAuthenticator,
    AuthorizationData,
    AuthorizationId,
    AuthorizationIdConfirmation,
    PublicKey,
)
from gatewayd.locks.nuki.identifiers import Command, ErrorCode, StatusCode
from gatewayd.locks.nuki.keypad import (
    AddKeypadCode,
    KeypadCode,
    KeypadCodeCount,
    KeypadCodeId,
    RemoveKeypadCode,
    RequestKeypadCodes,
    TimeLimit,
    UpdateKeypadCode,
)
from gatewayd.locks.nuki.keyturner import (
    Battery,
    BatteryReport,
    KeyturnerStates,
    LockAction,
    MotorTurn,
)
from gatewayd.locks.nuki.log_entries import (
    Acted,
    DoorSensed,
    KeypadSource,
    KeypadUsed,
    LogEntry,
    LogEntryCount,
    LogType,
    RequestLogEntries,
    SortOrder,
    Switched,
    Undecoded,
)
from gatewayd.locks.nuki.states import (
    Action,
    Completion,
    DoorSensor,
    LockState,
    NukiState,
    Trigger,
)

NONCE = bytes(range(0xA0, 0xC0))
PIN, ULTRA_PIN = SecurityPin(0x1234), SecurityPin(0x00098765, LONG_PIN)
CODE = Code("934567")
AT = datetime(2026, 11, 22, 5, 4, 3, tzinfo=UTC)
LATER = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
LIMIT = TimeLimit(AT, LATER, frozenset({0, 6}), time(15, 30), time(11, 0))

_NONCE = NONCE.hex()
_PIN, _ULTRA_PIN = "3412", "65870900"
_CODE = "a7420e00"
_AT, _LATER = "ea070b16050403", "eb070102030405"
_LIMIT = _AT + _LATER + "41" + "0f1e" + "0b00"
_NO_LIMIT = "00" * 19
_NAME20 = b"Flat 3".ljust(20, b"\0").hex()
_NAME32 = b"Marc (Test)".ljust(32, b"\0").hex()
_UUID = "83b33643c6d97ef77ed51c02a277cbf7"

LAYOUTS: list[tuple[Known, int, list[str]]] = [
    (RequestData(Command.CHALLENGE), 0x0001, ["0400"]),
    (PublicKey(NONCE), 0x0003, [_NONCE]),
    (Challenge(NONCE), 0x0004, [_NONCE]),
    (AuthorizationAuthenticator(NONCE), 0x0005, [_NONCE]),
    (
        AuthorizationData(bytes(32), AppType.APP, 0x01020304, "Marc (Test)", NONCE),
        0x0006,
        ["00" * 32, "00", "04030201", _NAME32, _NONCE],
    ),
    (
        AuthorizationId(bytes(32), 2, UUID(_UUID), NONCE),
        0x0007,
        ["00" * 32, "02000000", _UUID, _NONCE],
    ),
    (AuthorizationIdConfirmation(bytes(32), 2), 0x001E, ["00" * 32, "02000000"]),
    (
        KeyturnerStates(
            NukiState.DOOR_MODE,
            LockState.LOCKED,
            Trigger.AUTO_LOCK,
            AT,
            -60,
            Battery(0xA1),
            7,
            20,
            Action.LOCK,
            Trigger.BUTTON,
            Completion.MOTOR_BLOCKED,
            DoorSensor.DOOR_CLOSED,
            1,
            3,
        ),
        0x000C,
        ["02", "01", "06", _AT, "c4ff", "a1", "07", "14", "02", "02", "01", "02", "01", "03"],
    ),
    (
        LockAction(Action.UNLATCH, 0x01020304, 2, NONCE),
        0x000D,
        ["03", "04030201", "02", _NONCE],
    ),
    (Status(StatusCode.ACCEPTED), 0x000E, ["01"]),
    (
        BatteryReport(
            120, 5900, Battery(1), MotorTurn(Action.UNLOCK, 5900, 5600, 360, -21, 300, 140)
        ),
        0x0011,
        ["7800", "0c17", "01", "01", "0c17", "e015", "6801", "eb", "2c01", "8c00"],
    ),
    (BatteryReport(120, 5900, Battery(0)), 0x0011, ["7800", "0c17", "00"]),
    (ErrorReport(ErrorCode.BAD_CRC, Command.ADD_KEYPAD_CODE), 0x0012, ["fd", "4100"]),
    (VerifySecurityPin(NONCE, PIN), 0x0020, [_NONCE, _PIN]),
    (VerifySecurityPin(NONCE, ULTRA_PIN), 0x0020, [_NONCE, _ULTRA_PIN]),
    (UpdateTime(AT, NONCE, PIN), 0x0021, [_AT, _NONCE, _PIN]),
    (
        RequestLogEntries(9, 5, SortOrder.DESCENDING, True, NONCE, PIN),
        0x0031,
        ["09000000", "0500", "01", "01", _NONCE, _PIN],
    ),
    (
        LogEntry(
            9,
            AT,
            0,
            "Marc (Test)",
            LogType.KEYPAD_ACTION,
            KeypadUsed(Action.UNLOCK, KeypadSource.CODE, Completion.INVALID_CODE, 258),
        ),
        0x0032,
        ["09000000", _AT, "00000000", _NAME32, "05", "01", "01", "e0", "0201"],
    ),
    (
        LogEntry(
            9,
            AT,
            2,
            "Marc (Test)",
            LogType.LOCK_ACTION,
            Acted(Action.LOCK, Trigger.BUTTON, 1, Completion.SUCCESS),
        ),
        0x0032,
        ["09000000", _AT, "02000000", _NAME32, "02", "02", "02", "01", "00"],
    ),
    (
        LogEntry(1, None, 2, "", LogType.DOOR_SENSOR, DoorSensed(DoorSensor.DOOR_OPENED)),
        0x0032,
        ["01000000", "00" * 7, "02000000", "00" * 32, "06", "03"],
    ),
    (
        LogEntry(1, None, 2, "", LogType.LOGGING, Switched(enabled=True)),
        0x0032,
        ["01000000", "00" * 7, "02000000", "00" * 32, "01", "01"],
    ),
    (
        LogEntry(1, None, 2, "", 0x63, Undecoded(b"\x01\x02")),
        0x0032,
        ["01000000", "00" * 7, "02000000", "00" * 32, "63", "0102"],
    ),
    (LogEntryCount(True, 300, True, False), 0x0033, ["01", "2c01", "01", "00"]),
    (
        AddKeypadCode(CODE, "Flat 3", LIMIT, NONCE, PIN),
        0x0041,
        [_CODE, _NAME20, "01", _LIMIT, _NONCE, _PIN],
    ),
    (
        AddKeypadCode(CODE, "Flat 3", None, NONCE, ULTRA_PIN),
        0x0041,
        [_CODE, _NAME20, "00", _NO_LIMIT, _NONCE, _ULTRA_PIN],
    ),
    (KeypadCodeId(258, AT), 0x0042, ["0201", _AT]),
    (RequestKeypadCodes(1, 0xFFFF, NONCE, PIN), 0x0043, ["0100", "ffff", _NONCE, _PIN]),
    (KeypadCodeCount(200), 0x0044, ["c800"]),
    (
        KeypadCode(258, CODE, "Flat 3", True, AT, None, 3, None),
        0x0045,
        ["0201", _CODE, _NAME20, "01", _AT, "00" * 7, "0300", "00"],
    ),
    (
        KeypadCode(258, CODE, "Flat 3", False, AT, LATER, 3, LIMIT),
        0x0045,
        ["0201", _CODE, _NAME20, "00", _AT, _LATER, "0300", "01", _LIMIT],
    ),
    (
        UpdateKeypadCode(258, CODE, "Flat 3", False, LIMIT, NONCE, PIN),
        0x0046,
        ["0201", _CODE, _NAME20, "00", "01", _LIMIT, _NONCE, _PIN],
    ),
    (RemoveKeypadCode(258, NONCE, PIN), 0x0047, ["0201", _NONCE, _PIN]),
]
"""A command, its number, and its fields in turn."""
