"""Frames: against the vendor's examples, and put together from fragments."""

import struct

import pytest
from nacl.bindings import crypto_secretbox

from gatewayd.locks.nuki.frames import (
    LONGEST_CLEAR,
    ClearFrames,
    Packet,
    SealedFrames,
    clear,
    crc16,
    read_clear,
    seal,
    unseal,
)
from gatewayd.locks.nuki.identifiers import Command
from gatewayd.locks.nuki.wire import Malformed
from tests.unit.locks.nuki import vectors as v

ERROR = clear(Packet(Command.ERROR_REPORT, b"\x20\x00\x00"))
SEALED = [v.REQUEST_STATES, v.STATES, v.REQUEST_CHALLENGE, v.CHALLENGE, v.LOCK_ACTION]


def pieces(data: bytes, size: int) -> list[bytes]:
    """Fragments as a lock sends them."""
    return [data[i : i + size] for i in range(0, len(data), size)]


def test_the_crc_is_the_catalogued_one() -> None:
    """CRC-16/CCITT-FALSE gives 0x29B1 for the digits 1 to 9."""
    assert crc16(b"123456789") == 0x29B1


def test_a_clear_frame_is_the_vendors() -> None:
    """The request for the public key is printed as 0100030027A7."""
    frame = clear(Packet(Command.REQUEST_DATA, b"\x03\x00"))
    assert frame == bytes.fromhex("0100030027A7")
    assert read_clear(frame) == Packet(Command.REQUEST_DATA, b"\x03\x00")


@pytest.mark.parametrize("frame", SEALED)
def test_a_sealed_frame_is_the_vendors(frame: bytes) -> None:
    """Opened and sealed again with the same nonce it is the same frame."""
    packet = unseal(frame, v.AUTH_ID, v.SHARED_KEY)
    assert seal(packet, v.AUTH_ID, v.SHARED_KEY, frame[:24]) == frame


def test_what_is_in_a_sealed_frame() -> None:
    """The vendor's challenge."""
    packet = unseal(v.CHALLENGE, v.AUTH_ID, v.SHARED_KEY)
    assert packet == Packet(Command.CHALLENGE, v.CHALLENGE_NONCE)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x01\x00\x03", id="short"),
        pytest.param(struct.pack("<H", 0xFFFF), id="only a CRC"),
        pytest.param(bytes.fromhex("0100030027A8"), id="wrong CRC"),
        pytest.param(bytes.fromhex("01000300A727"), id="CRC swapped"),
    ],
)
def test_a_clear_frame_that_is_none(frame: bytes) -> None:
    """One exception for all of it."""
    with pytest.raises(Malformed):
        read_clear(frame)


def relabelled(frame: bytes) -> bytes:
    """The header alone says that it is for us; it is not sealed."""
    return frame[:24] + struct.pack("<I", v.AUTH_ID) + frame[28:]


def sealed_with_wrong_crc() -> bytes:
    """A box that opens, around a torn command."""
    body = struct.pack("<IHH", v.AUTH_ID, Command.STATUS, 0)
    box = crypto_secretbox(body + b"\0\0", bytes(24), v.SHARED_KEY)
    return bytes(24) + struct.pack("<IH", v.AUTH_ID, len(box)) + box


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(v.STATES[:29], id="no header"),
        pytest.param(v.STATES[:-1], id="short"),
        pytest.param(v.STATES + b"\0", id="long"),
        pytest.param(v.STATES[:-1] + b"\0", id="changed"),
        pytest.param(v.STATES[:24] + b"\x03" + v.STATES[25:], id="for another"),
        pytest.param(seal(Packet(14, b"\0"), 3, v.SHARED_KEY, bytes(24)), id="another inside"),
        pytest.param(
            relabelled(seal(Packet(14, b"\0"), 3, v.SHARED_KEY, bytes(24))), id="relabelled"
        ),
        pytest.param(seal(Packet(14, b"\0"), 2, bytes(32), bytes(24)), id="another key"),
        pytest.param(sealed_with_wrong_crc(), id="wrong CRC"),
    ],
)
def test_a_sealed_frame_that_is_none(frame: bytes) -> None:
    """One exception for all of it."""
    with pytest.raises(Malformed):
        unseal(frame, v.AUTH_ID, v.SHARED_KEY)


@pytest.mark.parametrize("size", [1, 20, 1000])
def test_sealed_frames_from_fragments(size: int) -> None:
    """Two frames in a row, whatever the size of a fragment."""
    frames = SealedFrames(v.AUTH_ID, v.SHARED_KEY)
    got = [p for piece in pieces(v.CHALLENGE + v.STATES, size) for p in frames.feed(piece)]
    assert [p.command for p in got] == [Command.CHALLENGE, Command.KEYTURNER_STATES]


