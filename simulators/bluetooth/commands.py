"""What a lock does with the commands of the keyturner service, and what it answers.

Of a lock's faults, here: full, duplicate, list_shrinks, no_status.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

from simulators.bluetooth.codes import Refused, Wanted
from simulators.bluetooth.lock import Action, Lock
from simulators.bluetooth.records import (
    NAME_BYTES,
    WINDOW_BYTES,
    Authorisation,
    Window,
)
from simulators.bluetooth.wire import (
    DATE_BYTES,
    NONCE_BYTES,
    Command,
    ErrorCode,
    Frame,
    Status,
    pack_date,
    pack_text,
    unpack_date,
    unpack_text,
)

MOTOR_S: Final = 0.05
"""How long the motor turns: a few seconds in truth, which no test has."""

NAME_SUFFIX_BYTES: Final = 20
"""What LOCK_ACTION may carry for the log."""

EUROPE_BERLIN: Final = 37
NO_ZONE: Final = 0xFFFF

COMPLETE: Final = Frame(Command.STATUS, bytes([Status.COMPLETE]))
ACCEPTED: Final = Frame(Command.STATUS, bytes([Status.ACCEPTED]))


def error(code: int, command: int) -> Frame:
    """An error report."""
    return Frame(Command.ERROR_REPORT, struct.pack("<BH", code, command))


async def answer(lock: Lock, who: Authorisation, frame: Frame) -> AsyncIterator[Frame]:
    """Acts before the first reply. Raises Refused and WireError, both before it acts."""
    if frame.command == Command.LOCK_ACTION:
        async for reply in _lock_action(lock, who, frame.payload):
            yield reply
        return
    if frame.command == Command.REQUEST_DATA:
        yield _request_data(lock, who, frame.payload)
        return
    try:
        size, needs_pin, act = _ACTS[frame.command]
    except KeyError:
        raise Refused(ErrorCode.UNKNOWN) from None
    body = _check(lock, who, frame.payload, size, needs_pin)
    for reply in act(lock, body):
        yield reply


def _check(lock: Lock, who: Authorisation, payload: bytes, size: int, needs_pin: bool) -> bytes:
    """The command's body, after length, nonce and PIN have been found good."""
    if len(payload) != size + NONCE_BYTES + (2 if needs_pin else 0):
        raise Refused(ErrorCode.BAD_LENGTH)
    challenge, who.challenge = who.challenge, None
    if challenge is None or payload[size : size + NONCE_BYTES] != challenge:
        raise Refused(ErrorCode.BAD_NONCE)
    if needs_pin:
        lock.check_pin(int.from_bytes(payload[-2:], "little"))
    return payload[:size]


def _request_data(lock: Lock, who: Authorisation, payload: bytes) -> Frame:
    if len(payload) < 2:
        raise Refused(ErrorCode.BAD_LENGTH)
    match int.from_bytes(payload[:2], "little"):
        case Command.CHALLENGE:
            who.challenge = secrets.token_bytes(NONCE_BYTES)
            return Frame(Command.CHALLENGE, who.challenge)
        case Command.KEYTURNER_STATES:
            lock.was_read()
            return _states(lock)
        case Command.BATTERY_REPORT:
            return _battery_report(lock)
        case _:
            raise Refused(ErrorCode.BAD_PARAMETER)


# States and reports


