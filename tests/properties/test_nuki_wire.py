"""The Nuki codec: what goes out comes back, and whatever else comes is refused in one way."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from traceback import format_exception
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.domain.code import Code
from gatewayd.locks.nuki.commands import KINDS, Known, decode, encode
from gatewayd.locks.nuki.exchange import (
    Challenge,
    ErrorReport,
    RequestData,
    SecurityPin,
    Status,
    Unknown,
    UpdateTime,
    VerifySecurityPin,
)
from gatewayd.locks.nuki.frames import (
    CLEAR_PAYLOADS,
    ClearFrames,
    Frames,
    Packet,
    SealedFrames,
    clear,
    read_clear,
    seal,
    unseal,
)
from gatewayd.locks.nuki.handshake import (
    AuthorizationAuthenticator,
    AuthorizationData,
    AuthorizationId,
    AuthorizationIdConfirmation,
    PublicKey,
)
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
    KeypadUsed,
    LogEntry,
    LogEntryCount,
    LogType,
    RequestLogEntries,
    Switched,
    Undecoded,
)
from gatewayd.locks.nuki.pairing import Authorization, KeyPair, PairingFailed, pairing
from gatewayd.locks.nuki.times import (
    pack_date,
    pack_time,
    pack_weekdays,
    read_date,
    read_time,
    unpack_weekdays,
)
from gatewayd.locks.nuki.wire import Malformed, Reader

U8, U16, U32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
I8, I16 = st.integers(-0x80, 0x7F), st.integers(-0x8000, 0x7FFF)
NONCES = KEYS = st.binary(min_size=32, max_size=32)
SEAL_NONCES = st.binary(min_size=24, max_size=24)
PINS = st.one_of(U16.map(SecurityPin), U32.map(lambda value: SecurityPin(value, 4)))
CODES = U32.map(lambda number: Code(str(number)))
DATES = st.none() | st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=0))
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
WEEKDAYS = st.frozensets(st.integers(0, 6), min_size=1)
NO_TIMES = st.none() | TIMES
LIMITS = st.none() | st.builds(TimeLimit, DATES, DATES, WEEKDAYS, NO_TIMES, NO_TIMES)
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


def names(size: int) -> st.SearchStrategy[str]:
    """UTF-8 that fits."""
    return st.text(LETTERS, max_size=size).filter(lambda name: len(name.encode()) <= size)


ACTED = st.builds(Acted, U8, U8, U8, U8)
LOGGED = st.one_of(
    st.tuples(st.sampled_from([1, 7]), st.builds(Switched, st.booleans())),
    st.tuples(st.sampled_from([2, 3, 4]), ACTED),
    st.tuples(st.just(5), st.builds(KeypadUsed, U8, U8, U8, U16)),
    st.tuples(st.just(6), st.builds(DoorSensed, U8)),
    st.tuples(U8.filter(lambda n: n not in set(LogType)), st.builds(Undecoded, st.binary())),
)


@st.composite
def states(draw: st.DrawFn) -> KeyturnerStates:
    """Of firmware that ends anywhere."""
    tail = draw(st.lists(U8, max_size=8))
    battery = Battery(draw(U8))
    return KeyturnerStates(draw(U8), draw(U8), draw(U8), draw(DATES), draw(I16), battery, *tail)


@st.composite
def log_entries(draw: st.DrawFn) -> LogEntry:
    """With data that belong to the type."""
    kind, data = draw(LOGGED)
    return LogEntry(draw(U32), draw(DATES), draw(U32), draw(names(32)), kind, data)


TURNS = st.none() | st.builds(MotorTurn, U8, U16, U16, U16, I8, U16, U16)
FLAGS = st.booleans()
EACH: dict[type[Known], st.SearchStrategy[Known]] = {
    RequestData: st.builds(RequestData, U16),
    PublicKey: st.builds(PublicKey, KEYS),
    Challenge: st.builds(Challenge, NONCES),
    AuthorizationAuthenticator: st.builds(AuthorizationAuthenticator, KEYS),
    AuthorizationData: st.builds(AuthorizationData, KEYS, U8, U32, names(32), NONCES),
    AuthorizationId: st.builds(AuthorizationId, KEYS, U32, st.uuids(), NONCES),
    AuthorizationIdConfirmation: st.builds(AuthorizationIdConfirmation, KEYS, U32),
    KeyturnerStates: states(),
    LockAction: st.builds(LockAction, U8, U32, U8, NONCES),
    Status: st.builds(Status, U8),
    BatteryReport: st.builds(BatteryReport, U16, U16, U8.map(Battery), TURNS),
    ErrorReport: st.builds(ErrorReport, U8, U16),
    VerifySecurityPin: st.builds(VerifySecurityPin, NONCES, PINS),
    UpdateTime: st.builds(UpdateTime, DATES, NONCES, PINS),
    RequestLogEntries: st.builds(RequestLogEntries, U32, U16, U8, FLAGS, NONCES, PINS),
    LogEntry: log_entries(),
    LogEntryCount: st.builds(LogEntryCount, FLAGS, U16, FLAGS, FLAGS),
    AddKeypadCode: st.builds(AddKeypadCode, CODES, names(20), LIMITS, NONCES, PINS),
    KeypadCodeId: st.builds(KeypadCodeId, U16, DATES),
    RequestKeypadCodes: st.builds(RequestKeypadCodes, U16, U16, NONCES, PINS),
    KeypadCodeCount: st.builds(KeypadCodeCount, U16),
    KeypadCode: st.builds(KeypadCode, U16, CODES, names(20), FLAGS, DATES, DATES, U16, LIMITS),
    UpdateKeypadCode: st.builds(
        UpdateKeypadCode, U16, CODES, names(20), FLAGS, LIMITS, NONCES, PINS
    ),
    RemoveKeypadCode: st.builds(RemoveKeypadCode, U16, NONCES, PINS),
}
COMMANDS = st.one_of(*EACH.values())
PACKETS = st.builds(Packet, U16, st.binary(max_size=120))
CLEAR_PACKETS = st.sampled_from(sorted(CLEAR_PAYLOADS.items())).flatmap(
    lambda item: st.builds(
        Packet, st.just(int(item[0])), st.binary(min_size=item[1], max_size=item[1])
    )
)


@st.composite
def fragments(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The same bytes, cut anywhere; some pieces are empty."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=20)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def fed(frames: Frames, pieces: list[bytes]) -> list[Packet]:
    """All that comes out."""
    return [packet for piece in pieces for packet in frames.feed(piece)]


def test_every_command_is_tried() -> None:
    """A new one needs a strategy."""
    assert set(EACH) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_command_comes_back(kind: type[Known], data: st.DataObject) -> None:
    """Equal, and of its own kind."""
    command = data.draw(EACH[kind])
    back = decode(encode(command))
    assert back == command
    assert type(back) is kind


@given(
    at=st.datetimes(
        timezones=st.timedeltas(-timedelta(hours=14), timedelta(hours=14)).map(timezone)
    )
)
def test_a_date_comes_back(at: datetime) -> None:
    """The same moment, to the second, in whatever zone it was told; years 1 and 9999 have edges."""
    try:
        whole = at.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        return
    assert read_date(Reader(pack_date(at))) == whole


@given(at=NO_TIMES, days=WEEKDAYS)
def test_times_and_weekdays_come_back(at: time | None, days: frozenset[int]) -> None:
    """And a mask never reads as every day unless it is."""
    assert read_time(Reader(pack_time(at))) == at
    assert unpack_weekdays(pack_weekdays(days)) == days


@given(packet=PACKETS, auth_id=U32, key=KEYS, nonce=SEAL_NONCES)
def test_a_frame_comes_back(packet: Packet, auth_id: int, key: bytes, nonce: bytes) -> None:
    """Clear and sealed."""
    assert read_clear(clear(packet)) == packet
    assert unseal(seal(packet, auth_id, key, nonce), auth_id, key) == packet


@given(
    packets=st.lists(PACKETS, max_size=4), nonce=SEAL_NONCES, key=KEYS, auth_id=U32, data=st.data()
)
def test_sealed_frames_from_any_fragments(
    packets: list[Packet], nonce: bytes, key: bytes, auth_id: int, data: st.DataObject
) -> None:
    """Wherever they are cut, with clear error reports between them."""
    sent = [p for packet in packets for p in (packet, Packet(0x12, b"\x20\x00\x00"))]
    raw = b"".join(
        clear(p) if p.command == 0x12 and len(p.payload) == 3 else seal(p, auth_id, key, nonce)
        for p in sent
    )
    assert fed(SealedFrames(auth_id, key), data.draw(fragments(raw))) == sent


@given(packets=st.lists(CLEAR_PACKETS, max_size=4), data=st.data())
def test_clear_frames_from_any_fragments(packets: list[Packet], data: st.DataObject) -> None:
    """Wherever they are cut."""
    raw = b"".join(clear(packet) for packet in packets)
    assert fed(ClearFrames(), data.draw(fragments(raw))) == packets


@given(number=st.sampled_from([int(kind.command) for kind in KINDS]) | U16, payload=st.binary())
def test_any_payload_is_a_command_or_malformed(number: int, payload: bytes) -> None:
    """And what was read can be written again."""
    try:
        command = decode(Packet(number, payload))
    except Malformed:
        return
    if isinstance(command, Unknown):
        assert number not in {kind.command for kind in KINDS}
    elif "\ufffd" not in getattr(command, "name", ""):  # which takes more room than what it is for
        assert decode(encode(command)) == command


@given(command=COMMANDS, flip=st.integers(0, 10**6), cut=st.integers(0, 200))
def test_a_torn_command_is_a_command_or_malformed(command: Known, flip: int, cut: int) -> None:
    """A bit turned, or the end lost: nothing else is raised."""
    raw = bytearray(encode(command).payload)
    bit = flip % (len(raw) * 8)
    raw[bit // 8] ^= 1 << bit % 8
    for payload in (bytes(raw), bytes(raw[:cut])):
        with contextlib.suppress(Malformed):
            decode(Packet(command.command, payload))


@given(packet=PACKETS, key=KEYS, nonce=SEAL_NONCES, flip=st.integers(0, 10**6))
def test_a_torn_frame_is_never_read(packet: Packet, key: bytes, nonce: bytes, flip: int) -> None:
    """One bit of it turned is enough."""
    for frame, read in (
        (clear(packet), read_clear),
        (seal(packet, 7, key, nonce), lambda raw: unseal(raw, 7, key)),
    ):
        torn = bytearray(frame)
        torn[flip % len(frame)] ^= 1 << flip % 8
        with pytest.raises(Malformed):
            read(bytes(torn))


@given(pieces=st.lists(st.binary(max_size=300)), key=KEYS)
def test_garbage_in_fragments(pieces: list[bytes], key: bytes) -> None:
    """Malformed or nothing; and the buffer does not grow for ever."""
    for frames in (SealedFrames(7, key), ClearFrames()):
        for piece in pieces:
            with contextlib.suppress(Malformed):
                frames.feed(piece)
            assert len(frames._buffer) < 30 + 512 + 300


@given(answers=st.lists(COMMANDS.map(encode) | PACKETS, max_size=6), key=KEYS)
def test_pairing_with_anything(answers: list[Packet], key: bytes) -> None:
    """Who knows no key is granted nothing."""
    steps = pairing(KeyPair.of(key), key, 1, "gateway")
    next(steps)
    with contextlib.suppress(PairingFailed, Malformed):
        for answer in answers:
            steps.send(answer)


@dataclass(frozen=True)
class Around:
    """Whatever holds it: the repr of a whole calls the reprs of its parts."""

    held: object


SECRET_CODES = st.from_regex(r"[3-9]{9}", fullmatch=True)
SECRET_PINS = st.integers(10**8, 2**32 - 1)
SECRET_NAMES = st.from_regex(r"Quixo[a-z]{4,8}", fullmatch=True)
SECRET_KEYS = st.binary(min_size=32, max_size=32).filter(lambda key: len(set(key)) > 8)


def shows(text: str, raw: bytes) -> bool:
    """As bytes, as hexadecimal, as a number."""
    forms = (repr(raw)[2:-1], raw.hex(), str(int.from_bytes(raw, "little")), str(list(raw)))
    return any(form.lower() in text.lower() for form in forms)


@given(digits=SECRET_CODES, number=SECRET_PINS, name=SECRET_NAMES, key=SECRET_KEYS)
def test_no_repr_shows_a_secret(digits: str, number: int, name: str, key: bytes) -> None:
    """Code, PIN, key, nonce, and the names that residents gave."""
    code, pin = Code(digits), SecurityPin(number, 4)
    frames = SealedFrames(7, key)
    frames.feed(seal(Packet(1), 7, key, bytes(24))[:40])
    whole: list[Known] = [
        AddKeypadCode(code, name, None, key, pin),
        UpdateKeypadCode(1, code, name, True, None, key, pin),
        KeypadCode(1, code, name, True, None, None, 0, None),
        RemoveKeypadCode(1, key, pin),
        RequestKeypadCodes(0, 1, key, pin),
        RequestLogEntries(0, 1, 0, False, key, pin),
        VerifySecurityPin(key, pin),
        UpdateTime(None, key, pin),
        LockAction(1, 1, 0, key),
        Challenge(key),
        AuthorizationAuthenticator(key),
        LogEntry(1, None, 1, name, 0x63, Undecoded(key)),
    ]
    shown = [pin, KeyPair.of(key), Authorization(1, key, UUID(int=0)), frames, *whole]
    for thing in [*shown, *(encode(command) for command in whole)]:
        text = f"{thing!r} {thing!s} {Around(thing)}"
        assert digits not in text
        assert str(number) not in text
        assert name not in text
        assert not shows(text, key)


@given(digits=SECRET_CODES, number=SECRET_PINS, name=SECRET_NAMES, key=SECRET_KEYS)
def test_no_error_shows_a_secret(digits: str, number: int, name: str, key: bytes) -> None:
    """Neither what was read nor what could not be written."""
    pin = SecurityPin(number, 4)
    packet = encode(AddKeypadCode(Code(digits), name, None, key, pin))
    sealed = seal(packet, 7, key, bytes(24))
    attempts: list[Callable[[], object]] = [
        lambda: decode(Packet(packet.command, packet.payload + b"\0")),
        lambda: decode(Packet(packet.command, packet.payload[:-3])),
        lambda: read_clear(clear(packet)[:-1]),
        lambda: unseal(sealed[:-1] + bytes((sealed[-1] ^ 1,)), 7, key),
        lambda: unseal(sealed, 8, key),
        lambda: seal(packet, 7, key + b"\0", bytes(24)),
        lambda: SealedFrames(7, key[1:]),
        lambda: encode(AddKeypadCode(Code("0" + digits), name, None, key, pin)),
        lambda: encode(AddKeypadCode(Code(digits), name * 4, None, key, pin)),
        lambda: encode(AddKeypadCode(Code(digits), name + "\ud800", None, key, pin)),
        lambda: encode(RemoveKeypadCode(1, key + b"\0", pin)),
        lambda: SecurityPin(number, 2),
    ]
    for attempt in attempts:
        with pytest.raises((Malformed, ValueError)) as raised:
            attempt()
        error = raised.value
        said = [line for line in format_exception(error) if not line.startswith("  File")]
        text = f"{error!r} {vars(error)} {said}"
        assert digits not in text
        assert str(number) not in text
        assert name not in text
        assert not shows(text, key)