@pytest.mark.parametrize("size", [1, 4, 20, 1000])
def test_a_clear_error_report_among_sealed_frames(size: int) -> None:
    """So answers a lock that does not know the authorization."""
    frames = SealedFrames(v.AUTH_ID, v.SHARED_KEY)
    got = [p for piece in pieces(ERROR + v.STATES + ERROR, size) for p in frames.feed(piece)]
    assert [p.command for p in got] == [
        Command.ERROR_REPORT,
        Command.KEYTURNER_STATES,
        Command.ERROR_REPORT,
    ]


@pytest.mark.parametrize(
    "nonce",
    [
        pytest.param(clear(Packet(Command.ERROR_REPORT)), id="fits, but is short"),
        pytest.param(clear(Packet(Command.STATUS, b"abc")), id="fits, but is no error report"),
        pytest.param(ERROR[:-1] + b"\0", id="begins like one"),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_a_nonce_is_not_taken_for_an_error_report(nonce: bytes, size: int) -> None:
    """Only the whole of it counts."""
    packet = Packet(Command.STATUS, b"\0")
    frame = seal(packet, v.AUTH_ID, v.SHARED_KEY, nonce.ljust(24, b"\x55"))
    frames = SealedFrames(v.AUTH_ID, v.SHARED_KEY)
    assert [p for piece in pieces(frame, size) for p in frames.feed(piece)] == [packet]


@pytest.mark.parametrize("box", [0, 23, 513, 0xFFFF])
def test_a_length_that_cannot_be_is_not_waited_for(box: int) -> None:
    """A torn length must not swallow all that follows."""
    frames = SealedFrames(v.AUTH_ID, v.SHARED_KEY)
    with pytest.raises(Malformed):
        frames.feed(bytes(24) + struct.pack("<IH", v.AUTH_ID, box))
    assert [p.command for p in frames.feed(v.CHALLENGE)] == [Command.CHALLENGE]


@pytest.mark.parametrize("payload", [0, 512 - 24])
def test_lengths_that_may_be(payload: int) -> None:
    """The shortest and the longest."""
    packet, frames = Packet(1, bytes(payload)), SealedFrames(v.AUTH_ID, v.SHARED_KEY)
    assert frames.feed(seal(packet, v.AUTH_ID, v.SHARED_KEY, bytes(24))) == [packet]


def test_after_a_malformed_frame_it_starts_afresh() -> None:
    """What was torn is dropped, with what came behind it."""
    frames = SealedFrames(v.AUTH_ID, v.SHARED_KEY)
    with pytest.raises(Malformed):
        frames.feed(v.STATES[:-1] + b"\0" + v.STATES[:20])
    assert [p.command for p in frames.feed(v.CHALLENGE)] == [Command.CHALLENGE]


@pytest.mark.parametrize("size", [1, 3, 20, 1000])
def test_clear_frames_from_fragments(size: int) -> None:
    """The command tells the size, so that two may come in a row."""
    first, second = Packet(Command.CHALLENGE, v.FIRST_CHALLENGE), Packet(Command.STATUS, b"\0")
    frames = ClearFrames()
    got = [p for piece in pieces(clear(first) + clear(second), size) for p in frames.feed(piece)]
    assert got == [first, second]


def test_a_clear_frame_that_is_unknown_ends_where_its_crc_fits() -> None:
    """Fragment by fragment."""
    packet, frames = Packet(0x0099, bytes(30)), ClearFrames()
    parts = pieces(clear(packet), 20)
    assert frames.feed(parts[0]) == []
    assert frames.feed(parts[1]) == [packet]


def test_a_clear_frame_that_is_unknown_ends_some_day() -> None:
    """Memory is bounded."""
    frames = ClearFrames()
    with pytest.raises(Malformed):
        frames.feed(b"\x99" * (LONGEST_CLEAR + 1))


def test_a_clear_frame_with_a_wrong_crc() -> None:
    """A known size is enough to see that; the next frame is read."""
    frames = ClearFrames()
    with pytest.raises(Malformed):
        frames.feed(bytes.fromhex("0100030027A8"))
    assert frames.feed(ERROR) == [Packet(Command.ERROR_REPORT, b"\x20\x00\x00")]


@pytest.mark.parametrize(("key", "nonce"), [(bytes(31), bytes(24)), (bytes(32), bytes(23))])
def test_keys_and_nonces_have_their_size(key: bytes, nonce: bytes) -> None:
    """Ours to get right, hence no `Malformed`."""
    with pytest.raises(ValueError, match="bytes are needed"):
        seal(Packet(1), 1, key, nonce)
