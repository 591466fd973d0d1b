"""Fields: what fits and what does not."""

import pytest

from gatewayd.locks.nuki.identifiers import ErrorCode
from gatewayd.locks.nuki.wire import Malformed, Reader, exactly, known, padded


def test_fields_are_little_endian() -> None:
    """One after the other."""
    fields = Reader(bytes.fromhex("01 0200 03000000 FEFF 05"))
    assert (fields.u8(), fields.u16(), fields.u32()) == (1, 2, 3)
    assert fields.numbers("hB") == (-2, 5)
    assert fields.left == 0
    fields.end()


def test_there_are_not_more_bytes_than_there_are() -> None:
    """A field is whole or not there."""
    fields = Reader(b"\x01\x02\x03")
    with pytest.raises(Malformed, match="4 bytes, but only 3"):
        fields.u32()
    with pytest.raises(Malformed, match="3 bytes too many"):
        fields.end()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Anna\0\0\0\0", "Anna"),
        (b"Zo\xc3\xab\0\0\0\0", "Zoë"),
        (b"Anna\0old", "Anna"),
        (b"12345678", "12345678"),
        (b"cut of\xc3\0", "cut of\ufffd"),
    ],
)
def test_a_name_ends_at_the_first_zero(raw: bytes, text: str) -> None:
    """What a phone cut amid a letter is still a name."""
    assert Reader(raw).text(8) == text


def test_a_name_is_padded() -> None:
    """With zero bytes."""
    assert padded("Zoë", 8) == b"Zo\xc3\xab\0\0\0\0"
    assert padded("12345678", 8) == b"12345678"


@pytest.mark.parametrize("name", ["123456789", "éééééé", "a\0b", "\ud800"])
def test_a_name_that_cannot_be_written(name: str) -> None:
    """It is not shown, and not cut in silence."""
    with pytest.raises(ValueError, match="a name") as bad:
        padded(name, 8)
    assert name not in str(bad.value)
    assert bad.value.__cause__ is None
    assert bad.value.__suppress_context__ or bad.value.__context__ is None


def test_a_nonce_has_its_size() -> None:
    """Exactly."""
    assert exactly(b"ab", 2) == b"ab"
    with pytest.raises(ValueError, match="3 bytes are needed, 2"):
        exactly(b"ab", 3)


def test_a_number_without_a_name_stays() -> None:
    """Newer firmware has newer numbers."""
    assert known(ErrorCode, 0x21) is ErrorCode.BAD_PIN
    assert known(ErrorCode, 0x99) == 0x99
