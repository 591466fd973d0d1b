"""The file that leaves the house."""

from hashlib import sha256

import pytest

from gatewayd.cli import sealing
from gatewayd.cli.sealing import HEADER, OVERHEAD, seal, unseal
from gatewayd.cli.trouble import Trouble

PASSPHRASE = "correct horse battery staple"
CONTENT = b"all that the hub knows" * 100


@pytest.fixture(scope="module")
def file() -> bytes:
    return seal(CONTENT, PASSPHRASE)


def refusal(file: bytes, passphrase: str = PASSPHRASE) -> str:
    """Why it does not open."""
    with pytest.raises(Trouble) as refused:
        unseal(file, passphrase)
    assert refused.value.what_to_do
    assert refused.value.status == 1
    return refused.value.error


def test_it_opens_with_its_passphrase(file: bytes) -> None:
    assert unseal(file, PASSPHRASE) == CONTENT
    assert len(file) == OVERHEAD + len(CONTENT)


def test_its_first_line_says_what_it_is(file: bytes) -> None:
    assert file.splitlines()[0] == b"gatewayd backup 1"


def test_nothing_of_it_is_legible_and_no_two_are_alike(file: bytes) -> None:
    assert b"the hub" not in file
    again = seal(CONTENT, PASSPHRASE)
    assert again[len(HEADER) :][:16] != file[len(HEADER) :][:16]
    assert again[-100:] != file[-100:]


def test_another_passphrase_is_told_as_such(file: bytes) -> None:
    assert refusal(file, PASSPHRASE + "r") == "the passphrase is wrong"


def test_a_passphrase_is_the_same_whatever_keyboard_it_was_typed_at() -> None:
    composed, decomposed = "Zürich am See 47", "Zu\u0308rich am See 47"
    assert unseal(seal(CONTENT, composed), decomposed) == CONTENT


@pytest.mark.parametrize("kept", [len(HEADER), OVERHEAD - 1, OVERHEAD, OVERHEAD + 50, -1])
def test_what_is_cut_short_is_damaged(file: bytes, kept: int) -> None:
    assert refusal(file[:kept]) == "the backup is damaged or cut short"


@pytest.mark.parametrize("at", [len(HEADER), len(HEADER) + 20, OVERHEAD + 7, -40, -1])
def test_one_flipped_bit_is_damage(file: bytes, at: int) -> None:
    flipped = bytearray(file)
    flipped[at] ^= 1
    assert refusal(bytes(flipped)) == "the backup is damaged or cut short"


@pytest.mark.parametrize("at", [len(HEADER), len(HEADER) + 20, OVERHEAD - 40])
def test_a_sum_that_somebody_mended_opens_nothing(file: bytes, at: int) -> None:
    forged = bytearray(file[: -sealing.SUM])
    forged[at] ^= 1
    mended = bytes(forged) + sha256(forged).digest()
    assert refusal(mended) == "the passphrase is wrong"


def test_a_file_of_another_version_or_kind_says_so(file: bytes) -> None:
    assert refusal(file.replace(HEADER, b"gatewayd backup 2\n")) == (
        "a newer gatewayd made this backup"
    )
    for other in (b"", b"SQLite format 3\0", b"gatewayd back"):
        assert refusal(other) == "this is no backup of a gatewayd"


def test_the_first_line_is_sealed_with_the_rest(
    file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = HEADER.replace(b"1", b"2")
    relabelled = other + file[len(HEADER) : -sealing.SUM]
    monkeypatch.setattr(sealing, "HEADER", other)
    assert refusal(relabelled + sha256(relabelled).digest()) == "the passphrase is wrong"
