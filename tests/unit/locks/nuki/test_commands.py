"""Every command against its documented layout, and what locks do that the document does not say."""

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime

import pytest

from gatewayd.domain.capabilities import NUKI
from gatewayd.domain.code import Code
from gatewayd.locks.nuki.commands import KINDS, Known, decode, encode
from gatewayd.locks.nuki.exchange import (
    LONG_PIN,
    ErrorReport,
    RequestData,
    SecurityPin,
    Status,
    Unknown,
)
from gatewayd.locks.nuki.frames import Packet, unseal
from gatewayd.locks.nuki.identifiers import Command
from gatewayd.locks.nuki.keypad import (
    AddKeypadCode,
    KeypadCode,
    RemoveKeypadCode,
    TimeLimit,
    UpdateKeypadCode,
)
from gatewayd.locks.nuki.keyturner import Battery, BatteryReport, KeyturnerStates, LockAction
from gatewayd.locks.nuki.log_entries import (
    Acted,
    KeypadUsed,
    LogEntry,
    LogEntryCount,
    LogType,
    Undecoded,
)
from gatewayd.locks.nuki.states import Action, Completion, LockState, NukiState, Trigger
from gatewayd.locks.nuki.wire import Malformed
from tests.unit.locks.nuki import vectors as v
from tests.unit.locks.nuki.commands import AT, CODE, LAYOUTS, LIMIT, NONCE, PIN

STRICT = {
    Command.REQUEST_DATA,
    Command.PUBLIC_KEY,
    Command.AUTHORIZATION_AUTHENTICATOR,
    Command.AUTHORIZATION_DATA,
    Command.AUTHORIZATION_ID,
    Command.AUTHORIZATION_ID_CONFIRMATION,
    Command.LOCK_ACTION,
    Command.VERIFY_SECURITY_PIN,
    Command.UPDATE_TIME,
    Command.REQUEST_LOG_ENTRIES,
    Command.ADD_KEYPAD_CODE,
    Command.REQUEST_KEYPAD_CODES,
    Command.UPDATE_KEYPAD_CODE,
    Command.REMOVE_KEYPAD_CODE,
}
"""What we send: a lock answers `BAD_LENGTH` to one byte more."""
STATES = next(known for known, _, _ in LAYOUTS if isinstance(known, KeyturnerStates))


def payload(known: Known) -> bytes:
    """As it goes out."""
    return encode(known).payload


