"""The simulator's codec against the examples printed in Nuki Smart Lock API 2.1."""

import struct
from datetime import datetime

import pytest

from simulators.bluetooth import wire
from simulators.bluetooth.wire import Command, ErrorCode, Frame, WireError

PRIVATE = bytes.fromhex("8CAA54672307BFFDF5EA183FC607158D2011D008ECA6A1088614FF0853A5AA07")
PUBLIC = bytes.fromhex("F88127CCF48023B5CBE9101D24BAA8A368DA94E8C2E3CDE2DED29CE96AB50C15")
LOCK_PUBLIC = bytes.fromhex("2FE57DA347CD62431528DAAC5FBB290730FFF684AFC4CFC2ED90995F58CB3B74")
KEY = bytes.fromhex("217FCB0F18CAF284E9BDEA0B94B83B8D10867ED706BFDEDBD2381F4CB3B8F730")
CHALLENGE = bytes.fromhex("6CD4163D159050C798553EAA57E278A579AFFCBC56F09FC57FE879E51C42DF17")
NONCE_OF_LOCK = bytes.fromhex("E0742CFEA39CB46109385BF91286A3C02F40EE86B0B62FC34033094DE41E2C0D")
NONCE_OF_APP = bytes.fromhex("52AFE0A664B4E9B56DC6BD4CB718A6C9FED6BE17A7411072AA0D315378140577")

SEALED_STATE = (
    "90B0757CFED0243017EAF5E089F8583B9839D61B050924D2020000002700B13938B67121B6D528E7DE206B0D7C5A"
    "94587A471B33EBFB012CED8F1261135566ED756E3910B5"
)
SEALED_CHALLENGE = (
    "99C8613A9F6AB6D3FB0399D37AD38C5C003AC139B1567BC102000000380028CDCC668C08DA47BF323BF9371EBF06"
    "8F6D480438563660780A4234D9A23794E305EE37878874EDE106A0BBFCF5B60E0C2E2BA17248A02B"
)


def test_a_clear_frame_is_the_printed_one() -> None:
    frame = Frame(Command.REQUEST_DATA, struct.pack("<H", Command.PUBLIC_KEY))
    data = bytes.fromhex("0100030027A7")
    assert wire.clear(frame) == data
    assert wire.read_clear(data) == frame


def test_keys_are_the_printed_ones() -> None:
    assert wire.public_key(PRIVATE) == PUBLIC
    assert wire.shared_key(LOCK_PUBLIC, PRIVATE) == KEY


def test_authenticators_are_the_printed_ones() -> None:
    first = wire.authenticator(KEY, PUBLIC, LOCK_PUBLIC, CHALLENGE)
    assert first.hex() == "b09a0d3979a029e5fd027b519eaa200bc14ad3e163d3be4563843e021073bcb1"
    said = bytes(5) + wire.pack_text("Marc (Test)", 32) + NONCE_OF_APP
    second = wire.authenticator(KEY, said, NONCE_OF_LOCK)
    assert second.hex() == "cf1b9e7801e3196e6594e76d57908ee500aad5c33f4b6e0bbea0ddef82967bfc"


def test_encrypted_frames_are_read_as_printed() -> None:
    challenge = "57d95521bea186b5a9244f025737924c5b7e33592d0614d5f6ef2e2f142c6d4b"
    frame = wire.unseal(KEY, bytes.fromhex(SEALED_CHALLENGE))
    assert (frame.command, frame.payload.hex()) == (Command.CHALLENGE, challenge)
    assert wire.unseal(KEY, bytes.fromhex(SEALED_STATE)).command == Command.KEYTURNER_STATES
    assert wire.sealed_for(bytes.fromhex(SEALED_STATE)) == 2


def test_a_sealed_frame_comes_back() -> None:
    frame = Frame(Command.STATUS, b"\0")
    data = wire.seal(KEY, 7, frame)
    assert wire.unseal(KEY, data) == frame
    assert wire.sealed_length(data) == len(data)
    assert wire.sealed_length(data[:29]) is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (wire.seal(KEY, 7, Frame(Command.STATUS), spoil_crc=True), ErrorCode.BAD_CRC),
        (wire.seal(PRIVATE, 7, Frame(Command.STATUS)), ErrorCode.NOT_AUTHORIZED),
        (wire.seal(KEY, 7, Frame(Command.STATUS))[:-1], ErrorCode.BAD_LENGTH),
    ],
    ids=["wrong checksum", "another key", "too short"],
)
def test_what_is_no_sealed_frame_has_its_error(data: bytes, code: ErrorCode) -> None:
    with pytest.raises(WireError) as failure:
        wire.unseal(KEY, data)
    assert failure.value.code is code


@pytest.mark.parametrize(
    ("data", "code"), [(b"\x01\x00", ErrorCode.BAD_LENGTH), (b"\x01\0\0\0", ErrorCode.BAD_CRC)]
)
def test_what_is_no_clear_frame_has_its_error(data: bytes, code: ErrorCode) -> None:
    with pytest.raises(WireError) as failure:
        wire.read_clear(data)
    assert failure.value.code is code


def test_dates_and_texts_come_back() -> None:
    date = datetime.fromisoformat("2026-07-01T14:30:59")
    assert wire.unpack_date(wire.pack_date(date)) == date
    assert wire.unpack_date(bytes(7)) is None
    with pytest.raises(WireError):
        wire.unpack_date(b"\xea\x07\x0d\x01\x00\x00\x00")
    assert wire.pack_text("Zoë" * 7, 20) == ("Zoë" * 5).encode()
    assert wire.unpack_text(wire.pack_text("Gäste", 20)) == "Gäste"