def _states(lock: Lock) -> Frame:
    offset = int(lock.offset().total_seconds() // 60)
    head = bytes([1 if lock.is_pairing else 2, lock.state, lock.last_trigger])
    rest = struct.pack(
        "<hBBBBBBBBB",
        offset,
        lock.battery.state,
        lock.config_updates,
        0,  # lock'n'go timer
        lock.last_action,
        lock.last_trigger,
        0,  # completion status: success
        0,  # door sensor: unavailable
        0,  # night mode
        _accessories(lock),
    )
    return Frame(Command.KEYTURNER_STATES, head + pack_date(lock.utc()) + rest)


def _accessories(lock: Lock) -> int:
    """Bit 0: the keypad tells its battery, bit 1: which is critical."""
    return lock.keypad_present | (lock.keypad_present and lock.battery.keypad_critical) << 1


def _battery_report(lock: Lock) -> Frame:
    millivolts = 4000 + 20 * lock.battery.percent
    report = struct.pack(
        "<HHBBHHHbHH",
        120,  # drain of the last action, in millijoules
        millivolts,
        lock.battery.state,
        lock.last_action,
        millivolts,  # before the action
        millivolts - 300,  # at its lowest
        360,  # degrees turned
        21,  # degrees Celsius
        300,  # greatest current in milliamperes
        140,  # milliohms
    )
    return Frame(Command.BATTERY_REPORT, report)


def _config(lock: Lock, _body: bytes) -> Iterator[Frame]:
    zone = {"Europe/Berlin": EUROPE_BERLIN}.get(lock.timezone.key, NO_ZONE)
    offset = int(lock.offset().total_seconds() // 60)
    where = struct.pack("<I", lock.nuki_id) + pack_text(lock.name, 32) + struct.pack("<ff", 0, 0)
    settings = bytes([0, 1, 1, 1, 3])  # no auto-unlatch; may pair; button; light and how bright
    clock = pack_date(lock.utc()) + struct.pack("<hB", offset, 1)
    fob = bytes(4)
    rest = bytes([0, 0, lock.keypad_present, 3, 9, 5, 5, 0, 0])  # versions from the fourth on
    payload = where + settings + clock + fob + rest + struct.pack("<H", zone)
    yield Frame(Command.CONFIG, payload)


# Lock actions


async def _lock_action(lock: Lock, who: Authorisation, payload: bytes) -> AsyncIterator[Frame]:
    suffix = NAME_SUFFIX_BYTES if len(payload) > 6 + NONCE_BYTES else 0
    body = _check(lock, who, payload, 6 + suffix, needs_pin=False)
    try:
        action = Action(body[0])
    except ValueError:
        raise Refused(ErrorCode.BAD_PARAMETER) from None
    lock.start(action)
    yield ACCEPTED
    yield _states(lock)
    await asyncio.sleep(MOTOR_S)
    lock.finish(action, who)
    yield _states(lock)
    yield COMPLETE


# Security PIN and clock


def _verify_pin(_lock: Lock, _body: bytes) -> Iterator[Frame]:
    yield COMPLETE


def _update_time(lock: Lock, body: bytes) -> Iterator[Frame]:
    date = unpack_date(body)
    if date is None:
        raise Refused(ErrorCode.BAD_PARAMETER)
    lock.set_clock(date)
    yield COMPLETE


# Log


def _request_log(lock: Lock, body: bytes) -> Iterator[Frame]:
    start, count, newest_first, total = struct.unpack("<IHBB", body)
    lock.was_read()
    entries = list(lock.log)
    if newest_first:
        entries = [entry for entry in reversed(entries) if not start or entry.index <= start]
    else:
        entries = [entry for entry in entries if entry.index >= start]
    if total:
        yield Frame(Command.LOG_ENTRY_COUNT, struct.pack("<BHBB", 1, len(lock.log), 0, 0))
    for entry in entries[:count]:
        yield Frame(Command.LOG_ENTRY, entry.pack())
    yield COMPLETE


# Keypad codes


def _new_code_refused(lock: Lock) -> None:
    if lock.faults.full:
        raise Refused(ErrorCode.TOO_MANY_ENTRIES)
    if lock.faults.duplicate:
        raise Refused(ErrorCode.CODE_ALREADY_EXISTS)


def _wanted(body: bytes) -> Wanted:
    """Code, name and, in an update, enabled; limited and window."""
    end = 4 + NAME_BYTES
    *flags, limited = body[end:-WINDOW_BYTES]
    return Wanted(
        code=int.from_bytes(body[:4], "little"),
        name=unpack_text(body[4:end]),
        enabled=all(flags),
        limited=bool(limited),
        window=Window.unpack(body[-WINDOW_BYTES:]) if limited else Window(),
    )


def _add_code(lock: Lock, body: bytes) -> Iterator[Frame]:
    _new_code_refused(lock)
    entry = lock.add_code(_wanted(body))
    created = struct.pack("<H", entry.id) + pack_date(entry.created)
    yield Frame(Command.KEYPAD_CODE_ID, created)
    if not lock.faults.no_status:
        yield COMPLETE


def _list_codes(lock: Lock, body: bytes) -> Iterator[Frame]:
    offset, count = struct.unpack("<HH", body)
    entries = list(lock.book.codes.values())
    yield Frame(Command.KEYPAD_CODE_COUNT, struct.pack("<H", len(entries)))
    if lock.faults.list_shrinks and entries:
        lock.remove_code(entries.pop().id)
    for entry in entries[offset : offset + count]:
        yield Frame(Command.KEYPAD_CODE, entry.pack())
    if not lock.faults.no_status:
        yield COMPLETE


def _update_code(lock: Lock, body: bytes) -> Iterator[Frame]:
    lock.update_code(int.from_bytes(body[:2], "little"), _wanted(body[2:]))
    yield COMPLETE


def _remove_code(lock: Lock, body: bytes) -> Iterator[Frame]:
    lock.remove_code(int.from_bytes(body, "little"))
    yield COMPLETE


type _Act = Callable[[Lock, bytes], Iterator[Frame]]

_ACTS: dict[int, tuple[int, bool, _Act]] = {
    Command.REQUEST_CONFIG: (0, False, _config),
    Command.VERIFY_SECURITY_PIN: (0, True, _verify_pin),
    Command.UPDATE_TIME: (DATE_BYTES, True, _update_time),
    Command.REQUEST_LOG_ENTRIES: (8, True, _request_log),
    Command.ADD_KEYPAD_CODE: (5 + NAME_BYTES + WINDOW_BYTES, True, _add_code),
    Command.REQUEST_KEYPAD_CODES: (4, True, _list_codes),
    Command.UPDATE_KEYPAD_CODE: (8 + NAME_BYTES + WINDOW_BYTES, True, _update_code),
    Command.REMOVE_KEYPAD_CODE: (2, True, _remove_code),
}
"""Bytes before the nonce, whether the PIN follows it, and what happens."""