def test_every_command_is_in_the_table() -> None:
    """A new one needs a row."""
    assert {type(known) for known, _, _ in LAYOUTS} == set(KINDS)
    assert len({kind.command for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize(("known", "number", "fields"), LAYOUTS)
def test_a_command_is_laid_out_as_documented(known: Known, number: int, fields: list[str]) -> None:
    """Both ways."""
    packet = Packet(number, bytes.fromhex("".join(fields)))
    assert encode(known) == packet
    assert decode(packet) == known


def also_whole(known: Known) -> set[int]:
    """Lengths below the whole that are a command too."""
    match known:
        case KeyturnerStates():
            return set(range(13, 21))
        case BatteryReport():
            return set(range(5, 17))
        case LogEntryCount():
            return {3, 4}
        case LogEntry(data=Undecoded()):
            return {48, 49}
        case _:  # an Ultra's PIN cut in half is that of another lock
            pin = getattr(known, "pin", PIN)
            return {len(payload(known)) - 2} if pin.size == LONG_PIN else set()


@pytest.mark.parametrize("known", [known for known, _, _ in LAYOUTS])
def test_a_command_that_is_too_short(known: Known) -> None:
    """At every length but those that older firmware sends; the text tells which command."""
    whole = payload(known)
    for size in set(range(len(whole))) - also_whole(known):
        with pytest.raises(Malformed, match=f"{known.command:#06x}"):
            decode(Packet(known.command, whole[:size]))


@pytest.mark.parametrize("known", [known for known, _, _ in LAYOUTS])
def test_a_command_that_is_too_long(known: Known) -> None:
    """What a lock sends may grow with its firmware; what it is sent may not."""
    longer = Packet(known.command, payload(known) + bytes(3))
    if known.command in STRICT:
        with pytest.raises(Malformed):
            decode(longer)
    else:
        assert isinstance(decode(longer), type(known))


@pytest.mark.parametrize(
    ("known", "offsets", "size"),
    [
        (
            AddKeypadCode(CODE, "Flat 3", LIMIT, NONCE, PIN),
            {"code": 0, "name": 4, "limited": 24, "start": 25, "until": 32, "weekdays": 39}
            | {"from_time": 40, "until_time": 42, "nonce": 44, "pin": 76},
            78,
        ),
        (
            UpdateKeypadCode(258, CODE, "Flat 3", True, LIMIT, NONCE, PIN),
            {"id": 0, "code": 2, "name": 6, "enabled": 26, "limited": 27, "start": 28, "until": 35}
            | {"weekdays": 42, "from_time": 43, "until_time": 45, "nonce": 47, "pin": 79},
            81,
        ),
        (
            KeypadCode(258, CODE, "Flat 3", True, AT, AT, 3, LIMIT),
            {"id": 0, "code": 2, "name": 6, "enabled": 26, "lock_count": 41, "limited": 43}
            | {"start": 44, "until": 51, "weekdays": 58, "from_time": 59, "until_time": 61},
            63,
        ),
        (RemoveKeypadCode(258, NONCE, PIN), {"id": 0, "nonce": 2, "pin": 34}, 36),
    ],
)
def test_the_offsets_of_keypad_codes(known: Known, offsets: dict[str, int], size: int) -> None:
    """Counted in the vendor's tables, not summed up from ours."""
    marks = {
        "id": b"\x02\x01",
        "code": (934567).to_bytes(4, "little"),
        "name": b"Flat 3\0",
        "enabled": b"\x01",
        "limited": b"\x01",
        "lock_count": b"\x03\x00",
        "start": bytes.fromhex("ea070b16050403"),
        "until": bytes.fromhex("eb070102030405"),
        "weekdays": b"\x41",
        "from_time": b"\x0f\x1e",
        "until_time": b"\x0b\x00",
        "nonce": NONCE,
        "pin": b"\x34\x12",
    }
    raw = payload(known)
    assert len(raw) == size
    for field, offset in offsets.items():
        assert raw[offset:].startswith(marks[field]), field


def test_the_vendors_examples_are_read() -> None:
    """Five sealed frames; the states are of a firmware that ends after two optional bytes."""
    frames = [v.REQUEST_STATES, v.STATES, v.REQUEST_CHALLENGE, v.CHALLENGE, v.LOCK_ACTION]
    read = [decode(unseal(frame, v.AUTH_ID, v.SHARED_KEY)) for frame in frames]
    at = datetime(2016, 3, 7, 8, 15, 30, tzinfo=UTC)
    states = KeyturnerStates(
        NukiState.DOOR_MODE, LockState.LOCKED, Trigger.SYSTEM, at, 60, Battery(0), 0x20, 0x0A
    )
    assert read[:3] == [
        RequestData(Command.KEYTURNER_STATES),
        states,
        RequestData(Command.CHALLENGE),
    ]
    assert read[4] == LockAction(Action.UNLOCK, 0, 0, v.CHALLENGE_NONCE)


def test_an_unknown_command_is_told_by_its_number() -> None:
    """Its payload is not kept."""
    assert decode(Packet(0x0100, b"\x01\x02")) == Unknown(0x0100)


@pytest.mark.parametrize("code", [0x77, 0x50])
def test_an_unknown_error_stays_a_number(code: int) -> None:
    """Also where the command is unknown."""
    report = decode(Packet(Command.ERROR_REPORT, bytes((code, 0xFF, 0x7F))))
    assert report == ErrorReport(code, 0x7FFF)


def test_an_unknown_status_stays_a_number() -> None:
    """It is not taken for complete."""
    assert decode(Packet(Command.STATUS, b"\x07")) == Status(7)


@pytest.mark.parametrize("sent", range(13, 22))
def test_older_firmware_sends_fewer_states(sent: int) -> None:
    """What is not sent is None, and the rest is right."""
    states = decode(Packet(Command.KEYTURNER_STATES, payload(STATES)[:sent]))
    assert isinstance(states, KeyturnerStates)
    assert payload(states) == payload(STATES)[:sent]
    assert (states.door_sensor is None) is (sent < 19)
    assert (states.accessory_battery is None) is (sent < 21)


@pytest.mark.parametrize(
    ("byte", "critical", "charging", "percent"),
    [
        (0x00, False, False, None),
        (0x01, True, False, None),
        (0x02, False, True, None),
        (0xA0, False, False, 80),
        (0xC8, False, False, 100),
        (0x29, True, False, 20),
    ],
)
def test_the_state_of_a_battery(
    byte: int, critical: bool, charging: bool, percent: int | None
) -> None:
    """Two flags, and half the percent above them."""
    battery = Battery(byte)
    assert (battery.critical, battery.charging, battery.percent) == (critical, charging, percent)


@pytest.mark.parametrize(
    ("accessory", "critical"),
    [(None, None), (0b0000, None), (0b0010, None), (0b0001, False), (0b0011, True), (0b1111, True)],
)
def test_the_battery_of_the_keypad(accessory: int | None, critical: bool | None) -> None:
    """Bit 0 says whether bit 1 means anything."""
    assert replace(STATES, accessory_battery=accessory).keypad_battery_critical is critical


def test_a_limit_not_in_force_is_no_limit() -> None:
    """Its bytes may be there all the same."""
    limited = KeypadCode(258, CODE, "Flat 3", True, AT, None, 3, LIMIT)
    raw = bytearray(payload(limited))
    raw[43] = 0
    assert decode(Packet(Command.KEYPAD_CODE, bytes(raw))) == replace(limited, limit=None)


def test_a_limit_without_dates_is_of_weekdays() -> None:
    """No bit set is every day."""
    raw = bytearray(payload(KeypadCode(258, CODE, "", True, AT, None, 3, TimeLimit())))
    assert raw[58] == 0x7F
    raw[58] = 0
    code = decode(Packet(Command.KEYPAD_CODE, bytes(raw)))
    assert isinstance(code, KeypadCode)
    assert code.limit == TimeLimit()


@pytest.mark.parametrize("spare", [0, 1, 4])
@pytest.mark.parametrize(
    ("kind", "data", "read"),
    [
        (
            LogType.LOCK_ACTION,
            b"\x01\x00\x00\x00",
            Acted(Action.UNLOCK, Trigger.SYSTEM, 0, Completion.SUCCESS),
        ),
        (
            LogType.KEYPAD_ACTION,
            b"\x01\x09\xe0\x00\x00",
            KeypadUsed(Action.UNLOCK, 9, Completion.INVALID_CODE, 0),
        ),
    ],
)
def test_locks_fill_log_entries_up(
    kind: LogType, data: bytes, read: Acted | KeypadUsed, spare: int
) -> None:
    """By 1 or 4 bytes, as their generation is."""
    head = payload(LogEntry(9, AT, 2, "Marc", kind, read))[:48]
    entry = decode(Packet(Command.LOG_ENTRY, head + data + bytes(spare)))
    assert isinstance(entry, LogEntry)
    assert entry.data == read


@pytest.mark.parametrize("digits", ["034567", "4294967296", "9" * 5000])
def test_a_code_that_would_be_another_is_not_written(digits: str) -> None:
    """A number has no leading zeros. The text does not show it."""
    with pytest.raises(ValueError, match="keypad code") as bad:
        encode(AddKeypadCode(Code(digits), "", None, NONCE, PIN))
    assert digits not in str(bad.value)


@pytest.mark.parametrize(
    ("value", "size"), [(-1, 2), (0x10000, 2), (1 << 32, 4), (1234, 3), (1234, 0)]
)
def test_a_pin_has_its_size(value: int, size: int) -> None:
    """The text does not show it."""
    with pytest.raises(ValueError, match="two bytes") as bad:
        SecurityPin(value, size)
    assert str(value) not in str(bad.value)


def test_a_keypad_takes_the_codes_that_the_vendor_says() -> None:
    """Six digits 1 to 9, not beginning with 12."""
    for digits, allowed in [
        ("934567", True),
        ("123456", False),
        ("93456", False),
        ("934560", False),
    ]:
        assert NUKI.code.allow(Code(digits)) is allowed


def test_commands_do_not_change() -> None:
    """They are values."""
    with pytest.raises(FrozenInstanceError):
        STATES.lock_state = LockState.UNLOCKED  # type: ignore[misc]  # the point
