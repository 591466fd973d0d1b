"""Pairing, step by step against the vendor's example."""

from collections.abc import Generator
from dataclasses import replace

import pytest

from gatewayd.locks.nuki.commands import Known, encode
from gatewayd.locks.nuki.exchange import Challenge, ErrorReport, Status
from gatewayd.locks.nuki.frames import Packet, clear
from gatewayd.locks.nuki.handshake import (
    AppType,
    AuthorizationAuthenticator,
    AuthorizationData,
    AuthorizationId,
    AuthorizationIdConfirmation,
    PublicKey,
)
from gatewayd.locks.nuki.identifiers import Command, ErrorCode, StatusCode
from gatewayd.locks.nuki.pairing import (
    Authorization,
    KeyPair,
    PairingFailed,
    authenticator,
    pairing,
    shared_key,
)
from gatewayd.locks.nuki.wire import Malformed
from tests.unit.locks.nuki import vectors as v

CLIENT = KeyPair.of(v.CLIENT_PRIVATE)
BODY = AuthorizationId(bytes(32), v.AUTH_ID, v.LOCK_UUID, v.LOCK_NONCE).body
GRANTED = AuthorizationId(
    authenticator(v.SHARED_KEY, BODY + v.CLIENT_NONCE), v.AUTH_ID, v.LOCK_UUID, v.LOCK_NONCE
)
ANSWERS: list[Known] = [
    PublicKey(v.LOCK_PUBLIC),
    Challenge(v.FIRST_CHALLENGE),
    Challenge(v.SECOND_CHALLENGE),
    GRANTED,
    Status(StatusCode.COMPLETE),
]


def start() -> Generator[Packet, Packet, Authorization]:
    """The vendor's client."""
    return pairing(CLIENT, v.CLIENT_NONCE, v.APP_ID, v.NAME)


def play(answers: list[Known]) -> tuple[list[Packet], Authorization | None]:
    """What the client sends, and what it has in the end."""
    steps = start()
    sent = [next(steps)]
    for answer in answers:
        try:
            sent.append(steps.send(encode(answer)))
        except StopIteration as done:
            return sent, done.value
    return sent, None


def test_the_keys_are_the_vendors() -> None:
    """Public key and shared key."""
    assert CLIENT.public == v.CLIENT_PUBLIC
    assert shared_key(v.CLIENT_PRIVATE, v.LOCK_PUBLIC) == v.SHARED_KEY


def test_the_whole_handshake_is_the_vendors() -> None:
    """What the client sends, up to the authorization."""
    sent, granted = play(ANSWERS)
    data = AuthorizationData(v.PROOF_OF_DATA, AppType.APP, v.APP_ID, v.NAME, v.CLIENT_NONCE)
    assert sent == [
        Packet(Command.REQUEST_DATA, b"\x03\x00"),
        encode(PublicKey(v.CLIENT_PUBLIC)),
        encode(AuthorizationAuthenticator(v.PROOF_OF_KEY)),
        encode(data),
        encode(AuthorizationIdConfirmation(v.PROOF_OF_ID, v.AUTH_ID)),
    ]
    assert granted == Authorization(v.AUTH_ID, v.SHARED_KEY, v.LOCK_UUID)


def test_the_locks_proof_is_the_vendors() -> None:
    """Torn in print, but both its ends and the CRC of its frame are intact."""
    assert GRANTED.authenticator.startswith(v.INTACT_BEGINNING)
    assert GRANTED.authenticator.endswith(v.INTACT_END)
    assert clear(encode(GRANTED)).endswith(bytes.fromhex("DB9F"))


@pytest.mark.parametrize("step", range(5))
@pytest.mark.parametrize("code", [ErrorCode.NOT_PAIRING, ErrorCode.BAD_AUTHENTICATOR, 0x77])
def test_the_lock_may_refuse_at_each_step(step: int, code: int) -> None:
    """With its code, known or not."""
    with pytest.raises(PairingFailed) as failed:
        play([*ANSWERS[:step], ErrorReport(code, 0)])
    assert failed.value.code == code


@pytest.mark.parametrize(
    ("code", "said"),
    [(ErrorCode.NOT_PAIRING, "button"), (ErrorCode.MAX_USER, "room"), (0x77, "0x77")],
)
def test_a_refusal_says_what_to_do(code: int, said: str) -> None:
    """In words where there are any."""
    with pytest.raises(PairingFailed, match=said):
        play([ErrorReport(code, Command.REQUEST_DATA)])


@pytest.mark.parametrize("step", range(5))
def test_an_answer_out_of_turn(step: int) -> None:
    """Nothing else is taken for what was awaited."""
    wrong: Known = Challenge(bytes(32)) if step in (0, 3, 4) else Status(StatusCode.COMPLETE)
    with pytest.raises(PairingFailed, match="out of turn"):
        play([*ANSWERS[:step], wrong])


@pytest.mark.parametrize(
    "forged",
    [
        replace(GRANTED, authenticator=bytes(32)),
        replace(GRANTED, auth_id=3),
        replace(GRANTED, nonce=bytes(32)),
    ],
)
def test_a_lock_must_prove_that_it_has_the_key(forged: AuthorizationId) -> None:
    """Else anybody near could have answered."""
    with pytest.raises(PairingFailed, match="prove"):
        play([*ANSWERS[:3], forged])


def test_accepted_is_not_complete() -> None:
    """The lock must have stored the authorization."""
    with pytest.raises(PairingFailed, match="complete"):
        play([*ANSWERS[:4], Status(StatusCode.ACCEPTED)])


def test_a_key_that_is_none() -> None:
    """Zeros lead to a shared key that everybody knows."""
    with pytest.raises(PairingFailed, match="public key"):
        play([PublicKey(bytes(32))])


def test_an_ultra_is_told_apart() -> None:
    """Its authorization info comes where a challenge is awaited: developer.nuki.io, topic 38208."""
    steps = start()
    next(steps)
    for answer in ANSWERS[:2]:
        steps.send(encode(answer))
    with pytest.raises(PairingFailed, match="Ultra"):
        steps.send(Packet(Command.AUTHORIZATION_INFO, b"\x01"))


def test_an_answer_that_cannot_be_read() -> None:
    """As everywhere."""
    steps = start()
    next(steps)
    with pytest.raises(Malformed):
        steps.send(Packet(Command.PUBLIC_KEY, bytes(31)))


def test_no_repr_shows_a_key() -> None:
    """Neither ours nor the shared one."""
    granted = Authorization(v.AUTH_ID, v.SHARED_KEY, v.LOCK_UUID)
    shown = f"{granted!r} {CLIENT!r} {GRANTED!r}"
    for secret in (v.SHARED_KEY, v.CLIENT_PRIVATE, GRANTED.authenticator):
        assert repr(secret)[2:-1] not in shown
        assert secret.hex() not in shown
    assert "auth_id=2" in shown
